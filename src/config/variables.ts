/** A text in which environment variables have been replaced. */
export interface SubstitutedText {
  readonly text: string;
  /**
   * The position in the original of an offset of the text. Text from a variable is at the position of the variable.
   *
   * @returns the line and the column, counted from 1
   */
  placeOf(at: number): { readonly line: number; readonly column: number };
  /** Whether the part from `at` to `end` contains no text from a variable. */
  isLiteral(at: number, end: number): boolean;
}

/** The maximum length of the text, in characters. */
export const SUBSTITUTED_LIMIT = 64 * 1024 * 1024;

/**
 * Replaces `${NAME}` by environment variables, as the server does before it parses the file: line by line, also in
 * comments. `NAME` is everything up to the first closing brace. Other placeholders are left as they are. A line ends at
 * LF, CRLF or CR, and ends with LF in the result.
 *
 * @returns undefined if the text would become longer than SUBSTITUTED_LIMIT
 */
export function substituteVariables(
  original: string,
  env: Readonly<Record<string, string | undefined>>,
): SubstitutedText | undefined {
  const source = withLineFeeds(original);
  const parts: string[] = [];
  const variables: Variable[] = [];
  let [length, copied, from, lineEnd] = [0, 0, 0, -1];
  for (let start = source.indexOf('${'); start >= 0; start = source.indexOf('${', from)) {
    if (lineEnd < start) lineEnd = source.indexOf('\n', start);
    const end = source.indexOf('}', start + 2);
    if (end < 0) break;
    from = end < lineEnd ? end + 1 : lineEnd;
    const name = source.slice(start + 2, end);
    const value = end < lineEnd && Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined) continue;
    parts.push(source.slice(copied, start), value);
    const at = length + start - copied;
    length = at + value.length;
    if (length > SUBSTITUTED_LIMIT) return undefined;
    variables.push({ at, end: length, originalAt: start, originalEnd: end + 1 });
    copied = end + 1;
  }
  parts.push(source.slice(copied));
  return {
    text: parts.join(''),
    placeOf(at) {
      const before = source.slice(0, originalOffset(variables, at)).split('\n');
      return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    },
    isLiteral(at, end) {
      const last = lastBefore(variables, end - 1);
      return last === undefined || last.end <= at;
    },
  };
}

/** A replaced variable: its offsets in the text and in the original. */
interface Variable {
  readonly at: number;
  readonly end: number;
  readonly originalAt: number;
  readonly originalEnd: number;
}

function withLineFeeds(text: string): string {
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  return lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`;
}

function originalOffset(variables: readonly Variable[], at: number): number {
  const last = lastBefore(variables, at);
  if (last === undefined) return at;
  return at < last.end ? last.originalAt : last.originalEnd + at - last.end;
}

/** The last variable that begins at or before an offset, by binary search. */
function lastBefore(variables: readonly Variable[], at: number): Variable | undefined {
  let [low, high] = [0, variables.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((variables[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return variables[low - 1];
}

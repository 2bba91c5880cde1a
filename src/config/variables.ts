/** A text in which variables of the environment have been put in. */
export interface SubstitutedText {
  readonly text: string;
  /**
   * Where an offset of the text lies in the original; what came from a variable lies where its name stands.
   *
   * @returns the line and the column, from 1 on
   */
  placeOf(at: number): { readonly line: number; readonly column: number };
  /** Whether the part from `at` to `end` holds nothing that came from a variable. */
  isLiteral(at: number, end: number): boolean;
}

/** How long the text may become, in characters. */
export const SUBSTITUTED_LIMIT = 64 * 1024 * 1024;

/**
 * Puts variables of the environment in the place of `${NAME}`, as the server does before it parses: line by line, in
 * comments too; `NAME` is all that stands before the first brace that closes. What names no variable stays as it is.
 * A line ends at LF, CRLF or CR, and is given back with LF.
 *
 * @returns undefined where the text would become longer than SUBSTITUTED_LIMIT
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

/** Where a variable was put in, and what it replaced: offsets in the text, and in the original. */
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

/** The last one that begins at an offset or before it, by halving. */
function lastBefore(variables: readonly Variable[], at: number): Variable | undefined {
  let [low, high] = [0, variables.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((variables[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return variables[low - 1];
}

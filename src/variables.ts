/** A text in which variables of the environment have been put in. */
export interface SubstitutedText {
  readonly text: string;
  /**
   * Where an offset of the text lies in the original; what came from a variable counts to its line.
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
  const parts: string[] = [];
  const lineStarts: number[] = [];
  const variables: { readonly at: number; readonly end: number }[] = [];
  let length = 0;
  const add = (part: string) => {
    parts.push(part);
    length += part.length;
  };
  for (const line of linesOf(original)) {
    lineStarts.push(length);
    let from = 0;
    for (let start = line.indexOf('${'); start >= 0; start = line.indexOf('${', from)) {
      const end = line.indexOf('}', start + 2);
      if (end < 0) break;
      const name = line.slice(start + 2, end);
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      add(line.slice(from, value === undefined ? end + 1 : start));
      from = end + 1;
      if (value === undefined || value === '') continue;
      variables.push({ at: length, end: length + value.length });
      add(value);
      if (length > SUBSTITUTED_LIMIT) return undefined;
    }
    add(line.slice(from));
    add('\n');
  }
  return {
    text: parts.join(''),
    placeOf(at) {
      const line = Math.max(
        1,
        countUpTo(lineStarts, (start) => start <= at),
      );
      return { line, column: at - (lineStarts[line - 1] ?? 0) + 1 };
    },
    isLiteral(at, end) {
      const before = countUpTo(variables, (variable) => variable.at < end);
      return before === 0 || (variables[before - 1]?.end ?? 0) <= at;
    },
  };
}

function* linesOf(text: string): Iterable<string> {
  const breaks = /\r\n?|\n/g;
  let from = 0;
  for (let match = breaks.exec(text); match; match = breaks.exec(text)) {
    yield text.slice(from, match.index);
    from = breaks.lastIndex;
  }
  if (from < text.length) yield text.slice(from);
}

/** How many of a sorted list satisfy what its first ones do, by halving. */
function countUpTo<T>(sorted: readonly T[], satisfies: (item: T) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (satisfies(sorted[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

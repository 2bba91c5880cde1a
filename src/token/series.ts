import { parseTokenName, type TokenName } from './token-name.js';

/**
 * The names that `rotate` gives to the tokens of a series: `my-token`, `my-token_r2`, `my-token_r3` and so on. No other
 * name belongs to a series: `node-2` has nothing to do with `node`.
 */
export interface Series {
  /** The name of the first. */
  readonly base: TokenName;
}

const SUFFIX = /^(.+)_r([2-9]|[1-9]\d{1,8})$/;

/** The series that a token name belongs to, be it the first or a later one. */
export function seriesOf(name: TokenName): Series {
  return { base: (SUFFIX.exec(name)?.[1] as TokenName | undefined) ?? name };
}

/**
 * Returns the number of a name in a series.
 *
 * @returns 1 for the first, 2 for `_r2` and so on; undefined for a name that does not belong to it
 */
export function numberIn({ base }: Series, name: string): number | undefined {
  const [, stem, number] = SUFFIX.exec(name) ?? [];
  if (stem === base) return Number(number);
  return name === base && stem === undefined ? 1 : undefined;
}

/**
 * Gives the name with a number from 2 on.
 *
 * @throws INVALID_TOKEN_NAME when it would be longer than a token name may be
 */
export function nameInSeries({ base }: Series, number: number): TokenName {
  return parseTokenName(`${base}_r${number}`);
}

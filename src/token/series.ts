/**
 * The names that `rotate` gives to the tokens of a series: `my-token`, `my-token_r2`, `my-token_r3` and so on. No other
 * name belongs to a series: `node-2` has nothing to do with `node`.
 */
import { parseTokenName, type TokenName } from './token-name.js';

const SUFFIX = /^(.+)_r([2-9]|[1-9]\d{1,8})$/;

/** The first name of the series that a token name belongs to. */
export function firstOfSeries(name: TokenName): TokenName {
  return (SUFFIX.exec(name)?.[1] as TokenName | undefined) ?? name;
}

/** The number of a name in a series: 1 for the first, 2 for `_r2` and so on; undefined if it does not belong to it. */
export function numberIn(first: TokenName, name: string): number | undefined {
  const [, stem, number] = SUFFIX.exec(name) ?? [];
  if (stem === first) return Number(number);
  return name === first && stem === undefined ? 1 : undefined;
}

/** The name with a number from 2 on. @throws INVALID_TOKEN_NAME if it would be too long */
export function nameInSeries(first: TokenName, number: number): TokenName {
  return parseTokenName(`${first}_r${number}`);
}

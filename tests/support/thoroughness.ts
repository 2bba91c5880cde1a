/** What `npm test` tries a sample of, so that it takes under a minute, and `npm run acceptance` tries whole. */
import { test } from '@jest/globals';
import type { MaybeTest } from './needs.js';

/** Whether everything is tried: the environment has THOROUGH=1. */
const isThorough = process.env['THOROUGH'] === '1';

/** @returns all items where everything is tried, else every `nth` from `first` on, the same every time */
export function sampleOf<T>(items: readonly T[], nth: number, first = 0): readonly T[] {
  return isThorough ? items : items.filter((_, index) => index % nth === first);
}

/** @returns how often a property is tried: `all` times where everything is tried, else `few` times */
export function runsOf(all: number, few: number): number {
  return isThorough ? all : few;
}

/** For tests that take seconds. */
export const testThoroughly: MaybeTest = isThorough
  ? (title, work) => test(title, work)
  : (title) => test.skip(`${title} (skipped: npm run acceptance tries it)`, () => {});

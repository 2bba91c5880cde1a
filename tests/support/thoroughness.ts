/** `npm test` runs a sample of these tests, so that it takes less than a minute; `npm run acceptance` runs all. */
import { test } from '@jest/globals';
import { type MaybeTest, skipped } from './needs.js';

/** Whether everything is tested: the environment has THOROUGH=1. */
const isThorough = process.env['THOROUGH'] === '1';

/** @returns all items if everything is tested, otherwise every `nth` from `first` on, always the same */
export function sampleOf<T>(items: readonly T[], nth: number, first = 0): readonly T[] {
  const sample = isThorough ? items : items.filter((_, index) => index % nth === first);
  if (sample.length === 0)
    throw new Error(`a sample of ${items.length} items is empty: nothing would be tested`);
  return sample;
}

/** @returns the number of runs of a property: `all` if everything is tested, otherwise `few` */
export function runsOf(all: number, few: number): number {
  return isThorough ? all : few;
}

/** For tests that take seconds. */
export const testThoroughly: MaybeTest = isThorough ? test : skipped('npm run acceptance runs it');

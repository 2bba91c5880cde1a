import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compare, LOOKUPS_A_SLICE, SORTED_A_SLICE } from '../../src/authenticate/reload.js';
import type { Loaded } from '../../src/authenticate/tokens-loader.js';
import { ServiceTokensError } from '../../src/errors.js';

const loaded = (entries: Iterable<readonly [string, string]>): Loaded => ({ entries: new Map(entries) });
const empty = loaded([]);
const immediately = async () => {};
const refuse = (message: string): Loaded => ({
  entries: new Map(),
  error: new ServiceTokensError('IO', message),
});

describe('Two states of a file', () => {
  test('differ by the names added, removed and changed, each in the order of code units', async () => {
    const anyState = fc.array(
      fc.tuple(fc.constantFrom('\uffff', '😀', 'b', 'a/', 'a', 'B', ''), fc.constantFrom('1', '2')),
    );
    await fc.assert(
      fc.asyncProperty(anyState, anyState, async (one, other) => {
        const [before, after] = [loaded(one), loaded(other)];
        const names = (where: (old?: string, now?: string) => boolean) =>
          [...new Set([...before.entries.keys(), ...after.entries.keys()])]
            .filter((name) => where(before.entries.get(name), after.entries.get(name)))
            .sort();
        const expected = {
          added: names((old, now) => old === undefined && now !== undefined),
          removed: names((old, now) => old !== undefined && now === undefined),
          changed: names((old, now) => old !== undefined && now !== undefined && old !== now),
        };
        const isSame = Object.values(expected).every((list) => list.length === 0);
        expect(await compare(before, after, immediately)).toEqual(isSame ? undefined : expected);
      }),
    );
  });

  test.each([
    ['none and one', empty, refuse('a'), true],
    ['one and none', refuse('a'), empty, true],
    ['two of a kind', refuse('a'), refuse('a'), false],
    ['two', refuse('a'), refuse('b'), true],
  ])('differ by their errors, or do not: %s', async (_, before, after, differs) => {
    const reload = await compare(before, after, immediately);
    expect(reload !== undefined).toBe(differs);
    expect(reload?.error).toBe(differs ? after.error : undefined);
  });
});

describe('Between slices', () => {
  /** Unordered names, which are the same in each state. */
  const many = Array.from({ length: 3 * SORTED_A_SLICE + 7 }, (_, i) => `${(i * 7_919) % 100_003}`);
  const manyLoaded = loaded(many.map((name) => [name, 'x']));

  async function pausesOf(before: Loaded, after: Loaded) {
    let pauses = 0;
    const reload = await compare(before, after, async () => void pauses++);
    return { pauses, reload };
  }

  test('it pauses after a number of lookups', async () => {
    const { pauses, reload } = await pausesOf(manyLoaded, manyLoaded);
    expect(reload).toBeUndefined();
    expect(pauses).toBe(Math.floor((2 * many.length) / LOOKUPS_A_SLICE));
  });

  test('it pauses while it sorts and merges names, and they are in order afterwards', async () => {
    const { pauses, reload } = await pausesOf(empty, manyLoaded);
    expect(reload?.added).toEqual(many.toSorted());
    const lookups = Math.floor(many.length / LOOKUPS_A_SLICE);
    const runs = Math.ceil(many.length / SORTED_A_SLICE);
    // Four runs are merged into two of them, and those into one.
    const merges = 1 + Math.floor(many.length / LOOKUPS_A_SLICE);
    expect(pauses).toBe(lookups + (runs - 1) + merges);
  });
});

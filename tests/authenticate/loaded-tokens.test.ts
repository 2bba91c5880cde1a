import { truncateSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareTokens, type LoadedTokens, loadTokens } from '../../src/authenticate/loaded-tokens.js';
import { ServiceTokensError } from '../../src/errors.js';
import { watchedFileSystem } from '../support/faulty-file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();

test('A tokens file over the limit is an error, and nothing of it is read', () => {
  const path = directory.write('huge');
  truncateSync(path, 2 ** 30 + 1); // a sparse file
  const { fs, calls } = watchedFileSystem();
  expect(loadTokens(fs, path).error).toMatchObject({ code: 'IO' });
  expect(calls).not.toContain('readSync');
});

describe('Two states of a file', () => {
  const state = (entries: Iterable<readonly [string, string]>): LoadedTokens => ({
    entries: new Map(entries),
  });
  const failed = (message: string) => ({ ...state([]), error: new ServiceTokensError('IO', message) });

  test('differ by the names added, removed and changed, each in the order of code units', () => {
    const anyState = fc.array(
      fc.tuple(fc.constantFrom('\uffff', '😀', 'b', 'a/', 'a', 'B', ''), fc.constantFrom('1', '2')),
    );
    fc.assert(
      fc.property(anyState, anyState, (one, other) => {
        const [old, now] = [new Map<string, string>(one), new Map<string, string>(other)];
        const names = (where: (name: string) => boolean) =>
          ['', 'B', 'a', 'a/', 'b', '😀', '\uffff'].filter(where); // in that order
        const expected = {
          added: names((name) => !old.has(name) && now.has(name)),
          removed: names((name) => old.has(name) && !now.has(name)),
          changed: names((name) => old.has(name) && now.has(name) && old.get(name) !== now.get(name)),
        };
        const isSame = Object.values(expected).every((list) => list.length === 0);
        expect(compareTokens(state(one), state(other))).toEqual(isSame ? undefined : expected);
      }),
    );
  });

  test.each([
    ['none and one', state([]), failed('a'), true],
    ['one and none', failed('a'), state([]), true],
    ['two of a kind', failed('a'), failed('a'), false],
    ['two', failed('a'), failed('b'), true],
  ])('differ by their errors, or do not: %s', (_, before, after: LoadedTokens, differs) => {
    const reload = compareTokens(before, after);
    expect(reload !== undefined).toBe(differs);
    expect(reload?.error).toBe(differs ? after.error : undefined);
  });
});

import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { SecretCache } from '../../src/authenticate/secret-cache.js';

const MINUTE = 60_000;

test('a cached secret matches, another does not, and a name that is not cached has no answer', () => {
  const cache = new SecretCache();
  cache.remember('a', 'right');
  expect(cache.matches('a', 'right')).toBe(true);
  expect(cache.matches('a', 'wrong')).toBe(false);
  expect(cache.matches('b', 'right')).toBeUndefined();
});

test('an entry expires after 20 minutes, however often it was used', () => {
  let now = 0;
  const cache = new SecretCache({ clock: () => now });
  cache.remember('a', 'right');
  now = 20 * MINUTE - 1;
  expect(cache.matches('a', 'right')).toBe(true);
  now = 20 * MINUTE;
  expect(cache.matches('a', 'right')).toBeUndefined();
});

test('a time to live of 0 disables the cache', () => {
  const cache = new SecretCache({ ttl: 0 });
  cache.remember('a', 'right');
  expect(cache.matches('a', 'right')).toBeUndefined();
});

test('when it is full, the least recently used entry is evicted', () => {
  const cache = new SecretCache({ maxTokens: 2 });
  cache.remember('a', 's');
  cache.remember('b', 's');
  expect(cache.matches('a', 's')).toBe(true);
  cache.remember('c', 's');
  expect(['a', 'b', 'c'].map((name) => cache.matches(name, 's'))).toEqual([true, undefined, true]);
});

test('it contains a salted digest, never the secret, and equal secrets do not look alike', () => {
  const cache = new SecretCache();
  cache.remember('a', 'a-secret-of-mine');
  expect(inspect(cache, { showHidden: true, depth: 9 })).not.toContain('a-secret-of-mine');
  expect(cache.fingerprint('a', 'a-secret-of-mine')).not.toContain('a-secret-of-mine');
  expect(cache.fingerprint('a', 's')).not.toBe(new SecretCache().fingerprint('a', 's'));
});

test('the last correct secret is known even if the entry has expired, but is not an answer', () => {
  const cache = new SecretCache({ maxTokens: 2 });
  cache.remember('a', 'right');
  cache.clear();
  expect(cache.matches('a', 'right')).toBeUndefined();
  expect([cache.wasRight('a', 'right'), cache.wasRight('a', 'wrong'), cache.wasRight('b', 'right')]).toEqual([
    true,
    false,
    false,
  ]);
  cache.remember('b', 's');
  cache.remember('c', 's');
  expect(cache.wasRight('a', 'right')).toBe(false); // it has the same bound
});

test('clear removes all entries', () => {
  const cache = new SecretCache();
  cache.remember('a', 'right');
  cache.clear();
  expect(cache.matches('a', 'right')).toBeUndefined();
});

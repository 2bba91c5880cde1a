import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { SecretCache } from '../../src/authenticate/secret-cache.js';

const MINUTE = 60_000;

test('a remembered secret matches, another does not, and a name that is not remembered has no answer', () => {
  const cache = new SecretCache();
  cache.remember('a', 'right');
  expect(cache.matches('a', 'right')).toBe(true);
  expect(cache.matches('a', 'wrong')).toBe(false);
  expect(cache.matches('b', 'right')).toBeUndefined();
});

test('a success is forgotten after 20 minutes, however often it was used', () => {
  let now = 0;
  const cache = new SecretCache({ clock: () => now });
  cache.remember('a', 'right');
  now = 20 * MINUTE - 1;
  expect(cache.matches('a', 'right')).toBe(true);
  now = 20 * MINUTE;
  expect(cache.matches('a', 'right')).toBeUndefined();
});

test('a time to live of 0 turns it off', () => {
  const cache = new SecretCache({ ttl: 0 });
  cache.remember('a', 'right');
  expect(cache.matches('a', 'right')).toBeUndefined();
});

test('when it is full, then the one that was used least recently gives way', () => {
  const cache = new SecretCache({ maxTokens: 2 });
  cache.remember('a', 's');
  cache.remember('b', 's');
  expect(cache.matches('a', 's')).toBe(true);
  cache.remember('c', 's');
  expect(['a', 'b', 'c'].map((name) => cache.matches(name, 's'))).toEqual([true, undefined, true]);
});

test('it holds a salted digest, never the secret, and equal secrets do not look alike', () => {
  const cache = new SecretCache();
  cache.remember('a', 'a-secret-of-mine');
  expect(inspect(cache, { showHidden: true, depth: 9 })).not.toContain('a-secret-of-mine');
  expect(cache.fingerprint('a', 'a-secret-of-mine')).not.toContain('a-secret-of-mine');
  expect(cache.fingerprint('a', 's')).not.toBe(new SecretCache().fingerprint('a', 's'));
});

test('what was right last is known even when it is forgotten, and is no answer', () => {
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
  expect(cache.wasRight('a', 'right')).toBe(false); // it is bounded, too
});

test('what is cleared is forgotten', () => {
  const cache = new SecretCache();
  cache.remember('a', 'right');
  cache.clear();
  expect(cache.matches('a', 'right')).toBeUndefined();
});

/** docs/server-behaviour.md, "Stored hashes": a stored hash is identified by its prefix and its cost only. */
import { describe, expect, test } from '@jest/globals';
import { readStoredHash } from '../../src/hash/stored-hash.js';
import { codeAndMessage, errorOf, vectors } from '../support/fixtures.js';

const TAIL = 'c6qkhm8i3pzSM9b4AEnuve4Zj6zHnfX0yftdfTS9DZSP.B4jPKTaO'; // 22 characters of salt, 31 of key
const shown = <T extends { stored: string }>(rows: readonly T[]) =>
  rows.map((row) => ({ ...row, shown: JSON.stringify(row.stored.replaceAll(TAIL, '<53>')) }));

describe('Hashes that the server loads', () => {
  test.each(
    shown([
      { stored: `$2a$10$${TAIL}`, scheme: 'bcrypt', cost: 10, why: 'what the server writes' },
      { stored: `$2b$04$${TAIL}`, scheme: 'bcrypt', cost: 4, why: 'as other tools write it' },
      { stored: `$2y$14$${TAIL}`, scheme: 'bcrypt', cost: 14, why: 'as PHP and htpasswd write it' },
      { stored: `$2a$9$${TAIL}`, scheme: 'bcrypt', cost: 9, why: '59 characters with a one-digit cost' },
      { stored: `$2a$+9$${TAIL}`, scheme: 'bcrypt', cost: 9, why: 'a cost may have a plus sign' },
      { stored: `$2a$009$${TAIL}`, scheme: 'bcrypt', cost: 9, why: 'a cost may have leading zeros' },
      { stored: `$2a$\u0661\u0660$${TAIL}`, scheme: 'bcrypt', cost: 10, why: 'digits of any script count' },
      {
        stored: `$2a$10${'?'.repeat(54)}`,
        scheme: 'bcrypt',
        cost: 10,
        why: 'what follows the cost may be anything',
      },
    ]),
  )('$shown is $scheme of cost $cost: $why', ({ stored, scheme, cost }) => {
    expect(readStoredHash(stored)).toMatchObject({ scheme, cost });
  });

  test.each([
    { stored: '{PBKDF2}1000$s$k', scheme: 'pbkdf2', cost: 1000, rest: 's$k', why: 'a cost of the list' },
    { stored: '{PBKDF2}10000$s$k', scheme: 'pbkdf2', cost: 10_000, rest: 's$k', why: 'a cost of the list' },
    { stored: '{PBKDF2}50000$s$k', scheme: 'pbkdf2', cost: 50_000, rest: 's$k', why: 'a cost of the list' },
    { stored: '{PBKDF2}100000$s$k', scheme: 'pbkdf2', cost: 100_000, rest: 's$k', why: 'a cost of the list' },
    { stored: '{PBKDF2}500000$s$k', scheme: 'pbkdf2', cost: 500_000, rest: 's$k', why: 'a cost of the list' },
    {
      stored: '{PBKDF2}1000000$s$k',
      scheme: 'pbkdf2',
      cost: 1_000_000,
      rest: 's$k',
      why: 'a cost of the list',
    },
    {
      stored: '{PBKDF2_STRETCH}10000$s$k',
      scheme: 'pbkdf2_stretch',
      cost: 10_000,
      rest: 's$k',
      why: 'the default',
    },
    {
      stored: '{PBKDF2}01000$s$k',
      scheme: 'pbkdf2',
      cost: 1000,
      rest: 's$k',
      why: 'leading zeros are allowed',
    },
    { stored: '{PBKDF2}+1000$s$k', scheme: 'pbkdf2', cost: 1000, rest: 's$k', why: 'a plus sign is allowed' },
    { stored: '{PBKDF2}1000$', scheme: 'pbkdf2', cost: 1000, rest: '', why: 'nothing need follow' },
    {
      stored: '{PBKDF2}1000$ x\ny$z',
      scheme: 'pbkdf2',
      cost: 1000,
      rest: ' x\ny$z',
      why: 'anything may follow',
    },
  ])('$stored is $scheme of cost $cost: $why', ({ stored, scheme, cost, rest }) => {
    const [, salt, key] = /^([^$]*)(?:\$(.*))?$/s.exec(rest) ?? [];
    expect(readStoredHash(stored)).toEqual({ scheme, cost, salt, key });
  });

  test.each([
    { stored: '{SHA}gXODQUdX=', scheme: 'sha1', digest: 'gXODQUdX=' },
    { stored: '{MD5}1B2M==', scheme: 'md5', digest: '1B2M==' },
    { stored: '{SHA}', scheme: 'sha1', digest: '' },
    { stored: '{MD5}', scheme: 'md5', digest: '' },
  ])('$stored is $scheme, with any content', ({ stored, scheme, digest }) => {
    expect(readStoredHash(stored)).toEqual({ scheme, digest });
  });

  test.each([
    { stored: '{SSHA256}AQIDBAUGBwg=AQID', salt: 'AQIDBAUGBwg=', digest: 'AQID' },
    { stored: '{SSHA256}!!! $', salt: '!!! $', digest: '' },
  ])('$stored is ssha256: 12 characters of salt, and a digest', ({ stored, salt, digest }) => {
    expect(readStoredHash(stored)).toEqual({ scheme: 'ssha256', salt, digest });
  });

  test('every hash of the vectors is classified with the cost that it was made with', () => {
    for (const { algorithm, stored } of vectors.pairs) {
      const [, scheme, cost] = /^(bcrypt|pbkdf2_stretch|pbkdf2)_?(\d*)$/i.exec(algorithm) ?? [];
      if (scheme === undefined) continue;
      const defaultCost = scheme.toLowerCase() === 'bcrypt' ? 10 : 10_000;
      expect(readStoredHash(stored)).toMatchObject({
        scheme: scheme.toLowerCase(),
        cost: cost ? Number(cost) : defaultCost,
      });
    }
  });
});

describe('Plain text, which the server skips', () => {
  test.each(
    shown([
      { stored: '', why: 'nothing is there' },
      { stored: '46ToAwIHQxGVpBuUpCkGXA', why: 'it has no prefix' },
      { stored: `$2$10$${TAIL}`, why: '$2$ is not a prefix of the server' },
      { stored: `$2x$10$${TAIL}`, why: 'nor is $2x$' },
      { stored: `$2A$10$${TAIL}`, why: 'nor is $2A$: case counts' },
      { stored: '$2a', why: 'the prefix is cut off' },
      { stored: '{pbkdf2}1000$s$k', why: 'case counts' },
      { stored: '{Pbkdf2_Stretch}1000$s$k', why: 'case counts' },
      { stored: '{sha}gXODQUdX=', why: 'case counts' },
      { stored: '{SHA1}gXODQUdX=', why: 'the prefix is {SHA}' },
      { stored: '{SHA256}gXODQUdX=', why: 'the server does not know it' },
      { stored: '{SSHA}gXODQUdX=', why: 'the server does not know it' },
      { stored: '{PBKDF2', why: 'the prefix is cut off' },
      { stored: ' {PBKDF2}1000$s$k', why: 'a space precedes the prefix' },
      { stored: `x$2a$10$${TAIL}`, why: 'a prefix must be at the beginning' },
    ]),
  )('$shown: $why', ({ stored }) => {
    expect(readStoredHash(stored)).toBeUndefined();
  });
});

describe('Headers that stop the server', () => {
  const noIterations = 'The number of iterations could not be determined from the provided PBKDF2 hash.';
  test.each(
    shown([
      { stored: `$2a$03$${TAIL}`, message: 'unknown hash function [bcrypt3]', why: 'the cost is too low' },
      { stored: `$2a$15$${TAIL}`, message: 'unknown hash function [bcrypt15]', why: 'the cost is too high' },
      { stored: `$2b$31$${TAIL}`, message: 'unknown hash function [bcrypt31]', why: 'the cost is too high' },
      {
        stored: `$2y$00$${TAIL}`,
        message: 'unknown hash function [bcrypt0]',
        why: 'there are no zero rounds',
      },
      {
        stored: `$2a$-0$${TAIL}`,
        message: 'unknown hash function [bcrypt0]',
        why: 'minus zero is zero in Java',
      },
      { stored: `$2a$-4$${TAIL}`, message: 'unknown hash function [bcrypt-4]', why: 'the cost is negative' },
      {
        stored: `$2a$10$${TAIL.slice(1)}`,
        message: 'unknown hash function [bcrypt1]',
        why: '59 characters of 60: the cost ends 54 characters before the end',
      },
      { stored: '{PBKDF2}1234$s$k', message: 'unknown hash function [pbkdf2_1234]', why: 'not of the list' },
      {
        stored: '{PBKDF2}-1000$s$k',
        message: 'unknown hash function [pbkdf2_-1000]',
        why: 'not of the list',
      },
      { stored: '{PBKDF2}-0$s$k', message: 'unknown hash function [pbkdf2_0]', why: 'not of the list' },
      {
        stored: '{PBKDF2_STRETCH}1234$s$k',
        message: 'unknown hash function [pbkdf2_stretch_1234]',
        why: 'not of the list',
      },
      { stored: '{PBKDF2}1000', message: noIterations, why: 'there is no $' },
      { stored: '{PBKDF2}', message: noIterations, why: 'nothing follows' },
      { stored: '{PBKDF2}$s$k', message: noIterations, why: 'the cost is empty' },
      { stored: '{PBKDF2} 1000$s$k', message: noIterations, why: 'white space is not a digit' },
      { stored: '{PBKDF2}1e3$s$k', message: noIterations, why: 'e is not a digit' },
      { stored: '{PBKDF2}99999999999$s$k', message: noIterations, why: 'Java has no such int' },
      { stored: '{PBKDF2_STRETCH}x$s$k', message: noIterations, why: 'x is not a digit' },
    ]),
  )('$shown is refused with "$message": $why', ({ stored, message }) => {
    expect(codeAndMessage(errorOf(() => readStoredHash(stored)))).toEqual({
      code: 'MALFORMED_FILE',
      message,
    });
  });

  test.each(
    shown([
      { stored: `$2a$10$${TAIL.slice(2)}`, why: '58 characters leave no cost' },
      { stored: `$2a$10$${TAIL}x`, why: '61 characters leave "10$"' },
      { stored: `$2a$xx$${TAIL}`, why: 'x is not a digit' },
      { stored: '$2a$10$', why: 'nothing follows' },
      { stored: '$2a$', why: 'nothing follows' },
    ]),
  )(
    '$shown is refused, because $why; the message is ours, because the original shows one of Java',
    ({ stored }) => {
      expect(codeAndMessage(errorOf(() => readStoredHash(stored)))).toEqual({
        code: 'MALFORMED_FILE',
        message: 'The cost could not be determined from the provided bcrypt hash.',
      });
    },
  );
});

/** docs/server-behaviour.md, "Stored hashes": a stored hash is identified by its prefix and its cost only. */
import { describe, expect, test } from '@jest/globals';
import { headerOf, readStoredHash } from '../../src/hash/stored-hash.js';
import { errorOf } from '../support/fixtures.js';

const TAIL = 'c6qkhm8i3pzSM9b4AEnuve4Zj6zHnfX0yftdfTS9DZSP.B4jPKTaO'; // 22 characters of salt, 31 of key

describe('Hashes that the server loads', () => {
  test.each([
    [`$2a$10$${TAIL}`, 10, 'what the server writes'],
    [`$2b$04$${TAIL}`, 4, 'as other tools write it'],
    [`$2y$14$${TAIL}`, 14, 'as PHP and htpasswd write it'],
    [`$2a$9$${TAIL}`, 9, '59 characters with a one-digit cost'],
    [`$2a$+9$${TAIL}`, 9, 'a cost may have a plus sign'],
    [`$2a$009$${TAIL}`, 9, 'a cost may have leading zeros'],
    [`$2a$\u0661\u0660$${TAIL}`, 10, 'digits of any script count'],
    [`$2a$10${'?'.repeat(54)}`, 10, 'what follows the cost may be anything'],
  ])('%s is bcrypt of cost %d: %s', (stored, cost) => {
    expect(readStoredHash(stored)).toMatchObject({ scheme: 'bcrypt', cost });
  });

  test.each([1000, 10_000, 50_000, 100_000, 500_000, 1_000_000])('%d is a cost of PBKDF2', (cost) => {
    const hash = { scheme: 'pbkdf2', cost, salt: 's', key: 'k' };
    expect(readStoredHash(`{PBKDF2}${cost}$s$k`)).toEqual(hash);
  });

  test.each<[stored: string, hash: object, why: string]>([
    ['{PBKDF2_STRETCH}10000$s$k', { scheme: 'pbkdf2_stretch', cost: 10_000, salt: 's', key: 'k' }, 'a cost'],
    ['{PBKDF2}01000$s$k', { scheme: 'pbkdf2', cost: 1000, salt: 's', key: 'k' }, 'leading zeros are allowed'],
    ['{PBKDF2}+1000$s$k', { scheme: 'pbkdf2', cost: 1000, salt: 's', key: 'k' }, 'a plus sign is allowed'],
    ['{PBKDF2}1000$', { scheme: 'pbkdf2', cost: 1000, salt: '', key: undefined }, 'nothing need follow'],
    [
      '{PBKDF2}1000$ x\ny$z',
      { scheme: 'pbkdf2', cost: 1000, salt: ' x\ny', key: 'z' },
      'anything may follow',
    ],
    ['{SHA}gXODQUdX=', { scheme: 'sha1', salt: Buffer.of(), digest: 'gXODQUdX=' }, 'anything may follow'],
    ['{SHA}', { scheme: 'sha1', salt: Buffer.of(), digest: '' }, 'nothing need follow'],
    ['{MD5}1B2M==', { scheme: 'md5', salt: Buffer.of(), digest: '1B2M==' }, 'anything may follow'],
    [
      '{SSHA256}AQIDBAUGBwg=AQID',
      { scheme: 'ssha256', salt: Buffer.of(1, 2, 3, 4, 5, 6, 7, 8), digest: 'AQID' },
      '12 of salt',
    ],
    ['{SSHA256}!!! $', { scheme: 'ssha256', salt: undefined, digest: '' }, 'anything may follow'],
  ])('%j is %j: %s', (stored, hash) => {
    expect(readStoredHash(stored)).toEqual(hash);
  });
});

test.each([
  ['', 'nothing is there'],
  ['46ToAwIHQxGVpBuUpCkGXA', 'it has no prefix'],
  [`$2$10$${TAIL}`, '$2$ is not a prefix of the server'],
  [`$2x$10$${TAIL}`, 'nor is $2x$'],
  [`$2A$10$${TAIL}`, 'nor is $2A$: case counts'],
  ['$2a', 'the prefix is cut off'],
  ['{pbkdf2}1000$s$k', 'case counts'],
  ['{Pbkdf2_Stretch}1000$s$k', 'case counts'],
  ['{sha}gXODQUdX=', 'case counts'],
  ['{SHA1}gXODQUdX=', 'the prefix is {SHA}'],
  ['{SHA256}gXODQUdX=', 'the server does not know it'],
  ['{SSHA}gXODQUdX=', 'the server does not know it'],
  ['{PBKDF2', 'the prefix is cut off'],
  [' {PBKDF2}1000$s$k', 'a space precedes the prefix'],
  [`x$2a$10$${TAIL}`, 'a prefix must be at the beginning'],
])('[%s] is plain text, which the server skips: %s', (stored) => {
  expect(readStoredHash(stored)).toBeUndefined();
});

const unknown = (name: string) => `unknown hash function [${name}]`;
const NO_ITERATIONS = 'The number of iterations could not be determined from the provided PBKDF2 hash.';
/** Ours, because the original shows one of Java. */
const NO_COST = 'The cost could not be determined from the provided bcrypt hash.';

test.each([
  [`$2a$03$${TAIL}`, unknown('bcrypt3'), 'the cost is too low'],
  [`$2a$15$${TAIL}`, unknown('bcrypt15'), 'the cost is too high'],
  [`$2b$31$${TAIL}`, unknown('bcrypt31'), 'the cost is too high'],
  [`$2y$00$${TAIL}`, unknown('bcrypt0'), 'there are no zero rounds'],
  [`$2a$-0$${TAIL}`, unknown('bcrypt0'), 'minus zero is zero in Java'],
  [`$2a$-4$${TAIL}`, unknown('bcrypt-4'), 'the cost is negative'],
  [`$2a$10$${TAIL.slice(1)}`, unknown('bcrypt1'), 'the cost ends 54 characters before the end'],
  ['{PBKDF2}1234$s$k', unknown('pbkdf2_1234'), 'not of the list'],
  ['{PBKDF2}-1000$s$k', unknown('pbkdf2_-1000'), 'not of the list'],
  ['{PBKDF2}-0$s$k', unknown('pbkdf2_0'), 'not of the list'],
  ['{PBKDF2_STRETCH}1234$s$k', unknown('pbkdf2_stretch_1234'), 'not of the list'],
  ['{PBKDF2}1000', NO_ITERATIONS, 'there is no $'],
  ['{PBKDF2}', NO_ITERATIONS, 'nothing follows'],
  ['{PBKDF2}$s$k', NO_ITERATIONS, 'the cost is empty'],
  ['{PBKDF2} 1000$s$k', NO_ITERATIONS, 'white space is not a digit'],
  ['{PBKDF2}1e3$s$k', NO_ITERATIONS, 'e is not a digit'],
  ['{PBKDF2}99999999999$s$k', NO_ITERATIONS, 'Java has no such int'],
  ['{PBKDF2_STRETCH}x$s$k', NO_ITERATIONS, 'x is not a digit'],
  [`$2a$10$${TAIL.slice(2)}`, NO_COST, '58 characters leave no cost'],
  [`$2a$10$${TAIL}x`, NO_COST, '61 characters leave "10$"'],
  [`$2a$xx$${TAIL}`, NO_COST, 'x is not a digit'],
  ['$2a$10$', NO_COST, 'nothing follows'],
  ['$2a$', NO_COST, 'nothing follows'],
])('%s stops the server with "%s": %s', (stored, message) => {
  expect(errorOf(() => readStoredHash(stored))).toMatchObject({ code: 'MALFORMED_FILE', message });
});

test.each([
  ['{PBKDF2}1000$c2FsdA==$a2V5', '{PBKDF2}1000$'],
  ['{PBKDF2_STRETCH}1000$c2FsdA==$a2V5', '{PBKDF2_STRETCH}1000$'],
  ['{SHA}gXODQUdX=', '{SHA}'],
  [`$2a$10$${TAIL}`, undefined],
])('the class of %s is decided by its header, %s', (stored, header) => {
  expect(headerOf(stored)).toBe(header);
});

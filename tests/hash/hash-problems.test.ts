import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ServiceTokensError } from '../../src/errors.js';
import { parseAlgorithm } from '../../src/hash/algorithm.js';
import { hashProblem, hashWeakness } from '../../src/hash/hash-problems.js';
import { hashSecret, verifySecret } from '../../src/hash/hasher.js';
import { readStoredHash } from '../../src/hash/stored-hash.js';
import { publicTokens, vectors } from '../support/fixtures.js';

/** But for the key of 128 bytes: see MAX_KEY_BYTES. */
const matching = [
  ...vectors.pairs,
  ...vectors.verify_only.filter(({ note }) => !note?.includes('1024-bit')),
].filter(({ result, stored }) => result === true && readStoredHash(stored) !== undefined);

/** The negative vectors with a hash that no secret matches. */
const DEAD: Readonly<Record<string, string>> = {
  'one dollar and text': 'it has no $ between salt and key',
  'empty salt and key': 'its key has 0 bytes; 32 are wanted, or 16, 48 or 64',
  'key last char dropped (padding)': 'its key is not the base64 of 32 bytes',
  'key with an extra dollar': 'its key is not base64',
  'key with bad base64 char': 'its key is not base64',
  'key not canonical base64 (low bits of last char set)': 'its key is not the base64 of 32 bytes',
  'salt of 7 bytes': 'its salt is shorter than 8 bytes',
  'salt with one dangling char': 'its salt is not base64',
  'salt with newline': 'its salt is not base64',
  'non-ascii salt': 'its salt is not base64',
  'trailing garbage after valid': 'its key is not base64',
  'bcrypt one digit cost, 59 chars': 'its cost is not written with two digits',
  'bcrypt last salt char with spare bits set (same 16 bytes)':
    'its salt is not in the form that bcrypt writes',
  'bcrypt bad char at 2nd of a salt group': 'its salt is not in the form that bcrypt writes',
  'bcrypt bad char in hash': 'its key is not in the form that bcrypt writes',
  "bcrypt '$' replaced by '-' after cost": 'its cost is not written with two digits',
  'SHA empty': 'it is not the base64 of 20 bytes',
  'SSHA256 salt only': 'it is not the base64 of 32 bytes',
  'SSHA256 bad salt base64': 'its salt is not base64',
};

/** The other negative vectors have a wrong secret, are plain text, or have a header that stops the server. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  undefined: [
    ...['empty secret', 'wrong secret stretch', 'other listed cost', 'bcrypt wrong cost digits', 'SHA wrong'],
    'SSHA256 wrong',
  ],
  'it is plain text': ['bcrypt $2$ is plain text', 'SHA lower-case prefix', 'plain differs'],
  MALFORMED_FILE: [
    ...['negative cost', 'cost over int', 'no dollar at all', 'bcrypt cost 15', "bcrypt cost 'xx'"],
    ...['bcrypt 59 chars', 'bcrypt 58 chars', 'bcrypt 7 chars', 'bcrypt 61 chars'],
  ],
};

describe('a hash that some secret matches has no problem', () => {
  test.each([...matching, ...publicTokens.tokens].map(({ stored }) => stored))('%s', (stored) => {
    expect(hashProblem(stored)).toBeUndefined();
  });

  test('no hash that this tool makes has one', async () => {
    const algorithms = ['pbkdf2_1000', 'pbkdf2_stretch_1000', 'bcrypt4'].map(parseAlgorithm);
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.constantFrom(...algorithms), async (secret, algorithm) => {
        expect(hashProblem(await hashSecret(secret, algorithm))).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});

describe('of the negative vectors', () => {
  test.each(vectors.negative)('<$note> has the problem that it should have', ({ note, stored }) => {
    const problemOf = (hash: string) => {
      try {
        return String(hashProblem(hash));
      } catch (error) {
        return (error as ServiceTokensError).code;
      }
    };
    const [other] = Object.entries(OTHERS).find(([, notes]) => notes.includes(note)) ?? [];
    expect(problemOf(stored)).toBe(DEAD[note] ?? other);
    if (note in DEAD) expect(problemOf(stored.replace('{PBKDF2}', '{PBKDF2_STRETCH}'))).toBe(DEAD[note]);
  });
});

const KEY_16 = 'qrsxgtctjbJqudZ8GvKMVA==';
const BCRYPT = '$2a$04$c6qkhm8i3pzSM9b4AEnuve4Zj6zHnfX0yftdfTS9DZSP.B4jPKTaO';

test.each([1, 8, 15, 17, 20, 31, 33, 63, 65, 80, 128, 1024])(
  'a key of %d bytes names the wanted length',
  async (bytes) => {
    const stored = `{PBKDF2}1000$AQgPFh0kKzI=$${Buffer.alloc(bytes, 7).toString('base64')}`;
    expect(hashProblem(stored)).toBe(`its key has ${bytes} bytes; 32 are wanted, or 16, 48 or 64`);
    expect(await verifySecret('46ToAwIHQxGVpBuUpCkGXA', stored).catch(({ code }) => code)).not.toBe(true);
  },
);

test.each<[what: string, stored: string, outcome?: string]>([
  ['a cost that Java reads and bcrypt does not', BCRYPT.replace('$04$', '$+4$')],
  ['a cost in the digits of another script', BCRYPT.replace('$04$', '$٠٤$')],
  ['a bcrypt cost of three digits', BCRYPT.replace('$04$', '$004$'), 'Missing salt rounds'],
  ['an invalid fourth character of a group of the bcrypt salt', BCRYPT.replace('c6qk', 'c6q!')],
  ['spare bits of the last character of the bcrypt salt', BCRYPT.replace('uve4', 'uvf4')],
  ['two more bits in the last character of a bcrypt key', BCRYPT.replace(/O$/, 'P')],
  ['{MD5} of the length of {SHA}', '{MD5}gXODQUdXbcUYsUww3rIJNH98bD0='],
  ['the URL-safe alphabet', '{SHA}UOSDaQ7EgfSvf2-1JLK5nrFxZWU='],
  ['a key in the URL-safe alphabet', `{PBKDF2}1000$AQgPFh0kKzI=$${KEY_16.replace('Z', '_')}`],
])(
  '%s is a problem, and the secret does not match, or the server fails',
  async (_, stored, outcome: unknown = false) => {
    expect(hashProblem(stored)).toBeDefined();
    const verified = verifySecret('46ToAwIHQxGVpBuUpCkGXA', stored).catch(({ message }) => message);
    expect(await verified).toBe(outcome);
  },
);

test('no reason contains a part of the hash', () => {
  for (const { stored, note } of vectors.negative) {
    const [, tail = stored] = /^(?:\{\w+\}\d*|\$2a\$\d*)(.{4,})/.exec(stored) ?? [];
    if (note in DEAD) expect(hashProblem(stored)).not.toContain(tail);
  }
});

test.each([
  ['{SHA}gXODQUdXbcUYsUww3rIJNH98bD0=', '{SHA}, without salt or iterations'],
  ['{MD5}1B2M2Y8AsgTpgAmY7PhCfg==', '{MD5}, without salt or iterations'],
  [`{PBKDF2}+1000$AQgPFh0kKzI=$${KEY_16}`, 'PBKDF2 with only 1000 iterations'],
  [`{PBKDF2_STRETCH}1000$AQgPFh0kKzI=$${KEY_16}`, 'PBKDF2_STRETCH with only 1000 iterations'],
  [`{PBKDF2}10000$AQgPFh0kKzI=$${KEY_16}`, undefined],
  [BCRYPT, undefined],
])('the weakness of %s is: %s', (stored, weakness) => {
  expect(hashWeakness(stored)).toBe(weakness);
});

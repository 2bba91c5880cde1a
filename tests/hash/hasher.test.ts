/**
 * Hashing, compared with pairs made by the original (fixtures/oracle) and with tokens of other projects' public tests.
 * The expensive costs are for `npm run acceptance`.
 */
import { pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseAlgorithm } from '../../src/hash/algorithm.js';
import { hashSecret, hashSecrets, verifySecret } from '../../src/hash/hasher.js';
import { type Pair, publicTokens, rejectionOf, vectors } from '../support/fixtures.js';
import { testThoroughly } from '../support/thoroughness.js';

const plainText = ['noop', 'clear_text'];
const verifyOnly = ['sha1', 'md5', 'ssha256'];

const slow = /^(bcrypt(1[0-4])?|pbkdf2(_stretch)?_(50000|100000|500000|1000000))$/i;
const testOf = (algorithm: string) => (slow.test(algorithm) ? testThoroughly : test);

/** The bytes 0, 1, 2, ... */
const counting = (size: number) => Uint8Array.from({ length: size }, (_, i) => i);

describe('Verifying gives the result of the original, for secrets and hashes that it made:', () => {
  const show = (text: string) => JSON.stringify(text.length > 24 ? `${text.slice(0, 24)}...` : text);
  const verifiable = vectors.verify_only.filter(({ note }) => !note.includes('1024-bit')); // see MAX_KEY_BYTES
  for (const pair of [...vectors.pairs, ...verifiable, ...vectors.negative]) {
    const { algorithm = '', note = algorithm, secret, stored } = pair;
    // The server skips a line with plain text, so a secret does not match itself.
    const result = plainText.includes(algorithm) ? false : pair.result;
    testOf(algorithm)(`${note}: ${result} for ${show(secret)} and ${show(stored)}`, async () => {
      if (result !== 'exception') return expect(await verifySecret(secret, stored)).toBe(result);
      const { code, message } = await rejectionOf(verifySecret(secret, stored));
      expect(['HASH_UNUSABLE', 'MALFORMED_FILE']).toContain(code);
      expect(message).not.toContain(secret);
      expect(message).not.toContain(stored.slice(-8));
    });
  }

  test('there are vectors of every algorithm and of every kind of result', () => {
    const algorithms = new Set(vectors.pairs.map(({ algorithm }) => algorithm.toLowerCase()));
    expect(algorithms.size).toBe(26 + plainText.length + verifyOnly.length);
    expect(new Set(vectors.pairs.map(({ result }) => result))).toEqual(new Set([true]));
    expect(new Set(vectors.negative.map(({ result }) => result))).toEqual(new Set([false, 'exception']));
    expect(vectors.verify_only.length).toBeGreaterThan(0);
  });
});

describe('A hash against which no secret can be verified is an error, not a mismatch', () => {
  const key = 'qrsxgtctjbJqudZ8GvKMVE/DJJaZnqIk7D+ix4suYxw=';
  const bcrypt = 'c6qkhm8i3pzSM9b4AEnuve4Zj6zHnfX0yftdfTS9DZSP.B4jPKTaO';
  const noKey = 'PBKDF2 key length must be positive and multiple of [128 bits]';
  const unknown = 'unknown hash function [pbkdf2_-1000]';
  test.each<[why: string, stored: string, message: string, code?: string]>([
    [
      'the salt is too short',
      `{PBKDF2}1000$AQgPFh0kKw==$${key}`,
      'PBKDF2 salt must be at least [8 bytes] long',
    ],
    ['the salt is not base64', `{PBKDF2_STRETCH}1000$AQgPFh0kKzI-$${key}`, 'PBKDF2 salt is not base64'],
    ['the key of 21 characters makes no 128 bits', `{PBKDF2}1000$AQgPFh0kKzI=$${key.slice(0, 21)}`, noKey],
    ['the key is checked before the salt', '{PBKDF2}1000$-$', noKey],
    ['a one-digit bcrypt cost is listed and never verified', `$2a$4$${bcrypt}`, 'Missing salt rounds'],
    ['the bcrypt salt is not bcrypt base64', `$2a$04$${bcrypt.replace('c6', 'c!')}`, 'Bad salt length'],
    ['the header stops the server already', `{PBKDF2}-1000$AQgPFh0kKzI=$${key}`, unknown, 'MALFORMED_FILE'],
  ])('when %s', async (_, stored, message, code = 'HASH_UNUSABLE') => {
    const error = await rejectionOf(verifySecret('46ToAwIHQxGVpBuUpCkGXA', stored));
    expect(error).toMatchObject({ code, message });
  });
});

test.each(publicTokens.tokens)(
  'Tokens from the public tests of Elasticsearch, ECK and elastic-package: $qualifiedName matches its secret only',
  async (token) => {
    expect(await verifySecret(token.secret, token.stored)).toBe(true);
    expect(await verifySecret(`${token.secret}x`, token.stored)).toBe(false);
  },
);

describe('The bytes that are hashed', () => {
  test.each([
    ['{SHA}', '{SHA}xkThpP80L8aFPKBXyErksCLIZ40='],
    ...['pbkdf2_1000', 'pbkdf2_stretch_1000', 'bcrypt4'].map((name) => [name]),
  ])(
    'a lone surrogate is hashed as ?, in a new secret and in one that is verified (%s)',
    async (name, hash = '') => {
      const stored = hash || (await hashSecret('a\ud800b', parseAlgorithm(name)));
      for (const secret of ['a?b', 'a\ud800b', 'a\udc00b'])
        expect(await verifySecret(secret, stored)).toBe(true);
    },
  );

  test.each([
    { name: 'pbkdf2_1000', alike: true, why: 'HMAC pads its key with zeros' },
    { name: 'pbkdf2_stretch_1000', alike: false, why: 'the secret is hashed first' },
  ])(
    'a NUL after the secret makes no difference: $alike for $name, because $why',
    async ({ name, alike }) => {
      const stored = await hashSecret('secret', parseAlgorithm(name));
      expect(await verifySecret('secret\0', stored)).toBe(alike);
    },
  );

  test('bcrypt reads the first 72 bytes', async () => {
    const stored = await hashSecret('x'.repeat(72), parseAlgorithm('bcrypt4'));
    expect(await verifySecret(`${'x'.repeat(72)}y`, stored)).toBe(true);
    expect(await verifySecret('x'.repeat(71), stored)).toBe(false);
  });
});

describe('Writing', () => {
  const pairs = vectors.pairs.filter(({ algorithm }) => ![...plainText, ...verifyOnly].includes(algorithm));
  // The first pair of each algorithm.
  const written = new Map(pairs.toReversed().map((pair) => [pair.algorithm.toLowerCase(), pair]));

  for (const [algorithm, pair] of written)
    testOf(algorithm)(
      `given the original's random bytes, ${algorithm} writes the original's hash`,
      async () => {
        const asked: number[] = [];
        const random = (size: number) => {
          asked.push(size);
          return saltOf(pair);
        };
        expect(await hashSecret(pair.secret, parseAlgorithm(algorithm), random)).toBe(pair.stored);
        expect(asked).toEqual([saltOf(pair).length]);
      },
    );

  test('every algorithm is written', () => expect(written.size).toBe(26));

  test.each([
    ['bcrypt4', /^\$2a\$04\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}$/],
    ['pbkdf2', /^\{PBKDF2\}10000\$[A-Za-z0-9+/]{43}=\$[A-Za-z0-9+/]{43}=$/],
    ['pbkdf2_stretch_1000', /^\{PBKDF2_STRETCH\}1000\$[A-Za-z0-9+/]{43}=\$[A-Za-z0-9+/]{43}=$/],
  ])('%s writes %s, which matches its own secret only, and is salted', async (name, form) => {
    const algorithm = parseAlgorithm(name);
    const stored = await hashSecret('46ToAwIHQxGVpBuUpCkGXA', algorithm);
    expect(stored).toMatch(form);
    expect(await verifySecret('46ToAwIHQxGVpBuUpCkGXA', stored)).toBe(true);
    expect(await verifySecret('46ToAwIHQxGVpBuUpCkGXB', stored)).toBe(false);
    expect(await hashSecret('46ToAwIHQxGVpBuUpCkGXA', algorithm)).not.toBe(stored);
  });

  test.each(['bcrypt4', 'pbkdf2_1000'])('many secrets are hashed in their order (%s)', async (name) => {
    const secrets = Array.from({ length: 7 }, (_, i) => `secret ${i}`);
    const done: number[] = [];
    const hashes = await hashSecrets(secrets, parseAlgorithm(name), 3, (count) => done.push(count));
    expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const matches = secrets.map((secret, i) => verifySecret(secret, hashes[i] ?? ''));
    expect(await Promise.all(matches)).toEqual(secrets.map(() => true));
  });

  test('the bytes of the caller are not changed', async () => {
    const bytes = counting(32);
    await hashSecret('secret', parseAlgorithm('pbkdf2_1000'), () => bytes);
    expect(bytes).toEqual(counting(32));
  });
});

describe('The key of a PBKDF2 hash', () => {
  const salt = Buffer.from('saltsalt');
  const storedOf = (key: Buffer, cost = 1000) =>
    `{PBKDF2}${cost}$${salt.toString('base64')}$${key.toString('base64')}`;
  const keyOf = (bytes: number) => pbkdf2Sync('secret', salt, 1000, bytes, 'sha512');

  test.each([16, 32, 48, 64])(
    'of %d bytes matches its own secret only, up to its last byte',
    async (bytes) => {
      const key = keyOf(bytes);
      expect(await verifySecret('secret', storedOf(key))).toBe(true);
      expect(await verifySecret('Secret', storedOf(key))).toBe(false);
      key.writeUInt8(key.readUInt8(bytes - 1) ^ 1, bytes - 1);
      expect(await verifySecret('secret', storedOf(key))).toBe(false);
    },
  );

  test.each([80, 128, 750_000])('of %d bytes is not computed, which could take hours', async (bytes) => {
    const stored = storedOf(Buffer.concat([keyOf(80), Buffer.alloc(bytes - 80)]), 1_000_000);
    expect(await rejectionOf(verifySecret('secret', stored))).toMatchObject({
      code: 'HASH_UNUSABLE',
      message: 'PBKDF2 key must be at most [64 bytes] long',
    });
  });
});

/** The salt of a stored hash, as bytes. */
function saltOf({ stored }: Pair): Buffer {
  const base64 = /^\{\w+\}\d+\$([^$]*)\$/.exec(stored)?.[1];
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  // The base64 of bcrypt has another alphabet.
  const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const common = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const translated = [...stored.slice(7, 29)].map((character) => common[alphabet.indexOf(character)]);
  return Buffer.from(translated.join(''), 'base64');
}

import { describe, expect, test } from '@jest/globals';
import bcryptjs from 'bcryptjs';
import fc from 'fast-check';
import { BCRYPT_SALT_BYTES, bcrypt, bcryptLike, ROUNDS_A_SLICE } from '../src/bcrypt.js';
import { PI_DIGITS } from '../src/pi-digits.js';
import { turnsDuring } from './support/turns.js';

const salt = Uint8Array.from({ length: BCRYPT_SALT_BYTES }, (_, i) => i * 13);

describe('The hash', () => {
  test('is that of bcryptjs, whatever the secret and the salt', async () => {
    const anySalt = fc.uint8Array({ minLength: BCRYPT_SALT_BYTES, maxLength: BCRYPT_SALT_BYTES });
    const anySecret = fc.string({ unit: 'binary', maxLength: 100 }); // more than the 72 bytes that count
    await fc.assert(
      fc.asyncProperty(anySecret, anySalt, fc.constantFrom(4, 5, 6), async (secret, bytes, cost) => {
        const stored = await bcrypt(secret, cost, bytes);
        const setting = `$2a$0${cost}$${bcryptjs.encodeBase64([...bytes], BCRYPT_SALT_BYTES)}`;
        expect(stored).toBe(bcryptjs.hashSync(secret, setting));
        expect(await bcryptLike(secret, stored)).toBe(stored);
      }),
      { numRuns: 50 },
    );
  });

  test.each(['$2a$', '$2b$', '$2y$'])('keeps the prefix %s of a stored one', async (prefix) => {
    const stored = prefix + (await bcrypt('secret', 4, salt)).slice(4);
    expect(await bcryptLike('secret', stored)).toBe(stored);
  });

  test('writes the cost in two digits', async () => {
    expect(await bcrypt('secret', 10, salt)).toMatch(/^\$2a\$10\$[./A-Za-z0-9]{53}$/);
  });
});

test('Blowfish begins with the digits of pi', () => {
  const words = PI_DIGITS.match(/[0-9a-f]{8}/g) ?? [];
  expect(words).toHaveLength(18 + 4 * 256);
  expect(words.join('')).toBe(fractionOfPi(words.length * 32));
});

describe('The event loop turns', () => {
  test.each([4, 5, 6, 9])(
    'between slices of so many rounds, and before the first (cost %i)',
    async (cost) => {
      let slices = 0;
      await bcrypt('secret', cost, salt, async () => {
        slices++;
      });
      expect(slices).toBe(1 + Math.floor(2 ** cost / ROUNDS_A_SLICE));
    },
  );

  test('for each slice of each hash, when many are computed at once', async () => {
    const slicesOfOne = 1 + 2 ** 6 / ROUNDS_A_SLICE;
    const turns = await turnsDuring(() =>
      Promise.all(Array.from({ length: 10 }, () => bcrypt('x', 6, salt))),
    );
    expect(turns).toBeGreaterThanOrEqual(10 * slicesOfOne - 1);
  });
});

/** Machin's formula, in hexadecimal. */
function fractionOfPi(bits: number): string {
  const guard = 64n;
  const one = 1n << (BigInt(bits) + guard);
  const arctanOfInverse = (x: bigint) => {
    let [sum, power, sign] = [0n, one / x, 1n];
    for (let n = 1n; power > 0n; n += 2n) {
      sum += sign * (power / n);
      power /= x * x;
      sign = -sign;
    }
    return sum;
  };
  const pi = 4n * (4n * arctanOfInverse(5n) - arctanOfInverse(239n));
  return ((pi % one) >> guard).toString(16).padStart(bits / 4, '0');
}

import { Blowfish, cyclicWords } from './blowfish.js';
import { nextTurn, type Pause } from './turns.js';

/** The number of random bytes in a bcrypt salt. */
export const BCRYPT_SALT_BYTES = 16;

/** Rounds that are computed at a time: a few milliseconds. */
export const ROUNDS_A_SLICE = 32;

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const MAGIC = cyclicMagic('OrpheanBeholderScryDoubt');
const MAGIC_TIMES = 64;
const KEY_BYTES = 23;

/**
 * Hashes a secret with bcrypt, in slices on the main thread.
 *
 * Node has no bcrypt, and packages compute 100 ms at a time or need a compiler. It is little enough code; the tests hold
 * it against the server's own hashes and against bcryptjs.
 *
 * @param secret UTF-8 text, of which bcrypt takes the first 72 bytes
 * @param cost the logarithm of the number of rounds, 4 to 14
 * @param salt 16 random bytes
 * @param pause waits between two slices; a parameter, so that tests can count them
 * @returns `$2a$`, cost, salt and key, as the server writes it
 */
export async function bcrypt(
  secret: string,
  cost: number,
  salt: Uint8Array,
  pause: Pause = nextTurn,
): Promise<string> {
  const key = await deriveKey(secret, cost, salt, pause);
  return `$2a$${String(cost).padStart(2, '0')}$${encode(salt)}${encode(key)}`;
}

/**
 * Hashes a secret with the cost and the salt of a stored hash.
 *
 * @param stored 60 characters that begin `$2a$`, `$2b$` or `$2y$`, with a salt of the bcrypt alphabet
 * @returns the same 60 characters for the right secret; a salt in another spelling comes back in the usual one
 */
export async function bcryptLike(secret: string, stored: string, pause: Pause = nextTurn): Promise<string> {
  const salt = decode(stored.slice(7, 29));
  const key = await deriveKey(secret, Number(stored.slice(4, 6)), salt, pause);
  return stored.slice(0, 7) + encode(salt) + encode(key);
}

async function deriveKey(secret: string, cost: number, salt: Uint8Array, pause: Pause): Promise<Uint8Array> {
  const keyWords = cyclicWords(Buffer.from(`${secret}\0`, 'utf8'));
  const saltWords = cyclicWords(salt);
  await pause(); // of many that are asked for at once, each begins in a slice of its own
  const cipher = new Blowfish();
  cipher.expand(keyWords, saltWords);
  for (let round = 1; round <= 2 ** cost; round++) {
    cipher.expand(keyWords);
    cipher.expand(saltWords);
    if (round % ROUNDS_A_SLICE === 0) await pause();
  }
  const text = MAGIC.slice();
  for (let at = 0; at < text.length; at += 2) {
    for (let time = 0; time < MAGIC_TIMES; time++) cipher.encrypt(text, at);
  }
  return bytesOf(text).subarray(0, KEY_BYTES);
}

function cyclicMagic(text: string): Int32Array {
  return cyclicWords(Buffer.from(text, 'latin1')).slice(0, text.length / 4);
}

function bytesOf(words: Int32Array): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) bytes.writeInt32BE(word, i * 4);
  return bytes;
}

/** Base64 as usual in all but its alphabet, and without padding. */
function encode(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,6}/g) ?? [])
    .map((six) => ALPHABET[Number.parseInt(six.padEnd(6, '0'), 2)])
    .join('');
}

function decode(text: string): Buffer {
  const bits = [...text]
    .map((character) => ALPHABET.indexOf(character).toString(2).padStart(6, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

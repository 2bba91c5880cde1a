import { PI_DIGITS } from './pi-digits.js';

const SUBKEYS = 18;
const TABLE = 256;
const INITIAL = Int32Array.from(PI_DIGITS.match(/[0-9a-f]{8}/g) ?? [], (word) => Number.parseInt(word, 16));
const NO_SALT = new Int32Array(SUBKEYS);

/** The words that a key or a salt gives, over and over, for all subkeys. */
export function cyclicWords(bytes: Uint8Array): Int32Array {
  const at = (index: number) => bytes[index % bytes.length] ?? 0;
  return Int32Array.from({ length: SUBKEYS }, (_, i) => {
    return (at(4 * i) << 24) | (at(4 * i + 1) << 16) | (at(4 * i + 2) << 8) | at(4 * i + 3);
  });
}

/**
 * The block cipher Blowfish (Schneier, 1993) with the key schedule that bcrypt makes expensive (Provos and Mazières,
 * "A Future-Adaptable Password Scheme", 1999). A text of 64 bits is two words.
 */
export class Blowfish {
  /** The subkeys, then four tables of 256 words each. */
  readonly #state = INITIAL.slice();
  readonly #subkeys = this.#state.subarray(0, SUBKEYS);
  readonly #tables = [0, 1, 2, 3].map((i) => {
    return this.#state.subarray(SUBKEYS + i * TABLE, SUBKEYS + (i + 1) * TABLE);
  }) as [Int32Array, Int32Array, Int32Array, Int32Array];

  /**
   * Mixes a key into the state, and where there is a salt that, too.
   *
   * @param key as cyclicWords gives it
   * @param salt as cyclicWords gives it; of four words, so that word i is the one of i modulo 4
   */
  expand(key: Int32Array, salt: Int32Array = NO_SALT): void {
    const [state, block] = [this.#state, new Int32Array(2)];
    for (let i = 0; i < SUBKEYS; i++) state[i] = word(state, i) ^ word(key, i);
    for (let i = 0; i < state.length; i += 2) {
      block[0] = word(block, 0) ^ word(salt, i & 3);
      block[1] = word(block, 1) ^ word(salt, (i + 1) & 3);
      this.encrypt(block, 0);
      state[i] = word(block, 0);
      state[i + 1] = word(block, 1);
    }
  }

  /** Encrypts two words where they stand. */
  encrypt(words: Int32Array, at: number): void {
    const keys = this.#subkeys;
    const [a, b, c, d] = this.#tables;
    let left = word(words, at) ^ word(keys, 0);
    let right = word(words, at + 1);
    // Two of the 16 rounds at a time, after which left and right have changed sides twice.
    for (let i = 1; i < SUBKEYS - 1; i += 2) {
      right ^=
        (((word(a, left >>> 24) + word(b, (left >>> 16) & 255)) ^ word(c, (left >>> 8) & 255)) +
          word(d, left & 255)) ^
        word(keys, i);
      left ^=
        (((word(a, right >>> 24) + word(b, (right >>> 16) & 255)) ^ word(c, (right >>> 8) & 255)) +
          word(d, right & 255)) ^
        word(keys, i + 1);
    }
    words[at] = right ^ word(keys, SUBKEYS - 1);
    words[at + 1] = left;
  }
}

/** Every index here is within its array. */
function word(words: Int32Array, index: number): number {
  return words[index] as number;
}

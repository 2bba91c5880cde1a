import { endianness } from 'node:os';
import { colonFrom, textOf } from './tokens-lines.js';

const [LF, COLON] = [0x0a, 0x3a];

/**
 * Compares two keys by their UTF-16 code units. Each key starts at an offset and ends at a colon.
 *
 * @returns a negative number, zero, or a positive number, as for sorting
 */
export function compareKeys(bytes: Buffer, place: number, other: Buffer, from: number): number {
  for (let [i, j] = [place, from]; ; i++, j++) {
    const [a, b] = [bytes[i] as number, other[j] as number];
    if (a !== b) return rank(a) - rank(b);
    if (a === COLON) return 0;
  }
}

/**
 * Returns the rank of a byte in the order of keys, from 0 to 255. The colon ends a key, and is the lowest. UTF-8 bytes
 * have the same order as UTF-16 code units, except that UTF-16 sorts characters above U+FFFF before U+E000.
 */
function rank(byte: number): number {
  if (byte <= COLON) return byte === COLON ? 0 : byte + 1;
  return byte === 0xee || byte === 0xef ? byte + 0x10 : byte;
}

/** How many bytes of names are converted to text in one call. */
const ROOM = 64 * 1024;

/**
 * Yields the names of a tokens file's entries in the order of their UTF-16 code units, without duplicates. They are
 * sorted as bytes, and converted to text piece by piece.
 *
 * @param places the offsets of the keys
 * @returns names, each followed by LF, which no name contains
 */
export function* sortedNames(bytes: Buffer, places: Int32Array): Generator<string, void> {
  const room = Buffer.allocUnsafeSlow(ROOM);
  let length = 0;
  for (const place of isSorted(bytes, places) ? places : sortedPlaces(bytes, places)) {
    let end = copyKey(bytes, place, room, length);
    if (end === room.length) {
      yield room.toString('utf8', 0, length);
      length = 0;
      end = copyKey(bytes, place, room, 0);
    }
    if (end < room.length) {
      room[end] = LF;
      length = end + 1;
    } else yield `${textOf(bytes, place, colonFrom(bytes, place, bytes.length))}\n`;
  }
  yield room.toString('utf8', 0, length);
}

/** Copies a key to an offset of `room`, cut off at its end. @returns the end of the copy */
function copyKey(bytes: Buffer, place: number, room: Buffer, to: number): number {
  let [at, end] = [place, to];
  for (let byte = bytes[at]; byte !== COLON && end < room.length; byte = bytes[++at])
    room[end++] = byte as number;
  return end;
}

/** Whether the keys are sorted and unique, as in a file that this tool wrote. */
function isSorted(bytes: Buffer, places: Int32Array): boolean {
  for (let i = 1; i < places.length; i++) {
    if (compareKeys(bytes, places[i - 1] as number, bytes, places[i] as number) >= 0) return false;
  }
  return true;
}

/** Marks a duplicate key. */
const NONE = 2 ** 32 - 1;

/** Up to this number, keys are compared one by one. */
const FEW = 12;

/** The index of the more significant half of a 64-bit number in memory. */
const HIGH = endianness() === 'LE' ? 1 : 0;
const LOW = 1 - HIGH;

/** A range of the keys to sort, which share at least `shared` leading bytes. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly shared: number;
}

/**
 * Sorts keys and removes duplicates. Four bytes in which keys may differ, and the offset of the key, form a 64-bit
 * number; numbers are sorted without a call for each pair. Keys with the same four bytes are sorted by the next four.
 */
function sortedPlaces(bytes: Buffer, places: Int32Array): Uint32Array {
  const numbers = new BigUint64Array(places.length);
  const halves = new Uint32Array(numbers.buffer);
  for (let i = 0; i < places.length; i++) halves[2 * i + LOW] = places[i] as number;
  const ranges: Range[] = [{ from: 0, to: places.length, shared: 0 }];
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const { from, to } = range;
    if (to - from <= FEW) {
      sortFew(bytes, halves, range);
      continue;
    }
    const shared = sharedLength(bytes, halves, range);
    for (let i = from; i < to; i++)
      halves[2 * i + HIGH] = wordAt(bytes, (halves[2 * i + LOW] as number) + shared);
    numbers.subarray(from, to).sort();
    for (let start = from, end = from; start < to; start = end) {
      const word = halves[2 * start + HIGH] as number;
      while (end < to && halves[2 * end + HIGH] === word) end++;
      if (end - start === 1) continue;
      const areSame = (word & 0xff) === 0; // the keys end within the four bytes
      if (areSame) for (let i = start + 1; i < end; i++) halves[2 * i + LOW] = NONE;
      else ranges.push({ from: start, to: end, shared: shared + 4 });
    }
  }
  let length = 0;
  for (let i = 0; i < places.length; i++) {
    const place = halves[2 * i + LOW] as number;
    if (place !== NONE) halves[length++] = place;
  }
  return halves.subarray(0, length);
}

/** Returns the ranks of four bytes of a key as a number, the first one most significant; zeros after its end. */
function wordAt(bytes: Buffer, place: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[place + i] as number;
    if (byte === COLON) return (word << (8 * (4 - i))) >>> 0;
    word = (word << 8) | rank(byte);
  }
  return word >>> 0;
}

/** Returns the number of leading bytes that all keys of a range share. */
function sharedLength(bytes: Buffer, halves: Uint32Array, { from, to, shared: known }: Range): number {
  const first = halves[2 * from + LOW] as number;
  let shared = colonFrom(bytes, first + known, bytes.length) - first;
  for (let i = from + 1; i < to; i++) {
    const place = halves[2 * i + LOW] as number;
    let length = known;
    while (length < shared && bytes[place + length] === bytes[first + length]) length++;
    shared = length;
  }
  return shared;
}

/** Inserts each key among those before it. */
function sortFew(bytes: Buffer, halves: Uint32Array, { from, to, shared }: Range): void {
  for (let i = from + 1; i < to; i++) {
    const place = halves[2 * i + LOW] as number;
    let at = i;
    for (; at > from; at--) {
      const before = halves[2 * (at - 1) + LOW] as number;
      if (compareKeys(bytes, before + shared, bytes, place + shared) <= 0) break;
      halves[2 * at + LOW] = before;
    }
    halves[2 * at + LOW] = place;
  }
  for (let i = to - 1; i > from; i--) {
    const [before, place] = [halves[2 * (i - 1) + LOW] as number, halves[2 * i + LOW] as number];
    if (compareKeys(bytes, before + shared, bytes, place + shared) === 0) halves[2 * i + LOW] = NONE;
  }
}

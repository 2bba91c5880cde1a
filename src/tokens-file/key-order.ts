import { endianness } from 'node:os';
import { colonFrom, textOf } from './tokens-lines.js';

const [LF, COLON] = [0x0a, 0x3a];

/**
 * Compares two keys by their UTF-16 code units, each given by the place where it begins; a colon ends it.
 *
 * @returns a number below, equal to or above zero, as for sorting
 */
export function compareKeys(bytes: Buffer, place: number, other: Buffer, from: number): number {
  for (let [i, j] = [place, from]; ; i++, j++) {
    const [a, b] = [bytes[i] as number, other[j] as number];
    if (a !== b) return rank(a) - rank(b);
    if (a === COLON) return 0;
  }
}

/**
 * Where a byte of a key stands in the order of keys, from 0 to 255; the colon is a key's end, and comes first. UTF-8's
 * bytes have the order of UTF-16's units, save that what is beyond U+FFFF comes before U+E000 there.
 */
function rank(byte: number): number {
  if (byte <= COLON) return byte === COLON ? 0 : byte + 1;
  return byte === 0xee || byte === 0xef ? byte + 0x10 : byte;
}

/** The bytes of names that become text in one call. */
const ROOM = 64 * 1024;

/**
 * Gives the names of a tokens file's entries in the order of their UTF-16 code units, each once. They are sorted as
 * bytes; only a piece is text at a time.
 *
 * @param places where the keys begin
 * @returns names, each with LF behind it; no name holds one
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

/** Copies a key to an offset of `room`, as far as that goes. @returns where it ends there */
function copyKey(bytes: Buffer, place: number, room: Buffer, to: number): number {
  let [at, end] = [place, to];
  for (let byte = bytes[at]; byte !== COLON && end < room.length; byte = bytes[++at])
    room[end++] = byte as number;
  return end;
}

/** Whether the keys stand in order, each once, as in a file that we wrote. */
function isSorted(bytes: Buffer, places: Int32Array): boolean {
  for (let i = 1; i < places.length; i++) {
    if (compareKeys(bytes, places[i - 1] as number, bytes, places[i] as number) >= 0) return false;
  }
  return true;
}

/** In the place of a key that is there already. */
const NONE = 2 ** 32 - 1;

/** As many keys are rather compared one by one. */
const FEW = 12;

/** Which half of a number of 64 bits, in memory, is the higher one. */
const HIGH = endianness() === 'LE' ? 1 : 0;
const LOW = 1 - HIGH;

/** A part of the keys that are to be sorted; all of its keys have so many bytes in common at least. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly shared: number;
}

/**
 * Sorts keys, and leaves one of those that are the same. A place and the four bytes in which its key may differ from the others make a number of 64 bits, and
 * numbers are sorted at once, without a call for every pair. Keys with the same four bytes are sorted by the next ones.
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
      const areSame = (word & 0xff) === 0; // their end is among the four bytes
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

/** Four bytes of a key by their rank, the first one on top; zeros from its end on. */
function wordAt(bytes: Buffer, place: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[place + i] as number;
    if (byte === COLON) return (word << (8 * (4 - i))) >>> 0;
    word = (word << 8) | rank(byte);
  }
  return word >>> 0;
}

/** How many bytes all keys of a range have in common. */
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

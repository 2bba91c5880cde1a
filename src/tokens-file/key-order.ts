import type { Places } from './places.js';
import { colonFrom, MAX_TEXT_BYTES, textOf } from './tokens-lines.js';

const [LF, COLON] = [0x0a, 0x3a];

/**
 * Compares the key that begins at a place of a tokens file, up to its colon, with another, by their UTF-16 code units.
 *
 * @returns a number below, equal to or above zero, as for sorting
 */
export function compareKeys(
  bytes: Buffer,
  place: number,
  other: Buffer,
  from = 0,
  to = other.length,
): number {
  for (let [i, j] = [place, from]; j < to; i++, j++) {
    const [a, b] = [bytes[i] as number, other[j] as number];
    if (a === COLON) return -1;
    if (a !== b) return rank(a) - rank(b);
  }
  return bytes[place + to - from] === COLON ? 0 : 1;
}

/**
 * Where a byte of a key stands in the order of keys, from 0 to 255; the colon is a key's end, and comes first. UTF-8's
 * bytes have the order of UTF-16's units, save that what is beyond U+FFFF comes before U+E000 there.
 */
function rank(byte: number): number {
  if (byte <= COLON) return byte === COLON ? 0 : byte + 1;
  return byte === 0xee || byte === 0xef ? byte + 0x10 : byte;
}

const RANKS = 256;

/** So many names are made text at a time. */
const BATCH = 4096;

/** The bytes of names that become text in one call. */
const ROOM = 64 * 1024;

/** As many keys are rather copied into groups than sorted where they are. */
const MANY = 8192;

/** As many keys are rather compared than parted. */
const FEW = 64;

/**
 * Gives the names of a tokens file's entries in the order of their UTF-16 code units, each once. They are sorted as
 * bytes; only a batch is text at a time.
 *
 * @param isSorted whether the entries have that order already, each key once
 */
export function* sortedNames(bytes: Buffer, places: Places, isSorted: boolean): Generator<string[], void> {
  if (isSorted) {
    yield* namesInBatches(NOTHING, bytes, places.toEntries());
    return;
  }
  const entries = places.toEntries();
  const groups =
    entries.length < MANY ? [{ prefix: NOTHING, keys: bytes, starts: entries }] : keyGroups(bytes, entries);
  for (const { prefix, keys, starts } of groups) {
    sortKeys(keys, starts);
    yield* namesInBatches(
      prefix,
      keys,
      starts.filter((start, i) => i === 0 || compareStarts(keys, start, starts[i - 1] as number) !== 0),
    );
  }
}

const NOTHING = Buffer.alloc(0);

/** Some keys, each with its colon behind it, and where they begin. */
interface KeyGroup {
  /** What stands before each of the keys. */
  readonly prefix: Buffer;
  readonly keys: Buffer;
  readonly starts: Uint32Array;
}

/**
 * Copies the keys out of a file, in groups by the first two bytes in which they differ; the groups have the order of
 * the keys. It reads the file from the beginning to the end, and to sort a group is to read memory that is near: with
 * a large file that makes more of a difference than all the rest.
 */
function* keyGroups(bytes: Buffer, places: Uint32Array): Generator<KeyGroup, void> {
  const depth = sharedLength(bytes, places, 0);
  const groupOf = (place: number) => {
    const first = rank(bytes[place + depth] as number);
    return first === 0 ? 0 : first * RANKS + rank(bytes[place + depth + 1] as number);
  };
  const prefix = bytes.subarray(places[0], (places[0] ?? 0) + depth);
  const [counts, sizes] = [new Uint32Array(RANKS ** 2), new Uint32Array(RANKS ** 2)];
  for (const place of places) {
    const group = groupOf(place);
    (counts[group] as number)++;
    (sizes[group] as number) += colonFrom(bytes, place + depth, bytes.length) + 1 - place - depth;
  }
  const ends = startsOf(sizes);
  const keys = Buffer.allocUnsafe(ends.at(-1) as number);
  for (const place of places) {
    const group = groupOf(place);
    let to = ends[group] as number;
    for (let from = place + depth; bytes[from] !== COLON; from++) keys[to++] = bytes[from] as number;
    keys[to++] = COLON;
    ends[group] = to;
  }
  for (let group = 0, from = 0; group < counts.length; from = ends[group++] as number) {
    const starts = new Uint32Array(counts[group] as number);
    for (let i = 0, at = from; i < starts.length; i++, at = colonFrom(keys, at, keys.length) + 1)
      starts[i] = at;
    if (starts.length > 0) yield { prefix, keys, starts };
  }
}

/** Sorts the places where keys begin, by their bytes: parts them by the first byte in which they differ, and again. */
function sortKeys(keys: Buffer, starts: Uint32Array): void {
  const spare = new Uint32Array(starts.length);
  const parts = [starts];
  const depths = [0];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const known = depths.pop() as number;
    if (part.length <= FEW) {
      part.sort((a, b) => compareStarts(keys, a, b));
      continue;
    }
    const depth = known + sharedLength(keys, part, known);
    const rankOf = (start: number) => rank(keys[start + depth] as number);
    const counts = new Uint32Array(RANKS);
    for (const start of part) (counts[rankOf(start)] as number)++;
    const ends = startsOf(counts);
    for (const start of part) spare[(ends[rankOf(start)] as number)++] = start;
    part.set(spare.subarray(0, part.length));
    // Keys that end here are all the same.
    for (let i = 1; i < RANKS; i++) {
      if ((counts[i] as number) < 2) continue;
      parts.push(part.subarray(ends[i - 1], ends[i]));
      depths.push(depth + 1);
    }
  }
}

/** Where each of some ranges begins that lie one behind the other; the end of the last one is the last element. */
function startsOf(sizes: Uint32Array): Uint32Array {
  const starts = new Uint32Array(sizes.length + 1);
  for (let i = 0; i < sizes.length; i++) starts[i + 1] = (starts[i] as number) + (sizes[i] as number);
  return starts;
}

function compareStarts(keys: Buffer, a: number, b: number): number {
  let at = 0;
  while (keys[a + at] === keys[b + at] && keys[a + at] !== COLON) at++;
  return rank(keys[a + at] as number) - rank(keys[b + at] as number);
}

/** How many bytes all keys have in common behind the first `depth`. */
function sharedLength(bytes: Buffer, places: Uint32Array, depth: number): number {
  const first = (places[0] ?? 0) + depth;
  let shared = colonFrom(bytes, first, bytes.length) - first;
  for (const place of places) {
    let length = 0;
    while (length < shared && bytes[place + depth + length] === bytes[first + length]) length++;
    shared = length;
  }
  return shared;
}

function* namesInBatches(prefix: Buffer, bytes: Buffer, places: Uint32Array): Generator<string[], void> {
  for (let at = 0; at < places.length; at += BATCH) {
    yield namesAt(prefix, bytes, places.subarray(at, at + BATCH));
  }
}

/** The names at some places. Many short ones become text together, which is quicker: no name holds a line end. */
function namesAt(prefix: Buffer, bytes: Buffer, places: Uint32Array): string[] {
  const names: string[] = [];
  const room = Buffer.allocUnsafe(ROOM);
  let length = 0;
  const flush = () => {
    if (length > 0) names.push(...room.toString('utf8', 0, length - 1).split('\n'));
    length = 0;
  };
  for (const place of places) {
    const end = colonFrom(bytes, place, bytes.length);
    const size = prefix.length + end - place;
    if (length + size >= ROOM) flush();
    if (size >= ROOM) {
      names.push(longName(prefix, bytes.subarray(place, end)));
      continue;
    }
    for (let at = 0; at < prefix.length; at++) room[length++] = prefix[at] as number;
    for (let at = place; at < end; at++) room[length++] = bytes[at] as number;
    room[length++] = LF;
  }
  flush();
  return names;
}

function longName(prefix: Buffer, rest: Buffer): string {
  const name = Buffer.concat([prefix.subarray(0, MAX_TEXT_BYTES), rest.subarray(0, MAX_TEXT_BYTES)]);
  return textOf(name, 0, name.length);
}

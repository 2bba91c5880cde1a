import { colonFrom, keyAt } from './file-lines.js';

const [LF, COLON] = [0x0a, 0x3a];

/** Compares two keys by their UTF-16 code units, as for sorting. Each starts at an offset and ends at a colon. */
export function compareKeys(bytes: Buffer, key: number, other: Buffer, from: number): number {
  for (let [i, j] = [key, from]; ; i++, j++) {
    const [a, b] = [bytes[i] as number, other[j] as number];
    if (a !== b) return rank(a) - rank(b);
    if (a === COLON) return 0;
  }
}

/**
 * The rank of a byte in the order of keys. The colon ends a key, and is the lowest. UTF-8 bytes have the same order as
 * UTF-16 code units, except that UTF-16 sorts characters above U+FFFF before U+E000.
 */
function rank(byte: number): number {
  if (byte === COLON) return -1;
  return byte === 0xee || byte === 0xef ? byte + 0x10 : byte;
}

/** About how much of the file one group of names comes from, and how much text is yielded at a time. */
const [GROUP_BYTES, TEXT_BYTES] = [2 * 1024 * 1024, 64 * 1024];

/**
 * Yields the names of a tokens file's entries, given by the offsets of their keys, in the order of their UTF-16 code
 * units, without duplicates: in pieces, and each followed by LF, which no name contains.
 *
 * A million names as strings, sorted at once, would take 150 MiB, and most of the time would be cache misses. So the
 * keys are first divided into groups, by comparison with some of them, and the names of one group at a time are sorted.
 */
export function* sortedNames(bytes: Buffer, keys: readonly number[]): Generator<string, void> {
  const isAfter = (other: number, key: number) => compareKeys(bytes, other, bytes, key) < 0;
  // Sorted and unique, as in a file that this tool wrote.
  if (keys.every((key, i) => i === 0 || isAfter(keys[i - 1] as number, key)))
    return yield* namesAt(bytes, keys);
  for (const group of grouped(bytes, keys)) {
    let [text, previous] = ['', ''];
    for (const name of Array.from(group, (key) => keyAt(bytes, key)).sort()) {
      const line = `${name}\n`;
      if (text.length + line.length > TEXT_BYTES) {
        yield text;
        text = '';
      }
      if (line !== previous) text += line;
      previous = line;
    }
    yield text;
  }
}

/** Yields names in the order of their keys, many in one conversion to text, which is twice as fast. */
function* namesAt(bytes: Buffer, keys: readonly number[]): Generator<string, void> {
  const piece = Buffer.allocUnsafeSlow(TEXT_BYTES);
  let length = 0;
  for (const key of keys) {
    const end = colonFrom(bytes, key, bytes.length);
    if (length + (end - key) >= piece.length) {
      yield piece.toString('utf8', 0, length);
      length = 0;
    }
    if (end - key >= piece.length) yield `${keyAt(bytes, key)}\n`;
    else {
      for (let at = key; at < end; at++) piece[length++] = bytes[at] as number;
      piece[length++] = LF;
    }
  }
  yield piece.toString('utf8', 0, length);
}

/** Yields the keys in groups, of which each has lower names than the next; equal names are in one group. */
function* grouped(bytes: Buffer, keys: readonly number[]): Generator<Int32Array, void> {
  const count = Math.ceil(bytes.length / GROUP_BYTES);
  const bounds = Array.from({ length: count - 1 }, (_, i) =>
    keyAt(bytes, keys[Math.floor((i * keys.length) / count)] as number),
  ).sort();
  // By counting, as in a bucket sort: growing arrays would take several times the memory.
  const groupOf = new Uint16Array(keys.length);
  const ends = new Uint32Array(count);
  for (const [i, key] of keys.entries()) {
    const name = keyAt(bytes, key);
    let [low, high] = [0, bounds.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (name < (bounds[middle] as string)) high = middle;
      else low = middle + 1;
    }
    groupOf[i] = low;
    ends[low] = (ends[low] as number) + 1;
  }
  for (let group = 1; group < count; group++)
    ends[group] = (ends[group] as number) + (ends[group - 1] as number);
  const starts = ends.slice();
  const all = new Int32Array(keys.length);
  for (const [i, key] of keys.entries()) {
    const group = groupOf[i] as number;
    const at = (starts[group] as number) - 1;
    starts[group] = at;
    all[at] = key;
  }
  for (let group = 0; group < count; group++) yield all.subarray(starts[group], ends[group]);
}

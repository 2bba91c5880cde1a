import { ServiceTokensError } from '../errors.js';
import { compareKeys, sortedNames } from './key-order.js';
import { Places } from './places.js';
import {
  bufferOf,
  colonFrom,
  endAt,
  type Fault,
  faultMessage,
  lineEndFrom,
  lineJudge,
  linesOf,
  linesOfKeys,
  nextLine,
  SLICE_BYTES,
  scanLines,
  startsWith,
  textOf,
  trimmedEnd,
  trimmedStart,
  utf8Validator,
} from './tokens-lines.js';

/** Up to this number, names are searched one by one; for more, the key of every entry is compared. */
const FEW_NAMES = 8;

/**
 * The content of a tokens file: what the server reads in it, and edits that keep all other lines.
 *
 * The content is stored as bytes, with the offset of every entry; a name or a hash is converted to text on demand. The
 * rules of reading are exactly the server's. Editing splices bytes, by these rules:
 * - a new entry is inserted in sorted order, directly after the previous entry, so that a comment stays above the entry
 *   that follows it; a new first entry goes below the comments at the top, which may be the file's header; a sorted
 *   file stays sorted, byte for byte as the original would write it;
 * - a key is removed with all its lines, including duplicates and plain text, so that no older token becomes valid;
 * - new lines have the line end of their neighbors, and a last line without an end stays so: creating and deleting a
 *   token restores the same bytes.
 */
export class TokensText {
  readonly #bytes: Buffer;
  readonly #places: Int32Array;

  private constructor({ bytes, places }: Content) {
    this.#bytes = bytes;
    this.#places = places;
  }

  /**
   * Reads the bytes of a tokens file, which must not change afterwards.
   *
   * @param path the file's name, for messages
   * @throws MALFORMED_FILE if the server could not read the file, with the number of the line but not its content
   */
  static parse(bytes: Uint8Array, path: string): TokensText {
    return new TokensText(atOnce(parseSlices(bufferOf(bytes), path)));
  }

  /**
   * Reads the bytes of a tokens file slice by slice, so that the process can do other work in between.
   *
   * @param path the file's name, for messages
   * @param pause is awaited after every slice of SLICE_BYTES bytes
   * @throws MALFORMED_FILE as `parse` does; any error of `pause`
   */
  static async parseInSlices(
    bytes: Uint8Array,
    path: string,
    pause: () => Promise<void>,
  ): Promise<TokensText> {
    return new TokensText(await inSlices(parseSlices(bufferOf(bytes), path), pause));
  }

  /**
   * Yields the qualified names of the tokens that the server loads, without duplicates, in the order of their UTF-16
   * code units.
   *
   * @param prefix the beginning of the names
   * @returns pieces of the list; each name is followed by LF
   */
  names(prefix = ''): Generator<string, void> {
    const [bytes, probe] = [this.#bytes, Buffer.from(prefix)];
    const wanted = (place: number) => startsWith(bytes, place, bytes.length, probe);
    return sortedNames(bytes, prefix === '' ? this.#places : this.#places.filter(wanted));
  }

  /** Whether the server loads a token with this qualified name. */
  has(key: string): boolean {
    return this.hashOf(key) !== undefined;
  }

  /** Returns the stored hash that the server loads for a qualified name; the last duplicate takes precedence. */
  hashOf(key: string): string | undefined {
    let hash: string | undefined;
    for (const { place, isEntry } of linesOf(key, this.#bytes))
      if (isEntry) hash = hashAt(this.#bytes, place);
    return hash;
  }

  /** Returns the stored hashes that the server loads for some qualified names, by name. */
  hashesOf(names: readonly string[]): Map<string, string> {
    if (names.length > FEW_NAMES) return atOnce(this.#entrySlices(new Set(names)));
    const hashes = new Map<string, string>();
    for (const name of names) {
      const hash = this.hashOf(name);
      if (hash !== undefined) hashes.set(name, hash);
    }
    return hashes;
  }

  /** Returns the stored hashes that the server loads, by qualified name. */
  entries(): Map<string, string> {
    return atOnce(this.#entrySlices());
  }

  /** Like `entries`, with a pause after every slice. */
  entriesInSlices(pause: () => Promise<void>): Promise<Map<string, string>> {
    return inSlices(this.#entrySlices(), pause);
  }

  /**
   * Removes every line of some keys, then adds entries, whose keys must not exist in the rest.
   *
   * @param additions stored hashes by key
   * @returns the new content in parts, which can be written without copying
   */
  edited(removals: ReadonlySet<string>, additions: ReadonlyMap<string, string>): readonly Uint8Array[] {
    if (removals.size === 0) return this.with(additions);
    if (additions.size === 0) return this.without(removals);
    if (removals.size === 1 && additions.size === 1) {
      const [key = '', hash = ''] = [...additions].flat();
      const replaced = removals.has(key) ? this.#withInPlace(key, hash) : undefined;
      if (replaced !== undefined) return replaced;
    }
    return TokensText.parse(Buffer.concat(this.without(removals)), '').with(additions);
  }

  /** Adds entries, like `edited`. */
  with(additions: ReadonlyMap<string, string>): readonly Uint8Array[] {
    const bytes = this.#bytes;
    const firstEnd = endAt(bytes, lineEndFrom(bytes, 0)) || '\n';
    const parts: Uint8Array[] = [];
    let from = 0;
    for (const [key, at] of this.#placesFor([...additions.keys()].sort())) {
      const before = at === 0 ? '' : endBefore(bytes, at);
      const lacksEnd = at > 0 && before === '';
      const line = `${key}:${additions.get(key)}`;
      if (from < at) parts.push(bytes.subarray(from, at));
      parts.push(Buffer.from(lacksEnd ? `${firstEnd}${line}` : `${line}${before || firstEnd}`));
      from = at;
    }
    if (from < bytes.length) parts.push(bytes.subarray(from));
    return parts;
  }

  /** Removes keys, like `edited`. */
  without(keys: ReadonlySet<string>): readonly Uint8Array[] {
    const bytes = this.#bytes;
    const kept: Buffer[] = [];
    let from = 0;
    const keep = (to: number) => {
      // A CR that ends one line, directly followed by the LF of an empty line, would be a single line end.
      if (kept.at(-1)?.at(-1) === CR && bytes[from] === LF && from < to) kept.push(Buffer.from('\n'));
      if (from < to) kept.push(bytes.subarray(from, to));
    };
    for (const { start, place } of linesOfKeys(keys, bytes)) {
      keep(start);
      from = nextLine(bytes, place);
    }
    keep(bytes.length);
    const last = kept.pop();
    // If the removed last line had no end, the new last line gets none either.
    const isLastRemoved = from > 0 && from === bytes.length && endBefore(bytes, from) === '';
    if (last)
      kept.push(isLastRemoved ? last.subarray(0, last.length - endBefore(last, last.length).length) : last);
    return kept;
  }

  /**
   * Replaces the only line of a key, if a new line would be inserted at the same place with the same line end. The
   * result is that of `edited`, without parsing a large file again.
   *
   * @returns undefined in any other case
   */
  #withInPlace(key: string, hash: string): readonly Uint8Array[] | undefined {
    const bytes = this.#bytes;
    const [line, ...more] = linesOf(key, bytes);
    if (line === undefined || more.length > 0 || !line.isEntry) return undefined;
    const { start, place } = line;
    const [end, next] = [lineEndFrom(bytes, place), nextLine(bytes, place)];
    const others = new TokensText({ bytes, places: this.#places.filter((other) => other !== place) });
    const [[, at] = ['', -1]] = others.#placesFor([key]);
    const endOfNeighbour =
      start > 0 ? endBefore(bytes, start) : endAt(bytes, lineEndFrom(bytes, next)) || '\n';
    const isSamePlace = (at === start || at === next) && endAt(bytes, end) === endOfNeighbour;
    return isSamePlace
      ? [bytes.subarray(0, start), Buffer.from(`${key}:${hash}`), bytes.subarray(end)]
      : undefined;
  }

  /** Yields the offsets at which new entries are inserted. @param keys sorted */
  *#placesFor(keys: readonly string[]): Generator<[key: string, at: number], void> {
    const bytes = this.#bytes;
    let previous: number | undefined;
    let next = 0;
    let probe = probeOf(keys[next]);
    for (const place of this.#places) {
      while (probe !== undefined && compareKeys(bytes, place, probe, 0) > 0) {
        yield [
          keys[next] ?? '',
          previous === undefined ? lineStartOf(bytes, place) : nextLine(bytes, previous),
        ];
        probe = probeOf(keys[++next]);
      }
      if (probe === undefined) return;
      previous = place;
    }
    const end = previous === undefined ? bytes.length : nextLine(bytes, previous);
    for (const key of keys.slice(next)) yield [key, end];
  }

  /** Collects all entries, or the wanted ones; it yields after every slice. */
  *#entrySlices(wanted?: ReadonlySet<string>): Generator<unknown, Map<string, string>> {
    const bytes = this.#bytes;
    const entries = new Map<string, string>();
    let sliceStart = 0;
    for (const place of this.#places) {
      const key = keyAt(bytes, place);
      if (wanted?.has(key) ?? true) entries.set(key, hashAt(bytes, place));
      if (place - sliceStart < SLICE_BYTES) continue;
      sliceStart = place;
      yield;
    }
    return entries;
  }
}

const [LF, CR] = [0x0a, 0x0d];

/** A file that the server can read. */
interface Content {
  readonly bytes: Buffer;
  /** The offsets of the keys. */
  readonly places: Int32Array;
}

/** Reads a file; it yields after every slice. */
function* parseSlices(bytes: Buffer, path: string): Generator<unknown, Content> {
  const [judge, malformedBefore, places] = [lineJudge(bytes), utf8Validator(bytes), new Places()];
  let fault: { verdict: Fault; line: number } | undefined;
  let line = 0;
  const visit = (start: number, end: number) => {
    line++;
    if (fault !== undefined) return;
    const key = trimmedStart(bytes, start, end);
    const verdict = judge(start, colonFrom(bytes, key, end), end);
    if (verdict === 'entry') places.push(key);
    else if (typeof verdict === 'object') fault = { verdict, line };
  };
  for (const until of scanLines(bytes, visit)) {
    // The server decodes the whole file before it reads any line.
    const malformed = malformedBefore(until);
    if (malformed !== undefined) {
      let number = 0;
      yield* scanLines(bytes.subarray(0, malformed + 1), () => number++);
      throw unreadable({ kind: 'utf8' }, number, path);
    }
    yield;
  }
  if (fault !== undefined) throw unreadable(fault.verdict, fault.line, path);
  return { bytes, places: places.toArray() };
}

function unreadable(fault: Fault, line: number, path: string): ServiceTokensError {
  return new ServiceTokensError('MALFORMED_FILE', faultMessage(fault, line), {
    hint: `Elasticsearch does not start with this file, or drops every token in it: correct [${path}].`,
  });
}

function atOnce<T>(slices: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value as T;
  }
}

async function inSlices<T>(slices: Generator<unknown, T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value as T;
    await pause();
  }
}

function keyAt(bytes: Buffer, place: number): string {
  return textOf(bytes, place, colonFrom(bytes, place, bytes.length));
}

function hashAt(bytes: Buffer, place: number): string {
  const from = colonFrom(bytes, place, bytes.length) + 1;
  return textOf(bytes, from, trimmedEnd(bytes, from, lineEndFrom(bytes, from)));
}

/** Returns a key in the form that compareKeys expects, with a colon at the end. */
function probeOf(key: string | undefined): Buffer | undefined {
  return key === undefined ? undefined : Buffer.from(`${key}:`);
}

function lineStartOf(bytes: Buffer, place: number): number {
  let start = place;
  while (start > 0 && bytes[start - 1] !== LF && bytes[start - 1] !== CR) start--;
  return start;
}

/** Returns the line end before an offset; empty if the offset is not the beginning of a line. */
function endBefore(bytes: Buffer, at: number): string {
  if (bytes[at - 1] === LF) return bytes[at - 2] === CR ? '\r\n' : '\n';
  return bytes[at - 1] === CR ? '\r' : '';
}

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
  SLICE_BYTES,
  scanLines,
  textOf,
  trimmedEnd,
  trimmedStart,
  utf8Validator,
} from './tokens-lines.js';

/**
 * The content of a tokens file: what the server reads in it, and edits that keep every other line as it is.
 *
 * The content stays bytes, with the place of every key; a name or a hash becomes text when it is asked for. The rules
 * of reading are the server's to the letter. The rules of editing:
 * - a new entry goes where sorted order puts it, directly behind the entry before it, so that a comment above the next
 *   entry stays above that; only before the first entry it comes below the comments, which may be the file's head;
 *   a file that is sorted stays sorted, byte for byte as the original would write it;
 * - a removed key takes every line of it along, duplicates and plain text too, so that no older token comes back;
 * - new lines end as their neighbours do, and a file without an end to its last line keeps it so: to create a token
 *   and delete it again gives back the same bytes.
 */
export class TokensText {
  readonly #chunks: readonly Uint8Array[];
  readonly #path: string;
  #content: Content | undefined;

  private constructor(chunks: readonly Uint8Array[], path: string, content?: Content) {
    this.#chunks = chunks;
    this.#path = path;
    this.#content = content;
  }

  /**
   * Reads the bytes of a tokens file, which must not change afterwards.
   *
   * @param path the file's name, for messages
   * @throws MALFORMED_FILE, with the line's number and nothing of its content, where the server could not read the file
   */
  static parse(bytes: Uint8Array, path: string): TokensText {
    return new TokensText([bytes], path, atOnce(parseSlices(bufferOf(bytes), path)));
  }

  /**
   * Reads the bytes of a tokens file a slice at a time, for a process that has other things to do meanwhile.
   *
   * @param path the file's name, for messages
   * @param pause is awaited after every slice of SLICE_BYTES bytes
   * @throws MALFORMED_FILE as `parse` does, and what `pause` throws
   */
  static async parseInSlices(
    bytes: Uint8Array,
    path: string,
    pause: () => Promise<void>,
  ): Promise<TokensText> {
    return new TokensText([bytes], path, await inSlices(parseSlices(bufferOf(bytes), path), pause));
  }

  /** How many tokens the server loads. */
  get size(): number {
    const { isSorted, places } = this.#parsed();
    if (isSorted) return places.entries;
    let size = 0;
    for (const names of this.nameBatches()) size += names.length;
    return size;
  }

  /** The qualified names of the tokens that the server loads, each once, in the order of their UTF-16 code units. */
  names(): string[] {
    return [...this.nameBatches()].flat();
  }

  /** As `names`, some thousand at a time, for those who do not need all in memory. */
  nameBatches(): Generator<string[], void> {
    const { bytes, places, isSorted } = this.#parsed();
    return sortedNames(bytes, places, isSorted);
  }

  /** Whether the server loads a token of this qualified name. */
  has(key: string): boolean {
    return this.#lastEntryOf(key) !== undefined;
  }

  /** The stored hash that the server loads for a qualified name: of duplicates the last one counts. */
  hashOf(key: string): string | undefined {
    const place = this.#lastEntryOf(key);
    return place === undefined ? undefined : hashAt(this.#parsed().bytes, place);
  }

  /** What the server loads: stored hashes by qualified name. */
  entries(): Map<string, string> {
    return atOnce(entrySlices(this.#parsed()));
  }

  /** As `entries`, with a pause after every slice. */
  entriesInSlices(pause: () => Promise<void>): Promise<Map<string, string>> {
    return inSlices(entrySlices(this.#parsed()), pause);
  }

  /** Removes every line of some keys, then adds entries, whose keys must not be among the entries that are left. */
  edited(removals: ReadonlySet<string>, additions: ReadonlyMap<string, string>): TokensText {
    let text: TokensText = this;
    for (const key of removals) text = text.without(key);
    for (const [key, hash] of additions) text = text.with(key, hash);
    return text;
  }

  /** Adds an entry, whose key must not be among the entries yet. */
  with(key: string, hash: string): TokensText {
    const { bytes } = this.#parsed();
    const at = this.#placeFor(key);
    const before = at === 0 ? '' : endBefore(bytes, at);
    const end = before || endAt(bytes, lineEndFrom(bytes, 0)) || '\n';
    const lacksEnd = at > 0 && before === '';
    const line = lacksEnd ? `${end}${key}:${hash}` : `${key}:${hash}${end}`;
    return new TokensText([bytes.subarray(0, at), Buffer.from(line), bytes.subarray(at)], this.#path);
  }

  /** Removes every line of a key. */
  without(key: string): TokensText {
    const { bytes, places } = this.#parsed();
    const probe = Buffer.from(key);
    const kept: Buffer[] = [];
    let from = 0;
    const keep = (to: number) => {
      // A line that ends at CR and an empty one that ends at LF would be one line, were they to come together.
      if (kept.at(-1)?.at(-1) === CR && bytes[from] === LF && from < to) kept.push(Buffer.from('\n'));
      if (from < to) kept.push(bytes.subarray(from, to));
    };
    for (let i = 0; i < places.length; i++) {
      const place = places.at(i);
      if (compareKeys(bytes, place, probe) !== 0) continue;
      keep(lineStartOf(bytes, place));
      const end = lineEndFrom(bytes, place);
      from = end + endAt(bytes, end).length;
    }
    keep(bytes.length);
    const last = kept.pop();
    // The last line had no end, and has none when another becomes the last.
    const isLastRemoved = from > 0 && from === bytes.length && endBefore(bytes, from) === '';
    if (last)
      kept.push(isLastRemoved ? last.subarray(0, last.length - endBefore(last, last.length).length) : last);
    return new TokensText(kept, this.#path);
  }

  /** The content in parts, for a write that copies nothing. */
  chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  toBytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Where the line of a new entry goes. */
  #placeFor(key: string): number {
    const { bytes, places } = this.#parsed();
    const probe = Buffer.from(key);
    let previous: number | undefined;
    for (let i = 0; i < places.length; i++) {
      if (!places.isEntry(i)) continue;
      const place = places.at(i);
      if (compareKeys(bytes, place, probe) > 0) {
        if (previous === undefined) return lineStartOf(bytes, place);
        break;
      }
      previous = place;
    }
    if (previous === undefined) return bytes.length;
    const end = lineEndFrom(bytes, previous);
    return end + endAt(bytes, end).length;
  }

  #lastEntryOf(key: string): number | undefined {
    const { bytes, places } = this.#parsed();
    const probe = Buffer.from(key);
    for (let i = places.length - 1; i >= 0; i--) {
      if (places.isEntry(i) && compareKeys(bytes, places.at(i), probe) === 0) return places.at(i);
    }
    return undefined;
  }

  /** An edited text is read when something is asked of it: who only writes it pays nothing. */
  #parsed(): Content {
    this.#content ??= atOnce(parseSlices(this.toBytes(), this.#path));
    return this.#content;
  }
}

const [LF, CR] = [0x0a, 0x0d];

/** A file that the server can read. */
interface Content {
  readonly bytes: Buffer;
  readonly places: Places;
  /** Whether the entries stand in the order of their keys, each key once. */
  readonly isSorted: boolean;
}

/** Reads a file; it stops after every slice. */
function* parseSlices(bytes: Buffer, path: string): Generator<unknown, Content> {
  const [judge, malformedBefore, places] = [lineJudge(bytes), utf8Validator(bytes), new Places()];
  let fault: { verdict: Fault; line: number } | undefined;
  let [line, isSorted, lastKey, lastColon] = [0, true, 0, 0];
  const visit = (start: number, end: number) => {
    line++;
    if (fault !== undefined) return;
    const key = trimmedStart(bytes, start, end);
    const colon = colonFrom(bytes, key, end);
    const verdict = judge(start, colon, end);
    if (verdict === 'skipped') return;
    if (typeof verdict === 'object') {
      fault = { verdict, line };
      return;
    }
    places.push(key, verdict === 'entry');
    if (verdict === 'plain') return;
    isSorted &&= places.entries === 1 || compareKeys(bytes, key, bytes, lastKey, lastColon) > 0;
    [lastKey, lastColon] = [key, colon];
  };
  for (const until of scanLines(bytes, visit)) {
    // The server decodes the whole file before it reads a line of it.
    const malformed = malformedBefore(until);
    if (malformed !== undefined) {
      let number = 0;
      yield* scanLines(bytes.subarray(0, malformed + 1), () => number++);
      throw unreadable({ kind: 'utf8' }, number, path);
    }
    yield;
  }
  if (fault !== undefined) throw unreadable(fault.verdict, fault.line, path);
  return { bytes, places, isSorted };
}

function unreadable(fault: Fault, line: number, path: string): ServiceTokensError {
  return new ServiceTokensError('MALFORMED_FILE', faultMessage(fault, line), {
    hint: `Elasticsearch does not start with this file, or drops every token in it: correct [${path}].`,
  });
}

/** Gathers the entries; it stops after every slice. */
function* entrySlices({ bytes, places }: Content): Generator<unknown, Map<string, string>> {
  const entries = new Map<string, string>();
  let sliceStart = 0;
  for (let i = 0; i < places.length; i++) {
    const place = places.at(i);
    if (places.isEntry(i)) entries.set(keyAt(bytes, place), hashAt(bytes, place));
    if (place - sliceStart < SLICE_BYTES) continue;
    sliceStart = place;
    yield;
  }
  return entries;
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

function lineStartOf(bytes: Buffer, place: number): number {
  let start = place;
  while (start > 0 && bytes[start - 1] !== LF && bytes[start - 1] !== CR) start--;
  return start;
}

/** What ends the line before an offset; nothing where that is no line's beginning. */
function endBefore(bytes: Buffer, at: number): string {
  if (bytes[at - 1] === LF) return bytes[at - 2] === CR ? '\r\n' : '\n';
  return bytes[at - 1] === CR ? '\r' : '';
}

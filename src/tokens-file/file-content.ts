import { basename } from 'node:path';
import { knownAccounts } from '../accounts/known-accounts.js';
import { ServiceTokensError } from '../errors.js';
import {
  colonFrom,
  endAt,
  endBefore,
  keyAt,
  LineCursor,
  lineEndFrom,
  lineStartOf,
  nextLine,
  type ParseError,
  startsWith,
  textOf,
  trimmedEnd,
} from './file-lines.js';
import { compareKeys, sortedNames } from './key-order.js';

/** Up to this number, keys are compared as bytes; for more, the key of every line is converted to text. */
const FEW_KEYS = 8;

interface LineChange {
  /** Keys, all lines of which are removed. */
  readonly remove?: Iterable<string>;
  /** Stored hashes by key; the keys must not exist in the rest. */
  readonly add?: ReadonlyMap<string, string>;
}

/**
 * The content of a tokens file: what the server reads in it, and changes that keep all other lines.
 *
 * The content is stored as bytes, with the offset of every key; a name or a hash is converted to text on demand. The
 * rules of reading are exactly the server's. These are the rules of a change:
 * - a new entry is inserted in sorted order, directly after the previous entry, so that a comment stays above the entry
 *   that follows it; a new first entry goes below the comments at the top, which may be the file's header; a sorted
 *   file stays sorted, byte for byte as the original would write it;
 * - a key is removed with all its lines, including duplicates and plain text, so that no older token becomes valid;
 * - new lines have the line end of their neighbors, and if the last line has no end, the new last line has none, except
 *   a blank one, which would no longer be a line: creating and deleting a token restores the same bytes.
 */
export class FileContent {
  readonly #bytes: Buffer;
  /** The offsets of the keys of entries, and of those of plain text. */
  readonly #entries: readonly number[];
  readonly #plain: readonly number[];

  private constructor(bytes: Buffer, entries: readonly number[], plain: readonly number[]) {
    this.#bytes = bytes;
    this.#entries = entries;
    this.#plain = plain;
  }

  /** Reads bytes that do not change afterwards. @throws MALFORMED_FILE, with the number of a line but not its content */
  static parse(content: Uint8Array, path: string): FileContent {
    const [entries, plain]: [number[], number[]] = [[], []];
    const line = new LineCursor(content);
    while (line.next()) {
      const { kind } = line;
      if (kind === 'entry') entries.push(line.keyStart);
      else if (kind === 'plain') plain.push(line.keyStart);
      // The server decodes the whole file before it reads any line.
      else if (kind !== 'skipped' && (line.isUtf8 || kind.problem === 'utf8'))
        throw unreadable(kind, line.number, path);
    }
    return new FileContent(line.bytes, entries, plain);
  }

  /**
   * Refuses to change a file that is something else, such as elasticsearch.yml: it is not called `service_tokens`, and
   * has lines besides comments and blanks, none of which is an entry or a line of a known account.
   *
   * @throws MALFORMED_FILE
   */
  refuseForeign(path: string): void {
    if (basename(path) === 'service_tokens' || this.#entries.length > 0 || this.#plain.length === 0) return;
    const accounts = knownAccounts().map(({ principal }) => Buffer.from(`${principal}/`));
    const isKnown = (key: number) => accounts.some((account) => startsWith(this.#bytes, key, account));
    if (this.#plain.some(isKnown)) return;
    const fact = `[${path}] is not a tokens file: none of its lines is an entry`;
    const hint = 'Name a tokens file, or one that does not exist yet.';
    throw new ServiceTokensError('MALFORMED_FILE', fact, { hint });
  }

  /**
   * Yields the qualified names of the tokens that the server loads, without duplicates, in the order of their UTF-16
   * code units: in pieces, and each followed by LF.
   */
  names(prefix = ''): Generator<string, void> {
    const probe = Buffer.from(prefix);
    const isWanted = (key: number) => startsWith(this.#bytes, key, probe);
    return sortedNames(this.#bytes, prefix === '' ? this.#entries : this.#entries.filter(isWanted));
  }

  /** The same names as a list. */
  nameList(prefix: string): string[] {
    return [...this.names(prefix)].flatMap((lines) => lines.split('\n').slice(0, -1));
  }

  /** The stored hash that the server loads for a qualified name; the last duplicate takes precedence. */
  hashOf(key: string): string | undefined {
    return this.hashesOf([key]).get(key);
  }

  hashesOf(keys: Iterable<string>): Map<string, string> {
    return this.#hashesAt(this.#among(this.#entries, new Set(keys)));
  }

  /** The stored hashes that the server loads, by qualified name. */
  entries(): Map<string, string> {
    return this.#hashesAt(this.#entries);
  }

  /** The content after a change in parts, which can be written without copying; undefined if nothing changes. */
  changed({ remove = [], add = new Map() }: LineChange): readonly Uint8Array[] | undefined {
    const bytes = this.#bytes;
    const keys = new Set(remove);
    const removed = [this.#entries, this.#plain].flatMap((lines) => this.#among(lines, keys));
    const added = this.#positionsOf([...add.keys()].sort(), new Set(removed));
    const edits = [
      ...added.map(([key, at]) => ({ from: at, to: at, line: `${key}:${add.get(key)}` })),
      ...removed.map((key) => ({ from: lineStartOf(bytes, key), to: nextLine(bytes, key), line: undefined })),
    ].sort((a, b) => a.from - b.from || a.to - b.to); // a new line precedes a removed one; the sort is stable

    if (edits.length === 0) return undefined;
    const out = new Output();
    const firstEnd = endAt(bytes, lineEndFrom(bytes, 0)) || '\n';
    let from = 0;
    for (const edit of edits) {
      out.keep(bytes.subarray(from, edit.from));
      if (edit.line !== undefined) out.add(edit.line, firstEnd);
      from = edit.to;
    }
    out.keep(bytes.subarray(from));
    const lacksEnd = bytes.length > 0 && endBefore(bytes, bytes.length) === '';
    return lacksEnd ? out.withoutLastEnd() : out.parts;
  }

  /** Finds where new entries with sorted keys are inserted. @param removed the offsets of keys that go */
  #positionsOf(keys: readonly string[], removed: ReadonlySet<number>): [key: string, at: number][] {
    const bytes = this.#bytes;
    const positions: [string, number][] = [];
    const probes = keys.map((key) => Buffer.from(`${key}:`));
    let previous: number | undefined;
    for (const entry of this.#entries) {
      if (positions.length === keys.length) return positions;
      if (removed.size > 0 && removed.has(entry)) continue;
      for (let i = positions.length; i < keys.length; i++) {
        if (compareKeys(bytes, entry, probes[i] as Buffer, 0) <= 0) break;
        const at = previous === undefined ? lineStartOf(bytes, entry) : nextLine(bytes, previous);
        positions.push([keys[i] as string, at]);
      }
      previous = entry;
    }
    const end = previous === undefined ? bytes.length : nextLine(bytes, previous);
    return [...positions, ...keys.slice(positions.length).map((key): [string, number] => [key, end])];
  }

  /** Those lines that have one of some keys. */
  #among(lines: readonly number[], keys: ReadonlySet<string>): number[] {
    const bytes = this.#bytes;
    if (keys.size === 0) return [];
    if (keys.size > FEW_KEYS) return lines.filter((line) => keys.has(keyAt(bytes, line)));
    const probes = [...keys].filter((key) => !key.includes(':')).map((key) => Buffer.from(`${key}:`));
    return lines.filter((line) => probes.some((probe) => startsWith(bytes, line, probe)));
  }

  #hashesAt(entries: readonly number[]): Map<string, string> {
    const bytes = this.#bytes;
    const hashes = new Map<string, string>();
    for (const entry of entries) {
      const from = colonFrom(bytes, entry, bytes.length) + 1;
      hashes.set(keyAt(bytes, entry), textOf(bytes, from, trimmedEnd(bytes, from, lineEndFrom(bytes, from))));
    }
    return hashes;
  }
}

/** The parts of a changed file: lines that are kept, as bytes of the old file, and new lines. */
class Output {
  readonly parts: Uint8Array[] = [];

  /** Adds lines of the old file. */
  keep(lines: Uint8Array): void {
    if (lines.length === 0) return;
    // A CR that ends one line, directly followed by the LF of an empty line, would be a single line end.
    if (this.#lastEnd() === '\r' && endAt(lines, 0) === '\n') this.parts.push(Buffer.from('\n'));
    this.parts.push(lines);
  }

  /** Adds a new line, with the end of the line before it; `firstEnd` if there is none. */
  add(line: string, firstEnd: string): void {
    const end = this.#lastEnd();
    if (end === '' && this.parts.length > 0) this.parts.push(Buffer.from(firstEnd));
    this.parts.push(Buffer.from(`${line}${end || firstEnd}`));
  }

  withoutLastEnd(): readonly Uint8Array[] {
    const last = this.parts.at(-1);
    const content = last?.subarray(0, last.length - this.#lastEnd().length);
    // Every part begins with a line.
    const isBlank = !content?.length || endBefore(content, content.length) !== '';
    return isBlank ? this.parts : [...this.parts.slice(0, -1), content];
  }

  #lastEnd(): string {
    const last = this.parts.at(-1);
    return last === undefined ? '' : endBefore(last, last.length);
  }
}

function unreadable({ problem, reason }: ParseError, line: number, path: string): ServiceTokensError {
  const where = problem === 'hash' ? `(line #${line})` : `at line #${line}`;
  const isNamed = basename(path) === 'service_tokens';
  const other = isNamed ? '' : ' If it is not a tokens file, leave it as it is, and name another.';
  return new ServiceTokensError('MALFORMED_FILE', `${reason} ${where}`, {
    hint: `Elasticsearch does not start with this file, or drops every token in it: correct [${path}].${other}`,
  });
}

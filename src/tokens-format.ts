import { ServiceTokensError } from './errors.js';
import { isBlank, trim } from './java-text.js';
import { readStoredHash } from './stored-hash.js';

/** One line of a tokens file, as it stands. */
interface Line {
  readonly text: string;
  /** What ends it; only the last line may lack an end. */
  readonly end: LineEnd;
  /** The qualified name before the colon; undefined for a comment or a blank line. */
  readonly key?: string;
  /** The stored hash behind the colon; undefined for plain text, which the server skips. */
  readonly hash?: string;
}

type LineEnd = '\n' | '\r\n' | '\r' | '';
const LINE_END = /\r\n|\n|\r/;

/**
 * The content of a tokens file: what the server reads in it, and edits that keep every other line as it is.
 *
 * The rules of reading are the server's to the letter (oracle/BEHAVIOUR.md, section 6). The rules of editing:
 * - a new entry goes where sorted order puts it, directly behind the entry before it, so that a comment above the next
 *   entry stays above that; only before the first entry it comes below the comments, which may be the file's head. A file that is sorted stays sorted, byte for byte as the original would write it;
 * - a removed key takes every line of it along, duplicates and plain text too, so that no older token comes back;
 * - new lines end as their neighbours do, and a file without an end to its last line keeps it so: to create a token
 *   and delete it again gives back the same bytes.
 */
export class TokensText {
  readonly #lines: readonly Line[];
  /** What the server loads: of duplicate keys the last one counts. */
  readonly entries: ReadonlyMap<string, string>;

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
    this.entries = new Map(
      lines.flatMap(({ key, hash }) => (key === undefined || hash === undefined ? [] : [[key, hash]])),
    );
  }

  /**
   * Reads the bytes of a tokens file.
   *
   * @param path the file's name, for messages
   * @throws MALFORMED_FILE, with the line's number and nothing of its content, where the server could not read the file
   */
  static parse(bytes: Uint8Array, path: string): TokensText {
    const raw = decode(bytes, path).match(/[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g) ?? [];
    return new TokensText(raw.map((line, index) => readLine(line, index + 1, path)));
  }

  /** The keys of the entries, in the order of their UTF-16 code units. */
  get keys(): string[] {
    return [...this.entries.keys()].sort();
  }

  /** Adds an entry, whose key must not be among the entries yet. */
  with(key: string, hash: string): TokensText {
    const lines = [...this.#lines];
    const at = this.#placeOf(key);
    const before = lines[at - 1];
    const neighbour = before ?? lines[at];
    const end = lines.map((line) => line.end).find((lineEnd) => lineEnd !== '') ?? '\n';
    if (before?.end === '') lines[at - 1] = { ...before, end };
    const own = before?.end === '' ? '' : neighbour?.end || end;
    lines.splice(at, 0, { text: `${key}:${hash}`, end: own, key, hash });
    return new TokensText(lines);
  }

  /** Removes every line of a key. */
  without(key: string): TokensText {
    const lines = this.#lines.filter((line) => line.key !== key).map(keepApart);
    const last = lines.at(-1);
    // The last line had no end, and has none when another becomes the last.
    if (last && this.#lines.at(-1)?.end === '') lines[lines.length - 1] = { ...last, end: '' };
    return new TokensText(lines);
  }

  toBytes(): Buffer {
    return Buffer.from(this.#lines.map(({ text, end }) => text + end).join(''), 'utf8');
  }

  #placeOf(key: string): number {
    const entries = [...this.#lines.entries()].filter(([, line]) => line.hash !== undefined);
    const next = entries.findIndex(([, line]) => (line.key ?? '') > key);
    if (next === 0) return entries[0]?.[0] ?? 0;
    const previous = entries.at(next < 0 ? -1 : next - 1);
    return previous === undefined ? this.#lines.length : previous[0] + 1;
  }
}

/** A line that ends at CR and an empty one that ends at LF would be one line, were they to come together. */
function keepApart(line: Line, index: number, lines: readonly Line[]): Line {
  const next = lines[index + 1];
  return line.end === '\r' && next?.text === '' && next.end === '\n' ? { ...line, end: '\r\n' } : line;
}

function decode(bytes: Uint8Array, path: string): string {
  // The server does not drop a byte order mark: it becomes a part of the first key.
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw malformed(`Malformed UTF-8 at line #${firstLineThatFails(utf8, bytes)}`, path, cause);
  }
}

function firstLineThatFails(utf8: InstanceType<typeof TextDecoder>, bytes: Uint8Array): number {
  const lines = Buffer.from(bytes).toString('latin1').split(LINE_END);
  const fails = (line: string) => {
    try {
      utf8.decode(Buffer.from(line, 'latin1'));
      return false;
    } catch {
      return true;
    }
  };
  return lines.findIndex(fails) + 1;
}

function readLine(raw: string, number: number, path: string): Line {
  const end = (/(?:\r\n|\n|\r)$/.exec(raw)?.[0] ?? '') as LineEnd;
  const text = raw.slice(0, raw.length - end.length);
  if (text.startsWith('#') || isBlank(text)) return { text, end };
  const trimmed = trim(text);
  const colon = trimmed.indexOf(':');
  if (colon < 0) throw malformed(`Missing ':' character at line #${number}`, path);
  const key = trimmed.slice(0, colon);
  const value = trimmed.slice(colon + 1);
  try {
    return readStoredHash(value) ? { text, end, key, hash: value } : { text, end, key };
  } catch (cause) {
    throw malformed(`${(cause as Error).message} (line #${number})`, path, cause);
  }
}

function malformed(message: string, path: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('MALFORMED_FILE', message, {
    hint: `Elasticsearch does not start with this file, or drops every token in it: correct [${path}].`,
    cause,
  });
}

import { ServiceTokensError } from './errors.js';
import { isBlank, trim } from './java-text.js';
import { readStoredHash } from './stored-hash.js';

/** One line of a tokens file, as it stands. */
export interface Line {
  readonly text: string;
  /** What ends it; only the last line may lack an end. */
  readonly end: LineEnd;
  /** The qualified name before the colon; undefined for a comment or a blank line. */
  readonly key?: string;
  /** The stored hash behind the colon; undefined for plain text, which the server skips. */
  readonly hash?: string;
  /** Why the server can't read the file, with the line's number and nothing of its content. */
  readonly fault?: string;
}

export type LineEnd = '\n' | '\r\n' | '\r' | '';
const LINES = /[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g;

/**
 * The content of a tokens file: what the server reads in it, and edits that keep every other line as it is.
 *
 * The rules of reading are the server's to the letter (oracle/BEHAVIOUR.md, section 6). The rules of editing:
 * - a new entry goes where sorted order puts it, directly behind the entry before it, so that a comment above the next
 *   entry stays above that; only before the first entry it comes below the comments, which may be the file's head;
 *   a file that is sorted stays sorted, byte for byte as the original would write it;
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
    const lines = readLines(bytes);
    // The server decodes the whole file before it reads a line of it.
    const fault =
      lines.find((line) => line.fault?.startsWith(MALFORMED_UTF8)) ?? lines.find((line) => line.fault);
    if (fault === undefined) return new TokensText(lines);
    throw new ServiceTokensError('MALFORMED_FILE', fault.fault ?? '', {
      hint: `Elasticsearch does not start with this file, or drops every token in it: correct [${path}].`,
    });
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

const MALFORMED_UTF8 = 'Malformed UTF-8';

/**
 * Reads every line of a tokens file, those that the server can't read too.
 *
 * @returns the lines in their order; a line that is not valid UTF-8 has no text
 */
export function readLines(bytes: Uint8Array): Line[] {
  const text = decode(bytes);
  if (text !== undefined) return (text.match(LINES) ?? []).map((raw, index) => readLine(raw, index + 1));
  // No byte of a longer sequence is a CR or an LF, so the lines can be told apart before they are decoded.
  return (Buffer.from(bytes).toString('latin1').match(LINES) ?? []).map((raw, index) => {
    const line = decode(Buffer.from(raw, 'latin1'));
    if (line !== undefined) return readLine(line, index + 1);
    return { text: '', end: endOf(raw), fault: `${MALFORMED_UTF8} at line #${index + 1}` };
  });
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    // The server does not drop a byte order mark: it becomes a part of the first key.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function endOf(raw: string): LineEnd {
  return (/(?:\r\n|\n|\r)$/.exec(raw)?.[0] ?? '') as LineEnd;
}

function readLine(raw: string, number: number): Line {
  const end = endOf(raw);
  const text = raw.slice(0, raw.length - end.length);
  if (text.startsWith('#') || isBlank(text)) return { text, end };
  const trimmed = trim(text);
  const colon = trimmed.indexOf(':');
  if (colon < 0) return { text, end, fault: `Missing ':' character at line #${number}` };
  const key = trimmed.slice(0, colon);
  const value = trimmed.slice(colon + 1);
  try {
    return readStoredHash(value) ? { text, end, key, hash: value } : { text, end, key };
  } catch (error) {
    return { text, end, key, fault: `${(error as Error).message} (line #${number})` };
  }
}

/** The rules of a line of a tokens file: exactly the server's (docs/server-behaviour.md, "File format"). */
import { isUtf8 } from 'node:buffer';
import { classify, headerOf } from '../hash/stored-hash.js';
import { isBlank } from '../java-text.js';

/**
 * How much of a line is converted to text, in bytes. No account and no hash that a secret can match is nearly as long,
 * so the rest is classified only as bytes.
 */
export const MAX_TEXT_BYTES = 1024 * 1024;
/** About one for each scheme and cost; lines with further spellings of a cost are classified as text. */
const MAX_HEADERS = 16;

const [LF, CR, SPACE, HASH_SIGN, DOLLAR, COLON, BRACE] = [0x0a, 0x0d, 0x20, 0x23, 0x24, 0x3a, 0x7b];

/** Why the server cannot read a line, if possible in the original's words, without any of its content. */
export interface ParseError {
  readonly problem: 'utf8' | 'colon' | 'hash';
  readonly reason: string;
}

/** How the server reads a line: as a comment or blank, an entry, plain text that it ignores, or not at all. */
export type LineKind = 'skipped' | 'entry' | 'plain' | ParseError;

/** Goes through the lines of a tokens file, also those that the server cannot read, without an object for each. */
export class LineCursor {
  readonly bytes: Buffer;
  readonly isUtf8: boolean;
  /** Counted from 1. */
  number = 0;
  kind: LineKind = 'skipped';
  /** The offset of what Java's String.trim keeps of the line. */
  keyStart = 0;
  #start = 0;
  /** The offset of the first colon, or else of the end of the content. */
  #colon = 0;
  #end = -1;
  #lf = -1;
  #cr = -1;
  /** Of hashes: millions of lines have few different ones, and the server ignores the part after the header. */
  readonly #headers: Buffer[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.isUtf8 = isUtf8(bytes);
  }

  /** Goes to the next line. @returns whether there is one */
  next(): boolean {
    const bytes = this.bytes;
    const start = this.#end < 0 ? 0 : afterEnd(bytes, this.#end);
    if (start >= bytes.length) return false;
    if (this.#lf < start) this.#lf = find(bytes, LF, start);
    if (this.#cr < start) this.#cr = find(bytes, CR, start);
    this.number++;
    this.#start = start;
    this.#end = Math.min(this.#lf, this.#cr);
    this.keyStart = trimmedStart(bytes, start, this.#end);
    this.#colon = colonFrom(bytes, this.keyStart, this.#end);
    this.kind = this.#classify(start, this.#colon, this.#end);
    return true;
  }

  /** The whole line; empty if it is not UTF-8. This and other texts are cut off at MAX_TEXT_BYTES. */
  get text(): string {
    return this.#isMalformed() ? '' : textOf(this.bytes, this.#start, this.#end);
  }

  /** The text before the first colon. */
  get key(): string {
    return textOf(this.bytes, this.keyStart, this.#colon);
  }

  /** The text after the first colon. */
  get value(): string {
    const from = this.#colon + 1;
    return textOf(this.bytes, from, trimmedEnd(this.bytes, from, this.#end));
  }

  /** LF, CRLF or CR; only the last line may have none. */
  get lineEnd(): string {
    return endAt(this.bytes, this.#end);
  }

  #isMalformed(): boolean {
    return !this.isUtf8 && !isUtf8(this.bytes.subarray(this.#start, this.#end));
  }

  #classify(start: number, colon: number, end: number): LineKind {
    const { bytes } = this;
    if (this.#isMalformed()) return { problem: 'utf8', reason: 'Malformed UTF-8' };
    if (bytes[start] === HASH_SIGN || start === end) return 'skipped';
    if (colon === end)
      return isBlank(this.text) ? 'skipped' : { problem: 'colon', reason: "Missing ':' character" };
    const first = bytes[colon + 1];
    if (first !== BRACE && first !== DOLLAR) return 'plain';
    for (const header of this.#headers) if (startsWith(bytes, colon + 1, header, end)) return 'entry';
    const { value } = this;
    const hash = classify(value);
    if (hash === undefined) return 'plain';
    if (typeof hash === 'string') return { problem: 'hash', reason: hash };
    const header = headerOf(value);
    if (header !== undefined && this.#headers.length < MAX_HEADERS) this.#headers.push(Buffer.from(header));
    return 'entry';
  }
}

/** The offset of a byte; the end if it is not found. */
function find(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

/** The line end at an offset, where the content of a line ends. */
export function endAt(bytes: Uint8Array, end: number): string {
  if (bytes[end] === LF) return '\n';
  if (bytes[end] !== CR) return '';
  return bytes[end + 1] === LF ? '\r\n' : '\r';
}

/** The line end before an offset; empty if the offset is not the beginning of a line. */
export function endBefore(bytes: Uint8Array, at: number): string {
  if (bytes[at - 1] === LF) return bytes[at - 2] === CR ? '\r\n' : '\n';
  return bytes[at - 1] === CR ? '\r' : '';
}

/** The beginning of the line at an offset. */
export function lineStartOf(bytes: Buffer, at: number): number {
  let start = at;
  while (start > 0 && bytes[start - 1] !== LF && bytes[start - 1] !== CR) start--;
  return start;
}

/** The end of the content of the line at an offset. */
export function lineEndFrom(bytes: Buffer, from: number): number {
  let end = from;
  while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
  return end;
}

/** The beginning of the line after the one at an offset. */
export function nextLine(bytes: Buffer, from: number): number {
  return afterEnd(bytes, lineEndFrom(bytes, from));
}

function afterEnd(bytes: Buffer, end: number): number {
  return end + endAt(bytes, end).length;
}

/** The offset of the first byte that Java's String.trim keeps of a line; its end if nothing is kept. */
function trimmedStart(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) <= SPACE) at++;
  return at;
}

/** The end of the part that Java's String.trim keeps of a line. */
export function trimmedEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] as number) <= SPACE) at--;
  return at;
}

/** The offset of the first colon of a line; the end of the line if it has none. */
export function colonFrom(bytes: Buffer, from: number, end: number): number {
  const nearby = Math.min(end, from + 256);
  for (let at = from; at < nearby; at++) if (bytes[at] === COLON) return at;
  return nearby === end ? end : find(bytes.subarray(0, end), COLON, nearby);
}

/** A part of the file as text, cut off at MAX_TEXT_BYTES. */
export function textOf(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('utf8', from, Math.min(to, from + MAX_TEXT_BYTES));
}

/** The key at an offset, which a colon ends. */
export function keyAt(bytes: Buffer, key: number): string {
  return textOf(bytes, key, colonFrom(bytes, key, bytes.length));
}

/** Whether some bytes are at an offset, before an end. */
export function startsWith(bytes: Buffer, from: number, wanted: Buffer, end = bytes.length): boolean {
  if (from + wanted.length > end) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false;
  return true;
}

/** The rules of a line of a tokens file: exactly the server's (docs/server-behaviour.md, "File format"). */
import { isUtf8 } from 'node:buffer';
import { classify, headerOf } from '../hash/stored-hash.js';
import { isBlank } from '../java-text.js';

/**
 * How much of a line is converted to text, in bytes. No account and no hash that a secret can match is nearly as long,
 * so the rest is classified only as bytes.
 */
export const MAX_TEXT_BYTES = 1024 * 1024;

const [LF, CR, SPACE, HASH_SIGN, DOLLAR, COLON, BRACE] = [0x0a, 0x0d, 0x20, 0x23, 0x24, 0x3a, 0x7b];

/** Why the server cannot read a line. */
export interface ParseError {
  readonly problem: 'utf8' | 'colon' | 'hash';
  /** For a hash: what is wrong with its header, if possible in the original's words. */
  readonly detail?: string;
}

/** How the server reads a line: as a comment or blank, an entry, plain text that it ignores, or not at all. */
export type LineKind = 'skipped' | 'entry' | 'plain' | ParseError;

/** The end of a line; only the last line may lack one. */
export type LineEnd = '\n' | '\r\n' | '\r' | '';

/** A line of a tokens file, for `check`; no text is longer than MAX_TEXT_BYTES. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly kind: LineKind;
  /** The whole line; empty if it is not UTF-8. */
  readonly text: string;
  readonly end: LineEnd;
  /** The text before and after the first colon; undefined if the server finds no colon, or does not search for one. */
  readonly key?: string;
  readonly value?: string;
}

/** Returns a sentence that says why the server cannot read a line, without any of its content. */
export function parseErrorMessage({ problem, detail }: ParseError, line: number): string {
  switch (problem) {
    case 'utf8':
      return `Malformed UTF-8 at line #${line}`;
    case 'colon':
      return `Missing ':' character at line #${line}`;
    case 'hash':
      return `${detail} (line #${line})`;
  }
}

/**
 * Goes through the lines of a file, without making an object for each.
 *
 * @example for (const line = new LineCursor(bytes); line.next(); ) visit(line.start, line.end);
 */
export class LineCursor {
  /** The offset of the line, and that of its end, where its content ends. */
  start = 0;
  end = -1;
  readonly #bytes: Buffer;
  #lf = -1;
  #cr = -1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Goes to the next line. @returns whether there is one */
  next(): boolean {
    const bytes = this.#bytes;
    if (this.end >= 0) this.start = afterEnd(bytes, this.end);
    if (this.start >= bytes.length) return false;
    if (this.#lf < this.start) this.#lf = find(bytes, LF, this.start);
    if (this.#cr < this.start) this.#cr = find(bytes, CR, this.start);
    this.end = Math.min(this.#lf, this.#cr);
    return true;
  }
}

/** @returns the offset of a byte; the end if it is not found */
function find(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

/** Returns the line end at an offset, where the content of a line ends. */
export function endAt(bytes: Uint8Array, end: number): LineEnd {
  if (bytes[end] === LF) return '\n';
  if (bytes[end] !== CR) return '';
  return bytes[end + 1] === LF ? '\r\n' : '\r';
}

/** Returns the line end before an offset; empty if the offset is not the beginning of a line. */
export function endBefore(bytes: Uint8Array, at: number): LineEnd {
  if (bytes[at - 1] === LF) return bytes[at - 2] === CR ? '\r\n' : '\n';
  return bytes[at - 1] === CR ? '\r' : '';
}

/** Returns the beginning of the line at an offset. */
export function lineStartOf(bytes: Buffer, at: number): number {
  let start = at;
  while (start > 0 && bytes[start - 1] !== LF && bytes[start - 1] !== CR) start--;
  return start;
}

/** Returns the end of the content of the line at an offset. */
export function lineEndFrom(bytes: Buffer, from: number): number {
  let end = from;
  while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
  return end;
}

/** Returns the beginning of the line after the one at an offset. */
export function nextLine(bytes: Buffer, from: number): number {
  return afterEnd(bytes, lineEndFrom(bytes, from));
}

/** Returns the beginning of the next line, if the content of a line ends at an offset. */
function afterEnd(bytes: Buffer, end: number): number {
  return end + endAt(bytes, end).length;
}

/** Returns the offset of the first byte that Java's String.trim keeps of a line; its end if nothing is kept. */
export function trimmedStart(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) <= SPACE) at++;
  return at;
}

/** Returns the end of the part that Java's String.trim keeps of a line. */
export function trimmedEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] as number) <= SPACE) at--;
  return at;
}

/** Returns the offset of the first colon of a line; the end of the line if it has none. */
export function colonFrom(bytes: Buffer, from: number, end: number): number {
  const nearby = Math.min(end, from + 256);
  for (let at = from; at < nearby; at++) if (bytes[at] === COLON) return at;
  return nearby === end ? end : find(bytes.subarray(0, end), COLON, nearby);
}

/** Returns a part of the file as text, cut off at MAX_TEXT_BYTES. */
export function textOf(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('utf8', from, Math.min(to, from + MAX_TEXT_BYTES));
}

/** Whether a part of the file begins with some bytes. */
export function startsWith(bytes: Buffer, from: number, end: number, header: Buffer): boolean {
  if (from + header.length > end) return false;
  for (let i = 0; i < header.length; i++) if (bytes[from + i] !== header[i]) return false;
  return true;
}

/** About one for each scheme and cost; lines with further spellings of a cost are classified as text. */
const MAX_HEADERS = 16;

/**
 * Creates the function that classifies the lines of a file. It caches the headers of hashes, because millions of lines
 * have few different ones, and the server ignores the part after the header.
 *
 * @returns a function that returns how the server reads the line at some offsets, apart from its encoding
 */
export function lineClassifier(bytes: Buffer): (start: number, colon: number, end: number) => LineKind {
  const headers: Buffer[] = [];

  return (start, colon, end) => {
    if (bytes[start] === HASH_SIGN || start === end) return 'skipped';
    if (colon === end) return isBlank(textOf(bytes, start, end)) ? 'skipped' : { problem: 'colon' };
    const first = bytes[colon + 1];
    if (first !== BRACE && first !== DOLLAR) return 'plain';
    for (const header of headers) if (startsWith(bytes, colon + 1, end, header)) return 'entry';
    const text = textOf(bytes, colon + 1, trimmedEnd(bytes, colon + 1, end));
    const hash = classify(text);
    if (hash === undefined) return 'plain';
    if (typeof hash === 'string') return { problem: 'hash', detail: hash };
    const header = headerOf(text);
    if (header !== undefined && headers.length < MAX_HEADERS) headers.push(Buffer.from(header));
    return 'entry';
  };
}

/** Yields the lines of a tokens file, also those that the server cannot read, except empty lines that end at LF. */
export function* readLines(bytes: Uint8Array): Generator<Line, void> {
  const buffer = bufferOf(bytes);
  const kindOf = lineClassifier(buffer);
  const isValid = isUtf8(buffer);
  let number = 0;
  for (const line = new LineCursor(buffer); line.next(); ) {
    const { start, end } = line;
    number++;
    if (start === end && buffer[end] === LF) continue;
    const common = { number, end: endAt(buffer, end) };
    if (!isValid && !isUtf8(buffer.subarray(start, end))) {
      yield { ...common, kind: { problem: 'utf8' }, text: '' };
      continue;
    }
    const colon = colonFrom(buffer, start, end);
    const kind = kindOf(start, colon, end);
    const whole = { ...common, kind, text: textOf(buffer, start, end) };
    if (kind === 'skipped' || colon === end) yield whole;
    else {
      const key = textOf(buffer, trimmedStart(buffer, start, end), colon);
      yield { ...whole, key, value: textOf(buffer, colon + 1, trimmedEnd(buffer, colon + 1, end)) };
    }
  }
}

/** Returns a Buffer that shares the memory. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

import { isUtf8 } from 'node:buffer';
import { classify, headerOf } from '../hash/stored-hash.js';
import { isBlank } from '../java-text.js';

/** How many bytes are read without a pause: less than 10 ms on a slow machine, even if all lines are short. */
export const SLICE_BYTES = 64 * 1024;

/**
 * How much of a line is converted to text, in bytes. No account and no hash that a secret can match is nearly as long,
 * so the rest is judged only as bytes.
 */
export const MAX_TEXT_BYTES = 1024 * 1024;

const [LF, CR, SPACE, HASH_SIGN, DOLLAR, COLON, BRACE] = [0x0a, 0x0d, 0x20, 0x23, 0x24, 0x3a, 0x7b];

/** Why the server cannot read a line. */
export interface Fault {
  readonly kind: 'utf8' | 'colon' | 'hash';
  /** For a hash: what is wrong with its header, if possible in the original's words. */
  readonly detail?: string;
}

/** How the server reads a line: as a comment or blank, an entry, plain text that it ignores, or a fault. */
export type Verdict = 'skipped' | 'entry' | 'plain' | Fault;

/** The end of a line; only the last line may lack one. */
export type LineEnd = '\n' | '\r\n' | '\r' | '';

/** A line of a tokens file, for `check`; no text is longer than MAX_TEXT_BYTES. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly verdict: Verdict;
  /** The whole line; empty if it is not UTF-8. */
  readonly text: string;
  readonly end: LineEnd;
  /** The text before and after the first colon; undefined if the server finds no colon, or does not search for one. */
  readonly key?: string;
  readonly value?: string;
}

/** Returns a sentence that says why the server cannot read a line, without any of its content. */
export function faultMessage({ kind, detail }: Fault, line: number): string {
  switch (kind) {
    case 'utf8':
      return `Malformed UTF-8 at line #${line}`;
    case 'colon':
      return `Missing ':' character at line #${line}`;
    case 'hash':
      return `${detail} (line #${line})`;
  }
}

/**
 * Finds the lines of a file, slice by slice.
 *
 * @param visit called with the offset of each line and of its end
 * @returns the offset reached, after each slice
 */
export function* scanLines(
  bytes: Buffer,
  visit: (start: number, end: number) => void,
): Generator<number, void> {
  let start = 0;
  for (let from = 0; from < bytes.length; ) {
    const stop = Math.min(from + SLICE_BYTES, bytes.length);
    const slice = bytes.subarray(0, stop);
    let [lf, cr] = [find(slice, LF, from), find(slice, CR, from)];
    for (let end = Math.min(lf, cr); end < stop; end = Math.min(lf, cr)) {
      visit(start, end);
      start = behindEnd(bytes, end);
      if (lf < start) lf = find(slice, LF, start);
      if (cr < start) cr = find(slice, CR, start);
    }
    from = Math.max(stop, start); // a CRLF may span two slices
    yield from;
  }
  if (start < bytes.length) visit(start, bytes.length);
}

/** @returns the offset of a byte; the end if it is not found */
function find(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

/** Returns the line end at an offset, where the content of a line ends. */
export function endAt(bytes: Buffer, end: number): LineEnd {
  if (bytes[end] === LF) return '\n';
  if (bytes[end] !== CR) return '';
  return bytes[end + 1] === LF ? '\r\n' : '\r';
}

/** Returns the end of the content of the line at an offset. */
export function lineEndFrom(bytes: Buffer, from: number): number {
  let end = from;
  while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
  return end;
}

/** Returns the beginning of the line after the one at an offset. */
export function nextLine(bytes: Buffer, from: number): number {
  return behindEnd(bytes, lineEndFrom(bytes, from));
}

/** Returns the beginning of the next line, if the content of a line ends at an offset. */
function behindEnd(bytes: Buffer, end: number): number {
  if (end === bytes.length) return end;
  return end + (bytes[end] === CR && bytes[end + 1] === LF ? 2 : 1);
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

/**
 * Creates the function that judges the lines of a file. It caches the headers of hashes, because millions of lines have
 * few different ones, and the server ignores the part after the header.
 *
 * @returns a function that returns how the server reads the line at some offsets, apart from its encoding
 */
export function lineJudge(bytes: Buffer): (start: number, colon: number, end: number) => Verdict {
  const headers: Buffer[] = [];

  return (start, colon, end) => {
    if (bytes[start] === HASH_SIGN || start === end) return 'skipped';
    if (colon === end) return isBlankLine(bytes, start, end) ? 'skipped' : { kind: 'colon' };
    const first = bytes[colon + 1];
    if (first !== BRACE && first !== DOLLAR) return 'plain';
    for (const header of headers) if (startsWith(bytes, colon + 1, end, header)) return 'entry';
    const text = textOf(bytes, colon + 1, trimmedEnd(bytes, colon + 1, end));
    const hash = classify(text);
    if (hash === undefined) return 'plain';
    if (hash.scheme === 'malformed') return { kind: 'hash', detail: hash.reason };
    const header = headerOf(hash, text);
    if (header !== undefined && headers.length < MAX_HEADERS) headers.push(Buffer.from(header));
    return 'entry';
  };
}

/** A line of a key, in a file that the server can read. */
export interface LineOfKey {
  /** The offsets of the line and of its key. */
  readonly start: number;
  readonly place: number;
  /** Whether the server loads it; otherwise it is plain text. */
  readonly isEntry: boolean;
}

/** Finds the lines of a key. It searches the file for the key, which is faster than reading every line. */
export function* linesOf(key: string, bytes: Buffer): Generator<LineOfKey, void> {
  if (/^[\0- ]|[:\r\n]/.test(key)) return; // no line has such a key, but its text may be in the file
  const judge = lineJudge(bytes);
  const probe = Buffer.from(`${key}:`);
  for (let place = bytes.indexOf(probe); place >= 0; place = bytes.indexOf(probe, place + 1)) {
    let start = place;
    while (start > 0 && !isLineEnd(bytes[start - 1]) && (bytes[start - 1] as number) <= SPACE) start--;
    if (start > 0 && !isLineEnd(bytes[start - 1])) continue;
    const verdict = judge(start, place + probe.length - 1, lineEndFrom(bytes, place));
    if (verdict !== 'skipped') yield { start, place, isEntry: verdict === 'entry' };
  }
}

/** Up to this number, keys are searched one by one; for more, every line is read. */
const FEW_KEYS = 8;

/** Finds the lines of some keys, in their order in the file. */
export function linesOfKeys(keys: ReadonlySet<string>, bytes: Buffer): LineOfKey[] {
  if (keys.size <= FEW_KEYS) {
    return [...keys].flatMap((key) => [...linesOf(key, bytes)]).sort((a, b) => a.start - b.start);
  }
  const judge = lineJudge(bytes);
  const found: LineOfKey[] = [];
  const visit = (start: number, end: number) => {
    const place = trimmedStart(bytes, start, end);
    const colon = colonFrom(bytes, place, end);
    const verdict = colon === end ? 'skipped' : judge(start, colon, end);
    if (verdict === 'skipped' || !keys.has(textOf(bytes, place, colon))) return;
    found.push({ start, place, isEntry: verdict === 'entry' });
  };
  for (const _ of scanLines(bytes, visit));
  return found;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

/** About one for each scheme and cost; lines with further spellings of a cost are judged as text. */
const MAX_HEADERS = 16;

/** Whether a part of the file begins with some bytes. */
export function startsWith(bytes: Buffer, from: number, end: number, header: Buffer): boolean {
  if (from + header.length > end) return false;
  for (let i = 0; i < header.length; i++) if (bytes[from + i] !== header[i]) return false;
  return true;
}

function isBlankLine(bytes: Buffer, start: number, end: number): boolean {
  for (let from = start; from < end; ) {
    const to = characterStart(bytes, from, Math.min(end, from + 4096));
    if (!isBlank(bytes.toString('utf8', from, to))) return false;
    from = to;
  }
  return true;
}

/** Returns the last offset, up to `to`, at which a character begins; `to` itself if the bytes are not UTF-8. */
function characterStart(bytes: Buffer, from: number, to: number): number {
  for (let at = to; at > from && at > to - 4; at--) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at;
  return to;
}

/**
 * Creates a function that checks the encoding of a file part by part.
 *
 * @returns a function that continues up to an offset, and returns the offset of the first malformed character, or
 *   undefined
 */
export function utf8Validator(bytes: Buffer): (to: number) => number | undefined {
  let from = 0;
  return (to) => {
    const until = characterStart(bytes, from, to);
    if (isUtf8(bytes.subarray(from, until))) {
      from = until;
      return undefined;
    }
    while (isUtf8(bytes.subarray(from, from + characterLength(bytes[from] as number)))) {
      from += characterLength(bytes[from] as number);
    }
    return from;
  };
}

function characterLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Yields the lines of a tokens file, also those that the server cannot read, except empty lines that end at LF. */
export function* readLines(bytes: Uint8Array): Generator<Line, void> {
  const buffer = bufferOf(bytes);
  const judge = lineJudge(buffer);
  let number = 0;
  let places: number[] = [];
  const slices = scanLines(buffer, (start, end) => void places.push(start, end));
  for (let isLast = false; !isLast; ) {
    isLast = slices.next().done === true; // the last line, which may lack an end, comes after all slices
    // Usually one check of the whole slice is enough.
    const isValid = isUtf8(buffer.subarray(places[0], places.at(-1)));
    for (let i = 0; i < places.length; i += 2) {
      const [start, end] = [places[i] as number, places[i + 1] as number];
      number++;
      if (start === end && buffer[end] === LF) continue;
      yield readLine(buffer, number, start, end, isValid || isUtf8(buffer.subarray(start, end)), judge);
    }
    places = [];
  }
}

function readLine(
  bytes: Buffer,
  number: number,
  start: number,
  end: number,
  isValid: boolean,
  judge: ReturnType<typeof lineJudge>,
): Line {
  if (!isValid) return { number, end: endAt(bytes, end), verdict: { kind: 'utf8' }, text: '' };
  const colon = colonFrom(bytes, start, end);
  const verdict = judge(start, colon, end);
  const line = { number, end: endAt(bytes, end), verdict, text: textOf(bytes, start, end) };
  if (verdict === 'skipped' || colon === end) return line;
  return {
    ...line,
    key: textOf(bytes, trimmedStart(bytes, start, end), colon),
    value: textOf(bytes, colon + 1, trimmedEnd(bytes, colon + 1, end)),
  };
}

/** Returns a Buffer that shares the memory. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

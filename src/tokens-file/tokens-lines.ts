import { isUtf8 } from 'node:buffer';
import { classify, headerOf } from '../hash/stored-hash.js';
import { isBlank } from '../java-text.js';

/** How many bytes are looked at in one go: less than 10 ms on a slow machine, though all of them were short lines. */
export const SLICE_BYTES = 64 * 1024;

/**
 * How much of a line becomes text, in bytes. No account and no hash that a secret can match comes near it, so of more
 * only the bytes are judged.
 */
export const MAX_TEXT_BYTES = 1024 * 1024;

const [LF, CR, SPACE, HASH_SIGN, DOLLAR, COLON, BRACE] = [0x0a, 0x0d, 0x20, 0x23, 0x24, 0x3a, 0x7b];

/** Why the server can't read a line. */
export interface Fault {
  readonly kind: 'utf8' | 'colon' | 'hash';
  /** Of a hash: what is wrong with its header, in the original's words where they are its own. */
  readonly detail?: string;
}

/** What a line is to the server: a comment or blank, an entry, one that it skips for its plain text, or a fault. */
export type Verdict = 'skipped' | 'entry' | 'plain' | Fault;

/** What ends a line; only the last one may lack an end. */
export type LineEnd = '\n' | '\r\n' | '\r' | '';

/** A line of a tokens file, as `check` looks at it; no text is longer than MAX_TEXT_BYTES. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly verdict: Verdict;
  /** The whole line; empty where it is not UTF-8. */
  readonly text: string;
  readonly end: LineEnd;
  /** What stands before the first colon and behind it; undefined where the server looks for no colon, or finds none. */
  readonly key?: string;
  readonly value?: string;
}

/** Says in a sentence why the server can't read a line, with nothing of the line's content. */
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
 * @param visit is given the offsets of each line's first byte, and of its end
 * @returns after each slice, how far it has come
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
    from = Math.max(stop, start); // a CRLF may lie across
    yield from;
  }
  if (start < bytes.length) visit(start, bytes.length);
}

/** @returns where a byte is; the end where it is not found */
function find(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

/** What ends the line whose content ends there. */
export function endAt(bytes: Buffer, end: number): LineEnd {
  if (bytes[end] === LF) return '\n';
  if (bytes[end] !== CR) return '';
  return bytes[end + 1] === LF ? '\r\n' : '\r';
}

/** The end of the line that an offset lies in. */
export function lineEndFrom(bytes: Buffer, from: number): number {
  let end = from;
  while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
  return end;
}

/** Where the line behind the one begins that an offset lies in. */
export function nextLine(bytes: Buffer, from: number): number {
  return behindEnd(bytes, lineEndFrom(bytes, from));
}

/** Where the next line begins, of a line whose content ends there. */
function behindEnd(bytes: Buffer, end: number): number {
  if (end === bytes.length) return end;
  return end + (bytes[end] === CR && bytes[end + 1] === LF ? 2 : 1);
}

/** The first byte that String.trim leaves of a line; its end where it leaves nothing. */
export function trimmedStart(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) <= SPACE) at++;
  return at;
}

/** The end of what String.trim leaves of a line. */
export function trimmedEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] as number) <= SPACE) at--;
  return at;
}

/** Where the first colon of a line is; the line's end where it has none. */
export function colonFrom(bytes: Buffer, from: number, end: number): number {
  const nearby = Math.min(end, from + 256);
  for (let at = from; at < nearby; at++) if (bytes[at] === COLON) return at;
  return nearby === end ? end : find(bytes.subarray(0, end), COLON, nearby);
}

/** A part of the file as text, cut off at MAX_TEXT_BYTES. */
export function textOf(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('utf8', from, Math.min(to, from + MAX_TEXT_BYTES));
}

/**
 * Makes the judge of a file's lines. It remembers the headers of the hashes that it has seen, as few have to do for
 * millions of lines: what stands behind a header makes no difference to the server.
 *
 * @returns what a line, given by its offsets, is to the server, its encoding apart
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
  /** Where the line begins, and where its key does. */
  readonly start: number;
  readonly place: number;
  /** Whether the server loads it; else it is plain text. */
  readonly isEntry: boolean;
}

/** Finds the lines of a key. No other line is looked at: to search the whole file for a text is quicker. */
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

/** As many keys are looked for one by one; for more, every line is looked at. */
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

/** One of each scheme and cost; who spells costs in more ways has their lines judged as text. */
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

/** The last place, up to `to`, where a character begins; `to` itself in what is not UTF-8. */
function characterStart(bytes: Buffer, from: number, to: number): number {
  for (let at = to; at > from && at > to - 4; at--) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at;
  return to;
}

/**
 * Checks the encoding of a file part by part.
 *
 * @returns a function that is given how far to go on from where it was; it returns the offset of the first character
 *   that is malformed, or undefined
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

/** Reads every line of a tokens file, those that the server can't read too; of an empty one that ends at LF nothing can be said. */
export function* readLines(bytes: Uint8Array): Generator<Line, void> {
  const buffer = bufferOf(bytes);
  const judge = lineJudge(buffer);
  let number = 0;
  let places: number[] = [];
  const slices = scanLines(buffer, (start, end) => void places.push(start, end));
  for (let isLast = false; !isLast; ) {
    isLast = slices.next().done === true; // the last line may lack an end, and comes when all slices are done
    // Most often one look is enough for all of them.
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

/** The same memory, with Buffer's methods. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

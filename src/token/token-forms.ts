/**
 * The forms in which people have a token in their hands, one to a line:
 *
 *     AAEAAW...                                      bare
 *     NAME=AAEAAW...     export NAME="AAEAAW..."     a file of environment variables
 *     name: AAEAAW...                                YAML
 *     SERVICE_TOKEN elastic/kibana/a = AAEAAW...     what `create` prints
 *     Bearer AAEAAW...   Authorization: Bearer ...   a header
 *     {"token":{"value":"AAEAAW..."}}                what the server's API and `create --json` print
 *
 * A JSON object may take several lines. In the manifest of a Secret, the tokens are in base64.
 */
import { decodeBase64 } from '../java-text.js';
import { ServiceToken } from './token.js';
import { kindOf } from './token-kinds.js';

/** A text that is given as a token. */
export interface GivenToken {
  /** Without what is around it; not necessarily a service account token. */
  readonly bearer: string;
  /** Counted from 1. */
  readonly line: number;
  /** What is around it that belongs to no form, as in `There is ... around the token`. */
  readonly around?: string;
}

/**
 * Finds the tokens in a text.
 *
 * @returns one for each line that is not blank, of a JSON object or a manifest one for each token; on demand, so that
 *   millions of short lines need no more memory than their text
 *
 * @example [...tokensIn('TOKEN="AAEAAWVsYXN0aWMva2liYW5hL2E6eA"')] // [{ bearer: 'AAEAAWVsYXN0aWMva2liYW5hL2E6eA', line: 1 }]
 */
export function* tokensIn(text: string): Generator<GivenToken, void> {
  const object = parseObject(text);
  if (/^kind:[ \t]*Secret[ \t\r]*$/m.test(text)) yield* tokensInManifest(text);
  else if (object !== undefined) yield* tokensInObject(object, text);
  else yield* tokensInLines(text);
}

function* linesOf(text: string): Generator<readonly [line: string, number: number], void> {
  for (let start = 0, number = 1; start < text.length; number++) {
    const lineFeed = text.indexOf('\n', start);
    const end = lineFeed < 0 ? text.length : lineFeed;
    yield [text.slice(start, end), number];
    start = end + 1;
  }
}

function* tokensInLines(text: string): Generator<GivenToken, void> {
  for (const [line, number] of linesOf(text)) {
    const { bearer, around } = unwrap(line);
    if (bearer !== '') yield given(bearer, number, around);
  }
}

function* tokensInManifest(text: string): Generator<GivenToken, void> {
  for (const [line, number] of linesOf(text)) {
    const value = /^\s+[\w.-]+:[ \t]*(["']?)([A-Za-z0-9+/=]+)\1[ \t\r]*$/.exec(line)?.[2];
    for (const { bearer, around } of [value ?? '', decoded(value ?? '')].map(unwrap))
      if (ServiceToken.decode(bearer)) yield given(bearer, number, around);
  }
}

function* tokensInObject(object: object, text: string): Generator<GivenToken, void> {
  const found = valuesIn(object);
  for (const value of found) {
    const { bearer, around } = unwrap(value);
    yield given(bearer, text.slice(0, Math.max(text.indexOf(value), 0)).split('\n').length, around);
  }
  if (found.length === 0) yield given(text.trim(), 1, '');
}

/** The values of the tokens in what the API or this tool prints, or in a Secret. */
function valuesIn(object: object): string[] {
  const { token, kind, data } = object as { token?: unknown; kind?: unknown; data?: unknown };
  const { value } = Object(token) as { value?: unknown };
  if (typeof value === 'string') return [value];
  const encoded = kind === 'Secret' ? Object.values(Object(data)) : [];
  return encoded.flatMap((each) => (typeof each === 'string' ? decoded(each) : []));
}

function given(bearer: string, line: number, around: string): GivenToken {
  const isToken = around !== '' && ServiceToken.decode(bearer) !== undefined; // there is nothing around anything else
  const blemish = isToken ? BLEMISHES.find(([pattern]) => pattern.test(around))?.[1] : undefined;
  return { bearer, line, ...(blemish && { around: blemish }) };
}

const BLEMISHES: readonly (readonly [RegExp, string])[] = [
  [/\r/, 'a carriage return'],
  [/\ufeff/, 'a byte order mark'],
  [/\u00a0/, 'a no-break space'],
  [/\0/, 'a NUL'],
  [/\s/, 'white space'],
];

/** Each matches a whole text, and captures what is in the form. */
const FORMS: readonly RegExp[] = [
  /^SERVICE_TOKEN \S+ = (.*)$/s,
  /^Bearer (.*)$/is,
  /^(?:export[ \t]+)?[A-Za-z_][\w.-]*(?:=|:[ \t]*)(.*)$/s,
  /^"(.*)"$/s,
  /^'(.*)'$/s,
];
/** More than any real text has. */
const MAX_FORMS = 6;

/** Removes the forms around a credential. @returns it, or else the line, and what else was around it */
function unwrap(line: string): { readonly bearer: string; readonly around: string } {
  const whole = strip(line);
  const object = parseObject(whole.text);
  let { text, around } = object ? strip(valuesIn(object)[0] ?? whole.text) : whole;
  for (let forms = 0; forms < MAX_FORMS; forms++) {
    if (kindOf(text) !== 'unknown') return { bearer: text, around };
    const inner = FORMS.map((form) => form.exec(text)?.[1]).find((each) => each !== undefined);
    if (inner === undefined) break;
    const stripped = strip(inner);
    text = stripped.text;
    around += stripped.around;
  }
  return { bearer: whole.text, around: '' };
}

/** Removes white space, which a byte order mark is, and NUL at both ends; in linear time, unlike a pattern. */
function strip(text: string): { readonly text: string; readonly around: string } {
  const isAround = (character = 'x') => character === '\0' || character.trim() === '';
  let [start, end] = [0, text.length];
  while (start < end && isAround(text[start])) start++;
  while (start < end && isAround(text[end - 1])) end--;
  return { text: text.slice(start, end), around: text.slice(0, start) + text.slice(end) };
}

function parseObject(text: string): object | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decoded(base64: string): string {
  return decodeBase64(base64)?.toString('latin1') ?? '';
}

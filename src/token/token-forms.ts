/**
 * The forms in which people have a token in their hands, one to a line:
 *
 *     AAEAAW...                                      bare
 *     NAME=AAEAAW...     export NAME="AAEAAW..."     a file of environment variables
 *     name: AAEAAW...    - NAME=AAEAAW...            YAML, such as that of Compose
 *     SERVICE_TOKEN elastic/kibana/a = AAEAAW...     what `create` prints
 *     Bearer AAEAAW...   Authorization: Bearer ...   a header
 *     {"token":{"value":"AAEAAW..."}}                what the server's API and `create --json` print
 *
 * A JSON object may take several lines. In the manifest of a Secret, the tokens are in base64. Lines that begin with `#`
 * or `;` are comments. If a token has a name, as in a file of variables, the other lines are somebody else's.
 */
import { decodeBase64 } from '../java-text.js';
import { ServiceToken } from './token.js';
import { kindOf, type TokenKind } from './token-kinds.js';

/** A text that is given as a token. */
export interface GivenToken {
  /** Without what is around it. */
  readonly bearer: string;
  readonly kind: TokenKind;
  /** The service account token, if it is one. */
  readonly token?: ServiceToken;
  /** What is around a token that belongs to no form, as in `There is ... around the token`. */
  readonly around?: string | undefined;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Finds the tokens in a text: one for each line that is not blank, no comment and not somebody else's; of a JSON object
 * or a manifest one for each token; on demand, so that millions of short lines need no more memory than their text.
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

/** What begins like a token, or like its base64, outside of a comment. */
const LIKE_TOKEN = /^[^#]*(?:AAEAA|QUFFQU)/;
/** A line that gives a token a name: then the lines with nothing like a token are of something else. */
const NAMED_TOKEN = /^[^#\n]*[=:][ \t"']*(?:[Bb]earer )?(?:AAEAA|QUFFQU)/m;

function* tokensInLines(text: string): Generator<GivenToken, void> {
  const hasOthers = NAMED_TOKEN.test(text);
  for (const [line, number] of linesOf(text)) {
    if (hasOthers && !LIKE_TOKEN.test(line)) continue;
    const found = unwrap(line);
    if (found.bearer !== '') yield { ...found, line: number };
  }
}

function* tokensInManifest(text: string): Generator<GivenToken, void> {
  for (const [line, number] of linesOf(text)) {
    const value = /^\s+[\w.-]+:[ \t]*(["']?)([A-Za-z0-9+/=]+)\1[ \t\r]*$/.exec(line)?.[2] ?? '';
    for (const each of [value, decoded(value)]) if (isToken(each)) yield { ...unwrap(each), line: number };
  }
}

function* tokensInObject(object: object, text: string): Generator<GivenToken, void> {
  const values = valuesIn(object);
  const lineOf = (value: string) => text.slice(0, Math.max(text.indexOf(value), 0)).split('\n').length;
  for (const value of values) yield { ...unwrap(value), line: lineOf(value) };
  if (values.length === 0) yield { bearer: text.trim(), kind: 'unknown', line: 1 };
}

/** The values of the tokens in what the API or this tool prints, or in a Secret. */
function valuesIn(object: object): string[] {
  const { token, kind, data } = object as { token?: unknown; kind?: unknown; data?: unknown };
  const { value } = Object(token) as { value?: unknown };
  if (typeof value === 'string') return [value];
  const encoded = kind === 'Secret' ? Object.values(Object(data)) : [];
  return encoded.map((each) => decoded(String(each))).filter(isToken);
}

/** Whether it is a token, perhaps one that is cut. */
function isToken(text: string): boolean {
  return /^(damaged )?service account token$/.test(unwrap(text).kind);
}

/** The name and the value of a variable, perhaps in a list of Compose, or of a setting in YAML, TOML or a properties file. */
const VARIABLE = /^(?:(?:-|export)[ \t]+)?[A-Za-z_][\w.-]*(?:=|[ \t]+=[ \t]*|:[ \t]*)(.*)$/s;
/** Each matches a whole text, and captures what is in the form. */
const FORMS: readonly RegExp[] = [
  /^SERVICE_TOKEN \S+ = (.*)$/s,
  /^(?:Bearer|ApiKey) (.*)$/is,
  /^"(.*)"$/s,
  /^'(.*)'$/s,
];
/** More than any real text has. */
const MAX_FORMS = 6;
/** The first that matches names what is around a token. */
const BLEMISHES: readonly (readonly [RegExp, string])[] = [
  [/\r/, 'a carriage return'],
  [/\ufeff/, 'a byte order mark'],
  [/\u00a0/, 'a no-break space'],
  [/\0/, 'a NUL'],
  [/\s/, 'white space'],
];

/** Removes the forms around a credential. A comment is an empty one. */
function unwrap(line: string): Omit<GivenToken, 'line'> {
  const indented = line.trimStart(); // before a name, white space is not around the token
  const whole = strip(VARIABLE.test(indented) ? indented : line);
  if (/^[#;]/.test(whole.text)) return { bearer: '', kind: 'unknown' };
  const object = parseObject(whole.text);
  let { text, around } = object ? strip(valuesIn(object)[0] ?? whole.text) : whole;
  for (let forms = 0; forms < MAX_FORMS; forms++) {
    const token = ServiceToken.decode(text);
    const [, blemish] = BLEMISHES.find(([pattern]) => pattern.test(around)) ?? [];
    if (token) return { bearer: text, kind: 'service account token', token, around: blemish };
    const kind = kindOf(text);
    if (kind !== 'unknown') return { bearer: text, kind };
    const value = VARIABLE.exec(text)?.[1];
    const captured = () => FORMS.map((form) => form.exec(text)?.[1]).find((each) => each !== undefined);
    const inner = value === undefined ? captured() : shellValue(value);
    if (inner === undefined) break;
    const stripped = strip(inner);
    [text, around] = [stripped.text, around + stripped.around];
  }
  return { bearer: whole.text, kind: 'unknown' };
}

/** Removes the quotes around the value of a variable, or a comment behind it: outside of quotes, a blank and # begin one. */
export function shellValue(text: string): string {
  const [, , quoted] = /^(["'])((?:(?!\1).)*)\1(?:[ \t]+#.*|\s*)$/s.exec(text) ?? [];
  if (quoted !== undefined) return quoted;
  const comment = text.search(/[ \t]#/);
  return comment < 0 ? text : text.slice(0, comment).trimEnd();
}

/** The token that is all of a text, in the line of `create`, in quotes or bare; white space may be around it. */
export function wholeToken(text: string): ServiceToken | undefined {
  // The server ignores what follows the padding; in a file it is somebody's.
  const [, , bearer] = /^\s*(?:SERVICE_TOKEN \S+ = )?(["']?)([A-Za-z0-9+/]+={0,2})\1\s*$/.exec(text) ?? [];
  return bearer === undefined ? undefined : ServiceToken.decode(bearer);
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

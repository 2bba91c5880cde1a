/**
 * Java's rules for text, where they differ from JavaScript's: the server reads its files with these rules. Sources: the
 * documentation of String.trim, Character.isWhitespace, Integer.parseInt and the UTF-8 encoder; runs of OpenJDK 17,
 * whose results are in tests/java-text.test.ts.
 */

/** String.trim: removes leading and trailing code units up to U+0020, including control characters and NUL. */
export function trim(text: string): string {
  // Two loops: a regular expression for trailing blanks takes quadratic time.
  let [start, end] = [0, text.length];
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (start < end && text.charCodeAt(end - 1) <= 0x20) end--;
  return text.slice(start, end);
}

/** Whether all characters are white space in Java: not U+0085, U+00A0, U+2007 and U+202F, but U+001C to U+001F. */
export function isBlank(text: string): boolean {
  return /^[\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]*$/.test(text);
}

/** Integer.parseInt: an optional sign, then decimal digits of any script of the BMP. Undefined if Java throws. */
export function parseInt32(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const start = /^[+-]/.test(text) ? 1 : 0;
  if (start === text.length) return undefined;
  let value = 0;
  for (let i = start; i < text.length; i++) {
    const digit = digitValue(text.charCodeAt(i));
    if (digit === undefined) return undefined;
    value = value * 10 + digit;
    if (value > 2 ** 31) return undefined;
  }
  return sign * value < 2 ** 31 ? sign * value : undefined;
}

/** Unicode has decimal digits in runs of ten only: a digit's value follows from the distance to the start of its run. */
function digitValue(unit: number): number | undefined {
  if (unit < 0x80) return unit >= 0x30 && unit <= 0x39 ? unit - 0x30 : undefined;
  if (!isDigit(unit)) return undefined;
  let value = 0;
  while (isDigit(unit - value - 1)) value++;
  return value % 10;
}

function isDigit(unit: number): boolean {
  return /\p{Nd}/u.test(String.fromCharCode(unit));
}

/** String.getBytes(UTF_8): a lone surrogate becomes `?`; JavaScript would write U+FFFD. */
export function utf8(text: string): Buffer {
  return Buffer.from(encodable(text), 'utf8');
}

/** The text that utf8 encodes, for functions that encode a text themselves. */
export function encodable(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '?');
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * new String(bytes, UTF_8): malformed sequences become U+FFFD, in the same number as in JavaScript, except for an
 * encoded surrogate: Java writes one for its three bytes (or for the first two, if the third is missing), JavaScript
 * one for each byte.
 */
export function decodeUtf8(bytes: Buffer): string {
  return UTF8.decode(bytes.includes(0xed) ? withoutSurrogates(bytes) : bytes);
}

/** Replaces each encoded surrogate by one invalid byte, which Java and JavaScript decode as one U+FFFD. */
function withoutSurrogates(bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const isSurrogate = bytes[i] === 0xed && (bytes[i + 1] ?? 0) >> 5 === 0b101;
    result[length++] = isSurrogate ? 0xff : (bytes[i] ?? 0);
    if (isSurrogate) i += (bytes[i + 2] ?? 0) >> 6 === 0b10 ? 2 : 1;
  }
  return result.subarray(0, length);
}

/** Base64.getDecoder().decode: accepts missing padding; refuses wrong padding and characters outside the alphabet. */
export function decodeBase64(text: string): Buffer | undefined {
  return decode(text, (rest, padding) => rest === padding);
}

/** Base64.getDecoder().wrap: like decode, but stops at complete padding and ignores what follows. */
export function decodeBase64Stream(text: string): Buffer | undefined {
  return decode(text, (rest, padding) => padding !== '' && rest.startsWith(padding));
}

/** Unused bits of the last character may be set: Java and Node ignore them. */
function decode(text: string, isEnd: (rest: string, padding: string) => boolean): Buffer | undefined {
  const [, body = '', rest = ''] = /^([A-Za-z0-9+/]*)(.*)$/s.exec(text) ?? [];
  const padding = '='.repeat((4 - (body.length % 4)) % 4);
  const isWhole = body.length % 4 !== 1 && (rest === '' || isEnd(rest, padding));
  return isWhole ? Buffer.from(body, 'base64') : undefined;
}

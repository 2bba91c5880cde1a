/**
 * How Java reads text, where that differs from JavaScript: the server reads its files with these rules, so a file
 * means what they say. Sources: the documentation of String.trim, Character.isWhitespace, Integer.parseInt and of the
 * UTF-8 encoder; runs of OpenJDK 17, which tests/java-text.test.ts holds.
 */

/** String.trim: drops leading and trailing code units up to U+0020, control characters and NUL included. */
export function trim(text: string): string {
  // Two loops: an expression that looks for blanks at the end tries anew at every blank of a long line.
  let [start, end] = [0, text.length];
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (start < end && text.charCodeAt(end - 1) <= 0x20) end--;
  return text.slice(start, end);
}

/** Whether every character is white space to Java: not U+0085, U+00A0, U+2007 or U+202F, but U+001C to U+001F. */
export function isBlank(text: string): boolean {
  return /^[\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]*$/.test(text);
}

/**
 * Integer.parseInt: an optional sign, then decimal digits of any script of the BMP.
 *
 * @returns the integer, or undefined where Java throws NumberFormatException
 */
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

/** Decimal digits stand in Unicode as whole runs of ten, so a digit's value is how far its run goes back from it. */
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

/** String.getBytes(UTF_8): a lone surrogate becomes `?`, where JavaScript would write U+FFFD. */
export function utf8(text: string): Buffer {
  return Buffer.from(encodable(text), 'utf8');
}

/** The text that utf8 encodes, for what takes a text and encodes it by itself. */
export function encodable(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '?');
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * new String(bytes, UTF_8): malformed sequences become U+FFFD, as many of them as JavaScript makes, save for an encoded
 * surrogate: Java makes one of its three bytes, or of the first two where the third is missing, JavaScript one of each.
 */
export function decodeUtf8(bytes: Buffer): string {
  return UTF8.decode(bytes.includes(0xed) ? withoutSurrogates(bytes) : bytes);
}

/** Each encoded surrogate as one byte that never occurs in UTF-8, of which both make one U+FFFD. */
function withoutSurrogates(bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const isSurrogate = bytes[i] === 0xed && isBetween(bytes[i + 1], 0xa0, 0xbf);
    result[length++] = isSurrogate ? 0xff : (bytes[i] ?? 0);
    if (isSurrogate) i += isBetween(bytes[i + 2], 0x80, 0xbf) ? 2 : 1;
  }
  return result.subarray(0, length);
}

function isBetween(byte: number | undefined, least: number, most: number): boolean {
  return byte !== undefined && byte >= least && byte <= most;
}

/** Base64.getDecoder().decode: unpadded is fine, wrong padding or anything that is not of the alphabet is not. */
export function decodeBase64(text: string): Buffer | undefined {
  const [, body = '', rest = ''] = /^([A-Za-z0-9+/]*)(.*)$/s.exec(text) ?? [];
  return rest === '' || rest === paddingOf(body) ? decodeBody(body) : undefined;
}

/** Base64.getDecoder().wrap: as decode, but it stops reading at complete padding and never sees what follows it. */
export function decodeBase64Stream(text: string): Buffer | undefined {
  const [, body = '', rest = ''] = /^([A-Za-z0-9+/]*)(.*)$/s.exec(text) ?? [];
  const padding = paddingOf(body);
  return rest === '' || (padding !== '' && rest.startsWith(padding)) ? decodeBody(body) : undefined;
}

function paddingOf(body: string): string {
  return '='.repeat((4 - (body.length % 4)) % 4);
}

/** Unused bits of the last character may be set: neither Java nor Node looks at them. */
function decodeBody(body: string): Buffer | undefined {
  return body.length % 4 === 1 ? undefined : Buffer.from(body, 'base64');
}

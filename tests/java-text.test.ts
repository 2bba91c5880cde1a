/** Verified with OpenJDK 17: String.trim, Character.isWhitespace, Integer.parseInt, getBytes, Base64. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeBase64,
  decodeBase64Stream,
  decodeUtf8,
  isBlank,
  parseInt32,
  trim,
  utf8,
} from '../src/java-text.js';

const show = (text: string) =>
  JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
/** One row per text, with the text as a title shows it. */
const each = <T>(rows: readonly (readonly [texts: readonly string[], expected: T, why: string])[]) =>
  rows.flatMap(([texts, expected, why]) =>
    texts.map((text) => [show(text), why, text, expected] as [string, string, string, T]),
  );

test.each(
  each([
    [[' a b '], 'a b', 'only spaces at the ends are removed'],
    [['\ta\r\n', '\0a\0', '\x01\x1f\x0b\fa'], 'a', 'control characters up to U+0020 are removed'],
    [['\x7fa\x7f'], '\x7fa\x7f', 'DEL is above U+0020'],
    [['\u0085a\u00a0'], '\u0085a\u00a0', 'NEL and the no-break space are above U+0020'],
    [['\u2003a\u3000'], '\u2003a\u3000', 'white space above U+0020 is kept'],
    [['\ufeffa'], '\ufeffa', 'a byte order mark is kept, unlike in JavaScript'],
    [[' \t\0 ', ''], '', 'nothing else is there'],
  ]),
)('trim of %s: %s', (_, __, text, trimmed) => {
  expect(trim(text)).toBe(trimmed);
});

describe('isBlank', () => {
  test.each(
    each([
      [[''], true, 'nothing is there'],
      [[' \t\x0b\f', '\x1c\x1d\x1e\x1f'], true, 'control characters and separators can be white space'],
      [['\u1680\u2000\u2006\u2008\u200a\u2028\u2029\u205f\u3000'], true, 'so can characters of Unicode'],
      [['\u00a0', '\u2007', '\u202f'], false, 'a space that does not break is not white space'],
      [['\u0085', '\ufeff', '\u180e\u200b'], false, 'nor NEL, nor a BOM, nor what only looks like space'],
      [['\0', '\x1b'], false, 'nor other control characters'],
      [['  a '], false, 'one letter is enough'],
    ]),
  )('%s: %s', (_, __, text, blank) => {
    expect(isBlank(text)).toBe(blank);
  });

  test('exactly 25 characters of the BMP are white space in Java', () => {
    const all = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit));
    expect(all.filter(isBlank).map((character) => character.charCodeAt(0))).toEqual([
      ...[0x9, 0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x1680],
      ...[0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2008, 0x2009, 0x200a],
      ...[0x2028, 0x2029, 0x205f, 0x3000],
    ]);
  });
});

describe('parseInt32', () => {
  test.each(
    each([
      [['1000', '01000', '00000000000000000001000', '+1000'], 1000, 'leading zeros and a plus do not matter'],
      [['-1000'], -1000, 'a minus sign is allowed'],
      [['2147483647'], 2147483647, 'the largest'],
      [['-2147483648'], -2147483648, 'the smallest'],
      [['2147483648', '-2147483649', '99999999999'], undefined, 'out of range'],
      [['\u0663'], 3, 'Arabic digits are digits'],
      [['\uff11\uff10', '1\u0660'], 10, 'so are full-width digits, and they may be mixed'],
      [['\u0967\u0968\u0969'], 123, 'so are Devanagari digits'],
      [['\ud835\udfd9', '\u00b2', '\u2163'], undefined, 'no decimal digit of the BMP'],
      [['', '+', '-', '+-1'], undefined, 'nothing, or signs only, or two of them'],
      [[' 1', '1 ', '1\n', '10$'], undefined, 'another character; white space is not trimmed'],
      [['0x10', '1e3', '1.0', '1_000'], undefined, 'unlike JavaScript, Java has no other notation'],
    ]),
  )('%s: %s', (_, __, text, value) => {
    expect(parseInt32(text)).toBe(value);
  });

  test('every digit of the BMP has its value', () => {
    const zeros = [
      ...[0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6],
      ...[0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50],
      ...[0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10],
    ];
    for (const zero of zeros) {
      const digits = Array.from({ length: 10 }, (_, value) => String.fromCharCode(zero + value));
      expect(digits.map(parseInt32)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(parseInt32(String.fromCharCode(zero - 1))).toBeUndefined();
      expect(parseInt32(String.fromCharCode(zero + 10))).toBe(zeros.includes(zero + 10) ? 0 : undefined);
    }
  });
});

test.each(
  each([
    [['a\u00e9'], '61c3a9', 'letters of one and two bytes'],
    [['\ud83d\udd11'], 'f09f9491', 'a pair of surrogates is one character'],
    [['a\ud800'], '613f', 'a high surrogate alone becomes ?'],
    [['\udc00a'], '3f61', 'a low surrogate alone becomes ?'],
    [['\udd11\ud83d'], '3f3f', 'a pair in the wrong order is two lone surrogates'],
    [['\ud83d\ud83d\udd11'], '3ff09f9491', 'a pair after a lone surrogate stays a pair'],
    [['\ufeffa\0'], 'efbbbf6100', 'byte order mark and NUL are characters'],
  ]),
)('utf8 of %s: %s', (_, __, text, hex) => {
  expect(utf8(text).toString('hex')).toBe(hex);
});

describe('The two decoders of Base64', () => {
  const refused = [undefined, undefined];
  test.each(
    each([
      [[''], ['', ''], 'nothing is there'],
      [['Zm9v'], ['foo', 'foo'], 'three bytes need no padding'],
      [['Zg==', 'Zg', 'Zh'], ['f', 'f'], 'padding may be missing, unused bits are not looked at'],
      [['Zm8=', 'Zm8', 'Zm9'], ['fo', 'fo'], 'padding may be missing, unused bits are not looked at'],
      [['+/+/'], ['\xfb\xff\xbf', '\xfb\xff\xbf'], '+ and / are of the alphabet'],
      [['Zg==x', 'Zg==Zg==', 'Zg== \n', 'Zg==='], [undefined, 'f'], 'the stream reads nothing after padding'],
      [['Zm8==', 'Zm8=x'], [undefined, 'fo'], 'the stream reads nothing after padding'],
      [['Zg=', 'Zg=x', 'Zg=\n='], refused, 'one = where two are due'],
      [['Zm9v=', 'Zm9v==', '=', '===='], refused, 'padding where none is due, or of nothing'],
      [['Z', 'Zm9vZ', 'Z==='], refused, 'the length is 1 mod 4'],
      [['Zm-v', 'Zm_v'], refused, 'the alphabet is not the URL-safe one'],
      [['Zm 9v', ' Zm9v', 'Zm9v\n', 'Zm9v\u00e9'], refused, 'white space and other letters are not in it'],
    ]),
  )('%s: %s', (_, __, text, [whole, stream]) => {
    expect(decodeBase64(text)?.toString('latin1')).toBe(whole);
    expect(decodeBase64Stream(text)?.toString('latin1')).toBe(stream);
  });

  test('both decode what Node encodes, with padding and without', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        for (const decode of [decodeBase64, decodeBase64Stream]) {
          for (const form of [text, text.replace(/=+$/, '')]) {
            expect(decode(form)).toEqual(Buffer.from(bytes));
          }
        }
      }),
    );
  });
});

describe('decodeUtf8', () => {
  test.each([
    ['valid text', [0xc3, 0xa9, 0xf0, 0x9f, 0x94, 0x91], 'é🔑'],
    ['a BOM, which is kept', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    ['a character with ED that is not a surrogate', [0xed, 0x9f, 0xbf], '\ud7ff'],
    ['an encoded surrogate, which is one U+FFFD in Java', [0x61, 0xed, 0xa0, 0x80, 0x62], 'a\ufffdb'],
    ['a surrogate without its third byte', [0x61, 0xed, 0xa0, 0x62], 'a\ufffdb'],
    ['a surrogate at the end', [0xed, 0xbf], '\ufffd'],
    ['a surrogate after a truncated sequence', [0xe1, 0x80, 0xed, 0xa0, 0x80], '\ufffd\ufffd'],
    ['ED alone', [0xed, 0xed, 0x80], '\ufffd\ufffd'],
    ['three overlong bytes', [0xe0, 0x80, 0x80], '\ufffd\ufffd\ufffd'],
    ['four overlong bytes', [0xf0, 0x80, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd'],
    ['a code point beyond Unicode', [0xf4, 0x90, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd'],
    ['a truncated sequence of four bytes', [0xf0, 0x9f, 0x94, 0x41], '\ufffdA'],
    ['a pair of surrogates, one U+FFFD each', [0xed, 0xa0, 0xbd, 0xed, 0xb4, 0x91], '\ufffd\ufffd'],
    ['a byte that starts no sequence', [0x61, 0xff, 0x62], 'a\ufffdb'],
    ['a truncated sequence', [0xe2, 0x82], '\ufffd'],
    ['an overlong slash', [0xc0, 0xaf], '\ufffd\ufffd'],
  ])('reads %s', (_why, bytes, text) => {
    expect(decodeUtf8(Buffer.from(bytes))).toBe(text);
  });
});

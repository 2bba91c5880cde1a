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

const show = (text: string) => JSON.stringify(text).replace(/[\x7f-\uffff]/g, unicodeEscape);
const titled = <T extends { text: string }>(rows: readonly T[]) =>
  rows.map((row) => ({ shown: show(row.text), ...row }));

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

describe('trim', () => {
  test.each(
    titled([
      { text: ' a b ', trimmed: 'a b', why: 'only spaces at the ends are removed' },
      { text: '\ta\r\n', trimmed: 'a', why: 'tabs and line ends are removed' },
      { text: '\0a\0', trimmed: 'a', why: 'NUL goes' },
      { text: '\x01\x1f\x0b\fa', trimmed: 'a', why: 'so are all control characters below U+0020' },
      { text: '\x7fa\x7f', trimmed: '\x7fa\x7f', why: 'DEL is above U+0020' },
      { text: '\u0085a\u00a0', trimmed: '\u0085a\u00a0', why: 'NEL and the no-break space are above U+0020' },
      { text: '\u2003a\u3000', trimmed: '\u2003a\u3000', why: 'white space above U+0020 is kept' },
      { text: '\ufeffa', trimmed: '\ufeffa', why: 'a byte order mark is kept, unlike in JavaScript' },
      { text: ' \t\0 ', trimmed: '', why: 'nothing else is there' },
      { text: '', trimmed: '', why: 'nothing is there' },
    ]),
  )('$shown: $why', ({ text, trimmed }) => {
    expect(trim(text)).toBe(trimmed);
  });
});

describe('isBlank', () => {
  test.each(
    titled([
      { text: '', blank: true, why: 'nothing is there' },
      { text: ' \t\x0b\f', blank: true, why: 'space, tab, vertical tab and form feed are white space' },
      { text: '\x1c\x1d\x1e\x1f', blank: true, why: 'so are the separators U+001C to U+001F' },
      { text: '\u1680\u2000\u2006\u2008\u200a\u2028\u2029\u205f\u3000', blank: true, why: "and Unicode's" },
      { text: '\u00a0', blank: false, why: 'the no-break space is not' },
      { text: '\u2007', blank: false, why: 'nor the figure space, which does not break' },
      { text: '\u202f', blank: false, why: 'nor the narrow no-break space' },
      { text: '\u0085', blank: false, why: 'nor NEL' },
      { text: '\ufeff', blank: false, why: 'nor the byte order mark' },
      { text: '\u180e\u200b', blank: false, why: 'nor two characters that only look like space' },
      { text: '\0', blank: false, why: 'nor NUL' },
      { text: '\x1b', blank: false, why: 'nor the control characters below U+001C' },
      { text: '  a ', blank: false, why: 'one letter is enough' },
    ]),
  )('$shown is blank: $blank, because $why', ({ text, blank }) => {
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
    titled([
      { text: '1000', value: 1000, why: 'digits' },
      { text: '01000', value: 1000, why: 'leading zeros are ignored' },
      { text: '00000000000000000001000', value: 1000, why: 'however many there are' },
      { text: '+1000', value: 1000, why: 'a plus sign is allowed' },
      { text: '-1000', value: -1000, why: 'a minus sign is allowed' },
      { text: '2147483647', value: 2147483647, why: 'the largest' },
      { text: '-2147483648', value: -2147483648, why: 'the smallest' },
      { text: '2147483648', value: undefined, why: 'one too large' },
      { text: '-2147483649', value: undefined, why: 'one too small' },
      { text: '99999999999', value: undefined, why: 'far too large' },
      { text: '\u0663', value: 3, why: 'Arabic digits are digits' },
      { text: '\uff11\uff10', value: 10, why: 'so are full-width digits' },
      { text: '\u0967\u0968\u0969', value: 123, why: 'so are Devanagari digits' },
      { text: '1\u0660', value: 10, why: 'and may be mixed' },
      { text: '\ud835\udfd9', value: undefined, why: 'digits outside the BMP are not' },
      { text: '\u00b2', value: undefined, why: 'a superscript is not a decimal digit' },
      { text: '\u2163', value: undefined, why: 'nor is a Roman numeral' },
      { text: '', value: undefined, why: 'nothing is there' },
      { text: '+', value: undefined, why: 'a sign alone' },
      { text: '-', value: undefined, why: 'a sign alone' },
      { text: '+-1', value: undefined, why: 'two signs' },
      { text: ' 1', value: undefined, why: 'white space is not trimmed' },
      { text: '1 ', value: undefined, why: 'white space is not trimmed' },
      { text: '1\n', value: undefined, why: 'nor a line end' },
      { text: '10$', value: undefined, why: 'another character' },
      { text: '0x10', value: undefined, why: 'unlike JavaScript, Java has no other notation' },
      { text: '1e3', value: undefined, why: 'nor is an exponent' },
      { text: '1.0', value: undefined, why: 'nor a fraction' },
      { text: '1_000', value: undefined, why: 'nor a separator' },
    ]),
  )('$shown is $value: $why', ({ text, value }) => {
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

describe('utf8', () => {
  test.each(
    titled([
      { text: 'aé', hex: '61c3a9', why: 'letters of one and two bytes' },
      { text: '\ud83d\udd11', hex: 'f09f9491', why: 'a pair of surrogates is one character' },
      { text: 'a\ud800', hex: '613f', why: 'a high surrogate alone becomes ?' },
      { text: '\udc00a', hex: '3f61', why: 'a low surrogate alone becomes ?' },
      { text: '\udd11\ud83d', hex: '3f3f', why: 'a pair in the wrong order is two lone surrogates' },
      { text: '\ud83d\ud83d\udd11', hex: '3ff09f9491', why: 'a pair after a lone surrogate stays a pair' },
      { text: '\ufeffa\0', hex: 'efbbbf6100', why: 'byte order mark and NUL are characters' },
    ]),
  )('$shown: $why', ({ text, hex }) => {
    expect(utf8(text).toString('hex')).toBe(hex);
  });
});

describe('The two decoders of Base64', () => {
  const refused = undefined;
  test.each(
    titled([
      { text: '', whole: '', stream: '', why: 'nothing is there' },
      { text: 'Zm9v', whole: 'foo', stream: 'foo', why: 'three bytes need no padding' },
      { text: 'Zg==', whole: 'f', stream: 'f', why: 'the padding is complete' },
      { text: 'Zm8=', whole: 'fo', stream: 'fo', why: 'the padding is complete' },
      { text: 'Zg', whole: 'f', stream: 'f', why: 'the padding is missing' },
      { text: 'Zm8', whole: 'fo', stream: 'fo', why: 'the padding is missing' },
      { text: 'Zh', whole: 'f', stream: 'f', why: 'unused bits are not looked at' },
      { text: 'Zm9', whole: 'fo', stream: 'fo', why: 'unused bits are not looked at' },
      { text: '+/+/', whole: '\xfb\xff\xbf', stream: '\xfb\xff\xbf', why: '+ and / are of the alphabet' },
      { text: 'Zg==x', whole: refused, stream: 'f', why: 'only the stream never sees what follows padding' },
      {
        text: 'Zg==Zg==',
        whole: refused,
        stream: 'f',
        why: 'only the stream never sees what follows padding',
      },
      {
        text: 'Zg== \n',
        whole: refused,
        stream: 'f',
        why: 'only the stream never sees what follows padding',
      },
      { text: 'Zg===', whole: refused, stream: 'f', why: 'only the stream never sees what follows padding' },
      { text: 'Zm8==', whole: refused, stream: 'fo', why: 'only the stream never sees what follows padding' },
      { text: 'Zm8=x', whole: refused, stream: 'fo', why: 'only the stream never sees what follows padding' },
      { text: 'Zg=', whole: refused, stream: refused, why: 'one = where two are due' },
      { text: 'Zg=x', whole: refused, stream: refused, why: 'one = where two are due' },
      { text: 'Zg=\n=', whole: refused, stream: refused, why: 'one = where two are due' },
      { text: 'Zm9v=', whole: refused, stream: refused, why: 'padding where none is due' },
      { text: 'Zm9v==', whole: refused, stream: refused, why: 'padding where none is due' },
      { text: '=', whole: refused, stream: refused, why: 'padding of nothing' },
      { text: '====', whole: refused, stream: refused, why: 'padding of nothing' },
      { text: 'Z', whole: refused, stream: refused, why: 'the length is 1 mod 4' },
      { text: 'Zm9vZ', whole: refused, stream: refused, why: 'the length is 1 mod 4' },
      { text: 'Z===', whole: refused, stream: refused, why: 'the length is 1 mod 4, padded' },
      { text: 'Zm-v', whole: refused, stream: refused, why: 'the alphabet is not the URL-safe one' },
      { text: 'Zm_v', whole: refused, stream: refused, why: 'the alphabet is not the URL-safe one' },
      { text: 'Zm 9v', whole: refused, stream: refused, why: 'white space is not in the alphabet' },
      { text: ' Zm9v', whole: refused, stream: refused, why: 'nor is it in front' },
      { text: 'Zm9v\n', whole: refused, stream: refused, why: 'nor is a line end at the end' },
      { text: 'Zm9v\u00e9', whole: refused, stream: refused, why: 'nor is a letter with an accent' },
    ]),
  )('$shown: $why', ({ text, whole, stream }) => {
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

/** The text of a tokens file: what the server reads in it, and edits that keep all other lines. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FileContent } from '../../src/tokens-file/file-content.js';
import { anyCharacter } from '../support/any-character.js';
import { errorOf, everythingSaidBy } from '../support/fixtures.js';
import { runsOf } from '../support/thoroughness.js';

const PATH = '/etc/elasticsearch/service_tokens';
const HASH = '{PBKDF2}1000$c2FsdHNhbHQ=$a2V5';
const OTHER = '{PBKDF2_STRETCH}10000$c2FsdHNhbHQ=$a2V5';
const BCRYPT = '$2a$10$uuCzGHRrEz/QMB/.bmL8qOKXHhPNt57dYBbWCH/Hbb3SjUyZ.Hf1i';

const parse = (content: string | Uint8Array) => FileContent.parse(Buffer.from(content as Uint8Array), PATH);
const entriesOf = (content: string | Uint8Array) => Object.fromEntries(parse(content).entries());
const textOf = (parts: readonly Uint8Array[] = []) => Buffer.concat(parts).toString('utf8');
/** A file without a key, and with a new entry. */
const without = (bytes: Uint8Array, ...remove: string[]) =>
  Buffer.concat(FileContent.parse(bytes, PATH).changed({ remove }) ?? [bytes]);
const withEntry = (bytes: Uint8Array, key: string, hash = OTHER) =>
  Buffer.concat(FileContent.parse(bytes, PATH).changed({ add: new Map([[key, hash]]) }) ?? [bytes]);
const namesOf = (tokens: FileContent, prefix?: string) =>
  [...tokens.names(prefix)].join('').split('\n').slice(0, -1);
/** `<key>` is short for an entry, so that a file fits in a title. */
const file = (sketch: string) => sketch.replace(/<(.*?)>/gs, `$1:${HASH.replaceAll('$', '$$$$')}`);
/** The text of a file, what is expected, and why; and a key other than `k`. */
type Row = readonly [text: string, expected: string, why: string, key?: string];

describe('Reading', () => {
  test.each<[text: string, keys: string[], why: string]>([
    ['', [], 'an empty file has no entries'],
    ['<a>\n<b>\n', ['a', 'b'], 'lines end at LF'],
    ['<a>\r\n<b>\r\n', ['a', 'b'], 'or at CRLF'],
    ['<a>\r<b>\r', ['a', 'b'], 'or at CR'],
    ['<a>\n<b>', ['a', 'b'], 'the last line needs no end'],
    ['<a>\n\r\n\r\r\n<b>', ['a', 'b'], 'empty lines are skipped'],
    ['#<a>\n# b\n#\n<c>', ['c'], 'a line that begins with # is a comment, whatever it contains'],
    [' \t\x0b\f\x1c\u2003\u2028\u3000\n<a>', ['a'], 'white space as defined by Java is skipped'],
    [' <a> \n\t<b>\t\n\0<c>\0\x01', ['a', 'b', 'c'], 'all up to U+0020 is trimmed'],
    [' #<a>', ['#a'], 'a # after a space begins a key'],
    ['\u3000<a>', ['\u3000a'], 'white space above U+0020 is part of the key'],
    ['\ufeff<a>', ['\ufeffa'], 'a byte order mark is part of the first key'],
    ['\ufeff#<a>', ['\ufeff#a'], 'before a # it turns a comment into an entry'],
    ['a\u0085b\u2028c\x0b<d>', ['a\u0085b\u2028c\x0bd'], 'no other character ends a line'],
    ['<a >', ['a '], 'a key is not trimmed before the colon'],
    ['<>', [''], 'a key may be empty'],
    ['<\u00e9\ud83d\udd11>', ['\u00e9\ud83d\udd11'], 'or any text'],
    ['<b>\n<a>\n<B>', ['B', 'a', 'b'], 'keys are sorted, capitals first'],
    ['<\uff5e>\n<\ud83d\udd11>\n<z>', ['z', '\ud83d\udd11', '\uff5e'], 'by UTF-16 units, not by code points'],
    ['<elastic/b>\n<elastic-a>', ['elastic-a', 'elastic/b'], '- sorts before /'],
  ])('%j has the keys %j: %s', (text, keys) => {
    expect(namesOf(parse(file(text)))).toEqual(keys);
    expect(entriesOf(file(text))).toEqual(Object.fromEntries(keys.map((key) => [key, HASH])));
  });

  test.each<[text: string, entries: Record<string, string>, why: string]>([
    [`a:${HASH}\na:${OTHER}`, { a: OTHER }, 'the last duplicate takes precedence'],
    [`a:${HASH}\na:plain`, { a: HASH }, 'plain text does not erase a hash before it'],
    ['a:plain', {}, 'plain text is skipped'],
    ['a:', {}, 'so is an empty value'],
    [`a: ${HASH}`, {}, 'with a space after the colon it is plain text'],
    [`a:b:${HASH}`, {}, 'the first colon separates: the value begins with b'],
    ['a:{SHA}x:y:z', { a: '{SHA}x:y:z' }, 'a value may contain colons'],
    [`a:${HASH} \0`, { a: HASH }, 'a value is trimmed at the end of the line'],
    [`a:${HASH}\u00a0`, { a: `${HASH}\u00a0` }, 'but a no-break space is kept'],
    [`a:${BCRYPT}`, { a: BCRYPT }, 'bcrypt is a hash'],
    ['a:{MD5}\nb:{SSHA256}x', { a: '{MD5}', b: '{SSHA256}x' }, 'so are the old forms'],
    ['a:{PBKDF2}1000$', { a: '{PBKDF2}1000$' }, 'only the header of a hash is read'],
    [`__proto__:${HASH}`, { ['__proto__']: HASH }, 'no key is special'],
  ])('%j has the entries %j: %s', (text, entries) => {
    expect(entriesOf(text)).toEqual(entries);
  });
});

describe('Refusing', () => {
  const missing = (line: number) => `Missing ':' character at line #${line}`;
  const unknown = (name: string, line: number) => `unknown hash function [${name}] (line #${line})`;
  const noIterations = 'The number of iterations could not be determined from the provided PBKDF2 hash.';
  const noCost = 'The cost could not be determined from the provided bcrypt hash.';
  test.each<Row>([
    ['hunter2', missing(1), 'there is no colon'],
    ['<a>\n\n#x\nhunter2\n', missing(4), 'comments and blank lines are counted'],
    ['<a>\r\n\r\nhunter2\r\n', missing(3), 'CRLF ends one line'],
    ['<a>\r\rhunter2', missing(3), 'CR ends a line'],
    ['<a>\n\rhunter2', missing(3), 'LF and CR end two'],
    ['hunter2\nhunter3', missing(1), 'the first is named'],
    [' # hunter2', missing(1), 'a # after a space begins no comment'],
    ['\ufeff# hunter2', missing(1), 'nor does one after a byte order mark'],
    ['\ufeff', missing(1), 'a byte order mark is not blank'],
    ['<a>\n\u00a0', missing(2), 'nor is a no-break space'],
    ['\u0085', missing(1), 'nor is NEL'],
    ['\0', missing(1), 'nor is NUL, though it is trimmed'],
    [`<a>\nhunter2:${BCRYPT.replace('$10$', '$15$')}`, unknown('bcrypt15', 2), 'there is no such cost'],
    ['hunter2:{PBKDF2}1234$a$b', unknown('pbkdf2_1234', 1), 'there is no such cost'],
    ['#\nhunter2:{PBKDF2_STRETCH}1234$a$b', unknown('pbkdf2_stretch_1234', 2), 'there is no such cost'],
    ['a:{PBKDF2}hunter2$a$b', `${noIterations} (line #1)`, 'the cost is no number'],
    ['a:$2a$hunter2', `${noCost} (line #1)`, 'it is too short to have a cost'],
    ['a:{PBKDF2}\nhunter2', `${noIterations} (line #1)`, 'the first is named'],
    ['a:{PBKDF2}\n<a>', `${noIterations} (line #1)`, 'a later entry of the key does not make the line valid'],
  ])('%j is refused with "%s": %s', (text, message) => {
    const error = errorOf(() => parse(file(text)));
    const hint = `Elasticsearch does not start with this file, or drops every token in it: correct [${PATH}].`;
    expect(error).toMatchObject({ code: 'MALFORMED_FILE', message, hint });
    expect(everythingSaidBy(error)).not.toContain('hunter2');
    expect(everythingSaidBy(error)).not.toContain(HASH);
  });

  test.each([
    ['ff', 1, 'no character begins with FF'],
    ['23c328', 1, 'a comment must be UTF-8, too'],
    ['230a23c3', 2, 'a character is cut off at the end'],
    ['23c30aa9', 1, 'a line end splits a character'],
    ['230d0a0d23eda080', 3, 'surrogates are not characters'],
    ['23c080', 1, 'the encoding is overlong'],
    ['23f4908080', 1, 'it is above U+10FFFF'],
    ['78790a23ff', 2, 'the encoding is checked before the lines: line 1 has no colon'],
  ])('the bytes %s are refused for line %d, as %s', (hex, line) => {
    const message = `Malformed UTF-8 at line #${line}`;
    expect(errorOf(() => parse(Buffer.from(hex, 'hex')))).toMatchObject({ code: 'MALFORMED_FILE', message });
  });
});

describe('Adding an entry', () => {
  test.each<Row>([
    ['', '<k>\n', 'the first of all'],
    ['<a>\n<z>\n', '<a>\n<k>\n<z>\n', 'between its neighbors'],
    ['<x>\n<z>\n', '<k>\n<x>\n<z>\n', 'at the beginning'],
    ['<a>\n<b>\n', '<a>\n<b>\n<k>\n', 'at the end'],
    ['<a>\n# of z\n<z>\n', '<a>\n<k>\n# of z\n<z>\n', 'a comment stays above its entry'],
    ['<a>\n# end\n', '<a>\n<k>\n# end\n', 'directly after the previous entry'],
    ['# head\n\n<x>\n', '# head\n\n<k>\n<x>\n', 'the comments at the top stay there'],
    ['# c\n', '# c\n<k>\n', 'after the comments of a file without entries'],
    ['# c', '# c\n<k>', 'and if the last line has no end, it still has none'],
    ['<a>', '<a>\n<k>', 'if the last line has no end, it still has none'],
    ['<a>\n<z>', '<a>\n<k>\n<z>', 'the last line still has no end'],
    ['<z>', '<k>\n<z>', 'the last line still has no end'],
    ['<a>\r\n<z>\r\n', '<a>\r\n<k>\r\n<z>\r\n', 'it ends like its neighbor: CRLF'],
    ['<a>\r<z>\r', '<a>\r<k>\r<z>\r', 'it ends like its neighbor: CR'],
    ['<a>\r\n<b>', '<a>\r\n<b>\r\n<k>', 'the missing end is like the others'],
    ['<z>\r\n', '<k>\r\n<z>\r\n', 'the next line is the neighbor if it is the first'],
    ['<a>\r\n<z>\n', '<a>\r\n<k>\r\n<z>\n', 'in a mixed file, the previous line'],
    ['<a>\n<b>\r\n<z>\n', '<a>\n<b>\r\n<k>\r\n<z>\n', 'not the first line'],
    ['k:plain\n<a>\n', 'k:plain\n<a>\n<k>\n', 'plain text does not affect the order'],
    ['<a>\nzz:plain\n', '<a>\n<k>\nzz:plain\n', 'plain text does not affect the order'],
    ['<B>\n<\u00e9>\n', '<B>\n<k>\n<\u00e9>\n', 'the order is that of UTF-16 units'],
    ['<z>\n<\uff5e>\n', '<z>\n<\ud83d\udd11>\n<\uff5e>\n', 'not of code points', '\ud83d\udd11'],
    [' <a> \n', ' <a> \n<k>\n', 'other lines keep their white space'],
    ['\ufeff<a>\n', '<k>\n\ufeff<a>\n', 'a byte order mark is part of its key'],
  ])('to %j gives %j: %s', (text, after, _, key = 'k') => {
    const added = withEntry(Buffer.from(file(text)), key, HASH);
    expect(String(added)).toBe(file(after));
    expect(parse(added).hashOf(key)).toBe(HASH);
  });

  test('in a file that is not sorted, the order of the others is kept, and the entry is read back', () => {
    const text = String(withEntry(Buffer.from(file('<x>\n<b>\n<a>\n')), 'k'));
    expect(text.replace(/^k:.*\n/m, '')).toBe(file('<x>\n<b>\n<a>\n'));
    expect(entriesOf(text)).toEqual({ x: HASH, b: HASH, a: HASH, k: OTHER });
  });
});

describe('Removing a key', () => {
  test.each<Row>([
    ['<k>\n', '', 'the last entry leaves an empty file'],
    ['<k>', '', 'likewise without a line end'],
    ['<a>\n<k>\n<z>\n', '<a>\n<z>\n', 'its line is removed'],
    ['<a>\n<k>\n<z>', '<a>\n<z>', 'the last line still has no end'],
    ['<a>\n<k>', '<a>', 'the new last line has no end'],
    ['# c\n\n<k>', '# c\n\n', 'a blank line stays: without an end it would be no line'],
    ['# c\n\n<k>\n', '# c\n\n', 'a blank line stays'],
    ['# c\n \n<k>', '# c\n ', 'one of white space has no end, as the last line before'],
    ['<k>\n<a>\n<k>\n', '<a>\n', 'duplicates are removed'],
    ['<k>\nk:plain\n', '', 'plain text of the key is removed'],
    ['k:plain\n<k>\n', '', 'plain text of the key is removed, before the entry, too'],
    ['k:\n \0k:x\n<k>\n', '', 'so are an empty value, and white space around the line'],
    ['#k:x\n<k>\n', '#k:x\n', 'a comment is kept'],
    ['# of k\n<k>\n# of z\n<z>\n', '# of k\n# of z\n<z>\n', 'comments are kept'],
    ['<k>\n\n \n', '\n \n', 'blank lines are kept'],
    ['kk:plain\n<k>\nK:plain\n', 'kk:plain\nK:plain\n', "another key's plain text is kept"],
    ['<k >\n<k>\n', '<k >\n', 'a key followed by a space is another key'],
    ['\ufeff<k>\n<k>\n', '\ufeff<k>\n', 'so is one with a byte order mark'],
    ['<a>\r\n<k>\r\n<z>\r<y>\n', '<a>\r\n<z>\r<y>\n', 'each line keeps its own end'],
    ['<a>\n', '<a>\n', 'a missing key changes nothing'],
    ['# c\r<k>\n\n<z>\n', '# c\r\n\n<z>\n', 'a blank line stays one where CR and LF meet'],
  ])('from %j gives %j: %s', (text, after) => {
    const removed = without(Buffer.from(file(text)), 'k');
    expect(String(removed)).toBe(file(after));
    expect(parse(removed).hashOf('k')).toBeUndefined();
  });
});

describe('Any file', () => {
  test('is read or refused like by a second, simple implementation of the rules', () => {
    fc.assert(
      fc.property(anyBytes, fc.oneof(anyKey, noKey), (bytes, other) => {
        const plain = plainly(bytes);
        expect(reading(() => FileContent.parse(bytes, PATH))).toEqual(plain);
        if (!('entries' in plain)) return;
        const text = FileContent.parse(bytes, PATH);
        const names = Object.keys(plain.entries).sort();
        expect(namesOf(text)).toEqual(names);
        expect(namesOf(text, 'elastic/')).toEqual(names.filter((name) => name.startsWith('elastic/')));
        for (const key of [...names, other]) expect(text.hashOf(key)).toBe(plain.entries[key]);
        const some = [...names.slice(0, 5), 'nobody'];
        const others = Array.from({ length: 9 }, (_, i) => `nobody-${i}`);
        for (const asked of [some, [...some, ...others]]) {
          expect([...text.hashesOf(asked)]).toHaveLength(some.length - 1);
          for (const [key, hash] of text.hashesOf(asked)) expect(hash).toBe(plain.entries[key]);
        }
      }),
      { numRuns: runsOf(2_000, 150) },
    );
  });

  test('is changed as by a second, simple implementation of the rules', () => {
    const keys = fc.uniqueArray(anyKey, { maxLength: 12 });
    const texts = fc.uniqueArray(fc.oneof(often(4, anyKey), noKey), { maxLength: 12 });
    fc.assert(
      fc.property(readableBytes, texts, keys, (bytes, remove, candidates) => {
        const rest = entriesOf(without(bytes, ...remove));
        const add = new Map(candidates.filter((key) => !Object.hasOwn(rest, key)).map((key) => [key, OTHER]));
        const changed = FileContent.parse(bytes, PATH).changed({ remove, add });
        expect(Buffer.concat(changed ?? [bytes]).toString()).toBe(plainlyChanged(bytes, remove, add));
      }),
      { numRuns: runsOf(5_000, 300) },
    );
  });

  test.each(['<a>\n<k>\n<z>\n', '<k>\n<z>\n', '# c\n<a>\n<k>\n', '<k>\n', '# c\n\n<k>', '<a>\r\n<k>'])(
    'has a key replaced in its line where that is sorted: %j',
    (text) => {
      const parts = parse(file(text)).changed({ remove: ['k'], add: new Map([['k', OTHER]]) });
      expect(textOf(parts)).toBe(file(text).replace(`k:${HASH}`, `k:${OTHER}`));
    },
  );

  test('that the original has written becomes what the original would write', () => {
    const written = (entries: Record<string, string>) =>
      Object.keys(entries)
        .sort()
        .map((key) => `${key}:${entries[key]}\n`)
        .join('');
    fc.assert(
      fc.property(fc.dictionary(anyKey, anyHash, { maxKeys: 12 }), anyKey, anyHash, (all, key, hash) => {
        const { [key]: _, ...others } = all;
        const [before, after] = [written(others), written({ ...others, [key]: hash })];
        expect(String(withEntry(Buffer.from(before), key, hash))).toBe(after);
        expect(String(without(Buffer.from(after), key))).toBe(before);
      }),
      { numRuns: runsOf(400, 50) },
    );
  });
});

describe('A large file', () => {
  const parts = ['a', 'b', '/', '\0', '\u00e9', '\uff5e', '\ufb00', '\ue000', '\ud83d\udd11'];
  const entriesFor = (names: readonly string[]) => names.map((name) => `${name}:${HASH}\n`).join('');

  test.each([0, 1, 7, 100_000])('that is malformed at byte %d is refused for the line of that byte', (at) => {
    const bytes = Buffer.from('#\u20ac\n'.repeat(30_000)); // five bytes per line
    bytes[at] = 0xff;
    const message = `Malformed UTF-8 at line #${Math.floor(at / 5) + 1}`;
    expect(errorOf(() => parse(bytes)).message).toBe(message);
  });

  test('has its names sorted like strings', () => {
    const key = fc.array(fc.constantFrom(...parts), { maxLength: 7 });
    const keys = fc.array(key, { minLength: 150, maxLength: 400 });
    fc.assert(
      fc.property(keys, (all) => {
        const names = all.map((some) => `x${some.join('')}`); // no key begins with white space
        expect(namesOf(parse(entriesFor(names)))).toEqual([...new Set(names)].sort());
      }),
      { numRuns: runsOf(100, 8) },
    );
  });

  test('has its names sorted like strings if there are several groups of 2 MiB', () => {
    const nameOf = (n: number): string => parts[n % 9] + (n < 9 ? '' : nameOf(Math.floor(n / 9)));
    // 1,009 and 12,000 are coprime: every number occurs, in no order; some names occur twice. The file has 6 MiB.
    const names = Array.from(
      { length: 12_050 },
      (_, i) => 'elastic/'.repeat(55) + nameOf((i * 1_009) % 12_000),
    );
    expect(namesOf(parse(entriesFor(names))).join() === [...new Set(names)].sort().join()).toBe(true);
  });

  test('has each name once, however often it occurs', () => {
    expect(namesOf(parse(file('<a>\n<b>\n').repeat(10_000)))).toEqual(['a', 'b']);
    expect(namesOf(parse(file('<a>\n').repeat(10_000)))).toEqual(['a']);
  });

  test('with a line over 1 MiB is read like any other: its key and its hash are cut off when converted to text', () => {
    const long = 'x'.repeat(3 * 1024 * 1024);
    const text = parse(`#${long}\nb:${long}\na:{SHA}${long}\n${long}:{SHA}\n${' '.repeat(long.length)}\n`);
    expect(namesOf(text)).toEqual(['a', long.slice(0, 1024 * 1024)]);
    expect(text.hashOf('a')).toHaveLength(1024 * 1024);
    expect(textOf(text.changed({ remove: ['a'] }))).toContain(`b:${long}\n${long}:{SHA}`);
    expect(errorOf(() => parse(`\n${long}`)).message).toBe("Missing ':' character at line #2");
    expect(errorOf(() => parse(`a:{PBKDF2}${long}`)).message).toMatch(/^The number of iterations .*line #1/);
  });

  test('is changed by a splice: the other lines are not copied', () => {
    const bytes = Buffer.from(file('<a>\n<z>\n'));
    const [before, line, after] =
      FileContent.parse(bytes, PATH).changed({ add: new Map([['k', HASH]]) }) ?? [];
    expect([before?.buffer, after?.buffer]).toEqual([bytes.buffer, bytes.buffer]);
    expect(String(line)).toBe(file('<k>\n'));
  });
});

// The parts of generated files. There are few keys, so that the same ones occur again.

const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const joined = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((texts) => texts.join(''));
const anyKey = fc.oneof(
  often(4, fc.constantFrom('k', 'elastic/kibana/a', 'elastic/kibana/b', 'elastic/kibana-x/a')),
  fc.constantFrom('', 'B', '\u00e9', '\uff5e', '\ud83d\udd11', 'k k', '\ufeffk'),
  often(2, fc.stringMatching(/^elastic\/(kibana|auto-ops)\/[A-Za-z0-9-][\w-]{0,5}$/)),
);
/** Texts that cannot be a key of any line, although a file may contain them before a colon. */
const noKey = fc.oneof(
  fc.constantFrom('k:', 'k:{SHA}x\nk', '\nk', '\rk', ' k', '\0k', 'k\r', 'a:k', '\n', '\t', '#k:{MD5}'),
  joined(anyKey, fc.constantFrom(':', '\n', '\r', '\r\n', ':{SHA}\n'), anyKey),
);
const anyHash = fc.constantFrom(
  ...[HASH, OTHER, BCRYPT, '{SHA}x', '{MD5}', '{SSHA256}:', '{PBKDF2}+01000$', '{PBKDF2}\u0661000$a$b'],
  ...['$2b$04$', '$2y$9$', '$2a$+9$', '$2a$\uff11\uff12$'].map((head) => head + 'x'.repeat(53)),
);
const plain = ['', 'plain', ' {SHA}x', '{sha}x', `x${BCRYPT}`, '$2$', '$2x$10$', '{PBKDF2'];
const impossible = fc.constantFrom(
  ...['{PBKDF2}', '{PBKDF2}$', '{PBKDF2}1000', '{PBKDF2}1001$', '{PBKDF2_STRETCH}-1000$', '{PBKDF2} 1000$'],
  ...['{PBKDF2}99999999999$', '$2a$', BCRYPT.slice(0, -1), `${BCRYPT}x`, `$2a$15$${'x'.repeat(53)}`],
);
const around = fc.constantFrom('', '', '', ' ', '\t', '\0', '\x1c', '\x0b ', '\x01');
const anyText = fc.oneof(fc.string(), fc.string({ unit: anyCharacter }));
const anyWord = anyText.map((text) => text.replace(/[\r\n]/g, ''));

const line = (value: fc.Arbitrary<string>) => joined(around, anyKey, fc.constant(':'), value, around);

const readableLine = fc.oneof(
  often(6, line(anyHash)),
  often(2, line(fc.constantFrom(...plain))),
  often(2, joined(fc.constant('#'), anyWord)),
  joined(fc.constant('#'), line(anyHash)),
  // A key in another place: in a comment, in a value, in a hash, after or before other text, after a #.
  often(
    3,
    joined(
      fc.constantFrom(...['# ', 'k:', 'k: ', 'k:{SHA}', 'k:{MD5} ', 'x', '\u00a0', ' #', 'k #']),
      line(anyHash),
    ),
  ),
  line(anyHash).map((text) => text.replace(':', ' :')),
  often(2, fc.constantFrom('', ' ', '\t \x0b\f', '\x1c\x1f', '\u2003\u2028\u3000', '\u1680')),
  joined(anyWord, fc.constant(':'), anyWord),
);
const doubtfulLine = fc.oneof(
  often(40, readableLine),
  line(impossible),
  anyWord,
  fc.constantFrom('\u00a0', '\u0085', '\0', '\ufeff', '\ufeff#', ' #', '\u2007'),
);
const malformed = fc
  .constantFrom('ff', 'c3', '23eda080', 'c080', 'f4908080', 'e282')
  .map((hex) => Buffer.from(hex, 'hex'));

/** Lines with any line ends, equal or mixed; the last one may have none. */
function linesWithEnds(anyLine: fc.Arbitrary<string | Buffer>): fc.Arbitrary<Buffer> {
  const mixed = fc.constantFrom('\n', '\r\n', '\r');
  const ends = fc.oneof(mixed.map(fc.constant), fc.constant(mixed));
  return fc.tuple(ends, fc.boolean()).chain(([end, lacksEnd]) =>
    fc.array(fc.tuple(anyLine, end), { maxLength: 10 }).map((lines) => {
      const parts = lines.flat().slice(0, lacksEnd ? -1 : undefined);
      return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    }),
  );
}

const readableBytes = linesWithEnds(readableLine).filter((bytes) => 'entries' in plainly(bytes));
const anyBytes = fc.oneof(
  often(8, linesWithEnds(doubtfulLine)),
  linesWithEnds(fc.oneof(often(9, doubtfulLine), malformed)),
  anyText.map((text) => Buffer.from(text)),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);

// The second implementation: character by character, without regular expressions or code from src.

type Reading =
  | { readonly entries: Record<string, string> }
  | { readonly refused: 'encoding' | 'colon' | 'hash'; readonly line: number };

/** The result of the code under test, in the form of the second implementation. */
function reading(parseIt: () => FileContent): unknown {
  try {
    return { entries: Object.fromEntries(parseIt().entries()) };
  } catch {
    const { code, message } = errorOf(parseIt);
    const number = Number(/#(\d+)\)?$/.exec(message)?.[1]);
    if (code !== 'MALFORMED_FILE') return { code, message };
    if (message.startsWith('Malformed UTF-8')) return { refused: 'encoding', line: number };
    return { refused: message.startsWith('Missing') ? 'colon' : 'hash', line: number };
  }
}

function plainly(bytes: Buffer): Reading {
  const lines = linesOf(bytes);
  for (const [i, raw] of lines.entries()) {
    // Invalid UTF-8 is not restored.
    if (!Buffer.from(raw.toString('utf8'), 'utf8').equals(raw)) return { refused: 'encoding', line: i + 1 };
  }
  const entries: [string, string][] = [];
  for (const [i, raw] of lines.entries()) {
    const [key, value] = plainSplit(raw.toString('utf8'));
    if (key === undefined) continue;
    if (value === undefined) return { refused: 'colon', line: i + 1 };
    const kind = plainKind(value);
    if (kind === 'impossible') return { refused: 'hash', line: i + 1 };
    if (kind === 'hash') entries.push([key, value]);
  }
  return { entries: Object.fromEntries(entries) };
}

/** A changed file, line by line. */
function plainlyChanged(bytes: Buffer, remove: unknown[], add: ReadonlyMap<string, string>): string {
  const all = String(bytes).match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];
  const contentOf = (line: string) => line.replace(/[\r\n]+$/, '');
  const endOf = (line: string | undefined) => line?.slice(contentOf(line).length);
  const firstEnd = endOf(all[0]) || '\n';
  const lines = all.filter((line) => !remove.includes(plainSplit(contentOf(line))[0]));
  const entryOf = (line: string) => {
    const [key, value = ''] = plainSplit(contentOf(line));
    return plainKind(value) === 'hash' ? key : undefined;
  };
  const isEntry = (line: string) => entryOf(line) !== undefined;
  for (const key of [...add.keys()].sort()) {
    const next = lines.findIndex((line) => (entryOf(line) ?? '') > key && isEntry(line));
    const above = next < 0 ? lines : lines.slice(0, next);
    const previous = above.findLastIndex(isEntry);
    const at = previous >= 0 ? previous + 1 : next < 0 ? lines.length : next;
    const before = lines[at - 1];
    if (before !== undefined && endOf(before) === '') lines[at - 1] += firstEnd;
    lines.splice(at, 0, `${key}:${add.get(key)}${endOf(before) || firstEnd}`);
  }
  // A CR and the LF of an empty line would be one line end.
  for (const [i, line] of lines.entries()) {
    if (line.endsWith('\r') && lines[i + 1]?.startsWith('\n')) lines[i] += '\n';
  }
  const last = lines.at(-1);
  const lacksEnd = all.length > 0 && endOf(all.at(-1)) === '';
  if (last !== undefined && lacksEnd && contentOf(last) !== '') lines.splice(-1, 1, contentOf(last));
  return lines.join('');
}

function linesOf(bytes: Uint8Array): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 0x0a && bytes[i] !== 0x0d) continue;
    lines.push(Buffer.from(bytes.slice(start, i)));
    if (bytes[i] === 0x0d && bytes[i + 1] === 0x0a) i++;
    start = i + 1;
  }
  if (start < bytes.length) lines.push(Buffer.from(bytes.slice(start)));
  return lines;
}

/** The key and the value of a line; nothing for a line that is skipped, and one text if there is no colon. */
function plainSplit(text: string): readonly [] | readonly [string] | readonly [key: string, value: string] {
  const whiteSpace = [
    ...[0x09, 0x0b, 0x0c, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004],
    ...[0x2005, 0x2006, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x205f, 0x3000],
  ];
  let blank = true;
  for (let i = 0; i < text.length; i++) blank = blank && whiteSpace.includes(text.charCodeAt(i));
  if (blank || text[0] === '#') return [];
  let [from, to] = [0, text.length];
  while (from < to && text.charCodeAt(from) <= 0x20) from++;
  while (from < to && text.charCodeAt(to - 1) <= 0x20) to--;
  for (let i = from; i < to; i++) {
    if (text[i] === ':') return [text.slice(from, i), text.slice(i + 1, to)];
  }
  return [text];
}

function plainKind(value: string): 'hash' | 'text' | 'impossible' {
  if (['$2a$', '$2b$', '$2y$'].includes(value.slice(0, 4))) {
    const cost = value.length - 54 < 4 ? undefined : plainInt(value.slice(4, value.length - 54));
    return cost !== undefined && cost >= 4 && cost <= 14 ? 'hash' : 'impossible';
  }
  for (const prefix of ['{PBKDF2_STRETCH}', '{PBKDF2}']) {
    if (!value.startsWith(prefix)) continue;
    const [cost, ...rest] = value.slice(prefix.length).split('$');
    const known = [1000, 10_000, 50_000, 100_000, 500_000, 1_000_000].includes(plainInt(cost ?? '') ?? 0);
    return rest.length > 0 && known ? 'hash' : 'impossible';
  }
  return ['{SHA}', '{MD5}', '{SSHA256}'].some((prefix) => value.startsWith(prefix)) ? 'hash' : 'text';
}

/** Integer.parseInt for the digits in the files above. */
function plainInt(text: string): number | undefined {
  const digits = '0123456789\u0660\u0661\uff10\uff11\uff12';
  const values = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 0, 1, 2];
  const sign = text[0] === '-' ? -1 : 1;
  const start = text[0] === '-' || text[0] === '+' ? 1 : 0;
  if (start === text.length) return undefined;
  let value = 0;
  for (let i = start; i < text.length; i++) {
    const digit = values[digits.indexOf(text[i] ?? '')];
    if (digit === undefined) return undefined;
    value = value * 10 + digit;
  }
  return value > 2 ** 31 - 1 ? undefined : sign * value;
}

/** The text of a tokens file: what the server reads in it, and edits that keep all other lines. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FileContent } from '../../src/tokens-file/file-content.js';
import { codeAndMessage, errorOf, everythingSaidBy } from '../support/fixtures.js';
import { runsOf } from '../support/thoroughness.js';

const PATH = '/etc/elasticsearch/service_tokens';
const HASH = '{PBKDF2}1000$c2FsdHNhbHQ=$a2V5';
const OTHER = '{PBKDF2_STRETCH}10000$c2FsdHNhbHQ=$a2V5';
const BCRYPT = '$2a$10$uuCzGHRrEz/QMB/.bmL8qOKXHhPNt57dYBbWCH/Hbb3SjUyZ.Hf1i';

const parse = (content: string | Uint8Array) => FileContent.parse(Buffer.from(content as Uint8Array), PATH);
const entriesOf = (content: string | Uint8Array) => Object.fromEntries(parse(content).entries());
const textOf = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString('utf8');
/** A file without a key, and with a new entry. */
const without = (bytes: Uint8Array, ...remove: string[]) =>
  Buffer.concat(FileContent.parse(bytes, PATH).changed({ remove }));
const withEntry = (bytes: Uint8Array, key: string, hash = OTHER) =>
  Buffer.concat(FileContent.parse(bytes, PATH).changed({ add: new Map([[key, hash]]) }));
const namesOf = (tokens: FileContent, prefix?: string) =>
  [...tokens.names(prefix)].join('').split('\n').slice(0, -1);
/** `<key>` is short for an entry, so that a file fits in a title. */
const file = (sketch: string) => sketch.replace(/<(.*?)>/gs, `$1:${HASH.replaceAll('$', '$$$$')}`);
const titled = <T extends { text: string }>(rows: readonly T[]) =>
  rows.map((row) => ({ ...row, shown: JSON.stringify(row.text) }));

describe('Reading', () => {
  test.each(
    titled([
      { text: '', keys: [], why: 'an empty file has no entries' },
      { text: '<a>\n<b>\n', keys: ['a', 'b'], why: 'lines end at LF' },
      { text: '<a>\r\n<b>\r\n', keys: ['a', 'b'], why: 'or at CRLF' },
      { text: '<a>\r<b>\r', keys: ['a', 'b'], why: 'or at CR' },
      { text: '<a>\n<b>', keys: ['a', 'b'], why: 'the last line needs no end' },
      { text: '<a>\n\r\n\r\r\n<b>', keys: ['a', 'b'], why: 'empty lines are skipped' },
      {
        text: '#<a>\n# b\n#\n<c>',
        keys: ['c'],
        why: 'a line that begins with # is a comment, whatever it contains',
      },
      {
        text: ' \t\x0b\f\x1c\u2003\u2028\u3000\n<a>',
        keys: ['a'],
        why: 'white space as defined by Java is skipped',
      },
      { text: ' <a> \n\t<b>\t\n\0<c>\0\x01', keys: ['a', 'b', 'c'], why: 'all up to U+0020 is trimmed' },
      { text: ' #<a>', keys: ['#a'], why: 'a # after a space begins a key' },
      { text: '\u3000<a>', keys: ['\u3000a'], why: 'white space above U+0020 is part of the key' },
      { text: '\ufeff<a>', keys: ['\ufeffa'], why: 'a byte order mark is part of the first key' },
      { text: '\ufeff#<a>', keys: ['\ufeff#a'], why: 'before a # it turns a comment into an entry' },
      {
        text: 'a\u0085b\u2028c\x0b<d>',
        keys: ['a\u0085b\u2028c\x0bd'],
        why: 'no other character ends a line',
      },
      { text: '<a >', keys: ['a '], why: 'a key is not trimmed before the colon' },
      { text: '<>', keys: [''], why: 'a key may be empty' },
      { text: '<\u00e9\ud83d\udd11>', keys: ['\u00e9\ud83d\udd11'], why: 'or any text' },
      { text: '<b>\n<a>\n<B>', keys: ['B', 'a', 'b'], why: 'keys are sorted, capitals first' },
      {
        text: '<\uff5e>\n<\ud83d\udd11>\n<z>',
        keys: ['z', '\ud83d\udd11', '\uff5e'],
        why: 'keys are sorted by UTF-16 units, not by code points',
      },
      { text: '<elastic/b>\n<elastic-a>', keys: ['elastic-a', 'elastic/b'], why: '- sorts before /' },
    ]),
  )('$shown has the keys $keys: $why', ({ text, keys }) => {
    expect([...parse(file(text)).entries().keys()].sort()).toEqual(keys);
    expect(new Set(parse(file(text)).entries().values())).toEqual(new Set(keys.length ? [HASH] : []));
  });

  test.each(
    titled([
      { text: `a:${HASH}\na:${OTHER}`, entries: { a: OTHER }, why: 'the last duplicate takes precedence' },
      { text: `a:${HASH}\na:plain`, entries: { a: HASH }, why: 'plain text does not erase a hash before it' },
      { text: 'a:plain', entries: {}, why: 'plain text is skipped' },
      { text: 'a:', entries: {}, why: 'so is an empty value' },
      { text: `a: ${HASH}`, entries: {}, why: 'with a space after the colon it is plain text' },
      { text: `a:b:${HASH}`, entries: {}, why: 'the first colon separates: the value begins with b' },
      { text: 'a:{SHA}x:y:z', entries: { a: '{SHA}x:y:z' }, why: 'a value may contain colons' },
      { text: `a:${HASH} \0`, entries: { a: HASH }, why: 'a value is trimmed at the end of the line' },
      { text: `a:${HASH}\u00a0`, entries: { a: `${HASH}\u00a0` }, why: 'but a no-break space is kept' },
      { text: `a:${BCRYPT}`, entries: { a: BCRYPT }, why: 'bcrypt is a hash' },
      {
        text: 'a:{MD5}\nb:{SSHA256}x',
        entries: { a: '{MD5}', b: '{SSHA256}x' },
        why: 'so are the old forms',
      },
      {
        text: 'a:{PBKDF2}1000$',
        entries: { a: '{PBKDF2}1000$' },
        why: 'only the header of a hash is read',
      },
      { text: `__proto__:${HASH}`, entries: { ['__proto__']: HASH }, why: 'no key is special' },
    ]),
  )('$shown: $why', ({ text, entries }) => {
    expect(entriesOf(text)).toEqual(entries);
  });
});

describe('Refusing', () => {
  const missing = (line: number) => `Missing ':' character at line #${line}`;
  const noIterations = 'The number of iterations could not be determined from the provided PBKDF2 hash.';
  test.each(
    titled([
      { text: 'hunter2', message: missing(1), why: 'there is no colon' },
      { text: '<a>\n\n#x\nhunter2\n', message: missing(4), why: 'comments and blank lines are counted' },
      { text: '<a>\r\n\r\nhunter2\r\n', message: missing(3), why: 'CRLF ends one line' },
      { text: '<a>\r\rhunter2', message: missing(3), why: 'CR ends a line' },
      { text: '<a>\n\rhunter2', message: missing(3), why: 'LF and CR end two' },
      { text: 'hunter2\nhunter3', message: missing(1), why: 'the first is named' },
      { text: ' # hunter2', message: missing(1), why: 'a # after a space begins no comment' },
      { text: '\ufeff# hunter2', message: missing(1), why: 'nor does one after a byte order mark' },
      { text: '\ufeff', message: missing(1), why: 'a byte order mark is not blank' },
      { text: '<a>\n\u00a0', message: missing(2), why: 'nor is a no-break space' },
      { text: '\u0085', message: missing(1), why: 'nor is NEL' },
      { text: '\0', message: missing(1), why: 'nor is NUL, though it is trimmed' },
      {
        text: `<a>\nhunter2:${BCRYPT.replace('$10$', '$15$')}`,
        message: 'unknown hash function [bcrypt15] (line #2)',
        why: 'the server has no such cost',
      },
      {
        text: 'hunter2:{PBKDF2}1234$a$b',
        message: 'unknown hash function [pbkdf2_1234] (line #1)',
        why: 'the server has no such cost',
      },
      {
        text: '#\nhunter2:{PBKDF2_STRETCH}1234$a$b',
        message: 'unknown hash function [pbkdf2_stretch_1234] (line #2)',
        why: 'the server has no such cost',
      },
      { text: 'a:{PBKDF2}hunter2$a$b', message: `${noIterations} (line #1)`, why: 'the cost is no number' },
      {
        text: 'a:$2a$hunter2',
        message: 'The cost could not be determined from the provided bcrypt hash. (line #1)',
        why: 'it is too short to have a cost',
      },
      { text: 'a:{PBKDF2}\nhunter2', message: `${noIterations} (line #1)`, why: 'the first is named' },
      {
        text: 'a:{PBKDF2}\n<a>',
        message: `${noIterations} (line #1)`,
        why: 'a later entry of the key does not make the line valid',
      },
    ]),
  )('$shown is refused with "$message": $why', ({ text, message }) => {
    const error = errorOf(() => parse(file(text)));
    expect(codeAndMessage(error)).toEqual({ code: 'MALFORMED_FILE', message });
    expect(error.hint).toBe(
      `Elasticsearch does not start with this file, or drops every token in it: correct [${PATH}].`,
    );
    expect(everythingSaidBy(error)).not.toContain('hunter2');
    expect(everythingSaidBy(error)).not.toContain(HASH);
  });

  test.each([
    { hex: 'ff', line: 1, why: 'no character begins with FF' },
    { hex: '23c328', line: 1, why: 'a comment must be UTF-8, too' },
    { hex: '230a23c3', line: 2, why: 'a character is cut off at the end' },
    { hex: '23c30aa9', line: 1, why: 'a line end splits a character' },
    { hex: '230d0a0d23eda080', line: 3, why: 'surrogates are not characters' },
    { hex: '23c080', line: 1, why: 'the encoding is overlong' },
    { hex: '23f4908080', line: 1, why: 'it is above U+10FFFF' },
    { hex: '78790a23ff', line: 2, why: 'the encoding is checked before the lines: line 1 has no colon' },
  ])('the bytes $hex are refused for line $line, as $why', ({ hex, line }) => {
    expect(codeAndMessage(errorOf(() => parse(Buffer.from(hex, 'hex'))))).toEqual({
      code: 'MALFORMED_FILE',
      message: `Malformed UTF-8 at line #${line}`,
    });
  });
});

describe('Adding an entry', () => {
  test.each(
    titled([
      { text: '', after: '<k>\n', why: 'the first of all' },
      { text: '<a>\n<z>\n', after: '<a>\n<k>\n<z>\n', why: 'between its neighbors' },
      { text: '<x>\n<z>\n', after: '<k>\n<x>\n<z>\n', why: 'at the beginning' },
      { text: '<a>\n<b>\n', after: '<a>\n<b>\n<k>\n', why: 'at the end' },
      {
        text: '<a>\n# of z\n<z>\n',
        after: '<a>\n<k>\n# of z\n<z>\n',
        why: 'a comment stays above its entry',
      },
      { text: '<a>\n# end\n', after: '<a>\n<k>\n# end\n', why: 'directly after the previous entry' },
      { text: '# head\n\n<x>\n', after: '# head\n\n<k>\n<x>\n', why: 'the comments at the top stay there' },
      { text: '# c\n', after: '# c\n<k>\n', why: 'after the comments of a file without entries' },
      { text: '# c', after: '# c\n<k>', why: 'and if the last line has no end, it still has none' },
      { text: '<a>', after: '<a>\n<k>', why: 'if the last line has no end, it still has none' },
      { text: '<a>\n<z>', after: '<a>\n<k>\n<z>', why: 'the last line still has no end' },
      { text: '<z>', after: '<k>\n<z>', why: 'the last line still has no end' },
      { text: '<a>\r\n<z>\r\n', after: '<a>\r\n<k>\r\n<z>\r\n', why: 'it ends like its neighbor: CRLF' },
      { text: '<a>\r<z>\r', after: '<a>\r<k>\r<z>\r', why: 'it ends like its neighbor: CR' },
      { text: '<a>\r\n<b>', after: '<a>\r\n<b>\r\n<k>', why: 'the missing end is like the others' },
      { text: '<z>\r\n', after: '<k>\r\n<z>\r\n', why: 'the next line is the neighbor if it is the first' },
      { text: '<a>\r\n<z>\n', after: '<a>\r\n<k>\r\n<z>\n', why: 'in a mixed file, the previous line' },
      { text: '<a>\n<b>\r\n<z>\n', after: '<a>\n<b>\r\n<k>\r\n<z>\n', why: 'not the first line' },
      { text: 'k:plain\n<a>\n', after: 'k:plain\n<a>\n<k>\n', why: 'plain text does not affect the order' },
      { text: '<a>\nzz:plain\n', after: '<a>\n<k>\nzz:plain\n', why: 'plain text does not affect the order' },
      { text: '<B>\n<\u00e9>\n', after: '<B>\n<k>\n<\u00e9>\n', why: 'the order is that of UTF-16 units' },
      { text: ' <a> \n', after: ' <a> \n<k>\n', why: 'other lines keep their white space' },
      { text: '\ufeff<a>\n', after: '<k>\n\ufeff<a>\n', why: 'a byte order mark is part of its key' },
    ]),
  )('to $shown: $why', ({ text, after }) => {
    const added = withEntry(Buffer.from(file(text)), 'k', HASH);
    expect(String(added)).toBe(file(after));
    expect(parse(added).hashOf('k')).toBe(HASH);
  });

  test('a surrogate sorts before U+FF5E, as in UTF-16 and not as in Unicode', () => {
    const bytes = withEntry(Buffer.from(file('<z>\n<\uff5e>\n')), '\ud83d\udd11', HASH);
    expect(String(bytes)).toBe(file('<z>\n<\ud83d\udd11>\n<\uff5e>\n'));
  });

  test('in a file that is not sorted, the order of the others is kept, and the entry is read back', () => {
    const text = String(withEntry(Buffer.from(file('<x>\n<b>\n<a>\n')), 'k'));
    expect(
      text
        .split('\n')
        .filter((line) => !line.startsWith('k:'))
        .join('\n'),
    ).toBe(file('<x>\n<b>\n<a>\n'));
    expect(entriesOf(text)).toEqual({ x: HASH, b: HASH, a: HASH, k: OTHER });
  });
});

describe('Removing a key', () => {
  test.each(
    titled([
      { text: '<k>\n', after: '', why: 'the last entry leaves an empty file' },
      { text: '<k>', after: '', why: 'likewise without a line end' },
      { text: '<a>\n<k>\n<z>\n', after: '<a>\n<z>\n', why: 'its line is removed' },
      { text: '<a>\n<k>\n<z>', after: '<a>\n<z>', why: 'the last line still has no end' },
      { text: '<a>\n<k>', after: '<a>', why: 'the new last line has no end' },
      { text: '# c\n\n<k>', after: '# c\n\n', why: 'a blank line stays: without an end it would be no line' },
      { text: '# c\n\n<k>\n', after: '# c\n\n', why: 'a blank line stays' },
      { text: '# c\n \n<k>', after: '# c\n ', why: 'one of white space has no end, as the last line before' },
      { text: '<k>\n<a>\n<k>\n', after: '<a>\n', why: 'duplicates are removed' },
      { text: '<k>\nk:plain\n', after: '', why: 'plain text of the key is removed' },
      { text: 'k:plain\n<k>\n', after: '', why: 'plain text of the key is removed, before the entry, too' },
      { text: 'k:\n \0k:x\n<k>\n', after: '', why: 'so are an empty value, and white space around the line' },
      { text: '#k:x\n<k>\n', after: '#k:x\n', why: 'a comment is kept' },
      { text: '# of k\n<k>\n# of z\n<z>\n', after: '# of k\n# of z\n<z>\n', why: 'comments are kept' },
      { text: '<k>\n\n \n', after: '\n \n', why: 'blank lines are kept' },
      {
        text: 'kk:plain\n<k>\nK:plain\n',
        after: 'kk:plain\nK:plain\n',
        why: "another key's plain text is kept",
      },
      { text: '<k >\n<k>\n', after: '<k >\n', why: 'a key followed by a space is another key' },
      { text: '\ufeff<k>\n<k>\n', after: '\ufeff<k>\n', why: 'so is one with a byte order mark' },
      { text: '<a>\r\n<k>\r\n<z>\r<y>\n', after: '<a>\r\n<z>\r<y>\n', why: 'each line keeps its own end' },
      { text: '<a>\n', after: '<a>\n', why: 'a missing key changes nothing' },
    ]),
  )('from $shown: $why', ({ text, after }) => {
    const removed = without(Buffer.from(file(text)), 'k');
    expect(String(removed)).toBe(file(after));
    expect(parse(removed).hashOf('k')).toBeUndefined();
  });

  test('a blank line is kept if the CR of one line and the LF of another meet', () => {
    const bytes = without(Buffer.from(file('# c\r<k>\n\n<z>\n')), 'k');
    expect(linesOf(bytes).map(String)).toEqual(['# c', '', file('<z>')]);
  });
});

describe('Any file', () => {
  const runs = { numRuns: runsOf(400, 100) };

  test('is read or refused like by a second, simple implementation of the rules', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const { keys: _, ...plain } = { keys: [], ...plainly(bytes) };
        expect(reading(() => FileContent.parse(bytes, PATH))).toEqual(plain);
        if (!('entries' in plain)) return;
        const text = FileContent.parse(bytes, PATH);
        const names = Object.keys(plain.entries).sort();
        expect(namesOf(text)).toEqual(names);
        expect(namesOf(text, 'elastic/')).toEqual(names.filter((name) => name.startsWith('elastic/')));
        for (const key of names) expect(text.hashOf(key)).toBe(plain.entries[key]);
        const some = [...names.slice(0, 5), 'nobody'];
        const others = Array.from({ length: 9 }, (_, i) => `nobody-${i}`);
        for (const asked of [some, [...some, ...others]]) {
          expect([...text.hashesOf(asked)]).toHaveLength(some.length - 1);
          for (const [key, hash] of text.hashesOf(asked)) expect(hash).toBe(plain.entries[key]);
        }
      }),
      { numRuns: runsOf(2_000, 500) },
    );
  });

  test('has the entries that the simple implementation finds, even if the text of a key is elsewhere, too', () => {
    fc.assert(
      fc.property(readableBytes, fc.oneof(anyKey, noKey), (bytes, key) => {
        const { entries, keys } = plainly(bytes) as Extract<Reading, { keys: string[] }>;
        const text = FileContent.parse(bytes, PATH);
        expect(text.hashOf(key)).toBe(Object.hasOwn(entries, key) ? entries[key] : undefined);
        if (!keys.includes(key)) expect(without(bytes, key)).toEqual(bytes);
      }),
      { numRuns: runsOf(2_000, 500) },
    );
  });

  test('is changed as by a second, simple implementation of the rules', () => {
    const keys = fc.uniqueArray(anyKey, { maxLength: 12 });
    fc.assert(
      fc.property(readableBytes, keys, keys, (bytes, remove, candidates) => {
        const rest = entriesOf(without(bytes, ...remove));
        const add = new Map(candidates.filter((key) => !Object.hasOwn(rest, key)).map((key) => [key, OTHER]));
        const changed = FileContent.parse(bytes, PATH).changed({ remove, add });
        expect(Buffer.concat(changed).toString()).toBe(plainlyChanged(bytes, remove, add));
      }),
      { numRuns: runsOf(5_000, 1_000) },
    );
  });

  test.each(['<a>\n<k>\n<z>\n', '<k>\n<z>\n', '# c\n<a>\n<k>\n', '<k>\n', '# c\n\n<k>', '<a>\r\n<k>'])(
    'has a key replaced in its line where that is sorted: %j',
    (text) => {
      const parts = parse(file(text)).changed({ remove: ['k'], add: new Map([['k', OTHER]]) });
      expect(Buffer.concat(parts).toString()).toBe(file(text).replace(`k:${HASH}`, `k:${OTHER}`));
    },
  );

  test('is given back byte for byte when a key is added and removed again', () => {
    fc.assert(
      fc.property(readableBytes, anyKey, (bytes, key) => {
        const plain = plainly(bytes);
        fc.pre('keys' in plain && !plain.keys.includes(key));
        expect(without(withEntry(bytes, key), key)).toEqual(bytes);
      }),
      runs,
    );
  });

  test('keeps all other lines, blank ones too, and has a last line with an end, or without one, as before', () => {
    fc.assert(
      fc.property(readableBytes, anyKey, fc.boolean(), (bytes, key, isReplaced) => {
        const add = new Map(isReplaced ? [[key, OTHER]] : []);
        const after = Buffer.concat(FileContent.parse(bytes, PATH).changed({ remove: [key], add }));
        const others = (all: Buffer[]) => all.filter((line) => !keysOf(line).includes(key)).map(String);
        expect(others(linesOf(after))).toEqual(others(linesOf(bytes)));
        const { [key]: _, ...entries } = entriesOf(bytes);
        expect(entriesOf(after)).toEqual({ ...entries, ...Object.fromEntries(add) });
        const hasEnd = (text: Buffer) => text.length === 0 || /[\r\n]$/.test(String(text));
        const isBlank = linesOf(after).at(-1)?.length === 0; // such a line needs its end
        if (bytes.length > 0 && after.length > 0 && !isBlank) expect(hasEnd(after)).toBe(hasEnd(bytes));
      }),
      runs,
    );
  });

  test('that the original has written becomes what the original would write', () => {
    const written = (entries: ReadonlyMap<string, string>) =>
      [...entries.keys()]
        .sort()
        .map((key) => `${key}:${entries.get(key)}\n`)
        .join('');
    const entries = fc.array(fc.tuple(anyKey, anyHash), { maxLength: 12 }).map((pairs) => new Map(pairs));
    fc.assert(
      fc.property(entries, anyKey, anyHash, (all, key, hash) => {
        const others = new Map(all);
        others.delete(key);
        const [before, after] = [others, new Map(others).set(key, hash)].map(written) as [string, string];
        expect(String(withEntry(Buffer.from(before), key, hash))).toBe(after);
        expect(String(without(Buffer.from(after), key))).toBe(before);
      }),
      runs,
    );
  });
});

describe('A large file', () => {
  test.each([0, 1, 7, 100_000])('that is malformed at byte %d is refused for the line of that byte', (at) => {
    const bytes = Buffer.from('#\u20ac\n'.repeat(30_000)); // five bytes per line
    bytes[at] = 0xff;
    const message = `Malformed UTF-8 at line #${Math.floor(at / 5) + 1}`;
    expect(errorOf(() => parse(bytes)).message).toBe(message);
  });

  test('has its names sorted like strings', () => {
    const key = fc.array(
      fc.constantFrom('a', 'b', '/', '\0', '\u00e9', '\uff5e', '\ufb00', '\ue000', '\ud83d\udd11'),
      {
        maxLength: 7,
      },
    );
    const keys = fc.array(fc.tuple(key), { minLength: 150, maxLength: 400 });
    fc.assert(
      fc.property(fc.constantFrom('k', '', 'elastic/', '\ud83d\udd11'), keys, (prefix, all) => {
        // An x comes first, so that no key begins with white space.
        const names = all.map(([parts]) => `x${prefix}${(parts ?? []).join('')}`);
        const text = parse(names.map((name) => `${name}:${HASH}\n`).join(''));
        expect(namesOf(text)).toEqual([...new Set(names)].sort());
      }),
      { numRuns: runsOf(100, 25) },
    );
  });

  test.each(['k', '', 'elastic/', '\ud83d\udd11'])(
    'has its names sorted like strings if there are many (%j)',
    (prefix) => {
      const parts = ['a', 'b', '/', '\0', '\u00e9', '\uff5e', '\ufb00', '\ue000', '\ud83d\udd11'];
      const nameOf = (n: number): string => parts[n % 9] + (n < 9 ? '' : nameOf(Math.floor(n / 9)));
      // 10,007 and 120,000 are coprime: every number occurs, in no order; some names occur twice. The file has 5 MiB.
      const numbers = Array.from({ length: 120_500 }, (_, i) => (i * 10_007) % 120_000);
      const names = numbers.map((n) => `x${prefix}${n < 9 ? '' : nameOf(n)}`);
      const text = parse(names.map((name) => `${name}:${HASH}\n`).join(''));
      expect(namesOf(text)).toEqual([...new Set(names)].sort());
    },
  );

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
    const [before, line, after] = FileContent.parse(bytes, PATH).changed({ add: new Map([['k', HASH]]) });
    expect([before?.buffer, after?.buffer]).toEqual([bytes.buffer, bytes.buffer]);
    expect(String(line)).toBe(file('<k>\n'));
  });
});

// The parts of generated files. There are few keys, so that the same ones occur again.

const anyKey = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('k', 'elastic/kibana/a', 'elastic/kibana/b', 'elastic/kibana-x/a'),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'B', '\u00e9', '\uff5e', '\ud83d\udd11', 'k k', '\ufeffk') },
  { weight: 2, arbitrary: fc.stringMatching(/^elastic\/(kibana|auto-ops)\/[A-Za-z0-9-][\w-]{0,5}$/) },
);
/** Texts that cannot be a key of any line, although a file may contain them before a colon. */
const noKey = fc.oneof(
  fc.constantFrom('k:', 'k:{SHA}x\nk', '\nk', '\rk', ' k', '\0k', 'k\r', 'a:k', '\n', '\t', '#k:{MD5}'),
  fc
    .tuple(anyKey, fc.constantFrom(':', '\n', '\r', '\r\n', ':{SHA}\n'), anyKey)
    .map((parts) => parts.join('')),
);
const anyHash = fc.constantFrom(
  ...[HASH, OTHER, BCRYPT, '{SHA}x', '{MD5}', '{SSHA256}:', '{PBKDF2}+01000$', '{PBKDF2}\u0661000$a$b'],
  ...['$2b$04$', '$2y$9$', '$2a$+9$', '$2a$\uff11\uff12$'].map((head) => head + 'x'.repeat(53)),
);
const plainValue = fc.constantFrom(
  '',
  'plain',
  ' {SHA}x',
  '{sha}x',
  `x${BCRYPT}`,
  '$2$',
  '$2x$10$',
  '{PBKDF2',
);
const impossible = fc.constantFrom(
  ...['{PBKDF2}', '{PBKDF2}$', '{PBKDF2}1000', '{PBKDF2}1001$', '{PBKDF2_STRETCH}-1000$', '{PBKDF2} 1000$'],
  ...['{PBKDF2}99999999999$', '$2a$', BCRYPT.slice(0, -1), `${BCRYPT}x`, `$2a$15$${'x'.repeat(53)}`],
);
const around = fc.constantFrom('', '', '', ' ', '\t', '\0', '\x1c', '\x0b ', '\x01');
const anyWord = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }))
  .map((text) => text.replace(/[\r\n]/g, ''));

function line(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(around, anyKey, value, around).map(([a, key, text, b]) => `${a}${key}:${text}${b}`);
}

const readableLine = fc.oneof(
  { weight: 6, arbitrary: line(anyHash) },
  { weight: 2, arbitrary: line(plainValue) },
  { weight: 2, arbitrary: anyWord.map((text) => `#${text}`) },
  { weight: 1, arbitrary: line(anyHash).map((text) => `#${text}`) },
  // A key in another place: in a comment, in a value, in a hash, after or before other text, after a #.
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('# ', 'k:', 'k: ', 'k:{SHA}', 'k:{MD5} ', 'x', '\u00a0', ' #', 'k #'),
        line(anyHash),
      )
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: line(anyHash).map((text) => text.replace(':', ' :')) },
  { weight: 2, arbitrary: fc.constantFrom('', ' ', '\t \x0b\f', '\x1c\x1f', '\u2003\u2028\u3000', '\u1680') },
  { weight: 1, arbitrary: fc.tuple(anyWord, anyWord).map(([a, b]) => `${a}:${b}`) },
);
const doubtfulLine = fc.oneof(
  { weight: 40, arbitrary: readableLine },
  { weight: 1, arbitrary: line(impossible) },
  { weight: 1, arbitrary: anyWord },
  { weight: 1, arbitrary: fc.constantFrom('\u00a0', '\u0085', '\0', '\ufeff', '\ufeff#', ' #', '\u2007') },
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

const readableBytes = linesWithEnds(readableLine).filter((bytes) => 'keys' in plainly(bytes));
const anyBytes = fc.oneof(
  { weight: 8, arbitrary: linesWithEnds(doubtfulLine) },
  {
    weight: 1,
    arbitrary: linesWithEnds(
      fc.oneof({ weight: 9, arbitrary: doubtfulLine }, { weight: 1, arbitrary: malformed }),
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
);

// The second implementation: character by character, without regular expressions or code from src.

/** `keys` are the keys of all lines, including plain text. */
type Reading =
  | { readonly keys: string[]; readonly entries: Record<string, string> }
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
  const keys: string[] = [];
  const entries: [string, string][] = [];
  for (const [i, raw] of lines.entries()) {
    const split = plainSplit(raw.toString('utf8'));
    if (split === 'nothing') continue;
    if (split === 'no colon') return { refused: 'colon', line: i + 1 };
    const kind = plainKind(split.value);
    if (kind === 'impossible') return { refused: 'hash', line: i + 1 };
    keys.push(split.key);
    if (kind === 'hash') entries.push([split.key, split.value]);
  }
  return { keys, entries: Object.fromEntries(entries) };
}

/** A changed file, line by line. */
function plainlyChanged(bytes: Buffer, remove: string[], add: ReadonlyMap<string, string>): string {
  const all = String(bytes).match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];
  const contentOf = (line: string) => line.replace(/[\r\n]+$/, '');
  const endOf = (line: string | undefined) => line?.slice(contentOf(line).length);
  const firstEnd = endOf(all[0]) || '\n';
  const lines = all.filter(
    (line) => !keysOf(Buffer.from(contentOf(line))).some((key) => remove.includes(key)),
  );
  const entryOf = (line: string) => {
    const split = plainSplit(contentOf(line));
    return typeof split !== 'string' && plainKind(split.value) === 'hash' ? split.key : undefined;
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

function keysOf(raw: Buffer): string[] {
  const split = plainSplit(raw.toString('utf8'));
  return typeof split === 'string' ? [] : [split.key];
}

function plainSplit(text: string): { key: string; value: string } | 'nothing' | 'no colon' {
  const whiteSpace = [
    ...[0x09, 0x0b, 0x0c, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004],
    ...[0x2005, 0x2006, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x205f, 0x3000],
  ];
  let blank = true;
  for (let i = 0; i < text.length; i++) blank = blank && whiteSpace.includes(text.charCodeAt(i));
  if (blank || text[0] === '#') return 'nothing';
  let [from, to] = [0, text.length];
  while (from < to && text.charCodeAt(from) <= 0x20) from++;
  while (from < to && text.charCodeAt(to - 1) <= 0x20) to--;
  for (let i = from; i < to; i++) {
    if (text[i] === ':') return { key: text.slice(from, i), value: text.slice(i + 1, to) };
  }
  return 'no colon';
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

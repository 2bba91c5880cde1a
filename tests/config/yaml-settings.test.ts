/** The results of the server's parser (Jackson on SnakeYAML, YAML 1.1); each row was verified with it. */
import { describe, expect, test } from '@jest/globals';
import { readYamlSettings } from '../../src/config/yaml-settings.js';

function read(text: string): Record<string, string | readonly string[]> {
  const settings = readYamlSettings(text, (reason, at) => {
    throw new RangeError(`${reason} at ${at}`);
  });
  return Object.fromEntries(settings.map(({ name, value }) => [name, value]));
}

const shown = <T extends { text: string }>(rows: readonly T[]) =>
  rows.map((row) => ({ ...row, shown: JSON.stringify(row.text) }));

describe('Texts that are read', () => {
  test.each(
    shown([
      { text: '', settings: {}, why: 'nothing is there' },
      { text: '# c\n \n', settings: {}, why: 'nothing but comments' },
      { text: '%X y\n', settings: {}, why: 'a directive needs no document' },
      { text: '{}\n', settings: {}, why: 'a map without settings' },
      { text: '--- {a: b}\n...\n...\n', settings: { a: 'b' }, why: 'marks around one document' },
      { text: '%YAML 1.2\n---\na: b\n', settings: { a: 'b' }, why: 'any version of YAML 1' },
      { text: '\ufeffa: b\n', settings: { a: 'b' }, why: 'a byte order mark leads' },
      {
        text: 'a: 010\nb: 1_0\nc: 12:30\nd: .5\ne: 0x10\nf: =\n',
        settings: { a: '010', b: '1_0', c: '12:30', d: '.5', e: '0x10', f: '=' },
        why: 'numbers keep their text',
      },
      {
        text: 'a: Yes\nb: off\nc: TRUE\nd: y\ne: "yes"\n',
        settings: { a: 'true', b: 'false', c: 'true', d: 'y', e: 'yes' },
        why: 'what YAML 1.1 takes for true or false becomes that',
      },
      { text: 'a: [Yes, 1, *x, "q"]\n', settings: { a: ['Yes', '1', 'x', 'q'] }, why: 'in a list it stays' },
      {
        text: 'a: "~"\nb: \'null\'\nc: ""\n',
        settings: { a: '~', b: 'null', c: '' },
        why: 'in quotes nothing is null',
      },
      {
        text: 'a: !!str null\nb: !!str\nc: !x\nd: !x ~\n',
        settings: { a: 'null', b: '', c: '', d: '~' },
        why: 'nor with a tag of another type',
      },
      {
        text: 'a: !!bool y\nb: !<bool> N\n',
        settings: { a: 'true', b: 'false' },
        why: 'a tag makes a letter true or false',
      },
      {
        text: '~: 1\nnull: 2\n"": 3\n1: 4\n',
        settings: { '~': '1', null: '2', '': '3', 1: '4' },
        why: 'every scalar is a key',
      },
      {
        text: '? a\n: b\n? c\n: {d: e}\n',
        settings: { a: 'b', 'c.d': 'e' },
        why: 'keys may be written with ?',
      },
      { text: '? a\n|\n b\n', settings: { a: 'b\n' }, why: 'and need no colon before a scalar' },
      {
        text: '&x a: &y b\n!t c: *b\n',
        settings: { a: 'b', c: 'b' },
        why: 'anchors and tags precede keys and values',
      },
      { text: 'a:\n- b\n- c\n', settings: { a: ['b', 'c'] }, why: 'a list needs no indentation' },
      { text: 'a: []\nb: [c,]\n', settings: { a: [], b: ['c'] }, why: 'a comma may trail' },
      {
        text: '{a: b, "c":d, e: [f,\n g]}\n',
        settings: { a: 'b', c: 'd', e: ['f', 'g'] },
        why: 'in braces a quoted key needs no space',
      },
      { text: '{a:b: c}\n', settings: { 'a:b': 'c' }, why: 'a plain one does' },
      { text: 'a: b#c #d\n', settings: { a: 'b#c' }, why: 'a comment needs a space before it' },
      { text: 'a: b\tc\t\n', settings: { a: 'b\tc' }, why: 'tabs are allowed within and after a value' },
      {
        text: 'a:\n\n   b\n   c\n\n   d\n',
        settings: { a: 'b c\nd' },
        why: 'a plain value goes on on lines that are indented',
      },
      { text: 'a: "b\n\n  c\\\n  d"\n', settings: { a: 'b\ncd' }, why: 'so does a quoted one' },
      {
        text: '"a\\x41\\u0042\\U00000043\\n\\e\\_": b\n',
        settings: { 'aABC\n\x1b\xa0': 'b' },
        why: 'there are escape sequences',
      },
      { text: "a: 'it''s \\n'\n", settings: { a: "it's \\n" }, why: 'but none in single quotes' },
      {
        text: 'a: |\n b\n  c\n\nd: >-\n e\n f\n\n g\n',
        settings: { a: 'b\n c\n', d: 'e f\ng' },
        why: 'blocks stay or are folded',
      },
      {
        text: 'a: |+2\n   b\n\nc: |1-\n  d\n',
        settings: { a: ' b\n\n', c: ' d' },
        why: 'their first line says how',
      },
      { text: 'a: | # c\n  b\n # c\n', settings: { a: 'b\n' }, why: 'and may have a comment' },
      {
        text: 'a: b\u0085c: d\u2028e: f\n',
        settings: { a: 'b', c: 'd', e: 'f' },
        why: 'YAML 1.1 has more line breaks',
      },
      {
        text: 'a.b: 1\na:\n  b: 2\n',
        settings: { 'a.b': '2' },
        why: 'different nesting may give a name twice',
      },
      { text: 'a: <<\n<<: {b: c}\n', settings: { a: '<<', '<<.b': 'c' }, why: 'nothing is merged' },
      {
        text: '%TAG !e! tag:yaml.org,2002:\n---\na: !e!bool y\n',
        settings: { a: 'true' },
        why: 'a directive may name tags',
      },
      { text: 'é😀: ü\n', settings: { 'é😀': 'ü' }, why: 'letters are letters' },
    ]),
  )('$shown: $why', ({ text, settings }) => {
    expect(read(text)).toEqual(settings);
  });
});

describe('Texts that are refused', () => {
  test.each(
    shown([
      { text: '---\n', why: 'a document without a map' },
      { text: '...\n', why: 'an end without a document' },
      { text: '!tag\n', why: 'a lone tag' },
      { text: 'a\n', why: 'a scalar' },
      { text: '- a\n', why: 'a list' },
      { text: '*a\n', why: 'an alias' },
      { text: 'a: b\n---\nc: d\n', why: 'a second document' },
      { text: 'a: b\n---\n', why: 'a second document, which is empty' },
      { text: '---\n---\na: b\n', why: 'a first document that is empty' },
      { text: '%YAML 2.0\n---\na: b\n', why: 'another version of YAML' },
      { text: '%YAML 1.1\n%YAML 1.1\n---\na: b\n', why: 'a directive twice' },
      { text: '%TAG ! x\na: b\n', why: 'a directive without ---' },
      { text: 'a: b\na: c\n', why: 'a key twice in one map' },
      { text: '{a: 1, "a": 2}\n', why: 'a key twice in one map, once in quotes' },
      { text: 'a:\n', why: 'a value is missing' },
      { text: 'a: &x\n', why: 'a value is missing after an anchor' },
      { text: 'a: ~\n', why: 'null' },
      { text: 'a: !!null x\n', why: 'null by its tag' },
      { text: "a: ! 'null'\n", why: 'null in spite of the quotes, because of the tag' },
      { text: 'a: [~]\n', why: 'null in a list' },
      { text: 'a: [b, [c]]\n', why: 'a list in a list' },
      { text: 'a:\n  - b: c\n', why: 'a map in a list' },
      { text: 'a: [b: c]\n', why: 'a map in a list' },
      { text: 'a: !!binary AAAA\n', why: 'binary data' },
      { text: 'a: !!int 0b12\n', why: 'an invalid integer' },
      { text: '? [a]\n: b\n', why: 'a key that is a list' },
      { text: '{a: b}: c\n', why: 'a key that is a map' },
      { text: '*a : b\n', why: 'a key that is an alias' },
      { text: `${'k'.repeat(1025)}: v\n`, why: 'a key of more than 1,024 characters' },
      { text: 'a:b\nc: d\n', why: 'a colon without a space' },
      { text: 'a: b: c\n', why: 'two colons' },
      { text: 'a: - b\n', why: 'a list on the line of its key' },
      { text: 'a: ? b\n', why: 'a ? on the line of a key' },
      { text: 'a: "b" c\n', why: 'text after quotes' },
      { text: 'a: "b\n', why: 'an unclosed quote' },
      { text: "a: 'b\n", why: 'an unclosed quote' },
      { text: 'a: "b\n---\n"\n', why: 'a mark within quotes' },
      { text: 'a: "\\q"\n', why: 'an unknown escape sequence' },
      { text: 'a: "\\/"\n', why: 'an escape sequence of YAML 1.2' },
      { text: 'a: "\\xg0"\n', why: 'an escape sequence without its digits' },
      { text: 'a: "\\U00110000"\n', why: 'an escape sequence beyond Unicode' },
      { text: 'a: b\x07\n', why: 'a control character' },
      { text: 'a: b # \x07\n', why: 'a control character in a comment' },
      { text: 'a: b\x7f\n', why: 'DEL' },
      { text: 'a: b\uffff\n', why: 'an invalid character' },
      { text: 'a: b\0\n', why: 'NUL' },
      { text: '\ta: b\n', why: 'a tab indents' },
      { text: 'a:\n\tb: c\n', why: 'a tab indents' },
      { text: 'a: @b\n', why: 'an unexpected character' },
      { text: 'a: `b`\n', why: 'an unexpected character' },
      { text: 'a: %b\n', why: 'an unexpected character' },
      { text: 'a: b\n c: d\n', why: 'unexpected indentation' },
      { text: '  a: b\nc: d\n', why: 'less indentation than before' },
      { text: 'a: [b\n', why: 'a bracket that is not closed' },
      { text: 'a: {b}\n', why: 'a key without a value in braces' },
      { text: 'a: [b,,c]\n', why: 'two commas' },
      { text: 'a: b}\nc: {d: e}}\n', why: 'a brace too many' },
      { text: 'a: |x\n b\n', why: 'a block with another first line' },
      { text: 'a: |0\n b\n', why: 'a block without indentation' },
      { text: 'a: &\n', why: 'an anchor without a name' },
      { text: 'a: *b.c\n', why: 'an alias with a dot' },
      { text: 'a: !x!y z\n', why: 'a tag that no directive names' },
      { text: 'a: !<x\n', why: 'a tag that is not closed' },
      { text: 'a: !%zz b\n', why: 'a tag with an invalid escape' },
    ]),
  )('$shown, because of $why', ({ text }) => {
    expect(() => read(text)).toThrow(RangeError);
  });

  test('the reason contains no part of the text, and the position is right', () => {
    expect(() => read('hunter: 1\nhunter: 2\n')).toThrow('duplicate key at 10');
    expect(() => read('hunter: "2\n')).toThrow('an unclosed quote at 8');
  });
});

describe('Bounds', () => {
  test.each([
    { deep: 999, read: true },
    { deep: 1000, read: false },
  ])('$deep maps within a map are read: $read', ({ deep, read: isRead }) => {
    const text = `a: ${'{b: '.repeat(deep)}c${'}'.repeat(deep)}\n`;
    if (isRead) expect(Object.values(read(text))).toEqual(['c']);
    else expect(() => read(text)).toThrow('it is nested more than 1000 levels deep');
  });
});

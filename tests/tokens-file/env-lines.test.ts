/** One variable of a `.env` file is set, and every other byte stays. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findVariable, setVariable } from '../../src/tokens-file/env-lines.js';
import { runsOf } from '../support/thoroughness.js';

const set = (text: string) => setVariable(text, 'T', 'new', '.env');
const BOM = '\xef\xbb\xbf';

test.each([
  ['', 'T=new\n', 'an empty file gets one line'],
  ['A=1\n', 'A=1\nT=new\n', 'a new line comes last'],
  ['A=1', 'A=1\nT=new\n', 'and the last line gets an end'],
  ['A=1\r\nB=2', 'A=1\r\nB=2\r\nT=new\r\n', 'like the other lines'],
  ['T=\nA=1\n', 'T=new\nA=1\n', 'an empty value is replaced'],
  ['A=1\r\nT=old\r\nB=2', 'A=1\r\nT=new\r\nB=2', 'line ends stay'],
  ['export T="old" # mine', 'export T=new', 'the value ends at the end of the line'],
  ['  export\tT=old\n', '  export\tT=new\n', 'what precedes the value stays'],
  [`${BOM}T=old\n`, `${BOM}T=new\n`, 'a byte order mark stays'],
  ['A: 1\nB=2\n', 'A: 1\nB=2\nT=new\n', 'some readers take a colon, too'],
  ['#T=a\nTT=b\nA=T=c\nT =d\n', '#T=a\nTT=b\nA=T=c\nT =d\nT=new\n', 'none of these sets the variable'],
])('%j becomes %j: %s', (before, after) => {
  expect(set(before)).toBe(after);
});

test('a variable that is set twice is refused with both line numbers', () => {
  expect(() => set('T=1\n\nexport T=2\n')).toThrow('[.env] sets T more than once, on lines #1 and #3');
});

test.each([
  'T\0=\0',
  '{"token":{}}',
  '\n {',
  'apiVersion: v1\nkind: Secret\n',
  'server.port: 5601\n',
  'a:\n  b: 1\n',
])('what is no file of variables is refused: %j', (text) =>
  expect(() => set(text)).toThrow('[.env] is not a file of variables'),
);

const line = fc.oneof(
  fc.constantFrom(
    '',
    '#T=x',
    ' T=',
    'export T=old',
    'T="a b"',
    'TT=1',
    'T',
    'A=T=1',
    '\xff\xfeT=2',
    '\xe2\x80\xa8T=3',
  ),
  fc.string({ unit: fc.constantFrom(...'T=# "\'\t\xe9\\$a') }),
);
const text = fc
  .tuple(
    fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n')), { maxLength: 8 }),
    fc.constantFrom('', 'A', 'T=1'),
  )
  .map(([lines, last]) => lines.flat().join('') + last);

test('any file keeps every byte but the value, or the new last line', () => {
  fc.assert(
    fc.property(text, (before) => {
      const sets = before.split('\n').filter((each) => /^[ \t]*(export[ \t]+)?T=/.test(each));
      fc.pre(sets.length < 2);
      const after = set(before);
      const found = findVariable(before, 'T', '.env');
      expect(found === undefined).toBe(sets.length === 0);
      expect(findVariable(after, 'T', '.env')?.value).toBe('new');
      if (found === undefined) {
        expect(after.startsWith(before)).toBe(true);
        expect(after.slice(before.length)).toMatch(/^(\r?\n)?T=new\r?\n$/);
      } else {
        const { at, value } = found;
        expect(after).toBe(`${before.slice(0, at)}new${before.slice(at + value.length)}`);
        expect(value).not.toMatch(/[\r\n]/);
      }
      expect(set(after)).toBe(after);
    }),
    { numRuns: runsOf(5_000, 500) },
  );
});

/** -E and elasticsearch.yml. */
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseOverrides, readHashSettings } from '../../src/config/settings.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { type Algorithm, defaultAlgorithm } from '../../src/hash/algorithm.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import {
  codeAndMessage,
  errorOf,
  everythingSaidBy,
  recordedSettings,
  rejectionOf,
} from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const KEY = 'xpack.security.authc.service_token_hashing.algorithm';
const FIPS = 'xpack.security.fips_mode.enabled';
const bcrypt4: Algorithm = { scheme: 'bcrypt', cost: 4 };

const directory = temporaryDirectory();

/** Reads the settings of a directory with this elasticsearch.yml; undefined: without one. */
function read(
  yml: string | Uint8Array | undefined,
  { E = [], env = {} }: { E?: readonly string[]; env?: Record<string, string> } = {},
) {
  if (yml !== undefined) directory.write('elasticsearch.yml', yml);
  return readHashSettings(directory.path, parseOverrides(E), env, nodeFileSystem);
}

const titled = <T extends { yml: string }>(rows: readonly T[]) =>
  rows.map((row) => ({ ...row, shown: JSON.stringify(row.yml.replaceAll(KEY, '<key>')) }));

describe('-E key=value', () => {
  test.each([
    { word: 'a.b=c', key: 'a.b', value: 'c', why: 'the = splits' },
    { word: 'a=b=c', key: 'a', value: 'b=c', why: 'the first = splits' },
    { word: 'a= ', key: 'a', value: ' ', why: 'a space is a value' },
    { word: '=b', key: '', value: 'b', why: 'an empty key is a key' },
  ])('[$word] is [$key] and [$value]: $why', ({ word, key, value }) => {
    expect(parseOverrides([word])).toEqual([{ key, value }]);
  });

  test.each([
    { words: ['foo='], message: 'setting [foo] must not be empty', why: 'the value is empty' },
    { words: ['foo'], message: 'setting [foo] must not be empty', why: 'there is no =' },
    { words: [''], message: 'setting [] must not be empty', why: 'there is nothing' },
    { words: ['-s'], message: 'setting [-s] must not be empty', why: '-E takes any word' },
    {
      words: ['a=1', 'b=2', 'a=3'],
      message: 'setting [a] set twice via command line -E',
      why: 'a comes twice',
    },
    { words: ['a=1', 'a=1'], message: 'setting [a] set twice via command line -E', why: 'equal values, too' },
    { words: ['a=1', 'a='], message: 'setting [a] must not be empty', why: 'each word is looked at in turn' },
    {
      words: ['path.home=/x'],
      message: 'setting [path.home] found via command-line -E and system property [es.path.home]',
      why: "the original's scripts always name the home",
    },
    { words: ['a=1', 'a=2', 'b='], message: 'setting [a] set twice via command line -E', why: 'likewise' },
  ])('$words is refused with "$message", because $why', ({ words, message }) => {
    expect(codeAndMessage(errorOf(() => parseOverrides(words)))).toEqual({ code: 'USAGE', message });
  });

  test('the order is kept', () => {
    expect(parseOverrides(['b=1', 'a=2']).map(({ key }) => key)).toEqual(['b', 'a']);
    expect(parseOverrides([])).toEqual([]);
  });
});

describe('The algorithm in elasticsearch.yml', () => {
  test('without a file, it is the default', async () => {
    expect(await read(undefined)).toEqual({ algorithm: defaultAlgorithm, fipsMode: false, misspelled: [] });
  });

  test.each(
    titled([
      { yml: '', algorithm: defaultAlgorithm, why: 'the file is empty' },
      { yml: '# c\n\n# d\n', algorithm: defaultAlgorithm, why: 'the file contains comments only' },
      {
        yml: 'node.name: n\npath:\n  data: [a, b]\n',
        algorithm: defaultAlgorithm,
        why: 'other settings are ignored',
      },
      { yml: `${KEY}: bcrypt4\n`, algorithm: bcrypt4, why: 'the key is flat' },
      { yml: `${KEY}: bcrypt4`, algorithm: bcrypt4, why: 'the last line needs no end' },
      {
        yml: `\ufeff${KEY}: bcrypt4\r\n`,
        algorithm: bcrypt4,
        why: 'byte order mark and CRLF are ignored',
      },
      {
        yml: 'xpack:\n  security:\n    authc:\n      service_token_hashing:\n        algorithm: bcrypt4\n',
        algorithm: bcrypt4,
        why: 'the key is nested',
      },
      {
        yml: 'xpack.security:\n  authc.service_token_hashing:\n    algorithm: bcrypt4\n',
        algorithm: bcrypt4,
        why: 'the key is partly nested',
      },
      {
        yml: 'xpack.security.authc: {service_token_hashing: {algorithm: bcrypt4}}',
        algorithm: bcrypt4,
        why: 'or so',
      },
      {
        yml: `${KEY}: bcrypt5\nxpack.security.authc:\n  service_token_hashing.algorithm: bcrypt4\n`,
        algorithm: bcrypt4,
        why: 'of a flat and a nested key the later wins',
      },
      {
        yml: `xpack.security.authc:\n  service_token_hashing.algorithm: bcrypt5\n${KEY}: bcrypt4\n`,
        algorithm: bcrypt4,
        why: 'of a nested and a flat key the later wins',
      },
      { yml: `${KEY}: "bcrypt4"\n`, algorithm: bcrypt4, why: 'quotes are YAML' },
      { yml: `${KEY}: 'bcrypt4' # fast\n`, algorithm: bcrypt4, why: 'so is a comment' },
      { yml: `${KEY}: BCrypt4\n`, algorithm: bcrypt4, why: 'case does not matter' },
      { yml: `${KEY}: ""\n`, algorithm: defaultAlgorithm, why: 'an empty value is like none' },
      { yml: `${KEY}: ''\n`, algorithm: defaultAlgorithm, why: 'an empty value is like none' },
      {
        yml: 'a: &a [b, *a]\n',
        algorithm: defaultAlgorithm,
        why: 'an alias is not resolved, so it cannot be circular',
      },
      { yml: 'a: *none\n', algorithm: defaultAlgorithm, why: 'nor is one without an anchor' },
      {
        yml: `a: &alg bcrypt4\n${KEY}: *bcrypt4\n`,
        algorithm: bcrypt4,
        why: 'the value of an alias is its name',
      },
      { yml: `force.${KEY}: bcrypt4\n${KEY}: bcrypt5\n`, algorithm: bcrypt4, why: 'force. wins' },
      { yml: `force:\n  ${KEY}: bcrypt4\n`, algorithm: bcrypt4, why: 'force. may be nested' },
    ]),
  )('$shown: $why', async ({ yml, algorithm }) => {
    expect((await read(yml)).algorithm).toEqual(algorithm);
  });

  test.each(
    titled([
      { yml: `${KEY}: [bcrypt4]\n`, value: '[bcrypt4]', why: 'a list is not an algorithm' },
      {
        yml: `${KEY}:\n  - bcrypt4\n  - bcrypt5\n`,
        value: '[bcrypt4, bcrypt5]',
        why: 'a list is not an algorithm',
      },
      { yml: `${KEY}: sha1\n`, value: 'sha1', why: 'the server only reads it' },
      { yml: `${KEY}: ' bcrypt'\n`, value: ' bcrypt', why: 'a quoted space stays' },
      { yml: `${KEY}: 010\n`, value: '010', why: 'a value keeps its text' },
      { yml: `${KEY}: True\n`, value: 'true', why: 'what YAML 1.1 takes for true is true' },
      { yml: `${KEY}: [On, 1_0]\n`, value: '[On, 1_0]', why: 'in a list it keeps its text' },
    ]),
  )('$shown is refused, because $why', async ({ yml, value }) => {
    const { code, message } = await rejectionOf(read(yml));
    expect(code).toBe('INVALID_ALGORITHM');
    expect(
      message.startsWith(`Invalid algorithm: ${value}. Valid values for password hashing are [bcrypt, `),
    ).toBe(true);
  });

  test.each(['elasticsearch.yaml', 'elasticsearch.json'])('%s is not read', async (name) => {
    directory.write(name, `{"${KEY}": "bcrypt4"}`);
    expect((await read(undefined)).algorithm).toEqual(defaultAlgorithm);
  });
});

describe('Placeholders', () => {
  test.each(
    titled([
      {
        yml: `${KEY}: \${ALG}\n`,
        env: { ALG: 'bcrypt4' },
        algorithm: bcrypt4,
        why: 'an environment variable',
      },
      { yml: `${KEY}: bcrypt\${N}\n`, env: { N: '4' }, algorithm: bcrypt4, why: 'a part of a value' },
      { yml: `${KEY}: \${A}\${B}\n`, env: { A: 'bcr', B: 'ypt4' }, algorithm: bcrypt4, why: 'two of them' },
      {
        yml: `my.alg: bcrypt4\n${KEY}: \${none:\${my.alg}}\n`,
        algorithm: bcrypt4,
        why: 'a setting within a default',
      },
      {
        yml: `\${K}: bcrypt4\n`,
        env: { K: KEY },
        algorithm: bcrypt4,
        why: 'variables are replaced in keys, too',
      },
      { yml: `${KEY}: "\${ALG}"\n`, env: { ALG: 'bcrypt4' }, algorithm: bcrypt4, why: 'within quotes' },
      {
        yml: `# \${NONE}\n${KEY}: bcrypt4\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'in a comment none is missed',
      },
      {
        yml: `${KEY}: \${ALG:bcrypt4}\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'the default, without the variable',
      },
      {
        yml: `${KEY}: \${ALG:bcrypt4}\n`,
        env: { ALG: 'bcrypt5' },
        algorithm: bcrypt4,
        why: 'and with it: a variable never answers a placeholder with a default',
      },
      { yml: `${KEY}: \${ALG:}\n`, env: {}, algorithm: defaultAlgorithm, why: 'a default may be empty' },
      { yml: `${KEY}: \${my.alg}\nmy.alg: bcrypt4\n`, env: {}, algorithm: bcrypt4, why: 'another setting' },
      {
        yml: `${KEY}: \${my.alg:bcrypt5}\nmy.alg: bcrypt4\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'before the default',
      },
      { yml: `${KEY}: \${my.alg:bcrypt4}\n`, env: {}, algorithm: bcrypt4, why: 'else the default' },
      {
        yml: `${KEY}: \${a}\na: \${b}\nb: \${c:bcrypt4}\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'from one to the next',
      },
      {
        yml: `${KEY}: bcrypt\${a}\${z}\${z}\na: 4\nz: ""\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'one setting twice is not a circle',
      },
      { yml: `${KEY}: \${a}\na: \${ALG}\n`, env: { ALG: 'bcrypt4' }, algorithm: bcrypt4, why: 'a mixture' },
      {
        yml: `${KEY}: \${my.alg}\n`,
        env: { 'my.alg': 'bcrypt4' },
        algorithm: bcrypt4,
        why: 'a variable may have a dot in its name',
      },
    ]),
  )('$shown: $why', async ({ yml, env, algorithm }) => {
    expect((await read(yml, { env: { ...env } as Record<string, string> })).algorithm).toEqual(algorithm);
  });

  test('the value of a variable is not replaced again', async () => {
    const yml = `a: "\${ALG}"\n${KEY}: \${b\${a}}\nb$&$1: bcrypt4\n`;
    expect((await read(yml, { env: { ALG: '$&$1' } })).algorithm).toEqual(bcrypt4);
  });

  test.each(
    titled([
      {
        yml: `${KEY}: bcrypt\${NONE}\n`,
        says: 'could not resolve a placeholder',
        why: 'nothing has the name',
      },
      { yml: `${KEY}: \${a}\na: \${hunter.2}\n`, says: 'could not resolve', why: 'nothing has the name' },
      { yml: `other: \${hunter2}\n`, says: 'could not resolve', why: 'every setting must be resolved' },
      { yml: `other: [x, "\${hunter2}"]\n`, says: 'could not resolve', why: 'every item of a list, too' },
      { yml: `${KEY}: \${}\n`, says: 'could not resolve', why: 'nothing has an empty name' },
      {
        yml: `${KEY}: \${toString}\n`,
        says: 'could not resolve',
        why: 'nor what objects of JavaScript have',
      },
      {
        yml: `a: ""\nb: \${a}\n`,
        says: 'could not resolve',
        why: 'a is empty, and gone when it is b’s turn',
      },
      { yml: `${KEY}: \${${KEY}}\n`, says: 'circular reference', why: 'a setting names itself' },
      { yml: `a: \${hunter2}\nhunter2: \${a}\n`, says: 'circular reference', why: 'two name each other' },
      {
        yml: `${KEY}: \${NONE:bcr}\${NONE:bcr}\n`,
        says: 'circular reference',
        why: 'the server never forgets a placeholder with a default',
      },
    ]),
  )('$shown is refused, because $why, and the message contains no name', async ({ yml, says }) => {
    const error = await rejectionOf(read(yml));
    expect(error.code).toBe('CONFIG');
    expect(error.message).toMatch(
      new RegExp(`^Failed to replace property placeholders from \\[.*/elasticsearch.yml\\]: ${says}`),
    );
    expect(error.message).toMatch(/ at line \d+, column \d+$/);
    expect(everythingSaidBy(error)).not.toMatch(/hunter|toString|NONE/);
  });

  test('a name from the command line is shown', async () => {
    const { message } = await rejectionOf(read(undefined, { E: [`my.key=\${my.other}`] }));
    expect(message).toBe(
      "Failed to replace property placeholders from -E my.key: could not resolve placeholder 'my.other', in the setting",
    );
  });
});

describe('Environment variables are replaced before the file is parsed', () => {
  test.each(
    titled([
      {
        yml: `# \${NL}\n${KEY}: bcrypt5\n`,
        env: { NL: `x\n${KEY}2: 1` },
        algorithm: 'bcrypt5',
        why: 'in comments',
      },
      {
        yml: `x: 1 # \${NL}\n`,
        env: { NL: `\n${KEY}: bcrypt4` },
        algorithm: 'bcrypt4',
        why: 'a line may come by one',
      },
      {
        yml: `${KEY}: \${Q}bcrypt4\${Q}\n`,
        env: { Q: '"' },
        algorithm: 'bcrypt4',
        why: 'quotes may come by one',
      },
      {
        yml: `${KEY}: bcrypt4\${HASH}5\n`,
        env: { HASH: ' #' },
        algorithm: 'bcrypt4',
        why: 'a comment may come by one',
      },
      {
        yml: `${KEY}: \${\${A}}\nx: y\n`,
        env: { A: 'B', B: 'bcrypt4', '${A': 'bcrypt5 #' },
        algorithm: 'bcrypt5',
        why: 'a name reaches to the first brace',
      },
      {
        yml: `${KEY}: \${A}\n`,
        env: { A: `\${B}`, B: 'bcrypt4' },
        algorithm: undefined,
        why: 'they are put in once',
      },
      {
        yml: `a: \${A\n}: x\n${KEY}: bcrypt4\n`,
        env: { 'A\n': '1', A: '2' },
        algorithm: undefined,
        why: 'a name ends on its line',
      },
      { yml: `a: b\r${KEY}: bcrypt4\r`, env: {}, algorithm: 'bcrypt4', why: 'a lone CR ends a line' },
      { yml: `# c\r${KEY}: bcrypt4`, env: {}, algorithm: 'bcrypt4', why: 'a lone CR ends a comment' },
    ]),
  )('$shown: $why', async ({ yml, env, algorithm }) => {
    const result = read(yml, { env: env as Record<string, string> });
    if (algorithm === undefined) expect((await rejectionOf(result)).code).toBe('CONFIG');
    else expect((await result).algorithm).toEqual({ scheme: 'bcrypt', cost: Number(algorithm.slice(6)) });
  });

  test('a position in an error is that in the file, before variables are replaced', async () => {
    const env = { LINES: '1\n#\n#', QUOTED: '"a long one"' };
    const { message } = await rejectionOf(read(`# \${LINES}\nx: \${QUOTED} "b\n`, { env }));
    expect(message).toMatch(/ at line 2, column 14$/);
  });
});

describe('Lists and names', () => {
  test.each(
    titled([
      { yml: `${KEY}.0: bcrypt4\n`, value: '[bcrypt4]', why: 'name.0 begins a list' },
      {
        yml: `${KEY}.0: a\n${KEY}.1: b\n${KEY}.3: c\n`,
        value: '[a, b]',
        why: 'it goes on as far as it is counted',
      },
      { yml: `${KEY}:\n  - a\n  - b\n`, value: '[a, b]', why: 'the same as a list' },
    ]),
  )('$shown: $why', async ({ yml, value }) => {
    expect((await rejectionOf(read(yml))).message).toMatch(`Invalid algorithm: ${value}. Valid`);
  });

  test.each(
    titled([
      { yml: 'a.0: hunter2\na: hunter2\n', why: 'a.0 and a are both set' },
      { yml: 'a:\n  "0": hunter2\na.x: 1\n"a": hunter2\n', why: 'one map has a key twice' },
      { yml: 'a.0.0: hunter2\n', why: 'a list of lists' },
    ]),
  )('$shown is refused, because $why', async ({ yml }) => {
    const error = await rejectionOf(read(yml));
    expect(error.code).toBe('CONFIG');
    expect(everythingSaidBy(error)).not.toContain('hunter');
  });

  test.each([
    { E: ['l.0=a', 'l.1=b', `${KEY}=bcrypt\${n}`, 'n=4'], algorithm: bcrypt4, why: 'a list by -E' },
    { E: [`force.${KEY}=bcrypt\${n}`, 'n=4'], algorithm: bcrypt4, why: 'what is forced is resolved' },
  ])('-E $E: $why', async ({ E, algorithm }) => {
    expect((await read(`${KEY}: bcrypt5\n`, { E })).algorithm).toEqual(algorithm);
  });
});

describe('The value in an Invalid algorithm message', () => {
  const shown = /^Invalid algorithm: hunter2\. Valid/;
  const hidden = /^Invalid algorithm: the value comes from a placeholder and is not shown\. Valid/;
  test.each(
    [
      { yml: `${KEY}: hunter2\n`, E: [], expected: shown, why: 'it is in the file' },
      {
        yml: `x: \${V}\n${KEY}: 'hunter2'\ny: \${V}\n`,
        E: [],
        expected: shown,
        why: 'variables are only in other places',
      },
      { yml: '', E: [`${KEY}=hunter2`], expected: shown, why: 'it is on the command line' },
      { yml: `force.${KEY}: hunter2\n`, E: [], expected: shown, why: 'it is in the file' },
      { yml: `${KEY}: \${V}\n`, E: [], expected: hidden, why: 'the environment contains it' },
      { yml: `${KEY}: h\${W}2\n`, E: [], expected: hidden, why: 'the environment contains a part of it' },
      {
        yml: `${KEY}: \${other}\nother: hunter2\n`,
        E: [],
        expected: hidden,
        why: 'another setting contains it',
      },
      {
        yml: 'other: hunter2\n',
        E: [`${KEY}=\${other}`],
        expected: hidden,
        why: 'another setting contains it',
      },
      { yml: `${KEY}: \${none:hunter2}\n`, E: [], expected: hidden, why: 'it is a default' },
      { yml: `\${L}\n`, E: [], expected: hidden, why: 'the environment contains the line' },
      { yml: `# \${L}\n`, E: [], expected: hidden, why: 'the environment contains the line, in a comment' },
      {
        yml: `${KEY}: "hun\n  ter\${E}2"\n`,
        E: [],
        expected: /Invalid algorithm: the value/,
        why: 'a part of it',
      },
    ].map((row) => ({ ...row, file: JSON.stringify(row.yml.replaceAll(KEY, '<key>')) })),
  )('of the file $file and -E $E: $why', async ({ yml, E, expected }) => {
    const env = { V: 'hunter2', W: 'unter', L: `x\n${KEY}: hunter2`, E: 'x' };
    const lines = yml.startsWith('#') ? { ...env, L: `\n${KEY}: hunter2` } : { ...env, L: `${KEY}: hunter2` };
    const error = await rejectionOf(read(yml, { E, env: lines }));
    expect(error.code).toBe('INVALID_ALGORITHM');
    expect(error.message).toMatch(expected);
  });
});

describe('Bounds', () => {
  const repeat = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join('');
  const k = (i: number) => `k${String(i).padStart(6, '0')}`;

  test.each([
    {
      what: 'settings that double',
      yml: `${repeat(60, (i) => `${k(i)}: \${${k(i + 1)}}\${${k(i + 1)}}\n`)}${k(60)}: x\n`,
      says: 'longer than 1048576 characters',
    },
    {
      what: 'settings that double the other way',
      yml: `${k(0)}: x\n${repeat(60, (i) => `${k(i + 1)}: \${${k(i)}}\${${k(i)}}\n`)}`,
      says: 'longer than 1048576 characters',
    },
    {
      what: 'a large value named often',
      yml: `a: ${'x'.repeat(500_000)}\n${repeat(1000, (i) => `${k(i)}: \${a}\n`)}`,
      says: 'more than 67108864 characters',
    },
    {
      what: 'a chain of 5,000',
      yml: `${repeat(5000, (i) => `${k(i)}: \${${k(i + 1)}}\n`)}${k(5000)}: x\n`,
      says: 'placeholders are more than 1000 levels deep',
    },
    {
      what: 'placeholders in placeholders',
      yml: `x: ${'${'.repeat(5000)}a${'}'.repeat(5000)}\n`,
      says: 'placeholders are more than 1000 levels deep',
    },
    { what: 'maps in maps', yml: `x: ${'{a: '.repeat(5000)}`, says: 'more than 1000 levels deep' },
    {
      what: 'names that repeat a long one',
      yml: `${'? '}${'x'.repeat(1_000_000)}\n:\n${repeat(100, (i) => ` ${k(i)}: v\n`)}`,
      says: 'longer than 67108864 characters',
    },
    {
      what: 'a large variable named often',
      yml: `# \${BIG}\n`.repeat(70),
      says: 'longer than 67108864 characters',
    },
  ])('$what are a configuration error that names the bound', async ({ yml, says }) => {
    const error = await rejectionOf(read(yml, { env: { BIG: 'x'.repeat(1_000_000) } }));
    expect(error.code).toBe('CONFIG');
    expect(error.message).toContain(says);
  });

  test.each([
    {
      what: 'a chain of 900',
      yml: `${repeat(900, (i) => `${k(i)}: \${${k(i + 1)}}\n`)}${k(900)}: bcrypt4\n${KEY}: \${${k(0)}}\n`,
    },
    {
      what: 'a chain of 5,000 that begins with the last',
      yml: `${k(0)}: bcrypt4\n${repeat(5000, (i) => `${k(i + 1)}: \${${k(i)}}\n`)}${KEY}: \${${k(5000)}}\n`,
    },
    {
      what: '200,000 placeholders',
      yml: `${KEY}: bcrypt4${`\${z}`.repeat(200_000)}\nz: ''\n`,
    },
    { what: '100,000 settings', yml: `${KEY}: bcrypt4\n${repeat(100_000, (i) => `${k(i)}: v\n`)}` },
    {
      what: 'text that doubles and stays empty',
      yml: `${repeat(100, (i) => `${k(i)}: \${${k(i + 1)}}\${${k(i + 1)}}\n`)}${k(100)}: ""\n${KEY}: bcrypt4\n`,
    },
  ])('$what are read', async ({ yml }) => {
    expect((await read(yml)).algorithm).toEqual(bcrypt4);
  });

  test('a file of 16 MiB is read, and one byte more is refused with size and limit', async () => {
    const end = `\n${KEY}: bcrypt4\n`;
    const yml = `#${'x'.repeat(16 * 1024 * 1024 - 1 - end.length)}${end}`;
    expect((await read(yml)).algorithm).toEqual(bcrypt4);
    expect(codeAndMessage(await rejectionOf(read(`${yml}\n`)))).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it has 16777217 bytes, and the limit is 16777216 bytes (16 MiB)`,
    });
  });
});

describe('Recorded files', () => {
  const { env, cases } = recordedSettings;

  test('there are 928 of them', () => {
    expect(cases).toHaveLength(928);
  });

  test('for each, the algorithm is that of the original, or both refuse it', async () => {
    const differences: unknown[] = [];
    for (const { yml, E = {}, expect: expected } of cases) {
      const words = Object.entries(E).map(([key, value]) => `${key}=${value}`);
      const read_ = await read(yml, { E: words, env }).then(
        ({ algorithm: { scheme, cost } }) => `${scheme}_${cost}`,
        (error) => (['CONFIG', 'INVALID_ALGORITHM'].includes(error.code) ? 'error' : error),
      );
      if (read_ !== expected) differences.push({ yml, E, expected, read: read_ });
    }
    expect(differences).toEqual([]);
  });
});

describe('A misspelled setting on the command line', () => {
  test.each([
    { E: 'xpack.security.authc.service_token_hashing.algoritm=bcrypt', meant: KEY },
    { E: 'xpack.security.authc.service-token-hashing.Algorithm=bcrypt', meant: KEY },
    { E: 'service_token_hashing.algorithm=bcrypt', meant: KEY },
    { E: 'force.xpack.security.authc.service_token_hash.algorithm=bcrypt', meant: KEY },
    { E: 'xpack.security.authc.service_token_hashing={algo: bcrypt4}', meant: KEY },
    { E: 'xpack.security.authc.service_token_hashing={algorithms: bcrypt4}', meant: KEY },
    { E: 'xpack.security.fips_mode.enable=true', meant: FIPS },
    { E: `${KEY}=bcrypt4`, meant: undefined },
    { E: `force.${KEY}=bcrypt4`, meant: undefined },
    { E: 'xpack.security.enabled=true', meant: undefined },
    { E: 'xpack.security.http.ssl.enabled=true', meant: undefined },
    { E: 'xpack.security.authc.password_hashing.algorithm=bcrypt', meant: undefined },
    { E: 'xpack.security.authc.api_key.hashing.algorithm=bcrypt', meant: undefined },
    { E: 'xpack.security.fips_mode.required_providers=[BCFIPS]', meant: undefined },
    { E: 'algorithm=x', meant: undefined },
  ])('-E $E: $meant', async ({ E, meant }) => {
    expect((await read(undefined, { E: [E] })).misspelled.map((each) => each.meant)).toEqual(
      meant ? [meant] : [],
    );
  });
});

describe('-E and elasticsearch.yml together', () => {
  test.each([
    { E: `${KEY}=bcrypt4`, yml: `${KEY}: bcrypt5\n`, algorithm: bcrypt4, why: '-E wins' },
    { E: `${KEY}=bcrypt4`, yml: undefined, algorithm: bcrypt4, why: 'there need be no file' },
    { E: `${KEY}=bcrypt4 # x`, yml: undefined, algorithm: bcrypt4, why: 'a value is YAML: a comment is cut' },
    {
      E: `${KEY}="bcrypt4"`,
      yml: undefined,
      algorithm: bcrypt4,
      why: 'a value is YAML: quotes are stripped',
    },
    {
      E: `${KEY}= bcrypt4 `,
      yml: undefined,
      algorithm: bcrypt4,
      why: 'a value is YAML: white space is trimmed',
    },
    {
      E: `${KEY}=""`,
      yml: `${KEY}: bcrypt5\n`,
      algorithm: defaultAlgorithm,
      why: 'an empty value is like none',
    },
    {
      E: 'xpack.security.authc.service_token_hashing={algorithm: bcrypt4}',
      yml: undefined,
      algorithm: bcrypt4,
      why: 'a value is YAML: a map nests',
    },
    {
      E: `${KEY}=\${my.alg}`,
      yml: 'my.alg: bcrypt4\n',
      algorithm: bcrypt4,
      why: '-E may name a setting of the file',
    },
    {
      E: 'my.alg=bcrypt4',
      yml: `${KEY}: \${my.alg:bcrypt5}\n`,
      algorithm: bcrypt4,
      why: 'and the file one of -E',
    },
    {
      E: `${KEY}=\${ALG:bcrypt4}`,
      yml: undefined,
      algorithm: bcrypt4,
      why: '-E sees no environment variables',
    },
    { E: `force.${KEY}=bcrypt4`, yml: `${KEY}: bcrypt5\n`, algorithm: bcrypt4, why: 'force. may come by -E' },
    {
      E: `${KEY}=bcrypt5`,
      yml: `force.${KEY}: bcrypt4\n`,
      algorithm: bcrypt4,
      why: 'force. wins against -E',
    },
  ])('-E "$E" with the file $yml: $why', async ({ E, yml, algorithm }) => {
    expect((await read(yml, { E: [E], env: { ALG: 'bcrypt6' } })).algorithm).toEqual(algorithm);
  });

  test('a list by -E is refused like one in the file', async () => {
    const { code, message } = await rejectionOf(read(undefined, { E: [`${KEY}=[bcrypt4]`] }));
    expect(code).toBe('INVALID_ALGORITHM');
    expect(message).toMatch(/^Invalid algorithm: \[bcrypt4\]\. Valid values/);
  });

  test.each([
    { E: 'foo=null', key: 'foo', why: 'its value is null' },
    { E: 'foo=~', key: 'foo', why: 'its value is null' },
    { E: 'foo=#hunter2', key: 'foo', why: 'a comment leaves null' },
    { E: 'foo=hunter2: b: c', key: 'foo', why: 'its value is not valid YAML' },
    { E: 'foo="hunter2', key: 'foo', why: 'its value is not valid YAML' },
    { E: 'foo={hunter2', key: 'foo', why: 'its value is not valid YAML' },
  ])(
    '-E "$E" is a configuration error, because $why, and the message contains only the key',
    async ({ E, key }) => {
      const error = await rejectionOf(read(undefined, { E: [E] }));
      expect(error.code).toBe('CONFIG');
      expect(error.message).toContain(key);
      expect(everythingSaidBy(error)).not.toContain('hunter2');
    },
  );
});

describe('FIPS mode', () => {
  test.each([
    { yml: `${FIPS}: true\n`, E: [], fipsMode: true, why: 'the file says so' },
    {
      yml: 'xpack:\n  security:\n    fips_mode:\n      enabled: true\n',
      E: [],
      fipsMode: true,
      why: 'nested',
    },
    { yml: `${FIPS}: "true"\n`, E: [], fipsMode: true, why: 'quotes are YAML' },
    { yml: `${FIPS}: false\n`, E: [], fipsMode: false, why: 'the file says so' },
    { yml: `${FIPS}: false\n`, E: [`${FIPS}=true`], fipsMode: true, why: '-E wins' },
    { yml: `${FIPS}: \${FIPS_ON}\n`, E: [], fipsMode: true, why: 'a placeholder says so' },
    { yml: 'node.name: n\n', E: [], fipsMode: false, why: 'it is off by default' },
  ])('is $fipsMode, because $why', async ({ yml, E, fipsMode }) => {
    const settings = await read(yml, { E, env: { FIPS_ON: 'true' } });
    expect(settings).toEqual({ algorithm: defaultAlgorithm, fipsMode, misspelled: [] });
  });
});

describe('A file that the server could not load', () => {
  test.each(
    titled([
      {
        yml: 'bad.key:\nx: hunter2\n',
        says: 'null-valued setting found at line 1, column 9',
        why: 'a value is missing',
      },
      {
        yml: 'x: hunter2\nbad.key: null\n',
        says: 'null-valued setting found at line 2, column 10',
        why: 'a value is null',
      },
      { yml: 'bad.key: ~\n', says: 'null-valued setting found at line 1', why: 'a value is null' },
      { yml: 'bad:\n  key:\n', says: 'null-valued setting found at line 2', why: 'a nested value is null' },
      {
        yml: 'bad.key: [hunter2, null]\n',
        says: 'null in a list at line 1',
        why: 'a value of a list is null',
      },
      {
        yml: 'bad.key:\n  - a: hunter2\n',
        says: 'only values are allowed in a list at line 2',
        why: 'a list contains maps',
      },
      { yml: 'x: hunter2\nx: hunter3\n', says: 'duplicate key at line 2', why: 'one map has a key twice' },
      {
        yml: 'a:\n  x: hunter2\n  x: 1\n',
        says: 'duplicate key at line 3',
        why: 'a nested map has a key twice',
      },
      {
        yml: 'x: hunter2\n---\ny: hunter2\n',
        says: 'more than one document',
        why: 'there is a second document',
      },
      { yml: '- hunter2\n', says: 'it contains no settings', why: 'the top level is a list' },
      { yml: 'hunter2\n', says: 'it contains no settings', why: 'the top level is a text' },
      { yml: 'x:\n\ty: hunter2\n', says: 'line 2', why: 'a tab indents' },
      { yml: 'x: "hunter2\n', says: ' at line ', why: 'a quote is not closed' },
      { yml: 'x: {hunter2: 1\n', says: ' at line ', why: 'a brace is not closed' },
      { yml: 'x: hunter2: y\n', says: 'line 1', why: 'a colon comes twice' },
      { yml: ' x: 1\nhunter2: 1\n', says: ' at line ', why: 'the indentation is uneven' },
      { yml: '{a: hunter2}: b\n', says: ' at line ', why: 'a key is a map' },
    ]),
  )(
    '$shown is a configuration error, because $why; the message contains no part of the file',
    async ({ yml, says }) => {
      const error = await rejectionOf(read(yml));
      expect(error.code).toBe('CONFIG');
      expect(
        error.message.startsWith(`Failed to load settings from [${directory.path}/elasticsearch.yml]: `),
      ).toBe(true);
      expect(error.message).toContain(says);
      expect(everythingSaidBy(error)).not.toMatch(/hunter|bad/);
    },
  );

  test('invalid UTF-8 is a configuration error', async () => {
    const error = await rejectionOf(read(Buffer.from('# hunter2 \xff\n', 'latin1')));
    expect(codeAndMessage(error)).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is not valid UTF-8`,
    });
    expect(everythingSaidBy(error)).not.toContain('hunter2');
  });

  test('a named pipe in its place is an immediate error', async () => {
    execFileSync('mkfifo', [`${directory.path}/elasticsearch.yml`]);
    expect(codeAndMessage(await rejectionOf(read(undefined)))).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is a named pipe`,
    });
  });

  test('a device in its place is an immediate error', async () => {
    symlinkSync('/dev/zero', `${directory.path}/elasticsearch.yml`);
    expect(codeAndMessage(await rejectionOf(read(undefined)))).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is a device`,
    });
  });

  test('a symlink is followed, and the file is opened before it is examined', async () => {
    directory.write('linked.yml', `${KEY}: bcrypt4\n`);
    symlinkSync('linked.yml', `${directory.path}/elasticsearch.yml`);
    const { fs, calls, openDescriptors } = watchedFileSystem();
    expect((await readHashSettings(directory.path, [], {}, fs)).algorithm).toEqual(bcrypt4);
    expect(new Set(calls)).toEqual(new Set(['openSync', 'fstatSync', 'readSync', 'closeSync']));
    expect(openDescriptors.size).toBe(0);
  });

  test.each(['fstatSync', 'readSync'] as const)('when %s fails, nothing stays open', async (failing) => {
    directory.write('elasticsearch.yml', '');
    const { fs, openDescriptors } = watchedFileSystem({
      before: (_, name) => {
        if (name === failing) throw systemError('EIO', name);
      },
    });
    expect((await rejectionOf(readHashSettings(directory.path, [], {}, fs))).code).toBe('IO');
    expect(openDescriptors.size).toBe(0);
  });

  test('a directory in its place is a configuration error', async () => {
    directory.mkdir('elasticsearch.yml');
    expect(codeAndMessage(await rejectionOf(read(undefined)))).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is a directory`,
    });
  });

  test('a file that cannot be read is a permission error', async () => {
    directory.write('elasticsearch.yml');
    const denied = Object.assign(new Error('denied'), { code: 'EACCES', syscall: 'open' });
    const fs = {
      ...nodeFileSystem,
      openSync: (() => {
        throw denied;
      }) as typeof nodeFileSystem.openSync,
    };
    expect(codeAndMessage(await rejectionOf(readHashSettings(directory.path, [], {}, fs)))).toEqual({
      code: 'PERMISSION',
      message: `could not read [${directory.path}/elasticsearch.yml]: permission denied`,
    });
  });
});

import { execFileSync } from 'node:child_process';
/** -E and elasticsearch.yml, as the server's loader reads them: docs/server-behaviour.md. */
import { describe, expect, test } from '@jest/globals';
import { type Algorithm, defaultAlgorithm } from '../src/algorithm.js';
import { nodeFileSystem } from '../src/file-system.js';
import { parseOverrides, readHashSettings } from '../src/settings.js';
import { codeAndMessage, errorOf, everythingSaidBy, readFixture, rejectionOf } from './support/fixtures.js';
import { temporaryDirectory } from './support/temporary-directory.js';

const KEY = 'xpack.security.authc.service_token_hashing.algorithm';
const FIPS = 'xpack.security.fips_mode.enabled';
const bcrypt4: Algorithm = { scheme: 'bcrypt', cost: 4 };

const directory = temporaryDirectory();

/** Reads the settings of a directory whose elasticsearch.yml is the text; undefined: there is none. */
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
  ])('$words is refused with "$message", as $why', ({ words, message }) => {
    expect(codeAndMessage(errorOf(() => parseOverrides(words)))).toEqual({ code: 'USAGE', message });
  });

  test('the order stays', () => {
    expect(parseOverrides(['b=1', 'a=2']).map(({ key }) => key)).toEqual(['b', 'a']);
    expect(parseOverrides([])).toEqual([]);
  });
});

describe('The algorithm in elasticsearch.yml', () => {
  test('when there is no file, it is the default', async () => {
    expect(await read(undefined)).toEqual({ algorithm: defaultAlgorithm, fipsMode: false, misspelled: [] });
  });

  test.each(
    titled([
      { yml: '', algorithm: defaultAlgorithm, why: 'the file is empty' },
      { yml: '# c\n\n# d\n', algorithm: defaultAlgorithm, why: 'the file holds comments only' },
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
        why: 'byte order mark and CRLF are of no account',
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
      { yml: `${KEY}: ""\n`, algorithm: defaultAlgorithm, why: 'an empty value is none' },
      { yml: `${KEY}: ''\n`, algorithm: defaultAlgorithm, why: 'an empty value is none' },
      {
        yml: 'a: &a [b, *a]\n',
        algorithm: defaultAlgorithm,
        why: "an alias is not followed: it can't go round",
      },
      { yml: 'a: *none\n', algorithm: defaultAlgorithm, why: 'nor is one without an anchor' },
      {
        yml: `a: &alg bcrypt4\n${KEY}: *bcrypt4\n`,
        algorithm: bcrypt4,
        why: 'an alias is its name to the server',
      },
      { yml: `force.${KEY}: bcrypt4\n${KEY}: bcrypt5\n`, algorithm: bcrypt4, why: 'force. wins' },
      { yml: `force:\n  ${KEY}: bcrypt4\n`, algorithm: bcrypt4, why: 'force. may be nested' },
    ]),
  )('$shown: $why', async ({ yml, algorithm }) => {
    expect((await read(yml)).algorithm).toEqual(algorithm);
  });

  test.each(
    titled([
      { yml: `${KEY}: [bcrypt4]\n`, value: '[bcrypt4]', why: 'a list is no algorithm' },
      {
        yml: `${KEY}:\n  - bcrypt4\n  - bcrypt5\n`,
        value: '[bcrypt4, bcrypt5]',
        why: 'a list is no algorithm',
      },
      { yml: `${KEY}: sha1\n`, value: 'sha1', why: 'the server only reads it' },
      { yml: `${KEY}: ' bcrypt'\n`, value: ' bcrypt', why: 'a quoted space stays' },
      { yml: `${KEY}: 010\n`, value: '010', why: 'a value keeps its text' },
      { yml: `${KEY}: True\n`, value: 'true', why: 'a boolean is written as Java writes it' },
    ]),
  )('$shown is refused, as $why', async ({ yml, value }) => {
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
        why: 'and with it too, as a variable never answers a placeholder that has a default',
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
        yml: `${KEY}: \${a}\${b}\na: bcr\nb: ypt4\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'two settings in one value',
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

  test('what a variable or a placeholder put there is not shown', async () => {
    for (const [yml, E] of [[`${KEY}: \${ALG}\n`], [`${KEY}: \${a}\na: hunter2\n`]] as [
      string,
      string[]?,
    ][]) {
      const error = await rejectionOf(read(yml, { env: { ALG: 'hunter2' }, E: E ?? [] }));
      expect(error.code).toBe('INVALID_ALGORITHM');
      expect(error.message).toMatch(
        /^Invalid algorithm: its value comes from a placeholder, and is not shown\. /,
      );
      expect(everythingSaidBy(error)).not.toContain('hunter2');
    }
  });

  const circular = (where: string) => `Circular placeholder reference in the setting ${where}`;
  const unresolved = (where: string) => `Could not resolve placeholder in the setting ${where}`;
  const own = `[${KEY}] at line 1, column 55`;
  test.each(
    titled([
      { yml: `${KEY}: \${NONE}\n`, message: unresolved(own), why: 'nothing has the name' },
      {
        yml: `${KEY}: \${a}\na: \${none.such}\n`,
        message: unresolved('at line 2, column 4'),
        why: 'nothing has the name',
      },
      {
        yml: `${KEY}: \${toString}\n`,
        message: unresolved(own),
        why: 'nor what every object of JavaScript has',
      },
      {
        yml: `node.name: \${NONE}\n${KEY}: bcrypt4\n`,
        message: unresolved('at line 1, column 12'),
        why: 'every setting is resolved, not only the one that is wanted',
      },
      { yml: `${KEY}: \${${KEY}}\n`, message: circular(own), why: 'a setting names itself' },
      {
        yml: `${KEY}: \${a}\na: \${b}\nb: \${a}\n`,
        message: circular('at line 2, column 4'),
        why: 'two name each other',
      },
      {
        yml: `${KEY}: \${a}\na: \${${KEY}}\n`,
        message: circular('at line 2, column 4'),
        why: 'one names the first',
      },
    ]),
  )('$shown is refused with "$message", as $why', async ({ yml, message }) => {
    const failure = `Failed to replace property placeholders from [${directory.path}/elasticsearch.yml]: `;
    expect(codeAndMessage(await rejectionOf(read(yml)))).toEqual({
      code: 'CONFIG',
      message: failure + message,
    });
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
    { E: `${KEY}=""`, yml: `${KEY}: bcrypt5\n`, algorithm: defaultAlgorithm, why: 'an empty value is none' },
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

  test('a list by -E is refused as one in the file is', async () => {
    const { code, message } = await rejectionOf(read(undefined, { E: [`${KEY}=[bcrypt4]`] }));
    expect(code).toBe('INVALID_ALGORITHM');
    expect(message).toMatch(/^Invalid algorithm: \[bcrypt4\]\. Valid values/);
  });

  test.each([
    { E: 'foo=null', key: 'foo', why: 'its value is null' },
    { E: 'foo=~', key: 'foo', why: 'its value is null' },
    { E: 'foo=#hunter2', key: 'foo', why: 'a comment leaves null' },
    { E: 'foo=hunter2: b: c', key: 'foo', why: 'its value is no YAML' },
    { E: 'foo="hunter2', key: 'foo', why: 'its value is no YAML' },
    { E: 'foo={hunter2', key: 'foo', why: 'its value is no YAML' },
  ])('-E "$E" is a configuration error, as $why, and shows nothing but the key', async ({ E, key }) => {
    const error = await rejectionOf(read(undefined, { E: [E] }));
    expect(error.code).toBe('CONFIG');
    expect(error.message).toContain(key);
    expect(everythingSaidBy(error)).not.toContain('hunter2');
  });
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
  ])('is $fipsMode, as $why', async ({ yml, E, fipsMode }) => {
    const settings = await read(yml, { E, env: { FIPS_ON: 'true' } });
    expect(settings).toEqual({ algorithm: defaultAlgorithm, fipsMode, misspelled: [] });
  });
});

describe('A file that the server could not load', () => {
  test.each(
    titled([
      {
        yml: 'bad.key:\nx: hunter2\n',
        says: 'null-valued setting found at line 2, column 1',
        why: 'a value is missing',
      },
      {
        yml: 'x: hunter2\nbad.key: null\n',
        says: 'null-valued setting found at line 2',
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
        why: 'a list holds maps',
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
      { yml: '- hunter2\n', says: 'it holds no settings', why: 'the top level is a list' },
      { yml: 'hunter2\n', says: 'it holds no settings', why: 'the top level is a text' },
      { yml: 'x:\n\ty: hunter2\n', says: 'line 2', why: 'a tab indents' },
      { yml: 'x: "hunter2\n', says: ' at line ', why: 'a quote is not closed' },
      { yml: 'x: {hunter2: 1\n', says: ' at line ', why: 'a brace is not closed' },
      { yml: 'x: hunter2: y\n', says: 'line 1', why: 'a colon comes twice' },
      { yml: ' x: 1\nhunter2: 1\n', says: ' at line ', why: 'the indentation is uneven' },
      { yml: '{a: hunter2}: b\n', says: ' at line ', why: 'a key is a map' },
    ]),
  )('$shown is a configuration error, as $why; it tells nothing else of the file', async ({ yml, says }) => {
    const error = await rejectionOf(read(yml));
    expect(error.code).toBe('CONFIG');
    expect(
      error.message.startsWith(`Failed to load settings from [${directory.path}/elasticsearch.yml]: `),
    ).toBe(true);
    expect(error.message).toContain(says);
    expect(everythingSaidBy(error)).not.toMatch(/hunter|bad/);
  });

  test('bytes that are not UTF-8 are a configuration error', async () => {
    const error = await rejectionOf(read(Buffer.from('# hunter2 \xff\n', 'latin1')));
    expect(codeAndMessage(error)).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is not valid UTF-8`,
    });
    expect(everythingSaidBy(error)).not.toContain('hunter2');
  });

  test('a named pipe in its place is refused at once', async () => {
    execFileSync('mkfifo', [`${directory.path}/elasticsearch.yml`]);
    expect(codeAndMessage(await rejectionOf(read(undefined)))).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is a named pipe`,
    });
  });

  test('a directory in its place is a configuration error', async () => {
    directory.mkdir('elasticsearch.yml');
    expect(codeAndMessage(await rejectionOf(read(undefined)))).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is a directory`,
    });
  });

  test('a file that may not be read is an error of permission', async () => {
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

interface Recorded {
  readonly env: Readonly<Record<string, string>>;
  readonly cases: readonly { yml: string; E?: Readonly<Record<string, string>>; expect: string }[];
}

test('every recorded file is read as the original reads it: its algorithm, or an error', async () => {
  const { env, cases } = readFixture<Recorded>('oracle/settings.json');
  const wrong: unknown[] = [];
  for (const { yml, E = {}, expect: expected } of cases) {
    directory.write('elasticsearch.yml', yml);
    const overrides = Object.entries(E).map(([key, value]) => ({ key, value }));
    const actual = await readHashSettings(directory.path, overrides, env, nodeFileSystem).then(
      ({ algorithm }) => `${algorithm.scheme}_${algorithm.cost}`,
      ({ code }) => (['CONFIG', 'INVALID_ALGORITHM'].includes(code) ? 'error' : code),
    );
    if (actual !== expected) wrong.push({ yml, E, expected, actual });
  }
  expect(cases.length).toBeGreaterThan(900);
  expect(wrong).toEqual([]);
});

describe('A file that asks for much', () => {
  const lines = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join('');

  test.each([
    ['50,000 settings', lines(50_000, (i) => `k${i}: v\n`)],
    ['50,000 placeholders', `a: b\n${lines(50_000, (i) => `y${i}: \${a}\n`)}`],
    ['900 placeholders, one behind the other', `${lines(900, (i) => `k${i}: \${k${i + 1}}\n`)}k900: v\n`],
  ])('with %s is read', async (_, yml) => {
    expect((await read(yml)).algorithm).toEqual(defaultAlgorithm);
  });

  test.each([
    [
      '5,000 placeholders, one behind the other',
      `${lines(5_000, (i) => `k${String(i).padStart(4, '0')}: \${k${String(i + 1).padStart(4, '0')}}\n`)}k5000: v\n`,
      /Placeholders lead from one to the next more than 1000 times in the setting at line 1/,
    ],
    [
      'placeholders that double sixty times',
      `${lines(60, (i) => `k${i}: \${k${i + 1}}\${k${i + 1}}\n`)}k60: v\n`,
      /Placeholders (make a value longer|put in more) than \d+ characters/,
    ],
    ['maps in maps, 100,000 deep', `a: ${'{b: '.repeat(100_000)}`, /Failed to load settings/],
    ['lists in lists, 100,000 deep', `a: ${'['.repeat(100_000)}`, /Failed to load settings/],
  ])('with %s is refused, with the bound', async (_, yml, message) => {
    const error = await rejectionOf(read(yml));
    expect(error.code).toBe('CONFIG');
    expect(error.message).toMatch(message);
  });

  test('over 16 MiB it is refused with its size and the limit', async () => {
    const yml = `${'#'.repeat(2 ** 24)}\n`;
    expect(codeAndMessage(await rejectionOf(read(yml)))).toEqual({
      code: 'CONFIG',
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it has 16777217 bytes, and the limit is 16777216 bytes (16 MiB)`,
    });
  });
});

test.each([
  ['xpack.security.authc.service_token_hashing.algoritm', KEY],
  ['service_token_hashing.algorithm', KEY],
  ['xpack.security.fips-mode.enabled', FIPS],
])('-E %s is not read, and probably means %s', async (name, meant) => {
  const { misspelled } = await read(undefined, { E: [`${name}=bcrypt4`] });
  expect(misspelled).toEqual([{ name, meant }]);
});

test.each([
  KEY,
  FIPS,
  'xpack.security.enabled',
  'xpack.security.authc.password_hashing.algorithm',
  'node.name',
])('-E %s is a setting of its own', async (name) => {
  expect((await read(undefined, { E: [`${name}=${name === KEY ? 'bcrypt4' : 'true'}`] })).misspelled).toEqual(
    [],
  );
});

import { execFileSync } from 'node:child_process';
/** -E and elasticsearch.yml: SPEC.md section 3, oracle/BEHAVIOUR.md section 2. */
import { describe, expect, test } from '@jest/globals';
import { type Algorithm, defaultAlgorithm } from '../src/algorithm.js';
import { nodeFileSystem } from '../src/file-system.js';
import { parseOverrides, readHashSettings } from '../src/settings.js';
import { codeAndMessage, errorOf, everythingSaidBy, rejectionOf } from './support/fixtures.js';
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
    expect(await read(undefined)).toEqual({ algorithm: defaultAlgorithm, fipsMode: false });
  });

  test.each(
    titled([
      { yml: '', algorithm: defaultAlgorithm, why: 'the file is empty' },
      { yml: '# c\n\n# d\n', algorithm: defaultAlgorithm, why: 'the file holds comments only' },
      { yml: '---\n', algorithm: defaultAlgorithm, why: 'the file holds an empty document' },
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
      { yml: `${KEY}: True\n`, value: 'True', why: 'a value keeps its text' },
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
        yml: `node.name: \${NONE}\n${KEY}: bcrypt4\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'nor in another setting',
      },
      {
        yml: `${KEY}: \${ALG:bcrypt4}\n`,
        env: {},
        algorithm: bcrypt4,
        why: 'the default, without the variable',
      },
      {
        yml: `${KEY}: \${ALG:bcrypt5}\n`,
        env: { ALG: 'bcrypt4' },
        algorithm: bcrypt4,
        why: 'else the variable',
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
        yml: `${KEY}: \${a}\${a}\na: ""\n`,
        env: {},
        algorithm: defaultAlgorithm,
        why: 'one setting twice is no circle',
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

  test('the text of a variable is taken as it is', async () => {
    const { message } = await rejectionOf(read(`${KEY}: \${ALG}\n`, { env: { ALG: '$&$1' } }));
    expect(message).toMatch(/^Invalid algorithm: \$&\$1\. /);
  });

  const circular = (name: string) => `Circular placeholder reference '${name}' in property definitions`;
  const unresolved = (name: string) => `Could not resolve placeholder '${name}'`;
  test.each(
    titled([
      { yml: `${KEY}: \${NONE}\n`, message: unresolved('NONE'), why: 'nothing has the name' },
      {
        yml: `${KEY}: \${a}\na: \${none.such}\n`,
        message: unresolved('none.such'),
        why: 'nothing has the name',
      },
      {
        yml: `${KEY}: \${toString}\n`,
        message: unresolved('toString'),
        why: 'nor what every object of JavaScript has',
      },
      { yml: `${KEY}: \${${KEY}}\n`, message: circular(KEY), why: 'a setting names itself' },
      { yml: `${KEY}: \${a}\na: \${b}\nb: \${a}\n`, message: circular('a'), why: 'two name each other' },
      { yml: `${KEY}: \${a}\na: \${${KEY}}\n`, message: circular(KEY), why: 'one names the first' },
    ]),
  )('$shown is refused with "$message", as $why', async ({ yml, message }) => {
    expect(codeAndMessage(await rejectionOf(read(yml)))).toEqual({ code: 'CONFIG', message });
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
    expect(settings).toEqual({ algorithm: defaultAlgorithm, fipsMode });
  });
});

describe('A file that the server could not load', () => {
  test.each(
    titled([
      {
        yml: 'bad.key:\nx: hunter2\n',
        says: 'null-valued setting found for key [bad.key]',
        why: 'a value is missing',
      },
      { yml: 'x: hunter2\nbad.key: null\n', says: 'for key [bad.key] at line 2', why: 'a value is null' },
      { yml: 'bad.key: ~\n', says: 'for key [bad.key]', why: 'a value is null' },
      { yml: 'bad:\n  key:\n', says: 'for key [bad.key]', why: 'a nested value is null' },
      { yml: 'bad.key: [hunter2, null]\n', says: 'for key [bad.key]', why: 'a value of a list is null' },
      { yml: 'bad.key:\n  - a: hunter2\n', says: '[bad.key]', why: 'a list holds maps' },
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
    expect(everythingSaidBy(error)).not.toMatch(/hunter/);
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
      message: `Failed to load settings from [${directory.path}/elasticsearch.yml]: it is not a regular file`,
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
      readFileSync: (() => {
        throw denied;
      }) as typeof nodeFileSystem.readFileSync,
    };
    expect(codeAndMessage(await rejectionOf(readHashSettings(directory.path, [], {}, fs)))).toEqual({
      code: 'PERMISSION',
      message: `could not read [${directory.path}/elasticsearch.yml]: permission denied`,
    });
  });
});

/** -E and elasticsearch.yml. */
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseOverrides } from '../../src/config/overrides.js';
import { findHashSettings, type HashSettings } from '../../src/config/settings.js';
import { readSettingsFile } from '../../src/config/settings-file.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { errorOf, everythingSaidBy, recordedSettings } from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { runsOf } from '../support/thoroughness.js';

const KEY = 'xpack.security.authc.service_token_hashing.algorithm';
const FIPS = 'xpack.security.fips_mode.enabled';

const directory = temporaryDirectory();

/** In what is given, `K` stands for the name of the algorithm's setting, and `@` for `$`. */
interface Given {
  /** The text of elasticsearch.yml. */
  readonly yml?: string;
  readonly E?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly home?: string;
}
/** An expectation: what is given, of which a text is the file; the result; and why. */
type Row = readonly [given: Given | string, result: string, why: string];

const written = (text: string) => text.replace(/\bK\b/g, KEY).replaceAll('@', '$');

function find(given: Given | string) {
  const { yml, E = [], env = {}, home } = typeof given === 'string' ? { yml: given } : given;
  const file = yml === undefined ? undefined : { path: '/es.yml', text: written(yml) };
  return findHashSettings(() => file, parseOverrides(E.map(written)), env, home);
}

const nameOf = ({ algorithm: { scheme, cost } }: HashSettings) => `${scheme}_${cost}`;

const DEFAULT = 'pbkdf2_stretch_10000';

describe('-E key=value', () => {
  test.each([
    ['a.b=c', 'a.b', 'c', 'the = splits'],
    ['a=b=c', 'a', 'b=c', 'the first = splits'],
    ['a= ', 'a', ' ', 'a space is a value'],
    ['=b', '', 'b', 'an empty key is a key'],
  ])('[%s] is [%s] and [%s]: %s', (word, key, value, _) => {
    expect(parseOverrides([word])).toEqual(new Map([[key, value]]));
  });

  test.each([
    ['xpack.security.authc.service_token_hashing.algoritm', KEY],
    ['xpack.security.authc.service-token-hashing.Algorithm', KEY],
    ['service_token_hashing.algorithm', KEY],
    ['force.xpack.security.authc.service_token_hash.algorithm', KEY],
    ['xpack.security.fips_mode.enable', FIPS],
  ])('-E %s=x is refused, and %s was meant', (name, meant) => {
    const message = `-E ${name} is not a setting of Elasticsearch`;
    const refusal = { code: 'USAGE', message, hint: `Did you mean ${meant}?` };
    expect(errorOf(() => parseOverrides([`${name}=x`]))).toMatchObject(refusal);
  });

  test.each([
    ...[KEY, `force.${KEY}`, 'xpack.security.enabled', 'xpack.security.http.ssl.enabled', 'algorithm'],
    ...['xpack.security.authc.password_hashing.algorithm', 'xpack.security.authc.api_key.hashing.algorithm'],
    'xpack.security.fips_mode.required_providers',
  ])('-E %s=x is accepted', (name) => expect(parseOverrides([`${name}=x`]).size).toBe(1));
});

describe('The algorithm', () => {
  test.each<Row>([
    [{}, DEFAULT, 'there is no file'],
    ['# c\n\n', DEFAULT, 'the file contains comments only'],
    ['a: [b, &c d]\n', DEFAULT, 'other settings are ignored'],
    ['K: bcrypt4', 'bcrypt_4', 'the last line needs no end'],
    ['\ufeffK: bcrypt4\r\n', 'bcrypt_4', 'byte order mark and CRLF are ignored'],
    ['# c\rK: bcrypt4\r', 'bcrypt_4', 'a lone CR ends a line'],
    ['xpack.security:\n authc: {service_token_hashing: {algorithm: bcrypt4}}', 'bcrypt_4', 'keys may nest'],
    ['K: a\nxpack.security:\n authc.service_token_hashing.algorithm: bcrypt4', 'bcrypt_4', 'the later wins'],
    ["K: 'BCrypt4' # fast\n", 'bcrypt_4', 'quotes, comments and letter case'],
    ['K: ""\n', DEFAULT, 'an empty value is like none'],
    ['a: &x b\nK: *bcrypt4\n', 'bcrypt_4', 'the value of an alias is its name'],
    ['force.K: bcrypt4\nK: bcrypt5\n', 'bcrypt_4', 'force. wins'],
    [{ yml: 'K: @{A}@{B}\n', env: { A: 'bcr', B: 'ypt4' } }, 'bcrypt_4', 'two variables'],
    [{ yml: '@{A}: bcrypt4\n', env: { A: KEY } }, 'bcrypt_4', 'variables, in keys too'],
    [{ yml: 'K: @{Q}bcrypt4@{Q}\n', env: { Q: '"' } }, 'bcrypt_4', 'and before YAML'],
    [{ yml: 'x: 1 # @{L}\n', env: { L: `\n${KEY}: bcrypt4` } }, 'bcrypt_4', 'in comments too'],
    [{ yml: 'K: @{@{A}}\n', env: { '${A': 'bcrypt5 #' } }, 'bcrypt_5', 'a name reaches to the first brace'],
    [{ yml: 'K: @{HOSTNAME}\n', env: { HOSTNAME: 'bcrypt4' } }, 'bcrypt_4', 'HOSTNAME, where it is set'],
    [{ yml: 'K: @{path.home}\n', home: 'bcrypt4' }, 'bcrypt_4', 'the home is a setting'],
    [{ yml: 'K: @{a.b}\n', env: { 'a.b': 'bcrypt4' } }, 'bcrypt_4', 'a name may have a dot'],
    [{ yml: 'K: @{A:bcrypt4}\n', env: { A: 'x' } }, 'bcrypt_4', 'no variable answers one with a default'],
    ['K: @{A:}\n', DEFAULT, 'a default may be empty'],
    ['a: bcrypt4\nK: @{none:@{a}}\n', 'bcrypt_4', 'a setting in a default'],
    ['a: @{b}\nb: @{c:bcrypt4}\nK: @{a}\n', 'bcrypt_4', 'from one to the next'],
    ['K: bcrypt@{a}@{z}@{z}\na: 4\nz: ""\n', 'bcrypt_4', 'one setting twice is not circular'],
    ['a: ""\nK: @{a:bcrypt4}\n', 'bcrypt_4', 'an empty setting is removed'],
    ['K: @{z:bcrypt4}\nz: ""\n', DEFAULT, 'when it is its turn'],
    [{ yml: 'a: @{A}\nK: @{b@{a}}\nb$&$1: bcrypt4', env: { A: '$&$1' } }, 'bcrypt_4', 'a variable is text'],
    ['node.name: @{NOWHERE}\nx: ~\nK: bcrypt4\n', 'bcrypt_4', 'nothing else in the file matters'],
    ['broken: [', DEFAULT, 'a file that names neither setting is not parsed'],
    [{ E: ['K=bcrypt4'], yml: 'K: bcrypt5\n' }, 'bcrypt_4', '-E wins'],
    [{ E: ['K="bcrypt4" # x'] }, 'bcrypt_4', 'a value is YAML: quotes and a comment'],
    [{ E: ['xpack.security.authc={service_token_hashing.algorithm: bcrypt4}'] }, 'bcrypt_4', 'or a map'],
    [{ E: ['K=""'], yml: 'K: bcrypt5\n' }, DEFAULT, 'an empty value is like none'],
    [{ E: ['K=@{a}'], yml: 'a: bcrypt4\n' }, 'bcrypt_4', '-E may name a setting of the file'],
    [{ E: ['a=bcrypt4'], yml: 'K: @{a:bcrypt5}\n' }, 'bcrypt_4', 'and the file one of -E'],
    [{ E: ['K=@{A:bcrypt4}'], env: { A: 'bcrypt6' } }, 'bcrypt_4', '-E sees no environment variables'],
    [{ E: ['K=bcrypt5'], yml: 'force.K: bcrypt4\n' }, 'bcrypt_4', 'force. wins against -E'],
    [{ E: ['K=bcrypt4'], yml: 'K: [\n' }, 'bcrypt_4', 'with -E, a broken file does not matter'],
    [{ E: ['node.name="x'], yml: 'a: b\n' }, DEFAULT, '-E of another setting is not parsed'],
  ])('from %j is %s: %s', (given, algorithm) => {
    expect(nameOf(find(given))).toBe(algorithm);
  });

  const NOT_SHOWN = 'the value is not shown, as it is not written so in elasticsearch.yml or -E';
  test.each<Row>([
    ['K: [bcrypt4]\n', '[bcrypt4]', 'a list is not an algorithm'],
    [{ E: ['K=[bcrypt4]'] }, '[bcrypt4]', 'a list is not an algorithm'],
    ["K: ' bcrypt'\n", ' bcrypt', 'a quoted space stays'],
    ['K: @{HOSTNAME}\n', NOT_SHOWN, 'the name of the host stands for HOSTNAME'],
    ['K: 010\n', '010', 'a value keeps its text'],
    ['K: [On, 1_0]\n', '[On, 1_0]', 'in a list it keeps its text'],
    ['a: true\nK: True\n', 'true', 'what YAML 1.1 takes for true is true'],
    ['a: sha1\nK: @{a}\n', 'sha1', 'it stands in the file'],
    [{ yml: 'K: @{P}\n', env: { P: 'hunter2' } }, NOT_SHOWN, 'it is in the environment only'],
    [{ yml: 'K: x@{P}\n', env: { P: 'hunter2' } }, NOT_SHOWN, 'a part of it is'],
  ])('from %j is invalid, and shown as "%s": %s', (given, value) => {
    const error = errorOf(() => find(given));
    expect(error.code).toBe('INVALID_ALGORITHM');
    expect(error.message).toContain(`Invalid algorithm: ${value}. Valid values for password hashing are [`);
    expect(everythingSaidBy(error)).not.toContain('hunter2');
  });

  test("of each recorded file is the original's; one that the original refuses may be read", async () => {
    const { env, cases } = recordedSettings;
    const count = { same: 0, readOnlyHere: 0 };
    for (const { yml, E = {}, expect: expected } of cases) {
      const overrides = parseOverrides(Object.entries(E).map(([key, value]) => `${key}=${value}`));
      const read = async () =>
        nameOf(findHashSettings(() => ({ path: '/es.yml', text: yml }), overrides, env));
      const isKnown = (code: string) => ['CONFIG', 'INVALID_ALGORITHM'].includes(code);
      const found = await read().catch(({ code }) => (isKnown(code) ? 'error' : code));
      if (found === expected) count.same++;
      else if (expected === 'error' && /^(bcrypt|pbkdf2)/.test(found)) count.readOnlyHere++;
      else expect({ yml, E, found }).toEqual({ yml, E, found: expected });
    }
    expect(count).toEqual({ same: 687, readOnlyHere: 241 });
  });
});

describe('FIPS mode', () => {
  test.each<Row>([
    [`${FIPS}: true\n`, 'on', 'the file says so'],
    ['xpack.security: {fips_mode: {enabled: On}}\n', 'on', 'nested, and as a boolean'],
    [{ yml: `${FIPS}: @{X}\n`, env: { X: '"true"' } }, 'on', 'a variable says so'],
    [{ yml: `${FIPS}: false\n`, E: [`${FIPS}=true`] }, 'on', '-E wins'],
    [{ yml: `${FIPS}: true\n`, E: ['K=bcrypt4'] }, 'on', 'the file is read beside -E of the algorithm'],
    ['node.name: n\n', 'off', 'it is off by default'],
  ])('from %j is %s: %s', (given, mode) => {
    expect(find(given).fipsMode).toBe(mode === 'on');
  });
});

describe('Settings that cannot be loaded', () => {
  test.each<Row>([
    ['hunter2: "\nK: x\n', '[/es.yml]: it is not valid YAML', 'a quote is not closed'],
    ['- K\n', 'it is not a map of settings', 'it is a list'],
    ['K: a\nK: b\n', 'it contains a duplicate key', 'a key comes twice'],
    ['K: [hunter2, [b]]\n', 'a list contains something other than values', 'a list is in a list'],
    ['? [hunter2]\n: K\n', 'a key is not text', 'it is a list'],
    ['K: x\x07\n', 'it contains a control character', 'YAML allows none'],
    ['K: x@{NONE}\n', `of setting [${KEY}]: could not resolve placeholder 'NONE'`, 'nothing has the name'],
    ['K: @{toString}\n', "could not resolve placeholder 'toString'", 'nor what objects of JavaScript have'],
    [{ yml: 'K: @{@{P}}\n', env: { P: 'hunter2' } }, "resolve placeholder 'P'", 'only one pair of braces is'],
    [{ yml: 'P: @{X}\nK: @{@{P:}}', env: { X: 'hunter2' } }, 'resolve a placeholder', 'P is not in the file'],
    ['a: ""\nK: @{a}\n', "could not resolve placeholder 'a'", 'a is empty, and removed'],
    ['K: @{K}\n', `circular reference in placeholder '${KEY}'`, 'it names itself'],
    ['a: @{b}\nb: @{a}\nK: @{a}\n', "circular reference in placeholder 'a'", 'two name each other'],
    ['a: "{K}"\nK: @{none:$@{a}}\n', 'circular reference in a placeholder', 'a default names it'],
    [{ E: ['K="hunter2'] }, `Failed to read the setting -E ${KEY}: it is not valid YAML`, '-E is YAML, too'],
    [{ E: ['K=@{none}'] }, "could not resolve placeholder 'none'", 'nothing has the name'],
  ])('from %j are an error that says "%s", because %s, and shows no value', (given, says) => {
    const error = errorOf(() => find(given));
    expect(error.code).toBe('CONFIG');
    expect(error.message).toContain(says);
    if (error.message.includes('could not resolve')) expect(error.hint).toContain(`-E ${KEY}=VALUE`);
    expect(everythingSaidBy(error)).not.toContain('hunter2');
  });
});

describe('Bounds', () => {
  const SIZE = 256 * 1024;
  const lines = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join('\n');

  test.each<readonly [what: string, yml: string, says: string]>([
    ['a chain', `K: @{k0}\n${lines(500, (i) => `k${i}: @{k${i + 1}}`)}`, '100 levels'],
    ['nested placeholders', `K: ${'@{'.repeat(5000)}a${'}'.repeat(5000)}`, '100 levels'],
    ['doubling', `K: @{k0}\n${lines(60, (i) => `k${i}: x@{k${i + 1}}@{k${i + 1}}`)}\nk60: x`, '1048576 char'],
    ['doubled empty', `K: @{z0}\n${lines(60, (i) => `z${i}: @{z${i + 1}}@{z${i + 1}}`)}\nz60: ""`, '1048576'],
    ['a long value', `a: ${'x'.repeat(99_999)}\nK: ${'@{a}'.repeat(20_000)}`, '1048576 characters'],
    ['a long variable', '# @{BIG}', '262144 characters'],
    ['open brackets', `hashing: ${'['.repeat(SIZE)}`, '100 levels'],
    ['nested brackets', `hashing: ${'['.repeat(99_999)}${']'.repeat(99_999)}`, '100 levels'],
    ['open braces', `hashing: ${'{a: '.repeat(60_000)}`, '100 levels'],
    ['hyphens', `${'- '.repeat(100_000)}hashing`, '100 levels'],
    ['question marks', `${'? '.repeat(100_000)}hashing`, '100 levels'],
    ['long names', `? ${'x'.repeat(99_999)}\n:\n${lines(5000, (i) => ` k${i}: v`)}\n hashing: v`, '1024 ch'],
    ['aliases', `hashing: [&a x, ${'*a, '.repeat(runsOf(60_000, 5_000))}[]]`, 'other than values'],
    ['unclosed placeholders', `K: ${'@{'.repeat(120_000)}`, 'Invalid algorithm'],
    ['many settings', `${lines(runsOf(26_000, 3_000), (i) => `k${i}: v`)}\nK: x`, 'Invalid algorithm: x'],
  ])('%s', (_, yml, says) => {
    const start = process.cpuUsage();
    const { message } = errorOf(() => find({ yml, env: { BIG: 'x'.repeat(SIZE) } }));
    expect(message).toContain(says);
    expect(process.cpuUsage(start).user).toBeLessThan(20_000_000); // microseconds of the processor: one that multiplies would take hours
  });

  test('a file of 256 KiB is read, and one byte more is refused with size and limit', () => {
    directory.write('elasticsearch.yml', '#'.repeat(SIZE));
    expect(readSettingsFile(directory.path, nodeFileSystem)?.text).toHaveLength(SIZE);
    directory.write('elasticsearch.yml', '#'.repeat(SIZE + 1));
    const { message } = errorOf(() => readSettingsFile(directory.path, nodeFileSystem));
    expect(message).toContain('it has 262145 bytes, and the limit is 262144 bytes (256 KiB)');
  });
});

describe('Reading elasticsearch.yml', () => {
  const path = () => `${directory.path}/elasticsearch.yml`;

  test.each(['elasticsearch.yaml', 'elasticsearch.json'])('%s is not read', (name) => {
    directory.write(name, '{}');
    expect(readSettingsFile(directory.path, nodeFileSystem)).toBeUndefined();
  });

  const bytes = () => directory.write('elasticsearch.yml', Buffer.from([0xff]));
  test.each<[says: string, make: () => unknown]>([
    ['it is a directory', () => directory.mkdir('elasticsearch.yml')],
    ['it is a named pipe', () => execFileSync('mkfifo', [path()])],
    ['it is a device', () => symlinkSync('/dev/zero', path())],
    ['too many levels of symlinks', () => symlinkSync(path(), path())],
    ['it is not valid UTF-8', bytes],
  ])('%s is an immediate error, with a way out', (says, make) => {
    make();
    expect(errorOf(() => readSettingsFile(directory.path, nodeFileSystem))).toMatchObject({
      code: 'CONFIG',
      message: `Failed to load settings from [${path()}]: ${says}`,
      hint: `To do without the file, name the algorithm: -E ${KEY}=pbkdf2_stretch`,
    });
  });

  test('a symlink is followed, and nothing stays open', () => {
    directory.write('linked.yml', 'a: b\n');
    symlinkSync('linked.yml', path());
    const { fs, openDescriptors } = watchedFileSystem();
    expect(readSettingsFile(directory.path, fs)).toEqual({ path: path(), text: 'a: b\n' });
    expect(openDescriptors.size).toBe(0);
  });

  test.each([
    ['openSync', 'EACCES', 'PERMISSION'],
    ['fstatSync', 'EIO', 'IO'],
    ['readSync', 'EIO', 'IO'],
  ] as const)('when %s fails with %s, nothing stays open', (call, errno, code) => {
    directory.write('elasticsearch.yml', '');
    const { fs, openDescriptors } = watchedFileSystem({
      before: (_, name) => {
        if (name === call) throw systemError(errno, name);
      },
    });
    expect(errorOf(() => readSettingsFile(directory.path, fs)).code).toBe(code);
    expect(openDescriptors.size).toBe(0);
  });
});

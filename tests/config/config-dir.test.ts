/** The paths of the files, and the server's version. */
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { findServerPaths, findVersion, type PathOptions } from '../../src/config/config-dir.js';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';
import { failing } from '../support/faulty-file-system.js';
import { errorOf } from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory.path, ...names);

/** The real file system, but with the directories of the packages below the temporary directory. */
function fileSystem(): FileSystem {
  return {
    ...nodeFileSystem,
    statSync: ((path: string) =>
      nodeFileSystem.statSync(
        /^\/(etc|usr\/share)\/elasticsearch/.test(path) ? at('root', path) : path,
      )) as FileSystem['statSync'],
  };
}

function find(options: PathOptions, env: Env = {}) {
  const surroundings = { env, cwd: at('cwd'), toolPath: at('dist', 'bin', 'elasticsearch-service-tokens') };
  return findServerPaths(options, surroundings, fileSystem());
}

/** All possible places, each of which is valid. */
function makeEverything(): void {
  for (const name of ['cwd', 'files', 'option', 'path-conf', 'home/config']) directory.mkdir(name);
  for (const name of DEFAULTS) directory.write(`${name}/elasticsearch.yml`);
}

const DEFAULTS = ['dist/config', 'root/etc/elasticsearch', 'root/usr/share/elasticsearch/config'];
type Env = Readonly<Record<string, string>>;

describe('The first that applies', () => {
  beforeEach(makeEverything);

  test('--file names the file; --config-dir then only names the directory of the settings', () => {
    const [file, configDir] = [at('files/tokens'), at('option')];
    const env = { ES_PATH_CONF: at('path-conf'), ES_HOME: at('home') };
    expect(find({ file, configDir }, env)).toEqual({ configDir, tokensFile: file });
    expect(find({ file }, env)).toEqual({ configDir: at('files'), tokensFile: file });
  });

  test.each<[place: string, found: string, option: string, env: Env]>([
    ['--config-dir', 'option', 'option', { ES_PATH_CONF: 'path-conf', ES_HOME: 'home' }],
    ['ES_PATH_CONF', 'path-conf', '', { ES_PATH_CONF: 'path-conf', ES_HOME: 'home' }],
    [
      '$ES_HOME/config, also if ES_PATH_CONF is empty',
      'home/config',
      '',
      { ES_PATH_CONF: '', ES_HOME: 'home' },
    ],
    ['../config beside the tool', 'dist/config', '', {}],
    ['the same if the variables are empty', 'dist/config', '', { ES_PATH_CONF: '', ES_HOME: '' }],
  ])('%s', (_, found, option, env) => {
    const named = Object.fromEntries(Object.entries(env).map(([name, path]) => [name, path && at(path)]));
    const configDir = at(found);
    const expected = { configDir, tokensFile: join(configDir, 'service_tokens') };
    expect(find(option ? { configDir: at(option) } : {}, named)).toEqual(expected);
  });
});

test.each([
  ['../config beside the tool has one', 'dist/config', DEFAULTS],
  ['/etc/elasticsearch is the first of the packages', '/etc/elasticsearch', DEFAULTS.slice(1)],
  ['no other place has one', '/usr/share/elasticsearch/config', DEFAULTS.slice(2)],
])('Of the default places, the first with an elasticsearch.yml is used: %s', (_, found, withYml) => {
  for (const name of DEFAULTS) directory.mkdir(name);
  for (const name of withYml) directory.write(`${name}/elasticsearch.yml`);
  const configDir = found.startsWith('/') ? found : at(found);
  expect(find({})).toEqual({ configDir, tokensFile: join(configDir, 'service_tokens') });
});

test('A named directory needs no elasticsearch.yml', () => {
  directory.mkdir('home/config');
  expect(find({}, { ES_HOME: at('home') }).configDir).toBe(at('home/config'));
});

describe('A relative path is relative to the current directory', () => {
  test.each<[by: string, options: PathOptions, env: Env, file: string]>([
    ['--file', { file: 'conf/tokens' }, {}, 'cwd/conf/tokens'],
    ['--file without a directory', { file: 'tokens' }, {}, 'cwd/tokens'],
    ['--config-dir', { configDir: 'conf' }, {}, 'cwd/conf/service_tokens'],
    ['--config-dir with dots', { configDir: '../conf/' }, {}, 'cwd/../conf/service_tokens'],
    ['ES_PATH_CONF', {}, { ES_PATH_CONF: './conf' }, 'cwd/conf/service_tokens'],
    ['ES_HOME', {}, { ES_HOME: 'home' }, 'cwd/home/config/service_tokens'],
  ])('%s', (_, options, env, file) => {
    for (const name of ['cwd/conf', 'cwd/home/config', 'conf']) directory.mkdir(name);
    expect(find(options, env).tokensFile).toBe(`${directory.path}/${file}`);
  });
});

describe('The tokens file of before 6.3, in x-pack', () => {
  test.each([
    ['x-pack/service_tokens', 'it alone is there', ['x-pack/service_tokens']],
    ['service_tokens', 'the other is there, too', ['x-pack/service_tokens', 'service_tokens']],
    ['service_tokens', 'neither is there', ['x-pack/users']],
    ['service_tokens', 'there is no x-pack', ['elasticsearch.yml']],
  ])('the file is %s when %s', (found, _, files) => {
    for (const name of files) directory.write(`conf/${name}`);
    expect(find({ configDir: at('conf') })).toEqual({ configDir: at('conf'), tokensFile: at('conf', found) });
  });

  test('--file is used as given', () => {
    directory.write('conf/x-pack/service_tokens');
    expect(find({ file: at('conf', 'service_tokens') }).tokensFile).toBe(at('conf', 'service_tokens'));
  });
});

describe('No place', () => {
  test('if nothing applies, the hint names the three ways to give the directory', () => {
    for (const name of ['cwd', 'dist/config', 'root/etc/elasticsearch']) directory.mkdir(name);
    expect(errorOf(() => find({}))).toMatchObject({
      code: 'CONFIG',
      message: 'No configuration directory of Elasticsearch was found',
      hint: 'Use --config-dir DIR or --file PATH, or set ES_PATH_CONF.',
    });
  });

  test.each<[why: string, missing: string, options: PathOptions, env?: Env]>([
    ['--config-dir', 'none', { configDir: 'none' }],
    ['ES_PATH_CONF', 'none', {}, { ES_PATH_CONF: 'none' }],
    ['ES_HOME', 'none/config', {}, { ES_HOME: 'none' }],
    ['--file', 'none', { file: 'none/tokens' }],
    ['--file', 'none', { file: 'none/tokens', configDir: '.' }],
    ['--config-dir', 'none', { file: 'tokens', configDir: 'none' }],
  ])('a directory of %s that does not exist is an error, and no other place is tried', (...row) => {
    const [why, missing, options, env] = row;
    makeEverything();
    expect(errorOf(() => find(options, env))).toMatchObject({
      code: 'CONFIG',
      message: `The directory [${at('cwd', missing)}] does not exist`,
      hint: `The path comes from ${why}.`,
    });
  });

  test('a file instead of the directory, or in its path, is an error', () => {
    const path = directory.write('conf');
    const refused = (configDir: string) => errorOf(() => find({ configDir }));
    expect(refused(path)).toMatchObject({ code: 'CONFIG', message: `[${path}] is not a directory` });
    const message = `could not read [${path}/below]: a part of the path is not a directory`;
    expect(refused(`${path}/below`)).toMatchObject({ code: 'CONFIG', message });
  });

  test('a directory that cannot be entered is a permission error, and no other place is tried', () => {
    const surroundings = { env: {}, cwd: directory.path, toolPath: at('bin', 'tool') };
    const refused = (options: PathOptions) =>
      errorOf(() => findServerPaths(options, surroundings, failing('statSync', 'EACCES')));
    const message = `could not read [${at('conf')}]: permission denied`;
    expect(refused({ configDir: at('conf') })).toMatchObject({ code: 'PERMISSION', message });
    expect(refused({}).code).toBe('PERMISSION');
  });
});

describe("The server's version", () => {
  const version = (named: string | undefined, env: Record<string, string> = {}) =>
    findVersion(named, { env, cwd: directory.path, toolPath: at('bin', 'tool') }, nodeFileSystem);

  test.each<[why: string, found: string | undefined, jars: string[]]>([
    ['a release', '8.15', ['elasticsearch-8.15.3.jar']],
    ['a snapshot', '9.1', ['elasticsearch-9.1.0-SNAPSHOT.jar']],
    ['a candidate', '9.0', ['elasticsearch-9.0.0-rc1.jar']],
    [
      'one among other jars',
      '8.15',
      ['elasticsearch-core-8.11.0.jar', 'elasticsearch-8.15.3.jar', 'lucene-core-9.11.1.jar'],
    ],
    ['no such jar', undefined, ['elasticsearch-cli-8.11.0.jar', 'elasticsearch-x.jar']],
    ['a name that does not end in .jar', undefined, ['elasticsearch-8.15.3.jar.bak']],
    ['nothing', undefined, []],
  ])('with %s in $ES_HOME/lib is %s', (_, found, jars) => {
    directory.mkdir('home/lib');
    for (const jar of jars) directory.write(`home/lib/${jar}`);
    const { major, minor } = version(undefined, { ES_HOME: at('home') }) ?? {};
    expect(major && `${major}.${minor}`).toBe(found);
  });

  test('is unknown without ES_HOME, or without lib in it', () => {
    directory.mkdir('home');
    expect(version(undefined)).toBeUndefined();
    expect(version(undefined, { ES_HOME: '' })).toBeUndefined();
    expect(version(undefined, { ES_HOME: at('home') })).toBeUndefined();
  });

  test.each([
    ['8.16', { major: 8, minor: 16 }],
    ['8.16.1', { major: 8, minor: 16 }],
    ['8.16.1-SNAPSHOT', { major: 8, minor: 16 }],
    ['7.13', { major: 7, minor: 13 }],
    ['10.0', { major: 10, minor: 0 }],
  ])('is %s if --es-version is that, whatever the version of the jar', (named, found) => {
    directory.write('home/lib/elasticsearch-8.15.3.jar');
    expect(version(named, { ES_HOME: at('home') })).toEqual(found);
  });

  test.each(['', '8', '8.x', 'v8.16', '8.16.', '8.16-SNAPSHOT', '8.16.1.2', ' 8.16', '8.16\n'])(
    '--es-version %j is a usage error',
    (named) => {
      expect(errorOf(() => version(named))).toMatchObject({
        code: 'USAGE',
        message: `[${named}] is not a version of Elasticsearch`,
        hint: 'Use X.Y or X.Y.Z, as in --es-version 8.16.',
      });
    },
  );

  test.each(['7.12', '7.12.1', '6.8.23', '0.90'])(
    '--es-version %s is a usage error: it is too old',
    (named) => {
      const message = `Elasticsearch ${named} has no service accounts: they were added in 7.13`;
      expect(errorOf(() => version(named))).toMatchObject({ code: 'USAGE', message });
    },
  );
});

/** The paths of the files, and the server's version. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { findServerPaths, findVersion, type PathOptions } from '../../src/config/config-dir.js';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';
import { codeAndMessage, errorOf } from '../support/fixtures.js';
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

function find(options: PathOptions, env: Record<string, string> = {}) {
  const surroundings = { env, cwd: at('cwd'), toolPath: at('dist', 'bin', 'elasticsearch-service-tokens') };
  return findServerPaths(options, surroundings, fileSystem());
}

/** All possible places, each of which is valid. */
function makeEverything(): void {
  for (const name of ['cwd', 'files', 'option', 'path-conf', 'home/config']) directory.mkdir(name);
  for (const name of ['dist/config', 'root/etc/elasticsearch', 'root/usr/share/elasticsearch/config']) {
    directory.write(`${name}/elasticsearch.yml`);
  }
}

describe('The first that applies', () => {
  const everything = () => ({
    options: { file: at('files', 'tokens'), configDir: at('option') },
    env: { ES_PATH_CONF: at('path-conf'), ES_HOME: at('home') },
  });

  test('--file names the file; --config-dir then only names the directory of the settings', () => {
    makeEverything();
    const { options, env } = everything();
    expect(find(options, env)).toEqual({ configDir: at('option'), tokensFile: at('files', 'tokens') });
  });

  test('with only --file, the settings are in the directory of the file', () => {
    makeEverything();
    const { options, env } = everything();
    expect(find({ file: options.file }, env)).toEqual({
      configDir: at('files'),
      tokensFile: at('files', 'tokens'),
    });
  });

  test.each([
    { place: '--config-dir', found: 'option', without: [] },
    { place: 'ES_PATH_CONF', found: 'path-conf', without: ['--config-dir'] },
    { place: '$ES_HOME/config', found: 'home/config', without: ['--config-dir', 'ES_PATH_CONF'] },
    {
      place: '../config beside the tool',
      found: 'dist/config',
      without: ['--config-dir', 'ES_PATH_CONF', 'ES_HOME'],
    },
  ])('$place, without $without', ({ found, without }) => {
    makeEverything();
    const { options, env } = everything();
    const left = Object.fromEntries(Object.entries(env).filter(([name]) => !without.includes(name)));
    const configDir = without.includes('--config-dir') ? {} : { configDir: options.configDir };
    expect(find(configDir, left)).toEqual({ configDir: at(found), tokensFile: at(found, 'service_tokens') });
  });

  test.each([
    { yml: ['dist/config', 'root/etc/elasticsearch'], found: '', why: '../config beside the tool has one' },
    {
      yml: ['root/etc/elasticsearch', 'root/usr/share/elasticsearch/config'],
      found: '/etc/elasticsearch',
      why: '/etc/elasticsearch is the first of the packages',
    },
    {
      yml: ['root/usr/share/elasticsearch/config'],
      found: '/usr/share/elasticsearch/config',
      why: 'no other place has one',
    },
  ])('of the default places, the first with an elasticsearch.yml is used: $why', ({ yml, found }) => {
    for (const name of ['dist/config', 'root/etc/elasticsearch', 'root/usr/share/elasticsearch/config']) {
      directory.mkdir(name);
    }
    for (const name of yml) directory.write(`${name}/elasticsearch.yml`);
    const configDir = found || at('dist', 'config');
    expect(find({})).toEqual({ configDir, tokensFile: join(configDir, 'service_tokens') });
  });

  test('a named directory needs no elasticsearch.yml', () => {
    directory.mkdir('home/config');
    expect(find({}, { ES_HOME: at('home') }).configDir).toBe(at('home', 'config'));
  });

  test.each([
    {
      env: { ES_PATH_CONF: '', ES_HOME: 'home' },
      found: 'home/config',
      why: 'an empty ES_PATH_CONF counts as unset',
    },
    { env: { ES_PATH_CONF: '', ES_HOME: '' }, found: 'dist/config', why: 'an empty ES_HOME counts as unset' },
  ])('$why', ({ env, found }) => {
    makeEverything();
    const named = env.ES_HOME && at(env.ES_HOME);
    expect(find({}, { ...env, ES_HOME: named }).configDir).toBe(at(found));
  });
});

describe('A relative path is relative to the current directory', () => {
  test.each([
    { by: '--file', options: { file: 'conf/tokens' }, env: {}, file: 'cwd/conf/tokens' },
    { by: '--file without a directory', options: { file: 'tokens' }, env: {}, file: 'cwd/tokens' },
    { by: '--config-dir', options: { configDir: 'conf' }, env: {}, file: 'cwd/conf/service_tokens' },
    { by: '--config-dir', options: { configDir: '../conf/' }, env: {}, file: 'cwd/../conf/service_tokens' },
    { by: 'ES_PATH_CONF', options: {}, env: { ES_PATH_CONF: './conf' }, file: 'cwd/conf/service_tokens' },
    { by: 'ES_HOME', options: {}, env: { ES_HOME: 'home' }, file: 'cwd/home/config/service_tokens' },
  ])('$by: $options $env', ({ options, env, file }) => {
    for (const name of ['cwd/conf', 'cwd/home/config', 'conf']) directory.mkdir(name);
    expect(find(options, { ...env } as Record<string, string>).tokensFile).toBe(`${directory.path}/${file}`);
  });
});

describe('The tokens file of before 6.3, in x-pack', () => {
  test.each([
    { files: ['x-pack/service_tokens'], found: 'x-pack/service_tokens', why: 'it alone is there' },
    {
      files: ['x-pack/service_tokens', 'service_tokens'],
      found: 'service_tokens',
      why: 'the other is there, too',
    },
    { files: ['x-pack/users'], found: 'service_tokens', why: 'neither is there' },
    { files: ['elasticsearch.yml'], found: 'service_tokens', why: 'there is no x-pack' },
  ])('the file is $found when $why', ({ files, found }) => {
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
    const error = errorOf(() => find({}));
    expect(codeAndMessage(error)).toEqual({
      code: 'CONFIG',
      message: 'No configuration directory of Elasticsearch was found',
    });
    expect(error.hint).toBe('Use --config-dir DIR or --file PATH, or set ES_PATH_CONF.');
  });

  test.each([
    { options: { configDir: 'none' }, env: {}, missing: 'none', why: '--config-dir' },
    { options: {}, env: { ES_PATH_CONF: 'none' }, missing: 'none', why: 'ES_PATH_CONF' },
    { options: {}, env: { ES_HOME: 'none' }, missing: 'none/config', why: 'ES_HOME' },
    { options: { file: 'none/tokens' }, env: {}, missing: 'none', why: '--file' },
    {
      options: { file: 'none/tokens', configDir: '.' },
      env: {},
      missing: 'none',
      why: '--file',
    },
    {
      options: { file: 'tokens', configDir: 'none' },
      env: {},
      missing: 'none',
      why: '--config-dir',
    },
  ])(
    'a directory that does not exist is an error ($why), and no other place is tried',
    ({ options, env, missing, why }) => {
      makeEverything();
      const error = errorOf(() => find(options, { ...env } as Record<string, string>));
      expect(codeAndMessage(error)).toEqual({
        code: 'CONFIG',
        message: `The directory [${at('cwd', missing)}] does not exist`,
      });
      expect(error.hint).toBe(`The path comes from ${why}.`);
    },
  );

  test('a file instead of the directory is an error', () => {
    const path = directory.write('conf');
    expect(codeAndMessage(errorOf(() => find({ configDir: path })))).toEqual({
      code: 'CONFIG',
      message: `[${path}] is not a directory`,
    });
  });

  test('a file in the path of the directory is an error', () => {
    const path = join(directory.write('conf'), 'below');
    expect(codeAndMessage(errorOf(() => find({ configDir: path })))).toEqual({
      code: 'CONFIG',
      message: `could not read [${path}]: a part of the path is not a directory`,
    });
  });

  test('a directory that cannot be entered is a permission error, and no other place is tried', () => {
    const fs: FileSystem = {
      ...nodeFileSystem,
      statSync: (() => {
        throw Object.assign(new Error('denied'), { code: 'EACCES', syscall: 'stat' });
      }) as unknown as FileSystem['statSync'],
    };
    const surroundings = { env: {}, cwd: directory.path, toolPath: at('bin', 'tool') };
    expect(
      codeAndMessage(errorOf(() => findServerPaths({ configDir: at('conf') }, surroundings, fs))),
    ).toEqual({
      code: 'PERMISSION',
      message: `could not read [${at('conf')}]: permission denied`,
    });
    expect(errorOf(() => findServerPaths({}, surroundings, fs)).code).toBe('PERMISSION');
  });
});

describe("The server's version", () => {
  const version = (named: string | undefined, env: Record<string, string> = {}) =>
    findVersion(named, { env, cwd: directory.path, toolPath: at('bin', 'tool') }, nodeFileSystem);

  test.each([
    { jars: ['elasticsearch-8.15.3.jar'], found: { major: 8, minor: 15 }, why: 'a release' },
    { jars: ['elasticsearch-9.1.0-SNAPSHOT.jar'], found: { major: 9, minor: 1 }, why: 'a snapshot' },
    { jars: ['elasticsearch-9.0.0-rc1.jar'], found: { major: 9, minor: 0 }, why: 'a candidate' },
    {
      jars: ['elasticsearch-core-8.11.0.jar', 'elasticsearch-8.15.3.jar', 'lucene-core-9.11.1.jar'],
      found: { major: 8, minor: 15 },
      why: 'other jars are passed over',
    },
    {
      jars: ['elasticsearch-cli-8.11.0.jar', 'elasticsearch-x.jar'],
      found: undefined,
      why: 'there is no such jar',
    },
    { jars: ['elasticsearch-8.15.3.jar.bak'], found: undefined, why: 'that is not a jar' },
    { jars: [], found: undefined, why: 'lib is empty' },
  ])('is $found if $ES_HOME/lib contains $jars: $why', ({ jars, found }) => {
    directory.mkdir('home/lib');
    for (const jar of jars) directory.write(`home/lib/${jar}`);
    expect(version(undefined, { ES_HOME: at('home') })).toEqual(found);
  });

  test('is unknown without ES_HOME, or without lib in it', () => {
    directory.mkdir('home');
    expect(version(undefined)).toBeUndefined();
    expect(version(undefined, { ES_HOME: '' })).toBeUndefined();
    expect(version(undefined, { ES_HOME: at('home') })).toBeUndefined();
  });

  test.each([
    { named: '8.16', found: { major: 8, minor: 16 } },
    { named: '8.16.1', found: { major: 8, minor: 16 } },
    { named: '8.16.1-SNAPSHOT', found: { major: 8, minor: 16 } },
    { named: '7.13', found: { major: 7, minor: 13 } },
    { named: '10.0', found: { major: 10, minor: 0 } },
  ])('is $named if --es-version is that, whatever the version of the jar', ({ named, found }) => {
    directory.write('home/lib/elasticsearch-8.15.3.jar');
    expect(version(named, { ES_HOME: at('home') })).toEqual(found);
  });

  test.each([
    { named: '', why: 'nothing' },
    { named: '8', why: 'the minor version is missing' },
    { named: '8.x', why: 'x is not a digit' },
    { named: 'v8.16', why: 'v is not a digit' },
    { named: '8.16.', why: 'a dot trails' },
    { named: '8.16-SNAPSHOT', why: 'the patch is missing before the hyphen' },
    { named: '8.16.1.2', why: 'there are four parts' },
    { named: ' 8.16', why: 'a space leads' },
    { named: '8.16\n', why: 'a line end trails' },
  ])('--es-version [$named] is a usage error, because $why', ({ named }) => {
    const error = errorOf(() => version(named));
    expect(codeAndMessage(error)).toEqual({
      code: 'USAGE',
      message: `[${named}] is not a version of Elasticsearch`,
    });
    expect(error.hint).toBe('Use X.Y or X.Y.Z, as in --es-version 8.16.');
  });

  test.each(['7.12', '7.12.1', '6.8.23', '0.90'])(
    '--es-version %s is a usage error: it is too old',
    (named) => {
      expect(codeAndMessage(errorOf(() => version(named)))).toEqual({
        code: 'USAGE',
        message: `Elasticsearch ${named} has no service accounts: they were added in 7.13`,
      });
    },
  );
});

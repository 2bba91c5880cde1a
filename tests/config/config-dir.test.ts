/** The default places of the files, and the server's version; tests/transcripts/places.txt shows those that are named. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { findServerPaths, findVersion, type PathOptions } from '../../src/config/config-dir.js';
import { nodeFileSystem, viewOf } from '../../src/disk/file-system.js';
import { failing } from '../support/faulty-file-system.js';
import { errorOf } from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory.path, ...names);

/** Finds the directory where those of the packages are below the temporary directory, and nothing is named. */
function find() {
  const toolPath = at('dist', 'bin', 'elasticsearch-service-tokens');
  const isOfPackage = /^\/(etc|usr\/share)\/elasticsearch/;
  const path = (name: string) => (isOfPackage.test(name) ? at('root', name) : name);
  return findServerPaths({}, { env: {}, cwd: at('cwd'), toolPath }, viewOf(nodeFileSystem, { path }));
}

const DEFAULTS = ['dist/config', 'root/etc/elasticsearch', 'root/usr/share/elasticsearch/config'];

test.each([
  ['../config beside the tool has one', 'dist/config', DEFAULTS],
  ['/etc/elasticsearch is the first of the packages', '/etc/elasticsearch', DEFAULTS.slice(1)],
  ['no other place has one', '/usr/share/elasticsearch/config', DEFAULTS.slice(2)],
])('Of the default places, the first with an elasticsearch.yml is used: %s', (_, found, withYml) => {
  for (const name of DEFAULTS) directory.mkdir(name);
  for (const name of withYml) directory.write(`${name}/elasticsearch.yml`);
  const configDir = found.startsWith('/') ? found : at(found);
  expect(find()).toEqual({ configDir, tokensFile: join(configDir, 'service_tokens') });
});

describe('No place', () => {
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
  const version = (named: string | undefined, env: Record<string, string> = {}) => {
    const surroundings = { env, cwd: directory.path, toolPath: at('bin', 'tool') };
    const { major, minor } = findVersion(named, surroundings, nodeFileSystem) ?? {};
    return major && `${major}.${minor}`;
  };

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
    expect(version(undefined, { ES_HOME: at('home') })).toBe(found);
  });

  test('is unknown without ES_HOME, or without lib in it', () => {
    directory.mkdir('home');
    expect(version(undefined)).toBeUndefined();
    expect(version(undefined, { ES_HOME: '' })).toBeUndefined();
    expect(version(undefined, { ES_HOME: at('home') })).toBeUndefined();
  });

  test.each([
    ['8.16', '8.16'],
    ['8.16.1', '8.16'],
    ['8.16.1-SNAPSHOT', '8.16'],
    ['7.13', '7.13'],
    ['10.0', '10.0'],
  ])('with --es-version %s is %s, whatever the version of the jar', (named, found) => {
    directory.write('home/lib/elasticsearch-8.15.3.jar');
    expect(version(named, { ES_HOME: at('home') })).toBe(found);
  });

  test.each([
    ...['', '8', '8.x', 'v8.16', '8.16.', '8.16-SNAPSHOT', '8.16.1.2', ' 8.16', '8.16\n'].map((named) => [
      named,
      `[${named}] is not a version of Elasticsearch`,
    ]),
    ...['7.12', '7.12.1', '6.8.23', '0.90'].map((named) => [
      named,
      `Elasticsearch ${named} has no service accounts: they were added in 7.13`,
    ]),
  ])('--es-version %j is a usage error: %s', (named, message) => {
    expect(errorOf(() => version(named))).toMatchObject({ code: 'USAGE', message });
  });
});

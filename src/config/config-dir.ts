import { dirname, join } from 'node:path';
import { lookUp } from '../access/denied-error.js';
import { type ElasticsearchVersion, isAtLeast, parseVersion } from '../accounts/elasticsearch-version.js';
import { type FileSystem, ifExists, ignoreFailure } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { absolutePath, below } from '../paths.js';
import { type PackageEnvironment, readPackageEnvironment } from './package-environment.js';

/** The paths that the user gave on the command line. */
export interface PathOptions {
  readonly file?: string | undefined;
  readonly configDir?: string | undefined;
}

/** The environment in which the tool runs. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The current directory, read only if a relative path is given. @throws CONFIG if it does not exist */
  readonly cwd: string;
  /** The real path of the command's own file. */
  readonly toolPath: string;
}

/** Where the server's files are, as absolute paths. */
export interface ServerPaths {
  readonly configDir: string;
  readonly tokensFile: string;
  /** The environment file of a package that names another directory, and is not used because it is not trusted. */
  readonly ignored?: PackageEnvironment;
}

const PACKAGE_DIRECTORIES = ['/etc/elasticsearch', '/usr/share/elasticsearch/config'];

/**
 * Finds the configuration directory and the tokens file: the first that applies of `--file`, `--config-dir`,
 * `ES_PATH_CONF`, `$ES_HOME/config`, `../config` beside the tool's own file, `ES_PATH_CONF` in the packages' environment
 * file, and the packages' directories. The tool's and the packages' must contain an elasticsearch.yml.
 *
 * @throws CONFIG if there is no such directory. The original uses the current directory instead.
 */
export function findServerPaths(
  options: PathOptions,
  surroundings: Surroundings,
  fs: FileSystem,
): ServerPaths {
  requireNotEmpty(options);
  const { file, configDir } = options;
  if (file !== undefined) {
    const tokensFile = absolutePath(file, surroundings);
    const directory = requireDirectory(dirname(tokensFile), '--file', surroundings, fs);
    const named = configDir === undefined ? undefined : findConfigDir(options, surroundings, fs);
    return { configDir: named ?? directory, tokensFile };
  }
  const named = findConfigDir(options, surroundings, fs);
  if (named !== undefined) return inDirectory(named, fs);
  const environment = readPackageEnvironment(fs);
  if (environment?.isTrusted)
    return inDirectory(requireDirectory(environment.path, environment.source, surroundings, fs), fs);
  const found = PACKAGE_DIRECTORIES.find((directory) => exists(below(directory, 'elasticsearch.yml'), fs));
  if (found === undefined) {
    throw new ServiceTokensError('CONFIG', 'No configuration directory of Elasticsearch was found', {
      hint: 'Use --config-dir DIR or --file PATH, or set ES_PATH_CONF.',
    });
  }
  const isOther = environment !== undefined && absolutePath(environment.path, surroundings) !== found;
  return { ...inDirectory(found, fs), ...(isOther && { ignored: environment }) };
}

/** Finds the server's home: `ES_HOME`, or the distribution whose bin contains the tool. */
export function findHome({ env, toolPath }: Surroundings, fs: FileSystem): string | undefined {
  if (env['ES_HOME']) return env['ES_HOME'];
  const home = dirname(dirname(toolPath));
  return exists(join(home, 'config/elasticsearch.yml'), fs) ? home : undefined;
}

/** Finds the directory that `--config-dir`, ES_PATH_CONF or the server's home names. @throws CONFIG if it is none */
export function findConfigDir(
  { configDir }: PathOptions,
  surroundings: Surroundings,
  fs: FileSystem,
): string | undefined {
  requireNotEmpty({ configDir });
  const find = (path: string, source: string) => requireDirectory(path, source, surroundings, fs);
  if (configDir !== undefined) return find(configDir, '--config-dir');
  const pathConf = surroundings.env['ES_PATH_CONF'];
  if (pathConf) return find(pathConf, 'ES_PATH_CONF');
  const home = findHome(surroundings, fs);
  return home === undefined ? undefined : find(below(home, 'config'), 'ES_HOME');
}

function requireNotEmpty({ file, configDir }: PathOptions): void {
  if (file !== '' && configDir !== '') return;
  const hint = 'Its value may be a shell variable that is not set.';
  const option = file === '' ? '--file' : '--config-dir';
  throw new ServiceTokensError('USAGE', `Option ${option} must not be empty`, { hint });
}

/** @param source what names the directory @returns its absolute path */
function requireDirectory(path: string, source: string, surroundings: Surroundings, fs: FileSystem): string {
  const directory = absolutePath(path, surroundings);
  const stat = statOf(directory, fs);
  if (stat?.isDirectory()) return directory;
  const fact = stat ? `[${directory}] is not a directory` : `The directory [${directory}] does not exist`;
  const isUnreplaced = /\/~(\/|$)/.test(directory);
  const tilde = isUnreplaced ? ' A shell replaces ~ by the home directory only without quotes.' : '';
  throw new ServiceTokensError('CONFIG', fact, { hint: `The path comes from ${source}.${tilde}` });
}

/** Before 6.3, files were in x-pack; the server still reads the one there if the directory itself has none. */
function inDirectory(configDir: string, fs: FileSystem): ServerPaths {
  const file = below(configDir, 'service_tokens');
  const legacy = below(configDir, 'x-pack/service_tokens');
  return { configDir, tokensFile: !exists(file, fs) && exists(legacy, fs) ? legacy : file };
}

function statOf(path: string, fs: FileSystem) {
  return lookUp(fs, path, () => ifExists(() => fs.statSync(path)));
}

function exists(path: string, fs: FileSystem): boolean {
  return statOf(path, fs) !== undefined;
}

/** Service accounts were added in this version. */
const FIRST: ElasticsearchVersion = { major: 7, minor: 13 };

/** The version of `--es-version`, else of the distribution's jar, if known. @throws USAGE if it has no service accounts */
export function findVersion(
  named: string | undefined,
  surroundings: Surroundings,
  fs: FileSystem,
): ElasticsearchVersion | undefined {
  if (named === undefined) {
    const home = surroundings.env['ES_HOME'];
    return home ? versionOfJar(absolutePath(below(home, 'lib'), surroundings), fs) : undefined;
  }
  const version = parseVersion(named);
  if (version === undefined) {
    const hint = 'Use X.Y or X.Y.Z, as in --es-version 8.16.';
    throw new ServiceTokensError('USAGE', `[${named}] is not a version of Elasticsearch`, { hint });
  }
  if (isAtLeast(version, FIRST)) return version;
  const message = `Elasticsearch ${named} has no service accounts: they were added in 7.13`;
  throw new ServiceTokensError('USAGE', message);
}

function versionOfJar(directory: string, fs: FileSystem): ElasticsearchVersion | undefined {
  const names = ignoreFailure(() => fs.readdirSync(directory)) ?? []; // without a version, all accounts are accepted
  return names
    .map((name) => parseVersion(/^elasticsearch-(\d.*)\.jar$/.exec(name)?.[1] ?? ''))
    .find((version) => version !== undefined && isAtLeast(version, FIRST));
}

import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type ElasticsearchVersion, isAtLeast, parseVersion } from '../accounts/elasticsearch-version.js';
import { fileError } from '../disk/file-errors.js';
import { type FileSystem, ifExists } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';

/** The paths that the user gave on the command line. */
export interface PlaceOptions {
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
export interface Place {
  readonly configDir: string;
  readonly tokensFile: string;
}

const PACKAGE_DIRECTORIES = ['/etc/elasticsearch', '/usr/share/elasticsearch/config'];

/**
 * Finds the configuration directory and the tokens file: the first that applies of `--file`, `--config-dir`,
 * `ES_PATH_CONF`, `$ES_HOME/config`, `../config` beside the tool's own file, and the packages' directories; the last
 * two only if they contain an elasticsearch.yml.
 *
 * @throws CONFIG if there is no such directory. The original uses the current directory instead.
 */
export function findPlace(options: PlaceOptions, surroundings: Surroundings, fs: FileSystem): Place {
  requireNotEmpty(options);
  if (options.file !== undefined) {
    const tokensFile = absolutePath(options.file, surroundings);
    const configDir =
      options.configDir === undefined ? dirname(tokensFile) : absolutePath(options.configDir, surroundings);
    requireDirectory(dirname(tokensFile), fs);
    return { configDir: requireDirectory(configDir, fs), tokensFile };
  }
  const named = options.configDir ?? nameInEnvironment(surroundings);
  const configDir =
    named === undefined
      ? searchConfigDir(surroundings, fs)
      : requireDirectory(absolutePath(named, surroundings), fs);
  return { configDir, tokensFile: tokensFileIn(configDir, fs) };
}

/**
 * Finds the configuration directory of a command that has no tokens file.
 *
 * @returns undefined unless `--config-dir` names one
 * @throws CONFIG if it does not exist
 */
export function findConfigDir(
  { configDir }: PlaceOptions,
  surroundings: Surroundings,
  fs: FileSystem,
): string | undefined {
  requireNotEmpty({ configDir });
  return configDir === undefined ? undefined : requireDirectory(absolutePath(configDir, surroundings), fs);
}

function requireNotEmpty({ file, configDir }: PlaceOptions): void {
  if (file !== '' && configDir !== '') return;
  const option = file === '' ? 'file' : 'config-dir';
  throw new ServiceTokensError('USAGE', `Option --${option} must not be empty`, {
    hint: 'Its value may be a shell variable that is not set.',
  });
}

/** Makes a path absolute, relative to the current directory. */
export function absolutePath(path: string, surroundings: Pick<Surroundings, 'cwd'>): string {
  return isAbsolute(path) ? resolve(path) : resolve(surroundings.cwd, path);
}

function nameInEnvironment({ env }: Surroundings): string | undefined {
  if (env['ES_PATH_CONF']) return env['ES_PATH_CONF'];
  return env['ES_HOME'] ? join(env['ES_HOME'], 'config') : undefined;
}

function searchConfigDir({ toolPath }: Surroundings, fs: FileSystem): string {
  const candidates = [join(dirname(dirname(toolPath)), 'config'), ...PACKAGE_DIRECTORIES];
  const found = candidates.find((directory) => exists(join(directory, 'elasticsearch.yml'), fs));
  if (found !== undefined) return found;
  throw new ServiceTokensError('CONFIG', 'No configuration directory of Elasticsearch was found', {
    hint: 'Use --config-dir DIR or --file PATH, or set ES_PATH_CONF.',
  });
}

function requireDirectory(directory: string, fs: FileSystem): string {
  const stat = attempt(directory, () => ifExists(() => fs.statSync(directory)));
  if (stat?.isDirectory()) return directory;
  throw new ServiceTokensError(
    'CONFIG',
    stat ? `[${directory}] is not a directory` : `The directory [${directory}] does not exist`,
    {
      hint: 'The path comes from --file, --config-dir, ES_PATH_CONF or ES_HOME.',
    },
  );
}

/** Before 6.3, files were in x-pack; the server still reads the one there if the directory itself has none. */
function tokensFileIn(configDir: string, fs: FileSystem): string {
  const file = join(configDir, 'service_tokens');
  const legacy = join(configDir, 'x-pack', 'service_tokens');
  return !exists(file, fs) && exists(legacy, fs) ? legacy : file;
}

function exists(path: string, fs: FileSystem): boolean {
  return attempt(path, () => ifExists(() => fs.statSync(path))) !== undefined;
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, 'could not read', path);
  }
}

/** Service accounts were added in this version. */
const FIRST: ElasticsearchVersion = { major: 7, minor: 13 };

/**
 * Determines the server's version: the value of `--es-version`, else the version in the name of the distribution's jar.
 *
 * @param named the value of `--es-version`
 * @returns undefined if it cannot be determined
 * @throws USAGE if the named version is invalid, or has no service accounts
 */
export function findVersion(
  named: string | undefined,
  surroundings: Surroundings,
  fs: FileSystem,
): ElasticsearchVersion | undefined {
  if (named === undefined) {
    const home = surroundings.env['ES_HOME'];
    return home ? versionOfJar(absolutePath(join(home, 'lib'), surroundings), fs) : undefined;
  }
  const version = parseVersion(named);
  if (version === undefined) {
    throw new ServiceTokensError('USAGE', `[${named}] is not a version of Elasticsearch`, {
      hint: 'Use X.Y or X.Y.Z, as in --es-version 8.16.',
    });
  }
  if (!isAtLeast(version, FIRST)) {
    throw new ServiceTokensError(
      'USAGE',
      `Elasticsearch ${named} has no service accounts: they were added in 7.13`,
    );
  }
  return version;
}

function versionOfJar(directory: string, fs: FileSystem): ElasticsearchVersion | undefined {
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch {
    return undefined; // optional: without a version, every known account is accepted
  }
  const versions = names.flatMap(
    (name) => parseVersion(/^elasticsearch-(\d.*)\.jar$/.exec(name)?.[1] ?? '') ?? [],
  );
  return versions.find((version) => isAtLeast(version, FIRST));
}

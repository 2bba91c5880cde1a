import { join } from 'node:path';
import type { Document, Node, Pair } from 'yaml';
import { type Algorithm, defaultAlgorithm, parseAlgorithm } from './algorithm.js';
import { ServiceTokensError } from './errors.js';
import { fileError } from './file-errors.js';
import { errnoOf, type FileSystem, ifExists } from './file-system.js';

/** A setting from the command line, `-E key=value`. */
export interface Override {
  readonly key: string;
  readonly value: string;
}

/** The settings that decide how a token is hashed. */
export interface HashSettings {
  readonly algorithm: Algorithm;
  /** Whether FIPS mode is on, in which the server wants PBKDF2. */
  readonly fipsMode: boolean;
}

const ALGORITHM = 'xpack.security.authc.service_token_hashing.algorithm';
const FIPS_MODE = 'xpack.security.fips_mode.enabled';

/**
 * Reads the words that `-E` was given, each `key=value`.
 *
 * @throws USAGE, in the original's words, for an empty value, a key that comes twice, and path.home
 *
 * @example parseOverrides(['node.name=a=b']) // [{ key: 'node.name', value: 'a=b' }]
 */
export function parseOverrides(words: readonly string[]): Override[] {
  const overrides: Override[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    const [key, value] = equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    if (value === '') throw new ServiceTokensError('USAGE', `setting [${key}] must not be empty`);
    if (overrides.some((other) => other.key === key)) {
      throw new ServiceTokensError('USAGE', `setting [${key}] set twice via command line -E`);
    }
    overrides.push({ key, value });
  }
  // The original's scripts always name the home by a property of the JVM, so that -E never may.
  if (overrides.some(({ key }) => key === 'path.home')) {
    throw new ServiceTokensError(
      'USAGE',
      'setting [path.home] found via command-line -E and system property [es.path.home]',
    );
  }
  return overrides;
}

/**
 * Reads how tokens are to be hashed: from the overrides, else from elasticsearch.yml, else the server's default.
 *
 * @param configDir the directory of elasticsearch.yml, which may be missing
 * @param env the environment, for `${NAME}` and `${NAME:default}` in the file
 * @throws CONFIG for a file that the server could not load; INVALID_ALGORITHM; IO or PERMISSION
 */
export async function readHashSettings(
  configDir: string,
  overrides: readonly Override[],
  env: Readonly<Record<string, string | undefined>>,
  fs: FileSystem,
): Promise<HashSettings> {
  const settings = new Map([
    ...(await readYml(join(configDir, 'elasticsearch.yml'), env, fs)),
    ...(await readOverrides(overrides)),
  ]);
  for (const [key, value] of settings)
    if (key.startsWith('force.')) settings.set(key.slice('force.'.length), value);
  const algorithm = resolvePlaceholders(ALGORITHM, settings);
  return {
    algorithm: algorithm ? parseAlgorithm(algorithm) : defaultAlgorithm,
    fipsMode: resolvePlaceholders(FIPS_MODE, settings) === 'true',
  };
}

async function readYml(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  fs: FileSystem,
): Promise<Map<string, string>> {
  const text = readText(path, fs);
  if (text === undefined) return new Map();
  // The server replaces these in the text, before it parses it; other names stay for resolvePlaceholders.
  const substituted = text.replace(/\$\{([^{}:\r\n]*)(?::[^{}\r\n]*)?\}/g, (whole, name) =>
    Object.hasOwn(env, name) ? (env[name] ?? whole) : whole,
  );
  return flatten(substituted, `Failed to load settings from [${path}]`);
}

function readText(path: string, fs: FileSystem): string | undefined {
  let bytes: Buffer | undefined;
  const refuse = (reason: string) =>
    new ServiceTokensError('CONFIG', `Failed to load settings from [${path}]: ${reason}`);
  try {
    const stat = ifExists(() => fs.statSync(path));
    // A named pipe that nobody writes to would hold the command up for ever.
    if (stat && !stat.isFile() && !stat.isDirectory()) throw refuse('it is not a regular file');
    bytes = stat && fs.readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') throw refuse('it is a directory');
    if (errnoOf(error) === 'ELOOP') throw refuse('the symbolic links lead in a circle');
    throw fileError(error, 'could not read', path);
  }
  try {
    return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServiceTokensError('CONFIG', `Failed to load settings from [${path}]: it is not valid UTF-8`, {
      cause,
    });
  }
}

/** A value is YAML to the original, so that `bcrypt4 # faster` is `bcrypt4`. */
async function readOverrides(overrides: readonly Override[]): Promise<Map<string, string>> {
  const settings = new Map<string, string>();
  for (const { key, value } of overrides) {
    const flat = await flatten(`${key}: ${value}\n`, `Failed to read the setting -E ${key}`);
    for (const [name, text] of flat) settings.set(name, text);
  }
  return settings;
}

/** Loads yaml, which takes time, when it is first needed, and only once: later its files may not be readable. */
export function loadYaml(): Promise<typeof import('yaml')> {
  yaml ??= import('yaml');
  return yaml;
}

let yaml: Promise<typeof import('yaml')> | undefined;

/** Reads YAML into dotted keys; scalars keep their text; a list becomes `[a, b]`. */
async function flatten(text: string, failure: string): Promise<Map<string, string>> {
  const { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } = await loadYaml();
  const lineCounter = new LineCounter();
  const fail = (reason: string, offset?: number): never => {
    const at = offset === undefined ? undefined : lineCounter.linePos(offset);
    const where = at === undefined ? '' : ` at line ${at.line}, column ${at.col}`;
    throw new ServiceTokensError('CONFIG', `${failure}: ${reason}${where}`);
  };
  // The failsafe schema keeps every scalar's text: 010 stays 010.
  const parsed = parseAllDocuments(text, {
    schema: 'failsafe',
    lineCounter,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents: Document[] = 'empty' in parsed ? [] : [...parsed];
  for (const { errors } of documents) {
    // Only the kind of error: yaml's own messages quote the file, which may hold secrets.
    const [error] = errors;
    if (error) fail(error.code.toLowerCase().replaceAll('_', ' '), error.pos[0]);
  }
  if (documents.length > 1) fail('more than one document', documents[1]?.range?.[0]);

  const settings = new Map<string, string>();
  const textOf = (key: string, node: Node | null): string => {
    if (isAlias(node)) return node.source; // the server's YAML parser follows no alias: it is text
    if (isScalar(node) && !(node.type === 'PLAIN' && /^(?:|~|null|Null|NULL)$/.test(node.source ?? ''))) {
      return String(node.value);
    }
    if (isSeq(node)) return `[${node.items.map((item) => textOf(key, item as Node)).join(', ')}]`;
    if (isMap(node)) return fail(`a list of maps in setting [${key}]`, node.range?.[0]);
    return fail(`null-valued setting found for key [${key}]`, node?.range?.[0]);
  };
  const collect = (prefix: string, node: Node | null): void => {
    if (!isMap(node)) {
      settings.set(prefix, textOf(prefix, node));
      return;
    }
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key)
        ? String(pair.key.value)
        : fail('a key that is no text', pair.key.range?.[0]);
      collect(prefix === '' ? key : `${prefix}.${key}`, pair.value);
    }
  };
  for (const document of documents) {
    if (document.contents === null || (isScalar(document.contents) && document.contents.source === ''))
      continue;
    if (!isMap(document.contents)) fail('it holds no settings', document.contents.range?.[0]);
    collect('', document.contents);
  }
  return settings;
}

/** Replaces `${other.setting}` and `${other.setting:default}` in a setting's value, from the innermost to the outermost. */
function resolvePlaceholders(
  key: string,
  settings: ReadonlyMap<string, string>,
  visiting: readonly string[] = [],
): string | undefined {
  let value = settings.get(key);
  for (let match = PLACEHOLDER.exec(value ?? ''); match; match = PLACEHOLDER.exec(value ?? '')) {
    const [placeholder, name = '', fallback] = match;
    if (visiting.includes(name) || name === key) {
      throw new ServiceTokensError(
        'CONFIG',
        `Circular placeholder reference '${name}' in property definitions`,
      );
    }
    const found = resolvePlaceholders(name, settings, [...visiting, key]) ?? fallback;
    if (found === undefined) {
      throw new ServiceTokensError('CONFIG', `Could not resolve placeholder '${name}'`, {
        hint: `Setting [${key}] names neither an environment variable nor another setting.`,
      });
    }
    value = value?.replace(placeholder, () => found);
  }
  return value;
}

const PLACEHOLDER = /\$\{([^{}:]*)(?::([^{}]*))?\}/;

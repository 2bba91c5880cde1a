import { join } from 'node:path';
import { closestSetting } from '../did-you-mean.js';
import { openRegular, readBounded } from '../disk/bounded-read.js';
import { fileError } from '../disk/file-errors.js';
import { errnoOf, type FileSystem, ifExists } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { type Algorithm, defaultAlgorithm, findAlgorithm, invalidAlgorithm } from '../hash/algorithm.js';
import { type PlaceholderFault, replacePlaceholders, type SettingValue, textOf } from './placeholders.js';
import { SUBSTITUTED_LIMIT, substituteVariables } from './variables.js';
import { readYamlSettings } from './yaml-settings.js';

/** A setting from the command line, `-E key=value`. */
export interface Override {
  readonly key: string;
  readonly value: string;
}

/** The settings that decide how a token is hashed. */
export interface HashSettings {
  readonly algorithm: Algorithm;
  /** Whether FIPS mode is on, which requires PBKDF2. */
  readonly fipsMode: boolean;
  /** Probable misspellings on the command line, and the setting that was meant. */
  readonly misspelled: readonly { readonly name: string; readonly meant: string }[];
}

const ALGORITHM = 'xpack.security.authc.service_token_hashing.algorithm';
const FIPS_MODE = 'xpack.security.fips_mode.enabled';

/** The maximum size of elasticsearch.yml, in bytes. */
const SIZE_LIMIT = 16 * 1024 * 1024;

/** A source of settings. */
interface Source {
  /** The name, as in `in [path]`. */
  readonly name: string;
  /** The position of an offset, as text to append to a message. */
  where(at: number): string;
  /** Whether a part of the text comes from the source itself, and not from an environment variable. */
  isLiteral(at: number, end: number): boolean;
}

/** A setting, and the source of its value. */
interface Setting {
  value: SettingValue;
  readonly source: Source;
  readonly at: number;
  readonly end: number;
}

/** By their dotted names. */
type Settings = Map<string, Setting>;

/**
 * Parses the values of `-E`, each `key=value`.
 *
 * @throws USAGE, with the original's message, for an empty value, a repeated key, and path.home
 *
 * @example parseOverrides(['node.name=a=b']) // [{ key: 'node.name', value: 'a=b' }]
 */
export function parseOverrides(words: readonly string[]): Override[] {
  const overrides = new Map<string, Override>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const [key, value] = equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    if (value === '') throw new ServiceTokensError('USAGE', `setting [${key}] must not be empty`);
    if (overrides.has(key)) {
      throw new ServiceTokensError('USAGE', `setting [${key}] set twice via command line -E`);
    }
    overrides.set(key, { key, value });
  }
  // The original's scripts always set the home as a JVM system property, so -E conflicts with it.
  if (overrides.has('path.home')) {
    throw new ServiceTokensError(
      'USAGE',
      'setting [path.home] found via command-line -E and system property [es.path.home]',
    );
  }
  return [...overrides.values()];
}

/**
 * Reads the settings for hashing tokens: from the overrides, else from elasticsearch.yml, else the server's default.
 * The server must be able to load every setting of the file and of the overrides.
 *
 * @param configDir the directory of elasticsearch.yml, which may be missing; undefined reads no file
 * @param env the environment, for `${NAME}` in the file
 * @throws CONFIG for settings that the server could not load; INVALID_ALGORITHM; IO or PERMISSION. elasticsearch.yml
 *   may be a symlink to a file of secrets. So messages contain no value, except an algorithm that is written literally,
 *   and no name, except those of the overrides and those read here
 */
export async function readHashSettings(
  configDir: string | undefined,
  overrides: readonly Override[],
  env: Readonly<Record<string, string | undefined>>,
  fs: FileSystem,
): Promise<HashSettings> {
  const settings: Settings = new Map();
  if (configDir !== undefined) {
    const path = join(configDir, 'elasticsearch.yml');
    const yml = readText(path, fs);
    if (yml !== undefined) addAll(settings, readYml(path, yml, env));
  }
  const fromOverrides = overrides.flatMap((override) => [...readOverride(override)]);
  addAll(settings, new Map(fromOverrides));
  applyForced(settings);
  const written = settings.get(ALGORITHM)?.value;
  replacePlaceholders(settings, (name, fault) => {
    throw placeholderError(name, settings.get(name) as Setting, fault, overrides);
  });
  gatherLists(settings, settings);

  return {
    algorithm: algorithmOf(settings, written),
    fipsMode: settings.get(FIPS_MODE)?.value === 'true',
    misspelled: fromOverrides.flatMap(([name]) => misspelled(name)),
  };
}

/** @param written the value before its placeholders were replaced */
function algorithmOf(settings: Settings, written: SettingValue | undefined): Algorithm {
  const setting = settings.get(ALGORITHM);
  if (setting === undefined) return defaultAlgorithm;
  const text = textOf(setting.value);
  const algorithm = findAlgorithm(text);
  if (algorithm !== undefined) return algorithm;
  const isLiteral = written !== undefined && textOf(written) === text;
  const isShown = isLiteral && setting.source.isLiteral(setting.at, setting.end);
  throw invalidAlgorithm(isShown ? text : 'the value comes from a placeholder and is not shown');
}

function misspelled(name: string): HashSettings['misspelled'] {
  const meant = closestSetting(name.replace(/^force\./, ''), [ALGORITHM, FIPS_MODE]);
  return meant === undefined ? [] : [{ name, meant }];
}

// Reading.

function readText(path: string, fs: FileSystem): string | undefined {
  const refuse = (reason: string, cause?: unknown) =>
    new ServiceTokensError('CONFIG', `Failed to load settings from [${path}]: ${reason}`, { cause });
  let bytes: Buffer | undefined;
  try {
    const opened = ifExists(() => openRegular(fs, path));
    if (opened === undefined) return undefined;
    if (opened.fd === undefined) throw refuse(`it is ${opened.kind}`);
    try {
      bytes = readBounded(fs, opened.fd, SIZE_LIMIT);
      if (bytes.length > SIZE_LIMIT) {
        const size = Math.max(opened.stat.size, bytes.length);
        throw refuse(`it has ${size} bytes, and the limit is ${SIZE_LIMIT} bytes (16 MiB)`);
      }
    } finally {
      fs.closeSync(opened.fd);
    }
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw refuse('too many levels of symlinks');
    throw fileError(error, 'could not read', path);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refuse('it is not valid UTF-8', cause);
  }
}

function readYml(path: string, yml: string, env: Readonly<Record<string, string | undefined>>): Settings {
  const failure = `Failed to load settings from [${path}]`;
  const substituted = substituteVariables(yml, env);
  if (substituted === undefined) {
    throw new ServiceTokensError(
      'CONFIG',
      `${failure}: it is longer than ${SUBSTITUTED_LIMIT} characters after environment variables are replaced`,
    );
  }
  const { text, placeOf, isLiteral } = substituted;
  const where = (at: number) => {
    const { line, column } = placeOf(at);
    return ` at line ${line}, column ${column}`;
  };
  return readYaml(text, failure, { name: `[${path}]`, where, isLiteral });
}

/** The original parses the value as YAML, so `bcrypt4 # faster` is `bcrypt4`. */
function readOverride({ key, value }: Override): Settings {
  const source: Source = { name: `-E ${key}`, where: () => '', isLiteral: () => true };
  return readYaml(`${key}: ${value}\n`, `Failed to read the setting -E ${key}`, source);
}

function readYaml(text: string, failure: string, source: Source): Settings {
  const settings = readYamlSettings(text, (reason, at) => {
    throw new ServiceTokensError('CONFIG', `${failure}: ${reason}${source.where(at)}`);
  });
  return new Map(settings.map(({ name, value, at, end }) => [name, { value, source, at, end }]));
}

// Merging, in the order of the server.

/** Adds the settings of one source: the file, or the command line. */
function addAll(settings: Settings, added: Settings): void {
  gatherLists(added, added);
  gatherLists(added, settings);
  for (const [name, setting] of added) settings.set(name, setting);
}

/** Combines `a.0`, `a.1` and so on, as far as `from` has them, to the list `a`. */
function gatherLists(settings: Settings, from: Settings): void {
  for (const first of [...settings.keys()].filter((name) => name.endsWith('.0')).sort()) {
    const list = first.slice(0, -'.0'.length);
    const { source, at, end } = settings.get(first) as Setting;
    if (settings.has(list)) {
      throw new ServiceTokensError(
        'CONFIG',
        `A setting and the first item of its list, whose name ends in .0, cannot both be set, in ${source.name}${source.where(at)}`,
      );
    }
    const items: string[] = [];
    for (
      let name = first, item = from.get(name);
      item;
      name = `${list}.${items.length}`, item = from.get(name)
    ) {
      items.push(textOf(item.value));
      settings.delete(name);
    }
    settings.set(list, { value: items, source, at, end });
  }
}

/** Moves `force.a` to `a`, which it overrides. */
function applyForced(settings: Settings): void {
  for (const forced of [...settings.keys()].filter((name) => name.startsWith('force.')).sort()) {
    const setting = settings.get(forced) as Setting;
    settings.delete(forced);
    settings.set(forced.slice('force.'.length), { ...setting, value: textOf(setting.value) });
  }
}

function placeholderError(
  name: string,
  { source, at }: Setting,
  fault: PlaceholderFault,
  overrides: readonly Override[],
): ServiceTokensError {
  const setting = [ALGORITHM, FIPS_MODE].includes(name) ? `setting [${name}]` : 'the setting';
  return new ServiceTokensError(
    'CONFIG',
    `Failed to replace property placeholders from ${source.name}: ${reasonOf(fault, overrides)}, in ${setting}${source.where(at)}`,
    {
      hint:
        fault.kind === 'unresolved'
          ? 'A placeholder refers to another setting or, in elasticsearch.yml and without a default, to an environment variable.'
          : undefined,
    },
  );
}

function reasonOf(fault: PlaceholderFault, overrides: readonly Override[]): string {
  switch (fault.kind) {
    case 'unresolved':
      return `could not resolve ${nameOf(fault.name, overrides)}`;
    case 'circular':
      return `circular reference in ${nameOf(fault.name, overrides)}`;
    case 'too deep':
      return `placeholders are more than ${fault.limit} levels deep`;
    case 'too large':
      return `a value is longer than ${fault.limit} characters after placeholders are replaced`;
    case 'too many':
      return `placeholders insert more than ${fault.limit} characters`;
  }
}

/** The name of a placeholder is part of a value, so it is shown only if it comes from the command line. */
function nameOf(name: string, overrides: readonly Override[]): string {
  return overrides.some(({ value }) => value.includes(`\${${name}`))
    ? `placeholder '${name}'`
    : 'a placeholder';
}

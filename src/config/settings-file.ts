import { hostname } from 'node:os';
import { type Reader, readThrough } from '../access/trusted-read.js';
import { openRegular, readBounded } from '../disk/bounded-read.js';
import { attempt } from '../disk/file-errors.js';
import { errnoOf, type FileSystem, ifExists } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { below } from '../paths.js';
import { ALGORITHM } from './overrides.js';

/** The maximum size of elasticsearch.yml, in bytes; and of its text with environment variables, in characters. */
const SIZE_LIMIT = 256 * 1024;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface SettingsFile {
  readonly path: string;
  readonly text: string;
}

/** Reads elasticsearch.yml, if there is one. @throws CONFIG if it is too large, no regular file or not UTF-8; IO; PERMISSION */
export function readSettingsFile(
  configDir: string,
  fs: FileSystem,
  reader?: Reader,
): SettingsFile | undefined {
  const path = below(configDir, 'elasticsearch.yml');
  let bytes: Buffer | undefined;
  try {
    const read = (as: FileSystem, target: string) =>
      attempt(as, 'could not read', path, () => readYml(as, target, path));
    bytes = readThrough(fs, path, read, reader);
  } catch (error) {
    const isCircular = error instanceof ServiceTokensError && errnoOf(error.cause) === 'ELOOP';
    throw isCircular ? notLoaded(path, 'too many levels of symlinks') : error;
  }
  if (bytes === undefined) return undefined;
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (cause) {
    throw notLoaded(path, 'it is not valid UTF-8', cause);
  }
}

/** @param target the file @param path the same, as it is named in messages */
function readYml(fs: FileSystem, target: string, path: string): Buffer | undefined {
  const opened = ifExists(() => openRegular(fs, target));
  if (opened === undefined) return undefined;
  if (opened.fd === undefined) throw notLoaded(path, `it is ${opened.kind}`);
  try {
    const bytes = readBounded(fs, opened.fd, SIZE_LIMIT);
    if (bytes.length <= SIZE_LIMIT) return bytes;
    const size = Math.max(Number(opened.stat.size), bytes.length);
    throw notLoaded(path, `it has ${size} bytes, and the limit is ${SIZE_LIMIT} bytes (256 KiB)`);
  } finally {
    fs.closeSync(opened.fd);
  }
}

/**
 * Replaces `${NAME}` by environment variables, as the server does before it parses the file: line by line, also in
 * comments. `NAME` is everything up to the first closing brace. Other placeholders are left as they are. A line may end
 * with CRLF or CR, and YAML 1.1 has more line breaks.
 */
export function substituteVariables({ path, text }: SettingsFile, env: Environment): string {
  let length = text.length;
  return text
    .replace(/\r\n?|[\x85\u2028\u2029]/g, '\n')
    .replace(/\$\{([^}\n]*)(}?)/g, (whole, name: string, brace: string) => {
      const value = (brace ? variable(name, env) : undefined) ?? whole;
      length += value.length - whole.length;
      if (length > SIZE_LIMIT)
        throw notLoaded(path, `environment variables make it longer than ${SIZE_LIMIT} characters`);
      return value;
    });
}

/** The original's launcher exports HOSTNAME, which cron and systemd do not. */
function variable(name: string, env: Environment): string | undefined {
  if (Object.hasOwn(env, name) && env[name] !== undefined) return env[name];
  return name === 'HOSTNAME' ? hostname() : undefined;
}

/** The error for a file that the server could not load either. @param reason contains no part of the file */
export function notLoaded(path: string, reason: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('CONFIG', `Failed to load settings from [${path}]: ${reason}`, {
    hint: `To do without the file, name the algorithm: -E ${ALGORITHM}=pbkdf2_stretch`,
    cause,
  });
}

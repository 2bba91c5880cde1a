import { resolvePath } from '../access/resolved-path.js';
import { readSnapshot } from '../disk/atomic-file.js';
import { type FileSystem, ignoreFailure } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';

/** The environment files of Elastic's packages, for Debian's and for Red Hat's family. */
const FILES = ['/etc/default/elasticsearch', '/etc/sysconfig/elasticsearch'];
/** The maximum size of such a file, in bytes; the packages' own has 2 KiB. */
const SIZE_LIMIT = 256 * 1024;

/** A line that assigns ES_PATH_CONF, and its value with quotes and a comment. */
const ASSIGNMENT = /^\s*(?:export\s+)?ES_PATH_CONF=(.*)$/;
/** What a shell reads as one word and a comment: plain characters, escaped ones, and quotes. */
const WORD = /^((?:[^\s'"\\;&|<>()]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*)\s*(?:\s#.*)?$/;

/** The ES_PATH_CONF of an environment file, not empty. */
export interface PackageEnvironment {
  readonly source: string;
  readonly path: string;
  /** Whether only root can change the file. */
  readonly isTrusted: boolean;
}

/**
 * Reads ES_PATH_CONF, if it is set, from the environment file of a package, which the server and the original's commands
 * read. Nothing in it is executed. @throws CONFIG if only root can change the file, and only a shell could tell the value
 */
export function readPackageEnvironment(fs: FileSystem): PackageEnvironment | undefined {
  for (const source of FILES) {
    const found = ignoreFailure(() => readFile(source, fs));
    if (found === undefined) continue;
    const { text, isTrusted } = found;
    const path = pathConfIn(text, (line, reason) => {
      if (!isTrusted) return undefined;
      const message = `could not read ES_PATH_CONF in line ${line} of [${source}]: ${reason}`;
      throw new ServiceTokensError('CONFIG', message, { hint: 'Use --config-dir DIR, or set ES_PATH_CONF.' });
    });
    return path ? { source, path, isTrusted } : undefined;
  }
  return undefined;
}

function readFile(file: string, fs: FileSystem): { text: string; isTrusted: boolean } | undefined {
  const { target, modifiers } = resolvePath(fs, file);
  const found = readSnapshot(fs, target, { limit: SIZE_LIMIT });
  if (found === undefined) return undefined;
  const { uid, mode } = found.attributes;
  const isTrusted = modifiers.length === 0 && uid === 0 && (mode & 0o022) === 0;
  return { text: found.bytes.toString('utf8'), isTrusted };
}

function pathConfIn(text: string, refuse: (line: number, reason: string) => undefined): string | undefined {
  let value: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*#/.test(line) || !/\bES_PATH_CONF:?=/.test(line)) continue;
    const assigned = ASSIGNMENT.exec(line)?.[1];
    const word = assigned === undefined ? undefined : WORD.exec(assigned)?.[1];
    if (/[$`]/.test(word ?? line)) return refuse(index + 1, 'only a shell can replace $ or a backquote');
    if (word === undefined || word.startsWith('~')) return refuse(index + 1, 'it is not a plain assignment');
    value = word.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
      (_, single?: string, double?: string, escaped?: string) =>
        single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? '',
    );
  }
  return value;
}

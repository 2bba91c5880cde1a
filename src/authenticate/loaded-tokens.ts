import { type Reader, readTrusted } from '../access/trusted-read.js';
import { MAX_FILE_BYTES } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { FileContent } from '../tokens-file/file-content.js';

/** The content of a tokens file, as a node loads it. */
export interface LoadedTokens {
  /** Stored hashes by qualified name. */
  readonly entries: ReadonlyMap<string, string>;
  /** Why the file cannot be read; there are no entries then. */
  readonly error?: ServiceTokensError;
}

/** The effect of a change on the tokens. Each list has qualified names, in the order of their UTF-16 code units. */
export interface Reload {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The tokens whose stored hash has changed. */
  readonly changed: readonly string[];
  /** Set if the server could not read the file: it then drops every token, and `removed` contains them. */
  readonly error?: ServiceTokensError;
}

/** Loads a tokens file as a node does: a missing file is empty. Symlinks of a third user are not followed. */
export function loadTokens(fs: FileSystem, path: string, reader?: Reader): LoadedTokens {
  try {
    const bytes = readTrusted(fs, path, MAX_FILE_BYTES, reader)?.bytes ?? new Uint8Array();
    return { entries: FileContent.parse(bytes, path).entries() };
  } catch (error) {
    return { entries: new Map(), error: asOurs(error, path) };
  }
}

/** Errors other than failed system calls are limits of Node, such as the length of a string or an array. */
function asOurs(error: unknown, path: string): ServiceTokensError {
  if (error instanceof ServiceTokensError) return error;
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  const message = `could not read [${path}]: it cannot be processed (${String(code ?? name)})`;
  return new ServiceTokensError('IO', message, { cause: error });
}

/** Compares two states of the file. @returns undefined if the tokens are the same */
export function compareTokens(before: LoadedTokens, after: LoadedTokens): Reload | undefined {
  const [old, now] = [before.entries, after.entries];
  const added = [...now.keys()].filter((name) => !old.has(name)).sort();
  const removed = [...old.keys()].filter((name) => !now.has(name)).sort();
  const changed = [...now.keys()].filter((name) => old.has(name) && old.get(name) !== now.get(name)).sort();
  const isSameError =
    before.error?.code === after.error?.code && before.error?.message === after.error?.message;
  if (added.length + removed.length + changed.length === 0 && isSameError) return undefined;
  return { added, removed, changed, ...(after.error && { error: after.error }) };
}

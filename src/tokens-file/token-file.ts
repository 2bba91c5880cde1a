import { basename } from 'node:path';
import { chooseIdentity, type IdentityOptions, missingDirectory } from '../access/identity.js';
import { type OpenedDirectory, openDirectory } from '../access/opened-directory.js';
import { type ResolvedPath, resolvePath } from '../access/resolved-path.js';
import { requireTrustedLinks } from '../access/symlinks.js';
import {
  type AttributeChoice,
  type Attributes,
  createFile,
  fileExists,
  readSnapshot,
  removeFile,
  replaceFile,
  requireUnchanged,
  type Snapshot,
  syncDirectoryOf,
  tryToCreate,
  type Written,
} from '../disk/atomic-file.js';
import { requireName } from '../disk/caller-descriptor.js';
import { attempt } from '../disk/file-errors.js';
import { errnoOf, type FileSystem, ifExists, ignoreFailure, sameFile } from '../disk/file-system.js';
import { removeSecondName, removeTemporaryFiles } from '../disk/lock-leftovers.js';
import { ServiceTokensError } from '../errors.js';

/** The maximum size of a file that is replaced, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The file to which a new token is written, `--token-file`.
 *
 * The identity is chosen for its own directory: if other users can change the path, root acts as the owner of the
 * directory (see identity.ts). The directory is kept open, so that every call works on the same one. A new file is
 * private from its first byte; a replaced file keeps its owner, group and mode.
 */
export class TokenFile {
  readonly path: string;
  readonly #resolved: ResolvedPath;
  readonly #fs: FileSystem;
  readonly #opened: OpenedDirectory;
  /** The last written file, and the file before. */
  #last: { readonly written: Written; readonly before: Snapshot | undefined } | undefined;

  private constructor(path: string, resolved: ResolvedPath, opened: OpenedDirectory) {
    this.path = path;
    this.#resolved = resolved;
    this.#fs = opened.fs;
    this.#opened = opened;
  }

  /**
   * Opens the directory of a token file; the file itself need not exist.
   *
   * @param path an absolute path
   * @throws USAGE for a descriptor; CANNOT_REPLACE if the directory does not exist; IO or PERMISSION
   */
  static open(path: string, options: IdentityOptions, fs: FileSystem): TokenFile {
    requireName(path);
    const resolved = resolvePath(fs, path);
    if (resolved.directory === undefined) throw missingDirectory(path);
    const identity = chooseIdentity(resolved, options, fs);
    const file = new TokenFile(path, resolved, openDirectory(resolved, identity, fs));
    try {
      if (!(fs.geteuid() === 0 && options.trustDirectory))
        requireTrustedLinks(resolved, fs, file.#fs.geteuid());
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The path of the file itself if `path` is a symlink. */
  get target(): string {
    return this.#resolved.target;
  }

  /** Whether a path leads to the same file. */
  isAt({ directory, target }: ResolvedPath): boolean {
    const own = this.#resolved.directory;
    return (
      own !== undefined &&
      directory !== undefined &&
      sameFile(own, directory) &&
      basename(this.target) === basename(target)
    );
  }

  /** Whether anything with this name exists, including a dangling symlink. */
  get exists(): boolean {
    const { linkChain } = this.#resolved;
    return (
      linkChain.length > 1 || this.#call(() => ifExists(() => this.#fs.lstatSync(this.target)) !== undefined)
    );
  }

  /** @throws FILE_EXISTS if the file exists */
  requireAbsent(): void {
    if (this.exists) throw fileExists(this.path);
  }

  /**
   * Reads the file.
   *
   * @returns its text; undefined if it does not exist
   * @throws IO if it is not a regular file or exceeds 16 MiB; PERMISSION
   */
  read(): string | undefined {
    return this.#call(() => this.#snapshot())?.bytes.toString('utf8');
  }

  /**
   * Tries whether the file could be written, with a temporary file that it removes.
   *
   * @throws CANNOT_REPLACE, PERMISSION or IO
   */
  requireWritable(): void {
    this.#call(() => {
      this.#snapshot();
      tryToCreate(this.#fs, this.target);
    });
  }

  /** Removes the temporary name of the file, which a process that was killed while it made the file may have left. */
  removeSecondName(): void {
    ignoreFailure(() => this.#call(() => removeSecondName(this.#fs, this.target)));
  }

  /**
   * Writes the file, as a whole or not at all.
   *
   * @param replace whether an existing file may be replaced
   * @throws FILE_EXISTS, CANNOT_REPLACE, PERMISSION or IO; the file is then unchanged
   */
  write(text: string, { replace }: { readonly replace: boolean }): void {
    if (!replace) this.requireAbsent();
    const content = [Buffer.from(text)];
    this.#call(() => {
      removeTemporaryFiles(this.#fs, this.target);
      const before = replace ? this.#snapshot() : undefined;
      const written =
        before === undefined
          ? createFile(this.#fs, this.target, content, ownedBy)
          : replaceFile(this.#fs, this.target, content, this.#asBefore(before));
      this.#last = { written, before };
      try {
        syncDirectoryOf(this.#fs, this.target);
      } catch (error) {
        this.takeBack();
        throw error;
      }
    });
  }

  /** Restores the file as it was before the last write, if possible. */
  takeBack(): void {
    const last = this.#last;
    if (last === undefined) return;
    ignoreFailure(() =>
      this.#call(() => {
        const { written, before } = last;
        if (before === undefined) removeFile(this.#fs, this.target, written);
        else {
          requireUnchanged(this.#fs, this.target, written);
          replaceFile(this.#fs, this.target, [before.bytes], before.attributes);
        }
      }),
    );
  }

  /** Whether every user of the system can read the written file. */
  get isOpenToOthers(): boolean {
    return ((this.#last?.written.attributes.mode ?? 0) & 0o004) !== 0;
  }

  close(): void {
    this.#opened.close();
  }

  /** Another user's file becomes ours: of its access, only that of a group which we share is kept. */
  #asBefore({ attributes }: Snapshot): Attributes | AttributeChoice {
    const { uid, gid, mode } = attributes;
    const canKeepOwner = [0, uid].includes(this.#fs.geteuid());
    return canKeepOwner ? attributes : (born) => ({ uid: born.uid, gid, mode: 0o600 | (mode & 0o070) });
  }

  #snapshot(): Snapshot | undefined {
    return readSnapshot(this.#fs, this.target, { limit: MAX_BYTES });
  }

  #call<T>(calls: () => T): T {
    try {
      return attempt(this.#fs, 'could not write', this.path, calls);
    } catch (error) {
      throw withOwnHint(error);
    }
  }
}

/** What the hints of failed system calls advise, such as --in-place and --file, is for the tokens file. */
function withOwnHint(error: unknown): unknown {
  const isOfSystem =
    error instanceof ServiceTokensError &&
    ['CANNOT_REPLACE', 'PERMISSION'].includes(error.code) &&
    errnoOf(error.cause) !== undefined;
  if (!isOfSystem) return error;
  const { code, message, cause } = error;
  return new ServiceTokensError(code, message, {
    hint: 'Name a token file in a directory where you can create files.',
    cause,
  });
}

function ownedBy(born: Attributes): Attributes {
  return { ...born, mode: 0o600 };
}

import { basename, join } from 'node:path';
import {
  type FileSystem,
  ifExists,
  ignoreFailure,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  sameFile,
} from './file-system.js';

/**
 * An open directory. It stays the same one even if its name is exchanged.
 *
 * Node has no openat(2) and unlinkat(2), but Linux resolves `/proc/self/fd/N/name` in the open directory N. Without
 * /proc, the path of the directory is used, and a user who may exchange the directory can redirect it.
 */
export class OpenDirectory {
  readonly fd: number;
  readonly #fs: FileSystem;
  readonly #throughDescriptor: string | undefined;
  #path: string;

  /**
   * @param path a symlink in its last part is not followed
   * @throws what open(2) throws: ENOENT; ENOTDIR or ELOOP for a symlink and anything else that is not a directory
   */
  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.#path = path;
    this.fd = fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    this.#throughDescriptor = descriptorPath(fs, this.fd);
  }

  /** The path of a name in this directory, for a system call that does not follow a symlink in the last part. */
  within(name: string): string {
    return join(this.#throughDescriptor ?? this.#path, basename(name));
  }

  /** Lists the directory; nothing if it was removed. */
  names(): string[] {
    return ifExists(() => this.#fs.readdirSync(this.#throughDescriptor ?? this.#path)) ?? [];
  }

  /** To be called after the directory was renamed. */
  movedTo(path: string): void {
    this.#path = path;
  }

  /** Removes the directory if it is empty; another directory in its place is left alone. */
  removeIfEmpty(): void {
    ignoreFailure(() => {
      if (this.#isExchanged()) return;
      this.#fs.rmdirSync(this.#path);
    });
  }

  close(): void {
    ignoreFailure(() => this.#fs.closeSync(this.fd)); // nothing was written
  }

  #isExchanged(): boolean {
    try {
      return !sameFile(
        this.#fs.lstatSync(this.#path, { bigint: true }),
        this.#fs.fstatSync(this.fd, { bigint: true }),
      );
    } catch {
      return false; // rmdir(2) will fail, too
    }
  }
}

function descriptorPath(fs: FileSystem, fd: number): string | undefined {
  const path = `/proc/self/fd/${fd}`;
  try {
    const isIt = sameFile(fs.statSync(path, { bigint: true }), fs.fstatSync(fd, { bigint: true }));
    return isIt ? path : undefined;
  } catch {
    return undefined;
  }
}

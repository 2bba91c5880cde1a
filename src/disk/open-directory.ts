import { basename, join } from 'node:path';
import { type FileIdentity, type FileSystem, ifExists, ignoreFailure, O, sameFile } from './file-system.js';

/**
 * An open directory. It stays the same one even if its name is exchanged.
 *
 * Node has no openat(2) and unlinkat(2), but Linux resolves `/proc/self/fd/N/name` in the open directory N. Without
 * /proc, the path of the directory is used, and a user who may exchange the directory can redirect it.
 */
export class OpenDirectory {
  readonly fd: number;
  readonly #fs: FileSystem;
  readonly #throughDescriptor?: string;
  #path: string;

  /**
   * @param path a symlink in its last part is not followed
   * @param access O.RDONLY, or O.PATH, which needs no permission on the directory
   * @throws what open(2) throws: ENOENT; ENOTDIR or ELOOP for a symlink and anything else that is not a directory
   */
  constructor(fs: FileSystem, path: string, access = O.RDONLY) {
    this.#fs = fs;
    this.#path = path;
    this.fd = fs.openSync(path, access | O.DIRECTORY | O.NOFOLLOW | O.NONBLOCK);
    const descriptor = `/proc/self/fd/${this.fd}`;
    if (this.#isAt(() => fs.statSync(descriptor, { bigint: true }))) this.#throughDescriptor = descriptor;
  }

  /** Whether names are looked up in this directory even if its own name is exchanged: not without /proc. */
  get isPinned(): boolean {
    return this.#throughDescriptor !== undefined;
  }

  /** The path of a name in it, for a system call that does not follow a symlink in the last part. */
  within(name: string): string {
    return join(this.#throughDescriptor ?? this.#path, basename(name));
  }

  /** Lists the directory; nothing if it was removed. */
  names(): string[] {
    return ifExists(() => this.#fs.readdirSync(this.#throughDescriptor ?? this.#path)) ?? [];
  }

  movedTo(path: string): void {
    this.#path = path;
  }

  /** Removes the directory if it is empty, but not another one in its place. */
  removeIfEmpty(): void {
    const isExchanged = this.#isAt(() => this.#fs.lstatSync(this.#path, { bigint: true })) === false;
    if (!isExchanged) ignoreFailure(() => this.#fs.rmdirSync(this.#path));
  }

  close(): void {
    ignoreFailure(() => this.#fs.closeSync(this.fd)); // nothing was written
  }

  /** Whether what is found is this directory; undefined if that cannot be determined. */
  #isAt(stat: () => FileIdentity): boolean | undefined {
    return ignoreFailure(() => sameFile(stat(), this.#fs.fstatSync(this.fd, { bigint: true })));
  }
}

export function inDirectoryAt<T>(fs: FileSystem, path: string, work: (directory: OpenDirectory) => T): T {
  const directory = new OpenDirectory(fs, path);
  try {
    return work(directory);
  } finally {
    directory.close();
  }
}

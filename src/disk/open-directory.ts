import { basename, join } from 'node:path';
import {
  type FileSystem,
  ifExists,
  ignoreFailure,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
} from './file-system.js';

/**
 * A directory that stays the same one, whatever others put in its name's place meanwhile.
 *
 * Node has no openat(2) and unlinkat(2). Linux resolves `/proc/self/fd/N/name` in the open directory N, which is as
 * good. Where there is no /proc, the directory's path serves, and whoever may exchange the directory may mislead us.
 */
export class OpenDirectory {
  readonly fd: number;
  readonly #fs: FileSystem;
  readonly #throughDescriptor: string | undefined;
  #path: string;

  /**
   * @param path a link in its last part is not followed
   * @throws what open(2) throws: ENOENT; ENOTDIR or ELOOP for a link and whatever else is not a directory
   */
  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.#path = path;
    this.fd = fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    this.#throughDescriptor = descriptorPath(fs, this.fd);
  }

  /** The path of a name in this directory, for one system call that does not follow links in the last part. */
  within(name: string): string {
    return join(this.#throughDescriptor ?? this.#path, basename(name));
  }

  /** What is in it; nothing when it was removed. */
  names(): string[] {
    return ifExists(() => this.#fs.readdirSync(this.#throughDescriptor ?? this.#path)) ?? [];
  }

  /** To be told when it was renamed. */
  movedTo(path: string): void {
    this.#path = path;
  }

  /** Removes the directory under its present name if it is empty; another directory in its place stays. */
  removeIfEmpty(): void {
    ignoreFailure(() => {
      if (this.#isExchanged()) return;
      this.#fs.rmdirSync(this.#path);
    });
  }

  close(): void {
    ignoreFailure(() => this.#fs.closeSync(this.fd)); // nothing was written through it
  }

  #isExchanged(): boolean {
    try {
      return !isSameFile(
        this.#fs.lstatSync(this.#path, { bigint: true }),
        this.#fs.fstatSync(this.fd, { bigint: true }),
      );
    } catch {
      return false; // then rmdir(2) says what is wrong
    }
  }
}

/** What tells one file from every other, as bigints where numbers are too short. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

function descriptorPath(fs: FileSystem, fd: number): string | undefined {
  const path = `/proc/self/fd/${fd}`;
  try {
    const isIt = isSameFile(fs.statSync(path, { bigint: true }), fs.fstatSync(fd, { bigint: true }));
    return isIt ? path : undefined;
  } catch {
    return undefined;
  }
}

import chokidar, { type FSWatcher } from 'chokidar';
import { MAX_TIMER } from '../require.js';
import type { FileSystem } from './file-system.js';
import { walkPath } from './path-walk.js';

/** Far longer than a watch takes to open. Chokidar reports nothing if the directory becomes a file meanwhile. */
const OPENING = 2_000;

/**
 * File systems that other machines or the host change without the kernel's knowledge: a watch reports nothing. The
 * numbers are those of statfs(2), the selection is that of `tail -f`, which polls them, too.
 */
const REMOTE: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x517b, // SMB
  0x01021997, // 9p
  0x65735546, // FUSE, virtiofs
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x01161970, // GFS2
  0x7461636f, // OCFS2
  0x786f4256, // VirtualBox
  0xbacbacbc, // VMware
]);

/**
 * Calls back when the file that a path refers to may have changed, through every symlink and directory of the path.
 *
 * The kernel reports changes of a directory's entries. So every directory of the path from `/` to the file is watched: a
 * replaced directory, a switched symlink and a new file all change an entry of one of them. If a directory does not
 * exist, its parent is the last one that is watched, and reports when it appears.
 *
 * A directory that is deleted and recreated needs a new watch, but chokidar keeps the old one (its issues 379, 404,
 * 1042). So chokidar watches single directories only, and `refresh` decides which.
 *
 * Events of other names cause a check, too, but later: the kernel drops events if too many are queued, and does not
 * report which.
 */
export class PathWatcher {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #poll: number;
  readonly #onEvent: () => void;
  /** The functions that end the watches, by the identity of the directory. */
  readonly #watches = new Map<string, () => void>();
  #watched: WatchedPath = { directories: new Map(), names: new Set() };
  #timer: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;
  #interval = 0;

  /**
   * @param path an absolute path, which need not exist
   * @param poll in milliseconds: how often to call back if the kernel does not report changes, and how soon after
   *   events of other names
   */
  constructor(fs: FileSystem, path: string, poll: number, onEvent: () => void) {
    this.#fs = fs;
    this.#path = path;
    this.#poll = poll;
    this.#onEvent = onEvent;
  }

  /**
   * Watches the directories that the path leads through now. To be called first, and again after events. Once it has resolved,
   * every later change is reported. Calls must not overlap.
   */
  async refresh(): Promise<void> {
    const unwatchable = new Set<string>();
    for (;;) {
      this.#watched = watchedPath(this.#fs, this.#path);
      const { directories } = this.#watched;
      for (const identity of this.#watches.keys()) {
        if (!directories.has(identity)) this.#unwatch(identity);
      }
      const fresh = [...directories].filter(([id]) => !this.#watches.has(id) && !unwatchable.has(id));
      if (fresh.length === 0) {
        const isTold =
          unwatchable.size === 0 && ![...directories.values()].some((d) => isRemote(this.#fs, d));
        this.#tick(isTold ? MAX_TIMER : this.#poll);
        return;
      }
      await Promise.all(
        fresh.map(async ([identity, directory]) => {
          const unwatch = await watchDirectory(directory, (name) => this.#hear(name));
          if (unwatch === undefined) unwatchable.add(identity);
          else this.#watches.set(identity, unwatch);
        }),
      ); // and check again: the resolved may have changed meanwhile
    }
  }

  /** Ends all watches. Not to be called during `refresh`. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#later);
    for (const identity of this.#watches.keys()) this.#unwatch(identity);
  }

  #hear(name: string | null): void {
    if (name === null || this.#watched.names.has(name)) this.#onEvent();
    else this.#later ??= setTimeout(() => this.#lookLater(), this.#poll);
  }

  #lookLater(): void {
    this.#later = undefined;
    this.#onEvent();
  }

  #unwatch(identity: string): void {
    this.#watches.get(identity)?.();
    this.#watches.delete(identity);
  }

  /** Also set if it will never fire: the watches themselves do not keep the process alive. */
  #tick(interval: number): void {
    if (interval === this.#interval) return;
    clearInterval(this.#timer);
    this.#timer = setInterval(this.#onEvent, interval);
    this.#interval = interval;
  }
}

function isRemote(fs: FileSystem, directory: string): boolean {
  try {
    return REMOTE.has(fs.statfsSync(directory).type);
  } catch {
    return false; // it is gone, which the watch of its parent reports
  }
}

/** A path, as far as it exists. */
interface WatchedPath {
  /** The real paths of the directories, by an identity that differs for a later directory of the same name. */
  readonly directories: ReadonlyMap<string, string>;
  /** The names that are looked up in them. */
  readonly names: ReadonlySet<string>;
}

function watchedPath(fs: FileSystem, path: string): WatchedPath {
  const directories = new Map<string, string>();
  const names = new Set<string>();
  try {
    for (const { directory, name } of walkPath(fs, path)) {
      const { dev, ino, birthtimeNs } = directory;
      directories.set(`${directory.path} ${dev}:${ino}:${birthtimeNs}`, directory.path);
      names.add(name);
    }
  } catch {
    // A part is inaccessible or not a directory: the watch of its parent reports a change.
  }
  return { directories, names };
}

/**
 * @returns a function that ends the watch; undefined if the directory cannot be watched: no permission, the limit of
 *   watches is reached (ENOSPC, EMFILE), or chokidar cannot be loaded
 */
async function watchDirectory(
  directory: string,
  onEvent: (name: string | null) => void,
): Promise<(() => void) | undefined> {
  if (directory.includes('\\')) return undefined; // chokidar treats it as a slash
  const watcher = startWatch(directory);
  if (watcher === undefined) return undefined;
  const works = await new Promise<boolean>((resolve) => {
    const limit = setTimeout(resolve, OPENING, false);
    const end = (answer: boolean) => {
      clearTimeout(limit);
      resolve(answer);
    };
    watcher.on('raw', (_, name) => onEvent(name));
    watcher.on('error', () => end(false)); // a later error is about listing the directory: the watch continues
    watcher.on('ready', () => end(!watcher.options.usePolling)); // CHOKIDAR_USEPOLLING misses writes
  });
  // unwatch, because close() during the listing that follows each event would leave a timer of a second behind.
  if (works) return () => watcher.unwatch(directory);
  await watcher.close();
  return undefined;
}

/** @returns undefined if chokidar, which the bundle loads on first use, cannot be loaded */
function startWatch(directory: string): FSWatcher | undefined {
  try {
    return chokidar.watch(directory, {
      depth: 0,
      ignored: (path) => path !== directory, // the entries are examined here
      followSymlinks: false,
      atomic: false, // true would ignore directories whose names look like an editor's temporary files
      // Persistent watches of a path are shared in the process: a new directory would get the watch of an old one.
      persistent: false,
    });
  } catch {
    return undefined;
  }
}

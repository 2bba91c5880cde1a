import chokidar from 'chokidar';
import { type FileSystem, ignoreFailure } from './file-system.js';
import { walkPath } from './path-walk.js';

/** Longer than opening takes on a busy machine. Chokidar reports nothing if the directory becomes a file meanwhile. */
const OPENING = 10_000;

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
 * It also calls back at an interval: on a network file system, the kernel does not report the changes of other machines;
 * some directories cannot be watched; and if too many events are queued, the kernel drops some.
 *
 * @param path absolute; it need not exist
 * @param interval in milliseconds; the process is kept alive until `close`
 */
export function watchPath(fs: FileSystem, path: string, interval: number, onEvent: () => void) {
  const timer = setInterval(onEvent, interval);
  /** The functions that end the watches, by the identity of the directory. */
  const watches = new Map<string, () => void>();
  let names = new Set<string>();

  /** The directories of the path, as far as it exists, by an identity that a later directory does not have. */
  const walk = (): Map<string, string> => {
    const directories = new Map<string, string>();
    names = new Set();
    // If a part is inaccessible or not a directory, the watch of its parent reports a change.
    ignoreFailure(() => {
      for (const { directory, name } of walkPath(fs, path)) {
        const { dev, ino, birthtimeNs } = directory;
        directories.set(`${directory.path} ${dev}:${ino}:${birthtimeNs}`, directory.path);
        names.add(name);
      }
    });
    return directories;
  };
  const hear = (name: string | null) => {
    if (name === null || names.has(name)) onEvent();
  };
  const unwatch = (identity: string) => {
    watches.get(identity)?.();
    watches.delete(identity);
  };

  return {
    /**
     * Watches the directories that the path leads through now. To be called first, and again after events. Once it has
     * resolved, every later change is reported. Calls must not overlap.
     */
    async refresh(): Promise<void> {
      for (;;) {
        const directories = walk();
        for (const identity of watches.keys()) if (!directories.has(identity)) unwatch(identity);
        const fresh = [...directories].filter(([identity]) => !watches.has(identity));
        if (fresh.length === 0) return;
        const watch = async ([identity, directory]: [string, string]) =>
          watches.set(identity, await watchDirectory(directory, hear));
        await Promise.all(fresh.map(watch)); // and check again: the path may have changed meanwhile
      }
    },
    /** Ends all watches. Not to be called during `refresh`. */
    close(): void {
      clearInterval(timer);
      for (const identity of watches.keys()) unwatch(identity);
    },
  };
}

/** Watches a directory if that is possible: with permission, and below the limit of watches (ENOSPC, EMFILE). @returns how to end it */
async function watchDirectory(
  directory: string,
  onEvent: (name: string | null) => void,
): Promise<() => void> {
  const nothing = () => {};
  if (directory.includes('\\')) return nothing; // chokidar treats it as a slash
  const watcher = ignoreFailure(() =>
    chokidar.watch(directory, {
      depth: 0,
      ignored: (path) => path !== directory, // the entries are examined here
      followSymlinks: false,
      atomic: false, // true would ignore directories whose names look like an editor's temporary files
      // Persistent watches of a path are shared in the process: a new directory would get the watch of an old one.
      persistent: false,
    }),
  );
  if (watcher === undefined) return nothing; // chokidar, which the bundle loads on first use, cannot be loaded
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
  return nothing;
}

import { dirname, join } from 'node:path';
import type { FSWatcher } from 'chokidar';
import type { FileSystem } from './file-system.js';

/** Where the system can't tell of changes, they are looked for as often as a node does. */
const POLL = 5_000;
/** The longest time that a timer can take. */
const FOREVER = 2 ** 31 - 1;
const MAX_LINKS = 40; // as Linux: path_resolution(7)

/**
 * File systems that other machines or the host change behind the system's back: a watch on them works, and says
 * nothing. The numbers are those of statfs(2), the selection is that of `tail -f`, which has to poll them too.
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
 * Calls back when something may have changed in what a path leads to, through every link and directory on its way.
 *
 * The system tells of changes in a directory, so every directory is watched that it looks into on its way from `/` to
 * the file: a directory replaced, a link switched and a file that appears are all entries of one of these. Where the
 * way ends early, at a directory that does not exist, its parent is the last one, and tells when it appears.
 *
 * A directory that is deleted and made anew is another one, and needs a new watch: chokidar by itself goes on with the
 * old one (its issues 379, 404, 1042). So chokidar watches single directories here, and `refresh` decides which.
 *
 * Any event is a reason to look, also one for a name that is not on the way: a queue that has overflowed does not tell
 * whose events are lost.
 */
export class PathWatcher {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #onEvent: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #interval = 0;

  /** @param path an absolute path, which need not exist */
  constructor(fs: FileSystem, path: string, onEvent: () => void) {
    this.#fs = fs;
    this.#path = path;
    this.#onEvent = onEvent;
  }

  /**
   * Watches the directories that are on the way now. To be called first, and again after events; when it has
   * resolved, no later change goes unnoticed. Not to be called while another call is under way.
   */
  async refresh(): Promise<void> {
    const unwatchable = new Set<string>();
    for (;;) {
      const directories = directoriesOnTheWay(this.#fs, this.#path);
      for (const identity of this.#watchers.keys()) {
        if (!directories.has(identity)) await this.#drop(identity);
      }
      const fresh = [...directories].filter(([id]) => !this.#watchers.has(id) && !unwatchable.has(id));
      if (fresh.length === 0) {
        const isTold =
          unwatchable.size === 0 && ![...directories.values()].some((d) => isRemote(this.#fs, d));
        this.#tick(isTold ? FOREVER : POLL);
        return;
      }
      await Promise.all(
        fresh.map(async ([identity, directory]) => {
          const watcher = await watchDirectory(directory, this.#onEvent);
          if (watcher === undefined) unwatchable.add(identity);
          else this.#watchers.set(identity, watcher);
        }),
      ); // and look again, as the way may have changed meanwhile
    }
  }

  /** Ends it; not to be called while `refresh` is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const identity of this.#watchers.keys()) await this.#drop(identity);
  }

  async #drop(identity: string): Promise<void> {
    const watcher = this.#watchers.get(identity);
    this.#watchers.delete(identity);
    if (watcher) await closeWatcher(watcher);
  }

  /** An interval that never comes, too, as the watches themselves do not keep the process alive. */
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
    return false; // it is gone, which its parent tells
  }
}

/**
 * The directories that the system looks into on its way to a file, as far as the way leads.
 *
 * @returns real paths, by what tells a directory from another one that has its name later
 */
function directoriesOnTheWay(fs: FileSystem, path: string): ReadonlyMap<string, string> {
  const directories = new Map<string, string>();
  const names = path.split('/');
  let at = '/';
  for (let links = 0; names.length > 0 && links <= MAX_LINKS; ) {
    const name = names.shift();
    if (name === undefined || name === '' || name === '.') continue;
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    try {
      const stat = fs.lstatSync(at, { bigint: true });
      if (!stat.isDirectory()) break;
      directories.set(`${at} ${stat.dev}:${stat.ino}:${stat.birthtimeNs}`, at);
      const next = join(at, name);
      if (fs.lstatSync(next).isSymbolicLink()) {
        const target = fs.readlinkSync(next);
        names.unshift(...target.split('/'));
        if (target.startsWith('/')) at = '/';
        links++;
      } else {
        at = next;
      }
    } catch {
      break; // there is nothing, or nothing that we may see: the directory that leads there will tell
    }
  }
  return directories;
}

/** @returns undefined where the system does not tell: no permission, its limit is reached (ENOSPC, EMFILE) */
async function watchDirectory(directory: string, onEvent: () => void): Promise<FSWatcher | undefined> {
  if (directory.includes('\\')) return undefined; // chokidar takes it for a slash
  const { FSWatcher } = await import('chokidar'); // only when needed: it takes time to load
  const watcher = new FSWatcher({
    followSymlinks: false,
    atomic: false, // true would pass over directories with a name like an editor's temporary file
    // Persistent watches of one path are shared in the whole process, and a new one would get an old directory's.
    persistent: false,
  });
  watcher._readdirp = () => undefined; // it would list the directory at each event, only to say what changed
  const works = await new Promise<boolean>((resolve) => {
    watcher.on('raw', onEvent);
    watcher.on('error', () => resolve(false));
    watcher.on('ready', () => resolve(!watcher.options.usePolling)); // CHOKIDAR_USEPOLLING misses writes
    watcher.add(directory);
  });
  if (works) return watcher;
  await closeWatcher(watcher);
  return undefined;
}

/** chokidar holds back for a second what it does at an event, and leaves the timer of that when it is closed. */
async function closeWatcher(watcher: FSWatcher): Promise<void> {
  const throttles = [...watcher._throttled.values()].flatMap((byPath) => [...byPath.values()]);
  for (const throttle of throttles) throttle.clear();
  await watcher.close();
}

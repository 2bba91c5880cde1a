import { dirname, join } from 'node:path';
import { MAX_TIMER } from '../require.js';
import type { FileSystem } from './file-system.js';

/** Far more than a watch takes to open: of a directory that becomes a file meanwhile, chokidar says nothing. */
const OPENING = 2_000;
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
 * Events of names that are not on the way are a reason to look, too, but not at once: the system drops events when too
 * many wait, and does not tell whose.
 */
export class PathWatcher {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #poll: number;
  readonly #onEvent: () => void;
  /** What ends each watch, by the identity of its directory. */
  readonly #watches = new Map<string, () => void>();
  #way: Way = { directories: new Map(), names: new Set() };
  #timer: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;
  #interval = 0;

  /**
   * @param path an absolute path, which need not exist
   * @param poll how often to call back where the system does not tell, and how soon where it may not, in milliseconds
   */
  constructor(fs: FileSystem, path: string, poll: number, onEvent: () => void) {
    this.#fs = fs;
    this.#path = path;
    this.#poll = poll;
    this.#onEvent = onEvent;
  }

  /**
   * Watches the directories that are on the way now. To be called first, and again after events; when it has
   * resolved, no later change goes unnoticed. Not to be called while another call is under way.
   */
  async refresh(): Promise<void> {
    const unwatchable = new Set<string>();
    for (;;) {
      this.#way = wayTo(this.#fs, this.#path);
      const { directories } = this.#way;
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
      ); // and look again, as the way may have changed meanwhile
    }
  }

  /** Ends it; not to be called while `refresh` is under way. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#later);
    for (const identity of this.#watches.keys()) this.#unwatch(identity);
  }

  #hear(name: string | null): void {
    if (name === null || this.#way.names.has(name)) this.#onEvent();
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

/** How the system gets to a file, as far as the way leads. */
interface Way {
  /** The directories that it looks into: real paths, by what tells one from another that has its name later. */
  readonly directories: ReadonlyMap<string, string>;
  /** What it looks for in them. */
  readonly names: ReadonlySet<string>;
}

function wayTo(fs: FileSystem, path: string): Way {
  const directories = new Map<string, string>();
  const names = new Set<string>();
  const ahead = path.split('/');
  let at = '/';
  for (let links = 0; ahead.length > 0 && links <= MAX_LINKS; ) {
    const name = ahead.shift();
    if (name === undefined || name === '' || name === '.') continue;
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    try {
      const stat = fs.lstatSync(at, { bigint: true });
      if (!stat.isDirectory()) break;
      directories.set(`${at} ${stat.dev}:${stat.ino}:${stat.birthtimeNs}`, at);
      names.add(name);
      const next = join(at, name);
      if (fs.lstatSync(next).isSymbolicLink()) {
        const target = fs.readlinkSync(next);
        ahead.unshift(...target.split('/'));
        if (target.startsWith('/')) at = '/';
        links++;
      } else {
        at = next;
      }
    } catch {
      break; // there is nothing, or nothing that we may see: the directory that leads there will tell
    }
  }
  return { directories, names };
}

/**
 * @returns what ends the watch; undefined where the system does not tell: no permission, its limit is reached (ENOSPC,
 *   EMFILE), or chokidar can't be loaded
 */
async function watchDirectory(
  directory: string,
  onEvent: (name: string | null) => void,
): Promise<(() => void) | undefined> {
  if (directory.includes('\\')) return undefined; // chokidar takes it for a slash
  const chokidar = await import('chokidar').catch(() => undefined); // only when needed: it takes time to load
  if (chokidar === undefined) return undefined;
  const watcher = chokidar.watch(directory, {
    depth: 0,
    ignored: (path) => path !== directory, // what is in it is looked at here
    followSymlinks: false,
    atomic: false, // true would pass over directories with a name like an editor's temporary file
    // Persistent watches of one path are shared in the whole process, and a new one would get an old directory's.
    persistent: false,
  });
  const works = await new Promise<boolean>((resolve) => {
    const limit = setTimeout(resolve, OPENING, false);
    const end = (answer: boolean) => {
      clearTimeout(limit);
      resolve(answer);
    };
    watcher.on('raw', (_, name) => onEvent(name));
    watcher.on('error', () => end(false)); // one of later is about listing the directory: the watch goes on
    watcher.on('ready', () => end(!watcher.options.usePolling)); // CHOKIDAR_USEPOLLING misses writes
  });
  // close() while it lists the directory, which it does at each event, would leave its timer of a second.
  if (works) return () => watcher.unwatch(directory);
  await watcher.close();
  return undefined;
}

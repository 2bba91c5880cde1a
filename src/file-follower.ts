import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceTokensError } from './errors.js';
import { errnoOf, type FileSystem, nodeFileSystem } from './file-system.js';
import { PathWatcher } from './path-watcher.js';
import { ServiceTokensFile } from './service-tokens-file.js';

/** What a change of the file means for the tokens; each list holds qualified names, in the order of their code units. */
export interface Reload {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Those whose stored hash is another one now. */
  readonly changed: readonly string[];
  /** Set when the server could not read the file: it then drops every token, and `removed` holds those it had. */
  readonly error?: ServiceTokensError;
}

/** Whom to tell, and how long to wait. */
export interface FollowerOptions {
  readonly fs?: FileSystem;
  /** Called for each effective change, in order, once. */
  readonly onReload: (reload: Reload) => void;
  /** How long a file must be left alone before it is read, in milliseconds; 200 by default. */
  readonly quiet?: number;
  /** How often the file is looked at where the system does not tell of changes, in milliseconds; 5,000 by default. */
  readonly poll?: number;
}

/** One change is many events: they are gathered before anything is looked at. */
const GATHER = 50;
/** Who writes a file in place writes on within this time: only then is it read, so that no half of it is reported. */
const QUIET = 200;
/** A file that is written to all the time is read after this time; with the 5 seconds of polling it is less than 7. */
const PATIENCE = 1_500;
/** As often as a node looks (FACTS.md, resource.reload.interval.high). */
const POLL = 5_000;

/** What a node has of a file. */
interface Loaded {
  readonly entries: ReadonlyMap<string, string>;
  readonly error?: ServiceTokensError;
}

/**
 * Follows a tokens file as a running node does (FACTS.md, "The file store"): a change is one of modification time or
 * size, a missing file is an empty one, and of a file that can't be read no token is left. Unlike a node, which looks
 * every 5 seconds, it is told by the system where that is possible, and sees a change after a quarter of a second.
 *
 * @example
 * const follower = await FileFollower.open('/etc/elasticsearch/service_tokens', { onReload: console.log });
 */
export class FileFollower {
  /** What was wrong with the file at the start, where a node would not have started. */
  readonly error: ServiceTokensError | undefined;
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #onReload: (reload: Reload) => void;
  readonly #quiet: number;
  readonly #watcher: PathWatcher;
  readonly #closing = new AbortController();
  #hinted = false;
  #following: Promise<void> | undefined;
  #stamp: string;
  #loaded: Loaded;

  /**
   * Reads the file, and follows it from then on. It keeps the process alive until it is closed.
   *
   * @param path the file, which need not exist, nor its directory
   */
  static async open(
    path: string,
    { fs = nodeFileSystem, onReload, quiet = QUIET, poll = POLL }: FollowerOptions,
  ): Promise<FileFollower> {
    let hint = () => {};
    const watcher = new PathWatcher(fs, resolve(path), poll, () => hint());
    await watcher.refresh(); // before the file is read, so that no change is lost between
    const follower = new FileFollower(fs, resolve(path), onReload, quiet, watcher);
    hint = () => follower.#hint();
    return follower;
  }

  private constructor(
    fs: FileSystem,
    path: string,
    onReload: (reload: Reload) => void,
    quiet: number,
    watcher: PathWatcher,
  ) {
    this.#fs = fs;
    this.#path = path;
    this.#onReload = onReload;
    this.#quiet = quiet;
    this.#watcher = watcher;
    this.#stamp = stampOf(fs, path);
    this.#loaded = load(fs, path);
    this.error = this.#loaded.error;
  }

  /** What the server has loaded: stored hashes by qualified name; none while the file can't be read. */
  get entries(): ReadonlyMap<string, string> {
    return this.#loaded.entries;
  }

  /** Ends the following: nothing is reported any more, and nothing keeps the process alive. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#following;
    this.#watcher.close();
  }

  #hint(): void {
    this.#hinted = true;
    this.#following ??= this.#follow().finally(() => {
      this.#following = undefined;
    });
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    try {
      while (this.#hinted && !signal.aborted) {
        await sleep(GATHER, undefined, { signal });
        this.#hinted = false;
        await this.#watcher.refresh();
        if (stampOf(this.#fs, this.#path) === this.#stamp) continue;
        await this.#settle(signal);
        this.#reload();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    let before: string;
    do {
      before = stampOf(this.#fs, this.#path);
      await sleep(this.#quiet, undefined, { signal });
    } while (stampOf(this.#fs, this.#path) !== before && performance.now() < deadline);
  }

  #reload(): void {
    const before = this.#loaded;
    this.#stamp = stampOf(this.#fs, this.#path); // before it is read: what is written meanwhile is another change
    this.#loaded = load(this.#fs, this.#path);
    const reload = compare(before, this.#loaded);
    if (reload !== undefined) this.#onReload(reload);
  }
}

/**
 * What is another one when the file has changed. A node compares modification time and size, so a new owner or mode is
 * no change; which file it is counts here besides, as a link may come to lead to another one that is equal in both.
 */
function stampOf(fs: FileSystem, path: string): string {
  try {
    const { dev, ino, size, mtimeNs } = fs.statSync(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno;
  }
}

function load(fs: FileSystem, path: string): Loaded {
  try {
    return { entries: new ServiceTokensFile(path, { fs }).entries() };
  } catch (error) {
    if (error instanceof ServiceTokensError) return { entries: new Map(), error };
    throw error;
  }
}

/** @returns undefined when nothing is different for the tokens */
function compare(before: Loaded, after: Loaded): Reload | undefined {
  const [old, now] = [before.entries, after.entries];
  const added = [...now.keys()].filter((name) => !old.has(name)).sort();
  const removed = [...old.keys()].filter((name) => !now.has(name)).sort();
  const changed = [...now.keys()].filter((name) => old.has(name) && old.get(name) !== now.get(name)).sort();
  const sameError =
    before.error?.code === after.error?.code && before.error?.message === after.error?.message;
  if (added.length + removed.length + changed.length === 0 && sameError) return undefined;
  return { added, removed, changed, ...(after.error && { error: after.error }) };
}

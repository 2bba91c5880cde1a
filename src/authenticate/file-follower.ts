import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, type FileSystem, nodeFileSystem } from '../disk/file-system.js';
import { PathWatcher } from '../disk/path-watcher.js';
import { ServiceTokensError } from '../errors.js';
import { MAX_TIMER, requireFunction, requireNumber, requireObject, requirePath } from '../require.js';
import { compare, type Reload } from './reload.js';
import { type Loaded, loadTokens } from './tokens-loader.js';
import { type Pause, turnsUntil } from './turns.js';

export type { Reload } from './reload.js';

/** Whom to tell, and how long to wait. */
export interface FollowerOptions {
  /** @internal */
  readonly fs?: FileSystem;
  /**
   * Called for each effective change, in order, once. What it throws is an uncaught exception of the process, as with
   * every listener of Node; the follower has the new entries by then, and goes on.
   */
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
/** As often as a node looks (docs/server-behaviour.md, "File store"). */
const POLL = 5_000;

/**
 * Follows a tokens file as a running node does (docs/server-behaviour.md, "File store"): a change is one of modification time or
 * size, a missing file is an empty one, and of a file that can't be read no token is left. Unlike a node, which looks
 * every 5 seconds, it is told by the system where that is possible, and sees a change after a quarter of a second.
 *
 * @example
 * const follower = await FileFollower.open('/etc/elasticsearch/service_tokens', { onReload: console.log });
 */
export class FileFollower {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #onReload: (reload: Reload) => void;
  readonly #quiet: number;
  readonly #watcher: PathWatcher;
  readonly #closing = new AbortController();
  /** Everything is done in slices, and ends between two of them when the follower is closed. */
  readonly #pause: Pause = turnsUntil(this.#closing.signal);
  #isStarted = false;
  #hinted = false;
  #following: Promise<void> | undefined;
  #stamp = '';
  #loaded: Loaded = { entries: new Map() };
  #error: ServiceTokensError | undefined;

  /**
   * Reads the file, and follows it from then on. It keeps the process alive until it is closed.
   *
   * @param path the file, which need not exist, nor its directory
   * @throws USAGE for arguments of the wrong kind; IO for a relative path where the current directory does not exist
   */
  static async open(path: string, options: FollowerOptions): Promise<FileFollower> {
    const follower = new FileFollower(path, options);
    await follower.#start();
    return follower;
  }

  private constructor(path: string, options: FollowerOptions) {
    requirePath(path);
    requireObject(options, 'options');
    const { fs = nodeFileSystem, onReload, quiet = QUIET, poll = POLL } = options;
    requireObject(fs, 'fs');
    requireFunction(onReload, 'onReload');
    requireNumber(quiet, 'quiet', { most: MAX_TIMER });
    requireNumber(poll, 'poll', { least: 1, most: MAX_TIMER });
    this.#fs = fs;
    this.#path = absolute(path);
    this.#onReload = onReload;
    this.#quiet = quiet;
    this.#watcher = new PathWatcher(fs, this.#path, poll, () => this.#hint());
  }

  /** What was wrong with the file at the start, where a node would not have started. */
  get error(): ServiceTokensError | undefined {
    return this.#error;
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

  async #start(): Promise<void> {
    await this.#watcher.refresh(); // before the file is read, so that no change is lost between
    this.#stamp = stampOf(this.#fs, this.#path);
    this.#loaded = await loadTokens(this.#fs, this.#path, this.#pause);
    this.#error = this.#loaded.error;
    this.#isStarted = true;
    if (this.#hinted) this.#hint();
  }

  #hint(): void {
    this.#hinted = true;
    if (!this.#isStarted) return;
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
        await this.#reload(signal);
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

  async #reload(signal: AbortSignal): Promise<void> {
    const stamp = stampOf(this.#fs, this.#path); // before it is read: what is written meanwhile is another change
    const loaded = await loadTokens(this.#fs, this.#path, this.#pause);
    signal.throwIfAborted(); // the loading was ended by it
    const reload = await compare(this.#loaded, loaded, this.#pause);
    signal.throwIfAborted();
    this.#stamp = stamp;
    this.#loaded = loaded;
    if (reload !== undefined) this.#report(reload);
  }

  #report(reload: Reload): void {
    try {
      this.#onReload(reload);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
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
    return errnoOf(error) ?? 'unknown'; // what it is, the read will say
  }
}

function absolute(path: string): string {
  try {
    return resolve(path);
  } catch (cause) {
    throw new ServiceTokensError('IO', `could not read [${path}]: the current directory does not exist`, {
      hint: 'Give an absolute path.',
      cause,
    });
  }
}

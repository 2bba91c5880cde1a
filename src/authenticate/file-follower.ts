import { setTimeout as sleep } from 'node:timers/promises';
import type { Reader } from '../access/trusted-read.js';
import { errnoOf, type FileSystem, nodeFileSystem } from '../disk/file-system.js';
import { watchPath } from '../disk/path-watcher.js';
import { ServiceTokensError } from '../errors.js';
import { absolutePath } from '../paths.js';
import { MAX_TIMER, requireFunction, requireNumber, requireObject, requirePath } from '../require.js';
import { compareTokens, type LoadedTokens, loadTokens, type Reload } from './loaded-tokens.js';

export type { Reload } from './loaded-tokens.js';

/** The callback and the timing of a follower. */
export interface FollowerOptions {
  /** @internal */
  readonly fs?: FileSystem;
  /** @internal */
  readonly reader?: Reader;
  /**
   * Called once for each effective change, in order. If it throws, that is an uncaught exception of the process, as
   * with any listener in Node; the follower already has the new entries, and continues.
   */
  readonly onReload: (reload: Reload) => void;
  /** How long a file must not change before it is read, in milliseconds; 200 by default. */
  readonly quiet?: number;
  /** How often the file is looked at even if the system reports no change, in milliseconds; 5,000 by default. */
  readonly poll?: number;
}

/** One change causes many events: they are collected for this time. */
const GATHER = 50;
/** A file that is written in place is read after a pause of this length, so that no partial content is reported. */
const QUIET = 200;
/** A file that keeps changing is read after this time; together with polling, within 7 seconds. */
const PATIENCE = 1_500;
/** The interval of a node (docs/server-behaviour.md, "File store"). */
const POLL = 5_000;

/**
 * Follows a tokens file as a running node does (docs/server-behaviour.md, "File store"): a change is a new modification
 * time or size, a missing file is an empty file, and a file that cannot be read has no tokens. Unlike a node, which
 * polls every 5 seconds, it uses file system events if possible, and notices a change after a quarter of a second.
 *
 * @example
 * const follower = await FileFollower.open('/etc/elasticsearch/service_tokens', { onReload: console.log });
 */
export class FileFollower {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #reader: Reader | undefined;
  readonly #onReload: (reload: Reload) => void;
  readonly #quiet: number;
  readonly #watcher: ReturnType<typeof watchPath>;
  readonly #closing = new AbortController();
  #isStarted = false;
  #hinted = false;
  #following: Promise<void> | undefined;
  #tokens: LoadedTokens = { entries: new Map() };
  /** What the file had before the tokens were read. */
  #stamp = '';
  #error: ServiceTokensError | undefined;

  /**
   * Reads the file and starts to follow it. The follower keeps the process alive until it is closed.
   *
   * @param path the file; neither the file nor its directory need exist
   * @throws USAGE for arguments of the wrong type; IO for a relative path if the current directory does not exist
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
    this.#path = absolute(path, fs);
    this.#reader = options.reader;
    this.#onReload = onReload;
    this.#quiet = quiet;
    this.#watcher = watchPath(fs, this.#path, poll, () => this.#hint());
  }

  /** Why the file could not be read at the start: a node would not have started. */
  get error(): ServiceTokensError | undefined {
    return this.#error;
  }

  /** The loaded entries: stored hashes by qualified name; none while the file cannot be read. */
  get entries(): ReadonlyMap<string, string> {
    return this.#tokens.entries;
  }

  /** Stops following: no change is reported any more, and the process is not kept alive. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#following;
    this.#watcher.close();
  }

  async #start(): Promise<void> {
    await this.#watcher.refresh(); // before the file is read, so that no change is missed in between
    await this.#read(0);
    this.#error = this.#tokens.error;
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
        if (this.#stampNow() === this.#stamp) continue;
        const before = this.#tokens;
        await this.#read(this.#quiet);
        const reload = compareTokens(before, this.#tokens);
        // What it throws is an uncaught exception, and the loop goes on.
        if (reload !== undefined) queueMicrotask(() => signal.aborted || this.#onReload(reload));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /**
   * Reads the file once it has not changed for a while, or has been changing for too long. The last of several writes is
   * another change.
   */
  async #read(quiet: number): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const stamp = this.#stampNow();
      const isDue = () => this.#stampNow() === stamp || performance.now() >= deadline;
      await sleep(quiet, undefined, { signal: this.#closing.signal });
      if (!isDue()) continue;
      const tokens = loadTokens(this.#fs, this.#path, this.#reader);
      if (!isDue()) continue; // it has changed while it was read
      [this.#tokens, this.#stamp] = [tokens, stamp];
      return;
    }
  }

  /**
   * Identifies a state of the file. A node compares modification time and size, so a new owner or mode is not a change.
   * The identity of the file is included, because a symlink may be switched to another file with the same time and size.
   */
  #stampNow(): string {
    try {
      const { dev, ino, size, mtimeNs } = this.#fs.statSync(this.#path, { bigint: true });
      return `${dev}:${ino}:${size}:${mtimeNs}`;
    } catch (error) {
      return errnoOf(error) ?? 'unknown'; // the read will report it
    }
  }
}

function absolute(path: string, fs: FileSystem): string {
  try {
    return absolutePath(path, fs);
  } catch (cause) {
    throw new ServiceTokensError('IO', `could not read [${path}]: the current directory does not exist`, {
      hint: 'Give an absolute path.',
      cause,
    });
  }
}

import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { missingDirectory, refuseModifiers } from '../access/identity.js';
import { inDirectory } from '../access/opened-directory.js';
import { isPrivateTo, type ResolvedPath, resolvePath } from '../access/resolved-path.js';
import { findServer, newFileAttributes, type Server } from '../access/server-access.js';
import { requireTrustedLinks } from '../access/symlinks.js';
import { type Principal, parsePrincipal } from '../accounts/known-accounts.js';
import {
  type Attributes,
  MAX_FILE_BYTES,
  overwriteFile,
  readSnapshot,
  removeFile,
  replaceFile,
  requireUnchanged,
  type Snapshot,
  syncDirectoryOf,
  type Written,
} from '../disk/atomic-file.js';
import { callerDescriptor, readCallerDescriptor } from '../disk/caller-descriptor.js';
import { type HeldLock, withLock } from '../disk/file-lock.js';
import { type FileSystem, ifExists, ignoreFailure, nodeFileSystem } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { type Algorithm, defaultAlgorithm, requireAlgorithm } from '../hash/algorithm.js';
import { hashSecret, type RandomBytes } from '../hash/hasher.js';
import { absolutePath } from '../paths.js';
import {
  optional,
  requireBoolean,
  requireFunction,
  requireNumber,
  requireObject,
  requirePath,
  requireSignal,
  requireString,
} from '../require.js';
import { ServiceToken } from '../token/token.js';
import { parseTokenName, type TokenName } from '../token/token-name.js';
import { type Edit, putEntries, removeEntries } from './edits.js';
import { FileContent } from './file-content.js';
import { refuseForeignFile } from './foreign-file.js';
import type { Change, Tokens, Updated, UpdateOptions } from './tokens.js';

export interface FileOptions {
  /** The user who runs the server, by name or number; by default determined from other files of the directory. */
  readonly serverUser?: string | undefined;
  /** The configuration directory of the server, whose files show its user; by default the directory of the file. */
  readonly configDir?: string | undefined;
  /** Overwrite the file instead of replacing it, for a bind mount of the single file. */
  readonly inPlace?: boolean | undefined;
  /** How long to wait for one live lock holder, in milliseconds; 10,000 by default. */
  readonly patience?: number | undefined;
  /**
   * For root: change the file although other users can change its path. Without this option such a change is refused,
   * because those users could redirect it to any file.
   */
  readonly trustDirectory?: boolean | undefined;
  /** @internal */
  readonly fs?: FileSystem;
}

/** For the command: the directory of the file that it has entered. */
export interface EnteredFile {
  readonly resolved: ResolvedPath;
  /** The user who runs the server, if the command acts as that user. */
  readonly server: Server | undefined;
  /** The user who started the command. */
  readonly caller: number;
}

export interface ChangeOptions {
  /** If aborted, the change fails and nothing has changed; it has no effect after the delivery. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateOptions extends ChangeOptions {
  /** How the secret is hashed; PBKDF2_STRETCH with 10,000 iterations by default. */
  readonly algorithm?: Algorithm;
  readonly random?: RandomBytes;
  /** Hands over the token. If it fails, the new entry is removed again and its error is thrown. */
  readonly deliver?: (token: ServiceToken) => Promise<void>;
}

/**
 * The file of service account tokens that a node reads, `service_tokens`.
 *
 * @example
 * const file = new ServiceTokensFile('/etc/elasticsearch/service_tokens');
 * const { token } = await file.create(parsePrincipal('elastic/kibana'), parseTokenName('my-token'));
 * console.log(token.bearer);
 */
export class ServiceTokensFile implements Tokens {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #options: FileOptions;
  readonly #entered: EnteredFile | undefined;
  /** The file as read by a preview: an update compares it, and does not parse it again if it is unchanged. */
  #seen: FoundFile | undefined;

  /**
   * @param path the file, which need not exist; a symlink is kept, and its target is changed
   * @param entered for the command only
   */
  constructor(path: string, options: FileOptions = {}, entered?: EnteredFile) {
    requirePath(path);
    requireObject(options, 'options');
    const { fs = nodeFileSystem, ...others } = options;
    requireObject(fs, 'fs');
    optional(others.serverUser, (user) => requireString(user, 'serverUser'));
    optional(others.configDir, (directory) => requirePath(directory, 'configDir'));
    optional(others.inPlace, (inPlace) => requireBoolean(inPlace, 'inPlace'));
    optional(others.trustDirectory, (trust) => requireBoolean(trust, 'trustDirectory'));
    optional(others.patience, (patience) => requireNumber(patience, 'patience'));
    this.path = path;
    this.#fs = fs;
    this.#options = others;
    this.#entered = entered;
  }

  /**
   * Lists the qualified names of the tokens that the server would load.
   *
   * @param principal lists only the tokens of this account
   * @returns the names in the order of their UTF-16 code units; none if there is no file
   * @throws MALFORMED_FILE, IO or PERMISSION; UNKNOWN_PRINCIPAL
   */
  list(principal?: Principal): string[] {
    return [...this.listAsText(principal)].flatMap((lines) => lines.split('\n').slice(0, -1));
  }

  /** Like `list`, but yields the names in pieces, each name followed by LF, so that they need not fit in memory. */
  *listAsText(principal?: Principal): Generator<string, void> {
    optional(principal, parsePrincipal);
    yield* this.#content().names(principal === undefined ? '' : `${principal}/`);
  }

  /** Whether the file exists. @throws IO or PERMISSION */
  exists(): boolean {
    const isPassed = callerDescriptor(this.path) !== undefined;
    return isPassed || ifExists(() => this.#fs.lstatSync(this.#resolved().target)) !== undefined;
  }

  /**
   * Returns the entries that the server would load.
   *
   * @returns stored hashes by qualified name; none if there is no file
   * @throws MALFORMED_FILE, IO or PERMISSION
   */
  entries(): ReadonlyMap<string, string> {
    return this.#content().entries();
  }

  /**
   * Returns the entries of some names that the server would load.
   *
   * @param names qualified names
   * @returns their stored hashes by qualified name, without names that it would not load
   * @throws MALFORMED_FILE, IO or PERMISSION
   */
  hashesOf(names: readonly string[]): ReadonlyMap<string, string> {
    return this.#content().hashesOf(names);
  }

  #content(): FileContent {
    const passed = readCallerDescriptor(this.#fs, this.path, MAX_FILE_BYTES);
    if (passed !== undefined) return FileContent.parse(passed, this.path);
    return this.#find({ fs: this.#fs, resolved: this.#resolved() }).content;
  }

  /**
   * Creates a token and stores its hash.
   *
   * @returns the token, which is not stored anywhere, and the file's attributes before and after
   * @throws TOKEN_EXISTS, MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; UNKNOWN_PRINCIPAL,
   *   INVALID_TOKEN_NAME, INVALID_ALGORITHM or USAGE for invalid arguments; the signal's reason; any error of `random`
   *   and `deliver`. The file is then unchanged
   */
  async create(
    principal: Principal,
    name: TokenName,
    options: CreateOptions = {},
  ): Promise<Change & { readonly token: ServiceToken }> {
    parsePrincipal(principal);
    parseTokenName(name);
    requireObject(options, 'options');
    const { algorithm = defaultAlgorithm, random, deliver, signal } = options;
    requireAlgorithm(algorithm);
    optional(deliver, (callback) => requireFunction(callback, 'deliver'));
    optional(signal, (value) => requireSignal(value, 'signal'));
    const token = ServiceToken.mint(principal, name, random);
    const editWith = (hash: string) => putEntries(new Map([[token.qualifiedName, hash]]), 'refuse');
    return this.#inDirectory(async (place) => {
      const found = this.#findToChange(place);
      await editWith('')(found.content); // before the hash and the lock, which take time
      const hash = await hashSecret(token.secret, algorithm, random);
      const { change } = await this.#update(place, found, editWith(hash), {
        signal,
        deliver: () => deliver?.(token),
      });
      return { token, ...(change as Change) };
    });
  }

  /**
   * Removes every line of a token.
   *
   * @throws TOKEN_MISSING, MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; UNKNOWN_PRINCIPAL,
   *   INVALID_TOKEN_NAME or USAGE for invalid arguments; the signal's reason. The file is then unchanged
   */
  async delete(principal: Principal, name: TokenName, options: ChangeOptions = {}): Promise<Change> {
    parsePrincipal(principal);
    parseTokenName(name);
    requireObject(options, 'options');
    const { signal } = options;
    optional(signal, (value) => requireSignal(value, 'signal'));
    const edit = removeEntries([`${principal}/${name}`]);
    const { change } = await this.update(edit, { signal });
    return change as Change; // it removes an entry, or throws
  }

  /**
   * Applies an edit to the current content of the file, and changes nothing.
   *
   * @returns the result of the edit
   * @throws MALFORMED_FILE, IO or PERMISSION; any error of the edit
   */
  async preview<R>(edit: Edit<R>): Promise<R> {
    this.#seen = this.#findToChange({ fs: this.#fs, resolved: this.#resolved() });
    return (await edit(this.#seen.content)).result;
  }

  /**
   * Reads, edits and replaces the file under its lock.
   *
   * @throws MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; the signal's reason; any error of the edit and
   *   `deliver`. The file is then unchanged
   */
  async update<R>(edit: Edit<R>, options: UpdateOptions<R> = {}): Promise<Updated<R>> {
    return this.#inDirectory(async (place) => {
      const found = this.#seen ?? this.#findToChange(place);
      if (found !== this.#seen) await edit(found.content); // before the lock: a refused edit leaves no trace
      return this.#update(place, found, edit, options);
    });
  }

  #resolved(): ResolvedPath {
    return this.#entered?.resolved ?? resolvePath(this.#fs, absolutePath(this.path, this.#fs));
  }

  /** Calls `work` with the file's directory pinned, so that it stays the same even if the path changes. */
  async #inDirectory<T>(work: (place: Place) => Promise<T>): Promise<T> {
    const fs = this.#fs;
    const resolved = this.#resolved();
    const { trustDirectory = false } = this.#options;
    if (this.#entered === undefined && !trustDirectory) refuseModifiers(resolved, fs);
    if (!(fs.geteuid() === 0 && trustDirectory)) requireTrustedLinks(resolved, fs, fs.geteuid());
    if (this.#entered !== undefined || resolved.directory === undefined) return work({ fs, resolved });
    return inDirectory(resolved, undefined, fs, (opened) => work({ fs: opened.fs, resolved }));
  }

  /** Reads, edits and replaces the file under the lock; undoes the change if it cannot be delivered. */
  #update<R>(
    place: Place,
    found: FoundFile,
    edit: Edit<R>,
    { deliver, signal, dryRun = false }: UpdateOptions<R>,
  ): Promise<Updated<R>> {
    const { fs, resolved } = place;
    const { target } = resolved;
    if (resolved.directory === undefined) throw missingDirectory(target);
    const { patience, serverUser, configDir = dirname(this.path) } = this.#options;
    const server = this.#entered?.server ?? findServer(configDir, serverUser, fs);
    const isPrivate = isPrivateTo(this.#entered?.caller ?? fs.geteuid(), resolved);
    return withLock(fs, target, { patience, signal }, async (lock) => {
      const { snapshot, content: before } = this.#findToChange(place, found);
      const { content, result } = await edit(before);
      await noticeSignals(signal);
      if (dryRun) return { result };
      if (content === undefined) {
        await deliver?.(result);
        return { result };
      }
      const written = this.#write(place, snapshot, content, server, lock);
      try {
        syncDirectoryOf(fs, target);
        await noticeSignals(signal);
        await deliver?.(result);
      } catch (error) {
        this.#takeBack(place, snapshot, content, written, lock, error);
        throw error;
      }
      const attributes = { before: snapshot?.attributes, after: written.attributes };
      return { result, change: { ...attributes, isPathPrivate: isPrivate, server } };
    });
  }

  /**
   * Reads the file.
   *
   * @param earlier the file as found before: if its content is unchanged, it is not parsed again
   */
  #find({ fs, resolved }: Place, earlier?: FoundFile): FoundFile {
    // If there was no directory, one that appears meanwhile has not been examined.
    const snapshot = resolved.directory && readSnapshot(fs, resolved.target, { known: earlier?.snapshot });
    if (earlier !== undefined && snapshot?.bytes === earlier.snapshot?.bytes) return { ...earlier, snapshot };
    return { snapshot, content: FileContent.parse(snapshot?.bytes ?? new Uint8Array(), this.path) };
  }

  /** Reads a file that is about to be changed. @throws MALFORMED_FILE if it is something else than a tokens file */
  #findToChange(place: Place, earlier?: FoundFile): FoundFile {
    const found = this.#find(place, earlier);
    refuseForeignFile(found.content, this.path);
    return found;
  }

  #write(
    { fs, resolved: { target } }: Place,
    snapshot: Snapshot | undefined,
    chunks: readonly Uint8Array[],
    server: Server | undefined,
    lock: HeldLock,
  ): Written {
    if (snapshot && this.#options.inPlace) {
      lock.assertHeld();
      return overwriteFile(fs, target, chunks, snapshot);
    }
    const wanted = snapshot?.attributes ?? ((born: Attributes) => newFileAttributes(server, born));
    return replaceFile(fs, target, chunks, wanted, () => lock.assertHeld());
  }

  #takeBack(
    { fs, resolved: { target } }: Place,
    snapshot: Snapshot | undefined,
    chunks: readonly Uint8Array[],
    written: Written,
    lock: HeldLock,
    cause: unknown,
  ): void {
    try {
      lock.assertHeld();
      if (snapshot === undefined) removeFile(fs, target, written);
      else if (this.#options.inPlace)
        overwriteFile(fs, target, [snapshot.bytes], { ...snapshot, bytes: Buffer.concat(chunks) });
      else {
        requireUnchanged(fs, target, written);
        replaceFile(fs, target, [snapshot.bytes], snapshot.attributes, () => lock.assertHeld());
      }
      ignoreFailure(() => syncDirectoryOf(fs, target));
    } catch (error) {
      const [reason, obstacle] = [cause, error].map((e) => (e instanceof Error ? e.message : String(e)));
      throw new ServiceTokensError('IO', `${reason}; the change could not be undone: ${obstacle}`, {
        cause,
      });
    }
  }
}

/** A file as it was found, if there is one, and its content. */
interface FoundFile {
  readonly snapshot: Snapshot | undefined;
  readonly content: FileContent;
}

/** The examined path of a change, and the file system with the held directory. */
interface Place {
  readonly fs: FileSystem;
  readonly resolved: ResolvedPath;
}

/**
 * Throws if the signal was aborted. Node reports system signals only between turns of the event loop, so this waits for
 * two turns first.
 */
async function noticeSignals(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  await setImmediate();
  await setImmediate();
  signal.throwIfAborted();
}

import { basename, dirname } from 'node:path';
import { chooseIdentity, type Identity, ownIdentity } from '../access/identity.js';
import { type OpenedDirectory, openDirectory } from '../access/opened-directory.js';
import { explainDenied } from '../access/permission-denied.js';
import { type ResolvedPath, resolvePath } from '../access/resolved-path.js';
import { requireChangeable } from '../access/symlinks.js';
import { findGroup, findUser, groupName, userName } from '../access/system-accounts.js';
import {
  type Attributes,
  createFile,
  fileExists,
  readSnapshot,
  removeFile,
  type Snapshot,
  tryToCreate,
  type Written,
} from '../disk/atomic-file.js';
import { requireName } from '../disk/caller-descriptor.js';
import { fileError, missingDirectory } from '../disk/file-errors.js';
import { withLock } from '../disk/file-lock.js';
import { errnoOf, type FileSystem, sameFile } from '../disk/file-system.js';
import type { Directory } from '../disk/path-walk.js';
import { completeOrUndo, replaceUndoably } from '../disk/undoable-write.js';
import { ServiceTokensError } from '../errors.js';
import type { ServiceToken } from '../token/token.js';
import type { QualifiedName } from '../token/token-name.js';
import { type FileFormat, type Held, readContent, type TokenFileContent } from './token-file-content.js';

/** The maximum size of a token file, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

export interface TokenFileOptions extends FileFormat {
  /** `USER[:GROUP]`, by names or numbers: who gets the file; otherwise its maker. */
  readonly owner: string | undefined;
  /** Whether a file with something else may be replaced. */
  readonly force: boolean;
  /** A file with nothing but a token of this series may be replaced without `force`. */
  readonly series: Series | undefined;
}

/** The tokens of which a token file may hold any. */
export interface Series {
  /** The qualified name of one of them, for messages. */
  readonly key: QualifiedName;
  has(token: ServiceToken): boolean;
}

type Found = TokenFileContent & { readonly snapshot: Snapshot | undefined };

/** Whom a file must belong to, and its mode. */
type Owner = Omit<Attributes, 'gid'> & { readonly gid: number | undefined };

/**
 * The file to which a new token is written, `--token-file`. It is its consumer's.
 *
 * The identity is chosen for its own directory: if other users can change the path, root acts as the owner of the
 * directory (see identity.ts). The directory is kept open, so that every call works on the same one. A new file is
 * private from its first byte, and is created under its own name; an existing file is replaced under a lock, and keeps
 * owner, group and mode.
 */
export class TokenFile {
  readonly path: string;
  readonly #resolved: ResolvedPath;
  readonly #directory: Directory;
  readonly #fs: FileSystem;
  readonly #actor: Identity;
  readonly #options: TokenFileOptions;
  readonly #owner: Owner | undefined;
  readonly #opened: OpenedDirectory;
  #written: Written | undefined;

  /**
   * @param path absolute; the file need not exist
   * @throws USAGE for a descriptor, a name that this tool uses, or an owner that does not exist; CANNOT_REPLACE if the
   *   directory does not exist; IO or PERMISSION, also if the file cannot be given to its owner
   */
  constructor(path: string, options: TokenFileOptions, fs: FileSystem) {
    this.path = path;
    this.#options = options;
    const resolved = resolvePath(fs, path);
    resolved.linkChain.forEach(requireUsableName);
    if (resolved.directory === undefined) throw missingDirectory(path);
    this.#resolved = resolved;
    this.#directory = resolved.directory;
    try {
      const identity = chooseIdentity(resolved, { configDir: dirname(path) }, fs);
      this.#actor = identity ?? ownIdentity(fs);
      this.#owner = this.#ownerFor(options.owner, fs);
      this.#opened = openDirectory(resolved, identity, fs);
    } catch (error) {
      throw withOwnHint(error);
    }
    this.#fs = this.#opened.fs;
    try {
      requireChangeable(resolved, this.#fs);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether a path leads to the same file. */
  isAt({ directory, target }: ResolvedPath): boolean {
    const isSame = directory !== undefined && sameFile(this.#directory, directory);
    return isSame && basename(this.#resolved.target) === basename(target);
  }

  /** @throws IO if it is no regular file or exceeds 16 MiB; CANNOT_REPLACE as findVariable does; PERMISSION */
  held(): Held {
    return this.#attempt(() => this.#find().held);
  }

  /**
   * Detects in advance that `write` would fail, and throws what it would throw.
   *
   * @param isTried whether a temporary file is written, too, and removed
   */
  requireReady(isTried: boolean): void {
    this.#attempt(() => {
      this.#requireReplaceable(this.#find());
      if (isTried) tryToCreate(this.#fs, this.#resolved.target);
    });
  }

  /** The line that would be written; undefined if it is the whole file. */
  plannedLine(): string | undefined {
    if (this.#options.variable === undefined) return undefined;
    const { line } = this.#attempt(() => this.#find());
    return line === undefined
      ? `Would append a line to [${this.path}]`
      : `Would set line #${line} of [${this.path}]`;
  }

  /**
   * Writes a token. If that or `afterwards` fails, the file is as before.
   *
   * @throws FILE_EXISTS, CANNOT_REPLACE, LOCKED, PERMISSION or IO; what `afterwards` throws
   */
  async write(token: ServiceToken, afterwards: () => Promise<void> = async () => {}): Promise<void> {
    const [fs, { target }] = [this.#fs, this.#resolved];
    const found = this.#attempt(() => this.#find());
    if (found.snapshot !== undefined) return this.#replace(() => token, afterwards);
    const written = this.#attempt(() => createFile(fs, target, found.withToken(token), this.#newAttributes));
    this.#written = written;
    await completeOrUndo(fs, target, afterwards, () => removeFile(fs, target, written));
  }

  /**
   * Writes the token that the file holds again, if its format or the owner of the file is not as wanted.
   *
   * @returns whether it was or, with `dryRun`, would be written
   */
  async rewrite(dryRun: boolean): Promise<boolean> {
    const { held, isFormatted, snapshot } = this.#attempt(() => this.#find());
    if (typeof held === 'string' || snapshot === undefined) return false;
    if (isFormatted && this.#isOwned(snapshot.attributes)) return false;
    this.requireReady(dryRun);
    if (!dryRun) await this.#replace((now) => (typeof now === 'string' ? held : now));
    return true;
  }

  /** @param tokenFor the token that is written, given what the file then holds */
  async #replace(tokenFor: (held: Held) => ServiceToken, afterwards = async () => {}): Promise<void> {
    const [fs, { target }] = [this.#fs, this.#resolved];
    // The lock also removes what a killed process has left.
    const work = withLock(fs, target, {}, async (lock) => {
      const found = this.#find();
      this.#requireReplaceable(found);
      const before = found.snapshot;
      const isKept = before !== undefined && this.#owner === undefined;
      const wanted = isKept ? this.#asBefore(before) : this.#newAttributes;
      const content = [found.withToken(tokenFor(found.held))];
      await replaceUndoably(fs, target, lock, { before, content, wanted }, (written) => {
        // Root may lack the privilege, or the file system have no owners.
        if (!this.#isOwned(written.attributes))
          throw new ServiceTokensError('PERMISSION', `could not give [${this.path}] its owner and group`);
        this.#written = written;
        return afterwards();
      });
    });
    return work.catch((error) => {
      throw this.#explained(error);
    });
  }

  /** Whether every user of the system can read the written file. */
  get isOpenToOthers(): boolean {
    return ((this.#written?.attributes.mode ?? 0) & 0o004) !== 0;
  }

  close(): void {
    this.#opened.close();
  }

  #find(): Found {
    const snapshot = readSnapshot(this.#fs, this.#resolved.target, { limit: MAX_BYTES });
    const text = snapshot?.bytes.toString('latin1') ?? '';
    return { snapshot, ...readContent(text, this.#options, this.path) };
  }

  /** Whether the file has the owner that the caller wants. */
  #isOwned({ uid, gid, mode }: Attributes): boolean {
    const owner = this.#owner;
    return owner === undefined || (uid === owner.uid && gid === (owner.gid ?? gid) && mode === owner.mode);
  }

  #requireReplaceable({ snapshot, held, isAlone, line }: Found): void {
    const { force, series, variable } = this.#options;
    const isOfSeries = typeof held !== 'string' && series?.has(held);
    if (!force && held !== 'nothing' && !(isOfSeries && isAlone)) throw this.#holdsSomethingElse(line);
    if (snapshot === undefined || this.#owner !== undefined || this.#actor.uid === 0) return;
    const { uid, gid, mode } = snapshot.attributes;
    const isOwn = uid === this.#actor.uid;
    if (isOwn && this.#isMember(gid)) return;
    // Other variables are somebody's, who must be able to read them afterwards. A bare token becomes its maker's, unless it
    // would be kept from a group that reads it now.
    const groupReads = (mode >> 3) & ~mode & 0o007;
    const isSticky = (this.#directory.mode & 0o1000) !== 0 && this.#directory.uid !== this.#actor.uid;
    if (variable === undefined && !(isOwn ? groupReads : isSticky)) return;
    const as = `[${userName(uid, this.#fs)}]${isOwn ? ` with the group [${groupName(gid, this.#fs)}]` : ''}`;
    const reason = !isOwn && isSticky ? ', which is another user’s' : ' and keep its owner and group';
    throw new ServiceTokensError('PERMISSION', `could not write [${this.path}]${reason}`, {
      hint: `Run the command as ${as}, or name another file.`,
    });
  }

  /** @param line of the variable; undefined if the file is a bare token, or is replaced whole */
  #holdsSomethingElse(line: number | undefined): ServiceTokensError {
    const { series, variable } = this.#options;
    const other = series && `something other than a token of [${series.key}]`;
    if (variable === undefined && other !== undefined) {
      return new ServiceTokensError('FILE_EXISTS', `[${this.path}] contains ${other}`, {
        hint: 'Name another file, use --output env if it holds variables, or --force to replace it.',
      });
    }
    if (line === undefined) return fileExists(this.path);
    const fact = `[${this.path}] sets ${variable} on line #${line} to ${other ?? 'another value'}`;
    return new ServiceTokensError('FILE_EXISTS', fact, {
      hint: 'Set another variable with --env-name, or use --force to replace this value.',
    });
  }

  /** In a set-group-ID directory of another group, that group reads the file; otherwise only its owner does. */
  readonly #newAttributes = (born: Attributes): Attributes => {
    const { gid, mode } = this.#directory;
    const owner = this.#owner;
    if (owner !== undefined) return { ...owner, gid: owner.gid ?? born.gid };
    const isGroups = (mode & 0o2000) !== 0 && gid !== this.#actor.gid;
    return isGroups ? { uid: born.uid, gid, mode: 0o640 } : { ...born, mode: 0o600 };
  };

  /** Another user's file becomes ours: of its access, only that of a group which we share is kept. */
  #asBefore({ attributes }: Snapshot): Attributes | ((born: Attributes) => Attributes) {
    const { uid, gid, mode } = attributes;
    const canKeepOwner = this.#actor.uid === 0 || this.#actor.uid === uid;
    return canKeepOwner ? attributes : (born) => ({ uid: born.uid, gid, mode: 0o600 | (mode & 0o070) });
  }

  #isMember(gid: number): boolean {
    return this.#actor.gid === gid || this.#actor.groups.includes(gid);
  }

  #ownerFor(word: string | undefined, fs: FileSystem): Owner | undefined {
    if (word === undefined) return undefined;
    const [, user = '', group] = /^([^:]*)(?::(.*))?$/s.exec(word) ?? [];
    const known = findUser(user, fs);
    const uid = known?.uid ?? numberOf(user);
    const gid = group === undefined ? known?.gid : (findGroup(group, fs) ?? numberOf(group));
    if (uid === undefined || (group !== undefined && gid === undefined)) {
      throw new ServiceTokensError('USAGE', `Option --token-owner: there is no [${word}]`, {
        hint: 'It takes a user, optionally with a group, as in kibana or kibana:kibana; names or numbers.',
      });
    }
    const isOwn = uid === this.#actor.uid && (gid === undefined || this.#isMember(gid));
    if (this.#actor.uid === 0 || isOwn) return { uid, gid, mode: group === undefined ? 0o600 : 0o640 };
    const as = userName(this.#actor.uid, fs);
    throw new ServiceTokensError('PERMISSION', `could not give [${this.path}] to [${word}] as [${as}]`, {
      hint:
        fs.geteuid() === 0
          ? `Other users can change its path, so root acts as [${as}]: name a file in a directory that only root can change.`
          : 'Run the command as root, or without --token-owner.',
    });
  }

  #attempt<T>(calls: () => T): T {
    try {
      return calls();
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    const { asCaller } = this.#opened;
    const failed = fileError(error, 'could not write', this.path);
    return withOwnHint(explainDenied(failed, this.#resolved, { as: this.#actor }, asCaller));
  }
}

/** (uid_t) -1 and (gid_t) -1 name nobody. */
function numberOf(word: string): number | undefined {
  const number = /^\d{1,10}$/.test(word) ? Number(word) : Number.NaN;
  return number < 2 ** 32 - 1 ? number : undefined;
}

/** @throws USAGE for a path that is no file of the caller's */
function requireUsableName(path: string): void {
  if (/^\/dev\/std(out|err)$/.test(path)) {
    throw new ServiceTokensError('USAGE', `[${path}] is a file descriptor, not a file name`);
  }
  requireName(path);
  if (!/^\..*\.(lock|lock-.*|[0-9a-f]{18}\.tmp)$/s.test(basename(path))) return;
  throw new ServiceTokensError('USAGE', `[${path}] is a name that this tool uses for its own files`);
}

/** What the hints of the system and of the tokens file advise, such as --in-place and --file, is for that file. */
function withOwnHint(error: unknown): unknown {
  const isOfFile =
    error instanceof ServiceTokensError &&
    ['CANNOT_REPLACE', 'PERMISSION'].includes(error.code) &&
    (errnoOf(error.cause) !== undefined || error.hint?.includes('--trust-directory'));
  if (!isOfFile) return error;
  const { code, message, cause } = error;
  return new ServiceTokensError(code, message, {
    hint: 'Name a token file in a directory where you can create files, and that no other user can change.',
    cause,
  });
}

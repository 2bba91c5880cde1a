import { setImmediate } from 'node:timers/promises';
import type { ResolvedPath } from '../access/resolved-path.js';
import { newFileAttributes, type Server } from '../access/server-access.js';
import { requireChangeable } from '../access/symlinks.js';
import { type Attributes, MAX_FILE_BYTES, readSnapshot, type Snapshot } from '../disk/atomic-file.js';
import { readCallerDescriptor } from '../disk/caller-descriptor.js';
import { missingDirectory } from '../disk/file-errors.js';
import { withLock } from '../disk/file-lock.js';
import type { FileSystem } from '../disk/file-system.js';
import { replaceUndoably } from '../disk/undoable-write.js';
import type { EntryStore } from './entry-store.js';
import { FileContent } from './file-content.js';

/** A tokens file in a directory that stays the same even if its path changes. */
export interface TokensLocation {
  /** The file as the caller named it, for messages. */
  readonly path: string;
  /** Looks up the target's name in its directory. */
  readonly fs: FileSystem;
  readonly resolved: ResolvedPath;
}

/** A tokens file that was read. If there is none, its content is that of an empty file. */
export interface ReadFile {
  readonly exists: boolean;
  readonly content: FileContent;
  /** Undefined for a descriptor. */
  readonly attributes?: Attributes | undefined;
}

/** Reads a tokens file, or a descriptor that the caller passed. @throws MALFORMED_FILE, IO or PERMISSION */
export function readTokensFile(location: TokensLocation): ReadFile {
  const { fs, path } = location;
  const passed = readCallerDescriptor(fs, path, MAX_FILE_BYTES);
  if (passed !== undefined) return { exists: true, content: FileContent.parse(passed, path) };
  const { snapshot, content } = findFile(location);
  return { exists: snapshot !== undefined, content, attributes: snapshot?.attributes };
}

/** A file as it was found, if there is one. */
type FoundFile = { readonly snapshot: Snapshot | undefined; readonly content: FileContent };

/** @param earlier the file as found before: if its content is unchanged, it is not parsed again */
function findFile({ fs, path, resolved }: TokensLocation, earlier?: FoundFile): FoundFile {
  // If there was no directory, one that appears meanwhile has not been examined.
  const snapshot = resolved.directory && readSnapshot(fs, resolved.target, { known: earlier?.snapshot });
  if (earlier !== undefined && snapshot?.bytes === earlier.snapshot?.bytes) return { ...earlier, snapshot };
  return { snapshot, content: FileContent.parse(snapshot?.bytes ?? new Uint8Array(), path) };
}

/** All but `findServer` are as in FileOptions. */
interface TransactionOptions {
  readonly findServer: () => Server | undefined;
  readonly inPlace?: boolean | undefined;
  readonly trustDirectory?: boolean | undefined;
  readonly patience?: number | undefined;
}

/** A tokens file that is edited under its lock. @throws CANNOT_REPLACE or PERMISSION if its symlinks forbid that */
export function tokensFileTransaction(
  location: TokensLocation,
  { findServer, inPlace, trustDirectory, patience }: TransactionOptions,
): EntryStore {
  const { fs, resolved, path } = location;
  if (!(fs.geteuid() === 0 && trustDirectory)) requireChangeable(resolved, fs);
  let found: FoundFile | undefined; // spares reading and parsing an unchanged file again
  const find = () => {
    found = findFile(location, found);
    found.content.refuseForeign(path);
    return found;
  };
  return {
    isStream: false,
    read: () => find().content,
    async update(edit, { deliver, signal, dryRun = false } = {}) {
      if (resolved.directory === undefined) throw missingDirectory(resolved.target);
      const server = findServer();
      return withLock(fs, resolved.target, { patience, signal }, async (lock) => {
        const { snapshot, content: before } = find();
        const { content, result } = await edit(before);
        await noticeSignals(signal);
        if (dryRun || content === undefined) return { result };
        const wanted = snapshot?.attributes ?? ((born: Attributes) => newFileAttributes(server, born));
        const change = { before: snapshot, content, wanted, inPlace };
        const written = await replaceUndoably(fs, resolved.target, lock, change, async () => {
          await noticeSignals(signal);
          await deliver?.(result);
        });
        return { result, change: { before: snapshot?.attributes, after: written.attributes, server } };
      });
    },
  };
}

/** Throws if the signal was aborted. Node reports system signals only after turns of the event loop: this waits for two. */
async function noticeSignals(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  await setImmediate();
  await setImmediate();
  signal.throwIfAborted();
}

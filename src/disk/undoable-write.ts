/** A change of a file with a last step that must succeed as well, such as handing over a token. */
import { ServiceTokensError } from '../errors.js';
import * as file from './atomic-file.js';
import type { HeldLock } from './file-lock.js';
import { type FileSystem, ignoreFailure } from './file-system.js';

/** A new content of a file; `before` is undefined if there is no file, and `inPlace` overwrites one. */
interface Replacement {
  readonly before: file.Snapshot | undefined;
  readonly content: readonly Uint8Array[];
  readonly wanted: file.Attributes | file.AttributeChoice;
  readonly inPlace?: boolean | undefined;
}

/** Replaces a file under its lock, and does a last step. If anything fails, the file is as before. */
export async function replaceUndoably(
  fs: FileSystem,
  path: string,
  { assertHeld }: HeldLock,
  { before, content, wanted, inPlace = false }: Replacement,
  step: (written: file.Written) => void | Promise<void>,
): Promise<file.Written> {
  const isOverwritten = before !== undefined && inPlace;
  if (isOverwritten) assertHeld();
  const written = isOverwritten
    ? file.overwriteFile(fs, path, content, before)
    : file.replaceFile(fs, path, content, wanted, assertHeld);
  await completeOrUndo(
    fs,
    path,
    () => step(written),
    () => {
      assertHeld();
      if (before === undefined) return file.removeFile(fs, path, written);
      if (inPlace) {
        const now = { ...before, bytes: Buffer.concat(content) };
        return file.overwriteFile(fs, path, [before.bytes], now);
      }
      file.requireUnchanged(fs, path, written);
      return file.replaceFile(fs, path, [before.bytes], before.attributes, assertHeld);
    },
  );
  return written;
}

/** Syncs the directory of a changed file, and does the last step. If one of them fails, undoes the change. */
export async function completeOrUndo(
  fs: FileSystem,
  path: string,
  step: () => void | Promise<void>,
  undo: () => unknown,
): Promise<void> {
  try {
    file.syncDirectoryOf(fs, path);
    await step();
  } catch (cause) {
    try {
      undo();
    } catch (error) {
      const [reason, obstacle] = [cause, error].map((e) => (e instanceof Error ? e.message : String(e)));
      const message = `${reason}; the change could not be undone: ${obstacle}`;
      throw new ServiceTokensError('IO', message, { cause });
    }
    ignoreFailure(() => file.syncDirectoryOf(fs, path));
    throw cause;
  }
}

import type { Server } from '../access/server-access.js';
import type { Attributes } from '../disk/atomic-file.js';
import type { FileContent } from './file-content.js';

/**
 * A change of a tokens file that depends on its content. It throws an error to refuse the change, and returns the new
 * content in parts; undefined if the file does not change.
 */
export type Edit<R> = (content: FileContent) => Edited<R> | Promise<Edited<R>>;
interface Edited<R> {
  readonly content: readonly Uint8Array[] | undefined;
  readonly result: R;
}

/** The effect of a change on the file's owner, group and mode. */
export interface Change {
  /** Undefined if there was no file before. */
  readonly before: Attributes | undefined;
  readonly after: Attributes;
  /** The user who runs the server, if that can be determined. */
  readonly server: Server | undefined;
}

export interface UpdateOptions<R> {
  /** If aborted, the update fails and nothing has changed; it has no effect after the delivery. */
  readonly signal?: AbortSignal | undefined;
  /** Check everything and change nothing. */
  readonly dryRun?: boolean | undefined;
  /** Hands over the result of a change. If it fails, a file is as before, and its error is thrown. */
  readonly deliver?: ((result: R) => void | Promise<void>) | undefined;
}

export interface Updated<R> {
  readonly result: R;
  /** Undefined if no file was changed. */
  readonly change?: Change;
}

/** The entries of a tokens file, which is a file or a stream. */
export interface EntryStore {
  /** Whether the content must be written even if it does not change. */
  readonly isStream: boolean;
  /** @throws MALFORMED_FILE, IO or PERMISSION */
  read(): FileContent;
  /**
   * Reads, edits and replaces the content, as a whole or not at all.
   *
   * @throws MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; the signal's reason; any error of the edit and
   *   `deliver`. The content is then unchanged
   */
  update<R>(edit: Edit<R>, options?: UpdateOptions<R>): Promise<Updated<R>>;
}

/**
 * Applies an edit. It is tried first without the lock, so that an edit that is refused or changes nothing leaves no
 * trace. @throws as EntryStore.update does
 */
export async function applyEdit<R>(
  store: EntryStore,
  edit: Edit<R>,
  options: UpdateOptions<R> = {},
): Promise<Updated<R>> {
  const { content, result } = await edit(store.read());
  return content === undefined && !store.isStream ? { result } : store.update(edit, options);
}

import type { Server } from '../access/server-access.js';
import type { Attributes } from '../disk/atomic-file.js';
import type { Edit } from './edits.js';

/** The effect of a change on the file's owner, group and mode. */
export interface Change {
  /** Undefined if there was no file before. */
  readonly before: Attributes | undefined;
  readonly after: Attributes;
  /** Whether only the caller and root can change the path of the file. */
  readonly isPathPrivate: boolean;
  /** The user who runs the server, if that can be determined. */
  readonly server: Server | undefined;
}

export interface UpdateOptions<R> {
  /** If aborted, the update fails and nothing has changed; it has no effect after the delivery. */
  readonly signal?: AbortSignal | undefined;
  /** Check everything and change nothing. */
  readonly dryRun?: boolean | undefined;
  /** Hands over the result. If it fails, the update is undone and its error is thrown. */
  readonly deliver?: ((result: R) => void | Promise<void>) | undefined;
  /** Undoes the delivery if a later step fails. */
  readonly takeBack?: (() => void) | undefined;
}

export interface Updated<R> {
  readonly result: R;
  /** The file's attributes before and after; undefined if no file was changed. */
  readonly change?: Change;
}

/** Tokens that can be changed, in a file or a stream. */
export interface Tokens {
  /** The name in messages. */
  readonly path: string;
  /** Applies an edit to the current content without writing. @returns its result @throws as the edit does */
  preview<R>(edit: Edit<R>): Promise<R>;
  /** Reads, edits and replaces the content, as a whole or not at all. */
  update<R>(edit: Edit<R>, options?: UpdateOptions<R>): Promise<Updated<R>>;
}

import type { Server } from '../access/server-access.js';
import type { Attributes } from '../disk/atomic-file.js';
import type { Edit } from './edits.js';

/** What a change did to the file's owner, group and mode. */
export interface Change {
  /** Undefined when there was no file before. */
  readonly before: Attributes | undefined;
  readonly after: Attributes;
  /** Whether only the caller and root can change the path of the file. */
  readonly isOwnWay: boolean;
  /** The user who runs the server, if that can be determined. */
  readonly server: Server | undefined;
}

export interface UpdateOptions<R> {
  /** Aborted, it ends the update, and nothing has changed; after the delivery it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** Check everything and change nothing. */
  readonly dryRun?: boolean | undefined;
  /** Hands over what the update made. When it fails, the update is taken back and its error is thrown. */
  readonly deliver?: ((result: R) => void | Promise<void>) | undefined;
  /** Undoes the delivery, where a later step fails. */
  readonly takeBack?: (() => void) | undefined;
}

export interface Updated<R> {
  readonly result: R;
  /** What became of the file's attributes; undefined when no file was changed. */
  readonly change?: Change;
}

/** Tokens that can be changed: those of a file, or of a stream. */
export interface Tokens {
  /** What messages call them. */
  readonly path: string;
  /** Does an edit on what is there now, for its result or its error alone. */
  preview<R>(edit: Edit<R>): Promise<R>;
  /** Reads, edits and replaces, whole or not at all. */
  update<R>(edit: Edit<R>, options?: UpdateOptions<R>): Promise<Updated<R>>;
}

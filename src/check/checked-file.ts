import type { OtherServer } from '../access/identity.js';
import type { Naming } from '../access/printed-command.js';
import type { FileSystem } from '../disk/file-system.js';
import type { LockTiming } from '../disk/lock-owner.js';
import type { EnteredFile } from '../tokens-file/tokens-file-transaction.js';

/** A file whose directory the command has entered. */
export interface EnteredTokensFile extends EnteredFile {
  /** The file system as the caller, while the command acts as another user. */
  readonly asCaller: FileSystem;
  readonly naming: Naming;
  /** Set if root acts as another user than the one who runs the server. */
  readonly otherServer?: OtherServer | undefined;
}

/** A tokens file to check. Its `server` must be able to read it; undefined if it cannot be determined. */
export interface CheckedFile extends EnteredTokensFile {
  readonly fs: FileSystem;
  readonly configDir: string;
  /** Whether the command has entered the file's directory, under an identity that fits it. */
  readonly isEntered: boolean;
  readonly timing?: LockTiming | undefined;
}

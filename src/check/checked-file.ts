import type { OtherServer } from '../access/identity.js';
import type { Naming } from '../access/printed-command.js';
import type { ResolvedPath } from '../access/resolved-path.js';
import type { Server } from '../access/server-access.js';
import type { FileSystem } from '../disk/file-system.js';
import type { LockTiming } from '../disk/lock-owner.js';

/** A tokens file whose directory the command has opened. */
export interface OpenedTokensFile {
  readonly resolved: ResolvedPath;
  /** The user who runs the server, if the command acts as that user. */
  readonly server: Server | undefined;
  /** Set if root acts as another user than the one who runs the server. */
  readonly otherServer: OtherServer | undefined;
  readonly naming: Naming;
  /** The file system with calls made as the user that the command acts as. */
  readonly fs: FileSystem;
  /** The same, but with calls made as the caller. */
  readonly asCaller: FileSystem;
}

/** A tokens file to check. Its `server` must be able to read it; undefined if it cannot be determined. */
export interface CheckedFile extends OpenedTokensFile {
  readonly configDir: string;
  /** Whether the command has opened the file's directory, under an identity that fits it. */
  readonly isOpened: boolean;
  readonly timing?: LockTiming | undefined;
}

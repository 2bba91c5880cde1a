import type { ServiceTokensError } from './errors.js';
import type { FileSystem } from './file-system.js';

/** What a change of the file means for the tokens; each list holds qualified names, in the order of their code units. */
export interface Reload {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Those whose stored hash is another one now. */
  readonly changed: readonly string[];
  /** Set when the server could not read the file: it then drops every token, and `removed` holds those it had. */
  readonly error?: ServiceTokensError;
}

export interface FollowerOptions {
  readonly fs?: FileSystem;
  /** Called for each effective change, in order, once. */
  readonly onReload: (reload: Reload) => void;
}

/** Follows a tokens file as a running node does. */
export class FileFollower {
  /** What the server has loaded: stored hashes by qualified name; none while the file can't be read. */
  readonly entries: ReadonlyMap<string, string> = new Map();
  /** What was wrong with the file at the start, where a node would not have started. */
  readonly error: ServiceTokensError | undefined;

  static async open(_path: string, _options: FollowerOptions): Promise<FileFollower> {
    throw new Error('not implemented yet');
  }

  async close(): Promise<void> {}
}

import type { ElasticsearchVersion } from '../../accounts/elasticsearch-version.js';
import type { Override } from '../../config/settings.js';
import type { FileSystem } from '../../disk/file-system.js';
import type { ExitStatus } from '../exit-codes.js';
import type { Io, Terminal } from '../terminal.js';

/** What the options may say; each command looks at its own. */
export interface Options {
  readonly help?: boolean;
  readonly version?: boolean;
  readonly silent?: boolean;
  readonly verbose?: boolean;
  readonly E?: readonly string[];
  readonly configDir?: string;
  readonly file?: string;
  readonly esVersion?: string;
  readonly color?: boolean;
  readonly serverUser?: string;
  readonly trustDirectory?: boolean;
  readonly inPlace?: boolean;
  readonly tokenFile?: string;
  readonly fix?: boolean;
  readonly expectDigest?: string;
  readonly expectTokens?: string;
  readonly json?: boolean;
}

/** One call of a command: what was asked for, and what to answer it with. */
export interface Invocation {
  /** The arguments that are no options, unchecked. */
  readonly args: readonly string[];
  readonly options: Options;
  readonly overrides: readonly Override[];
  /** The server's version, if anybody can tell. */
  readonly version: ElasticsearchVersion | undefined;
  readonly io: Io;
  readonly terminal: Terminal;
  readonly fs: FileSystem;
}

/** A command: parse, call the domain, print. */
export type Command = (invocation: Invocation) => Promise<ExitStatus>;

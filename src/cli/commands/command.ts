import type { ElasticsearchVersion } from '../../accounts/elasticsearch-version.js';
import type { Overrides } from '../../config/overrides.js';
import type { FileSystem } from '../../disk/file-system.js';
import type { ExitStatus } from '../exit-codes.js';
import type { Options } from '../options.js';
import type { Io, Terminal } from '../terminal.js';

export const NAME = 'elasticsearch-service-tokens';

export interface Invocation {
  /** The arguments that are not options, unchecked. */
  readonly args: readonly string[];
  readonly options: Options;
  readonly overrides: Overrides;
  /** The server's version, if it can be determined. */
  readonly version: ElasticsearchVersion | undefined;
  readonly io: Io;
  readonly terminal: Terminal;
  readonly fs: FileSystem;
}

/** A command: parse, call the domain, print. Without an exit status it has succeeded. */
export type Command = (invocation: Invocation) => Promise<ExitStatus | undefined>;

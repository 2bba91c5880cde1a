import { type FileSystem, nodeFileSystem } from '../disk/file-system.js';
import { run } from './command-line.js';
import type { ExitStatus } from './exit-codes.js';
import { type Io, Terminal } from './terminal.js';

export { processIo } from './process-io.js';

/**
 * Runs the command. Its errors are caught only here.
 *
 * @param argv the arguments after the tool's name
 * @returns the exit status; nothing is thrown
 */
export async function main(
  argv: readonly string[],
  io: Io,
  fs: FileSystem = nodeFileSystem,
): Promise<ExitStatus> {
  const terminal = new Terminal(io);
  try {
    return await run(argv, io, terminal, fs);
  } catch (error) {
    return terminal.fail(error);
  }
}

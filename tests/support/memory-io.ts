import { Readable } from 'node:stream';
import { main } from '../../src/cli/main.js';
import type { Io } from '../../src/cli/terminal.js';
import type { FileSystem } from '../../src/disk/file-system.js';
import type { Finished } from './commands.js';

/** Streams in memory, for a command that runs in this process. */
export interface MemoryIo {
  readonly io: Io;
  /** What was written so far. */
  readonly written: { stdout: string; stderr: string };
}

/** @returns an Io without a terminal, an environment or input, but for what is given */
export function memoryIo({
  stdin = '',
  ...given
}: Partial<Omit<Io, 'stdin'>> & { stdin?: string }): MemoryIo {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    isTTY: false,
    write: async (text: string | Uint8Array) => {
      written[name] += Buffer.from(text).toString();
    },
  });
  const io = {
    env: {},
    cwd: '/',
    toolPath: '/nowhere/bin/elasticsearch-service-tokens',
    stdin: Readable.from([stdin]),
    stdout: output('stdout'),
    stderr: output('stderr'),
    interrupted: new AbortController().signal,
    ...given,
  };
  return { io, written };
}

/** Runs a command in this process. @param given what it uses of its process @returns what it wrote, and its status */
export async function runHere(
  args: readonly string[],
  given: Parameters<typeof memoryIo>[0] = {},
  fs?: FileSystem,
): Promise<Finished> {
  const { io, written } = memoryIo(given);
  const status = await main(args, io, fs);
  return { ...written, status };
}

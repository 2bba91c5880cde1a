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

type Given = Partial<Omit<Io, 'stdin'>> & { readonly stdin?: string; readonly terminals?: readonly string[] };

/**
 * @param given what differs, and the names of the streams that are terminals
 * @returns an Io without a terminal, an environment or input, but for what is given
 */
export function memoryIo({ stdin = '', terminals = [], ...given }: Given): MemoryIo {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    isTTY: terminals.includes(name),
    write: async (text: string | Uint8Array) => {
      written[name] += Buffer.from(text).toString();
    },
  });
  const io = {
    env: {},
    cwd: '/',
    toolPath: '/nowhere/bin/elasticsearch-service-tokens',
    stdin: Object.assign(Readable.from([stdin]), { isTTY: terminals.includes('stdin') }),
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
  given: Given = {},
  fs?: FileSystem,
): Promise<Finished> {
  const { io, written } = memoryIo(given);
  const status = await main(args, io, fs);
  return { ...written, status };
}

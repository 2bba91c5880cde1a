/** The streams and signals of this process, with workarounds for errors that Node ignores. */
import { constants } from 'node:os';
import { accessModeOf, nodeFileSystem as fs, O_RDONLY, O_RDWR } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import type { Io, Output } from './terminal.js';

/** The Io of this process. */
export function processIo(): Io {
  const cwd = attempt(() => process.cwd()); // now, because the working directory may change later
  const toolFile = process.argv[1] ?? '.';
  return {
    env: process.env,
    get cwd() {
      if (cwd !== undefined) return cwd;
      throw new ServiceTokensError('CONFIG', 'The current directory does not exist', {
        hint: 'Change to a directory that exists, or use absolute paths.',
      });
    },
    toolPath: attempt(() => fs.realpathSync(toolFile)) ?? toolFile,
    get stdin() {
      // A getter, because opening stdin takes time and may block.
      return inputOf(0);
    },
    stdout: { ...outputOf(process.stdout, 1), fault: faultOf(1) },
    stderr: outputOf(process.stderr, 2),
    get isMerged() {
      return !process.stderr.isTTY && isSameFile(1, 2);
    },
    get interrupted() {
      signals ??= listenForSignals();
      return signals;
    },
  };
}

function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

let signals: AbortSignal | undefined;

function listenForSignals(): AbortSignal {
  const controller = new AbortController();
  const codes = { SIGHUP: 'HANGUP', SIGINT: 'INTERRUPT', SIGTERM: 'TERMINATED' } as const;
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    if (isIgnored(constants.signals[signal])) continue; // by nohup, or by a shell for a background job
    process.on(signal, () =>
      controller.abort(
        new ServiceTokensError(codes[signal], `interrupted by ${signal}, nothing has changed`),
      ),
    );
  }
  return controller.signal;
}

/** SigIgn in proc(5)'s status is a hexadecimal mask; signal 1 is the lowest bit. */
function isIgnored(signal: number): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Node silently reads a directory or a block device as an empty stream. */
function inputOf(fd: number): Io['stdin'] {
  const stat = attempt(() => fs.fstatSync(fd));
  return stat?.isDirectory() || stat?.isBlockDevice() ? chunksOf(fd) : process.stdin;
}

async function* chunksOf(fd: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    const read = fs.readSync(fd, chunk, 0, chunk.length, null);
    if (read === 0) return;
    yield Buffer.from(chunk.subarray(0, read));
  }
}

function outputOf(stream: NodeJS.WriteStream, fd: number): Output {
  stream.on('error', () => {}); // write's callback reports it; without a listener it would end the process
  const isTTY = stream.isTTY === true;
  const stat = attempt(() => fs.fstatSync(fd));
  if (!isTTY && !stat?.isFIFO() && !stat?.isSocket())
    return { isTTY, write: async (text) => writeAll(fd, text) };
  return {
    isTTY,
    write: (text) =>
      new Promise((resolve, reject) => stream.write(text, (error) => (error ? reject(error) : resolve()))),
  };
}

/** Node ignores the error of a write to a directory, and a partial write to a file on a full disk. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    offset += fs.writeSync(fd, bytes, offset, bytes.length - offset, null);
  }
}

function isSameFile(fd: number, other: number): boolean {
  try {
    const [a, b] = [fs.fstatSync(fd), fs.fstatSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/**
 * Why a write to a descriptor would be lost, as an errno. Node replaces a closed descriptor (`>&-`) by /dev/null opened
 * for reading and writing, which cannot be told from one that a parent process opened (Python's subprocess.DEVNULL,
 * Node's `stdio: 'ignore'`). A shell's `>/dev/null` is write-only, and the caller's choice. Without /proc this cannot
 * be determined.
 */
function faultOf(fd: number): string | undefined {
  const stat = attempt(() => fs.fstatSync(fd));
  if (stat === undefined) return 'EBADF';
  if (stat.isDirectory()) return 'EISDIR';
  const mode = accessModeOf(fs, fd);
  const isNull = stat.isCharacterDevice() && stat.rdev === attempt(() => fs.statSync('/dev/null'))?.rdev;
  return mode === O_RDONLY || (mode === O_RDWR && isNull) ? 'EBADF' : undefined;
}

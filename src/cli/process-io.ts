/** The streams and signals of this process, as the command sees them: what Node does to them without a word is undone. */
import { constants } from 'node:os';
import { accessModeOf, nodeFileSystem as fs, O_RDONLY, O_RDWR } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import type { Io, Output } from './terminal.js';

/** The Io of this process. */
export function processIo(): Io {
  const cwd = attempt(() => process.cwd()); // now, as the directory may be another one later
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
      // Asked for by a command that reads it: to open it takes time, and may wait.
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
    if (isIgnored(constants.signals[signal])) continue; // by nohup, or by a shell for its background jobs
    process.on(signal, () =>
      controller.abort(
        new ServiceTokensError(codes[signal], `interrupted by ${signal}, nothing has changed`),
      ),
    );
  }
  return controller.signal;
}

/** SigIgn in proc(5)'s status is a hexadecimal mask, with signal 1 in its lowest bit. */
function isIgnored(signal: number): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Node reads a directory or a disk as an empty stream, without a word. */
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
  stream.on('error', () => {}); // told by write's callback; without a listener it would end the process
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

/** Node drops what it writes to a directory, and does not look whether a file on a full disk took all of it. */
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
 * Why nobody can read what is written to a descriptor, as an errno. Node opens /dev/null for reading and writing in the
 * place of one that was closed (`>&-`), and nothing tells that from the same opened by a parent process (Python's
 * subprocess.DEVNULL, Node's `stdio: 'ignore'`); a shell's own `>/dev/null` is for writing only, and the caller's
 * choice. Where there is no /proc, nobody can tell.
 */
function faultOf(fd: number): string | undefined {
  const stat = attempt(() => fs.fstatSync(fd));
  if (stat === undefined) return 'EBADF';
  if (stat.isDirectory()) return 'EISDIR';
  const mode = accessModeOf(fs, fd);
  const isNull = stat.isCharacterDevice() && stat.rdev === attempt(() => fs.statSync('/dev/null'))?.rdev;
  return mode === O_RDONLY || (mode === O_RDWR && isNull) ? 'EBADF' : undefined;
}

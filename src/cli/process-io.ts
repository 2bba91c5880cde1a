/** The streams and signals of this process, with workarounds for errors that Node ignores. */
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { accessModeOf } from '../disk/caller-descriptor.js';
import { errnoOf, nodeFileSystem as fs, ignoreFailure, O, type Stats } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import type { Io, Output } from './terminal.js';

export function processIo(): Io {
  const cwd = ignoreFailure(() => process.cwd()); // now, because the working directory may change later
  return {
    env: process.env,
    get cwd() {
      if (cwd !== undefined) return cwd;
      throw new ServiceTokensError('CONFIG', 'The current directory does not exist', {
        hint: 'Change to a directory that exists, or use absolute paths.',
      });
    },
    get toolPath() {
      // In a standalone executable, the second word names a file that only it can see.
      return ignoreFailure(() => fs.realpathSync(process.argv[1] ?? '.')) ?? process.execPath;
    },
    /** A getter, because opening stdin takes time and may block. */
    get stdin() {
      const stat = ignoreFailure(() => fs.fstatSync(0));
      // Node silently reads a directory or a block device as an empty stream.
      return stat?.isDirectory() || stat?.isBlockDevice() ? chunksOf(0) : process.stdin;
    },
    stdout: outputOf(1),
    stderr: outputOf(2),
    useThreads(count) {
      process.env['UV_THREADPOOL_SIZE'] ??= String(count); // Node passes it on to the environment of the process
    },
    get interrupted() {
      signals ??= listenForSignals();
      return signals;
    },
  };
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
  const status = ignoreFailure(() => fs.readFileSync('/proc/self/status', 'utf8')) ?? '';
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

async function* chunksOf(fd: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    const read = fs.readSync(fd, chunk, 0, chunk.length, null);
    if (read === 0) return;
    yield Buffer.from(chunk.subarray(0, read));
  }
}

/** Opens the stream of a descriptor only if needed: it takes time, and makes a pipe non-blocking for all its users. */
function outputOf(fd: 1 | 2): Output {
  const stat = ignoreFailure(() => fs.fstatSync(fd));
  const fault = faultOf(fd, stat); // now, because /proc may be unreadable as another user
  const isTTY = stat?.isCharacterDevice() === true && !isNull(stat) && isatty(fd);
  const isSocket = stat?.isSocket() === true;
  const isFile = !isTTY && !isSocket && stat?.isFIFO() !== true;
  const write: Output['write'] = async (text) => {
    let rest: Uint8Array = Buffer.from(text);
    // Node ignores the error of a write to a directory, and a partial write to a file on a full disk.
    if (isFile) while (rest.length > 0) rest = rest.subarray(fs.writeSync(fd, rest));
    while (rest.length > 0) {
      const left = isSocket || fault !== undefined ? undefined : writeAtOnce(fd, rest);
      if (left?.length === 0) return;
      // Node's stream is faster than the pauses, but a write to a terminal blocks, and a waiting one cannot be ended.
      if (left === undefined || signals === undefined) return writeToStream(fd, left ?? rest);
      rest = left;
      signals.throwIfAborted();
      await sleep(PAUSE);
    }
  };
  return { isTTY, fault, write };
}

const PAUSE = 10; // milliseconds, for a reader that does not read

/**
 * Writes as much to a pipe or a terminal as it takes without blocking, through a separate non-blocking descriptor, so
 * that signals are handled while the rest, which is returned, waits. Without /proc, or if the pipe has no reader or
 * belongs to another user, it returns undefined.
 */
function writeAtOnce(fd: number, bytes: Uint8Array): Uint8Array | undefined {
  const own = ignoreFailure(() => fs.openSync(`/proc/self/fd/${fd}`, O.WRONLY | O.NONBLOCK | O.NOCTTY));
  if (own === undefined) return undefined;
  let rest = bytes;
  try {
    while (rest.length > 0) rest = rest.subarray(fs.writeSync(own, rest));
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error;
  } finally {
    fs.closeSync(own);
  }
  return rest;
}

function writeToStream(fd: 1 | 2, bytes: Uint8Array): Promise<void> {
  const stream = fd === 1 ? process.stdout : process.stderr;
  // The callback of write reports it; without a listener it would end the process.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Why a write to a descriptor would be lost, as an errno. Node replaces a closed descriptor (`>&-`) by /dev/null opened
 * for reading and writing, which looks like one that a parent process opened (Python's subprocess.DEVNULL,
 * Node's `stdio: 'ignore'`). A shell's `>/dev/null` is write-only, and the caller's choice. Without /proc this cannot
 * be determined.
 */
function faultOf(fd: number, stat: Stats | undefined): string | undefined {
  if (stat === undefined) return 'EBADF';
  if (stat.isDirectory()) return 'EISDIR';
  const mode = accessModeOf(fs, fd);
  return mode === O.RDONLY || (mode === O.RDWR && isNull(stat)) ? 'EBADF' : undefined;
}

function isNull(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === ignoreFailure(() => fs.statSync('/dev/null'))?.rdev;
}

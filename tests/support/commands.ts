import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The launcher in bin. */
export const LAUNCHER = fileURLToPath(new URL('../../../bin/elasticsearch-service-tokens', import.meta.url));

/** The file of the real command: the launcher, or the program that the environment names instead. */
export const BIN = process.env['TESTED_COMMAND'] ?? LAUNCHER;

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status, or the name of the signal that ended the process. */
  readonly status: number | string | null;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs a program to its end, without a shell. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ stdout, stderr, status: code ?? signal }));
  });
}

/** Calls `work` for each item, a few at a time. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  width = 4,
): Promise<R[]> {
  const results: R[] = [];
  const queue = [...items.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      results[next[0]] = await work(next[1]);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

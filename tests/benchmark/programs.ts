/** The programs that are timed as whole processes: the command, and what it is compared with. */
import { spawnSync } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN } from '../support/commands.js';

/** What a program prints is dropped; for writing only, as create refuses a stdout that nobody can read. */
const NOWHERE = openSync('/dev/null', 'w');

export interface Call {
  readonly args: readonly string[];
  readonly configDir: string;
  readonly input?: string;
}

/** The commands under test, in a directory for what they need. */
export class Programs {
  readonly #directory: string;
  readonly #hash: string;
  readonly #empty: string;
  readonly #witness: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#empty = this.#file('empty.cjs', '');
    this.#hash = this.#file(
      'hash.cjs',
      `const { createHash, pbkdf2Sync, randomBytes } = require('node:crypto');
       const secret = createHash('sha512').update(randomBytes(16).toString('base64')).digest('hex');
       pbkdf2Sync(secret, randomBytes(32), 10_000, 32, 'sha512');`,
    );
    this.#witness = this.#file(
      'witness.cjs',
      `const { readFileSync, writeFileSync } = require('node:fs');
       process.on('exit', () => writeFileSync(process.env.STATUS_FILE, readFileSync('/proc/self/status')));`,
    );
  }

  /** This tool. */
  tool({ args, ...others }: Call): void {
    this.#run(process.execPath, [BIN, ...args], others);
  }

  /** The most memory that this tool had, in MiB. */
  memoryOf({ args, ...others }: Call): number {
    const status = join(this.#directory, 'status');
    this.#run(process.execPath, ['--require', this.#witness, BIN, ...args], others, { STATUS_FILE: status });
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(status, 'utf8'))?.[1]) / 1024;
  }

  original(program: string, { args, ...others }: Call): void {
    this.#run(program, args, others);
  }

  /** A Node that does nothing. */
  bareNode(): void {
    this.#run(process.execPath, [this.#empty]);
  }

  /** A Node that computes one hash of the default algorithm. */
  bareHash(): void {
    this.#run(process.execPath, [this.#hash]);
  }

  /** The names of a file, sorted by its bytes. */
  cutAndSort(tokensFile: string): void {
    this.#run('/bin/sh', ['-c', 'cut -d: -f1 "$0" | sort', tokensFile], {}, { LC_ALL: 'C' });
  }

  #file(name: string, text: string): string {
    const path = join(this.#directory, name);
    writeFileSync(path, text);
    return path;
  }

  #run(
    program: string,
    args: readonly string[],
    { configDir, input = '' }: Partial<Call> = {},
    more: Record<string, string> = {},
  ): void {
    // Node would read the certificates of NODE_EXTRA_CA_CERTS at every start, which hides what the tool costs.
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    const { status, error, stderr } = spawnSync(program, args, {
      env: { ...env, ...more, ...(configDir === undefined ? {} : { ES_PATH_CONF: configDir }) },
      input,
      stdio: ['pipe', NOWHERE, 'pipe'],
      encoding: 'utf8',
    });
    if (status !== 0) throw error ?? new Error(`${program} ${args.join(' ')}: ${status}, ${stderr}`);
  }
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../support/fixtures.js';
import type { Identity, Reply, Request } from './protocol.js';

const VICTIM = fileURLToPath(new URL('./victim.js', import.meta.url));
const ATTACKER = join(projectRoot, 'tests/attacks/attacker.pl');

/** How long a command may take that is seen to do something, in milliseconds. */
const LIMIT = 20_000;

/** A victim and an attacker, two processes of two users, with a pipe each way between them. */
export class Crew {
  readonly #victim: ChildProcess;
  readonly #attacker: ChildProcess;

  private constructor(victim: ChildProcess, attacker: ChildProcess) {
    this.#victim = victim;
    this.#attacker = attacker;
  }

  /** Starts both, as root. */
  static async start(victim: Identity, attacker: Identity): Promise<Crew> {
    const orders = pipe();
    const answers = pipe();
    const identity = ({ uid, groups }: Identity) => [String(uid), groups.join(',')];
    const villain = spawn('perl', [ATTACKER, ...identity(attacker)], {
      stdio: [orders.read, answers.write, 'inherit'],
    });
    const worker = spawn(process.execPath, ['--no-warnings', VICTIM, ...identity(victim)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', orders.write, answers.read],
    });
    for (const fd of [orders.read, orders.write, answers.read, answers.write]) closeSync(fd);
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('exit', (status) => reject(new Error(`the victim ended at once: ${status}`)));
      villain.once('exit', (status) => reject(new Error(`the attacker ended at once: ${status}`)));
    });
    return new Crew(worker, villain);
  }

  /** Runs a command. @returns what became of it; `hang` when it waits for something that does not come */
  async run(request: Request): Promise<Reply | 'hang'> {
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#victim.once('message', resolve);
      this.#victim.once('exit', (status, signal) =>
        reject(new Error(`the victim ended: ${status ?? signal}`)),
      );
    });
    const finished = new AbortController();
    try {
      this.#victim.send(request);
      return await Promise.race([reply, this.#watch(finished.signal)]);
    } finally {
      finished.abort();
      this.#victim.removeAllListeners('exit');
      this.#victim.removeAllListeners('message');
    }
  }

  /** Ends both. */
  async stop(): Promise<void> {
    const ended = [this.#victim, this.#attacker].map((child) =>
      child.exitCode === null && child.signalCode === null
        ? new Promise((resolve) => child.once('exit', resolve))
        : undefined,
    );
    this.#victim.kill('SIGKILL');
    this.#attacker.kill('SIGKILL');
    await Promise.all(ended);
  }

  /**
   * Three looks in a row at which all threads of the victim sleep, its main one in a system call other than the event
   * loop's, while the attacker owes it no answer: nothing will ever wake it. Whatever else it does has a limit.
   */
  async #watch(signal: AbortSignal): Promise<'hang'> {
    const start = performance.now();
    for (let looks = 0; looks < 3 && performance.now() - start < LIMIT; ) {
      await sleep(200, undefined, { signal });
      looks = isStuck(this.#victim) && isAsleep(this.#attacker) ? looks + 1 : 0;
    }
    return 'hang';
  }
}

/** Some kernels do not tell where a process sleeps, but "0". */
function isStuck(child: ChildProcess): boolean {
  if (!isAsleep(child)) return false;
  const place = readFileSync(`/proc/${child.pid}/wchan`, 'utf8');
  return !['', '0'].includes(place) && !place.includes('ep_poll');
}

/** Whether all threads of a process sleep. */
function isAsleep({ pid, exitCode, signalCode }: ChildProcess): boolean {
  if (exitCode !== null || signalCode !== null) return false;
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => / S /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
}

/** A pipe, which Node offers no call for: a named one whose name is gone. */
function pipe(): { read: number; write: number } {
  const directory = mkdtempSync('/tmp/service-tokens-pipe-');
  const path = join(directory, 'pipe');
  spawnSync('mkfifo', ['-m', '600', path]);
  const both = openSync(path, constants.O_RDWR);
  const ends = { read: openSync(path, constants.O_RDONLY), write: openSync(path, constants.O_WRONLY) };
  closeSync(both);
  rmSync(directory, { recursive: true });
  return ends;
}

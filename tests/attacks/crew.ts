import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../support/fixtures.js';
import type { Identity, Reply, Request } from './protocol.js';

const VICTIM = fileURLToPath(new URL('./victim.js', import.meta.url));
const ATTACKER = join(projectRoot, 'tests/attacks/attacker.pl');

/** The time limit of a command that is not asleep, in milliseconds. */
const LIMIT = 20_000;

/** A victim and an attacker, two processes of two users, connected by two pipes. */
export class Crew {
  readonly #victim: ChildProcess;
  readonly #attacker: ChildProcess;

  private constructor(victim: ChildProcess, attacker: ChildProcess) {
    this.#victim = victim;
    this.#attacker = attacker;
  }

  /** Starts both. Needs root. */
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
      worker.once('exit', (status) => reject(new Error(`the victim ended early: ${status}`)));
      villain.once('exit', (status) => reject(new Error(`the attacker ended early: ${status}`)));
    });
    return new Crew(worker, villain);
  }

  /** Runs a command. @returns the result; `hang` if it blocks forever */
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

  /** Stops both. */
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
   * The victim hangs if in three samples in a row all its threads sleep, the main one in a system call other than that
   * of the event loop, and the attacker has answered: then nothing will wake it. All else is covered by the time limit.
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

/** Some kernels report "0" instead of the system call. */
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

/** An anonymous pipe, for which Node has no call: a named pipe that was unlinked. */
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

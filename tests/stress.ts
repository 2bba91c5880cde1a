/**
 * Many processes change one tokens file, and many are killed: `npm run stress -- [ROUNDS] [PROCESSES] [KILLS]`.
 *
 * Each round runs PROCESSES creates simultaneously, then deletes half of their tokens while it creates as many. Then it
 * runs KILLS creates, which get SIGKILL at different times; after each, another run must work. It counts lost updates,
 * unreadable files and leftover files, and measures the slowest run after a kill. Then, as root, it runs the races of
 * another user against the command, ten seconds each. It exits with status 1 if a count is not 0.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceTokensFile } from '../src/tokens-file/service-tokens-file.js';
import { runRaces } from './attacks/races.js';
import { BIN, run } from './support/commands.js';

const [rounds = 1, processes = 48, kills = 120] = process.argv.slice(2).map(Number);
const directory = mkdtempSync(join(tmpdir(), 'service-tokens-stress-'));
const path = join(directory, 'service_tokens');
const arguments_ = (command: string, name: string) => [command, 'elastic/kibana', name, '--file', path];
const call = (command: string, name: string) => run(BIN, arguments_(command, name));
const names = () =>
  new Set(new ServiceTokensFile(path).list().map((name) => name.slice('elastic/kibana/'.length)));

let failed = 0;
let lost = 0;
let torn = 0;
let slowest = 0;

async function allOf(calls: Promise<{ status: number | string | null; stderr: string }>[]): Promise<void> {
  for (const { status, stderr } of await Promise.all(calls)) {
    if (status === 0) continue;
    failed++;
    console.error(stderr.trim());
  }
}

function expectFile(present: string[], absent: string[]): void {
  const found = names();
  lost += present.filter((name) => !found.has(name)).length + absent.filter((name) => found.has(name)).length;
}

/** Starts a create and kills it after a delay, at an arbitrary step. */
async function kill(name: string, delay: number): Promise<void> {
  const child = spawn(BIN, arguments_('create', name), { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await sleep(delay);
  child.kill('SIGKILL');
  await ended;
}

for (let round = 0; round < rounds; round++) {
  const first = Array.from({ length: processes }, (_, i) => `r${round}-${i}`);
  await allOf(first.map((name) => call('create', name)));
  expectFile(first, []);

  const [deleted, kept] = [first.slice(0, processes / 2), first.slice(processes / 2)];
  const second = deleted.map((name) => `${name}-again`);
  await allOf([
    ...deleted.map((name) => call('delete', name)),
    ...second.map((name) => call('create', name)),
  ]);
  expectFile([...kept, ...second], deleted);

  // Kills are spread over the duration of a run, which is measured first.
  const start = performance.now();
  await allOf([call('create', `r${round}-measure`)]);
  const duration = performance.now() - start;
  const after: string[] = [];
  for (let i = 0; i < kills; i++) {
    await kill(`r${round}-killed-${i}`, (duration * 1.1 * i) / kills);
    try {
      names();
    } catch {
      torn++;
    }
    const next = performance.now();
    await allOf([call('create', `r${round}-after-${i}`)]);
    slowest = Math.max(slowest, performance.now() - next);
    after.push(`r${round}-after-${i}`);
  }
  expectFile([...kept, ...second, ...after], deleted);
  console.log(
    `round ${round + 1}: ${2 * processes} changes at once, ${kills} kills: ` +
      `${lost} updates lost, ${failed} failed, ${torn} files torn, ` +
      `${readdirSync(directory).length - 1} leftovers, slowest run after a kill ${Math.round(slowest)} ms`,
  );
}
const leftovers = readdirSync(directory).length - 1;
rmSync(directory, { recursive: true });
const harmful = process.getuid?.() === 0 ? (await runRaces(10)).failed : 0;
process.exitCode = lost + failed + torn + leftovers + harmful === 0 ? 0 : 1;

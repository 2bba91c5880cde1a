/**
 * The slow tests: `npm run acceptance`.
 *
 * First it runs all tests of which `npm test` runs a sample, the package on every supported version of Node, the
 * standalone executable, its packages, and ten minutes of fuzz, or as many seconds as FUZZ_SECONDS in the environment
 * says, from the seed FUZZ_SEED; npm downloads these versions of Node, and Bun. Then it runs every attack of another user, or,
 * with `npm run acceptance -- WORD...`, only the attacks whose titles contain these words. The attacks need root, Linux
 * and perl; otherwise they are reported as skipped. They are a table, with a move before each system call of each
 * command, and real races. It prints a line for each group, every attack that did harm, and finally how many attacks
 * did no harm, did harm, or were forbidden by the system. The exit status is 1 if an attack does harm or a test fails.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { runRaces } from './attacks/races.js';
import { type Failure, groups, Theatre, title } from './attacks/table.js';

const CORES = 2;

/** The duration of each race. */
const SECONDS = 3;

/** The compiled test files that use support/thoroughness.ts, found by their imports so that none is forgotten. */
const SAMPLED = readdirSync('dist/tests', { recursive: true, encoding: 'utf8' }).filter(
  (name) =>
    name.endsWith('.test.js') && readFileSync(`dist/tests/${name}`, 'utf8').includes('/thoroughness.js'),
);

const words = process.argv.slice(2);
const isChosen = (title: string) => words.every((word) => title.includes(word));
const { FUZZ_SECONDS = '600', FUZZ_SEED = [] } = process.env;
const tests =
  words.length > 0
    ? 0
    : // Beside each other, because each waits for downloads or for its last test.
      Math.max(...(await Promise.all([runTestsWhole(), run(['dist/tests/acceptance/release.js'])]))) ||
      (await run(['dist/tests/fuzz.js', FUZZ_SECONDS].concat(FUZZ_SEED)));
const attacks = process.getuid?.() === 0 ? await runAll() : sayThatTheyAreSkipped();
process.exitCode = tests || attacks;

function runTestsWhole(): Promise<number> {
  // The whole of what npm test samples takes minutes, and no result depends on how many.
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--testTimeout=600000'];
  return run([...jest, ...SAMPLED], { THOROUGH: '1', NODE_NO_WARNINGS: '1' });
}

/** Runs Node. @returns the exit status */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  return new Promise((done) => child.on('close', (status) => done(status ?? 1)));
}

function sayThatTheyAreSkipped(): number {
  console.log('0 passed, 0 failed, all skipped: the attacks need root');
  return 0;
}

/** @returns the exit status */
async function runAll(): Promise<number> {
  const table = await runTable();
  const races = await runRaces(SECONDS, isChosen);
  const [passed, failed] = [table.passed + races.passed, table.failed + races.failed];
  console.log(`${passed} passed, ${failed} failed, ${table.skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

async function runTable(): Promise<{ passed: number; failed: number; skipped: number }> {
  const queue = groups.filter((group) => isChosen(title(group)));
  const total = { passed: 0, failed: 0, skipped: 0 };
  const start = performance.now();
  const work = async () => {
    const theatre = new Theatre();
    for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
      const { attacks, impossible, failures } = await theatre.play(group);
      total.passed += attacks - failures.length;
      total.failed += failures.length;
      total.skipped += impossible;
      const seconds = Math.round((performance.now() - start) / 1000);
      console.log(`${seconds} s: ${title(group)}: ${attacks} attacks, ${failures.length} times harm`);
      for (const line of summaryOf(failures)) console.log(`  FAILED ${line}`);
    }
    await theatre.close();
  };
  await Promise.all(Array.from({ length: CORES }, work));
  return total;
}

/** Formats a line for each move and effect, with the calls before which the move had this effect. */
function summaryOf(failures: readonly Failure[]): string[] {
  const places = new Map<string, string[]>();
  for (const { where, move, what } of failures) {
    const key = `${move}: ${what}`;
    places.set(key, [...(places.get(key) ?? []), where]);
  }
  return [...places].map(([key, calls]) => `${key} (${calls.length} times, first ${calls[0]})`);
}

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, run } from '../support/commands.js';
import { projectRoot } from '../support/fixtures.js';
import { violations } from './invariants.js';
import type { Layout } from './layouts.js';
import type { Order, Reply } from './protocol.js';
import { grounds, type Race, races, wayOrders } from './race-table.js';
import { sampleEntry } from './sample-entry.js';
import { Stage } from './stage.js';

const ATTACKER = join(projectRoot, 'tests/attacks/attacker.pl');
const CORES = 2;
/**
 * The time in seconds after which a command counts as hanging. A command waits for 10 seconds for a lock that an attacker
 * keeps, and on a busy machine several commands take as long again to start.
 */
const LIMIT = 60;

interface Tally {
  runs: number;
  exchanges: number;
  hangs: number;
  /** The violations, and how often each occurred. */
  readonly harms: Map<string, number>;
}

export interface RaceResult {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Runs races of an attacker against the command, as root.
 *
 * For each race, prints how often the command ran, how often names were exchanged, and how often that did harm or made
 * the command hang.
 *
 * @param seconds the duration of each race
 * @param isChosen selects races by their titles
 */
export async function runRaces(
  seconds: number,
  isChosen: (title: string) => boolean = () => true,
): Promise<RaceResult> {
  const titleOf = (race: Race, layout: Layout) => `attack ${race.number}; ${layout.name}; ${race.name}`;
  const queue = races
    .flatMap((race) => grounds.map((layout) => ({ race, layout, title: titleOf(race, layout) })))
    .filter(({ title }) => isChosen(title));
  let [passed, failed] = [0, 0];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { runs, exchanges, hangs, harms } = await compete(next.race, next.layout, seconds);
      const harm = [...harms.values()].reduce((sum, count) => sum + count, 0);
      if (harm === 0) passed++;
      else failed++;
      console.log(`${next.title}: ${runs} runs, ${exchanges} exchanges, ${harm} times harm, ${hangs} hangs`);
      for (const [what, count] of harms) console.log(`  FAILED ${what} (${count} times)`);
    }
  };
  await Promise.all(Array.from({ length: CORES }, work));
  return { passed, failed };
}

/** Runs the commands of a race in turn, each on a new stage, until the time is over. */
async function compete(race: Race, layout: Layout, seconds: number): Promise<Tally> {
  const stage = new Stage();
  const tally: Tally = { runs: 0, exchanges: 0, hangs: 0, harms: new Map() };
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) await runOnce(race, layout, stage, tally);
  stage.remove();
  return tally;
}

async function runOnce(race: Race, layout: Layout, stage: Stage, tally: Tally): Promise<void> {
  const beginning = beginningOf(layout, race.beginning);
  stage.build(layout, beginning, sampleEntry);
  const config = stage.config(layout);
  if (race.settings !== '') writeFileSync(join(config, 'elasticsearch.yml'), race.settings);
  const ground = { config, stage };
  const before = stage.inventory();
  const attackers = [...race.orders(ground), ...wayOrders(layout.movable, ground)].map((order) =>
    attack(layout, order),
  );
  await Promise.all(attackers.map(({ started }) => started));
  const command = race.commands[tally.runs % race.commands.length] ?? [];
  const replies = await Promise.all(
    Array.from({ length: race.width }, () => runCommand([...command, '--config-dir', config])),
  );
  for (const { stop } of attackers) tally.exchanges += await stop();
  const after = stage.inventory();
  if (after !== before) stage.forgetTreasure();
  const leaks = stage.leaks(layout.attacker);
  for (const reply of replies) {
    tally.runs++;
    if (reply === 'hang') tally.hangs++;
    const found = violations(reply, { before, after, leaks });
    if (race.forbidsAdvice && reply !== 'hang' && /\bch(own|mod)\b/.test(reply.stdout + reply.stderr))
      found.push('the output contains a chown or chmod command');
    for (const what of found) tally.harms.set(what, (tally.harms.get(what) ?? 0) + 1);
  }
}

function beginningOf({ beginnings }: Layout, name: string) {
  const beginning = beginnings.find((each) => each.name === name);
  if (beginning === undefined) throw new Error(`no beginning is called ${name}`);
  return beginning;
}

async function runCommand(argv: readonly string[]): Promise<Reply | 'hang'> {
  const { stdout, stderr, status } = await run('timeout', ['-s', 'KILL', String(LIMIT), BIN, ...argv]);
  if (typeof status !== 'number' || status === 137) return 'hang';
  return { status, stdout, stderr, calls: [], answer: undefined, heard: '' };
}

/** Starts an attacker with one order. @returns a function that stops it and returns the number of its exchanges */
function attack({ attacker }: Layout, order: Order): { started: Promise<void>; stop: () => Promise<number> } {
  const child = spawn('perl', [ATTACKER, String(attacker.uid), attacker.groups.join(',')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin.write(`${order.join('\t')}\n`);
  return {
    started: new Promise((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('close', () => reject(new Error(`an attacker ended before its race: ${order.join(' ')}`)));
    }),
    async stop() {
      child.kill('SIGTERM');
      await ended;
      return Number(/^\d+$/m.exec(output)?.[0] ?? 0);
    },
  };
}

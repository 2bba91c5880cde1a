/**
 * Measures the tool on this machine, and prints Markdown: `npm run benchmark`.
 *
 *     npm run benchmark -- [ENTRIES [PAIRS]]
 *
 * ENTRIES (1,000,000) is the size of the large file; files of up to five times this size show how the time grows. PAIRS
 * (11) is the number of runs of a command. ES_ORIGINAL names the original's program, which is then timed, too. Absolute
 * figures depend on the machine; a ratio is the median of pairs that ran in turn.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { arch, cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { inPairs, median, secondsOf } from './benchmark/pairs.js';
import { type Call, Programs } from './benchmark/programs.js';
import { makeTokensFile, type TokensFile } from './benchmark/tokens-files.js';

const SMALL = 5;
const [entries = 1_000_000, pairs = 11] = process.argv.slice(2).map(Number);
const original = process.env['ES_ORIGINAL'];
const directory = mkdtempSync(join(tmpdir(), 'service-tokens-benchmark-'));
const programs = new Programs(directory);

/** Returns the arguments of a command on a file in a numbered run. */
type Command = (file: TokensFile, run: number) => Call;

const help: Command = ({ configDir }) => ({ configDir, args: ['--help'] });
const list: Command = ({ configDir }) => ({ configDir, args: ['list'] });
const verify: Command = ({ configDir, bearer }) => ({ configDir, args: ['verify'], input: `${bearer}\n` });
/** The token that a numbered run creates; delete removes it in the run with the same number. */
const change = (command: string, who: string): Command => {
  return ({ configDir }, run) => ({ configDir, args: [command, 'elastic/kibana', `${who}${run}`] });
};
const [create, remove] = [change('create', 'new'), change('delete', 'new')];

function row(...cells: readonly (string | number)[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}

function table(title: string, ...columns: readonly string[]): void {
  console.log(`\n${title}\n`);
  row(...columns);
  row(...columns.map((_, i) => (i === 0 ? '---' : '---:')));
}

const seconds = (value: number) => `${value.toFixed(value < 1 ? 3 : 2)} s`;
const mebibytes = (value: number) => `${value.toFixed(0)} MiB`;

/** One row of a table of commands: a command, timed in turn with its peer. */
async function compare(name: string, command: Command, file: TokensFile, peer: (run: number) => void) {
  const timed = await inPairs(pairs, (run) => programs.tool(command(file, run)), peer);
  const memory = programs.memoryOf(command(file, pairs));
  row(name, seconds(timed.seconds), seconds(timed.peerSeconds), timed.ratio.toFixed(2), mebibytes(memory));
}

async function compareSmall(): Promise<void> {
  const file = makeTokensFile(directory, SMALL);
  table(
    `Whole commands on a file of ${SMALL} tokens:`,
    ...['command', 'median', 'peer', 'ratio', 'peak memory'],
  );
  const [node, hash] = [() => programs.bareNode(), () => programs.bareHash()];
  await compare('`--help`; a Node that does nothing', help, file, node);
  await compare('`list`; a Node that does nothing', list, file, node);
  await compare('`create`; a Node that computes the hash', create, file, hash);
  await compare('`delete`; a Node that does nothing', remove, file, node);
  await compare('`verify`; a Node that computes the hash', verify, file, hash);
}

async function compareLarge(order: 'random' | 'sorted'): Promise<void> {
  const file = makeTokensFile(directory, entries, order);
  const size = `${entries.toLocaleString('en')} tokens, ${mebibytes(statSync(file.path).size / 2 ** 20)}`;
  table(
    `On a file of ${size}, in ${order} order; the peer is \`LC_ALL=C cut -d: -f1 | LC_ALL=C sort\`:`,
    ...['command', 'median', 'peer', 'ratio', 'peak memory'],
  );
  const peer = () => programs.cutAndSort(file.path);
  await compare('`list`', list, file, peer);
  await compare('`create`', create, file, peer);
  await compare('`delete`', remove, file, peer);
  await compare('`verify`', verify, file, peer);
  rmSync(file.configDir, { recursive: true });
}

/** Measures how the time grows with the file: it is proportional to the entries, apart from the startup. */
async function growth(): Promise<void> {
  table('By size, in random order, medians of 3:', 'tokens', '`list`', '`create`', '`list`, memory');
  for (const size of [1_000, 10_000, 100_000, 1_000_000, 5_000_000].filter((size) => size <= 5 * entries)) {
    const file = makeTokensFile(directory, size, 'random');
    const timesOf = async (command: Command) => {
      const times: number[] = [];
      for (let run = 0; run < 3; run++)
        times.push(await secondsOf(() => programs.tool(command(file, run)), run));
      return median(times);
    };
    const [listed, created] = [await timesOf(list), await timesOf(create)];
    const memory = programs.memoryOf(list(file, 0));
    row(size.toLocaleString('en'), seconds(listed), seconds(created), mebibytes(memory));
    rmSync(file.configDir, { recursive: true });
  }
}

/** Compares with the original. Each program has a separate file, because the original rewrites all lines. */
async function compareOriginal(program: string): Promise<void> {
  const [own, its] = [makeTokensFile(directory, SMALL), makeTokensFile(directory, SMALL)];
  table(`The original, on a file of ${SMALL} tokens:`, 'command', 'median', 'the original', 'ratio');
  for (const [name, command] of Object.entries({ help, list, create, delete: remove })) {
    const timed = await inPairs(
      pairs,
      (run) => programs.tool(command(own, run)),
      (run) => programs.original(program, command(its, run)),
    );
    row(`\`${name}\``, seconds(timed.seconds), seconds(timed.peerSeconds), timed.ratio.toFixed(3));
  }
}

function machine(): string {
  const sort = spawnSync('sort', ['--version'], { encoding: 'utf8' }).stdout.split('\n', 1)[0];
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const processors = `${cpus().length} x ${cpus()[0]?.model.trim()}`;
  return `${processors}, ${memory}, Linux ${release()} ${arch()}, Node ${process.version}, ${sort}; ${pairs} pairs, ${new Date().toISOString().slice(0, 10)}.`;
}

try {
  console.log(machine());
  await compareSmall();
  if (original !== undefined) await compareOriginal(original);
  await compareLarge('random');
  await compareLarge('sorted');
  await growth();
  console.log(
    `\nThe load of the machine was ${loadavg()[0]?.toFixed(1)} at the end, this benchmark included.`,
  );
} finally {
  rmSync(directory, { recursive: true });
}

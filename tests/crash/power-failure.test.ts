/**
 * The power fails after each system call of each changing command, and the next command runs.
 *
 * A command runs once, on a model of a disk. After each of its calls, the disk may hold any subset of what was not
 * synced: every subset of up to 12 operations is visited, and of more a sample. For each state of the disk a new
 * machine starts, and these must hold:
 *
 * - the tokens file is the old one or the new one; if it was overwritten in place, `check` may report it instead;
 * - a token that was handed over is accepted; a token file is the old one or the new one, whole, or empty, which counts as none;
 * - the next command succeeds, and the next change leaves nothing behind.
 */
import { describe, expect, test } from '@jest/globals';
import { main } from '../../src/cli/main.js';
import { type FileSystem, O } from '../../src/disk/file-system.js';
import { memoryIo } from '../support/memory-io.js';
import { Random } from '../support/random.js';
import { runsOf } from '../support/thoroughness.js';
import { listing, MemoryDisk, textAt } from './memory-disk.js';

const TOKENS = '/etc/es/service_tokens';
const TOKEN = '/run/es/token';
const SEED = 1;

/** All subsets of 12 operations; of more operations, as many subsets. */
const SUBSETS = runsOf(2 ** 12, 2 ** 4);
/** How many states of a command are visited. */
const STATES = runsOf(Number.POSITIVE_INFINITY, 2);

const ACCOUNT = 'elastic/fleet-server';
/** A file of more than one sector. */
const FIVE = ['a', 'b', 'c', 'd', 'e'].map((name) => `create ${ACCOUNT} ${name}`);
const MORE = '/run/es/more';
/** The next change, which hashes nothing. */
const NEXT = `import --entries ${MORE} --if-not-exists`;

interface Case {
  readonly command: string;
  /** The commands before. */
  readonly given?: readonly string[];
  readonly prepare?: (fs: FileSystem) => void;
  readonly stdin?: string;
  /** The command after the power failure. */
  readonly next?: string;
}

const ENSURE = `ensure ${ACCOUNT} new --token-file ${TOKEN}`;
const CASES: readonly Case[] = [
  { command: `create ${ACCOUNT} new` },
  { command: `create ${ACCOUNT} new`, given: FIVE },
  {
    command: `create ${ACCOUNT} new --token-file ${TOKEN}`,
    given: FIVE,
    next: `create ${ACCOUNT} new --replace --token-file ${TOKEN} --force`,
  },
  { command: ENSURE, given: FIVE, next: ENSURE },
  { command: `${ENSURE} -o env`, given: FIVE, next: `${ENSURE} -o env` },
  { command: `rotate ${ACCOUNT} a`, given: FIVE },
  {
    command: `create ${ACCOUNT} a --replace --token-file ${TOKEN} --force`,
    given: [`create ${ACCOUNT} a --token-file ${TOKEN}`],
    next: `create ${ACCOUNT} a --replace --token-file ${TOKEN} --force`,
  },
  { command: `delete ${ACCOUNT} a`, given: FIVE },
  {
    command: `import`,
    given: FIVE,
    stdin: 'AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL2ltcG9ydGVkOm1HUDBjV2VjU2xpeUVDR3d5MVdVZVE\n',
  },
  { command: `create ${ACCOUNT} new --in-place`, given: FIVE },
  { command: `create ${ACCOUNT} d --replace --in-place`, given: FIVE }, // its hash is in two sectors
  { command: `delete ${ACCOUNT} a --in-place`, given: FIVE },
  {
    command: 'check --fix --server-user 1000:1000',
    given: FIVE,
    prepare: (fs) => {
      const directory = '/etc/es/.service_tokens.lock';
      fs.mkdirSync(directory, 0o700);
      const left = [
        `${directory}/${process.pid}-5-1_2_0123456789ab-0123456789ab`,
        '/etc/es/.service_tokens.0123456789abcdef01.tmp',
      ];
      for (const path of left) fs.closeSync(fs.openSync(path, O.RDWR | O.CREAT, 0o600));
    },
    next: 'check --fix --server-user 1000:1000',
  },
];

/** Runs a command. @param answered called when something was written to stdout */
async function run(fs: FileSystem, command: string, stdin = '', answered = (_: string) => {}) {
  const stdout = { isTTY: false, write: async (text: string | Uint8Array) => answered(text.toString()) };
  const { io, written } = memoryIo({ stdin, stdout });
  const file = command.includes('--file') ? [] : ['--file', TOKENS];
  const status = await main([...command.split(' '), ...file], io, fs);
  return { status, stderr: written.stderr };
}

type Inodes = ReturnType<MemoryDisk['after']>;

/** A state of the disk in which a machine starts. */
interface State {
  readonly inodes: Inodes;
  /** The system call after which the power failed. */
  readonly call: string;
  /** The token that was handed over by then. */
  readonly bearer: string | undefined;
}

async function installed({ given = [], prepare }: Case): Promise<Inodes> {
  const disk = new MemoryDisk(undefined, before);
  const fs = disk.fileSystem();
  for (const directory of ['/etc', '/etc/es', '/run', '/run/es']) fs.mkdirSync(directory, 0o755);
  for (const command of [...given, `create ${ACCOUNT} next --file ${MORE}`])
    expect(await run(fs, command)).toMatchObject({ status: 0 });
  prepare?.(fs);
  return disk.after(() => true);
}

/** The power fails a minute ago. */
const before = () => Date.now() - 60_000;

/** Runs the command, and collects every different state that a power failure leaves. */
async function statesOf({ command, stdin }: Case, disk: Inodes): Promise<{ states: State[]; end: Inodes }> {
  const machine = new MemoryDisk(disk, before);
  const states = new Map<string, State>();
  const random = new Random(SEED);
  let bearer: string | undefined;
  let answer = '';
  let seen = { count: 0, bearer };
  const collect = (name: string) => {
    const count = machine.pending;
    const isWhole = 2 ** count <= SUBSETS;
    // Subsets without a new operation were visited before, unless something was synced.
    const first = isWhole && count > seen.count && bearer === seen.bearer ? 2 ** seen.count : 0;
    if (count === seen.count && bearer === seen.bearer && !name.startsWith('fsync')) return;
    seen = { count, bearer };
    for (let i = first; i < (isWhole ? 2 ** count : SUBSETS); i++) {
      const inodes = machine.after((operation) => (isWhole ? ((i >> operation) & 1) === 1 : random.once(2)));
      const key = `${listing(inodes).join('\n')}\n${bearer}`;
      if (!states.has(key)) states.set(key, { inodes, bearer, call: `${machine.calls} ${name}` });
    }
  };
  const changes =
    /^(open|write|ftruncate|fsync|fchmod|fchown|futimes|chmod|link|rename|unlink|mkdir|rmdir)Sync$/;
  const fs = machine.fileSystem((name) => changes.test(name) && collect(name));
  const { status, stderr } = await run(fs, command, stdin, (text) => {
    answer += text;
    bearer = /AAEAA[\w+/=]+/.exec(text)?.[0];
    if (bearer) collect('the answer');
  });
  expect(`${status} ${stderr}${answer}`).toMatch(/^0 (?!ERROR)/);
  const end = machine.after(() => true);
  if (command.includes('--token-file')) bearer = bearerIn(textAt(end, TOKEN));
  collect('the end');
  return { states: [...states.values()], end };
}

function bearerIn(text: string | undefined): string | undefined {
  return text && /AAEAA[\w+/=]+/.exec(text)?.[0];
}

/** @returns what is wrong after a power failure */
async function faultsOf(
  { command, next = NEXT }: Case,
  old: Inodes,
  end: Inodes,
  state: State,
): Promise<string[]> {
  const { inodes, bearer } = state;
  const [tokens, token] = [textAt(inodes, TOKENS), textAt(inodes, TOKEN)];
  const faults: string[] = [];
  const isOneOf = (text: string | undefined, path: string) =>
    [textAt(old, path), textAt(end, path)].includes(text);
  const isNew = tokens === textAt(end, TOKENS);
  const machine = () => new MemoryDisk(inodes).fileSystem();
  if (!isOneOf(tokens, TOKENS)) {
    if (!command.includes('--in-place')) return [`the tokens file is ${JSON.stringify(tokens)}`];
    return (await run(machine(), 'check')).status === 0
      ? [`check does not report ${JSON.stringify(tokens)}`]
      : [];
  }
  if (bearer !== undefined && !isNew) faults.push('the token that was handed over is not accepted');
  if (bearer !== undefined && bearer === bearerIn(textAt(end, TOKEN)) && token !== textAt(end, TOKEN))
    faults.push('the token file is lost after the end');
  if (token !== '' && !isOneOf(token, TOKEN)) faults.push(`the token file is ${JSON.stringify(token)}`);
  if (token !== '' && token !== textAt(old, TOKEN) && !isNew)
    faults.push('the token of the token file is not accepted');
  const disk = new MemoryDisk(inodes);
  const fs = disk.fileSystem();
  for (const each of new Set([next, NEXT])) {
    const { status, stderr } = await run(fs, each);
    if (status !== 0) faults.push(`the next command: ${stderr}`);
  }
  const left = listing(disk.after(() => true)).filter((line) => line.includes('/.'));
  if (left.length > 0) faults.push(`left behind: ${left.join()}`);
  const kept = [
    next === NEXT ? bearer : undefined,
    bearerIn(
      textAt(
        disk.after(() => true),
        TOKEN,
      ),
    ),
  ];
  for (const each of kept.filter((known) => known !== undefined))
    if ((await run(fs, 'verify', each)).status !== 0)
      faults.push(`${each} is refused after the next command`);
  return faults;
}

describe('After a power failure', () => {
  test.each(CASES.map((each, i) => ({ number: i + 1, ...each })))(
    '$number: $command',
    async (each) => {
      const old = await installed(each);
      const { states, end } = await statesOf(each, old);
      const random = new Random(SEED);
      const sample =
        states.length <= STATES ? states : Array.from({ length: STATES }, () => random.pick(states));
      const visited = new Set([...sample, ...states.filter(({ call }) => call.endsWith('the end'))]);
      const faults: string[] = [];
      for (const state of visited) {
        for (const fault of await faultsOf(each, old, end, state))
          if (faults.length < 20)
            faults.push(
              `after call ${state.call}: ${fault}\n${listing(state.inodes)
                .filter((line) => line.includes('/es/'))
                .join('\n')}`,
            );
      }
      process.stdout.write(
        `${each.command}: ${visited.size} of ${states.length} states visited, seed ${SEED}\n`,
      );
      expect(faults).toEqual([]);
    },
    600_000,
  );
});

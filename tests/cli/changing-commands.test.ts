/** Every command that changes files leaves a consistent state if a system call fails or the process is killed. */
import { constants, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { main } from '../../src/cli/main.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { ServiceToken } from '../../src/token/token.js';
import { CHANGING_CALLS } from '../support/changing-calls.js';
import { inParallel, run } from '../support/commands.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { memoryIo } from '../support/memory-io.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { sampleOf } from '../support/thoroughness.js';

const CHEAP = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000'];
const start = process.cwd();
afterEach(() => process.chdir(start)); // an injected failure may have prevented the return
const directory = temporaryDirectory();

/** Runs a command in process, in its own directory `name`. */
async function call(argv: readonly string[], name: string, fs = nodeFileSystem, stdin = '') {
  const { io, written } = memoryIo({ cwd: join(directory.path, name), stdin });
  const hashing = argv[0] === 'verify' ? [] : CHEAP;
  const status = await main([...argv, '--config-dir', join(directory.path, name), ...hashing], io, fs);
  return { status, ...written };
}

/** Reads the files of a test's directory: the tokens file and the token file. */
function stateOf(name: string) {
  const read = (file: string) => {
    try {
      return readFileSync(join(directory.path, name, file), 'utf8');
    } catch {
      return undefined;
    }
  };
  return { tokens: read('service_tokens'), token: read('token') };
}

const TOKEN = '--token-file token';
const A = 'elastic/kibana a';
const bearer = (name: string) => `${ServiceToken.mint('elastic/kibana', name as never).bearer}\n`;

interface Case {
  readonly title: string;
  readonly argv: readonly string[];
  /** Commands that prepare the directory. */
  readonly before: readonly (readonly string[])[];
  readonly stdin: string | undefined;
}

const rows: readonly (readonly [line: string, before?: readonly string[], stdin?: string])[] = [
  [`create ${A} ${TOKEN}`],
  [`create ${A} ${TOKEN} --replace --force`, [`create ${A} ${TOKEN}`]],
  [`create ${A} ${TOKEN} --if-not-exists --force`],
  [`ensure ${A} ${TOKEN}`],
  [`ensure ${A} ${TOKEN} -v`, [`create ${A} ${TOKEN}`, `create ${A} --replace`]], // the token does not match
  [`rotate ${A} --finish`, [`create ${A}`, `rotate ${A}`]],
  ['delete elastic/kibana/a elastic/kibana/b --ignore-not-found', [`create ${A}`, 'create elastic/kibana b']],
  ['import --replace', [`create ${A}`], bearer('a') + bearer('b')],
];
const words = (line: string) => line.split(' ');
const cases: readonly Case[] = rows.map(([line, before = [], stdin]) => ({
  title: line,
  argv: words(line),
  before: before.map(words),
  stdin,
}));

async function prepare({ before }: Case, name: string) {
  directory.mkdir(name);
  for (const argv of before) expect((await call(argv, name)).status).toBe(0);
  return stateOf(name);
}

/** Whether the token file contains a token that the tokens file accepts. */
async function verifies(name: string): Promise<boolean> {
  return (await call(['verify', '--token-file', 'token'], name)).status === 0;
}

describe.each(cases)('$title', (one) => {
  const usesTokenFile = one.argv.includes('--token-file');

  test('if any system call fails, either nothing or everything has changed', async () => {
    await prepare(one, 'dry');
    const { fs, calls } = watchedFileSystem();
    expect((await call(one.argv, 'dry', fs, one.stdin)).status).toBe(0);
    for (const step of sampleOf([...calls.keys()], 11, 4)) {
      const name = `step-${step}`;
      const before = await prepare(one, name);
      let failed = '';
      const faulty = watchedFileSystem({
        before: (number, system) => {
          if (number !== step) return;
          failed = system;
          throw systemError('EIO', system);
        },
      });
      const { status, stderr } = await call(one.argv, name, faulty.fs, one.stdin);
      const where = { step, failed, status, stderr };
      expect({ where, open: [...faulty.openDescriptors] }).toEqual({ where, open: [] });
      expect({ where, bug: status === 71 }).toEqual({ where, bug: false });
      if (status !== 0) expect({ where, state: stateOf(name) }).toEqual({ where, state: before });
      else if (usesTokenFile)
        expect({ where, verifies: await verifies(name) }).toEqual({ where, verifies: true });
    }
  });

  test('if it is killed before any step and run again, the result is complete', async () => {
    await prepare(one, 'dry');
    const { fs, calls } = watchedFileSystem();
    await call(one.argv, 'dry', fs, one.stdin);
    const steps = calls.filter((system) => CHANGING_CALLS.has(system)).map((_, step) => step);
    const script = fileURLToPath(new URL('../support/command-and-kill.js', import.meta.url));
    const stdin = directory.write('stdin', one.stdin);
    const chosen = sampleOf(steps, 23, 5);
    for (const step of chosen) await prepare(one, `kill-${step}`); // one after the other, because it changes the directory of this process
    await inParallel(chosen, async (step) => {
      const name = `kill-${step}`;
      const input = one.stdin === undefined ? [] : ['--token-file', stdin];
      const place = ['--config-dir', join(directory.path, name), ...CHEAP];
      const argv = [script, String(step), ...one.argv, ...input, ...place];
      const cwd = join(directory.path, name);
      expect((await run(process.execPath, argv, { cwd })).status).toBe('SIGKILL');
    });
    for (const step of chosen) {
      const name = `kill-${step}`;
      const cwd = join(directory.path, name);
      const hasToken = stateOf(name).token !== undefined;
      if (hasToken) expect(statSync(join(cwd, 'token')).mode & 0o777).toBe(0o600);
      if (one === cases[0]) continue; // only this one cannot be repeated: its token file exists
      const again = await call(one.argv, name, nodeFileSystem, one.stdin);
      expect({ step, ...again }).toMatchObject({ step, status: 0 });
      if (usesTokenFile && one.title.startsWith('ensure')) expect(await verifies(name)).toBe(true);
      const { tokens } = stateOf(name);
      expect((await call(one.argv, name, nodeFileSystem, one.stdin)).status).toBe(0);
      if (one.title.startsWith('ensure')) expect(stateOf(name).tokens).toBe(tokens);
    }
  });
});

describe.each(['create', 'ensure'])('%s into a directory that cannot be written', (command) => {
  const argv = words(`${command} ${A} ${TOKEN}`);
  const closed = () =>
    watchedFileSystem({
      before(_, name, [path, flags]) {
        const isMade = name === 'openSync' && (Number(flags) & constants.O_CREAT) !== 0;
        if (isMade && /token(\.\w+\.tmp)?$/.test(String(path))) throw systemError('EACCES', 'open');
      },
    }).fs;

  test('is refused, with a hint for the token file; by --dry-run, too', async () => {
    directory.mkdir(command);
    for (const more of [[], ['--dry-run']]) {
      const { status, stderr } = await call([...argv, ...more], command, closed());
      expect({ status, stderr }).toEqual({
        status: 77,
        stderr: expect.stringMatching(/token\]: permission denied, with exit code 77\nName a token file in /),
      });
      expect(readdirSync(join(directory.path, command))).toEqual([]);
    }
  });
});

const KEPT = `create ${A} ${TOKEN}`;
test.each([
  ['ensure with nothing to do', `ensure ${A} ${TOKEN}`, 0],
  ['ensure --dry-run with nothing to do', `ensure ${A} ${TOKEN} --dry-run`, 0],
  ['create --if-not-exists of an existing token', `create ${A} --if-not-exists`, 0],
  ['create --if-not-exists --dry-run of an existing token', `create ${A} --if-not-exists --dry-run`, 0],
  ['create --dry-run of an existing token', `create ${A} --dry-run`, 70],
  ['create of a new token', 'create elastic/kibana b', 0, 1],
  ['create --dry-run of a new token', 'create elastic/kibana b --dry-run', 0, 1],
  ['ensure of a token file that does not match', `ensure ${A} --token-file other`, 0, 1],
])('%s opens elasticsearch.yml only if a token is hashed', async (title, line, status, opened = 0) => {
  const name = `settings ${title}`;
  mkdirSync(join(directory.path, name));
  writeFileSync(join(directory.path, name, 'elasticsearch.yml'), '');
  await call(KEPT.split(' '), name);
  const paths: string[] = [];
  const { fs } = watchedFileSystem({
    before: (_, call, [path]) => {
      if (call === 'openSync') paths.push(String(path));
    },
  });
  expect((await call(line.split(' '), name, fs)).status).toBe(status);
  expect(paths.filter((path) => path.endsWith('/elasticsearch.yml'))).toHaveLength(opened);
});

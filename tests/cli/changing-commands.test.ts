/** Every command that changes files leaves a consistent state if a system call fails or the process is killed. */
import { constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { ServiceToken } from '../../src/token/token.js';
import { CHANGING_CALLS } from '../support/changing-calls.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { runHere } from '../support/memory-io.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { sampleOf } from '../support/thoroughness.js';

const CHEAP = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000'];
const start = process.cwd();
afterEach(() => process.chdir(start)); // an injected failure may have prevented the return
const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory.path, ...names);

/** Runs a command line in process, in its own directory `name`. */
function call(line: string, name: string, fs = nodeFileSystem, stdin = '') {
  const hashing = line.startsWith('verify') ? [] : CHEAP;
  return runHere([...line.split(' '), '--config-dir', at(name), ...hashing], { cwd: at(name), stdin }, fs);
}

/** The texts of the files in a test's directory. */
function stateOf(name: string) {
  const read = (file: string) =>
    existsSync(at(name, file)) ? readFileSync(at(name, file), 'utf8') : undefined;
  return { tokens: read('service_tokens'), token: read('token') };
}

const TOKEN = '--token-file token';
const A = 'elastic/kibana a';
const bearer = (name: string) => `${ServiceToken.mint('elastic/kibana', name as never).bearer}\n`;

/** Command lines, with those that prepare the directory. */
const cases: readonly {
  readonly line: string;
  readonly before?: readonly string[];
  readonly stdin?: string;
}[] = [
  { line: `create ${A} ${TOKEN}` },
  { line: `create ${A} ${TOKEN} --replace --force`, before: [`create ${A} ${TOKEN}`] },
  { line: `create ${A} ${TOKEN} --if-not-exists --force` },
  { line: `ensure ${A} ${TOKEN}` },
  // The token does not match.
  { line: `ensure ${A} ${TOKEN} -v`, before: [`create ${A} ${TOKEN}`, `create ${A} --replace`] },
  { line: `rotate ${A} --finish`, before: [`create ${A}`, `rotate ${A}`] },
  {
    line: 'delete elastic/kibana/a elastic/kibana/b --ignore-not-found',
    before: [`create ${A}`, 'create elastic/kibana b'],
  },
  { line: 'import --replace', before: [`create ${A}`], stdin: bearer('a') + bearer('b') },
];

async function prepare(name: string, before: readonly string[] = []) {
  directory.mkdir(name);
  for (const line of before) expect((await call(line, name)).status).toBe(0);
  return stateOf(name);
}

/** Whether the token file contains a token that the tokens file accepts. */
async function verifies(name: string): Promise<boolean> {
  return (await call('verify --token-file token', name)).status === 0;
}

describe.each(cases)('$line', ({ line, before: preparing, stdin }) => {
  const usesTokenFile = line.includes(TOKEN);

  test('if any system call fails, either nothing or everything has changed', async () => {
    await prepare('dry', preparing);
    const { fs, calls } = watchedFileSystem();
    expect((await call(line, 'dry', fs, stdin)).status).toBe(0);
    for (const step of sampleOf([...calls.keys()], 19, 4)) {
      const name = `step-${step}`;
      const before = await prepare(name, preparing);
      let failed = '';
      const faulty = watchedFileSystem({
        before: (number, system) => {
          if (number !== step) return;
          failed = system;
          throw systemError('EIO', system);
        },
      });
      const { status, stderr } = await call(line, name, faulty.fs, stdin);
      const where = { step, failed, status, stderr };
      expect({ where, open: [...faulty.openDescriptors] }).toEqual({ where, open: [] });
      expect({ where, bug: status === 71 }).toEqual({ where, bug: false });
      if (status !== 0) expect({ where, state: stateOf(name) }).toEqual({ where, state: before });
      else if (usesTokenFile)
        expect({ where, verifies: await verifies(name) }).toEqual({ where, verifies: true });
    }
  });

  test('if it is killed before any step and run again, the result is complete', async () => {
    await prepare('dry', preparing);
    const { fs, calls } = watchedFileSystem();
    await call(line, 'dry', fs, stdin);
    const steps = calls.filter((system) => CHANGING_CALLS.has(system)).map((_, step) => step);
    for (const step of sampleOf(steps, 29, 5)) {
      const name = `kill-${step}`;
      await prepare(name, preparing);
      let changes = 0;
      const { fs: killed } = watchedFileSystem({
        before: (_, system) => {
          if (CHANGING_CALLS.has(system) && changes++ >= step) throw systemError('EIO', system); // for ever
        },
      });
      await call(line, name, killed, stdin);
      const hasToken = stateOf(name).token !== undefined;
      if (hasToken) expect(statSync(at(name, 'token')).mode & 0o777).toBe(0o600);
      if (line === cases[0]?.line) continue; // only this one cannot be repeated: its token file exists
      const again = await call(line, name, nodeFileSystem, stdin);
      expect({ step, ...again }).toMatchObject({ step, status: 0 });
      if (usesTokenFile && line.startsWith('ensure')) expect(await verifies(name)).toBe(true);
      const { tokens } = stateOf(name);
      expect((await call(line, name, nodeFileSystem, stdin)).status).toBe(0);
      if (line.startsWith('ensure')) expect(stateOf(name).tokens).toBe(tokens);
    }
  });
});

describe.each(['create', 'ensure'])('%s into a directory that cannot be written', (command) => {
  const closed = () =>
    watchedFileSystem({
      before(_, name, [path, flags]) {
        const isMade = name === 'openSync' && (Number(flags) & constants.O_CREAT) !== 0;
        if (isMade && /token(\.\w+\.tmp)?$/.test(String(path))) throw systemError('EACCES', 'open');
      },
    }).fs;

  test('is refused, with a hint for the token file; by --dry-run, too', async () => {
    directory.mkdir(command);
    for (const more of ['', ' --dry-run']) {
      const { status, stderr } = await call(`${command} ${A} ${TOKEN}${more}`, command, closed());
      expect({ status, stderr }).toEqual({
        status: 77,
        stderr: expect.stringMatching(/token\]: permission denied, with exit code 77\nName a token file in /),
      });
      expect(readdirSync(at(command))).toEqual([]);
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
  directory.mkdir(name);
  directory.write(`${name}/elasticsearch.yml`);
  await call(KEPT, name);
  const paths: string[] = [];
  const { fs } = watchedFileSystem({
    before: (_, call, [path]) => {
      if (call === 'openSync') paths.push(String(path));
    },
  });
  expect((await call(line, name, fs)).status).toBe(status);
  expect(paths.filter((path) => path.endsWith('/elasticsearch.yml'))).toHaveLength(opened);
});

test('a command that names its directory needs nothing beside the tool', async () => {
  const before = (_: number, name: string, [path]: readonly unknown[]) => {
    if (String(path).startsWith('/nowhere')) throw systemError('EACCES', name);
  };
  directory.mkdir('named');
  const created = await call(`create ${A}`, 'named', watchedFileSystem({ before }).fs);
  expect(created).toMatchObject({ status: 0, stderr: '' });
});

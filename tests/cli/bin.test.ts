import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { commands } from '../../src/cli/commands/table.js';
import { hashSecret } from '../../src/hash/hasher.js';
import { ServiceToken } from '../../src/token/token.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { BIN, LAUNCHER } from '../support/commands.js';
import { systemError } from '../support/faulty-file-system.js';
import { projectRoot as root } from '../support/fixtures.js';
import { runHere } from '../support/memory-io.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

jest.setTimeout(60_000); // each run starts Node, which is slow on a busy machine

const TOKEN = new ServiceToken('elastic/kibana', parseTokenName('a'), 'x'.repeat(22));
const STORED = await hashSecret(TOKEN.secret, { scheme: 'pbkdf2', cost: 1_000 });
const directory = temporaryDirectory();

/** Runs a command in the temporary directory, with only the given environment. */
function run(args: readonly string[], command = BIN) {
  const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`;
  const env = { PATH, ES_PATH_CONF: 'config' };
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const result = spawnSync(command, args, { cwd: directory.path, env, stdio: [...stdio], encoding: 'utf8' });
  if (result.error) throw result.error;
  const { status, stdout, stderr } = result;
  return { status, stdout, stderr };
}

const runNode = (script: string, ...args: string[]) => run(['-e', script, ...args], process.execPath);
const success = (stdout: unknown) => ({ status: 0, stdout, stderr: '' });

describe('the launcher', () => {
  const notInstalled = (reason: string) => ({
    status: 69, // which has no other meaning
    stdout: '',
    stderr: `ERROR: ${reason}, with exit code 69\n`,
  });

  test('says which Node it needs on an older one', () => {
    const old = `Object.defineProperty(process, 'versions', { value: { node: '18.20.8' } }); require('${LAUNCHER}');`;
    expect(runNode(old)).toEqual(notInstalled('Node 20 or later is needed, and this is Node 18.20.8'));
  });

  const copyBin = () => {
    fs.cpSync(join(root, 'bin'), directory.mkdir('bin'), { recursive: true });
    return join(directory.path, 'bin/elasticsearch-service-tokens');
  };

  test('says how to install it if it is not installed', () => {
    expect(run(['list'], copyBin())).toEqual(
      notInstalled('not installed, run "npm ci" in the project first'),
    );
  });

  const { version } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'));
  const sourceSize = fs.statSync(join(root, 'dist/bundle/index.js')).size;
  const edited = version.replace(/./g, '9');
  const edit = (code: Buffer) => `${code}`.replace(version, edited);
  test.each([
    ['of another version', '.code', (code: Buffer) => code.fill(0, sourceSize, sourceSize + 64), version],
    ['empty', '.code', () => '', version],
    ['of a source that was edited to the same length', '', edit, edited],
  ])('runs without compiled code that is %s', (_, end, change, answer) => {
    fs.cpSync(join(root, 'dist/bundle'), directory.mkdir('dist/bundle'), { recursive: true });
    const file = join(directory.path, 'dist/bundle/index.js') + (end && `.${process.arch}${end}`);
    fs.writeFileSync(file, change(fs.readFileSync(file)));
    expect(run(['--version'], copyBin())).toEqual(success(`${answer}\n`));
  });

  test.each([
    ['runs the compiled code of this version of V8', '', 'false\n'],
    ['leaves code that another architecture compiled', 'other', 'undefined\n'],
  ])('%s', (_, arch, rejected) => {
    const change = arch && `Object.defineProperty(process, 'arch', { value: '${arch}' });`;
    const script = `${change} console.log(require('${join(root, 'bin/load.js')}').script.cachedDataRejected);`;
    expect(runNode(script).stdout).toBe(rejected);
  });
});

describe('help', () => {
  const help = (...args: string[]) => runHere(args);
  const commandsInHelp = (help: string) =>
    [...help.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map(([, name = '']) => name);

  test('without a command lists all commands in groups, in 80 columns, on stdout', async () => {
    const { stdout } = await help('--help');
    expect(await help('help')).toEqual(success(stdout));
    expect(stdout).toMatch(/^Usage: elasticsearch-service-tokens \[options\] <command>\n/);
    const groups = ['Tokens:', 'Hand-over:', 'Checks:', 'Other nodes:', 'Shell:'];
    expect(stdout.match(/^[A-Z][\w -]*:$/gm)).toEqual(groups);
    expect(commandsInHelp(stdout)).toEqual(Object.keys(commands));
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('of every command describes its own options, names the common ones, in 80 columns, and ends with two or three examples', async () => {
    const common = (await help('help', 'options')).stdout;
    for (const command of Object.keys(commands)) {
      const { stdout } = await help(command, '--help');
      expect(await help('help', command)).toEqual(success(stdout));
      expect(stdout).toMatch(new RegExp(`^Usage: elasticsearch-service-tokens ${command} `));
      const [, names = ''] = /\nCommon options, see ".* help options":\n {2}(.*)\n/.exec(stdout) ?? [];
      expect(names).toMatch(/--no-color, --version, -h$/);
      for (const name of names.split(', ')) expect(common).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
      const example = ` {2}\\$ .*\\belasticsearch-service-tokens ${command}\\b.*\n`;
      expect(stdout).toMatch(new RegExp(`\n\nExamples:\n(?:${example}){2,3}$`));
    }
  });

  test.each([
    ['the arguments are wrong', ['create', 'x', 'y', 'z', '-h']],
    ['the command is unknown', ['-h', 'nonsense']],
    ['a setting is empty', ['list', '-h', '-Efoo']],
    ['-s and -v are both given', ['list', '-s', '-v', '-h']],
    ['-s precedes the command', ['-s', 'list', '-h']],
  ])('is shown even when %s', async (_, args) => {
    expect(await help(...args)).toEqual(success(expect.stringMatching(/^Usage: /)));
  });

  test('shows what -s and -v do in the command, and common options only if it accepts them', async () => {
    const [inspect, create] = [(await help('inspect', '-h')).stdout, (await help('create', '-h')).stdout];
    expect(create).toMatch(/\n {2}-E, --config-dir, --file, --es-version, -v, /);
    expect(create).toMatch(/\n {2}-s, --silent {2,}print only the token, for scripts\n/);
    expect(inspect).toMatch(/\n {2}--es-version, -s, -v, /);
  });

  test('is pointed to after the error, where there is no command to help with', async () => {
    const pointer = 'See "elasticsearch-service-tokens help" for the commands.\n';
    const unknown = 'ERROR: Unknown command [creat], with exit code 64\nDid you mean create?\n';
    const usage = 'Usage: elasticsearch-service-tokens [options] <command>\n\n';
    const missing = `${usage}ERROR: Missing required command, with exit code 64\n`;
    for (const [error, ...argv] of [[missing], [unknown, 'creat'], [unknown, 'help', 'creat']])
      expect(await help(...argv)).toEqual({ status: 64, stdout: '', stderr: error + pointer });
  });
});

describe('On a full disk', () => {
  /** Command lines that answer, at least one for each command; the file `token` holds a token of the tokens file. */
  const answering: Readonly<Record<string, readonly string[]>> = {
    create: ['elastic/kibana b', 'elastic/kibana b --token-file new --json', 'elastic/kibana a --replace'],
    ensure: ['elastic/kibana b --token-file new', 'elastic/kibana b --token-file new --json'],
    rotate: ['elastic/kibana a', 'elastic/kibana a --finish --json'],
    list: ['', '--long', '--json'],
    delete: ['elastic/kibana/a --json'],
    verify: [' < token', '--json < token'],
    inspect: [' < token', '--json < token'],
    check: ['', '--json'],
    diff: ['config/service_tokens -', '--json config/service_tokens -'], // of nothing
    hash: [' < token'],
    import: ['--json --replace < token'],
    export: ['', '--json', '-o k8s-secret', '-o eck-secret --cluster es'],
    watch: ['', '--json'],
    accounts: ['', '--json'],
    completion: ['bash', 'zsh', 'fish'],
    help: ['', 'create', 'help'],
    complete: ['-- cre'],
  };
  const CHANGES = ['create', 'ensure', 'rotate', 'delete', 'check', 'import', 'export'];

  test('every command is tried', () => {
    expect(Object.keys(answering).sort()).toEqual([...Object.keys(commands), 'help', 'complete'].sort());
  });

  test.each(
    Object.entries({ ...answering, '': ['--version', '--help'] }).flatMap(([name, all]) =>
      all.map(
        (rest) => `${name} ${CHANGES.includes(name) ? `--server-user ${process.getuid?.()}` : ''} ${rest}`,
      ),
    ),
  )('%s is an error with status 74', async (line) => {
    directory.write('token', TOKEN.bearer);
    directory.write('config/service_tokens', `${TOKEN.qualifiedName}:${STORED}\n`);
    const write = () => Promise.reject(systemError('ENOSPC', 'write'));
    const [words = '', input] = line.split(' < ');
    expect(
      await runHere(words.split(' ').filter(Boolean), {
        ...{ cwd: directory.path, env: { ES_PATH_CONF: 'config' }, stdout: { isTTY: false, write } },
        stdin: input === 'token' ? TOKEN.bearer : '',
      }),
    ).toEqual({
      ...{ status: 74, stdout: '' },
      stderr: 'ERROR: could not write to standard output: ENOSPC, with exit code 74\n',
    });
  });
});

test('A descriptor that the caller passed is waited for, even if it is nonblocking', () => {
  const child = `
    const { spawn } = require('node:child_process');
    const tool = spawn(process.argv[1], ['list', '--file', '/dev/fd/3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
    tool.stdio[3].write('elastic/kibana/a:', () => setTimeout(() => tool.stdio[3].end('{SHA}x\\n'), 300));
    tool.on('close', (status) => (process.exitCode = status));`;
  expect(runNode(child, BIN)).toEqual(success('elastic/kibana/a\n'));
});

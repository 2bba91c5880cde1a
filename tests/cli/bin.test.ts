import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { commands } from '../../src/cli/commands/table.js';
import { ServiceToken } from '../../src/token/token.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { BIN as bin, LAUNCHER } from '../support/commands.js';
import { publicTokens } from '../support/fixtures.js';

jest.setTimeout(60_000); // each run starts Node, which is slow on a busy machine

const root = fileURLToPath(new URL('../../../', import.meta.url)); // from dist/tests/cli/
/** The server runs as the user of the tests, so that there is no warning about access. */
const asServer = ['--server-user', String(process.getuid?.())];
const path = `${dirname(process.execPath)}:${process.env['PATH']}`;

const TOKEN = new ServiceToken('elastic/kibana', parseTokenName('a'), 'x'.repeat(22)).bearer;

let dir: string;
let tokensFile: string;

beforeEach(() => {
  dir = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'bin-')));
  fs.mkdirSync(join(dir, 'config'));
  tokensFile = join(dir, 'config/service_tokens');
});

afterEach(() => {
  fs.rmSync(dir, { recursive: true });
});

interface Setting {
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdout?: 'pipe' | 'ignore' | number;
}

/** Runs a command in the temporary directory, with only the given environment. */
function run(args: readonly string[], { command = bin, env = {}, stdout = 'pipe' }: Setting = {}) {
  const result = spawnSync(command, args, {
    cwd: dir,
    env: { PATH: path, ES_PATH_CONF: 'config', ...env },
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
  });
  if (result.error) throw result.error;
  return result;
}

function outcome({ status, stdout, stderr }: SpawnSyncReturns<string>) {
  return { status, stdout, stderr };
}

const success = (stdout: unknown) => ({ status: 0, stdout, stderr: '' });

describe('the launcher', () => {
  test('runs from any directory, and writes nothing to stderr when it succeeds', () => {
    expect(outcome(run(['create', 'elastic/kibana', 'a', ...asServer]))).toEqual(
      success(expect.stringMatching(/^SERVICE_TOKEN elastic\/kibana\/a = AAEAA[A-Za-z0-9+/]+\n$/)),
    );
    expect(fs.readFileSync(tokensFile, 'utf8')).toMatch(/^elastic\/kibana\/a:\{PBKDF2_STRETCH\}10000\$.*\n$/);
  });

  test('runs through a symlink', () => {
    const link = join(dir, 'link');
    fs.symlinkSync(bin, link);
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    expect(outcome(run(['list'], { command: link }))).toEqual(success('elastic/kibana/a\n'));
  });

  test('says which Node it needs on an older one', () => {
    const old = `Object.defineProperty(process, 'versions', { value: { node: '18.20.8' } }); require('${LAUNCHER}');`;
    expect(outcome(run(['-e', old], { command: process.execPath }))).toEqual({
      status: 69,
      stdout: '',
      stderr: 'ERROR: Node 20 or later is needed, and this is Node 18.20.8, with exit code 69\n',
    });
  });

  test('exits with status 69, which has no other meaning, if it is not installed', () => {
    fs.mkdirSync(join(dir, 'bin'));
    const copy = join(dir, 'bin/elasticsearch-service-tokens');
    fs.copyFileSync(LAUNCHER, copy);
    for (const name of ['load.js', 'package.json']) {
      fs.copyFileSync(join(root, 'bin', name), join(dir, 'bin', name));
    }
    expect(outcome(run(['list'], { command: copy }))).toEqual({
      status: 69,
      stdout: '',
      stderr: 'ERROR: not installed, run "npm ci" in the project first, with exit code 69\n',
    });
  });

  const { version } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'));
  const sourceSize = fs.statSync(join(root, 'dist/bundle/index.js')).size;
  const edited = version.replace(/./g, '9');
  test.each([
    ['of another version', '.code', (code: Buffer) => code.fill(0, sourceSize, sourceSize + 64), version],
    ['empty', '.code', () => '', version],
    [
      'of a source that was edited to the same length',
      '',
      (code: Buffer) => `${code}`.replace(version, edited),
      edited,
    ],
  ])('runs without compiled code that is %s', (_, end, change, answer) => {
    fs.cpSync(join(root, 'bin'), join(dir, 'bin'), { recursive: true });
    fs.cpSync(join(root, 'dist/bundle'), join(dir, 'dist/bundle'), { recursive: true });
    const file = join(dir, 'dist/bundle/index.js') + (end && `.${process.arch}${end}`);
    fs.writeFileSync(file, change(fs.readFileSync(file)));
    const command = join(dir, 'bin/elasticsearch-service-tokens');
    expect(outcome(run(['--version'], { command }))).toEqual(success(`${answer}\n`));
  });

  test.each([
    ['runs the compiled code of this version of V8', '', 'false\n'],
    ['leaves code that another architecture compiled', 'other', 'undefined\n'],
  ])('%s', (_, arch, rejected) => {
    const change = arch && `Object.defineProperty(process, 'arch', { value: '${arch}' });`;
    const script = `${change} console.log(require('${join(root, 'bin/load.js')}').script.cachedDataRejected);`;
    expect(run(['-e', script], { command: process.execPath }).stdout).toBe(rejected);
  });

  test('passes the exit status on', () => {
    expect(run(['delete', 'elastic/kibana', 'a']).status).toBe(70);
  });

  test.each([[['--version']], [['create', '--version']]])('prints its version for %j', (args) => {
    expect(outcome(run(args))).toEqual(success(`${version}\n`));
  });
});

describe('help', () => {
  const commandsInHelp = (help: string) =>
    [...help.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map(([, name = '']) => name);

  test('without a command lists all commands in groups, in 80 columns, on stdout', () => {
    const { status, stdout, stderr } = run(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(outcome(run(['help']))).toEqual({ status: 0, stdout, stderr: '' });
    expect(stdout).toMatch(/^Usage: elasticsearch-service-tokens \[options\] <command>\n/);
    expect(stdout.match(/^[A-Z][\w -]*:$/gm)).toEqual([
      'Tokens:',
      'Hand-over:',
      'Checks:',
      'Other nodes:',
      'Shell:',
    ]);
    expect(commandsInHelp(stdout)).toEqual(Object.keys(commands));
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('of every command describes its own options, names the common ones, in 80 columns, and ends with two or three examples', () => {
    const common = run(['help', 'options']).stdout;
    for (const command of Object.keys(commands)) {
      const { status, stdout, stderr } = run([command, '--help']);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: elasticsearch-service-tokens ${command} `));
      const [, names = ''] = /\nCommon options, see ".* help options":\n {2}(.*)\n/.exec(stdout) ?? [];
      expect(names).toMatch(/--no-color, --version, -h$/);
      for (const name of names.split(', ')) expect(common).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
      const example = ` {2}\\$ .*\\belasticsearch-service-tokens ${command}\\b.*\n`;
      expect(stdout).toMatch(new RegExp(`\n\nExamples:\n(?:${example}){2,3}$`));
      expect(outcome(run(['help', command]))).toEqual({ status: 0, stdout, stderr: '' });
    }
  });

  test.each([
    ['the arguments are wrong', ['create', 'x', 'y', 'z', '-h']],
    ['the command is unknown', ['-h', 'nonsense']],
    ['a setting is empty', ['list', '-h', '-Efoo']],
    ['-s and -v are both given', ['list', '-s', '-v', '-h']],
    ['-s precedes the command', ['-s', 'list', '-h']],
  ])('is shown even when %s', (_, args) => {
    const { status, stdout, stderr } = run(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: /);
  });

  test('shows what -s and -v do in the command, and common options only if it accepts them', () => {
    const [inspect, create] = [run(['help', 'inspect']).stdout, run(['help', 'create']).stdout];
    expect(create).toMatch(/\n {2}-E, --config-dir, --file, --es-version, -v, /);
    expect(create).toMatch(/\n {2}-s, --silent {2,}print only the token, for scripts\n/);
    expect(inspect).toMatch(/\n {2}--es-version, -s, -v, /);
  });

  test('is pointed to after the error, where there is no command to help with', () => {
    const pointer = 'See "elasticsearch-service-tokens help" for the commands.\n';
    const usage = 'Usage: elasticsearch-service-tokens [options] <command>\n\n';
    expect(outcome(run([]))).toEqual({
      status: 64,
      stdout: '',
      stderr: `${usage}ERROR: Missing required command, with exit code 64\n${pointer}`,
    });
    for (const argv of [['creat'], ['help', 'creat']]) {
      expect(outcome(run(argv))).toEqual({
        status: 64,
        stdout: '',
        stderr: `ERROR: Unknown command [creat], with exit code 64\nDid you mean create?\n${pointer}`,
      });
    }
  });
});

describe('if the token cannot be written to stdout', () => {
  const create = ['create', 'elastic/kibana', 'lost', ...asServer];
  const inShell = (redirection: string, args: readonly string[]) =>
    run(['-c', `exec "$0" "$@" ${redirection}`, bin, ...args], { command: 'sh' });
  const ways: readonly (readonly [string, () => SpawnSyncReturns<string>])[] = [
    ['it is closed', () => inShell('>&-', create)],
    ['it is a directory', () => inShell('1</', create)],
    ['it is open only for reading', () => inShell('1</dev/null', create)],
    ['it is /dev/null for reading and writing', () => inShell('1<>/dev/null', create)],
    [
      'it is /dev/null as opened by a parent process that ignores it',
      () => run(create, { stdout: 'ignore' }),
    ],
    ['a parent process ignores it, with -s', () => run([...create, '-s'], { stdout: 'ignore' })],
    ['it is a pipe without a reader', () => withDescriptor(pipeWithoutReader(), create)],
    ['the disk is full', () => withDescriptor(fs.openSync('/dev/full', 'w'), create)],
  ];

  function withDescriptor(stdout: number, args: readonly string[]): SpawnSyncReturns<string> {
    try {
      return run(args, { stdout });
    } finally {
      fs.closeSync(stdout);
    }
  }

  /** A named pipe can be opened for writing once it has a reader, which then closes it before anything is written. */
  function pipeWithoutReader(): number {
    const fifo = join(dir, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const writer = fs.openSync(fifo, 'w');
    fs.closeSync(reader);
    return writer;
  }

  const refusal = /^ERROR: could not write to standard output: E[A-Z]+, with exit code 74\n$/;
  const refused = { status: 74, stderr: expect.stringMatching(refusal) };

  test.each(ways)('because %s, a new file is removed again', (_, createLost) => {
    expect(createLost()).toMatchObject(refused);
    expect(fs.readdirSync(join(dir, 'config'))).toEqual([]);
  });

  test.each(ways)('because %s, the content of an old file is restored', (_, createLost) => {
    const before = '# kept\r\nelastic/kibana/a:{SHA}x';
    fs.writeFileSync(tokensFile, before, { mode: 0o640 });
    expect(createLost()).toMatchObject(refused);
    expect(fs.readFileSync(tokensFile, 'utf8')).toBe(before);
    expect(fs.readdirSync(join(dir, 'config'))).toEqual(['service_tokens']);
  });

  test('an error about the token takes precedence', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/lost:{SHA}x\n');
    expect(run(create, { stdout: 'ignore' }).status).toBe(70);
  });

  test('and that is known in advance, nothing is written, not even temporarily', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    const before = fs.statSync(tokensFile);
    expect(run(create, { stdout: 'ignore' }).status).toBe(74);
    expect(fs.statSync(tokensFile)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  test("a shell's >/dev/null is allowed", () => {
    expect(outcome(inShell('>/dev/null', create))).toMatchObject({ status: 0, stderr: '' });
    expect(fs.readFileSync(tokensFile, 'utf8')).toContain('elastic/kibana/lost:');
  });

  test.each([
    ['list', ['list'], 0],
    ['delete', ['delete', 'elastic/kibana', 'a', ...asServer], 0],
    ['delete of a missing token', ['delete', 'elastic/kibana', 'b', ...asServer], 70],
    ['accounts', ['accounts'], 0],
    ['help', ['create', '-h'], 0],
    ['check of a missing file', ['check', '--file', 'missing', ...asServer], 1],
  ])('%s works as usual if stdout is ignored or closed', (_, args, status) => {
    const before = 'elastic/kibana/a:{SHA}x\n';
    for (const go of [() => run(args, { stdout: 'ignore' }), () => inShell('>&-', args)]) {
      fs.writeFileSync(tokensFile, before);
      expect(go().status).toBe(status);
    }
  });

  test.each(['create', 'delete'])('%s --file - is an error, as the tokens file would be lost', (command) => {
    const argv = [command, 'elastic/kibana', 'a', '--file', '-'];
    const args = command === 'create' ? [...argv, '--token-file', 'token'] : [...argv, '--ignore-not-found'];
    for (const go of [() => run(args, { stdout: 'ignore' }), () => inShell('>&-', args)]) {
      expect(go()).toMatchObject(refused);
      expect(fs.existsSync(join(dir, 'token'))).toBe(false);
    }
  });

  test('nor the JSON about a token in a token file, there is no token', () => {
    const args = [...create, '--json', '--token-file', 'token'];
    expect(withDescriptor(fs.openSync('/dev/full', 'w'), args)).toMatchObject(refused);
    expect(fs.readdirSync(dir)).toEqual(['config']);
    expect(fs.readdirSync(join(dir, 'config'))).toEqual([]);
  });

  test('list to a directory is an error, too', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    expect(inShell('1</', ['list'])).toMatchObject(refused);
  });

  test('list ends without a message when its reader closes the pipe, as in list | head', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    const { status, stderr } = withDescriptor(pipeWithoutReader(), ['list']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('a long list piped into head ends immediately', () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `elastic/kibana/${i}:{SHA}x\n`);
    fs.writeFileSync(tokensFile, lines.join(''));
    const script = '"$0" "$@" | head -n 1; echo "$' + '{PIPESTATUS[0]}"';
    const { stdout, stderr } = run(['-c', script, bin, 'list'], { command: 'bash' });
    expect({ stdout, stderr }).toEqual({ stdout: 'elastic/kibana/0\n0\n', stderr: '' });
  });

  test('a long list reaches a slow reader completely', () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `elastic/kibana/${i}:{SHA}x\n`);
    fs.writeFileSync(tokensFile, lines.join(''));
    const { stdout, stderr } = bash('"$0" list | dd bs=1 status=none | md5sum; "$0" list >all; md5sum <all');
    const [piped, written] = stdout.split('\n');
    expect({ piped, stderr }).toEqual({ piped: written, stderr: '' });
    expect(fs.readFileSync(join(dir, 'all'), 'utf8').split('\n')).toHaveLength(20_001);
  });

  /** Command lines that answer, at least one for each command; `TOKEN` on standard input is a token of the file. */
  const answering: Readonly<Record<string, readonly string[]>> = {
    create: ['elastic/kibana b', 'elastic/kibana b --token-file new --json', 'elastic/kibana a --replace'],
    ensure: ['elastic/kibana b --token-file new', 'elastic/kibana b --token-file new --json'],
    rotate: ['elastic/kibana a', 'elastic/kibana a --finish --json'],
    list: ['', '--long', '--json'],
    delete: ['elastic/kibana/a --json'],
    verify: ['< token', '--json < token'],
    inspect: ['< token', '--json < token'],
    check: ['', '--json'],
    diff: ['config/service_tokens - </dev/null', '--json config/service_tokens - </dev/null'],
    hash: ['< token'],
    import: ['--json --replace < token'],
    export: ['', '--json', '-o k8s-secret', '-o eck-secret --cluster es'],
    watch: ['', '--json'],
    accounts: ['', '--json'],
    completion: ['bash', 'zsh', 'fish'],
    help: ['', 'create', 'help'],
    complete: ['-- cre'],
  };
  const CHANGES = ['create', 'ensure', 'rotate', 'delete', 'check', 'import', 'export'];

  test('a warning is written even where 2>&1 sends it to the same file', () => {
    const fips = '-E xpack.security.fips_mode.enabled=true';
    const bcrypt = '-E xpack.security.authc.service_token_hashing.algorithm=bcrypt4';
    const { stdout } = bash(`"$0" create elastic/kibana a ${fips} ${bcrypt} 2>&1 | sort -r`);
    expect(stdout).toMatch(/^WARNING: FIPS mode .*\nSERVICE_TOKEN .*\n$/);
  });

  test('every command is among those that are tried on a full disk', () => {
    expect(Object.keys(answering).sort()).toEqual([...Object.keys(commands), 'help', 'complete'].sort());
  });

  test.each(
    Object.entries({ ...answering, '': ['--version', '--help'] }).flatMap(([name, all]) =>
      all.map((rest) => `${name} ${CHANGES.includes(name) ? asServer.join(' ') : ''} ${rest}`),
    ),
  )('%s on a full disk is an error with status 74', (line) => {
    fs.writeFileSync(join(dir, 'token'), TOKEN);
    run(['import', ...asServer, '--token-file', 'token']);
    const { status, stderr } = bash(`"$0" ${line} >/dev/full`);
    const written = 'ERROR: could not write to standard output: ENOSPC, with exit code 74\n';
    expect({ status, stderr }).toEqual({ status: 74, stderr: written });
  });
});

/** Runs a line of bash, in which "$0" is the command. */
const bash = (line: string) => outcome(run(['-c', line, bin], { command: 'bash' }));

describe('standard input', () => {
  test.each([
    ['is a directory', '</', 74, 'could not read [standard input]: it is a directory'],
    [
      'is open only for writing',
      '0>/dev/null',
      74,
      'could not read [standard input]: it is not open for reading',
    ],
    ['is closed', '<&-', 65, 'There is no token in the input'],
    [
      'has no end',
      '</dev/zero',
      74,
      'could not read [standard input]: it has more than 16777216 bytes, and the limit is 16 MiB',
    ],
  ])('that %s is an error with that message', (_, redirection, status, message) => {
    for (const command of ['verify', 'inspect']) {
      const stderr = `ERROR: ${message}, with exit code ${status}\n`;
      expect(bash(`exec "$0" ${command} ${redirection}`)).toEqual({ status, stdout: '', stderr });
    }
  });
});

describe('a descriptor that the caller passed', () => {
  const { qualifiedName: name = '', secret = '', stored = '' } = publicTokens.tokens[0] ?? {};
  const bearer = Buffer.from(`\0\x01\0\x01${name}:${secret}`).toString('base64');
  const said = { status: 0, stdout: `${name}\n`, stderr: '' };
  beforeEach(() => {
    fs.writeFileSync(join(dir, 'tokens'), `${name}:${stored}\n`);
    fs.writeFileSync(join(dir, 'bearer'), bearer);
  });

  test.each([
    '"$0" list --file <(cat tokens)',
    '"$0" list --file /dev/stdin <tokens',
    'cat tokens | "$0" list --file /dev/stdin',
    '"$0" list --file /proc/self/fd/3 3<tokens',
    '"$0" verify --file <(cat tokens) <bearer',
    '"$0" verify --file tokens --token-file <(cat bearer)',
    '"$0" verify --file tokens --token-file /dev/stdin <bearer',
    '"$0" verify --file <(cat tokens) --token-file <(cat bearer)',
  ])('is read to its end: %s', (line) => {
    expect(bash(line)).toEqual(said);
  });

  test('is waited for, even if it is nonblocking', () => {
    const child = `
      const { spawn } = require('node:child_process');
      const tool = spawn(process.argv[1], ['list', '--file', '/dev/fd/3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
      const [half, rest] = ['${name}:', '${stored}\\n'];
      tool.stdio[3].write(half, () => setTimeout(() => tool.stdio[3].end(rest), 300));
      tool.on('close', (status) => (process.exitCode = status));`;
    expect(outcome(run(['-e', child, bin], { command: process.execPath }))).toEqual(said);
  });

  test('is checked by its lines only', () => {
    const { status, stdout } = bash('"$0" check --file <(cat tokens; echo broken) --json');
    expect({ status, report: JSON.parse(stdout) }).toMatchObject({
      status: 1,
      report: { exists: true, findings: [{ code: 'MISSING_COLON', line: 2 }] },
    });
  });

  test.each(['create elastic/kibana a', 'delete elastic/fleet-server token1', 'check --fix', 'watch'])(
    'cannot be changed or followed: %s',
    (command) => {
      const { status, stderr } = bash(`"$0" ${command} --file <(cat tokens)`);
      expect({ status, stderr }).toEqual({
        status: 64,
        stderr: expect.stringMatching(
          /ERROR: \[\/dev\/fd\/\d+\] is a file descriptor, not a file name, with exit code 64\n/,
        ),
      });
    },
  );
});

describe('a --token-file', () => {
  test.each([
    ['a named pipe without a writer', 'mkfifo it', 'IT]: it is a named pipe'],
    ['a directory', 'mkdir it', 'IT]: it is a directory'],
    ['a device', 'ln -s /dev/zero it', '/dev/zero]: it is a device'],
    ['over 16 MiB', 'truncate -s 17M it', 'IT]: it has 17825792 bytes, and the limit is 16 MiB'],
  ])('that is %s is an immediate error', (_, make, fact) => {
    const { status, stdout, stderr } = bash(`${make} && "$0" verify --token-file it`);
    expect({ status, stdout }).toEqual({ status: 74, stdout: '' });
    const error = `ERROR: could not read [${fact.replace('IT', join(dir, 'it'))}, with exit code 74\n`;
    expect(stderr.slice(0, error.length)).toBe(error);
  });
});

/** In a directory that was deleted, Bun exits with status 1 before any code runs. */
const describeUnderNode = bin === LAUNCHER ? describe : describe.skip;

describeUnderNode('a current directory that no longer exists', () => {
  const gone = (line: string) => bash(`mkdir gone && cd gone && rmdir ../gone && ${line}`);

  test('does not matter to absolute paths', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    const said = { status: 0, stdout: 'elastic/kibana/a\n', stderr: '' };
    expect(gone(`"$0" list --file ${tokensFile}`)).toEqual(said);
    fs.rmSync(tokensFile);
    expect(gone(`"$0" create elastic/kibana a --config-dir ${dir}/config ${asServer.join(' ')}`).status).toBe(
      0,
    );
  });

  test.each([
    ['"$0" list', 'ES_PATH_CONF'],
    ['"$0" list --file tokens', '--file'],
    ['"$0" list --config-dir config', '--config-dir'],
    ['ES_PATH_CONF= ES_HOME=home "$0" list', 'ES_HOME'],
    ['"$0" inspect --token-file token', '--token-file'],
  ])('%s is an error with that message, because the path of %s is relative', (line) => {
    expect(gone(line)).toEqual({
      status: 78,
      stdout: '',
      stderr:
        'ERROR: The current directory does not exist, with exit code 78\nChange to a directory that exists, or use absolute paths.\n',
    });
  });
});

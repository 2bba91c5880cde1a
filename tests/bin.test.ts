import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(60_000); // each run starts a Node, which takes its time on a busy machine

const root = fileURLToPath(new URL('../../', import.meta.url)); // from dist/tests/
const bin = join(root, 'bin/elasticsearch-service-tokens');
/** Nobody is warned that the server could not read the file: it runs as whoever runs the tests. */
const asServer = ['--server-user', String(process.getuid?.())];
const path = `${dirname(process.execPath)}:${process.env['PATH']}`;

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
  readonly stdout?: 'pipe' | number;
}

/** Runs a command in the temporary directory, with nothing in its environment but what is given here. */
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

describe('the launcher', () => {
  test('runs from any directory, and says nothing on stderr when it succeeds', () => {
    expect(outcome(run(['create', 'elastic/kibana', 'a', ...asServer]))).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^SERVICE_TOKEN elastic\/kibana\/a = AAEAA[A-Za-z0-9+/]+\n$/),
      stderr: '',
    });
    expect(fs.readFileSync(tokensFile, 'utf8')).toMatch(/^elastic\/kibana\/a:\{PBKDF2_STRETCH\}10000\$.*\n$/);
  });

  test('runs through a symbolic link', () => {
    const link = join(dir, 'link');
    fs.symlinkSync(bin, link);
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    expect(outcome(run(['list'], { command: link }))).toEqual({
      status: 0,
      stdout: 'elastic/kibana/a\n',
      stderr: '',
    });
  });

  test('hands over the exit status', () => {
    expect(run(['delete', 'elastic/kibana', 'a']).status).toBe(70);
  });

  test.each([[['--version']], [['create', '--version']]])('prints its version for %j', (args) => {
    const { version } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'));
    expect(outcome(run(args))).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('help', () => {
  const commandsInHelp = (help: string) => {
    const block = /^Commands:\n((?: {2}.*\n)+)/m.exec(help)?.[1] ?? '';
    return [...block.matchAll(/^ {2}(\S+) /gm)].map(([, name = '']) => name);
  };

  test('without a command lists all commands, on stdout', () => {
    const { status, stdout, stderr } = run(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: elasticsearch-service-tokens <command> \[options\]\n/);
    expect(commandsInHelp(stdout)).toEqual(expect.arrayContaining(['create', 'list', 'delete']));
  });

  test('of every command names the options of the original and ends in two or three examples', () => {
    for (const command of commandsInHelp(run(['-h']).stdout)) {
      const { status, stdout, stderr } = run([command, '--help']);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: elasticsearch-service-tokens ${command} `));
      for (const option of ['-E, ', '-h, --help', '-s, --silent', '-v, --verbose']) {
        expect(stdout).toContain(`\n  ${option}`);
      }
      const example = ` {2}\\$ elasticsearch-service-tokens ${command}(?: .*)?\n`;
      expect(stdout).toMatch(new RegExp(`\n\nExamples:\n(?:${example}){2,3}$`));
    }
  });

  test.each([
    ['the arguments are wrong', ['create', 'x', 'y', 'z', '-h']],
    ['the command is unknown', ['-h', 'nonsense']],
    ['a setting is empty', ['list', '-h', '-Efoo']],
    ['-s and -v meet', ['list', '-s', '-v', '-h']],
  ])('is shown even when %s', (_, args) => {
    const { status, stdout, stderr } = run(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: /);
  });

  test('is replaced by the usage when there is no command to help with, on stderr', () => {
    const { status, stdout, stderr } = run([]);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toMatch(
      /^Usage: elasticsearch-service-tokens create .*\n\nERROR: Missing required command/s,
    );
  });
});

describe('when stdout does not take the token', () => {
  const create = ['create', 'elastic/kibana', 'lost', ...asServer];
  const ways: readonly (readonly [string, () => SpawnSyncReturns<string>])[] = [
    ['it is closed', () => run(['-c', 'exec "$0" "$@" >&-', bin, ...create], { command: 'sh' })],
    ['it is a pipe that nobody reads', () => withDescriptor(pipeWithoutReader(), create)],
    ['its disk is full', () => withDescriptor(fs.openSync('/dev/full', 'w'), create)],
  ];

  function withDescriptor(stdout: number, args: readonly string[]): SpawnSyncReturns<string> {
    try {
      return run(args, { stdout });
    } finally {
      fs.closeSync(stdout);
    }
  }

  /** A named pipe opens for writing once it has a reader, who may leave before anything is written. */
  function pipeWithoutReader(): number {
    const fifo = join(dir, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const writer = fs.openSync(fifo, 'w');
    fs.closeSync(reader);
    return writer;
  }

  const refusal = /^ERROR: could not write to standard output: E[A-Z]+, with exit code 74\n$/;

  test.each(ways)('as %s, a new file is taken back', (_, createLost) => {
    const { status, stderr } = createLost();
    expect({ status, stderr }).toEqual({ status: 74, stderr: expect.stringMatching(refusal) });
    expect(fs.readdirSync(join(dir, 'config'))).toEqual([]);
  });

  test.each(ways)('as %s, an old file gets its content back', (_, createLost) => {
    const before = '# kept\r\nelastic/kibana/a:{SHA}x';
    fs.writeFileSync(tokensFile, before, { mode: 0o640 });
    const { status, stderr } = createLost();
    expect({ status, stderr }).toEqual({ status: 74, stderr: expect.stringMatching(refusal) });
    expect(fs.readFileSync(tokensFile, 'utf8')).toBe(before);
    expect(fs.readdirSync(join(dir, 'config'))).toEqual(['service_tokens']);
  });

  test('a list ends quietly, as its reader has seen enough', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    const { status, stderr } = withDescriptor(pipeWithoutReader(), ['list']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('a long list ends at once behind head', () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `elastic/kibana/${i}:{SHA}x\n`);
    fs.writeFileSync(tokensFile, lines.join(''));
    const script = '"$0" "$@" | head -n 1; echo "$' + '{PIPESTATUS[0]}"';
    const { stdout, stderr } = run(['-c', script, bin, 'list'], { command: 'bash' });
    expect({ stdout, stderr }).toEqual({ stdout: 'elastic/kibana/0\n0\n', stderr: '' });
  });

  test('a list is an error where the disk is full', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    const { status, stderr } = withDescriptor(fs.openSync('/dev/full', 'w'), ['list']);
    expect({ status, stderr }).toEqual({ status: 74, stderr: expect.stringMatching(refusal) });
  });
});

describe('colour', () => {
  const wrong = ['delete', 'elastic/kibana', 'a'];
  const sentence = 'Service token [elastic/kibana/a] does not exist, with exit code 70\n';
  const red = expect.stringMatching(/^\u001b\[[^m]*m.*31m.*ERROR:(?:\u001b\[\d+m)+ Service token \[/);

  test('is not there in a pipe', () => {
    expect(run(wrong).stderr).toBe(`ERROR: ${sentence}`);
  });

  test('is there with FORCE_COLOR=1, on the label only', () => {
    const { stderr } = run(wrong, { env: { FORCE_COLOR: '1' } });
    expect(stderr).toEqual(red);
    expect(stderr.endsWith(` ${sentence}`)).toBe(true);
  });

  test('is never there in an answer', () => {
    fs.writeFileSync(tokensFile, 'elastic/kibana/a:{SHA}x\n');
    expect(run(['list'], { env: { FORCE_COLOR: '1' } }).stdout).toBe('elastic/kibana/a\n');
  });

  test.each([
    ['NO_COLOR=1', wrong, { NO_COLOR: '1' }],
    ['--no-color', [...wrong, '--no-color'], {}],
    ['--no-color before the command', ['--no-color', ...wrong], {}],
  ])('is taken away by %s, which wins over FORCE_COLOR', (_, args, env) => {
    expect(run(args, { env: { FORCE_COLOR: '1', ...env } }).stderr).toBe(`ERROR: ${sentence}`);
  });
});

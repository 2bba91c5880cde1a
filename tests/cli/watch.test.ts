/** The real command follows a file through every kind of change. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { BIN, type Finished, run } from '../support/commands.js';
import type { MaybeTest } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

jest.setTimeout(60_000);

const directory = temporaryDirectory();
const line = (name: string, hash = '{SHA}x') => `elastic/kibana/${name}:${hash}\n`;
const qualified = (...names: string[]) => names.map((name) => `elastic/kibana/${name}`);
let conf = '';
let path = '';
beforeEach(() => {
  conf = directory.mkdir('config');
  path = directory.write('config/service_tokens', line('a'));
});

/** Replaces the file atomically: during a write in place, a partial file might be read. */
function replaceFile(content: string): void {
  renameSync(directory.write('config/.new', content), path);
}

/** A running `watch`, whose lines can be awaited one after the other. */
class Watch {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  #stdout = '';
  #read = 0;
  #wake = () => {};

  constructor(args: readonly string[] = [], program: readonly string[] = [BIN]) {
    const [file = '', ...rest] = [...program, 'watch', '--config-dir', conf, ...args];
    this.child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    this.child.stderr?.on('data', (data) => (stderr += data));
    this.child.stdout?.on('data', (data) => {
      this.#stdout += data;
      this.#wake();
    });
    this.finished = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        resolve({ stdout: this.#stdout, stderr, status: code ?? signal });
        this.#wake();
      });
    });
    watches.push(this);
  }

  async line(): Promise<string> {
    let end = this.#stdout.indexOf('\n', this.#read);
    for (; end < 0; end = this.#stdout.indexOf('\n', this.#read)) {
      if (this.child.exitCode !== null)
        throw new Error(`it has ended: ${JSON.stringify(await this.finished)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const text = this.#stdout.slice(this.#read, end);
    this.#read = end + 1;
    return text;
  }

  /** The next line for people without its time, which is checked here. */
  async words(): Promise<string> {
    const [time = '', ...words] = (await this.line()).split(' ');
    expect(new Date(time).toISOString()).toBe(time);
    return words.join(' ');
  }

  /** The next line as an object without its time, which is checked here. */
  async report(): Promise<unknown> {
    const { time, ...report } = JSON.parse(await this.line());
    expect(new Date(time).toISOString()).toBe(time);
    return report;
  }
}

const watches: Watch[] = [];
afterEach(async () => {
  for (const { child, finished } of watches.splice(0)) {
    child.kill('SIGKILL');
    await finished;
  }
});

const changed = (lists: { added?: string[]; removed?: string[]; changed?: string[]; recovered?: true }) => ({
  event: 'changed',
  added: [],
  removed: [],
  changed: [],
  ...lists,
});

test('each kind of change is one line, in order, and comes within seven seconds', async () => {
  rmSync(path);
  directory.write('volume/..2026_1/service_tokens', line('v1'));
  symlinkSync('..2026_1', join(directory.path, 'volume/..data'));
  const write = (content: string) => () => writeFileSync(path, content, { flag: 'r+' });
  const append = (content: string) => () => appendFileSync(path, content);
  const replace = (content: string) => () => replaceFile(content);
  const updateVolume = (from: string, to: string, content: string) => () => {
    const volume = join(directory.path, 'volume');
    directory.write(`volume/${to}/service_tokens`, content);
    symlinkSync(to, join(volume, '..data_tmp'));
    renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    rmSync(join(volume, from), { recursive: true });
  };
  const steps: readonly (readonly [what: string, act: () => void, expected: unknown])[] = [
    ['a new file', append(line('a')), changed({ added: qualified('a') })],
    ['a write in place', append(line('b')), changed({ added: qualified('b') })],
    ['another hash', write(line('a') + line('b', '{SHA}y')), changed({ changed: qualified('b') })],
    [
      'a rename over it',
      replace(line('b') + line('c')),
      changed({ added: qualified('c'), removed: qualified('a'), changed: qualified('b') }),
    ],
    ['a deletion', () => unlinkSync(path), changed({ removed: qualified('b', 'c') })],
    ['a file that reappears', append(line('b')), changed({ added: qualified('b') })],
    [
      'a broken file',
      append('elastic\n'),
      { event: 'failed', reason: "Missing ':' character at line #2", removed: qualified('b') },
    ],
    [
      'a file that is broken in another way',
      replace('elastic\n'),
      { event: 'failed', reason: "Missing ':' character at line #1", removed: [] },
    ],
    ['a repaired file', replace(line('b')), changed({ added: qualified('b'), recovered: true })],
    ['a directory moved away', () => renameSync(conf, `${conf}.old`), changed({ removed: qualified('b') })],
    [
      'another directory moved in',
      () => {
        directory.write('config.new/service_tokens', line('d'));
        renameSync(`${conf}.new`, conf);
      },
      changed({ added: qualified('d') }),
    ],
    [
      'a link in its place, into a Kubernetes volume',
      () => {
        symlinkSync('../volume/..data/service_tokens', join(conf, '.new'));
        renameSync(join(conf, '.new'), path);
      },
      changed({ added: qualified('v1'), removed: qualified('d') }),
    ],
    [
      'an update of the volume',
      updateVolume('..2026_1', '..2026_2', line('v2')),
      changed({ added: qualified('v2'), removed: qualified('v1') }),
    ],
    [
      'the next update of the volume',
      updateVolume('..2026_2', '..2026_3', line('v2') + line('v3')),
      changed({ added: qualified('v3') }),
    ],
  ];

  const watch = new Watch(['--json']);
  expect(await watch.report()).toEqual({ event: 'loaded', tokens: [], exists: false });
  for (const [what, act, expected] of steps) {
    act();
    const start = performance.now();
    expect({ what, report: await watch.report() }).toEqual({ what, report: expected });
    expect(performance.now() - start).toBeLessThan(7_000);
  }
  watch.child.kill('SIGTERM');
  const { stdout, stderr, status } = await watch.finished;
  expect({ lines: stdout.split('\n').length - 1, stderr, status }).toEqual({
    lines: steps.length + 1,
    stderr: '',
    status: 0,
  });
  expect(stdout).not.toContain('{SHA}');
});

describe('For people', () => {
  test('it reports a missing file, and continues', async () => {
    rmSync(path);
    const watch = new Watch();
    expect([await watch.words(), await watch.words()]).toEqual([
      'loaded 0 tokens',
      'the file does not exist',
    ]);
    replaceFile(line('a'));
    expect(await watch.words()).toBe('added elastic/kibana/a');
  });

  test('it reports what is loaded, and what each change means', async () => {
    writeFileSync(path, line('b') + line('a'));
    const watch = new Watch();
    expect(await watch.words()).toBe('loaded 2 tokens');
    expect([await watch.words(), await watch.words()]).toEqual(qualified('a', 'b'));
    replaceFile(line('b', '{SHA}y') + line('c\u001b[31m'));
    expect(await watch.words()).toBe('added elastic/kibana/c\\u001b[31m');
    expect(await watch.words()).toBe('removed elastic/kibana/a');
    expect(await watch.words()).toBe('changed elastic/kibana/b');
    replaceFile('elastic\n');
    expect(await watch.words()).toBe(
      "the server would drop every file token: Missing ':' character at line #1",
    );
    replaceFile('');
    expect(await watch.words()).toBe('the server can read the file again');
    watch.child.kill('SIGTERM');
    expect(await watch.finished).toMatchObject({ stderr: '', status: 0 });
  });

  test('it reports that the server would not start', async () => {
    writeFileSync(path, 'elastic\n');
    const watch = new Watch();
    expect(await watch.words()).toBe("the server would not start: Missing ':' character at line #1");
    replaceFile(line('a'));
    expect(await watch.words()).toBe('the server can read the file again');
    expect(await watch.words()).toBe('added elastic/kibana/a');
  });
});

test('--json reports first that loading failed if the file is broken at the start', async () => {
  writeFileSync(path, 'elastic\n');
  const reason = "Missing ':' character at line #1";
  expect(await new Watch(['--json']).report()).toEqual({ event: 'failed', reason, removed: [] });
});

describe('It ends', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('with status 0 on %s', async (signal) => {
    const watch = new Watch();
    await watch.line();
    watch.child.kill(signal);
    expect(await watch.finished).toEqual({
      stdout: expect.stringMatching(/^\S+Z loaded 1 token\n\S+Z elastic\/kibana\/a\n$/),
      stderr: '',
      status: 0,
    });
  });

  test('with status 0 at the first change after the reader has gone', async () => {
    const watch = new Watch();
    await watch.line();
    watch.child.stdout?.destroy();
    appendFileSync(path, line('b'));
    expect(await watch.finished).toMatchObject({ stderr: '', status: 0 });
  });

  test('with status 0 in a pipe whose reader has ended', async () => {
    const script =
      '"$0" watch --json --config-dir "$1" | head -n 1; echo "$' + '{PIPESTATUS[0]}"; touch "$1/end"';
    const piped = run('bash', ['-c', script, BIN, conf]);
    for (let i = 0; !existsSync(join(conf, 'end')); i++) {
      appendFileSync(path, line(`b${i}`)); // until it detects that
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const { stdout, stderr, status } = await piped;
    expect(stdout.split('\n').slice(1)).toEqual(['0', '']);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  });

  test('with status 74 if stdout cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(BIN, ['watch', '--config-dir', conf], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect({ status, stderr }).toEqual({
      status: 74,
      stderr: 'ERROR: could not write to standard output: ENOSPC, with exit code 74\n',
    });
  });

  test('with status 64 immediately if there is an argument', async () => {
    const { stdout, stderr, status } = await run(BIN, [
      'watch',
      '-s',
      '--config-dir',
      conf,
      'elastic/kibana',
    ]);
    expect({ stdout, stderr, status }).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/ERROR: Expected no arguments, found 1, with exit code 64\n$/),
      status: 64,
    });
  });
});

describe('If the system’s limit of watches is reached', () => {
  const withoutWatches = [
    'unshare',
    '-Ur',
    'sh',
    '-c',
    'echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"',
    'sh',
  ];
  const [unshare = '', ...rest] = withoutWatches;
  const canLimit = spawnSync(unshare, [...rest, 'true']).status === 0;
  const testWithLimit: MaybeTest = canLimit
    ? (title, work) => test(title, work)
    : (title) => test.skip(`${title} (skipped: needs user namespaces)`, () => {});

  testWithLimit('changes are still detected', async () => {
    const watch = new Watch(['--json'], [...withoutWatches, BIN]);
    expect(await watch.report()).toEqual({ event: 'loaded', tokens: qualified('a') });
    appendFileSync(path, line('b'));
    expect(await watch.report()).toEqual(changed({ added: qualified('b') }));
    watch.child.kill('SIGTERM');
    expect(await watch.finished).toMatchObject({ stderr: '', status: 0 });
  });
});

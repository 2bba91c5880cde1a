/** The real command follows a file through every kind of change. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { BIN, type Finished } from '../support/commands.js';
import { skipped } from '../support/needs.js';
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
  ...{ event: 'changed', added: [], removed: [], changed: [] },
  ...lists,
});

test('each kind of change is one line, in order, and comes within seven seconds', async () => {
  rmSync(path);
  const reason = (number: number) => `Missing ':' character at line #${number}`;
  const replace = (content: string) => () => replaceFile(content);
  const steps: readonly (readonly [act: () => void, expected: unknown])[] = [
    [replace(line('a') + line('b')), changed({ added: qualified('a', 'b') })],
    [
      replace(line('b', '{SHA}y') + line('c')),
      changed({ added: qualified('c'), removed: qualified('a'), changed: qualified('b') }),
    ],
    [() => rmSync(path), changed({ removed: qualified('b', 'c') })],
    [() => appendFileSync(path, line('b')), changed({ added: qualified('b') })],
    [
      () => appendFileSync(path, 'elastic\n'),
      { event: 'failed', reason: reason(2), removed: qualified('b') },
    ],
    [replace('elastic\n'), { event: 'failed', reason: reason(1), removed: [] }],
    [replace(line('b')), changed({ added: qualified('b'), recovered: true })],
  ];
  const watch = new Watch(['--json']);
  expect(await watch.report()).toEqual({ event: 'loaded', tokens: [], exists: false });
  for (const [act, expected] of steps) {
    act();
    const start = performance.now();
    expect(await watch.report()).toEqual(expected);
    expect(performance.now() - start).toBeLessThan(7_000);
  }
  watch.child.kill('SIGTERM');
  const { stdout, stderr, status } = await watch.finished;
  expect({ stderr, status, lines: stdout.split('\n').length - 1 }).toEqual({
    stderr: '',
    status: 0,
    lines: 8,
  });
  expect(stdout).not.toContain('{SHA}');
});

describe('For people', () => {
  const start = (content?: string) => {
    rmSync(path);
    if (content !== undefined) writeFileSync(path, content);
    return new Watch();
  };
  const expectWords = async (watch: Watch, ...lines: string[]) => {
    for (const words of lines) expect(await watch.words()).toBe(words);
  };

  test('it reports a missing file, and continues', async () => {
    const watch = start();
    await expectWords(watch, 'loaded 0 tokens', 'the file does not exist');
    replaceFile(line('a'));
    await expectWords(watch, 'added elastic/kibana/a');
  });

  test('it reports what is loaded, and what each change means', async () => {
    const watch = start(line('b') + line('a'));
    await expectWords(watch, 'loaded 2 tokens', ...qualified('a', 'b'));
    replaceFile(line('b', '{SHA}y') + line('c\u001b[31m'));
    await expectWords(
      watch,
      'added elastic/kibana/c\\u001b[31m',
      'removed elastic/kibana/a',
      'changed elastic/kibana/b',
    );
    replaceFile('elastic\n');
    await expectWords(watch, "the server would drop every file token: Missing ':' character at line #1");
    replaceFile('');
    await expectWords(watch, 'the server can read the file again');
  });

  test('it reports that the server would not start', async () => {
    const watch = start('elastic\n');
    await expectWords(watch, "the server would not start: Missing ':' character at line #1");
    replaceFile(line('a'));
    await expectWords(watch, 'the server can read the file again', 'added elastic/kibana/a');
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
});

const LIMITED = 'unshare|-Ur|sh|-c|echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"|sh'.split('|');
const canLimit = spawnSync(LIMITED[0] ?? '', [...LIMITED.slice(1), 'true']).status === 0;
const testLimited = canLimit ? test : skipped('needs user namespaces');

testLimited('If the system’s limit of watches is reached, changes are still detected', async () => {
  const watch = new Watch(['--json'], [...LIMITED, BIN]);
  expect(await watch.report()).toEqual({ event: 'loaded', tokens: qualified('a') });
  appendFileSync(path, line('b'));
  expect(await watch.report()).toEqual(changed({ added: qualified('b') }));
});

/** Output that depends on a terminal. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { main } from '../../src/cli/main.js';
import type { Io } from '../../src/cli/terminal.js';
import { memoryIo } from '../support/memory-io.js';
import { ordinaryUserFileSystem } from '../support/ordinary-user.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const BEARER = 'AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL3Rva2VuMTpzdXBlcnNlY3JldA\n';

beforeEach(() => {
  chmodSync(directory.write('service_tokens', 'no colon\n'), 0o600);
});

/** Runs a command with all streams on a terminal, except the given one. */
async function onTerminal(argv: readonly string[], elsewhere?: 'stdin' | 'stdout' | 'stderr', env = {}) {
  const { io, written } = memoryIo({ env: { ES_PATH_CONF: directory.path, TERM: 'xterm', ...env } });
  const terminal: Io = {
    ...io,
    stdin: Object.assign(Readable.from([BEARER]), { isTTY: elsewhere !== 'stdin' }),
    stdout: { ...io.stdout, isTTY: elsewhere !== 'stdout' },
    stderr: { ...io.stderr, isTTY: elsewhere !== 'stderr' },
  };
  const status = await main(argv, terminal, ordinaryUserFileSystem());
  return { status, ...written };
}

test('inspect asks for the tokens on stderr', async () => {
  const { stdout, stderr } = await onTerminal(['inspect']);
  expect(stderr).toBe('Enter tokens, one per line, and end with Ctrl-D:\n');
  expect(stdout).toMatch(/^type: service account token\n/);
});

test('it does not ask if the tokens come from a pipe', async () => {
  expect((await onTerminal(['inspect'], 'stdin')).stderr).toBe('');
});

test('check colors its labels only', async () => {
  const { stdout } = await onTerminal(['check']);
  expect(stdout).toMatch(/^\u001b\[1m\u001b\[31merror:\u001b\[39m\u001b\[22m line 1: Missing ':' character/);
  expect(stdout.split('\u001b')).toHaveLength(5);
});

test('check does not color output to a pipe, even if stderr is a terminal', async () => {
  expect((await onTerminal(['check'], 'stdout')).stdout).toMatch(/^error: line 1: /);
});

describe.each([
  { env: {}, colored: true },
  { env: { TERM: 'dumb' }, colored: false },
  { env: { NO_COLOR: '1' }, colored: false },
  { env: { NO_COLOR: '' }, colored: true },
  { env: { FORCE_COLOR: '0' }, colored: false },
  { env: { FORCE_COLOR: 'false' }, colored: false },
  { env: { FORCE_COLOR: '' }, colored: false },
  { env: { FORCE_COLOR: '1', TERM: 'dumb' }, colored: true },
  { env: { FORCE_COLOR: '1', NO_COLOR: '1' }, colored: false },
])('On a terminal with $env', ({ env, colored }) => {
  const errorOf = async (...argv: string[]) => (await onTerminal(argv, undefined, env)).stderr;

  test(`the label is colored: ${colored}`, async () => {
    const label = colored ? '\u001b[1m\u001b[31mERROR:\u001b[39m\u001b[22m' : 'ERROR:';
    expect(await errorOf('accounts', 'x')).toContain(`\n${label} Expected no arguments`);
  });

  test('--no-color, before the command or after it, has the last word', async () => {
    expect(await errorOf('accounts', 'x', '--no-color')).not.toContain('\u001b');
    expect(await errorOf('--no-color', 'accounts', 'x')).not.toContain('\u001b');
  });
});

test.each(['list', 'export'])(
  '%s escapes control characters on a terminal; a pipe gets the bytes',
  async (command) => {
    directory.write('service_tokens', 'elastic/kibana/\u009b2J\u202e\u001b[8m:{SHA}x\n');
    const hash = command === 'list' ? '' : ':{SHA}x';
    expect((await onTerminal([command])).stdout).toBe(`elastic/kibana/\\u009b2J\\u202e\\u001b[8m${hash}\n`);
    expect((await onTerminal([command], 'stdout')).stdout).toBe(
      `elastic/kibana/\u009b2J\u202e\u001b[8m${hash}\n`,
    );
  },
);

test.each(['list --json', 'export --json', 'check --json', 'diff --json service_tokens empty'])(
  '%s escapes all control characters, also those that JSON allows',
  async (line) => {
    directory.write('service_tokens', 'elastic/kibana/\u009b2J\u202e\u007f:{SHA}x\n');
    directory.write('empty', '');
    const argv = line.split(' ').map((word) => (/_|empty/.test(word) ? join(directory.path, word) : word));
    const { stdout } = await onTerminal(argv, 'stdout');
    expect(stdout).not.toMatch(/[\u007f-\u009f\u202e]/);
    if (!line.startsWith('check')) expect(stdout).toContain('elastic/kibana/\\u009b2J\\u202e\\u007f');
  },
);

test('an answer is never colored', async () => {
  expect((await onTerminal(['accounts'], undefined, { FORCE_COLOR: '1' })).stdout).not.toContain('\u001b');
});

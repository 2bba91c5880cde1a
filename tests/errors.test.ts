import { describe, expect, test } from '@jest/globals';
import { ExitCode, statusOf } from '../src/cli/exit-codes.js';
import { main } from '../src/cli/main.js';
import { type ErrorCode, ServiceTokensError } from '../src/errors.js';
import { memoryIo } from './support/memory-io.js';

const codes = Object.keys(statusOf) as ErrorCode[];

describe('Exit statuses', () => {
  test('are those of docs/exit-statuses.md', () => {
    expect(statusOf).toEqual({
      ...{ OPTION: 64, USAGE: 64 },
      ...{ MALFORMED_FILE: 65, NOT_A_TOKEN: 65, HASH_UNUSABLE: 65 },
      NOT_AUTHENTICATED: 1,
      UNKNOWN_PRINCIPAL: 67,
      ...{ TOKEN_EXISTS: 70, TOKEN_MISSING: 70, INVALID_TOKEN_NAME: 70 },
      ...{ FILE_EXISTS: 73, ROTATION_UNFINISHED: 73, CANNOT_REPLACE: 73, LOCKED: 73 },
      ...{ IO: 74, PERMISSION: 77, CONFIG: 78, INVALID_ALGORITHM: 78 },
      ...{ HANGUP: 128 + 1, INTERRUPT: 128 + 2, TERMINATED: 128 + 15 }, // as in a shell
    });
  });

  test('a bug ends the command with 71, which no error uses', async () => {
    expect(await runIntoBug()).toEqual({
      status: 71,
      stderr: 'ERROR: internal error: a bug, with exit code 71\n',
    });
    expect(codes.map((code) => statusOf[code])).not.toContain(71);
  });

  test('and -v shows the place in the bundle', async () => {
    const { stderr } = await runIntoBug('-v');
    expect(stderr).toContain('\nError: a bug\n');
    expect(stderr).toMatch(/list .*dist\/bundle\/index\.js:\d+:\d+/);
    expect(stderr).toMatch(/main .*dist\/bundle\/index\.js:\d+:\d+/);
  });

  test('only success is 0', () => {
    expect(ExitCode.OK).toBe(0);
    expect(codes.map((code) => statusOf[code])).not.toContain(0);
  });

  test('every status except 0 and that of a bug is the status of an error', () => {
    const used = new Set<number>([...codes.map((code) => statusOf[code]), ExitCode.OS_ERROR]);
    expect(Object.values(ExitCode).filter((status) => status !== 0 && !used.has(status))).toEqual([]);
  });
});

describe('The error class', () => {
  test('an error has a code, a message, a hint and a cause', () => {
    const cause = new Error('system error no');
    const error = new ServiceTokensError('IO', 'could not read', { hint: 'Try again.', cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'ServiceTokensError', code: 'IO', hint: 'Try again.' });
    expect(error.message).toBe('could not read');
    expect(error.cause).toBe(cause);
    expect(String(error)).toBe('ServiceTokensError: could not read');
  });

  test('hint and cause may be missing', () => {
    const error = new ServiceTokensError('USAGE', 'Missing required command');
    expect(error.hint).toBeUndefined();
    expect('cause' in error).toBe(false);
  });
});

/** Runs a command with an Io that throws an unexpected error. */
async function runIntoBug(...options: string[]) {
  const { io, written } = memoryIo({ env: { ES_PATH_CONF: '/' } });
  const buggy = Object.defineProperty({ ...io }, 'cwd', {
    get() {
      throw new Error('a bug');
    },
  });
  const status = await main(['list', '--file', 'relative', ...options], buggy);
  return { status, stderr: written.stderr };
}

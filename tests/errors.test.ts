import { describe, expect, test } from '@jest/globals';
import { ExitCode, statusOf } from '../src/cli/exit-codes.js';
import { main } from '../src/cli/main.js';
import { type ErrorCode, ServiceTokensError } from '../src/errors.js';
import { memoryIo } from './support/memory-io.js';

/** docs/exit-statuses.md. A missing code does not compile. */
const statuses: Record<ErrorCode, { status: number; why: string }> = {
  OPTION: { status: 64, why: 'usage' },
  USAGE: { status: 64, why: 'usage' },
  MALFORMED_FILE: { status: 65, why: 'the tokens file cannot be parsed' },
  NOT_A_TOKEN: { status: 65, why: 'a token cannot be parsed' },
  NOT_AUTHENTICATED: { status: 1, why: 'no' },
  HASH_UNUSABLE: { status: 65, why: 'a stored hash cannot be used' },
  UNKNOWN_PRINCIPAL: { status: 67, why: 'unknown principal' },
  TOKEN_EXISTS: { status: 70, why: 'token exists' },
  TOKEN_MISSING: { status: 70, why: 'the token does not exist' },
  INVALID_TOKEN_NAME: { status: 70, why: 'the token name is invalid' },
  FILE_EXISTS: { status: 73, why: 'the file to create exists' },
  ROTATION_UNFINISHED: { status: 73, why: 'the next token of a series cannot be created' },
  CANNOT_REPLACE: { status: 73, why: 'the file cannot be created or replaced' },
  LOCKED: { status: 73, why: 'another process is changing the file' },
  IO: { status: 74, why: 'I/O error' },
  PERMISSION: { status: 77, why: 'permission' },
  CONFIG: { status: 78, why: 'configuration' },
  HANGUP: { status: 128 + 1, why: 'SIGHUP, as in a shell' },
  INTERRUPT: { status: 128 + 2, why: 'SIGINT, as in a shell' },
  TERMINATED: { status: 128 + 15, why: 'SIGTERM, as in a shell' },
  INVALID_ALGORITHM: { status: 78, why: 'configuration: unknown algorithm' },
};
const codes = Object.keys(statuses) as ErrorCode[];

describe('Exit statuses', () => {
  test.each(codes.map((code) => ({ code, ...statuses[code] })))(
    'the error $code ends the command with $status ($why)',
    ({ code, status }) => {
      expect(statusOf[code]).toBe(status);
    },
  );

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

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ServiceTokensError } from '../../src/errors.js';

/** The project's directory; this file runs as dist/tests/support/fixtures.js. */
export const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

/** A secret, a stored hash, and the original's result of checking one against the other. */
export interface Pair {
  readonly algorithm: string;
  readonly secret: string;
  readonly stored: string;
  readonly result: boolean | 'exception';
  readonly note?: undefined;
}
type NotedPair = Omit<Pair, 'algorithm' | 'note'> & { readonly note: string; readonly algorithm?: undefined };

/** fixtures/oracle/vectors.json: made by the original's own code. */
export interface Vectors {
  readonly token_layout: Readonly<Record<'secret' | 'qualified_name' | 'bearer', string>>;
  readonly bearer_file: string;
  readonly pairs: readonly Pair[];
  readonly verify_only: readonly NotedPair[];
  readonly negative: readonly NotedPair[];
  readonly bearers: readonly { readonly note: string; readonly bearer: string; readonly result: string }[];
}

/** fixtures/public-tokens.json: from the public tests of Elasticsearch, ECK and elastic-package. */
export interface PublicTokens {
  readonly tokens: readonly Readonly<Record<'qualifiedName' | 'secret' | 'stored', string>>[];
  readonly bearers: readonly Readonly<Record<'qualifiedName' | 'secret' | 'bearer', string>>[];
}

/** fixtures/oracle/settings.json: files that the original's own loader has read. */
export interface RecordedSettings {
  readonly env: Record<string, string>;
  readonly cases: readonly {
    readonly yml: string;
    readonly E?: Record<string, string>;
    readonly expect: string;
  }[];
}

/** fixtures/oracle/bearers.json: namespace, service, token name and secret; null if it is not a token. */
export interface RecordedBearers {
  readonly cases: readonly {
    readonly bearer: string;
    readonly token: readonly [string, string, string, string] | null;
  }[];
}

export const recordedSettings: RecordedSettings = readFixture('oracle/settings.json');
export const recordedBearers: RecordedBearers = readFixture('oracle/bearers.json');
export const vectors: Vectors = readFixture('oracle/vectors.json');
export const publicTokens: PublicTokens = readFixture('public-tokens.json');

function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(`${projectRoot}/fixtures/${name}`, 'utf8')) as T;
}

/** Calls a function and returns the ServiceTokensError that it throws; otherwise the test fails. */
export function errorOf(call: () => unknown): ServiceTokensError {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    return ours(error);
  }
  throw new Error(`nothing was thrown; the result is ${JSON.stringify(result)}`);
}

/** Awaits a promise and returns the ServiceTokensError that rejects it; otherwise the test fails. */
export async function rejectionOf(promise: Promise<unknown>): Promise<ServiceTokensError> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return ours(error);
  }
  throw new Error(`nothing was thrown; the result is ${JSON.stringify(result)}`);
}

function ours(error: unknown): ServiceTokensError {
  // By name, because the bundled library has another class.
  if (error instanceof Error && error.name === 'ServiceTokensError') return error as ServiceTokensError;
  throw new Error(`an error that is not ours was thrown: ${error}`, { cause: error });
}

/** Returns everything that an error may show: message, hint, stack, and those of its causes. */
export function everythingSaidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error ?? '');
  const { hint = '' } = error as Partial<ServiceTokensError>;
  return [error.message, hint, error.stack, everythingSaidBy(error.cause)].join('\n');
}

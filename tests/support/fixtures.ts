import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ErrorCode, ServiceTokensError } from '../../src/errors.js';

/** The project's directory; this file runs as dist/tests/support/fixtures.js. */
export const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

/** A secret and a stored hash, and what the original answers when the one is checked against the other. */
export interface Pair {
  readonly algorithm: string;
  readonly secret: string;
  readonly stored: string;
  readonly result: boolean | 'exception';
}

/** fixtures/oracle/vectors.json: made by the original's own code. */
export interface Vectors {
  readonly token_layout: {
    readonly secret: string;
    readonly qualified_name: string;
    readonly bearer: string;
  };
  readonly bearer_file: string;
  readonly pairs: readonly Pair[];
  readonly verify_only: readonly (Omit<Pair, 'algorithm'> & { readonly note: string })[];
  readonly negative: readonly (Omit<Pair, 'algorithm'> & { readonly note: string })[];
  readonly bearers: readonly { readonly note: string; readonly bearer: string; readonly result: string }[];
}

/** fixtures/public-tokens.json: from the public tests of Elasticsearch, ECK and elastic-package. */
export interface PublicTokens {
  readonly tokens: readonly {
    readonly qualifiedName: string;
    readonly secret: string;
    readonly stored: string;
  }[];
  readonly bearers: readonly {
    readonly qualifiedName: string;
    readonly secret: string;
    readonly bearer: string;
  }[];
}

/** fixtures/oracle/settings.json: files that the original's own loader read. */
export interface RecordedSettings {
  readonly env: Record<string, string>;
  readonly cases: readonly {
    readonly yml: string;
    readonly E?: Record<string, string>;
    readonly expect: string;
  }[];
}

/** fixtures/oracle/bearers.json: namespace, service, token name and secret; null for what is no token. */
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

/** Calls, and gives the error of ours that was thrown; anything else fails the test. */
export function errorOf(call: () => unknown): ServiceTokensError {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    return ours(error);
  }
  throw new Error(`nothing was thrown; the result is ${JSON.stringify(result)}`);
}

/** Awaits, and gives the error of ours that it was rejected with; anything else fails the test. */
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
  // By its name: the library that ships has a class of its own.
  if (error instanceof Error && error.name === 'ServiceTokensError') return error as ServiceTokensError;
  throw new Error(`an error that is not ours was thrown: ${error}`, { cause: error });
}

/** What a test says of an error, in one value: it differs from another in code or message. */
export function codeAndMessage({ code, message }: ServiceTokensError): { code: ErrorCode; message: string } {
  return { code, message };
}

/** All that an error could show to anybody: message, hint, stack, and the same of its causes. */
export function everythingSaidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error ?? '');
  const { hint = '' } = error as Partial<ServiceTokensError>;
  return [error.message, hint, error.stack, everythingSaidBy(error.cause)].join('\n');
}

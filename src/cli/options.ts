import type { PathOptions } from '../config/config-dir.js';
import { ServiceTokensError } from '../errors.js';

/** The options of all commands, as they are parsed. A command has those that the table lists for it. */
export interface Options extends PathOptions {
  readonly E?: readonly string[];
  readonly all?: boolean;
  readonly cluster?: string;
  readonly color?: boolean;
  readonly dryRun?: boolean;
  readonly entries?: string;
  readonly envName?: string;
  readonly esVersion?: string;
  readonly expectDigest?: string;
  readonly expectTokens?: string;
  readonly finish?: boolean;
  readonly fix?: boolean;
  readonly force?: boolean;
  readonly help?: boolean;
  readonly ifNotExists?: boolean;
  readonly ignoreNotFound?: boolean;
  readonly inPlace?: boolean;
  readonly json?: boolean;
  readonly long?: boolean;
  readonly name?: string;
  readonly namespace?: string;
  readonly output?: string;
  readonly replace?: boolean;
  readonly serverUser?: string;
  readonly silent?: boolean;
  readonly tokenFile?: string;
  readonly tokenOwner?: string;
  readonly trustDirectory?: boolean;
  readonly verbose?: boolean;
  readonly version?: boolean;
}

/** The options of the original, which names them without dashes. */
export const ORIGINAL_OPTIONS: readonly string[] = ['--E', '--silent', '--verbose', '--help'];

/** The values of --output: for commands that hand over a token, for `ensure`, and for `export`. */
export const TOKEN_OUTPUTS = ['line', 'token', 'env', 'json', 'k8s-secret'] as const;
export const ENSURE_OUTPUTS = ['token', 'env', 'k8s-secret'] as const;
export const ENTRY_OUTPUTS = ['lines', 'json', 'k8s-secret', 'eck-secret'] as const;

export function parseOutputName<T extends string>(
  word: string | undefined,
  outputs: readonly T[],
): T | undefined {
  const output = outputs.find((each) => each === word);
  if (output !== undefined || word === undefined) return output;
  throw usageError(`Option --output: [${word}] is not one of [${outputs.join(',')}]`);
}

/** The error for an invalid argument of a well-formed command line. */
export function usageError(message: string, hint?: string): ServiceTokensError {
  return new ServiceTokensError('USAGE', message, { hint });
}

export function conflictingOptions(option: string, other: string): ServiceTokensError {
  return usageError(`Options ${option} and ${other} cannot be used together`);
}

export function requiresOption(option: string, other: string): ServiceTokensError {
  return usageError(`Option ${option} needs ${other}`);
}

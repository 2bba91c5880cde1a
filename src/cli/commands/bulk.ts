import { availableParallelism } from 'node:os';
import { parsePrincipal } from '../../accounts/known-accounts.js';
import { MIN_SECRET_LENGTH } from '../../authenticate/authentication.js';
import { ServiceTokensError } from '../../errors.js';
import type { Algorithm } from '../../hash/algorithm.js';
import { hashSecrets } from '../../hash/bulk-hasher.js';
import { ServiceToken } from '../../token/token.js';
import type { QualifiedName } from '../../token/token-name.js';
import { type Bearers, notAToken } from './bearers.js';
import type { Invocation } from './command.js';

/** The length of a secret that this tool creates. */
export const GOOD_SECRET = 22;

/**
 * Decodes bearers that will be stored, and warns of short secrets.
 *
 * @throws NOT_A_TOKEN, also for a secret that the server refuses; UNKNOWN_PRINCIPAL; USAGE for a duplicate name
 */
export async function decodeBearers(
  bearers: Bearers,
  { version, terminal }: Invocation,
): Promise<ServiceToken[]> {
  const tokens = new Map<string, ServiceToken>();
  for (const { bearer, line } of bearers) {
    const fail = (code: 'NOT_A_TOKEN' | 'USAGE', fact: string, hint?: string) =>
      new ServiceTokensError(code, `line #${line}: ${fact}`, { hint });
    const token = ServiceToken.decode(bearer);
    if (token === undefined) throw notAToken(bearer, `line #${line}: `, terminal);
    parsePrincipal(token.principal, version);
    const { qualifiedName: key, secret } = token;
    if (tokens.has(key)) throw fail('USAGE', `service token [${key}] is given twice`);
    if (secret.length < MIN_SECRET_LENGTH) {
      throw fail(
        'NOT_A_TOKEN',
        `the secret of [${key}] has fewer than ${MIN_SECRET_LENGTH} characters`,
        'The server refuses it.',
      );
    }
    if (secret.length < GOOD_SECRET) {
      await terminal.warn([`line #${line}: the secret of [${key}] has fewer than ${GOOD_SECRET} characters`]);
    }
    tokens.set(key, token);
  }
  return [...tokens.values()];
}

/** How many hashes pass between two progress reports. */
const STEP = 100;

/** Hashes the secrets of tokens on all cores. @returns hashes by qualified name, in the order of the tokens */
export async function hashTokens(
  tokens: readonly ServiceToken[],
  algorithm: Algorithm,
  { terminal }: Invocation,
): Promise<Map<QualifiedName, string>> {
  const progress = (done: number) => {
    if (done % STEP === 0) terminal.progress(`${done} of ${tokens.length} tokens hashed`);
  };
  const secrets = tokens.map(({ secret }) => secret);
  const hashes = await hashSecrets(secrets, algorithm, availableParallelism(), progress);
  terminal.progress('');
  return new Map(tokens.map(({ qualifiedName }, index) => [qualifiedName, hashes[index] ?? '']));
}

/** Prepares this process for hashTokens. Call it before any input is read: libuv's pool keeps its first size. */
export function prepareThreads({ io }: Invocation): void {
  io.useThreads?.(availableParallelism());
}

import { types } from 'node:util';
import { type ElasticsearchVersion, isAtLeast, requireVersion } from '../accounts/elasticsearch-version.js';
import { knownAccounts } from '../accounts/known-accounts.js';
import { ServiceTokensError } from '../errors.js';
import { verifySecret } from '../hash/hasher.js';
import { requireString } from '../require.js';
import { ServiceToken } from '../token/token.js';

/** The check of the server that refused a token. The client sees the same message for all of them. */
export type Refusal =
  | 'NAMESPACE'
  | 'UNKNOWN_ACCOUNT'
  | 'SHORT_SECRET'
  | 'NO_SUCH_TOKEN'
  | 'WRONG_SECRET'
  | 'HASH_UNUSABLE';

/** The server refuses a shorter secret. */
export const MIN_SECRET_LENGTH = 10; // UTF-16 code units
const SINCE_LENGTH_FIRST: ElasticsearchVersion = { major: 9, minor: 6 };

const explanations: Record<Refusal, string> = {
  NAMESPACE: 'its namespace is not elastic: tokens of user-managed accounts are in an index, not in a file',
  UNKNOWN_ACCOUNT: 'the service account does not exist',
  SHORT_SECRET: `its secret has fewer than ${MIN_SECRET_LENGTH} characters`,
  NO_SUCH_TOKEN: 'the file has no token of that name',
  WRONG_SECRET: 'its secret does not match the stored hash',
  HASH_UNUSABLE: 'the stored hash has a salt or a key that no secret can match',
};

/** Explains which check refused a token. @throws USAGE for anything but a Refusal */
export function explain(refusal: Refusal): string {
  requireString(refusal, 'refusal');
  if (Object.hasOwn(explanations, refusal)) return explanations[refusal];
  throw new ServiceTokensError('USAGE', 'refusal must be a Refusal');
}

/**
 * Decides whether a node with these entries in its tokens file would accept a token. The checks are the server's, in its
 * order (docs/server-behaviour.md, "Order of the checks"). Nothing is cached: each call with a name that exists computes
 * a hash, bcrypt in this thread.
 *
 * @param token as `ServiceToken.decode` returns it
 * @param entries stored hashes by qualified name, such as `FileFollower.entries`
 * @param version the server's; undefined means the newest, with the accounts of every version
 * @returns the check that refuses the token; undefined if it is accepted
 * @throws USAGE for arguments of the wrong type; MALFORMED_FILE for a hash with which a node does not start
 *
 * @example
 * const token = ServiceToken.decode(bearer);
 * const isAccepted = token !== undefined && (await authenticate(token, follower.entries)) === undefined;
 */
export async function authenticate(
  token: ServiceToken,
  entries: ReadonlyMap<string, string>,
  version?: ElasticsearchVersion,
): Promise<Refusal | undefined> {
  if (!(token instanceof ServiceToken)) throw new ServiceTokensError('USAGE', 'token must be a ServiceToken');
  if (!types.isMap(entries)) throw new ServiceTokensError('USAGE', 'entries must be a Map');
  requireVersion(version);
  const isShort = token.secret.length < MIN_SECRET_LENGTH;
  if (isShort && (version === undefined || isAtLeast(version, SINCE_LENGTH_FIRST))) return 'SHORT_SECRET';
  if (!token.principal.startsWith('elastic/')) return 'NAMESPACE';
  if (!knownAccounts(version).some(({ principal }) => principal === token.principal))
    return 'UNKNOWN_ACCOUNT';
  if (isShort) return 'SHORT_SECRET';
  const stored = entries.get(token.qualifiedName);
  if (stored === undefined) return 'NO_SUCH_TOKEN';
  try {
    return (await verifySecret(token.secret, stored)) ? undefined : 'WRONG_SECRET';
  } catch (error) {
    if (error instanceof ServiceTokensError && error.code === 'HASH_UNUSABLE') return 'HASH_UNUSABLE';
    throw error;
  }
}

/** The server's message for every refusal. */
export function refusalMessage({ principal, name }: ServiceToken): string {
  return `failed to authenticate service account [${principal}] with token name [${name}]`;
}

const SINCE_TOKEN: ElasticsearchVersion = { major: 7, minor: 14 };
const SINCE_MANAGED_BY: ElasticsearchVersion = { major: 9, minor: 4 };

/**
 * The body of the server's response to `GET /_security/_authenticate` (docs/server-behaviour.md, "Body of
 * _authenticate"). Without a version it is the newest's.
 */
export function authenticateBody(
  principal: string,
  tokenName: string,
  version?: ElasticsearchVersion,
): object {
  const has = (since: ElasticsearchVersion) => version === undefined || isAtLeast(version, since);
  const realm = { name: '_service_account', type: '_service_account' };
  const managedBy = has(SINCE_MANAGED_BY) && { managed_by: 'elasticsearch' };
  const token = { name: tokenName, type: '_service_account_file', ...managedBy };
  return {
    username: principal,
    roles: [],
    full_name: `Service account - ${principal}`,
    email: null,
    ...(has(SINCE_TOKEN) && { token }),
    metadata: { _elastic_service_account: true },
    enabled: true,
    authentication_realm: realm,
    lookup_realm: realm,
    authentication_type: 'token',
  };
}

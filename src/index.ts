/**
 * Elasticsearch service account tokens in a tokens file: create, delete, list, check, follow and authenticate them.
 *
 * Nothing here prints, ends the process, or reads its environment. Every failure is a ServiceTokensError.
 *
 * @example
 * import { parsePrincipal, parseTokenName, ServiceTokensFile } from 'elasticsearch-service-tokens';
 *
 * const file = new ServiceTokensFile('/etc/elasticsearch/service_tokens');
 * const { token } = await file.create(parsePrincipal('elastic/kibana'), parseTokenName('my-token'));
 * console.log(`Authorization: Bearer ${token.bearer}`);
 *
 * @packageDocumentation
 */
export type { Server } from './access/server-access.js';
export { type ElasticsearchVersion, parseVersion } from './accounts/elasticsearch-version.js';
export {
  type KnownAccount,
  knownAccounts,
  type Principal,
  parsePrincipal,
} from './accounts/known-accounts.js';
export { authenticate, explain, type Refusal } from './authenticate/authentication.js';
export { FileFollower, type FollowerOptions, type Reload } from './authenticate/file-follower.js';
export { type CheckOptions, type CheckReport, checkTokensFile } from './check/check.js';
export type { Finding, FindingCode, Severity } from './check/findings.js';
export type { Attributes } from './disk/atomic-file.js';
export { type ErrorCode, ServiceTokensError } from './errors.js';
export { type Algorithm, defaultAlgorithm, parseAlgorithm } from './hash/algorithm.js';
export { hashSecret, verifySecret } from './hash/hasher.js';
export { ServiceToken } from './token/token.js';
export { parseTokenName, type TokenName } from './token/token-name.js';
export type { Change } from './tokens-file/entry-store.js';
export {
  type ChangeOptions,
  type CreateOptions,
  type FileOptions,
  ServiceTokensFile,
} from './tokens-file/service-tokens-file.js';

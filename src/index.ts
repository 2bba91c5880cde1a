export type { Server } from './access/server-access.js';
export { type ElasticsearchVersion, parseVersion } from './accounts/elasticsearch-version.js';
export {
  type KnownAccount,
  knownAccounts,
  type Principal,
  parsePrincipal,
} from './accounts/known-accounts.js';
export { explain, type Refusal } from './authenticate/authentication.js';
export { FileFollower, type FollowerOptions } from './authenticate/file-follower.js';
export type { Reload } from './authenticate/reload.js';
export type { CacheOptions } from './authenticate/secret-cache.js';
export {
  type Authenticated,
  type Authentication,
  type Refused,
  TokenStore,
  type TokenStoreOptions,
} from './authenticate/token-store.js';
export { type CheckOptions, type CheckReport, checkTokensFile } from './check/check.js';
export type { Finding, FindingCode, Severity } from './check/findings.js';
export type { Attributes } from './disk/atomic-file.js';
export { type ErrorCode, ServiceTokensError } from './errors.js';
export { type Algorithm, defaultAlgorithm, parseAlgorithm } from './hash/algorithm.js';
export { hashSecret, verifySecret } from './hash/hasher.js';
export { ServiceToken } from './token/token.js';
export { parseTokenName, type TokenName } from './token/token-name.js';
export {
  type ChangeOptions,
  type CreateOptions,
  type FileOptions,
  ServiceTokensFile,
} from './tokens-file/service-tokens-file.js';
export type { Change } from './tokens-file/tokens.js';

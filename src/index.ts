export { type Algorithm, defaultAlgorithm, parseAlgorithm } from './algorithm.js';
export type { Attributes } from './atomic-file.js';
export { explain, type Refusal } from './authentication.js';
export { type CheckOptions, type CheckReport, checkTokensFile } from './check.js';
export { type ElasticsearchVersion, parseVersion } from './elasticsearch-version.js';
export { type ErrorCode, ServiceTokensError } from './errors.js';
export { FileFollower, type FollowerOptions } from './file-follower.js';
export type { Finding, FindingCode, Severity } from './findings.js';
export { hashSecret, verifySecret } from './hasher.js';
export { type KnownAccount, knownAccounts, type Principal, parsePrincipal } from './known-accounts.js';
export type { Reload } from './reload.js';
export type { CacheOptions } from './secret-cache.js';
export type { Server } from './server-access.js';
export {
  type Change,
  type ChangeOptions,
  type CreateOptions,
  type FileOptions,
  ServiceTokensFile,
} from './service-tokens-file.js';
export { ServiceToken } from './token.js';
export { parseTokenName, type TokenName } from './token-name.js';
export {
  type Authenticated,
  type Authentication,
  type Refused,
  TokenStore,
  type TokenStoreOptions,
} from './token-store.js';

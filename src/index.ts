export { type Algorithm, defaultAlgorithm, parseAlgorithm } from './algorithm.js';
export type { Attributes } from './atomic-file.js';
export { type ElasticsearchVersion, parseVersion } from './elasticsearch-version.js';
export { type ErrorCode, ServiceTokensError } from './errors.js';
export { hashSecret, verifySecret } from './hasher.js';
export { type KnownAccount, knownAccounts, type Principal, parsePrincipal } from './known-accounts.js';
export { type Change, type CreateOptions, ServiceTokensFile } from './service-tokens-file.js';
export { ServiceToken } from './token.js';
export { parseTokenName, type TokenName } from './token-name.js';

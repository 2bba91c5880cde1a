import { parsePrincipal } from '../../src/accounts/known-accounts.js';
import { hashSecret } from '../../src/hash/hasher.js';
import { ServiceToken } from '../../src/token/token.js';
import { parseTokenName } from '../../src/token/token-name.js';

/** The token that is in the tokens file when a command begins. */
export const sampleToken = ServiceToken.mint(parsePrincipal('elastic/fleet-server'), parseTokenName('old'));

/** Its line there. */
export const sampleEntry = `${sampleToken.qualifiedName}:${await hashSecret(sampleToken.secret, { scheme: 'pbkdf2', cost: 1_000 })}\n`;

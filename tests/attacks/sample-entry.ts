import { hashSecret } from '../../src/hasher.js';
import { parsePrincipal } from '../../src/known-accounts.js';
import { ServiceToken } from '../../src/token.js';
import { parseTokenName } from '../../src/token-name.js';

/** The token that is in the tokens file when a command begins. */
export const sampleToken = ServiceToken.mint(parsePrincipal('elastic/fleet-server'), parseTokenName('old'));

/** Its line there. */
export const sampleEntry = `${sampleToken.qualifiedName}:${await hashSecret(sampleToken.secret, { scheme: 'pbkdf2', cost: 1_000 })}\n`;

import { ServiceTokensError } from '../errors.js';
import { requireString } from '../require.js';

/** A name that the server accepts for a service account token. */
export type TokenName = string & { readonly __brand: 'TokenName' };

/** `<principal>/<token name>`: the key of a token in a tokens file. */
export type QualifiedName = string & { readonly __brand: 'QualifiedName' };

export function qualifiedName(principal: string, name: TokenName): QualifiedName {
  return `${principal}/${name}` as QualifiedName;
}

/** Whether a text is a valid token name: 1 to 256 of A-Z a-z 0-9 - _, not beginning with _. */
export function isTokenName(text: string): text is TokenName {
  return /^[A-Za-z0-9-][A-Za-z0-9_-]{0,255}$/.test(text);
}

/** Parses a token name. @throws INVALID_TOKEN_NAME, with the original's message */
export function parseTokenName(text: string): TokenName {
  requireString(text, 'token name', 'INVALID_TOKEN_NAME');
  if (isTokenName(text)) return text;
  throw new ServiceTokensError(
    'INVALID_TOKEN_NAME',
    `invalid service token name [${text}]. service account token name must have at least 1 character and at most 256 characters that are alphanumeric (A-Z, a-z, 0-9) or hyphen (-) or underscore (_). It must not begin with an underscore (_).`,
  );
}

import { decodeBase64 } from '../java-text.js';
import { ServiceToken } from './token.js';

/** Recognizes an untrimmed credential by its form. Only a service account token is recognized with certainty. */
export function kindOf(text: string): TokenKind {
  if (ServiceToken.decode(text)) return 'service account token';
  if (/([!-~]\0){4}/.test(text)) return 'UTF-16 text';
  if (text.startsWith('AAEAA')) return 'damaged service account token';
  if (isApiKey(text)) return 'API key';
  if (/^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) return 'JSON Web Token'; // three parts, the first of which begins with {"
  const bytes = decodeBase64(text);
  if (bytes === undefined) return 'unknown';
  if (ServiceToken.decode(bytes.toString('latin1').trim())) return 'base64 of a service account token';
  if (isApiKey(bytes.toString('latin1'))) return 'API key';
  if (isEnrollment(bytes)) return 'enrollment token';
  return isAccessToken(bytes) ? 'OAuth2 access token' : 'unknown';
}

/** `id:key`: a document id of 20 characters, and a random UUID of 22, both in base64url. */
function isApiKey(text: string): boolean {
  return /^[\w-]{20}:[\w-]{22}$/.test(text);
}

/** JSON with the version, the addresses, the certificate's fingerprint and an API key. */
function isEnrollment(bytes: Buffer): boolean {
  if (bytes[0] !== 0x7b) return false; // a brace: to let the parser fail takes long
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof json === 'object' && json !== null && ['ver', 'adr', 'key'].every((name) => name in json);
  } catch {
    return false;
  }
}

/**
 * The server's version as a variable-length integer (seven bits per byte, lowest first), such as 8080099 for 8.8.0,
 * followed by at least the 16 bytes of a UUID.
 */
function isAccessToken(bytes: Buffer): boolean {
  const end = bytes.findIndex((byte) => byte < 0x80) + 1;
  const version = bytes.subarray(0, end).reduceRight((value, byte) => (value << 7) | (byte & 0x7f), 0);
  const rest = bytes.length - end;
  return end <= 4 && version >= 6_000_000 && version < 20_000_000 && rest >= 16 && rest <= 64;
}

/** What a text is instead of a service account token, and what to do about it. */
export const explanations = {
  'service account token': ['this is a service account token'],
  'base64 of a service account token': [
    'this is the base64 of a service account token',
    'Decode it first, as with: base64 -d',
  ],
  'damaged service account token': [
    'this is a service account token that was cut or changed',
    'Copy it again, all of it.',
  ],
  'UTF-16 text': ['this is UTF-16 text', 'Save it as UTF-8.'],
  'API key': ['this is an API key, not a service account token'],
  'enrollment token': ['this is an enrollment token, not a service account token'],
  'OAuth2 access token': ['this is an OAuth2 access token, not a service account token'],
  'JSON Web Token': ['this is a JSON Web Token (JWT), not a service account token'],
  unknown: ['this is not a service account token'],
} satisfies Record<string, readonly [fact: string, hint?: string]>;

/** The kind of an Elasticsearch credential. */
export type TokenKind = keyof typeof explanations;

import { randomBytes } from 'node:crypto';
import { ServiceTokensError } from '../errors.js';
import type { RandomBytes } from '../hash/hasher.js';
import { decodeBase64Stream, decodeUtf8, isBlank } from '../java-text.js';
import { requireBytes, requireFunction, requireString } from '../require.js';
import {
  isTokenName,
  parseTokenName,
  type QualifiedName,
  qualifiedName,
  type TokenName,
} from './token-name.js';

const PREFIX = Buffer.from([0, 1, 0, 1]);

/**
 * A service account token: principal, name and secret.
 *
 * The secret is shown only if it is asked for: a token that is logged, inspected, or converted to JSON or text shows
 * its qualified name only.
 */
export class ServiceToken {
  /** `<namespace>/<service>`; in a decoded bearer the account need not exist. */
  readonly principal: string;
  readonly name: TokenName;
  readonly #secret: string;

  /** @throws UNKNOWN_PRINCIPAL, INVALID_TOKEN_NAME, or USAGE if the secret is not a string */
  constructor(principal: string, name: TokenName, secret: string) {
    requireQualified(principal);
    parseTokenName(name);
    requireString(secret, 'secret');
    this.principal = principal;
    this.name = name;
    this.#secret = secret;
  }

  /**
   * Makes a token with a new secret: a random UUID of version 4 in base64url, 22 characters.
   *
   * @throws UNKNOWN_PRINCIPAL, INVALID_TOKEN_NAME, or USAGE if `random` is not a function that returns 16 bytes; and
   *   what `random` throws
   *
   * @example ServiceToken.mint(parsePrincipal('elastic/kibana'), parseTokenName('my-token')).bearer
   */
  static mint(principal: string, name: TokenName, random: RandomBytes = randomBytes): ServiceToken {
    requireFunction(random, 'random');
    const bytes = random(16);
    requireBytes(bytes, 'the result of random', 16);
    const uuid = Buffer.from(bytes);
    uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x40, 6); // RFC 9562: version 4 ...
    uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8); // ... of variant 10
    return new ServiceToken(principal, name, uuid.toString('base64url'));
  }

  /**
   * Decodes a bearer exactly as the server does (docs/server-behaviour.md, "Bearer strings").
   *
   * @param bearer the text after `Authorization: Bearer `, untrimmed
   * @returns the token; undefined if the server would not recognize the text as a service account token
   * @throws USAGE if the argument is not a string
   */
  static decode(bearer: string): ServiceToken | undefined {
    const decoded = decodeOrExplain(bearer);
    return typeof decoded === 'string' ? undefined : decoded;
  }

  /** `<namespace>/<service>/<name>`: the key of the token in a tokens file. */
  get qualifiedName(): QualifiedName {
    return qualifiedName(this.principal, this.name);
  }

  get secret(): string {
    return this.#secret;
  }

  /** The text that a client sends: the unpadded base64 of the bytes 00 01 00 01 and `<qualified name>:<secret>`. */
  get bearer(): string {
    const text = Buffer.from(`${this.qualifiedName}:${this.#secret}`, 'utf8');
    return Buffer.concat([PREFIX, text]).toString('base64').replace(/=+$/, '');
  }

  toString(): string {
    return this.qualifiedName;
  }

  /** For console.log and util.inspect, which can be configured to show the values of getters. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `ServiceToken(${this.qualifiedName})`;
  }

  toJSON(): string {
    return this.qualifiedName;
  }
}

/** The account need not exist, but a bearer can contain only two parts that are not blank and have no colon. */
function requireQualified(principal: unknown): void {
  requireString(principal, 'principal', 'UNKNOWN_PRINCIPAL');
  const parts = principal.split('/');
  if (parts.length === 2 && !parts.some(isBlank) && !principal.includes(':')) return;
  throw new ServiceTokensError('UNKNOWN_PRINCIPAL', 'principal must be <namespace>/<service>');
}

/** Why the server would not recognize a text as a service account token; undefined if it would. */
export function whyNotDecoded(bearer: string): string | undefined {
  const decoded = decodeOrExplain(bearer);
  return typeof decoded === 'string' ? decoded : undefined;
}

function decodeOrExplain(bearer: string): ServiceToken | string {
  requireString(bearer, 'bearer');
  const bytes = decodeBase64Stream(bearer);
  if (bytes === undefined) return 'it is not base64 of the standard alphabet';
  if (!bytes.subarray(0, PREFIX.length).equals(PREFIX)) return 'it does not begin with the bytes 00 01 00 01';
  const text = decodeUtf8(bytes.subarray(PREFIX.length));
  const colon = text.indexOf(':');
  if (colon < 0) return 'it has no colon before a secret';
  const [namespace = '', service = '', name = '', ...more] = text.slice(0, colon).split('/');
  if (isBlank(namespace) || isBlank(service) || more.length > 0) {
    return 'its qualified name is not <namespace>/<service>/<name>';
  }
  if (!isTokenName(name)) return 'its token name is invalid';
  return new ServiceToken(`${namespace}/${service}`, name, text.slice(colon + 1));
}

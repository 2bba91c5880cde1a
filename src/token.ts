import { randomBytes } from 'node:crypto';
import type { RandomBytes } from './hasher.js';
import { decodeBase64Stream, decodeUtf8, isBlank } from './java-text.js';
import { isTokenName, type TokenName } from './token-name.js';

const PREFIX = Buffer.from([0, 1, 0, 1]);

/**
 * A service account token: whose it is, its name, and its secret.
 *
 * The secret can be asked for and is never shown: a token that is logged, inspected or turned into JSON or text gives
 * its qualified name only.
 */
export class ServiceToken {
  /** `<namespace>/<service>`; in a decoded bearer it need not be an account that exists. */
  readonly principal: string;
  readonly name: TokenName;
  readonly #secret: string;

  constructor(principal: string, name: TokenName, secret: string) {
    this.principal = principal;
    this.name = name;
    this.#secret = secret;
  }

  /**
   * Makes a token with a new secret: 16 random bytes with the bits of a version 4 UUID, in base64url, 22 characters.
   *
   * @example ServiceToken.mint(parsePrincipal('elastic/kibana'), parseTokenName('my-token')).bearer
   */
  static mint(principal: string, name: TokenName, random: RandomBytes = randomBytes): ServiceToken {
    const uuid = Buffer.from(random(16));
    uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x40, 6); // RFC 9562: version 4 ...
    uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8); // ... of variant 10
    return new ServiceToken(principal, name, uuid.toString('base64url'));
  }

  /**
   * Reads a bearer, exactly as the server's decoder does: tests/token.test.ts, and the recorded ones in fixtures/oracle/bearers.json.
   *
   * @param bearer the text behind `Authorization: Bearer `, untrimmed
   * @returns the token; undefined when the server would not take the text for a service account token
   */
  static decode(bearer: string): ServiceToken | undefined {
    const bytes = decodeBase64Stream(bearer);
    if (bytes === undefined || !bytes.subarray(0, PREFIX.length).equals(PREFIX)) return undefined;
    const text = decodeUtf8(bytes.subarray(PREFIX.length));
    const colon = text.indexOf(':');
    const [namespace = '', service = '', name = '', ...more] = text.slice(0, Math.max(colon, 0)).split('/');
    if (colon < 0 || isBlank(namespace) || isBlank(service) || more.length > 0) return undefined;
    return isTokenName(name)
      ? new ServiceToken(`${namespace}/${service}`, name, text.slice(colon + 1))
      : undefined;
  }

  /** `<namespace>/<service>/<name>`: the key of the token in a tokens file. */
  get qualifiedName(): string {
    return `${this.principal}/${this.name}`;
  }

  get secret(): string {
    return this.#secret;
  }

  /** The text that a client sends: base64, without padding, of `00 01 00 01` and `<qualified name>:<secret>`. */
  get bearer(): string {
    const text = Buffer.from(`${this.qualifiedName}:${this.#secret}`, 'utf8');
    return Buffer.concat([PREFIX, text]).toString('base64').replace(/=+$/, '');
  }

  toString(): string {
    return this.qualifiedName;
  }

  /** For console.log and util.inspect, which otherwise may show what getters give. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `ServiceToken(${this.qualifiedName})`;
  }

  toJSON(): string {
    return this.qualifiedName;
  }
}

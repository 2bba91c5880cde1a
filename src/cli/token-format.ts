import { ServiceToken } from '../token/token.js';
import { tokensIn } from '../token/token-forms.js';
import { manifestOf, secretNameOf } from './kubernetes.js';

/** The formats in which a token is written for its consumer. */
export type TokenFormat = 'line' | 'token' | 'env' | 'k8s-secret';

export interface FormatOptions {
  /** The variable of `env`; by default it depends on the account. */
  readonly envName?: string | undefined;
  /** The Secret of `k8s-secret`; by default derived from the qualified name. */
  readonly secretName?: string | undefined;
  readonly namespace?: string | undefined;
}

/** The key of the token in a Secret. */
export const SECRET_KEY = 'token';

/** Formats a token, with a final line end. */
export function formatToken(token: ServiceToken, format: TokenFormat, options: FormatOptions = {}): string {
  const { principal, qualifiedName, bearer } = token;
  switch (format) {
    case 'line': // exactly as the original prints it
      return `SERVICE_TOKEN ${qualifiedName} = ${bearer}\n`;
    case 'token':
      return `${bearer}\n`;
    case 'env': // a bearer needs no quotes: it contains only letters, digits, + and /
      return `${options.envName ?? envNameOf(principal)}=${bearer}\n`;
    case 'k8s-secret': {
      const { secretName = secretNameOf(qualifiedName), namespace } = options;
      return manifestOf({ name: secretName, namespace, data: { [SECRET_KEY]: bearer } });
    }
  }
}

/** The variable that the Docker images of Fleet Server and Kibana read. */
export function envNameOf(principal: string): string {
  if (principal.startsWith('elastic/fleet-server')) return 'FLEET_SERVER_SERVICE_TOKEN';
  return principal === 'elastic/kibana' ? 'ELASTICSEARCH_SERVICEACCOUNTTOKEN' : 'SERVICE_TOKEN';
}

/**
 * Finds the token in the whole text of a file, where its consumer finds it: bare, or in a line or a manifest as
 * formatToken writes it.
 */
export function parseToken(text: string, format: TokenFormat): ServiceToken | undefined {
  if (format === 'token') return parseBare(text.replace(/\r?\n$/, ''));
  const [first, ...more] = tokensIn(text);
  return first !== undefined && more.length === 0 ? parseBare(first.bearer) : undefined;
}

/** The server ignores what follows the padding; in a file it is somebody's. */
function parseBare(bearer: string): ServiceToken | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(bearer) ? ServiceToken.decode(bearer) : undefined;
}

/** Finds the token in the value of a variable, with or without quotes. */
export function parseValue(value: string): ServiceToken | undefined {
  return parseToken(/^(["'])(.*)\1$/.exec(value)?.[2] ?? value, 'token');
}

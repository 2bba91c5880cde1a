import type { ServiceToken } from '../token/token.js';
import type { FileFormat } from '../tokens-file/token-file-content.js';
import { manifestOf, secretNameOf } from './kubernetes.js';

/** How a token is written for its consumer. */
export interface TokenFormat {
  readonly format: 'line' | 'token' | 'env' | 'k8s-secret';
  /** The variable of `env`; by default it depends on the account. */
  readonly envName?: string | undefined;
  /** The Secret of `k8s-secret`; by default derived from the qualified name. */
  readonly secretName?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Formats a token, with a final line end. */
export function formatToken(token: ServiceToken, options: TokenFormat): string {
  const { principal, qualifiedName, bearer } = token;
  switch (options.format) {
    case 'line': // exactly as the original prints it
      return `SERVICE_TOKEN ${qualifiedName} = ${bearer}\n`;
    case 'token':
      return `${bearer}\n`;
    case 'env': // a bearer needs no quotes: it contains only letters, digits, + and /
      return `${options.envName ?? envNameOf(principal)}=${bearer}\n`;
    case 'k8s-secret': {
      const { secretName = secretNameOf(qualifiedName), namespace } = options;
      return manifestOf({ name: secretName, namespace, data: { token: bearer } });
    }
  }
}

/** The variable that the Docker images of Fleet Server and Kibana read. */
function envNameOf(principal: string): string {
  if (principal.startsWith('elastic/fleet-server')) return 'FLEET_SERVER_SERVICE_TOKEN';
  return principal === 'elastic/kibana' ? 'ELASTICSEARCH_SERVICEACCOUNTTOKEN' : 'SERVICE_TOKEN';
}

/** How a token of an account stands in a token file, where its consumer finds it. */
export function fileFormatOf(options: TokenFormat, principal: string): FileFormat {
  const variable = options.format === 'env' ? (options.envName ?? envNameOf(principal)) : undefined;
  // Fleet Server and `kubectl create secret --from-file` treat a line end as part of the token.
  const isBare = options.format === 'token' || variable !== undefined;
  return { format: (token) => (isBare ? token.bearer : formatToken(token, options)), variable };
}

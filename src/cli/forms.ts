import type { ServiceToken } from '../token/token.js';
import { manifestOf, secretNameOf } from './kubernetes.js';

/** How a token is written for who uses it. */
export type Form = 'line' | 'token' | 'env' | 'k8s-secret';

export interface FormOptions {
  /** The variable of `env`; picked by the account when not given. */
  readonly envName?: string | undefined;
  /** The Secret of `k8s-secret`; made of the qualified name when not given. */
  readonly secretName?: string | undefined;
  readonly namespace?: string | undefined;
}

/** The key of a Secret under which the token is. */
export const SECRET_KEY = 'token';

/** Writes a token in a form, with its last line end. */
export function formatToken(token: ServiceToken, form: Form, options: FormOptions = {}): string {
  const { principal, qualifiedName, bearer } = token;
  switch (form) {
    case 'line': // the original's, to the letter
      return `SERVICE_TOKEN ${qualifiedName} = ${bearer}\n`;
    case 'token':
      return `${bearer}\n`;
    case 'env': // a bearer needs no quotes: it has letters, digits, + and / only
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

import type { ServiceToken } from '../../token/token.js';
import type { FileFormat } from '../../tokens-file/token-file-content.js';
import { manifestOf, parseName, secretNameOf } from '../kubernetes.js';
import {
  conflictingOptions,
  type Options,
  parseOutputName,
  requiresOption,
  TOKEN_OUTPUTS,
  usageError,
} from '../options.js';

type Format = 'line' | 'token' | 'env' | 'k8s-secret';

/** How a token is handed over to its consumer. */
export interface TokenOutput {
  readonly format: Format;
  /** The variable of `env`; by default it depends on the account. */
  readonly envName: string | undefined;
  /** The Secret of `k8s-secret`; by default derived from the qualified name. */
  readonly secretName: string | undefined;
  readonly namespace: string | undefined;
  /** Whether the answer is JSON; `format` then applies to the token file. */
  readonly isJson: boolean;
  /** Undefined if the token goes to stdout. */
  readonly tokenFile: string | undefined;
  readonly owner: string | undefined;
  readonly force: boolean;
}

/** @param outputs the values of `--output` @throws USAGE for invalid values, and options that cannot be used together */
export function parseOutput(
  { json = false, silent = false, ...options }: Options,
  outputs: readonly (Format | 'json')[] = TOKEN_OUTPUTS,
): TokenOutput {
  const { envName, name, namespace, tokenFile, tokenOwner, force = false } = options;
  const output = parseOutputName(options.output, outputs);
  if (json && output !== undefined && output !== 'json')
    throw conflictingOptions('--json', `--output ${output}`);
  if (silent && output !== undefined && output !== 'token')
    throw conflictingOptions('--silent', `--output ${output}`);
  if (silent && json) throw conflictingOptions('--silent', '--json');
  if (envName !== undefined && output !== 'env') throw requiresOption('--env-name', '--output env');
  if (name !== undefined && output !== 'k8s-secret') throw requiresOption('--name', '--output k8s-secret');
  if (namespace !== undefined && output !== 'k8s-secret')
    throw requiresOption('--namespace', '--output k8s-secret');
  if (force && tokenFile === undefined) throw requiresOption('--force', '--token-file');
  if (tokenOwner !== undefined && tokenFile === undefined)
    throw requiresOption('--token-owner', '--token-file');
  if (envName !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(envName)) {
    throw usageError(
      `Option --env-name: [${envName}] is not the name of a variable`,
      'Use letters, digits and underscores; do not begin with a digit.',
    );
  }
  return {
    format: output === undefined || output === 'json' ? (silent || tokenFile ? 'token' : 'line') : output,
    envName,
    secretName: parseName(name, 'secret', '--name'),
    namespace: parseName(namespace, 'namespace', '--namespace'),
    isJson: json || output === 'json',
    tokenFile,
    owner: tokenOwner,
    force,
  };
}

/** Formats a token, with a final line end. */
export function formatToken(token: ServiceToken, output: TokenOutput): string {
  const { principal, qualifiedName, bearer } = token;
  switch (output.format) {
    case 'line': // exactly as the original prints it
      return `SERVICE_TOKEN ${qualifiedName} = ${bearer}\n`;
    case 'token':
      return `${bearer}\n`;
    case 'env': // a bearer needs no quotes: it contains only letters, digits, + and /
      return `${variableOf(output, principal)}=${bearer}\n`;
    case 'k8s-secret': {
      const { secretName = secretNameOf(qualifiedName), namespace } = output;
      return manifestOf(secretName, namespace, { token: bearer });
    }
  }
}

/** The variable that the Docker images of Fleet Server and Kibana read, unless another one is named. */
function variableOf({ envName }: TokenOutput, principal: string): string {
  if (envName !== undefined) return envName;
  if (principal.startsWith('elastic/fleet-server')) return 'FLEET_SERVER_SERVICE_TOKEN';
  return principal === 'elastic/kibana' ? 'ELASTICSEARCH_SERVICEACCOUNTTOKEN' : 'SERVICE_TOKEN';
}

/** How a token of an account stands in a token file, where its consumer finds it. */
export function fileFormatOf(output: TokenOutput, principal: string): FileFormat {
  const variable = output.format === 'env' ? variableOf(output, principal) : undefined;
  // Fleet Server and `kubectl create secret --from-file` treat a line end as part of the token.
  const isBare = output.format === 'token' || variable !== undefined;
  return { format: (token) => (isBare ? token.bearer : formatToken(token, output)), variable };
}

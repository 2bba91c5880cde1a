import type { ServiceToken } from '../../token/token.js';
import type { FileFormat } from '../../tokens-file/token-file-content.js';
import { manifestOf, requireValid, secretNameOf } from '../kubernetes.js';
import {
  conflictingOptions,
  type Options,
  parseOutputName,
  requiresOption,
  TOKEN_OUTPUTS,
  usageError,
} from '../options.js';

type Format = 'line' | 'token' | 'env' | 'k8s-secret';

/** How a token is handed over to its consumer: the checked options. */
export interface TokenOutput extends Options {
  readonly format: Format;
  /** Whether the answer is JSON; `format` then applies to the token file. */
  readonly isJson: boolean;
}

/** @param outputs the values of `--output` @throws USAGE for invalid values, and options that cannot be used together */
export function parseOutput(
  options: Options,
  outputs: readonly (Format | 'json')[] = TOKEN_OUTPUTS,
): TokenOutput {
  const { json = false, silent = false, envName, name, namespace, tokenFile, tokenOwner, force } = options;
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
  requireValid(name, 'secret', '--name');
  requireValid(namespace, 'namespace', '--namespace');
  const isDefault = output === undefined || output === 'json';
  const format = isDefault ? (silent || tokenFile ? 'token' : 'line') : output;
  return { ...options, format, isJson: json || output === 'json' };
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
      const { name = secretNameOf(qualifiedName), namespace } = output;
      return manifestOf(name, namespace, { token: bearer });
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

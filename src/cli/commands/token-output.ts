import { ServiceTokensError } from '../../errors.js';
import { parseName } from '../kubernetes.js';
import {
  conflictingOptions,
  type Options,
  parseOutputName,
  requiresOption,
  TOKEN_OUTPUTS,
} from '../options.js';
import type { TokenFormat } from '../token-format.js';

/** The parsed options. */
export interface OutputPlan extends TokenFormat {
  /** Whether the answer is JSON; `format` then applies to the token file. */
  readonly isJson: boolean;
  /** Undefined if the token goes to stdout. */
  readonly tokenFile: string | undefined;
  readonly owner: string | undefined;
  readonly force: boolean;
}

/**
 * Parses the options for a token's output.
 *
 * @param outputs the values of `--output`
 * @throws USAGE for invalid values, and for options that cannot be used together
 */
export function parseOutput(
  options: Options,
  outputs: readonly (TokenFormat['format'] | 'json')[] = TOKEN_OUTPUTS,
): OutputPlan {
  const { json = false, envName, name, namespace, tokenFile, tokenOwner, force = false } = options;
  const output = parseOutputName(options.output, outputs);
  const silent = options.silent === true && outputs === TOKEN_OUTPUTS;
  const isJson = json || output === 'json';
  if (json && output !== undefined && output !== 'json' && outputs === TOKEN_OUTPUTS)
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
  return {
    format: output === undefined || output === 'json' ? (silent || tokenFile ? 'token' : 'line') : output,
    envName: envName === undefined ? undefined : requireEnvName(envName),
    secretName: parseName(name, 'secret', '--name'),
    namespace: parseName(namespace, 'namespace', '--namespace'),
    isJson,
    tokenFile,
    owner: tokenOwner,
    force,
  };
}

function requireEnvName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new ServiceTokensError('USAGE', `Option --env-name: [${name}] is not the name of a variable`, {
    hint: 'Use letters, digits and underscores; do not begin with a digit.',
  });
}

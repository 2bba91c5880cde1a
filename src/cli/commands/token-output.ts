import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import type { ServiceToken } from '../../token/token.js';
import { type Series, TokenFile } from '../../tokens-file/token-file.js';
import { requireNamespace, requireSecretName } from '../kubernetes.js';
import { conflictingOptions, requiresOption, TOKEN_OUTPUTS } from '../options.js';
import {
  envNameOf,
  type FormatOptions,
  formatToken,
  parseToken,
  parseValue,
  type TokenFormat,
} from '../token-format.js';
import type { Invocation } from './command.js';
import type { Target, TargetOptions } from './target.js';

/** The options for the format and destination of a new token. */
export interface OutputOptions {
  readonly output?: string | undefined;
  readonly json?: boolean | undefined;
  readonly envName?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly tokenOwner?: string | undefined;
  readonly force?: boolean | undefined;
  readonly silent?: boolean | undefined;
}

/** The parsed options. */
export interface OutputPlan {
  readonly format: TokenFormat;
  readonly formatOptions: FormatOptions;
  /** Whether the answer is JSON; `format` then applies to the token file. */
  readonly isJson: boolean;
  readonly tokenFile: string | undefined;
  readonly owner: string | undefined;
  readonly force: boolean;
}

/**
 * Parses the options for a token's output.
 *
 * @param formats the values of `--output`
 * @throws USAGE for invalid values, and for options that cannot be used together
 */
export function parseOutput(
  options: OutputOptions,
  formats: readonly (TokenFormat | 'json')[] = TOKEN_OUTPUTS,
): OutputPlan {
  const {
    output: word,
    json = false,
    envName,
    name,
    namespace,
    tokenFile,
    tokenOwner,
    force = false,
  } = options;
  const output = formats.find((each) => each === word);
  if (word !== output) {
    throw new ServiceTokensError('USAGE', `Option --output: [${word}] is not one of [${formats.join(',')}]`);
  }
  const silent = options.silent === true && formats === TOKEN_OUTPUTS;
  const isJson = json || output === 'json';
  if (json && output !== undefined && output !== 'json' && formats === TOKEN_OUTPUTS)
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
    formatOptions: {
      envName: envName === undefined ? undefined : requireEnvName(envName),
      secretName: name === undefined ? undefined : requireSecretName(name, '--name'),
      namespace: namespace === undefined ? undefined : requireNamespace(namespace, '--namespace'),
    },
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

/** Where a new token goes: to stdout or to a file. */
export interface TokenOutput {
  /** Undefined if the token goes to stdout. */
  readonly file: TokenFile | undefined;
  /** Detects in advance that delivery would fail. @throws FILE_EXISTS, or IO if the token would be lost on stdout */
  requireReady(): void;
  /** Writes the token to the file, or to stdout; with `--json` the answer to stdout. */
  deliver(token: ServiceToken, answer: string): Promise<void>;
  close(): void;
}

/**
 * Opens the destination of a new token, as the user who may write there.
 *
 * @param principal the account of the token
 * @param series a token file with one of its tokens may be replaced without `--force`
 * @throws as TokenFile does; USAGE if the token file is the tokens file, or if stdout is used for the tokens file
 */
export function openOutput(
  plan: OutputPlan,
  { options, io, terminal, fs }: Invocation<TargetOptions>,
  { isStream, resolved }: Target,
  principal: string,
  series: Series | undefined,
): TokenOutput {
  const { format, formatOptions, isJson, tokenFile, owner, force } = plan;
  if (isStream && tokenFile === undefined) {
    throw new ServiceTokensError(
      'USAGE',
      'With --file - the new token needs --token-file: stdout is used for the tokens file',
    );
  }
  if (isStream && isJson) throw conflictingOptions('--file -', '--json');
  const formatted = (token: ServiceToken) => formatToken(token, format, formatOptions);
  if (tokenFile === undefined) {
    return {
      file: undefined,
      requireReady() {
        const { stdoutFault } = terminal;
        if (stdoutFault !== undefined) throw stdoutFault;
      },
      deliver: (token, answer) => terminal.answer(isJson ? answer : formatted(token)),
      close() {},
    };
  }
  const path = absolutePath(tokenFile, io);
  // Fleet Server and `kubectl create secret --from-file` treat a line end as part of the token.
  const isBare = format === 'token' || format === 'env';
  const codec = {
    format: isBare ? (token: ServiceToken) => token.bearer : formatted,
    parse: format === 'env' ? parseValue : (text: string) => parseToken(text, format),
  };
  const variable = format === 'env' ? (formatOptions.envName ?? envNameOf(principal)) : undefined;
  const file = new TokenFile(path, { ...codec, variable }, { owner, force, series }, fs);
  if (resolved !== undefined && file.isAt(resolved)) {
    file.close();
    throw new ServiceTokensError('USAGE', `Option --token-file: [${path}] is the tokens file itself`);
  }
  return {
    file,
    requireReady() {
      file.requireReplaceable();
      if (options.dryRun) file.requireWritable();
    },
    deliver: (token, answer) => file.write(token, isJson ? () => terminal.answer(answer) : undefined),
    close: () => file.close(),
  };
}

import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import type { ServiceToken } from '../../token/token.js';
import { TokenFile } from '../../tokens-file/token-file.js';
import { type Form, type FormOptions, formatToken } from '../forms.js';
import { requireNamespace, requireSecretName } from '../kubernetes.js';
import { conflictingOptions, requiresOption, TOKEN_OUTPUTS } from '../options.js';
import type { Terminal } from '../terminal.js';
import type { Invocation } from './command.js';
import type { Target, TargetOptions } from './target.js';

/** The options for the format and destination of a new token. */
export interface HandoverOptions {
  readonly output?: string | undefined;
  readonly json?: boolean | undefined;
  readonly envName?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly force?: boolean | undefined;
  readonly silent?: boolean | undefined;
}

type Output = (typeof TOKEN_OUTPUTS)[number];

/** The parsed options. */
export interface HandoverPlan {
  readonly form: Form;
  readonly formOptions: FormOptions;
  /** Whether the answer is JSON; `form` then applies to the token file. */
  readonly isJson: boolean;
  readonly tokenFile: string | undefined;
  readonly force: boolean;
}

/**
 * Parses the options of a handover.
 *
 * @throws USAGE for invalid values, and for options that cannot be used together
 */
export function parseHandover(options: HandoverOptions): HandoverPlan {
  const { json = false, envName, name, namespace, tokenFile, force = false, silent = false } = options;
  const output = outputOf(options);
  if (json && output !== undefined && output !== 'json')
    throw conflictingOptions('--json', `--output ${output}`);
  const isJson = json || output === 'json';
  if (silent && output !== undefined && output !== 'token')
    throw conflictingOptions('--silent', `--output ${output}`);
  if (silent && json) throw conflictingOptions('--silent', '--json');
  if (envName !== undefined && output !== 'env') throw requiresOption('--env-name', '--output env');
  if (name !== undefined && output !== 'k8s-secret') throw requiresOption('--name', '--output k8s-secret');
  if (namespace !== undefined && output !== 'k8s-secret')
    throw requiresOption('--namespace', '--output k8s-secret');
  if (force && tokenFile === undefined) throw requiresOption('--force', '--token-file');
  return {
    form: output === undefined || output === 'json' ? (silent || tokenFile ? 'token' : 'line') : output,
    formOptions: {
      envName: envName === undefined ? undefined : requireEnvName(envName),
      secretName: name === undefined ? undefined : requireSecretName(name, '--name'),
      namespace: namespace === undefined ? undefined : requireNamespace(namespace, '--namespace'),
    },
    isJson,
    tokenFile,
    force,
  };
}

function outputOf({ output }: HandoverOptions): Output | undefined {
  const known = TOKEN_OUTPUTS.find((each) => each === output);
  if (output === undefined || known !== undefined) return known;
  throw new ServiceTokensError(
    'USAGE',
    `Option --output: [${output}] is not one of [${TOKEN_OUTPUTS.join(',')}]`,
  );
}

function requireEnvName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new ServiceTokensError('USAGE', `Option --env-name: [${name}] is not the name of a variable`, {
    hint: 'Use letters, digits and underscores; do not begin with a digit.',
  });
}

/** Hands over a new token, on stdout or in a file. */
export interface Handover {
  /** Undefined if the token goes to stdout. */
  readonly file: TokenFile | undefined;
  format(token: ServiceToken): string;
  /** Detects in advance that delivery would fail. @throws FILE_EXISTS, or IO if the token would be lost on stdout */
  requireReady(): void;
  /** Writes the token to the file, or the answer to stdout. */
  deliver(token: ServiceToken, answer: () => string): Promise<void>;
  close(): void;
}

/**
 * Opens the destination of a new token, as the user who may write there.
 *
 * @throws as TokenFile.open does; USAGE if the token file is the tokens file, or if stdout is used for the tokens file
 */
export function openHandover(
  plan: HandoverPlan,
  { options, io, terminal, fs }: Invocation<TargetOptions>,
  { isStream, resolved, configDir = '/' }: Target,
): Handover {
  const { form, formOptions, isJson, tokenFile, force } = plan;
  if (isStream && tokenFile === undefined) {
    throw new ServiceTokensError(
      'USAGE',
      'With --file - the new token needs --token-file: stdout is used for the tokens file',
    );
  }
  if (isStream && isJson) throw conflictingOptions('--file -', '--json');
  const path = tokenFile === undefined ? undefined : absolutePath(tokenFile, io);
  const file = path === undefined ? undefined : TokenFile.open(path, { ...options, configDir }, fs);
  if (file !== undefined && resolved !== undefined && file.isAt(resolved)) {
    file.close();
    throw new ServiceTokensError('USAGE', `Option --token-file: [${path}] is the tokens file itself`);
  }
  // Fleet Server and `kubectl create secret --from-file` treat a line end as part of the token.
  const isBare = file !== undefined && form === 'token';
  const format = (token: ServiceToken) => (isBare ? token.bearer : formatToken(token, form, formOptions));
  return {
    file,
    format,
    requireReady() {
      const { stdoutFault } = terminal;
      if (file === undefined && stdoutFault !== undefined) throw stdoutFault;
      if (!force) file?.requireAbsent();
      if (options.dryRun) file?.requireWritable();
    },
    async deliver(token, answer) {
      if (file === undefined) return terminal.answer(isJson ? answer() : format(token));
      file.write(format(token), { replace: force });
      try {
        if (isJson) await terminal.answer(answer());
      } catch (error) {
        file.takeBack();
        throw error;
      }
    },
    close: () => file?.close(),
  };
}

/** Warns of a token file that was open to every user before it was replaced, and still is. */
export async function warnOfTokenFile(file: TokenFile | undefined, terminal: Terminal): Promise<void> {
  if (file?.isOpenToOthers)
    await terminal.warn([`Every user of this system can read the token file [${file.path}]`]);
}

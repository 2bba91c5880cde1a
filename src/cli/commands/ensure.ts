import { authenticate } from '../../authenticate/authentication.js';
import { ServiceTokensError } from '../../errors.js';
import { ServiceToken } from '../../token/token.js';
import { ensureToken } from '../../tokens-file/ensure.js';
import type { TokenFile } from '../../tokens-file/token-file.js';
import { ExitCode } from '../exit-codes.js';
import { envNameOf } from '../forms.js';
import { HELD_OUTPUTS } from '../options.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';
import { type HandoverOptions, openHandover, parseHandover, warnOfTokenFile } from './handover.js';
import { openTarget, type TargetOptions, warnOfSettings } from './target.js';

/** The options of `ensure`. */
type EnsureOptions = TargetOptions &
  Pick<HandoverOptions, 'output' | 'json' | 'envName' | 'tokenFile' | 'force'>;

export const ensure: Command<EnsureOptions> = async (invocation) => {
  const { args, options, version, io, terminal } = invocation;
  const { principal, name } = parseTokenArguments(args, version);
  const {
    json = false,
    dryRun = false,
    silent = false,
    output = 'token',
    envName,
    tokenFile,
    force,
  } = options;
  if (tokenFile === undefined) throw new ServiceTokensError('USAGE', 'The command ensure needs --token-file');
  if (!HELD_OUTPUTS.some((each) => each === output)) {
    throw new ServiceTokensError(
      'USAGE',
      `Option --output: [${output}] is not one of [${HELD_OUTPUTS.join(',')}]`,
    );
  }
  const plan = parseHandover({ output, envName, tokenFile, force });
  const target = await openTarget(invocation);
  if (target.isStream)
    throw new ServiceTokensError('USAGE', 'The command ensure changes a file, not a stream');
  const handover = openHandover(plan, invocation, target);
  const file = handover.file as TokenFile; // because the option is given
  try {
    const settings = await target.hashSettings();
    const variable = output === 'env' ? (envName ?? envNameOf(principal)) : undefined;
    const { result, change } = await target.inTokens((tokens) => {
      const wanted = {
        principal,
        name,
        format: handover.format,
        parse: (text: string) => parseHeld(text, variable),
        accepts: async (token: ServiceToken, stored: string) =>
          (await authenticate(token, new Map([[token.qualifiedName, stored]]), version)) === undefined,
      };
      return ensureToken(tokens, file, wanted, {
        algorithm: () => settings().algorithm,
        force: plan.force,
        dryRun,
        signal: io.interrupted,
      });
    });
    if (dryRun) await terminal.note(DRY_RUN[result]);
    const answer = {
      changed: result !== 'unchanged',
      result,
      principal,
      name,
      qualified_name: `${principal}/${name}`,
      token_file: file.path,
    };
    if (json) await terminal.answerJson(answer);
    else if (!silent && !dryRun) await terminal.answer(`${result}\n`);
    if (result !== 'unchanged') await warnOfSettings(settings(), invocation);
    await target.warnOf(change);
    await warnOfTokenFile(file, terminal);
    return ExitCode.OK;
  } finally {
    handover.close();
  }
};

const DRY_RUN = {
  unchanged: 'Would change nothing',
  created: 'Would create the service token and write the token file',
  replaced: 'Would replace the service token and write the token file',
} as const;

/** Parses the token in a token file, with or without a final line end. */
function parseHeld(text: string, variable: string | undefined): ServiceToken | undefined {
  const prefix = variable === undefined ? '' : `${variable}=`;
  const bearer = text.replace(/\r?\n$/, '').slice(prefix.length);
  // The server ignores what follows the padding; in a file it is somebody's.
  return text.startsWith(prefix) && /^[A-Za-z0-9+/]+={0,2}$/.test(bearer)
    ? ServiceToken.decode(bearer)
    : undefined;
}

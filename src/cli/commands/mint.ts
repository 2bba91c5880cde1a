import type { Principal } from '../../accounts/known-accounts.js';
import { absolutePath } from '../../paths.js';
import { firstOfSeries, numberIn } from '../../token/series.js';
import { qualifiedName } from '../../token/token-name.js';
import { addToken, type Decision } from '../../tokens-file/add-token.js';
import type { FileContent } from '../../tokens-file/file-content.js';
import { type Series, TokenFile } from '../../tokens-file/token-file.js';
import { conflictingOptions, usageError } from '../options.js';
import type { TokenArguments } from './arguments.js';
import type { Invocation } from './command.js';
import { openTarget, type Target, warnOfSettings } from './target.js';
import { fileFormatOf, formatToken, type TokenOutput } from './token-output.js';

/** A token to create or to replace, for `create`, `ensure` and `rotate`. */
export interface Request {
  readonly principal: Principal;
  readonly output: TokenOutput;
  /** As in the original, whether an invalid algorithm is reported before an existing entry. */
  readonly settingsFirst?: boolean;
  /** A token file with a token of this series may be replaced without `--force`. */
  readonly series: Series | undefined;
  readonly decide: (content: FileContent, files: Files) => Decision | Promise<Decision>;
  readonly report: (decision: Decision, files: Files) => Promise<void>;
}

/** The tokens file, and the file of the new token, unless that goes to stdout. */
export interface Files {
  readonly target: Target;
  readonly file: TokenFile | undefined;
}

/** Mints a token, stores its hash, and hands it over. */
export async function mint(invocation: Invocation, request: Request): Promise<undefined> {
  const { options, io, terminal } = invocation;
  const { principal, output, settingsFirst = false, decide, report } = request;
  const { dryRun = false } = options;
  const target = await openTarget(invocation);
  if (target.isStream && output.tokenFile === undefined) {
    throw usageError('With --file - the new token needs --token-file: stdout is used for the tokens file');
  }
  if (target.isStream && output.isJson) throw conflictingOptions('--file -', '--json');
  const file = openTokenFile(request, target, invocation);
  const files = { target, file };
  let settings: ReturnType<Target['hashSettings']> | undefined;
  const hashSettings = () => {
    settings ??= target.hashSettings();
    return settings;
  };
  try {
    if (settingsFirst && !dryRun) hashSettings();
    const { result, change } = await target.inStore((store) =>
      addToken(store, {
        principal,
        decide: (content) => decide(content, files),
        algorithm: () => hashSettings().algorithm,
        signal: io.interrupted,
        dryRun,
        requireReady() {
          if (file !== undefined) return file.requireReady(dryRun);
          if (terminal.stdoutFault !== undefined) throw terminal.stdoutFault;
        },
        deliver(token, decision) {
          const value = file === undefined ? token.bearer : undefined;
          const answer = () => terminal.answerJson(answerOf(principal, decision, files, value));
          if (file !== undefined) return file.write(token, output.isJson ? answer : undefined);
          return output.isJson ? answer() : terminal.answer(formatToken(token, output));
        },
      }),
    );
    await report(result, files);
    if (result.outcome !== 'kept') {
      const line = dryRun ? file?.plannedLine() : undefined;
      if (line !== undefined) await terminal.note(line);
      await warnOfSettings(hashSettings(), invocation);
    }
    await target.warnOf(change);
    if (file?.isOpenToOthers)
      await terminal.warn([`Every user of this system can read the token file [${file.path}]`]);
  } finally {
    file?.close();
  }
}

function openTokenFile(
  { output, principal, series }: Request,
  { resolved }: Target,
  { io, fs }: Invocation,
): TokenFile | undefined {
  const { tokenFile, tokenOwner: owner, force = false } = output;
  if (tokenFile === undefined) return undefined;
  const path = absolutePath(tokenFile, io);
  const file = new TokenFile(path, { ...fileFormatOf(output, principal), owner, force, series }, fs);
  if (resolved === undefined || !file.isAt(resolved)) return file;
  file.close();
  throw usageError(`Option --token-file: [${path}] is the tokens file itself`);
}

const DRY_RUN = { created: 'Would create', replaced: 'Would replace', kept: 'Would keep' } as const;

export function dryRunNote(principal: Principal, { name, outcome }: Decision, { target }: Files): string {
  return `${DRY_RUN[outcome]} service token [${qualifiedName(principal, name)}] in [${target.path}]`;
}

/** The answer of `--json`; the names and meanings of its fields are stable. @param value the token, for stdout */
export function answerOf(
  principal: Principal,
  { name, outcome }: Decision,
  { target, file }: Files,
  value?: string,
) {
  return {
    created: outcome !== 'kept',
    ...(outcome === 'replaced' && { replaced: true }),
    token: { name, ...(value !== undefined && { value }) },
    principal,
    qualified_name: qualifiedName(principal, name),
    file: target.path,
    ...(file !== undefined && { token_file: file.path }),
  };
}

/** `N`, `N_r2` and so on of the account. */
export function seriesOfToken({ principal, name, key }: TokenArguments): Series {
  const first = firstOfSeries(name);
  return {
    key,
    has: (token) => token.principal === principal && numberIn(first, token.name) !== undefined,
  };
}

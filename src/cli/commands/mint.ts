import type { Naming } from '../../access/printed-command.js';
import type { Principal } from '../../accounts/known-accounts.js';
import { numberIn, seriesOf } from '../../token/series.js';
import { qualifiedName, type TokenName } from '../../token/token-name.js';
import { addToken, type Decision } from '../../tokens-file/add-token.js';
import type { FileContent } from '../../tokens-file/file-content.js';
import type { Held, Series } from '../../tokens-file/token-file.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { toJson } from '../terminal.js';
import type { Invocation } from './command.js';
import { openTarget, type TargetOptions, warnOfSettings } from './target.js';
import { type OutputOptions, type OutputPlan, openOutput } from './token-output.js';

/** A token to create or to replace, for `create`, `ensure` and `rotate`. */
export interface Request {
  readonly principal: Principal;
  readonly plan: OutputPlan;
  /** Whether nothing is hashed if the entry exists. */
  readonly mayKeep: boolean;
  /** A token file with a token of this series may be replaced without `--force`. */
  readonly series: Series | undefined;
  /** Decides by the content of the tokens file, and by what the token file holds. */
  readonly decide: (content: FileContent, held: () => Held, naming: Naming) => Decision | Promise<Decision>;
  /** The answer of `--json` with the token's value, where that goes to stdout; it is written with the token. */
  readonly answer?: (decision: Decision, paths: Paths, value: string | undefined) => string;
  /** Reports what was done, or with `--dry-run` would be. */
  readonly report: (decision: Decision, paths: Paths, isTokenFileUsable: () => boolean) => Promise<void>;
}

/** The files of a new token, for the answer. */
export interface Paths {
  readonly tokens: string;
  readonly tokenFile: string | undefined;
  readonly naming: Naming;
}

/** Mints a token, stores its hash, and hands it over. */
export async function mint(
  invocation: Invocation<TargetOptions & OutputOptions>,
  { principal, plan, mayKeep, series, decide, answer, report }: Request,
): Promise<ExitStatus> {
  const { options, io, terminal } = invocation;
  const { dryRun = false } = options;
  const target = await openTarget(invocation);
  const output = openOutput(plan, invocation, target, principal, series);
  try {
    const { file } = output;
    const { naming } = target;
    if (!mayKeep && !dryRun) await target.hashSettings(); // as in the original, which reports an invalid algorithm before an existing entry
    const held = () => file?.held() ?? 'nothing';
    const { result, change, paths } = await target.inStore(async (store) => {
      const paths = { tokens: store.path, tokenFile: file?.path, naming };
      const added = await addToken(
        store,
        { principal, decide: (content) => decide(content, held, naming) },
        {
          algorithm: async () => (await target.hashSettings()).algorithm,
          signal: io.interrupted,
          dryRun,
          requireReady: () => output.requireReady(),
          deliver: (token, decision) =>
            output.deliver(
              token,
              answer?.(decision, paths, file === undefined ? token.bearer : undefined) ?? '',
            ),
        },
      );
      return { ...added, paths };
    });
    await report(result, paths, () => held() !== 'nothing');
    if (result.outcome !== 'kept') {
      if (dryRun && file?.plannedLine() !== undefined) await terminal.note(file.plannedLine() ?? '');
      await warnOfSettings(await target.hashSettings(), invocation);
    }
    await target.warnOf(change);
    if (file?.isOpenToOthers)
      await terminal.warn([`Every user of this system can read the token file [${file.path}]`]);
    return ExitCode.OK;
  } finally {
    output.close();
  }
}

const DRY_RUN = { created: 'Would create', replaced: 'Would replace', kept: 'Would keep' } as const;

/** Says what a dry run of `create` or `rotate` would do. */
export function dryRunNote(principal: Principal, { name, outcome }: Decision, { tokens }: Paths): string {
  return `${DRY_RUN[outcome]} service token [${qualifiedName(principal, name)}] in [${tokens}]`;
}

/** The answer of `--json`; the names and meanings of its fields are stable. */
export function answerOf(
  principal: Principal,
  { name, outcome }: Decision,
  { tokens, tokenFile }: Paths,
  value?: string,
): string {
  const answer = {
    created: outcome !== 'kept',
    ...(outcome === 'replaced' && { replaced: true }),
    token: { name, ...(value !== undefined && { value }) },
    principal,
    qualified_name: qualifiedName(principal, name),
    file: tokens,
    ...(tokenFile !== undefined && { token_file: tokenFile }),
  };
  return `${toJson(answer)}\n`;
}

/** Returns the series of a token: `N`, `N_r2` and so on of its account. */
export function seriesOfToken(principal: Principal, name: TokenName): Series {
  const series = seriesOf(name);
  return {
    key: qualifiedName(principal, name),
    has: (token) => token.principal === principal && numberIn(series, token.name) !== undefined,
  };
}

import { applyEdit } from '../../tokens-file/entry-store.js';
import { decideNext, finishSeries } from '../../tokens-file/token-series.js';
import { ExitCode } from '../exit-codes.js';
import { conflictingOptions } from '../options.js';
import type { TokenArguments } from './arguments.js';
import { parseTokenArguments } from './arguments.js';
import type { Command, Invocation } from './command.js';
import { answerOf, dryRunNote, mint, seriesOfToken } from './mint.js';
import { openTarget, type TargetOptions } from './target.js';
import { type OutputOptions, parseOutput } from './token-output.js';

/** The options of `rotate`. */
interface RotateOptions extends TargetOptions, OutputOptions {
  readonly finish?: boolean;
}

export const rotate: Command<RotateOptions> = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const token = parseTokenArguments(args, version);
  if (options.finish) return finish(invocation, token);
  const { principal, name } = token;
  return mint(invocation, {
    principal,
    plan: parseOutput(options),
    mayKeep: false,
    series: seriesOfToken(principal, name),
    decide: (content, _, naming) => decideNext(principal, name, content, naming),
    answer: (...args) => answerOf(principal, ...args),
    async report(decision, paths) {
      if (options.dryRun) await terminal.note(dryRunNote(principal, decision, paths));
    },
  });
};

const NOT_WITH_FINISH = [
  'output',
  'envName',
  'name',
  'namespace',
  'tokenFile',
  'tokenOwner',
  'force',
] as const;

async function finish(invocation: Invocation<RotateOptions>, { principal, name }: TokenArguments) {
  const { options, io, terminal } = invocation;
  const { dryRun = false, json = false, silent = false } = options;
  for (const option of NOT_WITH_FINISH) {
    const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (options[option] !== undefined) throw conflictingOptions('--finish', `--${flag}`);
  }
  const target = await openTarget(invocation);
  if (target.isStream && json) throw conflictingOptions('--file -', '--json');
  const { result, change } = await target.inStore((store) =>
    applyEdit(store, finishSeries(principal, name), { signal: io.interrupted, dryRun }),
  );
  for (const deleted of result.deleted) {
    await terminal.note(`${dryRun ? 'Would delete' : 'Deleted'} service token [${deleted}]`);
  }
  if (json && !dryRun && !silent) await terminal.answerJson(result);
  await target.warnOf(change);
  return ExitCode.OK;
}

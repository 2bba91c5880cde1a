import { addNextOfSeries, finishSeries } from '../../tokens-file/edits.js';
import { ExitCode } from '../exit-codes.js';
import { conflictingOptions } from '../options.js';
import type { TokenArguments } from './arguments.js';
import { parseTokenArguments } from './arguments.js';
import type { Command, Invocation } from './command.js';
import type { HandoverOptions } from './handover.js';
import { mint } from './mint.js';
import { openTarget, type TargetOptions } from './target.js';

/** The options of `rotate`. */
interface RotateOptions extends TargetOptions, HandoverOptions {
  readonly finish?: boolean;
}

export const rotate: Command<RotateOptions> = async (invocation) => {
  const { args, options, version } = invocation;
  const token = parseTokenArguments(args, version);
  if (options.finish) return finish(invocation, token);
  const { principal, name } = token;
  return mint(invocation, {
    principal,
    name,
    editWith: (hash) => async (content) => {
      const { content: edited, result } = await addNextOfSeries(principal, name, hash)(content);
      return { content: edited, result: { name: result, outcome: 'created' } };
    },
  });
};

const NOT_WITH_FINISH = ['output', 'envName', 'name', 'namespace', 'tokenFile', 'force'] as const;

async function finish(invocation: Invocation<RotateOptions>, { principal, name }: TokenArguments) {
  const { options, io, terminal } = invocation;
  const { dryRun = false, json = false, silent = false } = options;
  for (const option of NOT_WITH_FINISH) {
    const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (options[option] !== undefined) throw conflictingOptions('--finish', `--${flag}`);
  }
  const target = await openTarget(invocation);
  if (target.isStream && json) throw conflictingOptions('--file -', '--json');
  const { result, change } = await target.inTokens((tokens) =>
    tokens.update(finishSeries(principal, name), { signal: io.interrupted, dryRun }),
  );
  for (const deleted of result.deleted) {
    await terminal.note(`${dryRun ? 'Would delete' : 'Deleted'} service token [${deleted}]`);
  }
  if (json && !dryRun && !silent) await terminal.answerJson(result);
  await target.warnOf(change);
  return ExitCode.OK;
}

import { removeEntries } from '../../tokens-file/edits.js';
import { ExitCode } from '../exit-codes.js';
import { conflictingOptions } from '../options.js';
import { parseTokenListArguments } from './arguments.js';
import type { Command } from './command.js';
import { openTarget, type TargetOptions } from './target.js';

/** The options of `delete`. */
interface DeleteOptions extends TargetOptions {
  readonly ignoreNotFound?: boolean;
  readonly json?: boolean;
}

export const deleteTokens: Command<DeleteOptions> = async (invocation) => {
  const { args, options, version, io, terminal } = invocation;
  const { dryRun = false, ignoreNotFound, json = false } = options;
  const keys = parseTokenListArguments(args, version).map(({ principal, name }) => `${principal}/${name}`);
  const target = await openTarget(invocation);
  if (target.isStream && json) throw conflictingOptions('--file -', '--json');
  const { result, change } = await target.inTokens((tokens) =>
    tokens.update(removeEntries(keys, { ignoreMissing: ignoreNotFound }), { signal: io.interrupted, dryRun }),
  );
  if (dryRun) {
    for (const key of result.deleted) await terminal.note(`Would delete service token [${key}]`);
  } else if (json) {
    const { deleted, missing } = result;
    await terminal.answerJson({ deleted, not_found: missing });
  }
  await target.warnOf(change);
  return ExitCode.OK;
};

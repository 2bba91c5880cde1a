import { ServiceTokensError } from '../../errors.js';
import { qualifiedName } from '../../token/token-name.js';
import { type Removal, removeAccount, removeEntries } from '../../tokens-file/edits.js';
import { applyEdit, type Edit } from '../../tokens-file/entry-store.js';
import { ExitCode } from '../exit-codes.js';
import { conflictingOptions } from '../options.js';
import { parsePrincipalArgument, parseTokenListArguments } from './arguments.js';
import type { Command, Invocation } from './command.js';
import { openTarget, type TargetOptions } from './target.js';

/** The options of `delete`. */
interface DeleteOptions extends TargetOptions {
  readonly all?: boolean;
  readonly ignoreNotFound?: boolean;
  readonly json?: boolean;
}

export const deleteTokens: Command<DeleteOptions> = async (invocation) => {
  const { options, io, terminal } = invocation;
  const { dryRun = false, all, json = false } = options;
  const edit = parseEdit(invocation);
  const target = await openTarget(invocation);
  if (target.isStream && json) throw conflictingOptions('--file -', '--json');
  const { result, change } = await target.inStore((store) =>
    applyEdit(store, edit, { signal: io.interrupted, dryRun }),
  );
  if (dryRun || (all && !json)) {
    for (const key of result.deleted) {
      await terminal.note(`${dryRun ? 'Would delete' : 'Deleted'} service token [${key}]`);
    }
  } else if (json) await terminal.answerJson({ deleted: result.deleted, not_found: result.missing });
  await target.warnOf(change);
  return ExitCode.OK;
};

function parseEdit({ args, options, version }: Invocation<DeleteOptions>): Edit<Removal> {
  const missing = { ignoreMissing: options.ignoreNotFound };
  if (!options.all) {
    const tokens = parseTokenListArguments(args, version);
    return removeEntries(
      tokens.map(({ principal, name }) => qualifiedName(principal, name)),
      missing,
    );
  }
  const principal = parsePrincipalArgument(args, version);
  if (principal !== undefined) return removeAccount(principal, missing);
  throw new ServiceTokensError('USAGE', 'Missing service-account-principal argument');
}

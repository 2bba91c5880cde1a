import { ServiceTokensError } from '../../errors.js';
import { qualifiedName } from '../../token/token-name.js';
import { type Removal, removeAccount, removeEntries } from '../../tokens-file/edits.js';
import type { Edit } from '../../tokens-file/entry-store.js';
import { parsePrincipalArgument, parseTokenListArguments } from './arguments.js';
import type { Command, Invocation } from './command.js';
import { applyTo, noteDeleted, openTarget } from './target.js';

export const deleteTokens: Command = async (invocation) => {
  const { options, terminal } = invocation;
  const { dryRun = false, all = false, json = false } = options;
  const edit = parseEdit(invocation);
  return applyTo(await openTarget(invocation), edit, invocation, async ({ deleted, missing }) => {
    if (dryRun || (all && !json)) await noteDeleted(deleted, invocation);
    else if (json) await terminal.answerJson({ deleted, not_found: missing });
  });
};

function parseEdit({ args, options, version }: Invocation): Edit<Removal> {
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

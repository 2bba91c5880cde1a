import { isTokenName } from '../../token/token-name.js';
import { type Removal, removeAccount, removeEntries } from '../../tokens-file/edits.js';
import type { Edit } from '../../tokens-file/entry-store.js';
import { usageError } from '../options.js';
import { parsePrincipalArgument, parseTokenArguments, splitQualifiedName } from './arguments.js';
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

/**
 * If there are several arguments and each is the qualified name of a known account of some version with a valid token
 * name, each names a token; otherwise they name one.
 */
function parseEdit({ args, options, version }: Invocation): Edit<Removal> {
  const { all, ignoreNotFound } = options;
  if (all) {
    const principal = parsePrincipalArgument(args, version);
    if (principal !== undefined) return removeAccount(principal, ignoreNotFound);
    throw usageError('Missing service-account-principal argument');
  }
  const areQualified = args.every((argument) => isTokenName(splitQualifiedName(argument)[1] ?? ''));
  const tokens = args.length > 1 && areQualified ? args.map((argument) => [argument]) : [args];
  const keys = tokens.map((words) => parseTokenArguments(words, version, true).key);
  return removeEntries(keys, ignoreNotFound);
}

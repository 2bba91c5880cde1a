import { ServiceTokensError } from '../../errors.js';
import { isTokenName, type QualifiedName, qualifiedName } from '../../token/token-name.js';
import { putEntries } from '../../tokens-file/edits.js';
import { conflictingOptions, usageError } from '../options.js';
import { refuseArguments, splitQualifiedName } from './arguments.js';
import type { Command, Invocation } from './command.js';
import { parseIfExists } from './create.js';
import { hashGivenTokens } from './given-tokens.js';
import { isStandardInput, readEntries, STREAM } from './read-tokens.js';
import { applyTo, openTarget } from './target.js';

export const importTokens: Command = async (invocation) => {
  const { options, io, terminal } = invocation;
  const { tokenFile, entries, dryRun = false } = options;
  const ifExists = parseIfExists(options);
  if (tokenFile !== undefined && entries !== undefined) throw conflictingOptions('--token-file', '--entries');
  const target = await openTarget(invocation);
  const input = tokenFile ?? entries ?? STREAM;
  if (target.isStream && isStandardInput(input, io)) {
    throw usageError(
      'With --file - the tokens must come from --token-file or --entries: stdin is used for the tokens file',
    );
  }
  const imported =
    entries === undefined
      ? await hashGivenTokens(invocation, target.hashSettings(), dryRun)
      : await readTokenEntries(entries, invocation);
  return applyTo(target, putEntries(imported, ifExists), invocation, async ({ added, replaced, kept }) => {
    if (dryRun) {
      for (const key of added) await terminal.note(`Would create service token [${key}]`);
      for (const key of replaced) await terminal.note(`Would replace service token [${key}]`);
    } else if (options.json) await terminal.answerJson({ created: added, replaced, unchanged: kept });
  });
};

/** @throws MALFORMED_FILE if the server could not read the file, or if an entry does not name a service token */
async function readTokenEntries(path: string, invocation: Invocation): Promise<Map<QualifiedName, string>> {
  refuseArguments(invocation.args);
  const entries = await readEntries(invocation, 'copy', path);
  if (entries.size === 0) throw new ServiceTokensError('MALFORMED_FILE', `[${path}] has no entries`);
  const named = new Map<QualifiedName, string>();
  for (const [key, hash] of entries) {
    const [principal = '', name = ''] = splitQualifiedName(key);
    if (!isTokenName(name)) {
      const fact = `[${path}] has an entry that does not name a service token`;
      const hint = 'Find it with the command check, with --file and this path.';
      throw new ServiceTokensError('MALFORMED_FILE', fact, { hint });
    }
    named.set(qualifiedName(principal, name), hash);
  }
  return named;
}

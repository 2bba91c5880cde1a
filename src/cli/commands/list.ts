import type { Principal } from '../../accounts/known-accounts.js';
import { errnoOf } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import { ServiceTokensFile } from '../../tokens-file/service-tokens-file.js';
import { ExitCode } from '../exit-codes.js';
import { conflictingOptions } from '../options.js';
import type { Terminal } from '../terminal.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';
import { printJson, printTable } from './list-details.js';
import { openPlace } from './place.js';

/** The options of `list`. */
interface ListOptions {
  readonly json?: boolean;
  readonly long?: boolean;
}

export const list: Command<ListOptions> = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const principal = parsePrincipalArgument(args, version);
  const { json = false, long = false, silent = false } = options;
  if (json && long) throw conflictingOptions('--json', '--long');
  const { tokensFile, inTokensDir } = await openPlace(invocation, 'read');
  await inTokensDir(async ({ fs, ...entered }) => {
    const file = new ServiceTokensFile(tokensFile, { fs }, entered);
    try {
      if (json || long) await (json ? printJson : printTable)(file, principal, invocation);
      else if (!silent) await printNames(file, principal, terminal);
      else file.listAsText(principal).next(); // errors are reported with -s, too
    } catch (error) {
      // The reader has closed the pipe: `list | head`.
      if (!(error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE')) throw error;
    }
    if (!file.exists() && options.file !== undefined) {
      await terminal.warn([`The file [${tokensFile}] does not exist`]);
    }
  });
  return ExitCode.OK;
};

async function printNames(
  file: ServiceTokensFile,
  principal: Principal | undefined,
  terminal: Terminal,
): Promise<void> {
  // Each piece is written before the next is made, so that a slow reader does not fill memory.
  for (const lines of file.listAsText(principal)) if (lines !== '') await terminal.answerNames(lines);
}

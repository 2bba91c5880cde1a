import type { Principal } from '../../accounts/known-accounts.js';
import { errnoOf } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import type { FileContent } from '../../tokens-file/file-content.js';
import { readTokensFile } from '../../tokens-file/tokens-file-transaction.js';
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
  await inTokensDir(async ({ fs, resolved }) => {
    const { content, exists } = readTokensFile({ fs, resolved, path: tokensFile });
    try {
      if (json || long) await (json ? printJson : printTable)(tokensFile, content, principal, invocation);
      else if (!silent) await printNames(content, principal, terminal);
    } catch (error) {
      // The reader has closed the pipe: `list | head`.
      if (!(error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE')) throw error;
    }
    if (!exists && options.file !== undefined) {
      await terminal.warn([`The file [${tokensFile}] does not exist`]);
    }
  });
  return ExitCode.OK;
};

async function printNames(
  content: FileContent,
  principal: Principal | undefined,
  terminal: Terminal,
): Promise<void> {
  // Each piece is written before the next is made, so that a slow reader does not fill memory.
  for (const lines of content.names(principal && `${principal}/`)) {
    if (lines !== '') await terminal.answerNames(lines);
  }
}

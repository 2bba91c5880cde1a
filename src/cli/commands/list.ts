import { errnoOf, ifExists } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import { ServiceTokensFile } from '../../tokens-file/service-tokens-file.js';
import { ExitCode } from '../exit-codes.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';
import { openPlace } from './place.js';

export const list: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const principal = parsePrincipalArgument(args, version);
  const { tokensFile, inTokensDir } = await openPlace(invocation, 'read');
  await inTokensDir(async ({ fs, ...entered }) => {
    try {
      // A piece is written before the next is made: a slow reader fills no memory.
      for (const lines of new ServiceTokensFile(tokensFile, { fs }, entered).listAsText(principal)) {
        if (!options.silent && lines !== '') await terminal.answer(lines);
      }
    } catch (error) {
      // The reader has seen enough: `list | head`.
      if (!(error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE')) throw error;
    }
    const isMissing = ifExists(() => fs.lstatSync(entered.way.target)) === undefined;
    if (isMissing && options.file !== undefined) {
      await terminal.warn([`The file [${tokensFile}] does not exist`]);
    }
  });
  return ExitCode.OK;
};

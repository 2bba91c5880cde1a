import { ServiceTokensError } from '../errors.js';
import { ExitCode } from '../exit-codes.js';
import { errnoOf } from '../file-system.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';
import { openPlace } from './place.js';

export const list: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const principal = parsePrincipalArgument(args, version);
  const { tokensFile, inTokensDir } = await openPlace(invocation, 'read');
  await inTokensDir(async ({ fs, ...entered }) => {
    try {
      // A batch is written before the next is made: a slow reader fills no memory.
      for (const names of new ServiceTokensFile(tokensFile, { fs }, entered).listInBatches(principal)) {
        if (!options.silent && names.length > 0) await terminal.answer(`${names.join('\n')}\n`);
      }
    } catch (error) {
      // The reader has seen enough: `list | head`.
      if (!(error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE')) throw error;
    }
  });
  return ExitCode.OK;
};

import { ExitCode } from '../exit-codes.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';
import { openPlace } from './place.js';

export const list: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const principal = parsePrincipalArgument(args, version);
  const { tokensFile, inTokensDir } = await openPlace(invocation, 'read');
  const names = await inTokensDir(async ({ fs, ...entered }) =>
    new ServiceTokensFile(tokensFile, { fs }, entered).list(principal),
  );
  if (!options.silent && names.length > 0) await terminal.answer(`${names.join('\n')}\n`);
  return ExitCode.OK;
};

import { attributeWarnings } from '../../tokens-file/attribute-warnings.js';
import { ServiceTokensFile } from '../../tokens-file/service-tokens-file.js';
import { ExitCode } from '../exit-codes.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';
import { type ChangeOptions, openPlace } from './place.js';

export const deleteToken: Command<ChangeOptions & { readonly inPlace?: boolean }> = async (invocation) => {
  const { args, options, version, io, terminal, fs } = invocation;
  const { principal, name } = parseTokenArguments(args, version);
  const { configDir, tokensFile, inTokensDir } = await openPlace(invocation, 'change');
  const change = await inTokensDir(({ fs, ...entered }) =>
    new ServiceTokensFile(tokensFile, { ...options, configDir, fs }, entered).delete(principal, name, {
      signal: io.interrupted,
    }),
  );
  for (const warning of attributeWarnings(tokensFile, change, fs)) await terminal.warn(warning);
  return ExitCode.OK;
};

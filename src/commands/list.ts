import { findPlace } from '../config-dir.js';
import { ExitCode } from '../exit-codes.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';

export const list: Command = async ({ args, options, version, io, terminal, fs }) => {
  const principal = parsePrincipalArgument(args, version);
  const { tokensFile } = findPlace(options, io, fs);
  const names = new ServiceTokensFile(tokensFile, { fs }).list(principal);
  if (!options.silent && names.length > 0) await terminal.answer(`${names.join('\n')}\n`);
  return ExitCode.OK;
};

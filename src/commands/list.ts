import { findPlace } from '../config-dir.js';
import { ServiceTokensError } from '../errors.js';
import { ExitCode } from '../exit-codes.js';
import { errnoOf } from '../file-system.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';

export const list: Command = async ({ args, options, version, io, terminal, fs }) => {
  const principal = parsePrincipalArgument(args, version);
  const { tokensFile } = findPlace(options, io, fs);
  try {
    // A batch is written before the next is made: a slow reader fills no memory.
    for (const names of new ServiceTokensFile(tokensFile, { fs }).listInBatches(principal)) {
      if (!options.silent && names.length > 0) await terminal.answer(`${names.join('\n')}\n`);
    }
  } catch (error) {
    // The reader has seen enough: `list | head`.
    if (!(error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE')) throw error;
  }
  return ExitCode.OK;
};

import { findPlace } from '../config-dir.js';
import { ServiceTokensError } from '../errors.js';
import { ExitCode } from '../exit-codes.js';
import { errnoOf } from '../file-system.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';

/** Written at once: so much waits in memory for a slow reader. */
const NAMES_IN_PART = 1000;

export const list: Command = async ({ args, options, version, io, terminal, fs }) => {
  const principal = parsePrincipalArgument(args, version);
  const { tokensFile } = findPlace(options, io, fs);
  const names = new ServiceTokensFile(tokensFile, { fs }).list(principal);
  if (options.silent) return ExitCode.OK;
  try {
    for (let at = 0; at < names.length; at += NAMES_IN_PART) {
      await terminal.answer(`${names.slice(at, at + NAMES_IN_PART).join('\n')}\n`);
    }
  } catch (error) {
    // The reader has seen enough: `list | head`.
    if (!(error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE')) throw error;
  }
  return ExitCode.OK;
};

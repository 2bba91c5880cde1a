import { attributeWarnings } from '../attribute-warnings.js';
import { requireName } from '../caller-descriptor.js';
import { findPlace } from '../config-dir.js';
import { ExitCode } from '../exit-codes.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';

export const deleteToken: Command = async ({ args, options, version, io, terminal, fs }) => {
  const { principal, name } = parseTokenArguments(args, version);
  const { configDir, tokensFile } = findPlace(options, io, fs);
  requireName(tokensFile);
  const change = await new ServiceTokensFile(tokensFile, { ...options, configDir, fs }).delete(
    principal,
    name,
    {
      signal: io.interrupted,
    },
  );
  for (const warning of attributeWarnings(tokensFile, change, fs)) await terminal.warn(warning);
  return ExitCode.OK;
};

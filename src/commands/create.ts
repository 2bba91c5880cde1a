import { attributeWarnings } from '../attribute-warnings.js';
import { findPlace } from '../config-dir.js';
import { ExitCode } from '../exit-codes.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { readHashSettings } from '../settings.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';

export const create: Command = async ({ args, options, overrides, version, io, terminal, fs }) => {
  const { principal, name } = parseTokenArguments(args, version);
  const { configDir, tokensFile } = findPlace(options, io, fs);
  const { algorithm, fipsMode, misspelled } = await readHashSettings(configDir, overrides, io.env, fs);
  for (const { name, meant } of misspelled) {
    await terminal.warn([`-E ${name} is not a setting that this command reads. Did you mean ${meant}?`]);
  }

  const change = await new ServiceTokensFile(tokensFile, { ...options, configDir, fs }).create(
    principal,
    name,
    {
      algorithm,
      signal: io.interrupted,
      // Silent is the bare value, as with elasticsearch-reset-password; the original would lose the token (NEEDS.md 18).
      deliver: ({ qualifiedName, bearer }) =>
        terminal.answer(options.silent ? `${bearer}\n` : `SERVICE_TOKEN ${qualifiedName} = ${bearer}\n`),
    },
  );

  if (fipsMode && algorithm.scheme === 'bcrypt') {
    await terminal.warn(['FIPS mode is on: the server wants PBKDF2, and this token was hashed with bcrypt']);
  }
  for (const warning of attributeWarnings(tokensFile, change, fs)) await terminal.warn(warning);
  return ExitCode.OK;
};

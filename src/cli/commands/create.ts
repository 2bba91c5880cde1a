import { readHashSettings } from '../../config/settings.js';
import { attributeWarnings } from '../../tokens-file/attribute-warnings.js';
import { ServiceTokensFile } from '../../tokens-file/service-tokens-file.js';
import { ExitCode } from '../exit-codes.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';
import { type ChangeOptions, openPlace } from './place.js';

export const create: Command<ChangeOptions & { readonly inPlace?: boolean }> = async (invocation) => {
  const { args, options, overrides, version, io, terminal, fs } = invocation;
  const { principal, name } = parseTokenArguments(args, version);
  const { configDir, tokensFile, inConfigDir, inTokensDir } = await openPlace(invocation, 'change');
  const { algorithm, fipsMode, misspelled } = await inConfigDir((fs) =>
    readHashSettings(configDir, overrides, io.env, fs),
  );

  const change = await inTokensDir(async ({ fs, ...entered }) => {
    const file = new ServiceTokensFile(tokensFile, { ...options, configDir, fs }, entered);
    const { deadEnd } = terminal;
    if (deadEnd !== undefined && !file.entries().has(`${principal}/${name}`)) throw deadEnd;
    return file.create(principal, name, {
      algorithm,
      signal: io.interrupted,
      // Silent is the bare value, as with elasticsearch-reset-password; the original would lose the token.
      deliver: ({ qualifiedName, bearer }) =>
        terminal.answer(options.silent ? `${bearer}\n` : `SERVICE_TOKEN ${qualifiedName} = ${bearer}\n`),
    });
  });

  for (const { name: setting, meant } of misspelled) {
    await terminal.warn([`-E ${setting} is not a setting that this command reads. Did you mean ${meant}?`]);
  }
  if (fipsMode && algorithm.scheme === 'bcrypt') {
    await terminal.warn(['FIPS mode is on: the server wants PBKDF2, and this token was hashed with bcrypt']);
  }
  for (const warning of attributeWarnings(tokensFile, change, fs)) await terminal.warn(warning);
  return ExitCode.OK;
};

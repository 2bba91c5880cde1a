import { findPlace } from '../config-dir.js';
import { ExitCode } from '../exit-codes.js';
import { type FileSystem, ifExists } from '../file-system.js';
import { ServiceTokensFile } from '../service-tokens-file.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';

export const list: Command = async ({ args, options, version, io, terminal, fs }) => {
  const principal = parsePrincipalArgument(args, version);
  const { tokensFile } = findPlace(options, io, fs);
  const names = new ServiceTokensFile(tokensFile, { fs }).list(principal);
  if (options.file !== undefined && names.length === 0 && isMissing(tokensFile, fs)) {
    await terminal.warn([`The file [${tokensFile}] does not exist`]);
  }
  if (!options.silent && names.length > 0) await terminal.answer(`${names.join('\n')}\n`);
  return ExitCode.OK;
};

function isMissing(path: string, fs: FileSystem): boolean {
  return ifExists(() => fs.statSync(path)) === undefined;
}

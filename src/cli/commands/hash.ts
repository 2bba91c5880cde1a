import { findConfigDir, findHome } from '../../config/config-dir.js';
import { findHashSettings } from '../../config/settings.js';
import { readSettingsFile } from '../../config/settings-file.js';
import { ExitCode } from '../exit-codes.js';
import { type BearerOptions, readBearers } from './bearers.js';
import { decodeBearers, hashTokens, prepareThreads } from './bulk.js';
import type { Command } from './command.js';
import { warnOfSettings } from './target.js';

/** How many lines are written at a time. */
const BATCH = 1_000;

export const hash: Command<BearerOptions> = async (invocation) => {
  const { options, overrides, io, terminal, fs } = invocation;
  prepareThreads(invocation);
  const configDir = findConfigDir(options, io, fs);
  const readFile = () => (configDir ? readSettingsFile(configDir, fs) : undefined);
  const settings = await findHashSettings(readFile, overrides, io.env, findHome(io, fs));
  const tokens = await decodeBearers(await readBearers(invocation, 'copy'), invocation);
  const hashes = [...(await hashTokens(tokens, settings.algorithm, invocation))];
  for (let start = 0; start < hashes.length; start += BATCH) {
    const lines = hashes.slice(start, start + BATCH).map(([key, hash]) => `${key}:${hash}\n`);
    await terminal.answer(lines.join(''));
  }
  await warnOfSettings(settings, invocation);
  return ExitCode.OK;
};

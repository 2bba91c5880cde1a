import { findConfigDir } from '../../config/config-dir.js';
import { ExitCode } from '../exit-codes.js';
import { type BearerOptions, readBearers } from './bearers.js';
import { decodeBearers, hashTokens, prepareThreads } from './bulk.js';
import type { Command } from './command.js';
import { readSettingsIn, warnOfSettings } from './target.js';

/** How many lines are written at a time. */
const BATCH = 1_000;

export const hash: Command<BearerOptions> = async (invocation) => {
  const { options, io, terminal, fs } = invocation;
  prepareThreads(invocation);
  const settings = await readSettingsIn(findConfigDir(options, io, fs), invocation);
  const tokens = await decodeBearers(await readBearers(invocation, 'copy'), invocation);
  const hashes = [...(await hashTokens(tokens, settings.algorithm, invocation))];
  for (let start = 0; start < hashes.length; start += BATCH) {
    const lines = hashes.slice(start, start + BATCH).map(([key, hash]) => `${key}:${hash}\n`);
    await terminal.answer(lines.join(''));
  }
  await warnOfSettings(settings, invocation);
  return ExitCode.OK;
};

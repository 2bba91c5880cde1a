import { findConfigDir } from '../../config/config-dir.js';
import type { Command } from './command.js';
import { hashGivenTokens } from './given-tokens.js';
import { readSettingsIn } from './target.js';

export const hash: Command = async (invocation) => {
  const { options, io, terminal, fs } = invocation;
  const settings = readSettingsIn(findConfigDir(options, io, fs), invocation);
  const hashes = await hashGivenTokens(invocation, settings);
  await terminal.answerAll([...hashes].map(([key, hash]) => `${key}:${hash}\n`));
};

import { compareTokens, type Reload } from '../../authenticate/loaded-tokens.js';
import { ExitCode } from '../exit-codes.js';
import { usageError } from '../options.js';
import { escapeControls } from '../terminal.js';
import type { Command } from './command.js';
import { isStandardInput, readEntries } from './read-tokens.js';

export const diff: Command = async (invocation) => {
  const { args, options, io, terminal } = invocation;
  const [a, b, ...extra] = args;
  if (a === undefined || b === undefined || extra.length > 0) {
    throw usageError(`Expected two arguments, the files to compare, found ${args.length}`);
  }
  if (isStandardInput(a, io) && isStandardInput(b, io))
    throw usageError('Only one of the files can be standard input');
  const before = { entries: await readEntries(invocation, 'read', a) };
  const after = { entries: await readEntries(invocation, 'read', b) };
  const difference = compareTokens(before, after);
  if (options.json) await terminal.answerJson(difference ?? { added: [], removed: [], changed: [] });
  else if (!options.silent && difference) {
    await terminal.answerAll(changeLines(difference).map((line) => `${escapeControls(line)}\n`));
  }
  return difference === undefined ? ExitCode.OK : ExitCode.NO;
};

/** A line for each token that was added, removed or changed. */
export function changeLines(changes: Pick<Reload, 'added' | 'removed' | 'changed'>): string[] {
  return (['added', 'removed', 'changed'] as const).flatMap((kind) =>
    changes[kind].map((name) => `${kind} ${name}`),
  );
}

import { ServiceTokensError } from '../../errors.js';
import { ExitCode } from '../exit-codes.js';
import { escapeControls } from '../terminal.js';
import type { Command } from './command.js';
import { readEntries } from './entries.js';
import { isStandardInput } from './input.js';

/** The options of `diff`. */
interface DiffOptions {
  readonly json?: boolean;
}

export const diff: Command<DiffOptions> = async (invocation) => {
  const { args, options, io, terminal } = invocation;
  const [a, b, ...extra] = args;
  if (a === undefined || b === undefined || extra.length > 0) {
    throw new ServiceTokensError(
      'USAGE',
      `Expected two arguments, the files to compare, found ${args.length}`,
    );
  }
  if (isStandardInput(a, io) && isStandardInput(b, io))
    throw new ServiceTokensError('USAGE', 'Only one of the files can be standard input');
  const before = await readEntries(a, invocation, 'read');
  const after = await readEntries(b, invocation, 'read');
  const added = [...after.keys()].filter((key) => !before.has(key)).sort();
  const removed = [...before.keys()].filter((key) => !after.has(key)).sort();
  const changed = [...after.keys()]
    .filter((key) => before.has(key) && before.get(key) !== after.get(key))
    .sort();
  const lines = [
    ...added.map((key) => `added ${key}`),
    ...removed.map((key) => `removed ${key}`),
    ...changed.map((key) => `changed ${key}`),
  ];
  if (options.json) await terminal.answerJson({ added, removed, changed });
  else if (!options.silent && lines.length > 0) {
    await terminal.answer(lines.map((line) => `${escapeControls(line)}\n`).join(''));
  }
  return lines.length === 0 ? ExitCode.OK : ExitCode.NO;
};

import { absolutePath } from '../../config/config-dir.js';
import { ServiceTokensError } from '../../errors.js';
import { ServiceTokensFile } from '../../tokens-file/service-tokens-file.js';
import { TokensText } from '../../tokens-file/tokens-format.js';
import { ExitCode } from '../exit-codes.js';
import { escapeControls } from '../terminal.js';
import type { Command, Invocation } from './command.js';
import { isStandardInput, MAX_TOKENS_BYTES, readStandardInput, STREAM } from './input.js';
import { openPlace } from './place.js';

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
  const before = await entriesOf(a, invocation);
  const after = await entriesOf(b, invocation);
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
  if (options.json) await terminal.answer(`${JSON.stringify({ added, removed, changed })}\n`);
  else if (!options.silent && lines.length > 0) {
    await terminal.answer(lines.map((line) => `${escapeControls(line)}\n`).join(''));
  }
  return lines.length === 0 ? ExitCode.OK : ExitCode.NO;
};

/** @throws IO if the file does not exist: its name may be misspelled */
async function entriesOf(file: string, invocation: Invocation): Promise<ReadonlyMap<string, string>> {
  const { options, io } = invocation;
  if (file === STREAM) {
    return TokensText.parse(await readStandardInput(io, MAX_TOKENS_BYTES), 'standard input').entries();
  }
  const place = await openPlace(
    { ...invocation, options: { ...options, file: absolutePath(file, io) } },
    'read',
  );
  return place.inTokensDir(async ({ fs: inDirectory, ...entered }) => {
    const tokens = new ServiceTokensFile(place.tokensFile, { fs: inDirectory }, entered);
    if (!tokens.exists()) throw new ServiceTokensError('IO', `could not read [${file}]: it does not exist`);
    return tokens.entries();
  });
}

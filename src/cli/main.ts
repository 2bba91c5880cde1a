import { findVersion } from '../config/config-dir.js';
import { parseOverrides } from '../config/overrides.js';
import { type FileSystem, nodeFileSystem } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { NAME } from './commands/command.js';
import { type Context, complete } from './commands/complete.js';
import { findCommand, VERSION } from './commands/table.js';
import { ExitCode, type ExitStatus } from './exit-codes.js';
import { splitWords } from './option-words.js';
import { type Options, usageError } from './options.js';
import { commandParser, optionsParser, type Parser, topParser } from './parser.js';
import { type Io, Terminal } from './terminal.js';

export { processIo } from './process-io.js';

/** Errors are caught only here. @param argv the arguments after the tool's name */
export async function main(
  argv: readonly string[],
  io: Io,
  fs: FileSystem = nodeFileSystem,
): Promise<ExitStatus> {
  const terminal = new Terminal(io);
  try {
    return (await run(argv, { io, terminal, fs })) ?? ExitCode.OK;
  } catch (error) {
    return terminal.fail(error);
  }
}

/**
 * As in the original, two parsers run one after the other: the first reads the options before the command's name, the
 * second reads the rest. So `-s create` is not `create -s`, and `--` ends only the options of its own parser.
 */
async function run(argv: readonly string[], context: Context): Promise<ExitStatus | undefined> {
  const { io, terminal, fs } = context;
  const top = topParser();
  terminal.usage = top.usage;
  terminal.pointer = `See "${NAME} help" for the commands.`;
  const before = splitWords(argv, top.options, true);
  const topOptions = top.parse(before.options);
  terminal.color = topOptions.color;
  if (await answerAtOnce(top, topOptions, terminal)) return undefined;
  const [name, ...rest] = before.args;
  if (name === undefined) throw usageError('Missing required command');
  terminal.usage = '';
  if (name === 'help') {
    await terminal.answer(parserFor(rest[0], top).help());
    return undefined;
  }
  if (name === 'complete') return complete(rest, context); // in no help: the scripts of `completion` run it

  const entry = findCommand(name);
  const parser = commandParser(name, entry);
  terminal.usage = parser.usage;
  terminal.pointer = '';
  splitWords(before.options, parser.options); // refuses those that the command does not accept
  const after = splitWords(rest, parser.options);
  const own = parser.parse([...after.options, ...passOn(topOptions)]);
  terminal.color = own.color && topOptions.color;
  if (await answerAtOnce(parser, own, terminal)) return undefined;
  // As in the original, only the second parser sets -s and -v: `-s create` prints what `create` prints.
  const { silent: _, verbose: __, E: ___, ...inherited } = topOptions;
  const options = { ...inherited, ...own };
  const overrides = parseOverrides(own.E ?? []);
  const version = findVersion(options.esVersion, io, fs);
  return entry.run({ ...context, args: after.args, options, overrides, version });
}

/**
 * The `-E` before the command's name, as the original passes them on: after all other words, each in one word. So `-E =v`
 * becomes `-E=v`, without a key. @throws OPTION if nothing is left
 */
function passOn({ E = [] }: Options): string[] {
  return E.map((setting) => {
    const value = setting.replace(/^=/, '');
    if (value === '') throw new ServiceTokensError('OPTION', 'Option E requires an argument');
    return `--E=${value}`;
  });
}

function parserFor(topic: string | undefined, top: Parser): Parser {
  if (topic === undefined || topic === 'help') return top;
  return topic === 'options' ? optionsParser() : commandParser(topic, findCommand(topic));
}

/** Answers --help and --version, which override everything except parser errors; otherwise applies -s and -v. */
async function answerAtOnce(
  parser: Parser,
  { help, version, silent = false, verbose = false }: Options,
  terminal: Terminal,
): Promise<boolean> {
  if (help || version) {
    await terminal.answer(help ? parser.help() : `${VERSION}\n`);
    return true;
  }
  if (silent && verbose) {
    throw new ServiceTokensError(
      'OPTION',
      'Option(s) [v/verbose] are unavailable given other options on the command line',
    );
  }
  Object.assign(terminal, { silent, verbose });
  return false;
}

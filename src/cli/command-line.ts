import { findVersion } from '../config/config-dir.js';
import type { Override } from '../config/overrides.js';
import { closest } from '../did-you-mean.js';
import type { FileSystem } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import type { Invocation } from './commands/command.js';
import { type CommandEntry, commands, synonyms } from './commands/table.js';
import { ExitCode, type ExitStatus } from './exit-codes.js';
import { splitWords } from './option-words.js';
import type { CommonOptions } from './options.js';
import { commandParser, type Parser, topParser } from './parser.js';
import type { Io, Terminal } from './terminal.js';

/**
 * Runs a command line.
 *
 * As in the original, two parsers run one after the other: the first reads the options before the command's name, the
 * second reads the rest. So `-s create` is not `create -s`, and `--` ends only the options of its own parser.
 *
 * @param argv the arguments after the tool's name
 * @param toolVersion what `--version` prints
 * @returns the exit status
 * @throws ServiceTokensError; any other error is a bug
 */
export async function run(
  argv: readonly string[],
  io: Io,
  terminal: Terminal,
  fs: FileSystem,
  toolVersion: string,
): Promise<ExitStatus> {
  const top = topParser();
  terminal.usage = top.usage;
  const before = splitWords(argv, top.options, { untilArgument: true });
  const topOptions = top.parse(before.options);
  terminal.color = topOptions.color;
  if (await answerAtOnce(top, topOptions, terminal, toolVersion)) return ExitCode.OK;
  const [name, ...rest] = before.args;
  if (name === undefined) throw new ServiceTokensError('USAGE', 'Missing required command');
  if (name === 'help') return help(rest, top, terminal);
  if (name === 'complete') return complete(rest, io, terminal, fs);

  const entry = findCommand(name);
  const parser = commandParser(name, entry);
  terminal.usage = parser.usage;
  const behind = splitWords(rest, parser.options);
  const own = parser.parse(behind.options);
  terminal.color = own.color && topOptions.color;
  if (await answerAtOnce(parser, own, terminal, toolVersion)) return ExitCode.OK;
  const invocation = { args: behind.args, ...(await settle(topOptions, own, io, fs)), io, terminal, fs };
  const command = await entry.load();
  return command(invocation as never);
}

/** Merges the options before the command's name and those after it. */
async function settle(
  topOptions: CommonOptions,
  own: CommonOptions,
  io: Io,
  fs: FileSystem,
): Promise<Pick<Invocation, 'options' | 'overrides' | 'version'>> {
  // As in the original, only the second parser sets -s and -v: `-s create` prints what `create` prints.
  const { silent: _, verbose: __, ...inherited } = topOptions;
  const options = { ...inherited, ...own };
  const overrides = await readOverrides([...(own.E ?? []), ...(topOptions.E ?? [])]); // in the original's order
  return { options, overrides, version: findVersion(options.esVersion, io, fs) };
}

/**
 * Runs `complete`, which the scripts of `completion` call when TAB is pressed. It prints the token names that fit at
 * the cursor. No help lists it, because users do not run it.
 *
 * @param words the words typed after the tool's name, unexpanded; the last is the word at the cursor, possibly empty
 */
async function complete(
  words: readonly string[],
  io: Io,
  terminal: Terminal,
  fs: FileSystem,
): Promise<ExitStatus> {
  const home = io.env['HOME'] ?? '~';
  const typed = words.slice(0, -1).map((word) => word.replace(/^~(?=\/)/, () => home));
  const top = topParser();
  const before = splitWords(typed, top.options, { untilArgument: true });
  const [name = '', ...rest] = before.args;
  const { offers, ...entry } = findCommand(name);
  if (offers !== 'token' && offers !== 'tokens') return ExitCode.OK;
  const parser = commandParser(name, entry);
  const behind = splitWords(rest, parser.options);
  const settled = await settle(top.parse(before.options), parser.parse(behind.options), io, fs);
  const { printNames } = await import('./commands/complete.js');
  return printNames(
    { args: behind.args, ...settled, io, terminal, fs },
    {
      current: words.at(-1) ?? '',
      takesSeveral: offers === 'tokens',
      isBehindOptions: rest.includes('--'),
    },
  );
}

/** Loads the parser of settings only if there are settings. */
async function readOverrides(words: readonly string[]): Promise<readonly Override[]> {
  if (words.length === 0) return [];
  const { parseOverrides } = await import('../config/overrides.js');
  return parseOverrides(words);
}

/** `help`, alone or before the name of a command; the original has `--help` only. */
async function help([name]: readonly string[], top: Parser, terminal: Terminal): Promise<ExitStatus> {
  const parser = name === undefined ? top : commandParser(name, findCommand(name));
  await terminal.answer(`${parser.help}\n`);
  return ExitCode.OK;
}

/** @throws USAGE if no command has this name */
function findCommand(name: string): CommandEntry {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry !== undefined) return entry;
  const guess = synonyms.get(name) ?? closest(name, [...Object.keys(commands), 'help']);
  throw new ServiceTokensError('USAGE', `Unknown command [${name}]`, {
    hint: guess ? `Did you mean ${guess}?` : undefined,
  });
}

/**
 * Answers --help and --version, which override everything except parser errors; otherwise applies -s and -v.
 *
 * @returns whether it answered
 * @throws OPTION if both -s and -v are given
 */
async function answerAtOnce(
  parser: Parser,
  { help, version, silent = false, verbose = false }: CommonOptions,
  terminal: Terminal,
  toolVersion: string,
): Promise<boolean> {
  if (help) await terminal.answer(`${parser.help}\n`);
  else if (version) await terminal.answer(`${toolVersion}\n`);
  if (help || version) return true;
  if (silent && verbose) {
    throw new ServiceTokensError(
      'OPTION',
      'Option(s) [v/verbose] are unavailable given other options on the command line',
    );
  }
  terminal.silent = silent;
  terminal.verbose = verbose;
  return false;
}

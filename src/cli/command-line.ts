import { type Option, Command as Parser } from 'commander';
import { findVersion } from '../config/config-dir.js';
import type { Override } from '../config/settings.js';
import { closest } from '../did-you-mean.js';
import type { FileSystem } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import type { Options } from './commands/command.js';
import { type CommandEntry, commands, commonOptions, purpose, repeatableOption } from './commands/table.js';
import { ExitCode, type ExitStatus } from './exit-codes.js';
import type { Io, Terminal } from './terminal.js';

const NAME = 'elasticsearch-service-tokens';

/**
 * Runs a command line.
 *
 * Two parsers run one after the other, as in the original: the first reads the options before the command's name, the
 * second all the rest. So `-s create` is not `create -s`, and a `--` ends the options of its own parser only.
 *
 * @param argv the words behind the tool's name
 * @param toolVersion what `--version` prints
 * @returns the exit status
 * @throws ServiceTokensError, and whatever a bug throws
 */
export async function run(
  argv: readonly string[],
  io: Io,
  terminal: Terminal,
  fs: FileSystem,
  toolVersion: string,
): Promise<ExitStatus> {
  const top = topParser();
  terminal.usage = topUsage();
  const [name, ...rest] = parseOptions(top, argv, { untilArgument: true });
  const topOptions = top.opts<Options>();
  terminal.color = topOptions.color;
  if (await answerAtOnce(top, terminal, toolVersion)) return ExitCode.OK;
  if (name === undefined) throw new ServiceTokensError('USAGE', 'Missing required command');
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw unknownCommand(name);

  const parser = commandParser(name, entry);
  terminal.usage = `Usage: ${parser.name()} ${parser.usage()}`;
  const args = parseOptions(parser, rest);
  const own = parser.opts<Options>();
  terminal.color = own.color && topOptions.color;
  if (await answerAtOnce(parser, terminal, toolVersion)) return ExitCode.OK;
  // How much is said is the second parser's to tell, as in the original: `-s create` prints what `create` prints.
  const { silent: _, verbose: __, ...inherited } = topOptions;
  const options = { ...inherited, ...own };
  const overrides = await readOverrides([...(own.E ?? []), ...(topOptions.E ?? [])]); // in the original's order
  const version = findVersion(options.esVersion, io, fs);
  const command = await entry.load();
  return command({ args, options, overrides, version, io, terminal, fs });
}

/** Loads what reads settings, and YAML, only where there are some. */
async function readOverrides(words: readonly string[]): Promise<readonly Override[]> {
  if (words.length === 0) return [];
  const { parseOverrides } = await import('../config/settings.js');
  return parseOverrides(words);
}

function topParser(): Parser {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return newParser(NAME)
    .usage('<command> [options]')
    .description(`${purpose}.`)
    .addHelpText('after', `\nCommands:\n${lines.join('\n')}\n\n"${NAME} <command> --help" shows examples.`);
}

function topUsage(): string {
  const lines = Object.entries(commands).map(([name, { usage }]) => `${NAME} ${name} ${usage}`.trimEnd());
  return `Usage: ${lines.join('\n       ')}`;
}

function commandParser(name: string, { summary, usage, examples, options = [] }: CommandEntry): Parser {
  const lines = examples.map((example) => `  $ ${NAME} ${name} ${example}`.trimEnd());
  const parser = newParser(`${NAME} ${name}`);
  for (const [flags, description] of options) parser.option(flags, description);
  return parser
    .usage(`${usage} [options]`.trimStart())
    .description(`${summary}.`)
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** A parser with the options that every command has. */
function newParser(name: string): Parser {
  const collect = (word: string, words: string[] = []) => [...words, word];
  const parser = new Parser(name)
    .helpOption(false)
    .helpCommand(false)
    .option(...repeatableOption, collect);
  for (const [flags, description] of commonOptions) parser.option(flags, description);
  return parser;
}

/**
 * Tells options from arguments as the original's parser does: word by word, and in a cluster letter by letter, so that
 * of several mistakes the first is reported. Commander reports a missing value before an unknown option, and reads
 * `-s-help` as `-s --help`; so it is given options only, each as `--name` or `--name=value`.
 *
 * @param untilArgument whether the first argument ends the options, as in the original before the command's name
 * @returns the words that are no options
 * @throws OPTION, in the original's words
 */
function parseOptions(
  parser: Parser,
  argv: readonly string[],
  { untilArgument = false }: { untilArgument?: boolean } = {},
): string[] {
  const words = [...argv];
  const args: string[] = [];
  const options: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const isOption = word.startsWith('-') && word !== '-' && word !== '--';
    if (isOption) options.push(...readOptions(word, words, parser));
    else if (word !== '--') args.push(word);
    if (word === '--' || (untilArgument && !isOption)) args.push(...words.splice(0));
  }
  parser.parseOptions(options);
  return args;
}

/** @param rest the words behind, of which an option takes its value @returns the options of one word, for commander */
function readOptions(word: string, rest: string[], parser: Parser): string[] {
  const [, hyphens = '', name = '', value] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if (hyphens === '--' || [...name].length === 1) {
    return [canonical(findOption(hyphens, name, word, parser), value, rest)];
  }
  const options: string[] = [];
  const letters = [...word.slice(1)];
  for (let letter = letters.shift(); letter !== undefined; letter = letters.shift()) {
    const option = findOption('-', letter, word, parser);
    const attached = option.required && letters.length > 0 ? letters.splice(0).join('') : undefined;
    options.push(canonical(option, attached, rest));
  }
  return options;
}

/** @param value what stands in the same word; an option that wants one and has none takes the next word, whatever it is */
function canonical({ required, long }: Option, value: string | undefined, rest: string[]): string {
  const name = long?.slice(2);
  if (!required) {
    if (value === undefined) return `${long}`;
    throw new ServiceTokensError('OPTION', `Option ${name} does not take an argument`);
  }
  const given = value ?? rest.shift();
  if (given !== undefined) return `${long}=${given}`;
  throw new ServiceTokensError('OPTION', `Option ${name} requires an argument`);
}

function findOption(hyphens: string, name: string, word: string, parser: Parser): Option {
  const flag = `${hyphens}${name}`;
  const found = parser.options.find(({ short, long }) => flag === short || flag === long);
  if (found !== undefined) return found;
  const guess = guessOption(word.replace(/^-+|=.*/gs, ''), parser);
  throw new ServiceTokensError('OPTION', `${name} is not a recognized option`, {
    hint: guess && `Did you mean ${guess}?`,
  });
}

/** The option whose name was shortened, written with one hyphen, or misspelt. */
function guessOption(name: string, parser: Parser): string | undefined {
  if (name.length < 2) return undefined;
  const names = parser.options.flatMap(({ long }) => long?.replace(/^--/, '') ?? []);
  const shortened = names.filter((long) => long.startsWith(name));
  const guess = shortened.length === 1 ? shortened[0] : closest(name, names);
  return guess && `--${guess}`;
}

function unknownCommand(name: string): ServiceTokensError {
  const guess = closest(name, Object.keys(commands));
  return new ServiceTokensError('USAGE', `Unknown command [${name}]`, {
    hint: guess ? `Did you mean ${guess}?` : undefined,
  });
}

/**
 * Answers --help and --version, which win over everything but the parser's own errors; else sets how much is said.
 *
 * @returns whether it answered
 * @throws OPTION when -s and -v meet
 */
async function answerAtOnce(parser: Parser, terminal: Terminal, toolVersion: string): Promise<boolean> {
  const { help, version, silent = false, verbose = false } = parser.opts<Options>();
  if (help) await terminal.answer(`${helpOf(parser)}\n`);
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

function helpOf(parser: Parser): string {
  let help = '';
  parser.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  return help.trimEnd();
}

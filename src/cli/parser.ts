import { Command, Option } from 'commander';
import { NAME } from './commands/command.js';
import {
  type CommandEntry,
  commands,
  commonOptions,
  type OptionTable,
  PURPOSE,
  SETTING,
} from './commands/table.js';
import type { Options } from './options.js';

export type Parser = ReturnType<typeof parserOf>;

/** An option that a parser knows; `required` says whether it takes a value. */
export type KnownOption = Parser['options'][number];

/** The parser of the options before the command's name. */
export function topParser(): Parser {
  const command = newCommand(NAME, '<command>', `${PURPOSE}.`, commonOptions, commonOptions);
  const end = `See "${NAME} help <command>" for one command, and\n"${HELP_OPTIONS}" for the options that most accept.`;
  return parserOf(command, end, () => {
    for (const [name, { group, summary }] of Object.entries(commands)) {
      command.addCommand(new Command(name).description(summary).helpGroup(`${group}:`));
    }
  });
}

const HELP_OPTIONS = `${NAME} help options`;

/** The parser of `help options`, which describes the common options. */
export function optionsParser(): Parser {
  const command = newCommand(NAME, '<command>', 'These options are common to most commands.', commonOptions);
  return parserOf(command, 'The help of each command lists those that it accepts.');
}

/** The commands of the original, which accept its option -E even where it has no effect. */
const ORIGINAL_COMMANDS = ['create', 'list', 'delete'];

export function commandParser(name: string, entry: CommandEntry): Parser {
  const { summary, details = [], usage, examples, options } = entry;
  const accepted = ORIGINAL_COMMANDS.includes(name) ? { ...options, ...SETTING } : options;
  const description = [`${summary}.`, ...details].join('\n\n');
  const command = newCommand(`${NAME} ${name}`, usage, description, accepted, commonOptions);
  const common = Object.keys(options).filter((flags) => options[flags] === commonOptions[flags]);
  const end = [
    `Common options, see "${HELP_OPTIONS}":\n  ${common.map((flags) => flags.split(/[ ,]/)[0]).join(', ')}`,
    ['Examples:', ...examples.map((line) => `  $ ${line}`)].join('\n'),
  ];
  return parserOf(command, end.join('\n\n'));
}

/** @param hidden those options that the help does not describe, unless they mean something else in this command */
function newCommand(
  name: string,
  usage: string,
  description: string,
  options: OptionTable,
  hidden: OptionTable = {},
): Command {
  const command = new Command(name)
    .helpOption(false)
    .helpCommand(false)
    .configureOutput({ getOutHelpWidth: () => 80 }) // columns
    .usage(`[options] ${usage}`.trimEnd())
    .description(description);
  for (const [flags, text] of Object.entries(options)) {
    const option = new Option(flags, text).hideHelp(hidden[flags] === text);
    if (flags in SETTING) option.argParser((word: string, words: string[] = []) => [...words, word]);
    command.addOption(option);
  }
  return command;
}

/** @param end what follows the help @param complete adds the parts that only the help shows */
function parserOf(command: Command, end: string, complete = () => {}) {
  return {
    /** Shown before a usage error. */
    usage: `Usage: ${command.name()} ${command.usage()}`,
    options: command.options,
    /** @param words options only, each as `--name` or `--name=value` */
    parse(words: readonly string[]): Options {
      command.parseOptions([...words]);
      return command.opts();
    },
    help(): string {
      complete();
      return `${command.helpInformation()}\n${end}\n`;
    },
  };
}

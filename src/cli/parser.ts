import { Command, Option } from 'commander';
import { type CommandEntry, commands, NAME, optionsOf, PURPOSE } from './commands/table.js';
import { commonOptions, type OptionEntry, type Options } from './options.js';

/** The maximum width of help texts, in columns. */
const WIDTH = 80;

/** A parser of one kind of command line, and its help. */
export interface Parser {
  /** Shown before a usage error. */
  readonly usage: string;
  help(): string;
  readonly options: readonly KnownOption[];
  /** @param words options only, each as `--name` or `--name=value` */
  parse(words: readonly string[]): Options;
}

/** An option that a parser knows; `required` says whether it takes a value. */
export interface KnownOption {
  readonly short?: string | undefined;
  readonly long?: string | undefined;
  readonly required: boolean;
}

/** The parser of the options before the command's name. */
export function topParser(): Parser {
  const parser = newCommand(NAME, '<command>', `${PURPOSE}.`);
  for (const { entry } of commonOptions) parser.addOption(newOption(entry).hideHelp());
  const addCommands = () => {
    for (const [name, { group, summary }] of Object.entries(commands)) {
      parser.addCommand(new Command(name).description(summary).helpGroup(`${group}:`));
    }
  };
  const end = `See "${NAME} help <command>" for one command, and\n"${HELP_OPTIONS}" for the options that most accept.`;
  return wrap(parser, end, addCommands);
}

const HELP_OPTIONS = `${NAME} help options`;

/** The parser of `help options`, which describes the common options. */
export function optionsParser(): Parser {
  const parser = newCommand(NAME, '<command>', 'These options are common to most commands.');
  for (const { entry } of commonOptions) parser.addOption(newOption(entry));
  return wrap(parser, 'The help of each command lists those that it accepts.');
}

/** The commands of the original, which accept its option -E even where it has no effect. */
const ORIGINAL_COMMANDS = ['create', 'list', 'delete'];

/** The parser of the words after the command's name. */
export function commandParser(name: string, entry: CommandEntry): Parser {
  const { summary, details = [], usage, examples } = entry;
  const parser = newCommand(`${NAME} ${name}`, usage, [`${summary}.`, ...details].join('\n\n'));
  const all = optionsOf(entry);
  const common = all.filter((each) => commonOptions.some((option) => option.entry === each));
  for (const each of all) parser.addOption(newOption(each).hideHelp(common.includes(each)));
  const settings = commonOptions.find(({ group }) => group === 'settings');
  if (settings && ORIGINAL_COMMANDS.includes(name) && !entry.optionGroups.includes('settings')) {
    parser.addOption(newOption(settings.entry).hideHelp());
  }
  const names = common.map(([flags]) => flags.split(/[ ,]/)[0]).join(', ');
  const end = [
    `Common options, see "${HELP_OPTIONS}":\n  ${names}`,
    ['Examples:', ...examples.map((line) => `  $ ${line}`)].join('\n'),
  ];
  return wrap(parser, end.join('\n\n'));
}

function newCommand(name: string, usage: string, description: string): Command {
  return new Command(name)
    .helpOption(false)
    .helpCommand(false)
    .configureOutput({ getOutHelpWidth: () => WIDTH })
    .usage(`[options] ${usage}`.trimEnd())
    .description(description);
}

function newOption([flags, description]: OptionEntry): Option {
  const option = new Option(flags, description);
  const collect = (word: string, words: string[] = []) => [...words, word];
  return flags.startsWith('-E,') ? option.argParser(collect) : option;
}

/** @param end what follows the help @param complete adds the parts that only the help shows */
function wrap(command: Command, end: string, complete = () => {}): Parser {
  return {
    usage: `Usage: ${command.name()} ${command.usage()}`,
    options: command.options,
    parse: (words) => {
      command.parseOptions([...words]);
      return command.opts();
    },
    help: () => {
      complete();
      return `${command.helpInformation()}\n${end}`;
    },
  };
}

import { Command, Option } from 'commander';
import { type CommandEntry, commands, NAME, optionsOf, PURPOSE } from './commands/table.js';
import { type CommonOptions, commonOptions, type OptionEntry } from './options.js';

/** The maximum width of help texts, in columns. */
const WIDTH = 80;

/** A parser of one kind of command line, and its help. */
export interface Parser {
  /** Shown before a usage error. */
  readonly usage: string;
  help(): string;
  readonly options: readonly KnownOption[];
  /** @param words options only, each as `--name` or `--name=value` */
  parse(words: readonly string[]): CommonOptions;
}

/** An option that a parser knows; `required` says whether it takes a value. */
export interface KnownOption {
  readonly short?: string | undefined;
  readonly long?: string | undefined;
  readonly required: boolean;
}

/** The parser of the options before the command's name. */
export function topParser(): Parser {
  const parser = newCommand(`${NAME}`, '<command>', PURPOSE);
  for (const { entry } of commonOptions) parser.addOption(newOption(entry).helpGroup(COMMON));
  const lines = Object.entries(commands).map(([name, { usage }]) => `${NAME} ${name} ${usage}`.trimEnd());
  const addCommands = () => {
    for (const [name, { summary }] of Object.entries(commands)) {
      parser.addCommand(new Command(name).description(summary));
    }
  };
  return wrap(parser, lines.join('\n       '), `See "${NAME} help <command>" for one command.`, addCommands);
}

/** The commands of the original, which accept its option -E even where it has no effect. */
const ORIGINAL_COMMANDS = ['create', 'list', 'delete'];

/** The parser of the words after the command's name. */
export function commandParser(name: string, entry: CommandEntry): Parser {
  const { summary, usage, examples, options = [] } = entry;
  const parser = newCommand(`${NAME} ${name}`, usage, summary);
  for (const each of optionsOf(entry)) {
    parser.addOption(newOption(each).helpGroup(options.includes(each) ? 'Options:' : COMMON));
  }
  const settings = commonOptions.find(({ group }) => group === 'settings');
  if (settings && ORIGINAL_COMMANDS.includes(name) && !entry.optionGroups.includes('settings')) {
    parser.addOption(newOption(settings.entry).hideHelp());
  }
  return wrap(
    parser,
    `${parser.name()} ${parser.usage()}`,
    ['Examples:', ...examples.map((line) => `  $ ${line}`)].join('\n'),
  );
}

/** The heading of the options that several commands accept. */
const COMMON = 'Common options:';

function newCommand(name: string, usage: string, summary: string): Command {
  return new Command(name)
    .helpOption(false)
    .helpCommand(false)
    .configureOutput({ getOutHelpWidth: () => WIDTH })
    .usage(`[options] ${usage}`.trimEnd())
    .description(`${summary}.`);
}

function newOption([flags, description]: OptionEntry): Option {
  const option = new Option(flags, description);
  const collect = (word: string, words: string[] = []) => [...words, word];
  return flags.startsWith('-E,') ? option.argParser(collect) : option;
}

/** @param end what follows the help @param complete adds the parts that only the help shows */
function wrap(command: Command, usage: string, end: string, complete = () => {}): Parser {
  return {
    usage: `Usage: ${usage}`,
    options: command.options,
    parse: (words) => {
      command.parseOptions([...words]);
      return command.opts();
    },
    help: () => {
      complete();
      // Commander prints the options before the commands.
      const text = command.helpInformation().replace(/(Common options:.*\n)\n(Commands:.*)$/s, '$2\n$1');
      return `${text}\n${end}`;
    },
  };
}

import { Command, type Help, Option } from 'commander';
import { type CommandEntry, commands, NAME, optionsOf, PURPOSE } from './commands/table.js';
import { type CommonOptions, commonOptions, type OptionEntry } from './options.js';

/** The maximum width of help texts, in columns. */
const WIDTH = 80;

/** A parser of one kind of command line, and its help. */
export interface Parser {
  /** Shown before a usage error. */
  readonly usage: string;
  readonly help: string;
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
  const parser = newCommand(
    NAME,
    commonOptions.map(({ entry }) => entry),
  )
    .usage('[options] <command>')
    .description(`${PURPOSE}.`)
    .addHelpText('after', `\nSee "${NAME} help <command>" for one command.`);
  const addCommands = () => {
    for (const [name, { summary }] of Object.entries(commands)) {
      parser.addCommand(new Command(name).description(summary));
    }
  };
  const lines = Object.entries(commands).map(([name, { usage }]) => `${NAME} ${name} ${usage}`.trimEnd());
  return wrap(parser, `Usage: ${lines.join('\n       ')}`, addCommands);
}

/** The commands of the original, which accept its option -E even where it has no effect. */
const ORIGINAL_COMMANDS = ['create', 'list', 'delete'];

/** The parser of the words after the command's name. */
export function commandParser(name: string, entry: CommandEntry): Parser {
  const { summary, usage, examples, options } = entry;
  const parser = newCommand(`${NAME} ${name}`, optionsOf(entry), options)
    .usage(`[options] ${usage}`.trimEnd())
    .description(`${summary}.`)
    .addHelpText('after', ['', 'Examples:', ...examples.map((line) => `  $ ${line}`.trimEnd())].join('\n'));
  const settings = commonOptions.find(({ group }) => group === 'settings');
  if (settings && ORIGINAL_COMMANDS.includes(name) && !entry.optionGroups.includes('settings')) {
    parser.addOption(newOption(settings.entry).hideHelp());
  }
  return wrap(parser, `Usage: ${parser.name()} ${parser.usage()}`);
}

/** @param own those of the options that are not common ones */
function newCommand(
  name: string,
  options: readonly OptionEntry[],
  own: readonly OptionEntry[] = [],
): Command {
  const command = new Command(name).helpOption(false).helpCommand(false).configureHelp({ formatHelp });
  for (const entry of options) {
    command.addOption(newOption(entry).helpGroup(own.includes(entry) ? 'Options:' : 'Common options:'));
  }
  return command;
}

function newOption([flags, description]: OptionEntry): Option {
  const option = new Option(flags, description);
  const collect = (word: string, words: string[] = []) => [...words, word];
  return flags.startsWith('-E,') ? option.argParser(collect) : option;
}

/** @param complete adds the parts that only the help shows */
function wrap(command: Command, usage: string, complete = () => {}): Parser {
  let text: string | undefined;
  const render = () => {
    complete();
    let help = '';
    const writeOut = (part: string) => {
      help += part;
    };
    command.configureOutput({ writeOut, getOutHelpWidth: () => WIDTH }).outputHelp();
    return help.trimEnd();
  };
  return {
    usage,
    options: command.options,
    parse: (words) => {
      command.parseOptions([...words]);
      return command.opts();
    },
    get help() {
      text ??= render();
      return text;
    },
  };
}

/** The commands first, then the command's own options, then the common ones. */
function formatHelp(command: Command, help: Help): string {
  const width = help.padWidth(command, help);
  const section = (title: string, items: readonly (readonly [term: string, description: string])[]) =>
    items.length === 0
      ? []
      : [title, ...items.map(([term, text]) => help.formatItem(term, width, text, help)), ''];
  const options = help.visibleOptions(command);
  const optionsOf = (group: string) =>
    options
      .filter(({ helpGroupHeading }) => helpGroupHeading === group)
      .map((option) => [help.optionTerm(option), help.optionDescription(option)] as const);
  const subcommands = help.visibleCommands(command).map((each) => [each.name(), each.description()] as const);
  return [
    `Usage: ${help.commandUsage(command)}`,
    '',
    help.boxWrap(help.commandDescription(command), WIDTH),
    '',
    ...section('Commands:', subcommands),
    ...['Options:', 'Common options:'].flatMap((group) => section(group, optionsOf(group))),
  ].join('\n');
}

import { knownAccounts } from '../../accounts/known-accounts.js';
import { commonOptions, inCommand, type Meanings, type OptionEntry, type Subject } from '../options.js';

/** What the table says of a command, as far as a shell offers it. */
export interface Describable extends Meanings {
  readonly summary: string;
  readonly obeys: readonly Subject[];
  readonly offers?: Offers;
  readonly options?: readonly OptionEntry[];
}

/** What a shell offers for the arguments of a command: see the table. */
type Offers = 'principal' | 'token' | 'tokens' | 'file' | readonly string[];

/** What a shell offers for the value of an option: files, directories, users, words, or nothing. */
export type Value = 'file' | 'directory' | 'user' | 'anything' | readonly string[];

export interface CompletedOption {
  /** As it is typed: `-o`, `--output`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** What its value is called; undefined where it takes none. */
  readonly placeholder: string | undefined;
  readonly value: Value | undefined;
  readonly isRepeatable: boolean;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly offers: Offers;
  readonly options: readonly CompletedOption[];
}

/** All that can be typed, for the scripts to be made of. */
export interface Vocabulary {
  readonly tool: string;
  readonly principals: readonly string[];
  /** What can stand before a command. */
  readonly options: readonly CompletedOption[];
  readonly commands: readonly CompletedCommand[];
}

/** Gathers what can be typed: the commands of a table, `help` besides, with the options that the help shows. */
export function vocabularyOf(tool: string, table: Readonly<Record<string, Describable>>): Vocabulary {
  const commands = Object.entries(table).map(
    ([name, { summary, obeys, offers = [], options = [], ...meanings }]) => {
      const shown = commonOptions.filter(({ about }) => about === undefined || obeys.includes(about));
      const common = shown.map(({ entry }) => inCommand(entry, meanings));
      return { name, summary, offers, options: [...options, ...common].map(optionOf) };
    },
  );
  const help = { name: 'help', summary: 'Print help', offers: Object.keys(table), options: [] };
  return {
    tool,
    principals: knownAccounts().map(({ principal }) => principal),
    options: commonOptions.map(({ entry }) => optionOf(entry)),
    commands: [...commands, help],
  };
}

/** What is offered for a value that has no words of its own, by what it is called. */
const VALUES: Readonly<Record<string, Value>> = { PATH: 'file', DIR: 'directory', USER: 'user' };

function optionOf([flags, description, values]: OptionEntry): CompletedOption {
  const placeholder = /<(.*)>/.exec(flags)?.[1];
  return {
    flags: flags.match(/(?<=^|, )--?[\w-]+/g) ?? [],
    description,
    placeholder,
    value: placeholder === undefined ? undefined : (values ?? VALUES[placeholder] ?? 'anything'),
    isRepeatable: description.includes('(repeatable)'),
  };
}

/** An option, and the commands that have it just so; `''` stands for what is before a command. */
export interface SharedOption extends CompletedOption {
  readonly commands: readonly string[];
}

/** Every option once, however many commands have it. */
export function sharedOptions({ options, commands }: Vocabulary): SharedOption[] {
  const shared = new Map<string, SharedOption>();
  for (const { name, options: own } of [{ name: '', options }, ...commands]) {
    for (const option of own) {
      const key = JSON.stringify(option);
      shared.set(key, { ...option, commands: [...(shared.get(key)?.commands ?? []), name] });
    }
  }
  return [...shared.values()];
}

/** The options that take a value; none of them is without one elsewhere. */
export function flagsWithValue(vocabulary: Vocabulary): string[] {
  const options = sharedOptions(vocabulary);
  const flags = options.filter(({ value }) => value !== undefined).flatMap(({ flags }) => flags);
  const without = options.filter(({ value }) => value === undefined).flatMap(({ flags }) => flags);
  const both = flags.find((flag) => without.includes(flag));
  if (both !== undefined) throw new Error(`${both} takes a value in one command and none in another`);
  return [...new Set(flags)];
}

import { knownAccounts } from '../../accounts/known-accounts.js';
import { commonOptions, inCommand, type Meanings, type OptionEntry, type Subject } from '../options.js';

/** The parts of a command's table entry that shells complete. */
export interface Describable extends Meanings {
  readonly summary: string;
  readonly obeys: readonly Subject[];
  readonly offers?: Offers;
  readonly options?: readonly OptionEntry[];
}

/** What a shell offers for the arguments of a command: see `CommandEntry`. */
type Offers = 'principal' | 'token' | 'tokens' | 'file' | readonly string[];

/** What a shell offers for the value of an option: files, directories, users, words, or nothing. */
export type Value = 'file' | 'directory' | 'user' | 'anything' | readonly string[];

export interface CompletedOption {
  /** As typed: `-o`, `--output`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** The name of its value; undefined if it takes none. */
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

/** Everything that can be completed; the scripts are generated from it. */
export interface Vocabulary {
  readonly tool: string;
  readonly principals: readonly string[];
  /** The options before a command. */
  readonly options: readonly CompletedOption[];
  readonly commands: readonly CompletedCommand[];
}

/** Collects what can be completed: the commands of a table and `help`, with the options that the help shows. */
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

/** What is offered for a value without fixed words, by the name of the value. */
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

/** An option, and the commands that have exactly this option; `''` means before a command. */
export interface SharedOption extends CompletedOption {
  readonly commands: readonly string[];
}

/** Lists every option once, with the commands that have it. */
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

/** Lists the flags that take a value. @throws Error if a flag takes a value in one command and none in another */
export function flagsWithValue(vocabulary: Vocabulary): string[] {
  const options = sharedOptions(vocabulary);
  const flags = options.filter(({ value }) => value !== undefined).flatMap(({ flags }) => flags);
  const without = options.filter(({ value }) => value === undefined).flatMap(({ flags }) => flags);
  const both = flags.find((flag) => without.includes(flag));
  if (both !== undefined) throw new Error(`${both} takes a value in one command and none in another`);
  return [...new Set(flags)];
}

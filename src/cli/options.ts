import type { PlaceOptions } from '../config/config-dir.js';

/** An option as the help shows it: the flags in commander's syntax, a description, and the possible values. */
export type OptionEntry = readonly [flags: string, description: string, values?: readonly string[]];

/** The options that every command accepts. */
export interface CommonOptions extends PlaceOptions {
  readonly E?: readonly string[];
  readonly esVersion?: string;
  readonly silent?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly version?: boolean;
  readonly help?: boolean;
}

/** The groups of common options that only some commands use; the help of a command shows those that it uses. */
export type Subject = 'settings' | 'place' | 'version';

/** The options that every command accepts, and the group of each. */
export const commonOptions: readonly { readonly about?: Subject; readonly entry: OptionEntry }[] = [
  { about: 'settings', entry: ['-E, --E <KEY=VALUE>', 'set a setting of elasticsearch.yml (repeatable)'] },
  {
    about: 'place',
    entry: ['--config-dir <DIR>', 'the configuration directory of the server (default: $ES_PATH_CONF)'],
  },
  {
    about: 'place',
    entry: ['--file <PATH>', 'the tokens file (default: service_tokens in that directory)'],
  },
  {
    about: 'version',
    entry: ['--es-version <X.Y>', 'the version of the server, which decides which accounts exist'],
  },
  { entry: ['-s, --silent', 'print less'] },
  { entry: ['-v, --verbose', 'print more: the stack trace of an internal error'] },
  { entry: ['--no-color', 'print no colors'] },
  { entry: ['--version', 'print the version of this tool'] },
  { entry: ['-h, --help', 'print help'] },
];

/** What -s and -v do in a command, if they do something special. */
export interface Meanings {
  readonly silent?: string;
  readonly verbose?: string;
}

/** A common option, described as it works in a command. */
export function inCommand(entry: OptionEntry, { silent, verbose }: Meanings): OptionEntry {
  const [flags] = entry;
  const own = { '-s, --silent': silent, '-v, --verbose': verbose }[flags];
  return own === undefined ? entry : [flags, own];
}

/** The options of the original, which names them without dashes. */
export const ORIGINAL_OPTIONS: readonly string[] = ['--E', '--silent', '--verbose', '--help'];

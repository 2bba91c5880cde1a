import type { Command } from './command.js';

/** An option, as commander reads it. */
type OptionEntry = readonly [flags: string, description: string];

/** What the command line knows of a command before it is loaded. */
export interface CommandEntry {
  readonly summary: string;
  /** Its arguments. */
  readonly usage: string;
  /** What follows the tool's name and the command's. */
  readonly examples: readonly string[];
  /** Its own options, beside those that every command has. */
  readonly options?: readonly OptionEntry[];
  /** Loads the command, and with it only what this one command needs. */
  readonly load: () => Promise<Command>;
}

const SERVER_USER = [
  '--server-user <USER>',
  'the user that runs Elasticsearch, as NAME or UID, with :GID if need be; as whom root acts where others can change the way to the file',
] as const;
const TRUST_DIRECTORY = [
  '--trust-directory',
  'trust everybody who can change the way to the file, where root would refuse',
] as const;
const IN_PLACE = [
  '--in-place',
  'overwrite the file where it is, for a mount of the single file; a reader may see half of it',
] as const;
const TOKEN_FILE = [
  '--token-file <PATH>',
  'read the tokens from this file instead of standard input',
] as const;

/** What the tool is for. */
export const purpose = 'Manages the file-based service account tokens of Elasticsearch';

/** What may be given more than once. */
export const repeatableOption: OptionEntry = [
  '-E, --E <KeyValuePair>',
  'configure a setting, as KEY=VALUE (repeatable)',
];

/** The other options that every command has. */
export const commonOptions: readonly OptionEntry[] = [
  ['--config-dir <DIR>', "the server's configuration directory (default: $ES_PATH_CONF)"],
  ['--file <PATH>', 'the tokens file itself (default: service_tokens in that directory)'],
  ['--es-version <X.Y>', "the server's version, which decides what accounts there are"],
  ['-s, --silent', 'show minimal output'],
  ['-v, --verbose', 'show verbose output'],
  ['--no-color', 'show no colour'],
  ['--version', "show this tool's version"],
  ['-h, --help', 'show help'],
];

/** The commands. To add one: a file beside this, an entry here, a transcript in tests/transcripts/. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  create: {
    summary: 'Create a file token for a service account and print it',
    usage: '<service_account_principal> <token_name>',
    examples: [
      'elastic/fleet-server my-token',
      'elastic/kibana kibana-1 --config-dir /etc/elasticsearch',
      '-s elastic/fleet-server my-token    # only the token, for a script',
    ],
    options: [SERVER_USER, TRUST_DIRECTORY, IN_PLACE],
    load: async () => (await import('./create.js')).create,
  },
  list: {
    summary: 'List the file tokens, of one service account or of all',
    usage: '[<service_account_principal>]',
    examples: ['', 'elastic/fleet-server', '--file ./service_tokens'],
    load: async () => (await import('./list.js')).list,
  },
  delete: {
    summary: 'Remove a file token of a service account',
    usage: '<service_account_principal> <token_name>',
    examples: [
      'elastic/fleet-server my-token',
      'elastic/fleet-server/my-token',
      'elastic/fleet-server -- -odd-name',
    ],
    options: [SERVER_USER, TRUST_DIRECTORY, IN_PLACE],
    load: async () => (await import('./delete.js')).deleteToken,
  },
  verify: {
    summary: 'Say whether the server would accept a token, by the tokens file alone',
    usage: '< TOKENS',
    examples: ['< token', '--token-file /run/secrets/token --json', '-v < token    # which check refuses it'],
    options: [TOKEN_FILE, ['--json', 'print what GET /_security/_authenticate would answer']],
    load: async () => (await import('./verify.js')).verify,
  },
  inspect: {
    summary: 'Say what a token is, never its secret',
    usage: '< TOKENS',
    examples: ['< token', '--token-file /run/secrets/token --json'],
    options: [TOKEN_FILE, ['--json', 'print one JSON object a token']],
    load: async () => (await import('./inspect.js')).inspect,
  },
  check: {
    summary:
      'Find what would keep the server from starting, from reading the file or from accepting a token in it',
    usage: '',
    examples: ['', '--config-dir /etc/elasticsearch --json', '--fix --server-user elasticsearch'],
    options: [
      SERVER_USER,
      TRUST_DIRECTORY,
      ['--fix', "repair the file's owner, group and mode, and touch it so that a running node notices"],
      ['--expect-digest <DIGEST>', 'fail unless the tokens have this digest, as check prints it'],
      ['--expect-tokens <NUMBER>', 'fail unless there are so many tokens'],
      ['--json', 'print one JSON object'],
    ],
    load: async () => (await import('./check.js')).check,
  },
  watch: {
    summary: 'Follow the file as a node does, and say what each change means',
    usage: '',
    examples: ['', '--json', '--file ./service_tokens'],
    options: [['--json', 'print one JSON object a line']],
    load: async () => (await import('./watch.js')).watch,
  },
  accounts: {
    summary: 'List the known service accounts, and which versions of Elasticsearch know them',
    usage: '',
    examples: ['', '--es-version 8.16', '--json'],
    options: [['--json', 'print one JSON array']],
    load: async () => (await import('./accounts.js')).accounts,
  },
};

import { closest } from '../../did-you-mean.js';
import { ServiceTokensError } from '../../errors.js';
import {
  commonOptions,
  ENSURE_OUTPUTS,
  ENTRY_OUTPUTS,
  type OptionEntry,
  type OptionGroup,
  TOKEN_OUTPUTS,
} from '../options.js';
import { accounts } from './accounts.js';
import { check } from './check.js';
import type { Command } from './command.js';
import { completionOf } from './completion.js';
import { create } from './create.js';
import { deleteTokens } from './delete.js';
import { diff } from './diff.js';
import { ensure } from './ensure.js';
import { exportTokens } from './export.js';
import { hash } from './hash.js';
import { importTokens } from './import.js';
import { inspect } from './inspect.js';
import { list } from './list.js';
import { rotate } from './rotate.js';
import { verify } from './verify.js';
import { watch } from './watch.js';

/** The tool's name. */
export const NAME = 'elasticsearch-service-tokens';

/** The version of this package; a test holds it against package.json, which is not there for a standalone executable. */
export const VERSION = '0.1.0';

/** What the tool is for. */
export const PURPOSE = 'Manages the file-based service account tokens of Elasticsearch';

/** What the command line knows about a command. */
export interface CommandEntry {
  /** The heading under which the help lists it. */
  readonly group: 'Tokens' | 'Hand-over' | 'Checks' | 'Other nodes' | 'Shell';
  /** What it does, in the imperative, without a period. */
  readonly summary: string;
  /** What goes in, what comes out, and what it never does: a paragraph each. */
  readonly details?: readonly string[];
  /** Its arguments. */
  readonly usage: string;
  /** Command lines that fit in 80 columns. */
  readonly examples: readonly string[];
  /** The groups of common options that it accepts. */
  readonly optionGroups: readonly OptionGroup[];
  /** What `-s` does, if it does something special. */
  readonly silent?: string;
  /** What `-v` does, likewise. */
  readonly verbose?: string;
  /** What its arguments are, for completion; `token` and `tokens` are accounts and names in the file, one or several. */
  readonly completes?: 'principal' | 'token' | 'tokens' | 'file' | readonly string[];
  /** Its own options. */
  readonly options?: readonly OptionEntry[];
  readonly run: Command;
}

const CHANGE: readonly OptionEntry[] = [
  [
    '--server-user <USER>',
    'the user that runs Elasticsearch, as NAME or UID, optionally followed by :GID; root acts as this user if others can change the path of the file',
  ],
  ['--trust-directory', 'as root, do not refuse if others can change the path of the file: trust them'],
];
const IN_PLACE: OptionEntry = [
  '--in-place',
  'overwrite the file, for a bind mount of the single file; a reader may see a partial file',
];
const DRY_RUN: OptionEntry = ['--dry-run', 'say what would be done, and change nothing'];
const TOKEN_OWNER: OptionEntry = [
  '--token-owner <USER>',
  'as root, give the token file to this user, or as USER:GROUP let a group read it, too',
];
const FORCE: OptionEntry = [
  '--force',
  'replace the token file, or with --output env the value in it, whatever it is',
];
const TO_FILE: readonly OptionEntry[] = [
  [
    '--token-file <PATH>',
    'write the token to this new file, and no secret to stdout; with --output env, set its variable in this file',
  ],
  TOKEN_OWNER,
  FORCE,
];
const ENV_NAME: OptionEntry = [
  '--env-name <NAME>',
  'the variable of --output env (default: what Kibana or Fleet Server reads)',
];
const SECRET: readonly OptionEntry[] = [
  ['--name <NAME>', 'the name of the Secret of k8s-secret (default: made from the token name)'],
  ['--namespace <NAME>', 'the namespace of the Secret'],
];
const OUTPUT: readonly OptionEntry[] = [
  [
    '-o, --output <FORM>',
    'how the token is written: line, token, env, json or k8s-secret (default: line)',
    TOKEN_OUTPUTS,
  ],
  ['--json', 'the same as --output json'],
  ENV_NAME,
  ...SECRET,
  ...TO_FILE,
];
const IF_EXISTS: readonly OptionEntry[] = [
  ['--if-not-exists', 'keep a token that exists'],
  ['--replace', 'replace a token that exists'],
];
const TOKEN_FILE: OptionEntry = ['--token-file <PATH>', 'read the tokens from this file instead of stdin'];

/** The commands, in groups and in the order of need. To add one: see docs/CONTRIBUTING.md. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  create: {
    group: 'Tokens',
    summary: 'Create a token for a service account and print it',
    details: [
      'The principal is a service account (the command accounts lists them), and the name is yours to choose. A random secret is made, its hash is added to the tokens file, and the token is printed.',
      'It is shown only this once, as the file has only its hash. A running node accepts it within five seconds.',
      'An existing token is never changed without --replace, nor a token file without --force.',
    ],
    usage: '<principal> <name>',
    examples: [
      `${NAME} create elastic/fleet-server my-token`,
      `${NAME} create elastic/kibana kb1 --file my_tokens`,
      `TOKEN=$(${NAME} create -s elastic/kibana kb2)`,
    ],
    completes: 'principal',
    optionGroups: ['settings', 'paths', 'version'],
    silent: 'print only the token, for scripts',
    options: [...OUTPUT, ...IF_EXISTS, DRY_RUN, ...CHANGE, IN_PLACE],
    run: create,
  },
  list: {
    group: 'Tokens',
    summary: 'List the tokens of one service account, or of all',
    usage: '[<principal>]',
    examples: [`${NAME} list elastic/kibana`, `${NAME} list --file ./service_tokens`],
    completes: 'principal',
    optionGroups: ['paths', 'version'],
    options: [
      ['--long', 'print a table: token, algorithm, cost and findings'],
      ['--json', 'print one JSON object'],
    ],
    run: list,
  },
  delete: {
    group: 'Tokens',
    summary: 'Delete one token, several, or all of a service account',
    usage: '<principal> <name>',
    examples: [
      `${NAME} delete elastic/fleet-server my-token`,
      `${NAME} delete elastic/kibana/kb1 elastic/kibana/kb2`,
      `${NAME} delete elastic/kibana --all`,
    ],
    completes: 'tokens',
    optionGroups: ['paths', 'version'],
    options: [
      ['--all', 'delete all tokens of the account, and print their names on stderr'],
      ['--ignore-not-found', 'succeed if a token does not exist'],
      ['--json', 'print one JSON object'],
      DRY_RUN,
      ...CHANGE,
      IN_PLACE,
    ],
    run: deleteTokens,
  },
  accounts: {
    group: 'Tokens',
    summary: 'List the service accounts and the versions that have them',
    usage: '',
    examples: [`${NAME} accounts`, `${NAME} accounts --es-version 8.16`],
    optionGroups: ['version'],
    options: [['--json', 'print one JSON array']],
    run: accounts,
  },
  ensure: {
    group: 'Hand-over',
    summary: 'Ensure that a file holds a valid token; safe to run again',
    details: [
      'If the file that --token-file names holds a token whose hash is in the tokens file, nothing changes. If not, a token is created, or an existing one gets a new secret, and is written to that file. The command prints unchanged, created or replaced; or rewritten, if it has given the file the form or the owner that was asked for.',
      'Tokens that rotate has made count, too: NAME_r2 is as good as NAME.',
      'The token is never printed, and other content of the file is never replaced without --force.',
    ],
    usage: '<principal> <name>',
    examples: [
      `${NAME} ensure elastic/kibana a --token-file token`,
      `${NAME} ensure elastic/kibana b -o env --token-file e`,
    ],
    completes: 'principal',
    optionGroups: ['settings', 'paths', 'version'],
    silent: 'do not print what was done',
    options: [
      [
        '--token-file <PATH>',
        'the file with the token, required; with --output env, its variable is set in this file',
      ],
      TOKEN_OWNER,
      FORCE,
      [
        '-o, --output <FORM>',
        'how the token is written: token, env or k8s-secret (default: token)',
        ENSURE_OUTPUTS,
      ],
      ENV_NAME,
      ...SECRET,
      ['--json', 'print one JSON object'],
      DRY_RUN,
      ...CHANGE,
      IN_PLACE,
    ],
    run: ensure,
  },
  rotate: {
    group: 'Hand-over',
    summary: 'Replace a token without an outage, in two steps',
    details: [
      'The first step creates NAME_r2 beside NAME, and prints it or, with --token-file, writes it to a file in place of the old one. Both tokens are valid. When every consumer uses the new one, the second step, --finish, deletes the old one. The next rotation creates NAME_r3.',
      'The newest token is never deleted, and no rotation begins before the last one is finished.',
    ],
    usage: '<principal> <name>',
    examples: [`${NAME} rotate elastic/kibana my-token`, `${NAME} rotate elastic/kibana my-token --finish`],
    completes: 'token',
    optionGroups: ['settings', 'paths', 'version'],
    silent: 'print only the token, for scripts',
    options: [
      ['--finish', 'delete every predecessor of the newest token'],
      ...OUTPUT,
      DRY_RUN,
      ...CHANGE,
      IN_PLACE,
    ],
    run: rotate,
  },
  verify: {
    group: 'Checks',
    summary: 'Test whether the server would accept a token',
    details: [
      'Reads tokens from standard input or --token-file, one per line: bare, as NAME=token, as create prints them, as JSON, as a header, or the manifest of a Secret; or a file of variables, whose other lines are skipped. It compares them with the tokens file, and needs no server.',
      'The qualified name of each accepted token is printed. A refused token is an error, with status 1, and what is no token one with status 65.',
      'A token is never taken as an argument and never printed, and nothing is changed.',
    ],
    usage: '< TOKENS',
    examples: [`${NAME} verify < token`, `${NAME} verify --token-file /run/secrets/token --json`],
    optionGroups: ['paths', 'version'],
    verbose: 'print which check of the server refuses a token',
    options: [TOKEN_FILE, ['--json', 'print what GET /_security/_authenticate would answer']],
    run: verify,
  },
  inspect: {
    group: 'Checks',
    summary: 'Show what a token is, without its secret',
    usage: '< TOKENS',
    examples: [`${NAME} inspect < token`, `${NAME} inspect --token-file /run/secrets/token`],
    optionGroups: ['version'],
    options: [TOKEN_FILE, ['--json', 'print one JSON object per token']],
    run: inspect,
  },
  check: {
    group: 'Checks',
    summary: 'Find, and repair, what is wrong with the tokens file',
    details: [
      'Examines the file, its directory and its lock for what keeps the server from starting, from reading the file, or from accepting a token in it. It prints each finding with a way out, then the number of tokens and their digest, which is the same on all nodes that have the same tokens. The exit status is 1 if there is an error or a warning.',
      'Without --fix it changes nothing, and with --fix never a line of the file.',
    ],
    usage: '',
    examples: [
      `${NAME} check`,
      `${NAME} check --config-dir /etc/elasticsearch --json`,
      `${NAME} check --fix --server-user elasticsearch`,
    ],
    optionGroups: ['paths', 'version'],
    options: [
      ...CHANGE,
      [
        '--fix',
        'repair owner, group and mode of the file, touch it so that a running node reads it again, and remove stale locks and orphaned temporary files',
      ],
      ['--expect-digest <DIGEST>', 'fail unless the tokens have this digest'],
      ['--expect-tokens <NUMBER>', 'fail unless there are this many tokens'],
      ['--json', 'print one JSON object'],
    ],
    run: check,
  },
  watch: {
    group: 'Checks',
    summary: 'Follow the tokens file as a node does, and print each change',
    usage: '',
    examples: [`${NAME} watch --config-dir /etc/elasticsearch`, `${NAME} watch --json`],
    optionGroups: ['paths'],
    options: [['--json', 'print one JSON object per line']],
    run: watch,
  },
  export: {
    group: 'Other nodes',
    summary: 'Print the names and hashes in the file, for other nodes',
    usage: '[<principal>]',
    examples: [
      `${NAME} export elastic/kibana`,
      `${NAME} export -o k8s-secret | kubectl apply -f -`,
      `${NAME} export -o eck-secret --cluster es`,
    ],
    completes: 'principal',
    optionGroups: ['paths', 'version'],
    options: [
      ['-o, --output <FORM>', 'lines, json, k8s-secret or eck-secret (default: lines)', ENTRY_OUTPUTS],
      ['--json', 'the same as --output json'],
      ['--name <NAME>', 'the name of the Secret of k8s-secret (default: service-tokens)'],
      ['--namespace <NAME>', 'the namespace of the Secret'],
      ['--cluster <NAME>', 'the Elasticsearch resource of eck-secret'],
      ...CHANGE,
    ],
    run: exportTokens,
  },
  import: {
    group: 'Other nodes',
    summary: 'Add tokens that exist, or the entries of another tokens file',
    details: [
      'Reads tokens from standard input or --token-file, in the forms that verify reads, and adds their names and hashes to the tokens file. With --entries, it copies the names and hashes from another tokens file instead.',
      'All are added, or none: the first one that cannot be added is an error.',
      'No secret is stored, and an existing token is never changed without --replace.',
    ],
    usage: '[< TOKENS]',
    examples: [`${NAME} import < tokens`, `${NAME} import --entries other/service_tokens`],
    optionGroups: ['settings', 'paths', 'version'],
    options: [
      TOKEN_FILE,
      ['--entries <PATH>', 'add the entries of this tokens file instead'],
      ['--if-not-exists', 'keep a token that exists'],
      ['--replace', 'replace a token that exists'],
      ['--json', 'print one JSON object'],
      DRY_RUN,
      ...CHANGE,
      IN_PLACE,
    ],
    run: importTokens,
  },
  diff: {
    group: 'Other nodes',
    summary: 'Compare the tokens of two tokens files; - is stdin',
    usage: '<file> <file>',
    examples: [`${NAME} diff service_tokens service_tokens.bak`, `cat service_tokens | ${NAME} diff - other`],
    completes: 'file',
    optionGroups: [],
    silent: 'print nothing; the exit status is the answer',
    options: [['--json', 'print one JSON object']],
    run: diff,
  },
  hash: {
    group: 'Other nodes',
    summary: 'Print the lines of a tokens file for tokens that exist',
    usage: '< TOKENS',
    examples: [`${NAME} hash < tokens`, `${NAME} hash --token-file tokens > service_tokens`],
    optionGroups: ['settings', 'version'],
    options: [
      TOKEN_FILE,
      ['--config-dir <DIR>', 'read how to hash from elasticsearch.yml in this directory'],
    ],
    run: hash,
  },
  completion: {
    group: 'Shell',
    summary: 'Print a script that completes command lines, for bash, zsh or fish',
    usage: '<shell>',
    examples: [`source <(${NAME} completion bash)`, `${NAME} completion fish | source`],
    completes: ['bash', 'zsh', 'fish'],
    optionGroups: [],
    run: completionOf(NAME),
  },
};

/** Lists the options that a command accepts: its own, then the common ones, described as they work in it. */
export function optionsOf({ options = [], optionGroups, silent, verbose }: CommandEntry): OptionEntry[] {
  const meanings: Readonly<Record<string, string | undefined>> = {
    '-s, --silent': silent,
    '-v, --verbose': verbose,
  };
  const common = commonOptions.filter(({ group }) => group === undefined || optionGroups.includes(group));
  return [
    ...options,
    ...common.map(({ entry }): OptionEntry => {
      const meaning = meanings[entry[0]];
      return meaning === undefined ? entry : [entry[0], meaning];
    }),
  ];
}

/** Names of these commands in other tools. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['add', 'create'],
  ['new', 'create'],
  ['mint', 'create'],
  ['ls', 'list'],
  ['show', 'list'],
  ['rm', 'delete'],
  ['remove', 'delete'],
  ['revoke', 'delete'],
]);

/** @throws USAGE if no command has this name */
export function findCommand(name: string): CommandEntry {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry !== undefined) return entry;
  const guess = synonyms.get(name) ?? closest(name, [...Object.keys(commands), 'help']);
  throw new ServiceTokensError('USAGE', `Unknown command [${name}]`, {
    hint: guess ? `Did you mean ${guess}?` : undefined,
  });
}

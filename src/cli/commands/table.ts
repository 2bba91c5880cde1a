import { closest } from '../../did-you-mean.js';
import { ENSURE_OUTPUTS, ENTRY_OUTPUTS, TOKEN_OUTPUTS, usageError } from '../options.js';
import { accounts } from './accounts.js';
import { check } from './check.js';
import { type Command, NAME } from './command.js';
import { completion } from './completion.js';
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

/** The version of this package; a test holds it against package.json, which is not there for a standalone executable. */
export const VERSION = '0.1.0';

export const PURPOSE = 'Manages the file-based service account tokens of Elasticsearch';

/** Descriptions of options by their flags in commander's syntax, in the order of the help. */
export type OptionTable = Readonly<Record<string, string>>;

export interface CommandEntry {
  /** The heading under which the help lists it. */
  readonly group: 'Tokens' | 'Hand-over' | 'Checks' | 'Other nodes' | 'Shell';
  /** What it does, in the imperative, without a period. */
  readonly summary: string;
  /** What goes in, what comes out, and what it never does: a paragraph each. */
  readonly details?: readonly string[];
  /** Its arguments; the first, `<principal>`, `<file>` or `<shell>`, can be completed. */
  readonly usage: string;
  /** Command lines that fit in 80 columns. */
  readonly examples: readonly string[];
  /** Whether its arguments name one token in the file, or several. */
  readonly names?: 'token' | 'tokens';
  /** The values of `--output`, for completion. */
  readonly outputs?: readonly string[];
  readonly options: OptionTable;
  readonly run: Command;
}

const GENERAL: OptionTable = {
  '-s, --silent': 'print less: errors and warnings remain',
  '-v, --verbose': 'print more: if there is a bug in this tool, where it is',
  '--no-color': 'print no colors',
  '--version': 'print the version of this tool',
  '-h, --help': 'print help',
};
/** The options of commands that know the accounts. */
const ACCOUNT_OPTIONS: OptionTable = {
  '--es-version <X.Y>':
    'the version of the server, which decides which accounts exist (default: that of ES_HOME, or any)',
  ...GENERAL,
};
const PATHS: OptionTable = {
  '--config-dir <DIR>':
    'the configuration directory of the server (default: ES_PATH_CONF, config in ES_HOME, or where packages have it)',
  '--file <PATH>':
    'the tokens file (default: service_tokens in that directory); - is standard input and output',
};
/** The options of commands that read the tokens file. */
const FILE_OPTIONS: OptionTable = { ...PATHS, ...ACCOUNT_OPTIONS };
export const SETTING: OptionTable = {
  '-E, --E <KEY=VALUE>':
    'set a setting as in elasticsearch.yml: xpack.security.authc.service_token_hashing.algorithm chooses the hash (repeatable)',
};
/** The options that several commands accept; those that also hash accept all. */
export const commonOptions: OptionTable = { ...SETTING, ...FILE_OPTIONS };
const CHANGE: OptionTable = {
  '--server-user <USER>':
    'the user that runs Elasticsearch, as NAME or UID, optionally followed by :GID; root acts as this user if others can change the path of the file',
  '--trust-directory': 'as root, do not refuse if others can change the path of the file: trust them',
};
const EDIT: OptionTable = {
  '--dry-run': 'say what would be done, and change nothing',
  ...CHANGE,
  '--in-place': 'overwrite the file, for a bind mount of the single file; a reader may see a partial file',
};
const TOKEN_OWNER: OptionTable = {
  '--token-owner <USER>':
    'as root, give the token file to this user, or as USER:GROUP let a group read it, too',
  '--force': 'replace the token file, or with --output env the value in it, whatever it is',
};
const NAMES: OptionTable = {
  '--env-name <NAME>': 'the variable of --output env (default: what Kibana or Fleet Server reads)',
  '--name <NAME>': 'the name of the Secret of k8s-secret (default: made from the token name)',
  '--namespace <NAME>': 'the namespace of the Secret',
};
const OUTPUT: OptionTable = {
  '-o, --output <FORM>': 'how the token is written: line, token, env, json or k8s-secret (default: line)',
  '--json': 'the same as --output json',
  ...NAMES,
  '--token-file <PATH>':
    'write the token to this new file, and no secret to stdout; with --output env, set its variable in this file',
  ...TOKEN_OWNER,
};
const IF_EXISTS: OptionTable = {
  '--if-not-exists': 'keep a token that exists',
  '--replace': 'replace a token that exists',
};
const INPUT: OptionTable = { '--token-file <PATH>': 'read the tokens from this file instead of stdin' };

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
    outputs: TOKEN_OUTPUTS,
    options: {
      ...OUTPUT,
      ...IF_EXISTS,
      ...EDIT,
      ...commonOptions,
      '-s, --silent': 'print only the token, for scripts',
    },
    run: create,
  },
  list: {
    group: 'Tokens',
    summary: 'List the tokens of one service account, or of all',
    usage: '[<principal>]',
    examples: [`${NAME} list elastic/kibana`, `${NAME} list --file ./service_tokens`],
    options: {
      '--long': 'print a table: token, algorithm, cost and findings',
      '--json': 'print one JSON object',
      ...FILE_OPTIONS,
    },
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
    names: 'tokens',
    options: {
      '--all': 'delete all tokens of the account, and print their names on stderr',
      '--ignore-not-found': 'succeed if a token does not exist',
      '--json': 'print one JSON object',
      ...EDIT,
      ...FILE_OPTIONS,
    },
    run: deleteTokens,
  },
  accounts: {
    group: 'Tokens',
    summary: 'List the service accounts and the versions that have them',
    usage: '',
    examples: [`${NAME} accounts`, `${NAME} accounts --es-version 8.16`],
    options: { '--json': 'print one JSON array', ...ACCOUNT_OPTIONS },
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
    outputs: ENSURE_OUTPUTS,
    options: {
      '--token-file <PATH>':
        'the file with the token, required; with --output env, its variable is set in this file',
      ...TOKEN_OWNER,
      '-o, --output <FORM>': 'how the token is written: token, env or k8s-secret (default: token)',
      ...NAMES,
      '--json': 'print one JSON object',
      ...EDIT,
      ...commonOptions,
      '-s, --silent': 'do not print what was done',
    },
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
    names: 'token',
    outputs: TOKEN_OUTPUTS,
    options: {
      '--finish': 'delete every predecessor of the newest token',
      ...OUTPUT,
      ...EDIT,
      ...commonOptions,
      '-s, --silent': 'print only the token, for scripts',
    },
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
    options: {
      ...INPUT,
      '--json': 'print what GET /_security/_authenticate would answer',
      ...FILE_OPTIONS,
      '-v, --verbose': 'print which check of the server refuses a token',
    },
    run: verify,
  },
  inspect: {
    group: 'Checks',
    summary: 'Show what a token is, without its secret',
    usage: '< TOKENS',
    examples: [`${NAME} inspect < token`, `${NAME} inspect --token-file /run/secrets/token`],
    options: { ...INPUT, '--json': 'print one JSON object per token', ...ACCOUNT_OPTIONS },
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
    options: {
      ...CHANGE,
      '--fix':
        'repair owner, group and mode of the file, touch it so that a running node reads it again, and remove stale locks and orphaned temporary files',
      '--expect-digest <DIGEST>': 'fail unless the tokens have this digest',
      '--expect-tokens <NUMBER>': 'fail unless there are this many tokens',
      '--json': 'print one JSON object',
      ...FILE_OPTIONS,
    },
    run: check,
  },
  watch: {
    group: 'Checks',
    summary: 'Follow the tokens file as a node does, and print each change',
    usage: '',
    examples: [`${NAME} watch --config-dir /etc/elasticsearch`, `${NAME} watch --json`],
    options: { '--json': 'print one JSON object per line', ...PATHS, ...GENERAL },
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
    outputs: ENTRY_OUTPUTS,
    options: {
      '-o, --output <FORM>': 'lines, json, k8s-secret or eck-secret (default: lines)',
      '--json': 'the same as --output json',
      '--name <NAME>': 'the name of the Secret of k8s-secret (default: service-tokens)',
      '--namespace <NAME>': 'the namespace of the Secret',
      '--cluster <NAME>': 'the Elasticsearch resource of eck-secret',
      ...CHANGE,
      ...FILE_OPTIONS,
    },
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
    options: {
      ...INPUT,
      '--entries <PATH>': 'add the entries of this tokens file instead',
      ...IF_EXISTS,
      '--json': 'print one JSON object',
      ...EDIT,
      ...commonOptions,
    },
    run: importTokens,
  },
  diff: {
    group: 'Other nodes',
    summary: 'Compare the tokens of two tokens files; - is stdin',
    usage: '<file> <file>',
    examples: [`${NAME} diff service_tokens service_tokens.bak`, `cat service_tokens | ${NAME} diff - other`],
    options: {
      '--json': 'print one JSON object',
      ...GENERAL,
      '-s, --silent': 'print nothing; the exit status is the answer',
    },
    run: diff,
  },
  hash: {
    group: 'Other nodes',
    summary: 'Print the lines of a tokens file for tokens that exist',
    usage: '< TOKENS',
    examples: [`${NAME} hash < tokens`, `${NAME} hash --token-file tokens > service_tokens`],
    options: {
      ...INPUT,
      '--config-dir <DIR>': 'read how to hash from elasticsearch.yml in this directory',
      ...SETTING,
      ...ACCOUNT_OPTIONS,
    },
    run: hash,
  },
  completion: {
    group: 'Shell',
    summary: 'Print a script that completes command lines, for bash, zsh or fish',
    usage: '<shell>',
    examples: [`source <(${NAME} completion bash)`, `${NAME} completion fish | source`],
    options: GENERAL,
    run: completion,
  },
};

/** Names of these commands in other tools. */
const SYNONYMS = { create: ['add', 'new', 'mint'], list: ['ls', 'show'], delete: ['rm', 'remove', 'revoke'] };

/** @throws USAGE if no command has this name */
export function findCommand(name: string): CommandEntry {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry !== undefined) return entry;
  const [synonym] = Object.entries(SYNONYMS).find(([, others]) => others.includes(name)) ?? [];
  const guess = synonym ?? closest(name, [...Object.keys(commands), 'help']);
  const hint = guess && `Did you mean ${guess}?`;
  throw usageError(`Unknown command [${name}]`, hint);
}

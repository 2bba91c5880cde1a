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

/** What the tool is for. */
export const PURPOSE = 'Manages the file-based service account tokens of Elasticsearch';

/** What the command line knows about a command. */
export interface CommandEntry {
  /** What it does, in the imperative, without a period. */
  readonly summary: string;
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
  readonly run: Command<never>;
}

const CHANGE: readonly OptionEntry[] = [
  [
    '--server-user <USER>',
    'the user that runs Elasticsearch, as NAME or UID, optionally followed by :GID; root acts as this user if other users can change the path of the file',
  ],
  ['--trust-directory', 'as root, trust all users who can change the path of the file, instead of refusing'],
];
const IN_PLACE: OptionEntry = [
  '--in-place',
  'overwrite the file instead of replacing it, for a bind mount of the single file; a reader may see a partial file',
];
const DRY_RUN: OptionEntry = ['--dry-run', 'check everything, change nothing, and say what would be done'];
const TOKEN_OWNER: OptionEntry = [
  '--token-owner <USER>',
  'as root, give the token file to this user, or with USER:GROUP let the group read it too (default: its maker, and in a set-group-ID directory of another group that group)',
];
const TO_FILE: readonly OptionEntry[] = [
  [
    '--token-file <PATH>',
    'write the token to this new file, and no secret to stdout; with --output env, set its variable in this file',
  ],
  TOKEN_OWNER,
  ['--force', 'replace the token file if it exists; with --output env, another value of its variable'],
];
const ENV_NAME: OptionEntry = ['--env-name <NAME>', 'the variable of --output env (default: per account)'];
const SECRET: readonly OptionEntry[] = [
  ['--name <NAME>', 'the name of the Secret (default: from the qualified name)'],
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
  ['--if-not-exists', 'do nothing if the token exists'],
  ['--replace', 'replace the secret of an existing token, in one write'],
];
const TOKEN_FILE: OptionEntry = ['--token-file <PATH>', 'read the tokens from this file instead of stdin'];

/** The commands. To add one: see docs/CONTRIBUTING.md. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  create: {
    summary: 'Create a file token for a service account and print it',
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
  ensure: {
    summary: 'Ensure that a file contains a token that the tokens file accepts',
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
      ['--force', 'replace the token file even if it contains something else'],
      [
        '-o, --output <FORM>',
        'how the token is written: token, env or k8s-secret (default: token)',
        ENSURE_OUTPUTS,
      ],
      ENV_NAME,
      ...SECRET,
      ['--json', 'print one JSON object, with "changed"'],
      DRY_RUN,
      ...CHANGE,
      IN_PLACE,
    ],
    run: ensure,
  },
  rotate: {
    summary: 'Create the next token of a series (NAME_r2 after NAME), or delete its predecessors',
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
  list: {
    summary: 'List the file tokens of one service account, or of all',
    usage: '[<principal>]',
    examples: [`${NAME} list`, `${NAME} list elastic/kibana`, `${NAME} list --file ./service_tokens`],
    completes: 'principal',
    optionGroups: ['paths', 'version'],
    options: [
      ['--long', 'print a table: token, algorithm, cost and findings'],
      ['--json', 'print one JSON object'],
    ],
    run: list,
  },
  delete: {
    summary: 'Delete a file token, several by their qualified names, or all of an account',
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
  verify: {
    summary: 'Check tokens against the tokens file, as the server would',
    usage: '< TOKENS',
    examples: [`${NAME} verify < token`, `${NAME} verify --token-file /run/secrets/token --json`],
    optionGroups: ['paths', 'version'],
    verbose: 'print which check of the server refuses a token',
    options: [TOKEN_FILE, ['--json', 'print what GET /_security/_authenticate would answer']],
    run: verify,
  },
  inspect: {
    summary: 'Show what a token is, without its secret',
    usage: '< TOKENS',
    examples: [`${NAME} inspect < token`, `${NAME} inspect --token-file /run/secrets/token`],
    optionGroups: ['version'],
    options: [TOKEN_FILE, ['--json', 'print one JSON object per token']],
    run: inspect,
  },
  check: {
    summary:
      'Find what prevents the server from starting, reading the tokens file, or accepting a token in it',
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
      ['--expect-digest <DIGEST>', 'fail unless the tokens have this digest, as check prints it'],
      ['--expect-tokens <NUMBER>', 'fail unless there are this many tokens'],
      ['--json', 'print one JSON object'],
    ],
    run: check,
  },
  diff: {
    summary: 'Compare the tokens of two files; - is stdin',
    usage: '<file> <file>',
    examples: [`${NAME} diff service_tokens service_tokens.bak`, `cat service_tokens | ${NAME} diff - other`],
    completes: 'file',
    optionGroups: [],
    silent: 'print nothing; the exit status is the answer',
    options: [['--json', 'print one JSON object']],
    run: diff,
  },
  hash: {
    summary: 'Print the lines of a tokens file for given tokens; no file is changed',
    usage: '< TOKENS',
    examples: [`${NAME} hash < tokens`, `${NAME} hash --token-file tokens > service_tokens`],
    optionGroups: ['settings', 'version'],
    options: [
      TOKEN_FILE,
      ['--config-dir <DIR>', 'read how to hash from elasticsearch.yml in this directory'],
    ],
    run: hash,
  },
  import: {
    summary: 'Add given tokens, or the entries of another tokens file, all or none',
    usage: '[< TOKENS]',
    examples: [`${NAME} import < tokens`, `${NAME} import --entries other/service_tokens`],
    optionGroups: ['settings', 'paths', 'version'],
    options: [
      TOKEN_FILE,
      ['--entries <PATH>', 'add the entries of this tokens file instead'],
      ['--if-not-exists', 'keep existing tokens'],
      ['--replace', 'replace existing tokens'],
      ['--json', 'print one JSON object'],
      DRY_RUN,
      ...CHANGE,
      IN_PLACE,
    ],
    run: importTokens,
  },
  export: {
    summary: 'Print entries for other nodes: names and hashes, no secrets',
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
      ['--namespace <NAME>', 'the namespace of the Secrets'],
      ['--cluster <NAME>', 'the Elasticsearch resource of eck-secret'],
      ...CHANGE,
    ],
    run: exportTokens,
  },
  watch: {
    summary: 'Follow the tokens file as a node does, and print each change',
    usage: '',
    examples: [`${NAME} watch`, `${NAME} watch --json`, `${NAME} watch --file ./service_tokens`],
    optionGroups: ['paths'],
    options: [['--json', 'print one JSON object per line']],
    run: watch,
  },
  accounts: {
    summary: 'List the service accounts and the versions of Elasticsearch that have them',
    usage: '',
    examples: [`${NAME} accounts`, `${NAME} accounts --es-version 8.16`, `${NAME} accounts --json`],
    optionGroups: ['version'],
    options: [['--json', 'print one JSON array']],
    run: accounts,
  },
  completion: {
    summary: 'Print a script that completes command lines, for bash, zsh or fish',
    usage: '<shell>',
    examples: [
      `source <(${NAME} completion bash)`,
      `source <(${NAME} completion zsh)`,
      `${NAME} completion fish | source`,
    ],
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
    ...common.map(({ entry: [flags, text] }): OptionEntry => [flags, meanings[flags] ?? text]),
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

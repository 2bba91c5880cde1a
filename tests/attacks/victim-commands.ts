/** The commands under attack. */
export interface VictimCommand {
  readonly name: string;
  readonly why: string;
  readonly argv: readonly string[];
  /** The names that matter; others are covered by a command above. */
  readonly onlyNames?: readonly string[];
  /** Whether it reads the bearer of the entry. */
  readonly readsBearer?: boolean;
}

// A cheap hash: its duration does not matter, because the moves are made between two calls.
const CHEAP = '-E xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000';

/** The names on the path to the tokens file, as in moves.ts. */
const FILE = ['service_tokens', 'd', 'd/name'];

/** The names that lead to the token file. */
const TOKEN_FILE = ['token file', 'temporary token file'];

/** Stands for the configuration directory in an argument. */
export const CONFIG = '{config}';

const NEW = 'create elastic/fleet-server new';
const OLD = 'elastic/fleet-server old';
const BESIDE = `--token-file ${CONFIG}`;

function command(name: string, why: string, line: string, onlyNames?: readonly string[]): VictimCommand {
  const readsBearer = /^(import|verify)/.test(line);
  return { name, why, argv: line.split(' '), readsBearer, ...(onlyNames && { onlyNames }) };
}

export const victimCommands: readonly VictimCommand[] = [
  command('create', 'writes an entry', `${NEW} ${CHEAP}`),
  command('create --in-place', 'overwrites the file', `${NEW} --in-place ${CHEAP}`, FILE),
  command('create from elasticsearch.yml', 'reads the algorithm from it', NEW, ['elasticsearch.yml']),
  command('delete', 'removes an entry', `delete ${OLD}`),
  command('create --token-file', 'writes a file beside', `${NEW} ${BESIDE}/token ${CHEAP}`, TOKEN_FILE),
  command('--token-file --force', 'keeps its owner', `${NEW} ${BESIDE}/users --force ${CHEAP}`, ['users']),
  command('ensure', 'reads and writes a file beside', `ensure ${OLD} ${BESIDE}/token ${CHEAP}`, [
    ...FILE,
    ...TOKEN_FILE,
  ]),
  command('rotate', 'writes an entry beside another', `rotate ${OLD} ${CHEAP}`, FILE),
  command('import --replace', 'writes entries that come from outside', `import --replace ${CHEAP}`, FILE),
  command('check --fix', 'changes owner and mode', 'check --fix'),
  command('check', 'reads everything', 'check'),
  command('list', 'reads the file', 'list'),
  command('verify', 'reads the file', 'verify', FILE),
];

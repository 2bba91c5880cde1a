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
const CHEAP = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000'];

/** The names on the path to the tokens file, as in moves.ts. */
const FILE = ['service_tokens', 'd', 'd/name'];

/** The names that lead to the token file. */
const TOKEN_FILE = ['token file', 'temporary token file'];

/** Stands for the configuration directory in an argument. */
export const CONFIG = '{config}';

export const victimCommands: readonly VictimCommand[] = [
  {
    name: 'create',
    why: 'writes an entry',
    argv: ['create', 'elastic/fleet-server', 'new', ...CHEAP],
  },
  {
    name: 'create --in-place',
    why: 'overwrites the file',
    argv: ['create', 'elastic/fleet-server', 'new', '--in-place', ...CHEAP],
    onlyNames: FILE,
  },
  {
    name: 'create from elasticsearch.yml',
    why: 'reads the algorithm from a file in the directory',
    argv: ['create', 'elastic/fleet-server', 'new'],
    onlyNames: ['elasticsearch.yml'],
  },
  { name: 'delete', why: 'removes an entry', argv: ['delete', 'elastic/fleet-server', 'old'] },
  {
    name: 'create --token-file',
    why: 'writes a token into a file beside',
    argv: ['create', 'elastic/fleet-server', 'new', '--token-file', `${CONFIG}/token`, ...CHEAP],
    onlyNames: TOKEN_FILE,
  },
  {
    name: 'create --token-file --force',
    why: 'replaces a file beside, and keeps its owner',
    argv: ['create', 'elastic/fleet-server', 'new', '--token-file', `${CONFIG}/users`, '--force', ...CHEAP],
    onlyNames: ['users'],
  },
  {
    name: 'ensure',
    why: 'reads a file beside, and writes it',
    argv: ['ensure', 'elastic/fleet-server', 'old', '--token-file', `${CONFIG}/token`, ...CHEAP],
    onlyNames: [...FILE, ...TOKEN_FILE],
  },
  {
    name: 'rotate',
    why: 'writes an entry beside another',
    argv: ['rotate', 'elastic/fleet-server', 'old', ...CHEAP],
    onlyNames: FILE,
  },
  {
    name: 'import --replace',
    why: 'writes entries that come from outside',
    argv: ['import', '--replace', ...CHEAP],
    readsBearer: true,
    onlyNames: FILE,
  },
  { name: 'check --fix', why: 'changes owner and mode', argv: ['check', '--fix'] },
  { name: 'check', why: 'reads everything', argv: ['check'] },
  { name: 'list', why: 'reads the file', argv: ['list'] },
  { name: 'verify', why: 'reads the file', argv: ['verify'], readsBearer: true, onlyNames: FILE },
];

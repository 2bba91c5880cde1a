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
  { name: 'check --fix', why: 'changes owner and mode', argv: ['check', '--fix'] },
  { name: 'check', why: 'reads everything', argv: ['check'] },
  { name: 'list', why: 'reads the file', argv: ['list'] },
  { name: 'verify', why: 'reads the file', argv: ['verify'], readsBearer: true, onlyNames: FILE },
];

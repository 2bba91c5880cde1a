/** The commands under attack. */
export interface VictimCommand {
  readonly name: string;
  readonly why: string;
  readonly argv: readonly string[];
  /** The names by which it differs from a command above. */
  readonly onlyNames?: readonly string[];
  /** Whether it reads the entry's own bearer. */
  readonly readsBearer?: boolean;
}

// A cheap hash: how long one takes makes no difference, as the attacker's moves are made between two calls.
const CHEAP = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000'];

/** The names that lead to the tokens file, by their names in moves.ts. */
const FILE = ['service_tokens', 'd', 'd/name'];

export const victimCommands: readonly VictimCommand[] = [
  {
    name: 'create',
    why: 'writes an entry',
    argv: ['create', 'elastic/fleet-server', 'new', ...CHEAP],
  },
  {
    name: 'create --in-place',
    why: 'writes into the file that is there',
    argv: ['create', 'elastic/fleet-server', 'new', '--in-place', ...CHEAP],
    onlyNames: FILE,
  },
  {
    name: 'create from elasticsearch.yml',
    why: 'reads the algorithm in a file of the directory',
    argv: ['create', 'elastic/fleet-server', 'new'],
    onlyNames: ['elasticsearch.yml'],
  },
  { name: 'delete', why: 'removes an entry', argv: ['delete', 'elastic/fleet-server', 'old'] },
  { name: 'check --fix', why: 'changes owner and mode', argv: ['check', '--fix'] },
  { name: 'check', why: 'looks at everything', argv: ['check'] },
  { name: 'list', why: 'reads the file', argv: ['list'] },
  { name: 'verify', why: 'reads the file', argv: ['verify'], readsBearer: true, onlyNames: FILE },
];

/** The eight attacks that once succeeded, as races: processes that exchange names while the command runs. */
import { join } from 'node:path';
import { layouts } from './layouts.js';
import { deadMark, mark } from './lock-names.js';
import type { Order } from './protocol.js';
import type { Stage } from './stage.js';

/** The location of the names that an attack exchanges. */
export interface Ground {
  readonly config: string;
  readonly stage: Stage;
}

export interface Race {
  readonly number: number;
  readonly name: string;
  /** A name of layouts.ts's beginnings. */
  readonly beginning: 'absent' | "attacker's" | 'link' | 'private to root';
  readonly commands: readonly (readonly string[])[];
  /** The content of elasticsearch.yml: a slow hash makes the race window longer. */
  readonly settings?: string;
  /** The orders, each for one attacker. */
  readonly orders: (ground: Ground) => readonly Order[];
  /** How many commands run at a time; those that wait for a lock take ten seconds. */
  readonly width?: number;
  /** Whether the output must not contain a chown or chmod command. */
  readonly forbidsAdvice?: boolean;
}

const ALGORITHM = 'xpack.security.authc.service_token_hashing.algorithm';
const SLOW = `${ALGORITHM}: pbkdf2_100000\n`;
const create = ['create', 'elastic/fleet-server', 'new'];
const quickly = [...create, '-E', `${ALGORITHM}=pbkdf2_1000`];
const tokens = ({ config }: Ground) => join(config, 'service_tokens');

export const races: readonly Race[] = [
  {
    number: 1,
    name: "a dead process's lock directory is a link to a directory of root's",
    beginning: "attacker's",
    commands: [quickly, ['check', '--fix']],
    orders: ({ config, stage }) => [
      ['place', config, `=.service_tokens.lock-${deadMark(mark)}`, 'link', join(stage.treasure, 'vault')],
    ],
  },
  {
    number: 2,
    name: "service_tokens alternates between a file and a link to a file of root's, with check --fix",
    beginning: 'private to root',
    commands: [['check', '--fix']],
    orders: (ground) => [['swap', tokens(ground), 'link', join(ground.stage.treasure, 'service_tokens')]],
  },
  {
    number: 3,
    name: "service_tokens leads through a directory that alternates with a link to a directory of root's",
    beginning: 'link',
    commands: [create],
    settings: SLOW,
    orders: ({ config, stage }) => [['swap', join(config, 'd'), 'link', stage.treasure]],
  },
  {
    number: 4,
    name: "service_tokens becomes a link to a secret of root's while a hash is computed",
    beginning: "attacker's",
    commands: [create],
    settings: SLOW,
    orders: (ground) => [['swap', tokens(ground), 'link', join(ground.stage.treasure, 'secret')]],
    forbidsAdvice: true,
  },
  {
    number: 5,
    name: 'files of the command are exchanged for links as soon as they are created',
    beginning: "attacker's",
    commands: [quickly],
    orders: ({ config, stage }) => [
      ['chase', config, '^\\.service_tokens\\.lock-', 'link', join(stage.treasure, 'vault')],
      ['chase', config, '\\.tmp$', 'link', join(stage.treasure, 'secret')],
    ],
  },
  {
    number: 6,
    name: '--in-place through a directory that alternates with a link',
    beginning: 'link',
    commands: [[...quickly, '--in-place']],
    orders: ({ config, stage }) => [['swap', join(config, 'd'), 'link', join(stage.treasure, 'vault')]],
  },
  {
    number: 6,
    name: '--in-place into a file that alternates with a hard link',
    beginning: "attacker's",
    commands: [[...quickly, '--in-place']],
    orders: (ground) => [['swap', tokens(ground), 'thing', join(ground.stage.workshop, 'name-of-secret')]],
  },
  {
    number: 7,
    name: 'the owner file of a candidate or of the lock is exchanged for a link',
    beginning: "attacker's",
    commands: [quickly],
    orders: (ground) => [chaseOwnerFiles(ground, 'link')],
    width: 8,
  },
  {
    number: 7,
    name: 'the owner file of a candidate or of the lock is exchanged for a pipe',
    beginning: "attacker's",
    commands: [quickly],
    orders: (ground) => [chaseOwnerFiles(ground, 'pipe')],
    width: 8,
  },
  {
    number: 8,
    name: 'elasticsearch.yml alternates with a pipe',
    beginning: "attacker's",
    commands: [create],
    orders: ({ config }) => [['swap', join(config, 'elasticsearch.yml'), 'pipe', '']],
  },
  {
    number: 8,
    name: 'service_tokens alternates with a pipe',
    beginning: 'private to root',
    commands: [quickly, ['check', '--fix'], ['list'], [...quickly, '--in-place']],
    orders: (ground) => [['swap', tokens(ground), 'pipe', '']],
  },
];

/** The layouts in which each race is run. */
export const grounds = layouts.filter(({ name }) =>
  [
    'root, directory of the attacker',
    "root, the attacker's group may write",
    'root, only directories of the attacker',
  ].includes(name),
);

/** The orders that exchange the directories of a layout, if possible. */
export function wayOrders(paths: readonly string[], { stage }: Ground): Order[] {
  return paths.slice(-1).map((path) => ['swap', join(stage.area, path), 'link', stage.treasure]);
}

/** A waiter makes its candidate only while the lock looks free, so several commands compete for a lock that nobody keeps. */
function chaseOwnerFiles({ config, stage }: Ground, kind: 'link' | 'pipe'): Order {
  const target = kind === 'link' ? join(stage.treasure, 'secret') : '';
  return ['chase', config, '^\\.service_tokens\\.lock', '^\\d+-', kind, target];
}

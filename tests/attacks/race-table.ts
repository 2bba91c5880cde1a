/** The eight attacks that once succeeded, as real races: processes that exchange names while the real command runs. */
import { join } from 'node:path';
import { layouts } from './layouts.js';
import { deadMark, foreignMark, mark } from './lock-names.js';
import type { Order } from './protocol.js';
import type { Stage } from './stage.js';

/** Where the names are that an attack exchanges. */
export interface Ground {
  readonly config: string;
  readonly stage: Stage;
}

export interface Race {
  readonly number: number;
  readonly name: string;
  /** A name of layouts.ts's beginnings. */
  readonly beginning: 'absent' | 'his' | 'link' | 'private to root';
  readonly commands: readonly (readonly string[])[];
  /** What elasticsearch.yml holds: a slow hash opens a window. */
  readonly settings?: string;
  /** Each an order for an attacker of its own. */
  readonly orders: (ground: Ground) => readonly Order[];
  /** How many commands run at once; those that wait for a lock take their ten seconds. */
  readonly width?: number;
  /** No output may tell root to give a file away or open it. */
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
    beginning: 'his',
    commands: [quickly, ['check', '--fix']],
    orders: ({ config, stage }) => [
      ['place', config, `=.service_tokens.lock-${deadMark(mark)}`, 'link', join(stage.treasure, 'vault')],
    ],
  },
  {
    number: 2,
    name: "service_tokens is by turns a file and a link to a file of root's, under check --fix",
    beginning: 'private to root',
    commands: [['check', '--fix']],
    orders: (ground) => [['swap', tokens(ground), 'link', join(ground.stage.treasure, 'service_tokens')]],
  },
  {
    number: 3,
    name: "service_tokens leads through a directory that is by turns a link to a directory of root's",
    beginning: 'link',
    commands: [create],
    settings: SLOW,
    orders: ({ config, stage }) => [['swap', join(config, 'd'), 'link', stage.treasure]],
  },
  {
    number: 4,
    name: "service_tokens becomes a link to a secret of root's while a hash is computed",
    beginning: 'his',
    commands: [create],
    settings: SLOW,
    orders: (ground) => [['swap', tokens(ground), 'link', join(ground.stage.treasure, 'secret')]],
    forbidsAdvice: true,
  },
  {
    number: 5,
    name: 'what the command makes is exchanged for a link the moment it appears',
    beginning: 'his',
    commands: [quickly],
    orders: ({ config, stage }) => [
      ['chase', config, '^\\.service_tokens\\.lock-', 'link', join(stage.treasure, 'vault')],
      ['chase', config, '\\.tmp$', 'link', join(stage.treasure, 'secret')],
    ],
  },
  {
    number: 6,
    name: '--in-place through a directory that is by turns a link',
    beginning: 'link',
    commands: [[...quickly, '--in-place']],
    orders: ({ config, stage }) => [['swap', join(config, 'd'), 'link', join(stage.treasure, 'vault')]],
  },
  {
    number: 6,
    name: '--in-place into a file that is by turns a hard link',
    beginning: 'his',
    commands: [[...quickly, '--in-place']],
    orders: (ground) => [['swap', tokens(ground), 'thing', join(ground.stage.workshop, 'name-of-secret')]],
  },
  {
    number: 7,
    name: "a waiter's own mark is exchanged for a link",
    beginning: 'his',
    commands: [quickly],
    orders: (ground) => [foreignHolder(ground), ...ownMarks(ground, 'link')],
    width: 8,
  },
  {
    number: 7,
    name: "a waiter's own mark is exchanged for a pipe",
    beginning: 'his',
    commands: [quickly],
    orders: (ground) => [foreignHolder(ground), ...ownMarks(ground, 'pipe')],
    width: 8,
  },
  {
    number: 8,
    name: 'elasticsearch.yml is by turns a pipe',
    beginning: 'his',
    commands: [create],
    orders: ({ config }) => [['swap', join(config, 'elasticsearch.yml'), 'pipe', '']],
  },
  {
    number: 8,
    name: 'service_tokens is by turns a pipe',
    beginning: 'private to root',
    commands: [quickly, ['check', '--fix'], ['list'], [...quickly, '--in-place']],
    orders: (ground) => [['swap', tokens(ground), 'pipe', '']],
  },
];

/** Where each race is run. */
export const grounds = layouts.filter(({ name }) =>
  ['root, his directory', 'root, his group may write', 'root, his directories all the way'].includes(name),
);

/** In a layout whose directories can be exchanged they are, too. */
export function wayOrders(paths: readonly string[], { stage }: Ground): Order[] {
  return paths.slice(-1).map((path) => ['swap', join(stage.area, path), 'link', stage.treasure]);
}

/** A process of another container that holds the lock, and lives. */
function foreignHolder({ config }: Ground): Order {
  return ['refresh', join(config, '.service_tokens.lock'), foreignMark(mark)];
}

function ownMarks({ config, stage }: Ground, kind: 'link' | 'pipe'): Order[] {
  const target = kind === 'link' ? join(stage.treasure, 'secret') : '';
  return [['chase', config, '^\\.service_tokens\\.lock-', '^\\d+-', kind, target]];
}

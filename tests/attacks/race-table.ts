/** The eight attacks that once succeeded, as races: processes that exchange names while the command runs. */
import { join } from 'node:path';
import { layouts } from './layouts.js';
import { deadOwner, owner } from './lock-names.js';
import type { Order } from './protocol.js';
import type { Stage } from './stage.js';

/** The location of the names that an attack exchanges. */
interface Ground {
  readonly config: string;
  readonly stage: Stage;
}

export interface Race {
  readonly number: string;
  readonly name: string;
  /** A name of layouts.ts's beginnings. */
  readonly beginning: string;
  readonly commands: readonly (readonly string[])[];
  /** The content of elasticsearch.yml. */
  readonly settings: string;
  /** The orders, each for one attacker. */
  readonly orders: (ground: Ground) => readonly Order[];
  /** How many commands run at a time; those that wait for a lock take ten seconds. */
  readonly width: number;
  /** Whether the output must not contain a chown or chmod command. */
  readonly forbidsAdvice: boolean;
}

/**
 * What happens; below it the beginning, the commands, the orders, and what is special: a slow hash makes the window
 * longer; a waiter makes its candidate only while the lock looks free, so eight commands compete for a lock that nobody
 * keeps. A path begins with the name of a directory.
 */
const TABLE = String.raw`
1 a dead process's lock directory is a link to a directory of root's
  attacker's | create quickly; check --fix | place config =.service_tokens.lock-DEAD link treasure/vault
2 service_tokens alternates between a file and a link to a file of root's, with check --fix
  private to root | check --fix | swap config/service_tokens link treasure/service_tokens
3 service_tokens leads through a directory that alternates with a link to a directory of root's
  link | create | swap config/d link treasure | slow hash
4 service_tokens becomes a link to a secret of root's while a hash is computed
  attacker's | create | swap config/service_tokens link treasure/secret | slow hash, no advice
5 files of the command are exchanged for links as soon as they are created
  attacker's | create quickly | chase config ^\.service_tokens\.lock- link treasure/vault; chase config \.tmp$ link treasure/secret
6 --in-place through a directory that alternates with a link
  link | create quickly --in-place | swap config/d link treasure/vault
6 --in-place into a file that alternates with a hard link
  attacker's | create quickly --in-place | swap config/service_tokens thing workshop/name-of-secret
7 the owner file of a candidate or of the lock is exchanged for a link
  attacker's | create quickly | chase config ^\.service_tokens\.lock ^\d+- link treasure/secret | eight at a time
7 the owner file of a candidate or of the lock is exchanged for a pipe
  attacker's | create quickly | chase config ^\.service_tokens\.lock ^\d+- pipe NOTHING | eight at a time
8 elasticsearch.yml alternates with a pipe
  attacker's | create | swap config/elasticsearch.yml pipe NOTHING
8 service_tokens alternates with a pipe
  private to root | create quickly; check --fix; list; create quickly --in-place | swap config/service_tokens pipe NOTHING
`;

const ALGORITHM = 'xpack.security.authc.service_token_hashing.algorithm';

export const races: readonly Race[] = TABLE.trim()
  .split(/\n(?=\d)/)
  .map((row) => {
    const [, number = '', name = '', facts = ''] = /^(\d) (.*)\n *(.*)$/.exec(row) ?? [];
    const [beginning = '', commands = '', orders = '', special = ''] = facts.split(' | ');
    const words = (text: string) => text.split('; ').map((each) => each.split(' '));
    return {
      ...{ number, name, beginning },
      commands: words(
        commands
          .replaceAll('create', 'create elastic/fleet-server new')
          .replaceAll('quickly', `-E ${ALGORITHM}=pbkdf2_1000`),
      ),
      settings: special.includes('slow hash') ? `${ALGORITHM}: pbkdf2_100000\n` : '',
      orders: ({ config, stage: { treasure, workshop } }) =>
        words(orders.replace('DEAD', deadOwner(owner))).map((order) =>
          order.map((word) =>
            word
              .replace(/^(config|treasure|workshop)\b/, (at) => ({ config, treasure, workshop })[at] ?? at)
              .replace('NOTHING', ''),
          ),
        ),
      width: special.includes('eight at a time') ? 8 : 1,
      forbidsAdvice: special.includes('no advice'),
    };
  });

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

/** The moves of the attacker before a system call: the name to exchange, and its replacement. */
import { join } from 'node:path';
import { deadOwner, owner } from './lock-names.js';
import type { Call, Order } from './protocol.js';
import type { Stage } from './stage.js';

/** The replacement of a name. */
export interface Kind {
  readonly name: string;
  readonly why: string;
  /** The last words of the order to attacker.pl. */
  readonly order: (stage: Stage) => readonly [kind: string, target: string];
  /** Undone before the next call: the file that is used is not the one that was examined, and is right afterwards. */
  readonly isBlink?: boolean;
}

/** @param order the last words of the order; a target begins with the name of a directory of the stage */
function kind(name: string, why: string, order: string): Kind {
  const [word = '', target = ''] = order.split(' ');
  const place = (stage: Stage) =>
    target.replace(/^\w+/, (at) => stage[at as 'treasure' | 'workshop' | 'neighbours']);
  return { name, why, order: (stage) => [word, place(stage)] };
}
/** A replacement, and the same for one call only. */
const andBlink = (one: Kind): Kind[] => [one, { ...one, name: `${one.name}, for one call`, isBlink: true }];
const nothing = kind('nothing', 'the file is missing', 'nothing');

const forFiles: readonly Kind[] = [
  ...andBlink(
    kind('link to the secret', 'a write, chown or touch by name changes it', 'link treasure/secret'),
  ),
  ...andBlink(kind('link to the vault', 'files are made in a private directory', 'link treasure/vault')),
  kind('hard link to the secret', 'the same without a symlink', 'thing workshop/name-of-secret'),
  kind("hard link to a third user's file", 'if fs.protected_hardlinks is 1', 'hard-link neighbours'),
  kind('pipe', 'open blocks until the other end is opened', 'pipe'),
  kind('pipe held open', 'open succeeds, but read blocks', 'held-pipe'),
  kind('empty directory', 'rename replaces it', 'directory'),
  kind('full directory', 'its files must not be removed', 'full-directory'),
  nothing,
];
const forTokens: readonly Kind[] = [
  ...andBlink(kind("link to the victim's tokens", 'its content is valid', 'link treasure/service_tokens')),
  ...forFiles,
];
const ELSEWHERE = 'work that starts in one directory ends in the other';
const forDirectories: readonly Kind[] = [
  ...andBlink(kind('link to the treasure', 'every name in it refers to another file', 'link treasure')),
  ...andBlink(kind('directory with a link in it', 'a file in it is now a link', 'thing workshop/trap')),
  kind('another directory of the attacker', ELSEWHERE, 'thing workshop/elsewhere'),
  kind('link to another directory of the attacker', ELSEWHERE, 'link workshop/elsewhere'),
  nothing,
];

/** A combination of layout, beginning and command. */
export interface Scene {
  /** The configuration directory. */
  readonly config: string;
  /** The directory of the file to change, and its name. */
  readonly directory: string;
  readonly name: string;
}

/** A name that the attacker exchanges. */
export interface Role {
  readonly name: string;
  readonly why: string;
  /** Its location for attacker.pl: a directory, then patterns; undefined if there is no such name. */
  readonly place: (scene: Scene) => readonly string[] | undefined;
  /** Whether a part of a path is this name. */
  readonly isPart: (part: string, scene: Scene) => boolean;
  /** Whether a command finds it by listing the directory. */
  readonly isListed?: boolean;
  /** Whether the name is unknown before the command creates it. */
  readonly isRandom?: boolean;
  readonly kinds: readonly Kind[];
}

/** @param found how the command knows the name: `listed`, `random`, both, or neither */
function role(
  name: string,
  why: string,
  place: Role['place'],
  isPart: Role['isPart'],
  found: '' | 'listed' | 'random' | 'listed random' = '',
  kinds = forFiles,
): Role {
  const [isListed, isRandom] = ['listed', 'random'].map((word) => found.includes(word));
  return { name, why, place, isPart, isListed: isListed === true, isRandom: isRandom === true, kinds };
}
const literally = (file: string, why: string, kinds = forFiles, name = file): Role =>
  role(
    name,
    why,
    ({ config }) => [config, `=${file}`],
    (part) => part === file,
    '',
    kinds,
  );

const DEAD = deadOwner(owner);
const REMOVES = 'the command removes it';
const lock = ({ name }: Scene) => `.${name}.lock`;
const escaped = (text: string) => text.replace(/[.]/g, '\\.');
const isTemporary = (part: string) => part.endsWith('.tmp');
const isOwnerFile = (part: string) => /^\d+-.*-[0-9a-f]{12}$/.test(part);
const isDirect = ({ name }: Scene) => name === 'service_tokens';

/** The names in the directory of the file. */
export const names: readonly Role[] = [
  literally('service_tokens', 'the file, or the link to it', forTokens),
  {
    ...literally('d', 'the directory that service_tokens leads through', forDirectories),
    place: (scene) => (isDirect(scene) ? undefined : [scene.config, '=d']),
  },
  role(
    'd/name',
    'the target of the link',
    (scene) => (isDirect(scene) ? undefined : [scene.directory, `=${scene.name}`]),
    (part, { name }) => part === name,
    '',
    forTokens,
  ),
  literally('elasticsearch.yml', 'it names the algorithm'),
  literally('elasticsearch.keystore', 'it shows who the server is'),
  literally('users', 'it shows who the server is'),
  literally('token', 'a token is handed over in it', forFiles, 'token file'),
  role(
    'temporary token file',
    'it holds the token before it has its name',
    ({ config }) => [config, '^\\.token\\.[0-9a-f]+\\.tmp$'],
    isTemporary,
    'listed random',
  ),
  literally('x-pack', 'the tokens file of old is in it', [...forDirectories, ...forFiles]),
  role(
    'lock',
    'its name is predictable',
    (scene) => [scene.directory, `=${lock(scene)}`],
    (part, scene) => part === lock(scene),
    'listed',
  ),
  role(
    'own lock directory',
    'created by the command, and exchanged as soon as it exists',
    (scene) => [scene.directory, `^${escaped(lock(scene))}-`],
    (part, scene) => part.startsWith(`${lock(scene)}-`),
    'listed random',
  ),
  role(
    'owner file of the candidate',
    'it is written repeatedly',
    (scene) => [scene.directory, `^${escaped(lock(scene))}-`, '^\\d+-'],
    isOwnerFile,
    'random',
  ),
  role(
    'owner file of the lock',
    'the same after the lock was acquired',
    (scene) => [scene.directory, `^${escaped(lock(scene))}$`, '^\\d+-'],
    isOwnerFile,
    'random',
  ),
  role(
    'temporary file',
    'it contains the new content, and its owner is changed',
    ({ directory, name }) => [directory, `^\\.${escaped(name)}\\.[0-9a-f]+\\.tmp$`],
    isTemporary,
    'listed random',
  ),
  role(
    "dead process's lock directory",
    REMOVES,
    (scene) => [scene.directory, `=${lock(scene)}-${DEAD}`],
    (part, scene) => part === `${lock(scene)}-${DEAD}`,
    'listed',
  ),
  role(
    "dead process's owner file in the lock",
    REMOVES,
    (scene) => [scene.directory, `=${lock(scene)}`, `=${DEAD}`],
    (part, scene) => [lock(scene), DEAD].includes(part),
    'listed',
  ),
  role(
    "dead process's temporary file",
    REMOVES,
    ({ directory, name }) => [directory, `=.${name}.0123456789abcdef01.tmp`],
    (part) => part === '.',
    'listed',
  ),
];

/** A directory on the path, which is exchanged as a whole. */
export function wayRole(area: string, path: string): Role {
  const name = path.split('/').at(-1);
  const place = () => [join(area, path, '..'), `=${name}`];
  return role(path, 'a directory on the path', place, (part) => part === name, '', forDirectories);
}

export interface Move {
  readonly call: number;
  readonly role: Role;
  readonly kind: Kind;
}

/**
 * All moves against a command, before every call that they can affect. A call that names a file is affected only by the
 * file of that name, so an exchange before an earlier call that does not name it would be the same attack.
 */
export function movesAgainst(calls: readonly Call[], roles: readonly Role[], scene: Scene): Move[] {
  return roles.flatMap((role) =>
    calls.flatMap((call, number) =>
      (number === 0 && !role.isRandom) || meets(call, role, scene)
        ? role.kinds.map((kind) => ({ call: number, role, kind }))
        : [],
    ),
  );
}

function meets({ name, paths }: Call, role: Role, scene: Scene): boolean {
  if (role.isListed && name === 'readdirSync') return true;
  return paths.some((path) => path.split('/').some((part) => role.isPart(part, scene)));
}

/** The order for the attacker; undefined if there is no such name. */
export function orderOf({ role, kind }: Move, scene: Scene, stage: Stage): Order | undefined {
  const place = role.place(scene);
  return place && ['place', ...place, ...kind.order(stage)];
}

/** The moves of the attacker before a system call: the name to exchange, and its replacement. */
import { join } from 'node:path';
import { deadMark, mark } from './lock-names.js';
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

const secretLink: Kind = {
  name: 'link to the secret',
  why: 'a write, chown or touch by name changes the secret',
  order: ({ treasure }) => ['link', join(treasure, 'secret')],
};
const tokensLink: Kind = {
  name: "link to the victim's tokens",
  why: 'a file with valid content',
  order: ({ treasure }) => ['link', join(treasure, 'service_tokens')],
};
const vaultLink: Kind = {
  name: 'link to the vault',
  why: 'the files that are created, listed or removed are in a private directory',
  order: ({ treasure }) => ['link', join(treasure, 'vault')],
};
const blink = (kind: Kind): Kind => ({ ...kind, name: `${kind.name}, for one call`, isBlink: true });

const forFiles: readonly Kind[] = [
  secretLink,
  blink(secretLink),
  vaultLink,
  blink(vaultLink),
  {
    name: 'hard link to the secret',
    why: 'the same file, without a symlink to refuse',
    order: ({ workshop }) => ['thing', join(workshop, 'name-of-secret')],
  },
  {
    name: "hard link to a third user's file",
    why: 'the same if fs.protected_hardlinks is 1',
    order: ({ neighbours }) => ['hard-link', neighbours],
  },
  { name: 'pipe', why: 'open blocks until the other end is opened', order: () => ['pipe', ''] },
  { name: 'pipe held open', why: 'open succeeds, but read blocks', order: () => ['held-pipe', ''] },
  { name: 'empty directory', why: 'rename replaces it', order: () => ['directory', ''] },
  { name: 'full directory', why: 'its files must not be removed', order: () => ['full-directory', ''] },
  { name: 'nothing', why: 'the file is missing', order: () => ['nothing', ''] },
];

const treasureLink: Kind = {
  name: 'link to the treasure',
  why: 'every name in it refers to another file',
  order: ({ treasure }) => ['link', treasure],
};
const trap: Kind = {
  name: 'directory with a link in it',
  why: 'a file in it is now a link',
  order: ({ workshop }) => ['thing', join(workshop, 'trap')],
};

const forDirectories: readonly Kind[] = [
  treasureLink,
  blink(treasureLink),
  trap,
  blink(trap),
  {
    name: 'another directory of the attacker',
    why: 'work that starts in one directory ends in the other',
    order: ({ workshop }) => ['thing', join(workshop, 'elsewhere')],
  },
  {
    name: 'link to another directory of the attacker',
    why: 'the same through a link',
    order: ({ workshop }) => ['link', join(workshop, 'elsewhere')],
  },
  { name: 'nothing', why: 'the file is missing', order: () => ['nothing', ''] },
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

const literally = (name: string, why: string, kinds = forFiles): Role => ({
  name,
  why,
  place: ({ config }) => [config, `=${name}`],
  isPart: (part) => part === name,
  kinds,
});

const DEAD = deadMark(mark);
const lock = ({ name }: Scene) => `.${name}.lock`;
const escaped = (text: string) => text.replace(/[.]/g, '\\.');

/** The names in the directory of the file. */
export const names: readonly Role[] = [
  literally('service_tokens', 'the file, or the link to it', [tokensLink, blink(tokensLink), ...forFiles]),
  {
    ...literally('d', 'the directory that service_tokens leads through', forDirectories),
    place: ({ config, name }) => (name === 'service_tokens' ? undefined : [config, '=d']),
  },
  {
    name: 'd/name',
    why: 'the target of the link',
    place: ({ directory, name }) => (name === 'service_tokens' ? undefined : [directory, `=${name}`]),
    isPart: (part, { name }) => part === name,
    kinds: [tokensLink, blink(tokensLink), ...forFiles],
  },
  literally('elasticsearch.yml', 'it names the algorithm'),
  literally('elasticsearch.keystore', 'it shows who the server is'),
  literally('users', 'it shows who the server is'),
  { ...literally('token', 'a token is handed over in it'), name: 'token file' },
  {
    name: 'temporary token file',
    why: 'it holds the token before it has its name',
    place: ({ config }) => [config, '^\\.token\\.[0-9a-f]+\\.tmp$'],
    isPart: (part) => part.endsWith('.tmp'),
    isListed: true,
    isRandom: true,
    kinds: forFiles,
  },
  literally('x-pack', 'the tokens file of old is in it', [...forDirectories, ...forFiles]),
  {
    name: 'lock',
    why: 'its name is predictable',
    place: (scene) => [scene.directory, `=${lock(scene)}`],
    isPart: (part, scene) => part === lock(scene),
    isListed: true,
    kinds: forFiles,
  },
  {
    name: 'own lock directory',
    why: 'created by the command, and exchanged as soon as it exists',
    place: (scene) => [scene.directory, `^${escaped(lock(scene))}-`],
    isPart: (part, scene) => part.startsWith(`${lock(scene)}-`),
    isListed: true,
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: 'own mark',
    why: 'it is written repeatedly',
    place: (scene) => [scene.directory, `^${escaped(lock(scene))}-`, '^\\d+-'],
    isPart: (part) => /^\d+-.*-[0-9a-f]{12}$/.test(part),
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: 'held mark',
    why: 'the same after the lock was acquired',
    place: (scene) => [scene.directory, `^${escaped(lock(scene))}$`, '^\\d+-'],
    isPart: (part) => /^\d+-.*-[0-9a-f]{12}$/.test(part),
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: 'temporary file',
    why: 'it contains the new content, and its owner is changed',
    place: ({ directory, name }) => [directory, `^\\.${escaped(name)}\\.[0-9a-f]+\\.tmp$`],
    isPart: (part) => part.endsWith('.tmp'),
    isListed: true,
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: "dead process's lock directory",
    why: 'the command removes it',
    place: (scene) => [scene.directory, `=${lock(scene)}-${DEAD}`],
    isPart: (part, scene) => part === `${lock(scene)}-${DEAD}`,
    isListed: true,
    kinds: forFiles,
  },
  {
    name: "dead process's mark in the lock",
    why: 'the command removes it',
    place: (scene) => [scene.directory, `=${lock(scene)}`, `=${DEAD}`],
    isPart: (part, scene) => [lock(scene), DEAD].includes(part),
    isListed: true,
    kinds: forFiles,
  },
  {
    name: "dead process's temporary file",
    why: 'the command removes it',
    place: ({ directory, name }) => [directory, `=.${name}.0123456789abcdef01.tmp`],
    isPart: (part) => part === '.',
    isListed: true,
    kinds: forFiles,
  },
];

/** A directory on the path, which is exchanged as a whole. */
export function wayRole(area: string, path: string): Role {
  return {
    name: path,
    why: 'a directory on the path',
    place: () => [join(area, path, '..'), `=${path.split('/').at(-1)}`],
    isPart: (part) => part === path.split('/').at(-1),
    kinds: forDirectories,
  };
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

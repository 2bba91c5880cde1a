/** What the attacker can do before a system call: which name he exchanges, and for what. */
import { join } from 'node:path';
import { deadMark, mark } from './lock-names.js';
import type { Call, Order } from './protocol.js';
import type { Stage } from './stage.js';

/** What he puts in a name's place. */
export interface Kind {
  readonly name: string;
  readonly why: string;
  /** The last words of attacker.pl's order. */
  readonly order: (stage: Stage) => readonly [kind: string, target: string];
  /** He exchanges it back before the next call: what was looked at is not what is used, and looks right afterwards. */
  readonly isBlink?: boolean;
}

const secretLink: Kind = {
  name: 'link to the secret',
  why: 'what is written, given away or touched by name is the secret',
  order: ({ treasure }) => ['link', join(treasure, 'secret')],
};
const tokensLink: Kind = {
  name: "link to the victim's tokens",
  why: 'a file whose content is as expected',
  order: ({ treasure }) => ['link', join(treasure, 'service_tokens')],
};
const vaultLink: Kind = {
  name: 'link to the vault',
  why: 'what is made, listed or removed in it is in a closed directory',
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
    why: 'no link to refuse, and the same file',
    order: ({ workshop }) => ['thing', join(workshop, 'name-of-secret')],
  },
  {
    name: "hard link to a neighbour's file",
    why: 'the same where fs.protected_hardlinks is 1',
    order: ({ neighbours }) => ['hard-link', neighbours],
  },
  { name: 'pipe', why: 'an open waits for its other end', order: () => ['pipe', ''] },
  { name: 'pipe held open', why: 'an open succeeds, a read waits', order: () => ['held-pipe', ''] },
  { name: 'empty directory', why: 'a rename replaces one', order: () => ['directory', ''] },
  { name: 'full directory', why: 'what is removed there is not ours', order: () => ['full-directory', ''] },
  { name: 'nothing', why: 'what was there is gone', order: () => ['nothing', ''] },
];

const treasureLink: Kind = {
  name: 'link to the treasure',
  why: 'every name below means another file',
  order: ({ treasure }) => ['link', treasure],
};
const trap: Kind = {
  name: 'directory with a link in it',
  why: 'what was a file is a link by now',
  order: ({ workshop }) => ['thing', join(workshop, 'trap')],
};

const forDirectories: readonly Kind[] = [
  treasureLink,
  blink(treasureLink),
  trap,
  blink(trap),
  {
    name: 'another directory of his',
    why: 'what was begun in the one is finished in the other',
    order: ({ workshop }) => ['thing', join(workshop, 'elsewhere')],
  },
  {
    name: 'link to another directory of his',
    why: 'as above, and a link besides',
    order: ({ workshop }) => ['link', join(workshop, 'elsewhere')],
  },
  { name: 'nothing', why: 'what was there is gone', order: () => ['nothing', ''] },
];

/** What a combination of layout, beginning and command is like. */
export interface Scene {
  /** The configuration directory. */
  readonly config: string;
  /** The directory of the file that is changed, and its name there. */
  readonly directory: string;
  readonly name: string;
}

/** A name that the attacker exchanges. */
export interface Role {
  readonly name: string;
  readonly why: string;
  /** Where it is, as attacker.pl takes it: a directory, then patterns; undefined where there is no such name. */
  readonly place: (scene: Scene) => readonly string[] | undefined;
  /** Whether a part of a path is it. */
  readonly isPart: (part: string, scene: Scene) => boolean;
  /** Whether a command comes upon it by listing its directory. */
  readonly isListed?: boolean;
  /** Whether its name can't be known before the command makes it. */
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
    why: 'the file behind the link',
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
    why: 'its name is known beforehand',
    place: (scene) => [scene.directory, `=${lock(scene)}`],
    isPart: (part, scene) => part === lock(scene),
    isListed: true,
    kinds: forFiles,
  },
  {
    name: 'own lock directory',
    why: 'made by the command, exchanged as soon as it is there',
    place: (scene) => [scene.directory, `^${escaped(lock(scene))}-`],
    isPart: (part, scene) => part.startsWith(`${lock(scene)}-`),
    isListed: true,
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: 'own mark',
    why: 'it is written to again and again',
    place: (scene) => [scene.directory, `^${escaped(lock(scene))}-`, '^\\d+-'],
    isPart: (part) => /^\d+-.*-[0-9a-f]{12}$/.test(part),
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: 'held mark',
    why: 'the same when the lock is taken',
    place: (scene) => [scene.directory, `^${escaped(lock(scene))}$`, '^\\d+-'],
    isPart: (part) => /^\d+-.*-[0-9a-f]{12}$/.test(part),
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: 'temporary file',
    why: 'it holds what the file will hold, and is given away',
    place: ({ directory, name }) => [directory, `^\\.${escaped(name)}\\.[0-9a-f]+\\.tmp$`],
    isPart: (part) => part.endsWith('.tmp'),
    isListed: true,
    isRandom: true,
    kinds: forFiles,
  },
  {
    name: "dead process's lock directory",
    why: 'the command clears such away',
    place: (scene) => [scene.directory, `=${lock(scene)}-${DEAD}`],
    isPart: (part, scene) => part === `${lock(scene)}-${DEAD}`,
    isListed: true,
    kinds: forFiles,
  },
  {
    name: "dead process's mark in the lock",
    why: 'the command clears such away',
    place: (scene) => [scene.directory, `=${lock(scene)}`, `=${DEAD}`],
    isPart: (part, scene) => [lock(scene), DEAD].includes(part),
    isListed: true,
    kinds: forFiles,
  },
  {
    name: "dead process's temporary file",
    why: 'the command clears such away',
    place: ({ directory, name }) => [directory, `=.${name}.0123456789abcdef01.tmp`],
    isPart: (part) => part === '.',
    isListed: true,
    kinds: forFiles,
  },
];

/** A directory on the way, which is exchanged as a whole. */
export function wayRole(area: string, path: string): Role {
  return {
    name: path,
    why: 'a directory on the way',
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
 * All moves against a command, before every call at which they can matter: a call that names a file only meets what is
 * there under that name, so to exchange it before an earlier call that does not name it is the same attack.
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

/** The attacker's order; undefined where there is no such name. */
export function orderOf({ role, kind }: Move, scene: Scene, stage: Stage): Order | undefined {
  const place = role.place(scene);
  return place && ['place', ...place, ...kind.order(stage)];
}

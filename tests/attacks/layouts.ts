/** The directories in which a command works, and in which the attacker can change a name. */
import type { Identity } from './protocol.js';

export const ATTACKER = 60_001;
export const VICTIM = 60_002;
/** A group of both users. */
export const SHARED = 60_113;

export interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** The file `service_tokens` when the command starts. */
export type Beginning =
  | { readonly name: 'absent' }
  | ({ readonly name: string } & Owned)
  | { readonly name: 'link' }; // service_tokens -> d/name

export interface Layout {
  readonly name: string;
  readonly why: string;
  readonly victim: Identity;
  readonly attacker: Identity;
  /** From the top down; the last one is the configuration directory. */
  readonly directories: readonly (Owned & { readonly path: string })[];
  /** Whether the names in the configuration directory are exchanged. */
  readonly isShared: boolean;
  /** The directories that the attacker may exchange as a whole. */
  readonly movable: readonly string[];
  /** The owner, group and mode of the other files. */
  readonly siblings: Owned;
  readonly beginnings: readonly Beginning[];
}

const root: Identity = { uid: 0, groups: [0] };
const server: Identity = { uid: ATTACKER, groups: [ATTACKER] };
const serverOfGroupZero: Identity = { uid: ATTACKER, groups: [0] };
const user: Identity = { uid: VICTIM, groups: [VICTIM, SHARED] };
const otherUser: Identity = { uid: ATTACKER, groups: [ATTACKER, SHARED] };

const roots = (mode: number): Owned => ({ uid: 0, gid: 0, mode });
const attackers = (mode: number, gid = ATTACKER): Owned => ({ uid: ATTACKER, gid, mode });
const victims = (mode: number, gid = VICTIM): Owned => ({ uid: VICTIM, gid, mode });

const forRoot: readonly Beginning[] = [
  { name: 'absent' },
  { name: "attacker's", ...attackers(0o660) },
  { name: 'private to root', ...roots(0o600) },
  { name: 'link' },
];
const forUser: readonly Beginning[] = [
  { name: 'absent' },
  { name: "victim's", ...victims(0o660) },
  { name: 'link' },
];

/** The names in the directory are exchanged. */
const shared = { isShared: true, movable: [] };
const ofRoot = { victim: root, attacker: server, siblings: attackers(0o660), beginnings: forRoot };
const ofUser = { victim: user, attacker: otherUser, siblings: victims(0o660), beginnings: forUser };

export const layouts: readonly Layout[] = [
  {
    name: 'root, directory of the attacker',
    why: 'a tarball, and any volume that belongs to the server',
    ...ofRoot,
    ...shared,
    directories: [{ path: 'config', ...attackers(0o755) }],
  },
  {
    name: "root, the attacker's group may write",
    why: 'the Docker image: root:root 775, with the server in group 0',
    ...ofRoot,
    ...shared,
    attacker: serverOfGroupZero,
    directories: [{ path: 'config', ...roots(0o775) }],
    siblings: attackers(0o660, 0),
  },
  {
    name: 'root, only directories of the attacker',
    why: 'a tarball in the home directory: each directory above can be exchanged, too',
    ...ofRoot,
    directories: ['attackers', 'attackers/parent', 'attackers/parent/config'].map((path) => ({
      path,
      ...attackers(0o755),
    })),
    isShared: false, // the names in it are covered by the first layout
    movable: ['attackers/parent', 'attackers/parent/config'],
  },
  {
    name: "root, root's directory below the attacker's",
    why: 'the attacker cannot write there, but can exchange the directory',
    ...ofRoot,
    directories: [
      { path: 'attackers', ...attackers(0o755) },
      { path: 'attackers/config', ...roots(0o755) },
    ],
    isShared: false,
    movable: ['attackers/config'],
    beginnings: forRoot.filter(({ name }) => name !== "attacker's"),
  },
  {
    name: "user, a group's directory",
    why: 'two users of one group, as in /srv',
    ...ofUser,
    ...shared,
    directories: [{ path: 'config', uid: 0, gid: SHARED, mode: 0o2770 }],
    siblings: victims(0o660, SHARED),
  },
  {
    name: 'user, sticky world-writable directory',
    why: '/tmp: the attacker may add files, and exchange their own',
    ...ofUser,
    ...shared,
    directories: [{ path: 'config', ...roots(0o1777) }],
  },
  {
    name: 'user, world-writable directory of the attacker',
    why: 'a Kubernetes emptyDir',
    ...ofUser,
    ...shared,
    directories: [{ path: 'config', ...attackers(0o777) }],
  },
  {
    name: "user, victim's directory below the attacker's",
    why: 'the attacker cannot write there, but can exchange the directory',
    ...ofUser,
    directories: [
      { path: 'attackers', ...attackers(0o755) },
      { path: 'attackers/config', ...victims(0o755) },
    ],
    isShared: false,
    movable: ['attackers/config'],
  },
];

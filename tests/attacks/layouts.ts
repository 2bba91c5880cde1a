/** Whose directories the command works in: the places where somebody else can change a name. */
import type { Identity } from './protocol.js';

export const ATTACKER = 60_001;
export const VICTIM = 60_002;
/** A group that both are in. */
export const SHARED = 60_113;

export interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** What stands at `service_tokens` when the command begins. */
export type Beginning =
  | { readonly name: 'absent' }
  | ({ readonly name: string } & Owned)
  | { readonly name: 'link' }; // service_tokens -> d/name

export interface Layout {
  readonly name: string;
  readonly why: string;
  readonly victim: Identity;
  readonly attacker: Identity;
  /** From the highest on; the last one is the configuration directory. */
  readonly directories: readonly (Owned & { readonly path: string })[];
  /** Whether the names in the configuration directory are exchanged. */
  readonly isShared: boolean;
  /** The directories that the attacker may exchange themselves. */
  readonly movable: readonly string[];
  /** The other files there. */
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
  { name: 'his', ...attackers(0o660) },
  { name: 'private to root', ...roots(0o600) },
  { name: 'link' },
];
const forUser: readonly Beginning[] = [
  { name: 'absent' },
  { name: "victim's", ...victims(0o660) },
  { name: 'link' },
];

export const layouts: readonly Layout[] = [
  {
    name: 'root, his directory',
    why: 'the tarball, and any volume that was given to the server',
    victim: root,
    attacker: server,
    directories: [{ path: 'config', ...attackers(0o755) }],
    isShared: true,
    movable: [],
    siblings: attackers(0o660),
    beginnings: forRoot,
  },
  {
    name: 'root, his group may write',
    why: 'the Docker image: root:root 775, and the server in group 0',
    victim: root,
    attacker: serverOfGroupZero,
    directories: [{ path: 'config', ...roots(0o775) }],
    isShared: true,
    movable: [],
    siblings: attackers(0o660, 0),
    beginnings: forRoot,
  },
  {
    name: 'root, his directories all the way',
    why: 'the tarball in his home: each directory above can be exchanged, too',
    victim: root,
    attacker: server,
    directories: [
      { path: 'his', ...attackers(0o755) },
      { path: 'his/parent', ...attackers(0o755) },
      { path: 'his/parent/config', ...attackers(0o755) },
    ],
    isShared: false, // the names in it: as in his directory above
    movable: ['his/parent', 'his/parent/config'],
    siblings: attackers(0o660),
    beginnings: forRoot,
  },
  {
    name: "root, root's directory below his",
    why: 'he can write nothing there, but exchange it as a whole',
    victim: root,
    attacker: server,
    directories: [
      { path: 'his', ...attackers(0o755) },
      { path: 'his/config', ...roots(0o755) },
    ],
    isShared: false,
    movable: ['his/config'],
    siblings: attackers(0o660),
    beginnings: [{ name: 'absent' }, { name: 'private to root', ...roots(0o600) }, { name: 'link' }],
  },
  {
    name: "user, a group's directory",
    why: 'two users of one group, as in /srv',
    victim: user,
    attacker: otherUser,
    directories: [{ path: 'config', uid: 0, gid: SHARED, mode: 0o2770 }],
    isShared: true,
    movable: [],
    siblings: victims(0o660, SHARED),
    beginnings: forUser,
  },
  {
    name: "user, everybody's directory",
    why: '/tmp: he may add names, and exchange his own',
    victim: user,
    attacker: otherUser,
    directories: [{ path: 'config', ...roots(0o1777) }],
    isShared: true,
    movable: [],
    siblings: victims(0o660),
    beginnings: forUser,
  },
  {
    name: 'user, his directory that everybody may write in',
    why: 'an emptyDir of Kubernetes',
    victim: user,
    attacker: otherUser,
    directories: [{ path: 'config', ...attackers(0o777) }],
    isShared: true,
    movable: [],
    siblings: victims(0o660),
    beginnings: forUser,
  },
  {
    name: "user, victim's directory below his",
    why: 'he can write nothing there, but exchange it as a whole',
    victim: user,
    attacker: otherUser,
    directories: [
      { path: 'his', ...attackers(0o755) },
      { path: 'his/config', ...victims(0o755) },
    ],
    isShared: false,
    movable: ['his/config'],
    siblings: victims(0o660),
    beginnings: forUser,
  },
];

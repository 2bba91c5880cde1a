import type { FileSystem } from '../disk/file-system.js';

/** A user of this system, as passwd(5) lists them. Directories such as LDAP are not queried. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

/** Finds a user by name or number. */
export function findUser(nameOrUid: string, fs: FileSystem): User | undefined {
  const all = users(fs);
  return all.find(({ name }) => name === nameOrUid) ?? all.find(({ uid }) => String(uid) === nameOrUid);
}

/** Finds the number of a group by its name. */
export function findGroup(name: string, fs: FileSystem): number | undefined {
  return groups(fs).find((group) => group.name === name)?.gid;
}

/** Returns the name of a user, or the number if it has none. */
export function userName(uid: number, fs: FileSystem): string {
  return users(fs).find((user) => user.uid === uid)?.name ?? String(uid);
}

/** Returns the name of a group, or the number if it has none. */
export function groupName(gid: number, fs: FileSystem): string {
  return groups(fs).find((group) => group.gid === gid)?.name ?? String(gid);
}

/** Returns the only user with this primary group; undefined if there is none, or more than one. */
export function userOfGroup(gid: number, fs: FileSystem): number | undefined {
  const [user, ...others] = users(fs).filter((candidate) => candidate.gid === gid);
  return others.length === 0 ? user?.uid : undefined;
}

/** Returns the groups of a user, the primary group first. */
export function groupsOf(uid: number, fs: FileSystem): number[] {
  const user = users(fs).find((candidate) => candidate.uid === uid);
  if (user === undefined) return [];
  return [user.gid, ...groups(fs).flatMap(({ gid, members }) => (members.includes(user.name) ? [gid] : []))];
}

/** Lists the users. */
export function users(fs: FileSystem): User[] {
  return rows('/etc/passwd', fs).flatMap(([name, , uid, gid]) =>
    name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [],
  );
}

function groups(fs: FileSystem): { name: string; gid: number; members: string[] }[] {
  return rows('/etc/group', fs).flatMap(([name, , gid, members = '']) =>
    name && gid ? [{ name, gid: Number(gid), members: members.split(',') }] : [],
  );
}

function rows(path: string, fs: FileSystem): string[][] {
  try {
    const text = fs.readFileSync(path, 'utf8');
    return text.split('\n').map((line) => line.split(':'));
  } catch {
    return []; // without names, numbers are shown
  }
}

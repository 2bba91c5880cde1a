import { type FileSystem, ignoreFailure } from '../disk/file-system.js';

export function findUser(nameOrUid: string, fs: FileSystem) {
  const all = users(fs);
  return all.find(({ name }) => name === nameOrUid) ?? all.find(({ uid }) => String(uid) === nameOrUid);
}

export function findGroup(name: string, fs: FileSystem): number | undefined {
  return groups(fs).find((group) => group.name === name)?.gid;
}

/** The name of a user, or the number if it has none. */
export function userName(uid: number, fs: FileSystem): string {
  return users(fs).find((user) => user.uid === uid)?.name ?? String(uid);
}

/** The name of a group, or the number if it has none. */
export function groupName(gid: number, fs: FileSystem): string {
  return groups(fs).find((group) => group.gid === gid)?.name ?? String(gid);
}

/** The only user with this primary group; undefined if there is none, or more than one. */
export function userOfGroup(gid: number, fs: FileSystem): number | undefined {
  const [user, ...others] = users(fs).filter((candidate) => candidate.gid === gid);
  return others.length === 0 ? user?.uid : undefined;
}

/** The groups of a user, the primary group first. */
export function groupsOf(uid: number, fs: FileSystem): number[] {
  const user = users(fs).find((candidate) => candidate.uid === uid);
  if (user === undefined) return [];
  return [user.gid, ...groups(fs).flatMap(({ gid, members }) => (members.includes(user.name) ? [gid] : []))];
}

/** The users of this system, as passwd(5) lists them. Directories such as LDAP are not queried. */
export function users(fs: FileSystem) {
  return rows('/etc/passwd', fs).flatMap(([name, , uid, gid]) =>
    name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [],
  );
}

function groups(fs: FileSystem) {
  return rows('/etc/group', fs).flatMap(([name, , gid, members = '']) =>
    name && gid ? [{ name, gid: Number(gid), members: members.split(',') }] : [],
  );
}

function rows(path: string, fs: FileSystem): string[][] {
  const text = ignoreFailure(() => fs.readFileSync(path, 'utf8')) ?? ''; // without names, numbers are shown
  return text.split('\n').map((line) => line.split(':'));
}

import { existsSync } from 'node:fs';
import { type FileSystem, nodeFileSystem, viewOf } from '../../src/disk/file-system.js';
import { type Interference, type Seen, statAs, watchedFileSystem } from './faulty-file-system.js';

type Instead = NonNullable<Interference['instead']>;

/**
 * For `instead` of `watchedFileSystem`: files appear to have other owners or modes.
 *
 * @param seen the attributes of a path or a descriptor
 * @param accounts the contents of /etc/passwd and /etc/group; by default there are no accounts
 */
export function disguise(
  seen: (at: unknown) => Seen,
  accounts: Readonly<Record<string, string>> = {},
): Instead {
  return (name, at, options) =>
    at === '/etc/passwd' || at === '/etc/group' ? (accounts[at] ?? '') : statAs(name, at, options, seen(at));
}

const ME = 'me:x:1000:1000::/home/me:/bin/sh\n';
const ownedByMe = disguise(() => ({ uid: 1000, gid: 1000 }), { '/etc/passwd': ME, '/etc/group': ME });

/** For `instead` of `watchedFileSystem`: see `ordinaryUserFileSystem`. */
export const asOrdinaryUser: Instead = (name, ...args) =>
  name === 'geteuid' || name === 'getegid' ? 1000 : ownedByMe(name, ...args);

/**
 * The file system as seen by a user who runs both the tool and the server: the user owns every file, and there is no
 * account elasticsearch. So the output of a session does not depend on the user and the machine.
 */
export const ordinaryUserFileSystem = (): FileSystem => watchedFileSystem({ instead: asOrdinaryUser }).fs;

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Makes calls as another user. Needs root. */
export function impersonate<T>({ uid, gid }: User, call: () => T): T {
  if (process.geteuid?.() !== 0) return call(); // several calls together
  process.setgroups?.([gid]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return call();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.([0]);
  }
}

/** The file system as seen by a process of another user. */
export function fileSystemOf(user: User, fs: FileSystem): FileSystem {
  const own = { geteuid: () => user.uid, getegid: () => user.gid, getgroups: () => [user.gid] };
  return Object.assign(viewOf(fs, { call: (make) => impersonate(user, make) }), own);
}

/** The real file system, but with /etc/passwd and /etc/group of a directory, if they are there. */
export function fileSystemWithAccountsOf(directory: string): FileSystem {
  return viewOf(nodeFileSystem, {
    path: (path) =>
      /^\/etc\/(passwd|group)$/.test(path) && existsSync(directory + path) ? directory + path : path,
  });
}

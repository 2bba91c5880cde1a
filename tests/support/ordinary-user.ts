import { existsSync } from 'node:fs';
import { type FileSystem, nodeFileSystem, viewOf } from '../../src/disk/file-system.js';
import { type Interference, watchedFileSystem, withOwner } from './faulty-file-system.js';

const ME = 'me:x:1000:1000::/home/me:/bin/sh\n';

/** For `instead` of `watchedFileSystem`: see `ordinaryUserFileSystem`. */
export const asOrdinaryUser: NonNullable<Interference['instead']> = (name, at, options) => {
  if (name === 'geteuid' || name === 'getegid') return 1000;
  if (at === '/etc/passwd' || at === '/etc/group') return ME;
  return /^[lf]?statSync$/.test(name) ? withOwner(name as 'statSync', at, options, 1000) : undefined;
};

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

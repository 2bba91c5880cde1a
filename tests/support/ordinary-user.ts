import { lstatSync, statSync } from 'node:fs';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';
import { watchedFileSystem } from './faulty-file-system.js';

const OWNER = { uid: 1000, gid: 1000 };

/**
 * The file system as seen by a user who runs both the tool and the server: the user owns every file, and there is no
 * account elasticsearch. So the output of a session does not depend on the user and the machine.
 */
export function ordinaryUserFileSystem(): FileSystem {
  return watchedFileSystem({
    instead: (name, argument) => {
      if (argument === '/etc/passwd' || argument === '/etc/group')
        return 'me:x:1000:1000::/home/me:/bin/sh\n';
      if (name === 'geteuid') return OWNER.uid;
      if (name === 'getegid') return OWNER.gid;
      if (name === 'fstatSync') return Object.assign(nodeFileSystem.fstatSync(argument as number), OWNER);
      if (name === 'statSync') return Object.assign(statSync(argument as string), OWNER);
      if (name === 'lstatSync') return Object.assign(lstatSync(argument as string), OWNER);
      return undefined;
    },
  }).fs;
}

import type { FileSystem } from '../../src/disk/file-system.js';
import { statAs, watchedFileSystem } from './faulty-file-system.js';

const OWNER = { uid: 1000, gid: 1000 };

/**
 * The file system as seen by a user who runs both the tool and the server: the user owns every file, and there is no
 * account elasticsearch. So the output of a session does not depend on the user and the machine.
 */
export function ordinaryUserFileSystem(): FileSystem {
  return watchedFileSystem({
    instead: (name, argument, options) => {
      if (argument === '/etc/passwd' || argument === '/etc/group')
        return 'me:x:1000:1000::/home/me:/bin/sh\n';
      if (name === 'geteuid') return OWNER.uid;
      if (name === 'getegid') return OWNER.gid;
      return statAs(name, argument, options, OWNER);
    },
  }).fs;
}

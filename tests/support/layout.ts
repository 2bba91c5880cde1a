/** Real directories and files of several users, written as one line: `. root:servers 2750; users root:servers 660`. */
import { chmodSync, chownSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Numbers that have no name on the test systems. */
export const IDS = { root: 0, server: 61_007, servers: 61_113, alice: 61_500, stranger: 61_999, image: 1000 };
export const { server: SERVER, servers: SERVERS, alice: ALICE, stranger: STRANGER } = IDS;

const idOf = (name = '') => (name in IDS ? IDS[name as keyof typeof IDS] : Number(name));

/** Reads `user:group mode`. */
export function parseOwner(text: string): { uid: number; gid: number; mode: number } {
  const [owners = '', mode = ''] = text.split(' ');
  const [user, group] = owners.split(':');
  return { uid: idOf(user), gid: idOf(group), mode: Number.parseInt(mode, 8) };
}

/** Gives files and directories their owners and modes, and creates the files that are missing, empty. */
export function lay(directory: string, layout: string): void {
  for (const entry of layout.split('; ')) {
    const [name = '', ...owner] = entry.split(' ');
    const { uid, gid, mode } = parseOwner(owner.join(' '));
    const path = join(directory, name);
    if (!existsSync(path)) writeFileSync(path, '');
    chownSync(path, uid, gid);
    chmodSync(path, mode);
  }
}

export function attributesOf(path: string): { uid: number; gid: number; mode: number } {
  const { uid, gid, mode } = statSync(path);
  return { uid, gid, mode: mode & 0o7777 };
}

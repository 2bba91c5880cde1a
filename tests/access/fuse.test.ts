/** A FUSE mount, whose user can change everything in it. /proc plays the mount, because its device has major number 0, too. */
import { statSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { chooseIdentity } from '../../src/access/identity.js';
import { resolvePath } from '../../src/access/resolved-path.js';
import { checkTokensFile } from '../../src/check/check.js';
import { nodeFileSystem, viewOf } from '../../src/disk/file-system.js';
import { fuseUserOf } from '../../src/disk/mounts.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const { dev } = statSync('/proc', { bigint: true });

/** A file system whose mount table says that /proc is of another type. */
function mountedAs(type: string, options: string) {
  const row = `39 30 0:${dev & 0xffn} / /proc rw,nosuid shared:9 - ${type} host:/srv\\040x ${options}\n`;
  const table = directory.write('mountinfo', row);
  return viewOf(nodeFileSystem, { path: (path) => (path === '/proc/self/mountinfo' ? table : path) });
}

test.each([
  ['fuse.sshfs', 'rw,user_id=1000,group_id=100,allow_other', 1000],
  ['fuse', 'rw,user_id=0,group_id=0', 0],
  ['fuseblk', 'rw,user_id=1000', undefined],
  ['tmpfs', 'rw,user_id=1000', undefined],
])('A mount of type %s with %s is served by user %p', (type, options, user) => {
  expect(fuseUserOf({ dev }, mountedAs(type, options))).toBe(user);
  expect(fuseUserOf({ dev: 0x801n }, mountedAs(type, options))).toBeUndefined();
});

test('Root does not write to a FUSE mount of a user, even in a directory of root', () => {
  const fs = Object.assign(mountedAs('fuse.sshfs', 'rw,user_id=1000'), { geteuid: () => 0 });
  const resolved = resolvePath(fs, '/proc/service_tokens');
  expect(resolved.modifiers).toContainEqual({ kind: 'user', id: 1000, at: '/proc', owner: 1000 });
  expect(() => chooseIdentity(resolved, { configDir: '/proc' }, fs)).toThrow(
    /can change \[\/proc\], which is unsafe/,
  );
  expect(chooseIdentity(resolved, { configDir: '/proc', serverUser: '1000' }, fs)?.uid).toBe(1000);
});

test('check warns that a file is on a FUSE mount', async () => {
  const codes = async (type: string) =>
    (await checkTokensFile('/proc/service_tokens', { fs: mountedAs(type, 'rw,user_id=0') })).findings.map(
      ({ code }) => code,
    );
  expect(await codes('fuse.s3fs')).toContain('FUSE_MOUNT');
  expect(await codes('proc')).not.toContain('FUSE_MOUNT');
});

import type { Naming } from '../access/printed-command.js';
import { accessWarning } from '../access/repair-command.js';
import { groupName, userName } from '../access/system-accounts.js';
import type { Attributes } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import type { Change } from './entry-store.js';

/**
 * The lines of each warning about a file's owner, group and mode after a change: attributes that could not be kept, in
 * the original's words, and attributes that prevent the server from reading it.
 */
export function attributeWarnings(
  path: string,
  configDir: string,
  change: Change,
  naming: Naming,
  fs: FileSystem,
): string[][] {
  const { before = change.after, after, server } = change;
  const warnings: string[][] = [];
  const lost = (what: string, was: string, is: string) =>
    warnings.push([`${what} of file [${path}] used to be [${was}], but now is [${is}]`]);
  if (before.mode !== after.mode) {
    warnings.push([
      `The file permissions of [${path}] have changed from [${permissions(before)}] to [${permissions(after)}]`,
      'Please ensure that the user account running Elasticsearch has read access to this file!',
    ]);
  }
  if (before.uid !== after.uid) lost('Owner', userName(before.uid, fs), userName(after.uid, fs));
  if (before.gid !== after.gid) lost('Group', groupName(before.gid, fs), groupName(after.gid, fs));
  const access = accessWarning(path, configDir, server, change, naming, fs);
  return access === undefined ? warnings : [...warnings, access];
}

/** A mode as ls(1) shows it, without the type: `rw-r-----`. */
function permissions({ mode }: Attributes): string {
  return [...'rwxrwxrwx'].map((letter, i) => (mode & (0o400 >> i) ? letter : '-')).join('');
}

import type { Naming } from '../access/printed-command.js';
import { accessWarning } from '../access/repair-command.js';
import { groupName, userName } from '../access/system-accounts.js';
import type { Attributes } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import type { Change } from './entry-store.js';

/**
 * Returns warnings about a file's owner, group and mode after a change: attributes that could not be kept, in the
 * original's words, and attributes that prevent the server from reading it.
 *
 * @param configDir the configuration directory of the server
 * @param naming for the commands in the warnings
 * @returns the lines of each warning
 */
export function attributeWarnings(
  path: string,
  configDir: string,
  change: Change,
  naming: Naming,
  fs: FileSystem,
): string[][] {
  const access = accessWarning(path, configDir, change.server, change, naming, fs);
  return [...lossWarnings(path, change, fs), ...(access === undefined ? [] : [access])];
}

function lossWarnings(path: string, { before, after }: Change, fs: FileSystem): string[][] {
  if (before === undefined) return [];
  const warnings: string[][] = [];
  if (before.mode !== after.mode) {
    warnings.push([
      `The file permissions of [${path}] have changed from [${permissions(before)}] to [${permissions(after)}]`,
      'Please ensure that the user account running Elasticsearch has read access to this file!',
    ]);
  }
  if (before.uid !== after.uid) {
    const [was, is] = [userName(before.uid, fs), userName(after.uid, fs)];
    warnings.push([`Owner of file [${path}] used to be [${was}], but now is [${is}]`]);
  }
  if (before.gid !== after.gid) {
    const [was, is] = [groupName(before.gid, fs), groupName(after.gid, fs)];
    warnings.push([`Group of file [${path}] used to be [${was}], but now is [${is}]`]);
  }
  return warnings;
}

/** A mode as ls(1) shows it, without the type: `rw-r-----`. */
function permissions({ mode }: Attributes): string {
  return [...'rwxrwxrwx'].map((letter, i) => (mode & (0o400 >> i) ? letter : '-')).join('');
}

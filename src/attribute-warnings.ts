import type { Attributes } from './atomic-file.js';
import type { FileSystem } from './file-system.js';
import type { Change } from './service-tokens-file.js';
import { groupName, userName } from './system-accounts.js';

/**
 * Says what a replacement could not keep of a file's owner, group and mode, in the original's words.
 *
 * @returns one text a warning, of one or two lines; none for a file that is new
 */
export function attributeWarnings(path: string, { before, after }: Change, fs: FileSystem): string[] {
  if (before === undefined) return [];
  const warnings: string[] = [];
  if (before.mode !== after.mode) {
    warnings.push(
      `The file permissions of [${path}] have changed from [${permissions(before)}] to [${permissions(after)}]\n` +
        'Please ensure that the user account running Elasticsearch has read access to this file!',
    );
  }
  if (before.uid !== after.uid) {
    const [was, is] = [userName(before.uid, fs), userName(after.uid, fs)];
    warnings.push(`Owner of file [${path}] used to be [${was}], but now is [${is}]`);
  }
  if (before.gid !== after.gid) {
    const [was, is] = [groupName(before.gid, fs), groupName(after.gid, fs)];
    warnings.push(`Group of file [${path}] used to be [${was}], but now is [${is}]`);
  }
  return warnings;
}

/** A mode as ls(1) shows it, without the type: `rw-r-----`. */
function permissions({ mode }: Attributes): string {
  return [...'rwxrwxrwx'].map((letter, i) => (mode & (0o400 >> i) ? letter : '-')).join('');
}

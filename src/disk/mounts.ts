import { type FileIdentity, type FileSystem, ignoreFailure } from './file-system.js';

/**
 * The mount at an absolute path without symlinks, such as a single file that is bind-mounted into a container. Its source
 * is a path within the file system. Undefined if there is none, or if it cannot be determined.
 */
export function mountedAt(path: string, fs: FileSystem) {
  // Fields: id, parent, device, root within the file system, mount point, options, ...; the last row of a mount point
  // is on top.
  const row = rowsOf(fs).findLast(([, , , , mountPoint]) => mountPoint === path);
  if (row === undefined) return undefined;
  const [, , , source = '', , options = ''] = row;
  return { source, isReadOnly: options.split(',').includes('ro') };
}

/**
 * The user whose program serves a file of a FUSE mount, and who can so change everything in it, whatever its owner is.
 * Undefined for another file system, or if it cannot be determined.
 */
export function fuseUserOf({ dev }: Pick<FileIdentity, 'dev'>, fs: FileSystem): number | undefined {
  // As glibc's major(3) and minor(3).
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  if (major !== 0n) return undefined; // a disk; all others have major number 0
  const row = rowsOf(fs).findLast(([, , device]) => device === `${major}:${minor}`);
  const [type = '', , options = ''] = row?.slice(row.indexOf('-') + 1) ?? [];
  const user = /^fuse(\.|$)/.test(type) ? /(?:^|,)user_id=(\d+)/.exec(options)?.[1] : undefined;
  return user === undefined ? undefined : Number(user);
}

/** The rows of proc(5)'s mountinfo. */
function rowsOf(fs: FileSystem): string[][] {
  const table = ignoreFailure(() => fs.readFileSync('/proc/self/mountinfo', 'utf8')) ?? '';
  return table.split('\n').map((row) => row.split(' ').map(unescapeOctal));
}

/** Mountinfo writes spaces and backslashes as octal numbers. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

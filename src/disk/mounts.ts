import type { FileIdentity, FileSystem } from './file-system.js';

/** A mount, as in proc(5)'s mountinfo. */
export interface Mount {
  /** The path within its file system. */
  readonly source: string;
  readonly isReadOnly: boolean;
}

/**
 * Determines whether a file is a mount point, such as a single file that is bind-mounted into a container.
 *
 * @param path an absolute path without symlinks
 * @returns the mount; undefined if there is none, or if it cannot be determined
 */
export function mountedAt(path: string, fs: FileSystem): Mount | undefined {
  // Fields: id, parent, device, root within the file system, mount point, options, ...; the last row of a mount point
  // is on top.
  const row = rowsOf(fs).findLast(([, , , , mountPoint]) => mountPoint === path);
  if (row === undefined) return undefined;
  const [, , , source = '', , options = ''] = row;
  return { source, isReadOnly: options.split(',').includes('ro') };
}

/**
 * The user whose program serves a file of a FUSE mount, and who can so change everything in it, whatever its owner is.
 *
 * @returns the number of the user; undefined for another file system, or if it cannot be determined
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

function rowsOf(fs: FileSystem): string[][] {
  let table: string;
  try {
    table = fs.readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return [];
  }
  return table.split('\n').map((row) => row.split(' ').map(unescapeOctal));
}

/** Mountinfo writes spaces and backslashes as octal numbers. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

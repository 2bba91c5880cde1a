import type { FileSystem } from './file-system.js';

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
  let table: string;
  try {
    table = fs.readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
  const rows = table.split('\n').map((row) => row.split(' ').map(unescapeOctal));
  // Fields: id, parent, device, root within the file system, mount point, options, ...; the last row of a mount point
  // is on top.
  const row = rows.findLast(([, , , , mountPoint]) => mountPoint === path);
  if (row === undefined) return undefined;
  const [, , , source = '', , options = ''] = row;
  return { source, isReadOnly: options.split(',').includes('ro') };
}

/** Mountinfo writes spaces and backslashes as octal numbers. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

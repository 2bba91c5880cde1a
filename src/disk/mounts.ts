import type { FileSystem } from './file-system.js';

/**
 * Determines whether a file is a mount point, such as a single file that is bind-mounted into a container.
 *
 * @param path an absolute path without symlinks
 * @returns the source of the mount as in proc(5)'s mountinfo; undefined if there is none, or if it cannot be determined
 */
export function mountedAt(path: string, fs: FileSystem): string | undefined {
  let table: string;
  try {
    table = fs.readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
  const rows = table.split('\n').map((row) => row.split(' ').map(unescapeOctal));
  // Fields: id, parent, device, root within the file system, mount point, ...; the last row of a mount point is on top.
  return rows.findLast(([, , , , mountPoint]) => mountPoint === path)?.[3];
}

/** Mountinfo writes spaces and backslashes as octal numbers. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

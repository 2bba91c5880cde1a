import type { FileSystem } from './file-system.js';

/**
 * Says whether a file is a mount point of its own, as a single bind-mounted file is in a container.
 *
 * @param path an absolute path, with no link in it
 * @returns what is mounted there, as proc(5)'s mountinfo calls it; undefined when nothing is, or nobody can tell
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

/** Blanks and backslashes stand as octal numbers in mountinfo. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

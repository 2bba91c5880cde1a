import type { FileSystem } from './file-system.js';

/** A line of /etc/passwd or /etc/group, as far as it matters here. */
interface SystemAccount {
  readonly name: string;
  readonly id: number;
}

/**
 * Gives the name of a user.
 *
 * @param uid the user's number
 * @returns the name in /etc/passwd, or the number when there is none (directories such as LDAP are not asked)
 */
export function userName(uid: number, fs: FileSystem): string {
  return nameOf(uid, '/etc/passwd', fs);
}

/** Gives the name of a group, as userName does. */
export function groupName(gid: number, fs: FileSystem): string {
  return nameOf(gid, '/etc/group', fs);
}

function nameOf(id: number, path: string, fs: FileSystem): string {
  return readAccounts(path, fs).find((account) => account.id === id)?.name ?? String(id);
}

function readAccounts(path: string, fs: FileSystem): SystemAccount[] {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch {
    return []; // names are a courtesy: numbers say the same
  }
  return text.split('\n').flatMap((line) => {
    const [name, , id] = line.split(':');
    return name && id ? [{ name, id: Number(id) }] : [];
  });
}

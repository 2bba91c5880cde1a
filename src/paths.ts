/** Paths as text. `..` stays in them: where it leads, if a symlink precedes it, is decided by the kernel. */
import { isAbsolute } from 'node:path';
import { ServiceTokensError } from './errors.js';

/** Makes a path absolute, and removes empty names and `.`. @throws USAGE for an empty one, which would be the cwd */
export function absolutePath(path: string, from: { readonly cwd: string | (() => string) }): string {
  if (path === '')
    throw new ServiceTokensError('USAGE', 'A path must not be empty', {
      hint: 'It may be a shell variable that is not set.',
    });
  const start = isAbsolute(path) ? '' : typeof from.cwd === 'string' ? from.cwd : from.cwd();
  const names = below(start, path).split('/');
  return `/${names.filter((name) => name !== '' && name !== '.').join('/')}`;
}

/** Joins a directory and a name as they are written; `path.join` would remove `..`. */
export function below(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

/** Whether a path, as text, is that of a directory or begins with it. */
export function isIn(directory: string, path: string): boolean {
  return below(path, '').startsWith(below(directory, ''));
}

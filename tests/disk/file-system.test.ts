import { expect, test } from '@jest/globals';
import { nodeFileSystem, viewOf } from '../../src/disk/file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();

test('a view replaces the paths of a call, not its other arguments', () => {
  directory.write('/real/a', 'text');
  const seen: string[] = [];
  const path = (name: string) => {
    seen.push(name);
    return name.replace(/^\/seen/, `${directory.path}/real`);
  };
  const view = viewOf(nodeFileSystem, { path });
  view.renameSync('/seen/a', '/seen/b');
  expect(view.readFileSync('/seen/b', 'utf8')).toBe('text');
  expect(seen).toEqual(['/seen/a', '/seen/b', '/seen/b']);
});

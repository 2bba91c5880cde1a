import { expect, test } from '@jest/globals';
import { whoMay } from '../../src/access/denied-error.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';

test.each([
  [61_007, 61_007, 'Its owner lacks a permission in mode 60: use chmod.'],
  [61_007, 0, 'Run the command as [61007].'], // root without its capabilities
  [0, 61_008, 'Run the command as root.'],
  [61_007, 61_008, 'Run the command as root, or as [61007].'],
])('What belongs to user %d and is closed to user %d has the hint: %s', (uid, caller, hint) => {
  expect(whoMay({ uid, gid: 0, mode: 0o060 }, caller, nodeFileSystem)).toBe(hint);
});

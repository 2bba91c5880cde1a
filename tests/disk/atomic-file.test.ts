import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { removeFile, replaceFile, requireUnchanged } from '../../src/disk/atomic-file.js';
import { nodeFileSystem as fs } from '../../src/disk/file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const ATTRIBUTES = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o600 };
let path = '';
beforeEach(() => {
  path = directory.write('file', 'old');
});

/** What another user who may write in the directory does: the name then refers to a file of theirs. */
function exchange(at: string): void {
  renameSync(at, directory.mkdir('aside') + String(performance.now()));
  writeFileSync(at, 'theirs');
}
const temporary = () =>
  join(directory.path, readdirSync(directory.path).find((name) => name.endsWith('.tmp')) ?? '');
const replace = (beforeRename: () => void) =>
  replaceFile(fs, path, [Buffer.from('new')], ATTRIBUTES, beforeRename);

describe('If another user exchanges the temporary file', () => {
  test('before the rename, the replacement is not reported as done', () => {
    expect(() => replace(() => exchange(temporary()))).toThrow(
      expect.objectContaining({
        code: 'IO',
        message: `[${path}] was replaced or removed while this command ran`,
        hint: 'Run the command again.',
      }),
    );
  });

  test('and the replacement fails, their file is not removed', () => {
    let exchanged = '';
    expect(() =>
      replace(() => {
        exchanged = temporary();
        exchange(exchanged);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(readFileSync(exchanged, 'utf8')).toBe('theirs');
    expect(readFileSync(path, 'utf8')).toBe('old');
  });
});

test('a file that was written and then exchanged is neither removed nor taken for the written one', () => {
  const written = replace(() => {});
  requireUnchanged(fs, path, written);
  exchange(path);
  expect(() => requireUnchanged(fs, path, written)).toThrow('was replaced or removed');
  expect(() => removeFile(fs, path, written)).toThrow('was replaced or removed');
  expect(existsSync(path)).toBe(true);
});

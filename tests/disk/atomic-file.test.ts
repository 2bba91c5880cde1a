import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  type Attributes,
  createFile,
  overwriteFile,
  readSnapshot,
  removeFile,
  replaceFile,
  requireUnchanged,
  type Snapshot,
  tryToCreate,
} from '../../src/disk/atomic-file.js';
import { nodeFileSystem, O } from '../../src/disk/file-system.js';
import { completeOrUndo, replaceUndoably } from '../../src/disk/undoable-write.js';
import { failing, systemError, watchedFileSystem } from '../support/faulty-file-system.js';
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
  replaceFile(nodeFileSystem, path, [Buffer.from('new')], ATTRIBUTES, beforeRename);

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
  requireUnchanged(nodeFileSystem, path, written);
  exchange(path);
  expect(() => requireUnchanged(nodeFileSystem, path, written)).toThrow('was replaced or removed');
  expect(() => removeFile(nodeFileSystem, path, written)).toThrow('was replaced or removed');
  expect(existsSync(path)).toBe(true);
});

describe('A system call that fails', () => {
  test('although the rename took effect, as on NFS, is no failure: what counts is which file has the name', () => {
    const { fs } = watchedFileSystem({
      before(_, name, args) {
        if (name !== 'renameSync') return;
        renameSync(...(args as [string, string]));
        throw systemError('EIO', 'rename');
      },
    });
    replaceFile(fs, path, [Buffer.from('new')], ATTRIBUTES);
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(directory.path)).toEqual(['file']);
  });

  test.each<[after: string, writes: number, restored: boolean]>([
    ['before the first byte was overwritten', 0, true],
    ['after a byte was overwritten, and again while the old content is restored', 1, false],
  ])('%s, says whether the file is damaged, and leaves nothing open', (_, writes, isWhole) => {
    const old = readSnapshot(nodeFileSystem, path) as Snapshot;
    directory.mkdir('.file.lock'); // the lock is held, and synced before the first byte
    let calls = 0;
    const { fs, openDescriptors } = watchedFileSystem({
      before(_, name, args) {
        if (name !== 'writeSync') return;
        if (calls++ >= writes) throw systemError('EIO', 'write');
        const [fd, bytes, offset, , position] = args as [number, Uint8Array, number, number, number];
        nodeFileSystem.writeSync(fd, bytes, offset, 1, position);
      },
      instead: (name) => (name === 'writeSync' ? 1 : undefined),
    });
    const damaged = `could not write [${path}], and could not restore its content: the file is damaged`;
    expect(() => overwriteFile(fs, path, [Buffer.from('new!')], old)).toThrow(
      isWhole ? `could not write [${path}]: system error EIO` : damaged,
    );
    expect(openDescriptors.size).toBe(0);
  });
});

test('every file is made exclusively, for its owner alone, with an unpredictable name', () => {
  const made: unknown[] = [];
  const { fs } = watchedFileSystem({
    before: (_, name, call) => name === 'openSync' && call[2] !== undefined && made.push(call),
  });
  tryToCreate(fs, path);
  for (const mode of [0o644, 0o600]) replaceFile(fs, path, [], { ...ATTRIBUTES, mode });
  const temporaryName = expect.stringMatching(/\/\.file\.[0-9a-f]{18}\.tmp$/);
  expect(made).toEqual(Array(3).fill([temporaryName, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600]));
  expect(new Set(made.map(String)).size).toBe(3);
  expect(readdirSync(directory.path)).toEqual(['file']);
});

test('the group bits of a new file are dropped if it cannot be given to that group', () => {
  const fs = failing('fchownSync', 'EPERM');
  const wanted = (born: Attributes) => ({ ...born, gid: born.gid + 1, mode: 0o640 });
  expect(replaceFile(fs, path, [], wanted).attributes).toEqual(ATTRIBUTES);
});

test('a file with a second hard link is not overwritten in place', () => {
  linkSync(path, join(directory.path, 'link'));
  const old = readSnapshot(nodeFileSystem, path) as Snapshot;
  expect(() => overwriteFile(nodeFileSystem, path, [Buffer.from('new')], old)).toThrow('than one hard link');
  expect(readFileSync(path, 'utf8')).toBe('old');
});

test('a new file that cannot be given to its group is removed', () => {
  const fs = failing('fchownSync', 'EPERM');
  const at = join(directory.path, 'new');
  const wanted = (born: Attributes) => ({ ...born, gid: born.gid + 1 });
  expect(() => createFile(fs, at, Buffer.from('new'), wanted)).toThrow('could not give');
  expect(existsSync(at)).toBe(false);
});

describe('A change with a last step', () => {
  const fail = (error: string) => () => {
    throw new Error(error);
  };
  const change = (assertHeld: () => void, step: () => void, inPlace?: boolean, isNew = false) => {
    const before = isNew ? undefined : readSnapshot(nodeFileSystem, path);
    const replacement = { before, content: [Buffer.from('new')], wanted: ATTRIBUTES, inPlace };
    return replaceUndoably(nodeFileSystem, path, { assertHeld }, replacement, step);
  };

  test('does not overwrite the file in place if the lock is lost', async () => {
    await expect(change(fail('lost'), () => {}, true)).rejects.toThrow('lost');
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  test('does not overwrite a file in place that another user exchanged', async () => {
    await expect(
      change(
        () => exchange(path),
        () => {},
        true,
      ),
    ).rejects.toThrow('was replaced or removed');
    expect(readFileSync(path, 'utf8')).toBe('theirs');
  });

  test('is not undone if another user exchanged the file meanwhile', async () => {
    const step = () => {
      exchange(path);
      throw new Error('no');
    };
    await expect(change(() => {}, step)).rejects.toThrow('no; the change could not be undone: [');
    expect(readFileSync(path, 'utf8')).toBe('theirs');
  });

  test('is not undone if the lock is lost meanwhile, not even by removing a new file', async () => {
    let calls = 0;
    const assertHeld = () => (calls++ > 0 ? fail('lost')() : undefined);
    const changed = change(assertHeld, fail('no'), false, true);
    await expect(changed).rejects.toThrow('no; the change could not be undone: lost');
    expect(readFileSync(path, 'utf8')).toBe('new');
  });
});

describe('What is written is synced:', () => {
  const order: string[] = [];
  const { fs } = watchedFileSystem({
    before(_, name, [at]) {
      if (!/^(write|ftruncate|fsync|rename|unlink)Sync$/.test(name)) return;
      const file = typeof at === 'number' ? readlinkSync(`/proc/self/fd/${at}`) : String(at);
      order.push(
        `${name.replace('Sync', '')} ${relative(directory.path, file).replace(/\w{18}/, 'x') || '.'}`,
      );
    },
  });
  beforeEach(() => void order.splice(0));

  test('a file that is replaced, before its rename', () => {
    replaceFile(fs, path, [Buffer.from('new')], ATTRIBUTES, () => order.push('lock asserted'));
    expect(order).toEqual(['write .file.x.tmp', 'fsync .file.x.tmp', 'lock asserted', 'rename .file.x.tmp']);
  });

  test('the lock and its name, before a file is overwritten in place, so that check reports the file', () => {
    directory.mkdir('.file.lock');
    overwriteFile(fs, path, [Buffer.from('new')], readSnapshot(fs, path) as Snapshot);
    expect(order).toEqual(['fsync .file.lock', 'fsync .', 'write file', 'ftruncate file', 'fsync file']);
  });

  test('the directory, before the last step and after undoing', async () => {
    const step = () => {
      order.push('step');
      throw new Error('no');
    };
    const written = replace(() => {});
    await expect(completeOrUndo(fs, path, step, () => removeFile(fs, path, written))).rejects.toThrow('no');
    expect(order).toEqual(['fsync .', 'step', 'unlink file', 'fsync .']);
  });
});

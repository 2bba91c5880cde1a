/** Opening regular files only, and reading with a limit. */
import { execFileSync } from 'node:child_process';
import { renameSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { openRegular, readBounded } from '../../src/disk/bounded-read.js';
import { nodeFileSystem, O } from '../../src/disk/file-system.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const at = (name: string) => `${directory.path}/${name}`;

describe('openRegular', () => {
  test('opens a regular file, and returns its fstat', () => {
    directory.write('file', 'text');
    const opened = openRegular(nodeFileSystem, at('file'));
    expect(opened).toMatchObject({ fd: expect.any(Number), stat: { size: 4n } });
    if (opened.fd !== undefined) nodeFileSystem.closeSync(opened.fd);
  });

  test.each([
    { kind: 'a directory', flags: O.RDONLY, make: () => directory.mkdir('it') },
    {
      kind: 'a symlink',
      flags: O.RDONLY,
      make: () => symlinkSync(directory.write('file', 'text'), at('it')),
    },
    { kind: 'a named pipe', flags: O.RDONLY, make: () => execFileSync('mkfifo', [at('it')]) },
    { kind: 'a named pipe', flags: O.WRONLY, make: () => execFileSync('mkfifo', [at('it')]) },
    { kind: 'a device', flags: O.RDONLY, path: '/dev/zero', make: () => {} },
  ])(
    'returns the kind of $kind without blocking, and leaves nothing open (flags $flags)',
    ({ kind, flags, make, path = at('it') }) => {
      make();
      const { fs, openDescriptors } = watchedFileSystem();
      expect(openRegular(fs, path, flags)).toEqual({ fd: undefined, kind });
      expect(openDescriptors.size).toBe(0);
    },
  );

  test('returns the kind of a socket without blocking', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('it'), resolve));
    expect(openRegular(nodeFileSystem, at('it'))).toEqual({ fd: undefined, kind: 'a socket' });
    await new Promise((resolve) => server.close(resolve));
  });

  test("throws the system's error if the file does not exist", () => {
    expect(() => openRegular(nodeFileSystem, at('none'))).toThrow('ENOENT');
  });

  test('without /proc, a file that is exchanged for a symlink before it is opened does not exist', () => {
    directory.write('file', 'text');
    const { fs, openDescriptors } = watchedFileSystem({
      before(_, name, [path]) {
        if (name !== 'openSync' || !String(path).startsWith('/proc/')) return;
        renameSync(at('file'), at('target'));
        symlinkSync('target', at('file'));
        throw systemError('ENOENT', name);
      },
    });
    expect(() => openRegular(fs, at('file'))).toThrow('ENOENT: it was replaced');
    expect(openDescriptors.size).toBe(0);
  });

  test('leaves nothing open when fstat fails', () => {
    directory.write('file', 'text');
    const { fs, openDescriptors } = watchedFileSystem({
      before: (_, name) => {
        if (name === 'fstatSync') throw systemError('EIO', 'fstat');
      },
    });
    expect(() => openRegular(fs, at('file'))).toThrow('EIO');
    expect(openDescriptors.size).toBe(0);
  });
});

describe('readBounded', () => {
  test.each([
    { size: 0, limit: 0, read: 0, why: 'there is nothing' },
    { size: 1, limit: 0, read: 1, why: 'one byte tells that there is too much' },
    { size: 10, limit: 10, read: 10, why: 'the limit itself is allowed' },
    { size: 12, limit: 10, read: 11, why: 'one byte over tells enough' },
    { size: 64 * 1024, limit: 1e9, read: 64 * 1024, why: 'the first chunk is just full' },
    { size: 300_001, limit: 1e9, read: 300_001, why: 'several chunks are put together' },
    { size: 300_001, limit: 200_000, read: 200_001, why: 'a chunk ends at the limit' },
  ])('reads $read of $size bytes with the limit $limit, because $why', ({ size, limit, read }) => {
    const content = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251));
    directory.write('file', content);
    const fd = nodeFileSystem.openSync(at('file'), O.RDONLY);
    const bytes = readBounded(nodeFileSystem, fd, limit);
    nodeFileSystem.closeSync(fd);
    expect(bytes.equals(content.subarray(0, read))).toBe(true);
  });

  test('an endless source is read up to the limit', () => {
    const fd = nodeFileSystem.openSync('/dev/zero', O.RDONLY);
    expect(readBounded(nodeFileSystem, fd, 1_000_000).length).toBe(1_000_001);
    nodeFileSystem.closeSync(fd);
  });

  test('a file with a reported size of 0 is read to its end', () => {
    const fd = nodeFileSystem.openSync('/proc/self/status', O.RDONLY);
    expect(readBounded(nodeFileSystem, fd, 1e6).toString()).toMatch(/^Name:/);
    nodeFileSystem.closeSync(fd);
  });

  test('small pieces are joined', () => {
    const pieces = ['ab', 'c', 'def', ''];
    const readSync = (_: number, target: Buffer, offset: number) =>
      target.write(pieces.shift() ?? '', offset);
    expect(String(readBounded({ readSync: readSync as never }, 0, 100))).toBe('abcdef');
  });
});

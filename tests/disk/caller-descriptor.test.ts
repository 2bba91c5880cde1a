/** Descriptors that the caller passed, by their paths. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { callerDescriptor, readCallerDescriptor } from '../../src/disk/caller-descriptor.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { projectRoot } from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const MIB = 2 ** 20;

/** Returns the path of a descriptor that is open on a new file. */
function withDescriptor<T>(content: string | Uint8Array, work: (path: string) => T): T {
  const fd = openSync(directory.write('file', content), 'r');
  try {
    return work(`/dev/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

describe('The path of a descriptor', () => {
  test.each([
    ['/dev/stdin', 0],
    ['/dev/fd/0', 0],
    ['/dev/fd/63', 63],
    ['/proc/self/fd/3', 3],
    ['/dev/fd', undefined],
    ['/dev/fd/', undefined],
    ['/dev/fd/3/x', undefined],
    ['/dev/fd/-1', undefined],
    ['/dev/fd/99999999999', undefined],
    ['/dev/null', undefined],
    ['/etc/elasticsearch/dev/fd/3', undefined],
    ['/proc/1/fd/3', undefined],
  ])('%s is descriptor %s', (path, fd) => {
    expect(callerDescriptor(path)).toBe(fd);
    if (fd === undefined) expect(readCallerDescriptor(nodeFileSystem, path, MIB)).toBeUndefined();
  });
});

describe('The content', () => {
  test('is read whole, up to the limit', () => {
    const content = Buffer.alloc(MIB, 'x');
    const read = withDescriptor(content, (path) => readCallerDescriptor(nodeFileSystem, path, MIB));
    expect(read?.equals(content)).toBe(true);
  });

  test('is an error if it exceeds the limit, and the message contains the limit', () => {
    withDescriptor(Buffer.alloc(MIB + 1, 'x'), (path) => {
      expect(() => readCallerDescriptor(nodeFileSystem, path, MIB)).toThrow(
        `could not read [${path}]: it has more than 1048576 bytes, and the limit is 1 MiB`,
      );
    });
  });

  test('is waited for, even if the descriptor is nonblocking', () => {
    let refusals = 3;
    const { fs } = watchedFileSystem({
      before: (_, name) => {
        if (name === 'readSync' && refusals-- > 0) throw systemError('EAGAIN', 'read');
      },
    });
    withDescriptor('text', (path) => {
      expect(readCallerDescriptor(fs, path, MIB)?.toString()).toBe('text');
    });
    expect(refusals).toBeLessThan(0);
  });

  test('is not read from descriptors that Node opened for itself, some of which never end', () => {
    const program = `
      const { readCallerDescriptor } = await import('${join(projectRoot, 'dist/src/disk/caller-descriptor.js')}');
      const { nodeFileSystem: fs } = await import('${join(projectRoot, 'dist/src/disk/file-system.js')}');
      for (let fd = 3; fd < 64; fd++) {
        try { readCallerDescriptor(fs, '/dev/fd/' + fd, ${MIB}) } catch (error) { console.log(error.message) }
      }`;
    const args = ['--input-type=module', '-e', program];
    const { stdout, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/: the read would never end\n/);
    expect(stdout).toMatch(/: it is not open for reading\n/);
  });
});

import { afterEach, expect, jest, test } from '@jest/globals';
import { PathWatcher } from '../../src/disk/path-watcher.js';
import { MAX_TIMER } from '../../src/require.js';
import { watchedFileSystem } from '../support/faulty-file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const POLL = 3_600_000;
afterEach(() => {
  jest.restoreAllMocks();
});

/** The interval after which a watcher of a file looks again without an event. */
async function intervalOn(type: number): Promise<unknown> {
  const { fs } = watchedFileSystem({ instead: (name) => (name === 'statfsSync' ? { type } : undefined) });
  const setInterval = jest.spyOn(globalThis, 'setInterval');
  const watcher = new PathWatcher(fs, directory.write('file', ''), POLL, () => {});
  await watcher.refresh();
  watcher.close();
  return setInterval.mock.calls.at(-1)?.[1];
}

test.each([
  ['NFS', 0x6969],
  ['CIFS', 0xff534d42],
  ['9p', 0x01021997],
  ['FUSE', 0x65735546],
  ['Ceph', 0x00c36400],
])('a file on %s, which changes without the kernel’s knowledge, is polled', async (_, type) => {
  expect(await intervalOn(type)).toBe(POLL);
});

test('a file on a local file system is not polled', async () => {
  expect(await intervalOn(0xef53)).toBe(MAX_TIMER);
});

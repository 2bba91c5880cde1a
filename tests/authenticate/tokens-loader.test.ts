import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ATTEMPTS, loadTokens, PIECE_BYTES } from '../../src/authenticate/tokens-loader.js';
import { nextTurn } from '../../src/authenticate/turns.js';
import { MAX_FILE_BYTES } from '../../src/disk/atomic-file.js';
import { type Interference, systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { TurnCounter } from '../support/turns.js';

const directory = temporaryDirectory();
const line = (name: string) => `elastic/kibana/${name}:{SHA}x\n`;
/** A file of two slices, with an entry at its end. */
const large = () =>
  directory.write('large', `#${' '.repeat(98)}\n`.repeat(PIECE_BYTES / 100 + 1) + line('last'));

async function load(path: string, interference: Interference = {}, pause = nextTurn) {
  const watched = watchedFileSystem(interference);
  const { entries, error } = await loadTokens(watched.fs, path, pause);
  expect([...watched.openDescriptors]).toEqual([]);
  return { names: [...entries.keys()], error, calls: watched.calls };
}

describe('A tokens file', () => {
  test('is read through symlinks', async () => {
    directory.write('real', line('a'));
    symlinkSync('real', join(directory.path, 'link'));
    expect(await load(join(directory.path, 'link'))).toMatchObject({ names: ['elastic/kibana/a'] });
  });

  test('that does not exist is empty', async () => {
    expect(await load(join(directory.path, 'nothing'))).toMatchObject({ names: [], error: undefined });
  });

  /** The turn of the event loop in which each read was made. */
  async function turnsOfReads(path: string) {
    const counter = new TurnCounter();
    const turns: number[] = [];
    const { names } = await load(path, {
      before: (_, call) => void (call === 'readSync' && turns.push(counter.turns)),
    });
    counter.stop();
    return { names, turns };
  }

  test('is read in slices, with a turn of the event loop between two of them', async () => {
    const { names, turns } = await turnsOfReads(large());
    expect(names).toEqual(['elastic/kibana/last']);
    expect(new Set(turns).size).toBe(2);
  });

  test('that is small is read in one turn', async () => {
    const { names, turns } = await turnsOfReads(directory.write('small', line('a')));
    expect(names).toEqual(['elastic/kibana/a']);
    expect(new Set(turns).size).toBe(1);
  });
});

describe('A file that changes while it is read', () => {
  const changes = {
    'a write that keeps its size': (path: string) => writeFileSync(path, '#', { flag: 'r+' }),
    'one that lets it grow': (path: string) => appendFileSync(path, line('more')),
    'one that lets it shrink': (path: string) => writeFileSync(path, line('less')),
  };

  test.each(Object.entries(changes))('is read again (%s)', async (_, change) => {
    const path = large();
    let reads = 0;
    const { error, calls } = await load(path, {
      before: (_number, call) => void (call === 'readSync' && ++reads === 2 && change(path)),
    });
    expect(error).toBeUndefined();
    expect(calls.filter((call) => call === 'openSync')).toHaveLength(2);
  });

  test('during each read is an error after the last attempt', async () => {
    const path = large();
    const { names, error, calls } = await load(path, {
      before: (_, call) => void (call === 'readSync' && appendFileSync(path, line('more'))),
    });
    expect(names).toEqual([]);
    expect(error).toMatchObject({
      code: 'IO',
      message: `could not read [${path}]: it changed during each of ${ATTEMPTS} reads`,
    });
    expect(calls.filter((call) => call === 'openSync')).toHaveLength(ATTEMPTS);
  });
});

describe('Every failure is returned as an error, and not thrown:', () => {
  test('a named pipe, immediately', async () => {
    const path = join(directory.path, 'pipe');
    execFileSync('mkfifo', [path]);
    expect((await load(path)).error).toMatchObject({
      code: 'IO',
      message: `could not read [${path}]: it is not a regular file`,
    });
  });

  test('a device', async () => {
    expect((await load('/dev/zero')).error).toMatchObject({
      message: 'could not read [/dev/zero]: it is not a regular file',
    });
  });

  test('a directory', async () => {
    const path = join(directory.path, 'directory');
    mkdirSync(path);
    expect((await load(path)).error?.message).toBe(`could not read [${path}]: it is a directory`);
  });

  test('a file over the limit, of which nothing is read', async () => {
    const path = directory.write('huge');
    truncateSync(path, MAX_FILE_BYTES + 1); // a sparse file
    const { error, calls } = await load(path);
    expect(error).toMatchObject({
      code: 'IO',
      message: `could not read [${path}]: it has 1073741825 bytes, and the limit is 1073741824 bytes (1 GiB)`,
    });
    expect(calls).not.toContain('readSync');
  });

  test('a file that the server could not read', async () => {
    expect((await load(directory.write('broken', 'broken'))).error).toMatchObject({ code: 'MALFORMED_FILE' });
  });

  const failures = [
    { error: systemError('EIO', 'read'), code: 'IO', says: 'system error EIO' },
    { error: systemError('EACCES', 'open'), code: 'PERMISSION', says: 'permission denied' },
    { error: systemError('ENOMEM', 'read'), code: 'IO', says: 'system error ENOMEM' },
    {
      error: Object.assign(new RangeError('File size is greater than 2 GiB'), {
        code: 'ERR_FS_FILE_TOO_LARGE',
      }),
      code: 'IO',
      says: 'it cannot be processed (ERR_FS_FILE_TOO_LARGE)',
    },
    {
      error: new RangeError('Array buffer allocation failed'),
      code: 'IO',
      says: 'it cannot be processed (RangeError)',
    },
  ];

  test.each(failures)('a call that fails: $error.message', async ({ error, code, says }) => {
    const path = directory.write('service_tokens', line('a'));
    for (const call of ['openSync', 'fstatSync', 'readSync', 'closeSync']) {
      const result = await load(path, {
        before: (_, name) => {
          if (name === call) throw error;
        },
      });
      expect(result).toMatchObject({
        names: [],
        error: { code, message: `could not read [${path}]: ${says}` },
      });
    }
  });
});

import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { withLock } from '../src/file-lock.js';
import { nodeFileSystem } from '../src/file-system.js';
import { livenessOf, ownProcess, type ProcessIdentity } from '../src/processes.js';
import { watchedFileSystem } from './support/faulty-file-system.js';
import { temporaryDirectory } from './support/temporary-directory.js';

const directory = temporaryDirectory();
let path = '';
beforeEach(() => {
  path = directory.write('tokens', 'old');
});

const lockDirectory = () => join(directory.path, '.tokens.lock');
const own = ownProcess(nodeFileSystem);
/** This test's parent: alive, of the same pid namespace, and not this process. */
const parent: ProcessIdentity = { ...own, pid: process.ppid, started: startOf(process.ppid) };
const dead: ProcessIdentity = { ...own, pid: 2 ** 22 + 1 }; // above the kernel's highest number
const foreign: ProcessIdentity = { pid: 1, started: '1', scope: '4026532999_0123456789ab' };

function startOf(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[20] ?? '';
}

/** Lays a lock down as another process would. */
function lockedBy({ pid, started, scope }: ProcessIdentity, ageInSeconds = 0): string {
  mkdirSync(lockDirectory(), { recursive: true });
  const mark = join(lockDirectory(), `${pid}-${started}-${scope}-0123456789ab`);
  writeFileSync(mark, '');
  const then = Date.now() / 1000 - ageInSeconds;
  utimesSync(mark, then, then);
  return mark;
}

const take = (patience = 50, work: () => Promise<unknown> = async () => 'done') =>
  withLock(nodeFileSystem, path, { patience }, work);

test('many tasks at once work one after the other', async () => {
  let inside = 0;
  let count = 0;
  await Promise.all(
    Array.from({ length: 20 }, () =>
      take(10_000, async () => {
        expect(++inside).toBe(1);
        const read = count;
        await sleep(1);
        count = read + 1;
        inside--;
      }),
    ),
  );
  expect(count).toBe(20);
  expect(readdirSync(directory.path)).toEqual(['tokens']);
});

test('the lock is given back when the work fails', async () => {
  await expect(take(50, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(take()).resolves.toBe('done');
  expect(readdirSync(directory.path)).toEqual(['tokens']);
});

test('an empty lock directory, as a kill may leave it, is a free lock', async () => {
  mkdirSync(lockDirectory());
  await expect(take()).resolves.toBe('done');
  expect(readdirSync(directory.path)).toEqual(['tokens']);
});

describe('a holder', () => {
  test('that lives is waited for, never robbed, and named when patience ends', async () => {
    const mark = lockedBy(parent, 3_600);
    await expect(take()).rejects.toMatchObject({
      code: 'LOCKED',
      message: `could not lock [${path}]: process ${process.ppid} has held the lock for 0.05 seconds`,
    });
    expect(readdirSync(lockDirectory())).toEqual([mark.slice(lockDirectory().length + 1)]);
    expect(readdirSync(directory.path).sort()).toEqual(['.tokens.lock', 'tokens']);
  });

  test('that is dead is cleared at once', async () => {
    lockedBy(dead);
    await expect(take(0)).resolves.toBe('done');
  });

  test('whose number is in use again by another process is dead', async () => {
    lockedBy({ ...parent, started: '1' });
    await expect(take(0)).resolves.toBe('done');
  });

  test('of this very process, left from a release that failed, is dead', async () => {
    lockedBy(own);
    await expect(take(0)).resolves.toBe('done');
  });

  test('of another container that shows a sign of life is waited for', async () => {
    lockedBy(foreign);
    await expect(take()).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('process 1 has'),
    });
  });

  test('of another container that has shown none for longer than three heartbeats is dead', async () => {
    lockedBy(foreign, 2);
    await expect(take(0)).resolves.toBe('done');
  });

  test('of another container is judged by the clock of the file system, not by that of this machine', async () => {
    // The file system is an hour ahead of this machine: a mark of now, there, is no old mark here, nor the other way.
    const ahead = watchedFileSystem({
      instead: (name, at) => {
        if (name !== 'statSync' || !String(at).includes('.lock')) return undefined;
        const stat = statSync(String(at));
        stat.mtimeMs += 3_600_000;
        return stat;
      },
    });
    lockedBy(foreign);
    await expect(withLock(ahead.fs, path, { patience: 50 }, async () => 'done')).rejects.toMatchObject({
      code: 'LOCKED',
    });
  });

  test('that was taken for dead finds out before it replaces anything', async () => {
    await expect(
      withLock(nodeFileSystem, path, {}, async (lock) => {
        lock.assertHeld();
        for (const mark of readdirSync(lockDirectory()))
          nodeFileSystem.unlinkSync(join(lockDirectory(), mark));
        lock.assertHeld();
      }),
    ).rejects.toMatchObject({ code: 'LOCKED', message: expect.stringContaining('was lost') });
  });
});

test('two waiters that see the same dead lock do not get in together', async () => {
  let inside = 0;
  const enter = async () => {
    expect(++inside).toBe(1);
    await sleep(2);
    inside--;
  };
  for (let round = 0; round < 20; round++) {
    lockedBy(dead);
    await Promise.all([take(5_000, enter), take(5_000, enter), take(5_000, enter)]);
  }
});

test('a waiter that saw a dead lock can not clear the lock that another has taken since', async () => {
  // The waiter is held up between its look at the dead mark and its unlink; meanwhile another one clears and takes it.
  lockedBy(dead);
  let other: Promise<unknown> | undefined;
  let leave = () => {};
  const gate = new Promise<void>((resolve) => {
    leave = resolve;
  });
  let entered = false;
  const { fs } = watchedFileSystem({
    before(_, name) {
      if (name !== 'unlinkSync' || other) return;
      other = take(0, () => {
        entered = true;
        return gate;
      });
    },
  });
  const waiter = withLock(fs, path, { patience: 100 }, async () => 'done');
  await expect(waiter).rejects.toMatchObject({ code: 'LOCKED' });
  expect(entered).toBe(true);
  leave();
  await other;
});

test('a lock directory that holds something else is an error that names it', async () => {
  mkdirSync(lockDirectory());
  writeFileSync(join(lockDirectory(), 'junk'), '');
  await expect(take()).rejects.toMatchObject({
    code: 'LOCKED',
    hint: `Remove [${join(lockDirectory(), 'junk')}].`,
  });
});

test('a file in the place of the lock is an error that names it', async () => {
  writeFileSync(lockDirectory(), '');
  await expect(take()).rejects.toMatchObject({ code: 'LOCKED', hint: `Remove [${lockDirectory()}].` });
  expect(readdirSync(directory.path).sort()).toEqual(['.tokens.lock', 'tokens']);
});

test('a signal ends the waiting', async () => {
  lockedBy(parent);
  const controller = new AbortController();
  const waiting = withLock(nodeFileSystem, path, { signal: controller.signal }, async () => 'done');
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(readdirSync(directory.path).sort()).toEqual(['.tokens.lock', 'tokens']);
});

test('who may write in the directory may also clear its lock: they have the same mode', async () => {
  nodeFileSystem.chmodSync(directory.path, 0o770);
  await take(50, async () => expect(statSync(lockDirectory()).mode & 0o7777).toBe(0o770));
});

test('the directories of killed waiters are removed, those of living ones stay', async () => {
  const waiter = ({ pid, started, scope }: ProcessIdentity) =>
    `.tokens.lock-${pid}-${started}-${scope}-0123456789ab`;
  for (const identity of [dead, parent, foreign]) directory.write(join(waiter(identity), 'mark'));
  await take();
  expect(readdirSync(directory.path).sort()).toEqual([waiter(foreign), waiter(parent), 'tokens'].sort());
});

describe('livenessOf', () => {
  test.each([
    ['this process', own, 'alive'],
    ['its parent', parent, 'alive'],
    ['a number that nobody has', dead, 'dead'],
    ['a number that another process has now', { ...parent, started: '1' }, 'dead'],
    ['a number of another pid namespace', foreign, 'foreign'],
  ] as const)('knows %s', (_, identity, expected) => {
    expect(livenessOf(identity, nodeFileSystem)).toBe(expected);
  });
});

import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { withLock } from '../../src/disk/file-lock.js';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';
import { leftovers } from '../../src/disk/lock-leftovers.js';
import { type LockTiming, OwnerWatch, TIMING } from '../../src/disk/lock-owner.js';
import { livenessOf, ownProcess, type ProcessIdentity } from '../../src/disk/processes.js';
import { ServiceTokensFile } from '../../src/tokens-file/service-tokens-file.js';
import { type Interference, systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { rejectionOf } from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { runsOf } from '../support/thoroughness.js';

const directory = temporaryDirectory();
let path = '';
beforeEach(() => {
  path = directory.write('tokens', 'old');
});

const lockDirectory = () => join(directory.path, '.tokens.lock');
const own = ownProcess(nodeFileSystem);
/** The parent of this test: a live process in the same pid namespace. */
const parent: ProcessIdentity = { ...own, pid: process.ppid, started: startOf(process.ppid) };
const dead: ProcessIdentity = { ...own, pid: 2 ** 22 + 1 }; // above the kernel's maximum
const foreign: ProcessIdentity = { pid: 1, started: '1', scope: '4026532999_0123456789ab' };

function startOf(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[20] ?? '';
}

/** Makes the lock of another process. */
function lockedBy({ pid, started, scope }: ProcessIdentity, ageInSeconds = 0): string {
  mkdirSync(lockDirectory(), { recursive: true });
  const mark = join(lockDirectory(), `${pid}-${started}-${scope}-0123456789ab`);
  writeFileSync(mark, '');
  const then = Date.now() / 1000 - ageInSeconds;
  utimesSync(mark, then, then);
  return mark;
}

/** A faster timing of the lock. */
const QUICK: LockTiming = { heartbeat: 20, deadline: 60, poll: { least: 1, most: 5 } };

const take = (patience = 50, work: () => Promise<unknown> = async () => 'done') =>
  withLock(nodeFileSystem, path, { patience, timing: QUICK }, work);

/** The file system as seen by a process of another container, with another pid namespace. */
const inOtherContainer = (_: string, at: unknown) =>
  at === '/proc/self/ns/pid' ? 'pid:[4026532998]' : undefined;
const otherContainer = (interference: Interference = {}): FileSystem =>
  watchedFileSystem({ ...interference, instead: inOtherContainer }).fs;

test('many simultaneous tasks work one at a time', async () => {
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

test('the lock is released if the work fails', async () => {
  await expect(take(50, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(take()).resolves.toBe('done');
  expect(readdirSync(directory.path)).toEqual(['tokens']);
});

test('an empty lock directory, which a killed process may leave, is a free lock', async () => {
  mkdirSync(lockDirectory());
  await expect(take()).resolves.toBe('done');
  expect(readdirSync(directory.path)).toEqual(['tokens']);
});

describe('a lock holder', () => {
  test('that is alive keeps the lock, and is named when the wait times out', async () => {
    const mark = lockedBy(parent, 3_600);
    await expect(take()).rejects.toMatchObject({
      code: 'LOCKED',
      message: `could not lock [${path}]: process ${process.ppid} has held the lock for 0.05 seconds`,
    });
    expect(readdirSync(lockDirectory())).toEqual([mark.slice(lockDirectory().length + 1)]);
    expect(readdirSync(directory.path).sort()).toEqual(['.tokens.lock', 'tokens']);
  });

  test('that is dead loses the lock immediately', async () => {
    lockedBy(dead);
    await expect(take(0)).resolves.toBe('done');
  });

  test('whose process number was reused is dead', async () => {
    lockedBy({ ...parent, started: '1' });
    await expect(take(0)).resolves.toBe('done');
  });

  test('of this process, left over from a failed release, is dead', async () => {
    lockedBy(own);
    await expect(take(0)).resolves.toBe('done');
  });

  test('that is stopped is alive, and keeps the lock', async () => {
    const stopped = spawn('sleep', ['60'], { stdio: 'ignore' });
    const pid = stopped.pid ?? 0;
    try {
      stopped.kill('SIGSTOP');
      lockedBy({ ...own, pid, started: startOf(pid) });
      await expect(take(4 * QUICK.deadline)).rejects.toMatchObject({
        message: expect.stringContaining(`process ${pid} has held the lock`),
        hint: `Wait for process ${pid} to finish, or stop it.`,
      });
    } finally {
      stopped.kill('SIGKILL');
    }
  });

  test('that is another task of this process is named in the message', async () => {
    await take(50, async () => {
      await expect(take()).rejects.toMatchObject({
        message: `could not lock [${path}]: another task of this process has held the lock for 0.05 seconds`,
      });
    });
  });

  test('that is another thread of this process is named in the message', async () => {
    lockedBy({ ...own, scope: `${own.scope}_w1` });
    await expect(take(0)).rejects.toMatchObject({
      message: `could not lock [${path}]: another thread of this process has held the lock for 0 seconds`,
    });
  });

  test('that lost the lock fails before it replaces anything', async () => {
    await expect(
      withLock(nodeFileSystem, path, {}, async (lock) => {
        lock.assertHeld();
        for (const mark of readdirSync(lockDirectory()))
          nodeFileSystem.unlinkSync(join(lockDirectory(), mark));
        lock.assertHeld();
      }),
    ).rejects.toMatchObject({ code: 'LOCKED', message: expect.stringContaining('lost the lock') });
  });
});

test('two waiters that see the same stale lock do not both acquire it', async () => {
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

test('a waiter that saw a stale lock cannot clear the lock that another has acquired since', async () => {
  // The waiter is delayed between reading the stale mark and its unlink; meanwhile another one acquires the lock.
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

test('a lock directory that contains another file is an error that names the file', async () => {
  mkdirSync(lockDirectory());
  writeFileSync(join(lockDirectory(), 'junk'), '');
  await expect(take()).rejects.toMatchObject({
    code: 'LOCKED',
    message: `[${join(lockDirectory(), 'junk')}] does not belong in a lock directory`,
    hint: `Remove [${join(lockDirectory(), 'junk')}].`,
  });
});

test.each<[what: string, make: () => void]>([
  ['a file', () => writeFileSync(lockDirectory(), '')],
  ['a named pipe', () => execFileSync('mkfifo', [lockDirectory()])],
  ['a dangling symlink', () => symlinkSync('nowhere', lockDirectory())],
  ['a link to a directory', () => symlinkSync(directory.mkdir('elsewhere'), lockDirectory())],
])('%s in place of the lock is an immediate error, whatever the patience', async (_, make) => {
  make();
  await expect(take(3_600_000)).rejects.toMatchObject({
    code: 'LOCKED',
    message: `[${lockDirectory()}] is not a lock directory`,
    hint: `Remove [${lockDirectory()}].`,
  });
  expect(
    readdirSync(directory.path)
      .filter((name) => name !== 'elsewhere')
      .sort(),
  ).toEqual(['.tokens.lock', 'tokens']);
});

test('a signal aborts the wait', async () => {
  lockedBy(parent);
  const controller = new AbortController();
  const waiting = withLock(nodeFileSystem, path, { signal: controller.signal }, async () => 'done');
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(readdirSync(directory.path).sort()).toEqual(['.tokens.lock', 'tokens']);
});

test('the lock has the owner, group and mode of the directory, whose writers may clear it', async () => {
  nodeFileSystem.chmodSync(directory.path, 0o770);
  await take(50, async () => expect(statSync(lockDirectory()).mode & 0o7777).toBe(0o770));
});

describe('patience', () => {
  test('starts over whenever the lock changes hands', async () => {
    const patience = 30;
    let mark = lockedBy(parent);
    let hands = 0;
    const { fs } = watchedFileSystem({
      before(_, name) {
        if (name !== 'readdirSync' || hands >= 100) return;
        unlinkSync(mark); // before each look the lock goes to another process; in the end it is free
        if (++hands === 100) rmSync(lockDirectory(), { recursive: true });
        if (hands >= 100) return;
        mark = join(
          lockDirectory(),
          `${parent.pid}-${parent.started}-${parent.scope}-${`${hands}`.padStart(12, '0')}`,
        );
        writeFileSync(mark, '');
      },
    });
    const start = performance.now();
    await expect(withLock(fs, path, { patience, timing: QUICK }, async () => 'done')).resolves.toBe('done');
    expect(performance.now() - start).toBeGreaterThan(patience);
  });
});

describe('between containers', () => {
  test('by default, a mark that misses three heartbeats is stale', () => {
    expect(3 * TIMING.heartbeat).toBeLessThanOrEqual(TIMING.deadline);
    expect(TIMING.deadline).toBeLessThan(2_000); // the longest time for which a killed process may block the next one
  });

  test('a holder that works for long keeps the lock, and the error of a waiter names it', async () => {
    await withLock(otherContainer(), path, { timing: QUICK }, async (lock) => {
      await expect(take(10 * QUICK.deadline)).rejects.toMatchObject({
        code: 'LOCKED',
        message:
          `could not lock [${path}]: a process of another container or machine (number ${process.pid} there) ` +
          'has held the lock for 0.6 seconds',
        hint: 'Wait for it to finish, or stop it.',
      });
      lock.assertHeld();
    });
    expect(readdirSync(directory.path)).toEqual(['tokens']);
  });

  test('a process that waits leaves nothing behind, and acquires the lock', async () => {
    let waiting: Promise<unknown> | undefined;
    await take(50, async () => {
      const { fs, calls } = watchedFileSystem({ instead: inOtherContainer });
      waiting = withLock(fs, path, { timing: QUICK }, async () => 'done');
      while (calls.filter((name) => name === 'readdirSync').length < 5) await sleep(1);
      expect(calls).not.toContain('mkdirSync');
    });
    await expect(waiting).resolves.toBe('done');
    expect(readdirSync(directory.path)).toEqual(['tokens']);
  });

  test('a holder whose mark does not change loses the lock, and fails before it replaces anything', async () => {
    const frozen = otherContainer({
      before(_, name) {
        if (name === 'ftruncateSync') throw systemError('EIO', name);
      },
    });
    const error = await rejectionOf(
      withLock(frozen, path, { timing: QUICK }, async (lock) => {
        await expect(take(10_000)).resolves.toBe('done');
        lock.assertHeld();
      }),
    );
    expect(error).toMatchObject({ code: 'LOCKED', message: expect.stringContaining('lost the lock') });
    expect(readdirSync(directory.path)).toEqual(['tokens']);
  });

  test.each([
    ['new', 0],
    ['an hour old', 3_600],
    ['an hour ahead of the clock', -3_600],
  ])('a stale mark that is %s is cleared, but only after it was watched', async (_, age) => {
    lockedBy(foreign, age);
    await expect(take(0)).rejects.toMatchObject({ code: 'LOCKED' });
    await expect(take(10_000)).resolves.toBe('done');
  });

  test('a mark that cannot be opened is watched, too', async () => {
    lockedBy(foreign);
    const { fs } = watchedFileSystem({
      instead: (name, at) => {
        if (name === 'openSync' && /-0123456789ab$/.test(String(at))) throw systemError('EACCES', name);
      },
    });
    await expect(withLock(fs, path, { timing: QUICK }, async () => 'done')).resolves.toBe('done');
  });

  test('the watch of a mark starts over if the mark changes', async () => {
    const mark = lockedBy(foreign);
    let looks = 0;
    const { fs } = watchedFileSystem({
      before(_, name) {
        if (name === 'readdirSync' && looks++ < 100) writeFileSync(mark, '.'.repeat(looks));
      },
    });
    await expect(withLock(fs, path, { timing: QUICK }, async () => 'done')).resolves.toBe('done');
    expect(looks).toBeGreaterThan(100);
  });
});

describe('a watched owner file', () => {
  const timing: LockTiming = { ...TIMING, heartbeat: 500, deadline: 1_500 };
  const watching = () => {
    const clock = { now: 0 };
    return { clock, watch: new OwnerWatch(timing, () => clock.now) };
  };

  test('is dead if it has not changed for the deadline, and not before', () => {
    const { clock, watch } = watching();
    const verdicts = [0, 500, 1_000, 1_499, 1_500].map((now) => {
      clock.now = now;
      return watch.classify('mark', 'same');
    });
    expect(verdicts).toEqual(['undetermined', 'undetermined', 'undetermined', 'undetermined', 'dead']);
  });

  test('is alive once it has changed, and may become stale later', () => {
    const { clock, watch } = watching();
    const verdicts = [0, 500, 1_000, 1_500, 2_000].map((now) => {
      clock.now = now;
      return watch.classify('mark', now < 500 ? 'one' : 'other');
    });
    expect(verdicts).toEqual(['undetermined', 'alive', 'alive', 'alive', 'dead']);
  });

  test('does not become stale while its watcher is stopped', () => {
    const { clock, watch } = watching();
    watch.classify('mark', 'same');
    clock.now = 3_600_000;
    expect(watch.classify('mark', 'same')).toBe('undetermined');
  });

  test('that is gone is not cleared, and the watch of another one starts over', () => {
    const { clock, watch } = watching();
    watch.classify('mark', 'same');
    expect(watch.classify('mark', undefined)).toBe('gone');
    clock.now = 500;
    expect(watch.classify('mark', 'same')).toBe('undetermined');
    expect(watch.classify('other', 'same')).toBe('undetermined');
  });
});

describe('a stale owner file', () => {
  let victim = '';
  const markPath = ({ pid, started, scope }: ProcessIdentity) =>
    join(lockDirectory(), `${pid}-${started}-${scope}-0123456789ab`);
  beforeEach(() => {
    mkdirSync(lockDirectory());
    victim = directory.write('victim/file', 'mine');
  });

  describe.each([
    ['of this container', dead],
    ['of another container', foreign],
  ])('%s', (_, identity) => {
    test.each<[what: string, make: (at: string) => void]>([
      ['an empty directory', (at) => mkdirSync(at)],
      ['a link to a file', (at) => symlinkSync(victim, at)],
      ['a link to a directory', (at) => symlinkSync(join(victim, '..'), at)],
      ['a named pipe', (at) => execFileSync('mkfifo', [at])],
    ])('that is %s is removed, and nothing else', async (_, make) => {
      make(markPath(identity));
      await expect(take(10_000)).resolves.toBe('done');
      expect(readFileSync(victim, 'utf8')).toBe('mine');
      expect(readdirSync(directory.path)).toEqual(['tokens', 'victim']);
    });

    test('that is a directory that is not empty is an error with that message', async () => {
      mkdirSync(join(markPath(identity), 'x'), { recursive: true });
      await expect(take(10_000)).rejects.toMatchObject({
        code: 'LOCKED',
        message: `[${markPath(identity)}] does not belong in a lock directory: it is a directory that is not empty`,
        hint: `Remove [${markPath(identity)}].`,
      });
      expect(existsSync(join(markPath(identity), 'x'))).toBe(true);
    });
  });
});

describe('candidates for the lock', () => {
  const nameOf = ({ pid, started, scope }: ProcessIdentity) => `${pid}-${started}-${scope}-0123456789ab`;
  const candidate = (identity: ProcessIdentity) => `.tokens.lock-${nameOf(identity)}`;
  const lay = (identity: ProcessIdentity) => directory.write(join(candidate(identity), nameOf(identity)));
  /** The file system of a process whose clock, and that of its files, is three seconds ahead. */
  const later = (): FileSystem =>
    watchedFileSystem({
      instead: (name, at) =>
        name === 'lstatSync' && String(at).includes('.lock-')
          ? Object.assign(lstatSync(String(at), { bigint: true }), { ctimeMs: BigInt(Date.now() - 3_000) })
          : undefined,
    }).fs;

  test('of killed processes are removed; those of processes that are or may be alive stay', async () => {
    for (const identity of [dead, parent, foreign]) lay(identity);
    directory.mkdir(candidate({ ...dead, pid: dead.pid + 1 })); // killed before it made its owner file
    await take();
    const kept = [candidate(foreign), candidate(parent), 'tokens'].sort();
    expect(readdirSync(directory.path).sort()).toEqual(kept);
    expect((await leftovers(nodeFileSystem, path, QUICK)).locks).toEqual([]);
  });

  test('of another container are in use for a moment only: after two seconds they are removed', async () => {
    lay(foreign);
    const expected = [join(directory.path, candidate(foreign))];
    expect((await leftovers(later(), path, QUICK)).locks.map(({ path }) => path)).toEqual(expected);
    await withLock(later(), path, { timing: QUICK }, async () => 'done');
    expect(readdirSync(directory.path)).toEqual(['tokens']);
  });

  test.each([dead, foreign])(
    'a symlink in place of one is neither followed nor reported: %j',
    async (identity) => {
      directory.write(join('victim', nameOf(identity)), 'mine');
      symlinkSync('victim', join(directory.path, candidate(identity)));
      await withLock(later(), path, { timing: QUICK }, async () => 'done');
      expect((await leftovers(later(), path, QUICK)).locks).toEqual([]);
      expect(readdirSync(join(directory.path, 'victim'))).toEqual([nameOf(identity)]);
      expect(lstatSync(join(directory.path, candidate(identity))).isSymbolicLink()).toBe(true);
    },
  );

  test('are not removed with the other files in them', async () => {
    lay(dead);
    directory.write(join(candidate(dead), 'file'), 'mine');
    await take();
    expect(readdirSync(join(directory.path, candidate(dead)))).toEqual(['file']);
  });
});

test('an orphaned temporary file is removed; a symlink of such a name is not', async () => {
  directory.write('.tokens.0123456789abcdef01.tmp');
  symlinkSync('tokens', join(directory.path, '.tokens.0123456789abcdef02.tmp'));
  await take();
  expect(readdirSync(directory.path)).toEqual(['.tokens.0123456789abcdef02.tmp', 'tokens']);
});

describe('another user who may write in the directory, and exchanges', () => {
  let victim = '';
  let pipe = '';
  beforeEach(() => {
    // The attacker's target contains files with the names of stale marks.
    victim = directory.mkdir('victim');
    for (const name of ['file', deadMark]) directory.write(join('victim', name), 'mine');
    chmodSync(join(victim, 'file'), 0o640);
    chmodSync(victim, 0o750);
    utimesSync(victim, 1_000_000_000, 1_000_000_000);
    pipe = join(directory.path, 'pipe');
    execFileSync('mkfifo', [pipe]);
  });
  const deadMark = `${dead.pid}-${dead.started}-${dead.scope}-0123456789ab`;
  /** A file with a stale lock and the directory of a dead waiter. */
  function lay(): void {
    path = directory.write('conf/tokens', 'old');
    chmodSync(conf(), 0o777);
    for (const at of ['.tokens.lock', `.tokens.lock-${deadMark}`])
      directory.write(join('conf', at, deadMark));
  }
  function expectUnharmed(): void {
    expect(readdirSync(victim)).toEqual([deadMark, 'file']);
    expect(readFileSync(join(victim, 'file'), 'utf8')).toBe('mine');
    expect(statSync(join(victim, 'file')).mode & 0o7777).toBe(0o640);
    expect(statSync(victim).mode & 0o7777).toBe(0o750);
    expect(statSync(victim).mtimeMs).toBe(1e12); // nothing was created or removed there, even temporarily
  }
  const conf = () => join(directory.path, 'conf');
  const find = (pattern: RegExp) => readdirSync(conf()).filter((name) => pattern.test(name));
  const directories = () => find(/^\.tokens\.lock/).map((name) => join(conf(), name));
  const marks = () =>
    directories()
      .filter((at) => lstatSync(at).isDirectory())
      .flatMap((at) => readdirSync(at).map((name) => join(at, name)));

  const exchanges: [what: string, those: () => string[], make: (at: string) => void][] = [
    ['a directory for a link', directories, (at) => symlinkSync(victim, at)],
    ['a directory for a file', directories, (at) => writeFileSync(at, '')],
    ['a directory for a pipe', directories, (at) => linkSync(pipe, at)],
    ['a directory for another', directories, (at) => mkdirSync(at)],
    ['a mark for a link', marks, (at) => symlinkSync(join(victim, 'file'), at)],
    ['a mark for a pipe', marks, (at) => linkSync(pipe, at)],
    ['a mark for a directory', marks, (at) => mkdirSync(at)],
  ];
  const moves = exchanges.map(([what, those, make]) => {
    const move = () => {
      for (const at of those()) {
        renameSync(at, join(directory.path, `away-${performance.now()}`));
        make(at);
      }
    };
    return [what, move] as const;
  });

  const attempt = async (fs: FileSystem, patience: number) =>
    withLock(fs, path, { patience, timing: QUICK }, async (lock) => lock.assertHeld()).then(
      () => undefined,
      (error: unknown) => error,
    );

  test.each(moves)(
    '%s before any system call, changes nothing elsewhere and blocks nothing',
    async (_, move) => {
      lay();
      const dry = watchedFileSystem();
      await attempt(dry.fs, 50);
      expect(dry.calls.length).toBeGreaterThan(50);
      for (const step of dry.calls.keys()) {
        rmSync(conf(), { recursive: true });
        lay();
        const watched = watchedFileSystem({ before: (number) => number === step && move() });
        const error = await attempt(watched.fs, 50);
        if (error !== undefined) expect(error).toMatchObject({ name: 'ServiceTokensError' });
        expect([...watched.openDescriptors]).toEqual([]);
        expectUnharmed();
      }
    },
  );

  test.each(moves)('%s of a waiter, changes nothing elsewhere and blocks nothing', async (_, move) => {
    path = directory.write('conf/tokens', 'old');
    const held = `${parent.pid}-${parent.started}-${parent.scope}-0123456789ab`;
    directory.write(join('conf/.tokens.lock', held));
    let tries = 0;
    const { fs } = watchedFileSystem({
      before(_, name) {
        if (name === 'readdirSync' && ++tries === 3) move();
      },
    });
    const error = await attempt(fs, 4 * QUICK.heartbeat);
    if (error !== undefined) expect(error).toMatchObject({ code: 'LOCKED' });
    expectUnharmed();
  });
});

test('without /proc, the lock works by its paths', async () => {
  const { fs } = watchedFileSystem({
    instead: (_, at) => {
      if (String(at).startsWith('/proc/self/fd/')) throw systemError('ENOENT', 'open');
    },
  });
  for (const before of [dead, foreign]) {
    lockedBy(before);
    await expect(
      withLock(fs, path, { timing: QUICK }, async (lock) => lock.assertHeld()),
    ).resolves.toBeUndefined();
    expect(readdirSync(directory.path)).toEqual(['tokens']);
  }
});

test('every user may open the mark of a lock, but only its owner may write it', async () => {
  await take(50, async () => {
    const [mark = ''] = readdirSync(lockDirectory());
    expect(statSync(join(lockDirectory(), mark)).mode & 0o7777).toBe(0o644);
  });
});

test('a thread that is terminated while it holds the lock does not block the next one for long', async () => {
  const script = new URL('../support/hold-in-thread.js', import.meta.url);
  const worker = new Worker(script, { workerData: { path } });
  await new Promise((resolve) => worker.once('message', resolve));
  await expect(take(0)).rejects.toMatchObject({
    message: expect.stringContaining('another thread of this process has held the lock'),
  });
  await worker.terminate();
  await expect(take(10_000)).resolves.toBe('done');
  expect(readdirSync(directory.path)).toEqual(['tokens']);
});

test('threads of one process do not clear each other’s locks: creations in 8 threads all succeed', async () => {
  const target = join(directory.path, 'service_tokens');
  const script = new URL('../support/create-in-thread.js', import.meta.url);
  const each = runsOf(25, 10);
  const ends = await Promise.all(
    Array.from({ length: 8 }, (_, thread) => {
      const names = Array.from({ length: each }, (_, i) => `t${thread}-${i}`);
      const worker = new Worker(script, { workerData: { path: target, names } });
      return new Promise<readonly string[]>((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', reject);
      });
    }),
  );
  expect(ends.flat()).toEqual([]);
  expect(new ServiceTokensFile(target).list()).toHaveLength(8 * each);
  expect(readdirSync(directory.path)).toEqual(['service_tokens', 'tokens']);
}, 60_000);

describe('livenessOf', () => {
  test.each([
    ['this process', own, 'alive'],
    ['its parent', parent, 'alive'],
    ['an unused number', dead, 'dead'],
    ['a number that another process has reused', { ...parent, started: '1' }, 'dead'],
    ['a number of another pid namespace', foreign, 'foreign'],
    ['a number in another time namespace', { ...own, scope: own.scope.replace(/_\d+_/, '_1_') }, 'foreign'],
    ['another thread of this process', { ...own, scope: `${own.scope}_w1` }, 'foreign'],
    ['a thread of a process that has ended', { ...dead, scope: `${dead.scope}_w1` }, 'dead'],
    ['a thread of a number that was reused', { ...own, started: '1', scope: `${own.scope}_w1` }, 'dead'],
  ] as const)('knows %s', (_, identity, expected) => {
    expect(livenessOf(identity, nodeFileSystem)).toBe(expected);
  });

  test('knows a zombie, which has ended but was not reaped by its parent', async () => {
    // The shell starts a child, becomes a program that never waits for it, and the child ends.
    const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const pid = await new Promise<number>((resolve) =>
        shell.stdout.once('data', (data) => resolve(Number(data))),
      );
      const identity = { ...own, pid, started: startOf(pid) };
      expect(livenessOf(identity, nodeFileSystem)).toBe('alive');
      while (readFileSync(`/proc/${shell.pid}/comm`, 'utf8') !== 'sleep\n') await sleep(1);
      process.kill(pid, 'SIGKILL');
      const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[1];
      while (state() !== 'Z') await sleep(1);
      expect(livenessOf(identity, nodeFileSystem)).toBe('dead');
    } finally {
      shell.kill('SIGKILL');
    }
  });

  test('with the /proc of another pid namespace, takes every other process for foreign', () => {
    const { fs } = watchedFileSystem({ instead: (_, at) => (at === '/proc/self' ? '1' : undefined) });
    expect(livenessOf(own, fs)).toBe('foreign');
  });
});

test('entries of the lock that are not marks do not extend the wait when they change', async () => {
  const lock = lockDirectory();
  await withLock(nodeFileSystem, path, {}, async () => {
    let count = 0;
    const junk = setInterval(() => {
      rmSync(join(lock, `.junk${count}`), { force: true });
      writeFileSync(join(lock, `.junk${++count}`), '');
    }, 5);
    try {
      const waiting = withLock(nodeFileSystem, path, { patience: 200 }, async () => undefined);
      await expect(waiting).rejects.toMatchObject({
        code: 'LOCKED',
        message: `could not lock [${path}]: another task of this process has held the lock for 0.2 seconds`,
      });
    } finally {
      clearInterval(junk);
      rmSync(join(lock, `.junk${count}`), { force: true });
    }
  });
});

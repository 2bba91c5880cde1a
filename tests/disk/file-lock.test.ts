import { execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { withLock } from '../../src/disk/file-lock.js';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';
import { leftovers } from '../../src/disk/lock-leftovers.js';
import { type LockTiming, OwnerWatch, TIMING } from '../../src/disk/lock-owner.js';
import { livenessOf, ownProcess, type ProcessIdentity } from '../../src/disk/processes.js';
import { ServiceTokensFile } from '../../src/tokens-file/service-tokens-file.js';
import { type Interference, systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { runsOf, sampleOf } from '../support/thoroughness.js';

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

/** The name of the owner file of a process. */
const ownerNameOf = ({ pid, started, scope }: ProcessIdentity, random = '0123456789ab') =>
  `${pid}-${started}-${scope}-${random}`;

/** Makes the lock of another process. @returns its owner file */
function lockedBy(identity: ProcessIdentity, ageInSeconds = 0): string {
  const ownerFile = directory.write(join('.tokens.lock', ownerNameOf(identity)));
  const then = Date.now() / 1000 - ageInSeconds;
  utimesSync(ownerFile, then, then);
  return ownerFile;
}

/** A faster timing of the lock. */
const QUICK: LockTiming = { heartbeat: 20, deadline: 60, poll: { least: 1, most: 5 } };

const take = (patience = 50, work: () => Promise<unknown> = async () => 'done') =>
  withLock(nodeFileSystem, path, { patience, timing: QUICK }, work);
/** Takes the lock through another file system, with the usual patience if none is given. */
const takeBy = (fs: FileSystem, patience?: number) =>
  withLock(fs, path, { patience, timing: QUICK }, async () => 'done');
/** An error that says who has held the lock. */
const heldBy = (holder: string, seconds = '0.05') => ({
  code: 'LOCKED',
  message: `could not lock [${path}]: ${holder} has held the lock for ${seconds} seconds`,
});
const namesIn = () => readdirSync(directory.path).sort();

/** The file system as seen by a process of another container, with another pid namespace. */
const inOtherContainer = (_: string, at: unknown) =>
  at === '/proc/self/ns/pid' ? 'pid:[4026532998]' : undefined;
const otherContainer = (interference: Interference = {}): FileSystem =>
  watchedFileSystem({ ...interference, instead: inOtherContainer }).fs;

test('many simultaneous tasks work one at a time', async () => {
  let inside = 0;
  const work = async () => {
    expect(++inside).toBe(1);
    await sleep(1);
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, () => take(10_000, work)));
  expect(namesIn()).toEqual(['tokens']);
});

test('the lock is released if the work fails', async () => {
  await expect(take(50, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(take()).resolves.toBe('done');
  expect(namesIn()).toEqual(['tokens']);
});

test('an empty lock directory, which a killed process may leave, is a free lock', async () => {
  mkdirSync(lockDirectory());
  await expect(take()).resolves.toBe('done');
  expect(namesIn()).toEqual(['tokens']);
});

/** A file system in which the lock has another holder at each look, for a number of looks. */
const changingHands = (looks: number) =>
  watchedFileSystem({
    instead: (call) =>
      call === 'readdirSync' && looks-- > 0 ? [ownerNameOf(parent, `${looks}`.padStart(12, '0'))] : undefined,
  }).fs;

test('patience starts over whenever the lock changes hands', async () => {
  lockedBy(dead); // in the end
  const start = performance.now();
  await expect(takeBy(changingHands(100), 30)).resolves.toBe('done');
  expect(performance.now() - start).toBeGreaterThan(30);
});

test('a lock that keeps changing hands is waited for two minutes, in a process of any age', async () => {
  lockedBy(parent);
  let seconds = 1e6;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => seconds++ * 1000);
  await expect(takeBy(changingHands(1e6))).rejects.toMatchObject({
    code: 'LOCKED',
    message: `could not lock [${path}]: other processes have held the lock in turn for 120 seconds`,
  });
  clock.mockRestore();
});

test('entries of the lock that are not owner files do not extend the wait when they change', async () => {
  lockedBy(parent);
  let count = 0;
  const { fs } = watchedFileSystem({
    before: (_, name) => name === 'readdirSync' && directory.write(`.tokens.lock/.junk${count++}`),
  });
  await expect(takeBy(fs, 50)).rejects.toMatchObject(heldBy(`process ${process.ppid}`));
});

describe('a lock holder', () => {
  test('that is alive keeps the lock, and is named when the wait times out', async () => {
    const ownerFile = lockedBy(parent, 3_600);
    const hint = `Wait for process ${process.ppid} to finish, or stop it.`;
    await expect(take()).rejects.toMatchObject({ ...heldBy(`process ${process.ppid}`), hint });
    expect(readdirSync(lockDirectory())).toEqual([basename(ownerFile)]);
    expect(namesIn()).toEqual(['.tokens.lock', 'tokens']);
  });

  test.each([
    ['that is dead', dead],
    ['whose process number was reused', { ...parent, started: '1' }],
    ['of this process, left over from a failed release,', own],
  ])('%s loses the lock immediately', async (_, holder) => {
    lockedBy(holder);
    await expect(take(0)).resolves.toBe('done');
  });

  test('that is another task or thread of this process is named in the message', async () => {
    await take(50, async () => {
      await expect(take()).rejects.toMatchObject(heldBy('another task of this process'));
    });
    lockedBy({ ...own, scope: `${own.scope}_w1` });
    await expect(take(0)).rejects.toMatchObject(heldBy('another thread of this process', '0'));
  });

  test('that cannot see whether it holds the lock says why', async () => {
    let isBroken = false;
    const before = (_: number, name: string) => {
      if (isBroken && name === 'lstatSync') throw systemError('EIO', name);
    };
    const work = withLock(watchedFileSystem({ before }).fs, path, {}, async (lock) => {
      isBroken = true;
      lock.assertHeld();
    });
    const message = `could not lock [${path}]: system error EIO`;
    await expect(work).rejects.toMatchObject({ code: 'IO', message });
  });
});

test('a waiter that saw a stale lock cannot clear the lock that another has acquired since', async () => {
  // The waiter is delayed between reading the stale owner file and its unlink; meanwhile another one acquires the lock.
  lockedBy(dead);
  let other: Promise<unknown> | undefined;
  const held = new EventEmitter();
  const { fs } = watchedFileSystem({
    before(_, name) {
      if (name === 'unlinkSync') other ??= take(0, () => once(held, 'leave'));
    },
  });
  const waiter = withLock(fs, path, { patience: 100 }, async () => 'done');
  await expect(waiter).rejects.toMatchObject({ code: 'LOCKED' });
  expect(held.emit('leave')).toBe(true); // the other one is inside
  await other;
});

test('a lock directory that contains another file is an error that names the file, whatever the patience', async () => {
  mkdirSync(lockDirectory());
  writeFileSync(join(lockDirectory(), 'junk'), '');
  await expect(take(Number.POSITIVE_INFINITY)).rejects.toMatchObject({
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
  expect(namesIn().filter((name) => name !== 'elsewhere')).toEqual(['.tokens.lock', 'tokens']);
});

test('a signal aborts the wait', async () => {
  lockedBy(parent);
  const controller = new AbortController();
  const waiting = withLock(nodeFileSystem, path, { signal: controller.signal }, async () => 'done');
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(namesIn()).toEqual(['.tokens.lock', 'tokens']);
});

test('the lock has the owner, group and mode of the directory, whose modifiers may clear it; only its owner writes the owner file', async () => {
  chmodSync(directory.path, 0o770);
  await take(50, async () => {
    expect(statSync(lockDirectory()).mode & 0o7777).toBe(0o770);
    const [ownerFile = ''] = readdirSync(lockDirectory());
    expect(statSync(join(lockDirectory(), ownerFile)).mode & 0o7777).toBe(0o644);
  });
});

test('the lock and its owner file are private when they are made', async () => {
  const modes: unknown[] = [];
  const { fs } = watchedFileSystem({
    before(_, name, [, second, third]) {
      if (name === 'mkdirSync') modes.push(second);
      if (name === 'openSync' && third !== undefined) modes.push(third);
    },
  });
  await takeBy(fs);
  expect(modes).toEqual([0o700, 0o600]);
});

describe('between containers', () => {
  test('by default, an owner file that misses three heartbeats is stale', () => {
    expect(3 * TIMING.heartbeat).toBeLessThanOrEqual(TIMING.deadline);
    expect(TIMING.deadline).toBeLessThan(2_000); // the longest time for which a killed process may block the next one
  });

  test('a holder that works for long keeps the lock, and the error of a waiter names it', async () => {
    await withLock(otherContainer(), path, { timing: QUICK }, async (lock) => {
      const holder = `a process of another container or machine (number ${process.pid} there)`;
      await expect(take(10 * QUICK.deadline)).rejects.toMatchObject({
        ...heldBy(holder, '0.6'),
        hint: 'Wait for it to finish, or stop it.',
      });
      lock.assertHeld();
    });
    expect(namesIn()).toEqual(['tokens']);
  });

  test('a process that waits leaves nothing behind, and acquires the lock', async () => {
    let waiting: Promise<unknown> | undefined;
    await take(50, async () => {
      const { fs, calls } = watchedFileSystem({ instead: inOtherContainer });
      waiting = takeBy(fs);
      while (calls.filter((name) => name === 'readdirSync').length < 5) await sleep(1);
      expect(calls).not.toContain('mkdirSync');
    });
    await expect(waiting).resolves.toBe('done');
    expect(namesIn()).toEqual(['tokens']);
  });

  test('a holder whose owner file does not change loses the lock, and fails before it replaces anything', async () => {
    const frozen = otherContainer({
      before(_, name) {
        if (name === 'ftruncateSync') throw systemError('EIO', name);
      },
    });
    const working = withLock(frozen, path, { timing: QUICK }, async (lock) => {
      await expect(take(10_000)).resolves.toBe('done');
      lock.assertHeld();
    });
    const message = expect.stringContaining('lost the lock');
    await expect(working).rejects.toMatchObject({ code: 'LOCKED', message });
    expect(namesIn()).toEqual(['tokens']);
  });

  test.each([
    ['new', 0],
    ['an hour old', 3_600],
    ['an hour ahead of the clock', -3_600],
  ])('a stale owner file that is %s is cleared, but only after it was watched', async (_, age) => {
    lockedBy(foreign, age);
    await expect(take(0)).rejects.toMatchObject({ code: 'LOCKED' });
    await expect(take(10_000)).resolves.toBe('done');
  });

  test('an owner file that cannot be opened is watched, too', async () => {
    lockedBy(foreign);
    const { fs } = watchedFileSystem({
      instead: (name, at) => {
        if (name === 'openSync' && /-0123456789ab$/.test(String(at))) throw systemError('EACCES', name);
      },
    });
    await expect(takeBy(fs)).resolves.toBe('done');
  });
});

describe('a watched owner file', () => {
  /** What is said of the owner file at each time, if it is watched with a deadline of 1.5 seconds. */
  function verdicts(
    ...looks: readonly [now: number, content: string | undefined, owner?: string][]
  ): string[] {
    const clock = { now: 0 };
    const watch = new OwnerWatch({ ...TIMING, heartbeat: 500, deadline: 1_500 }, () => clock.now);
    return looks.map(([now, content, owner = 'owner']) => {
      clock.now = now;
      return watch.classify(owner, content);
    });
  }
  const UNDETERMINED = 'undetermined';

  test('is dead if it has not changed for the deadline, and not before', () => {
    const looks = [0, 500, 1_000, 1_499, 1_500].map((now): [number, string] => [now, 'same']);
    expect(verdicts(...looks)).toEqual([...Array(4).fill(UNDETERMINED), 'dead']);
  });

  test('is alive once it has changed, and may become stale later', () => {
    const later = [500, 1_000, 1_500, 2_000].map((now): [number, string] => [now, 'other']);
    expect(verdicts([0, 'one'], ...later)).toEqual([UNDETERMINED, 'alive', 'alive', 'alive', 'dead']);
  });

  test('does not become stale while its watcher is stopped', () => {
    expect(verdicts([0, 'same'], [3_600_000, 'same'])).toEqual([UNDETERMINED, UNDETERMINED]);
  });

  test('that is gone is not cleared, and the watch of another one starts over', () => {
    const after = [UNDETERMINED, 'gone', UNDETERMINED, UNDETERMINED];
    expect(verdicts([0, 'same'], [0, undefined], [500, 'same'], [500, 'same', 'other'])).toEqual(after);
  });
});

describe('a stale owner file', () => {
  let victim = '';
  const ownerPath = (identity: ProcessIdentity) => join(lockDirectory(), ownerNameOf(identity));
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
      make(ownerPath(identity));
      await expect(take(10_000)).resolves.toBe('done');
      expect(readFileSync(victim, 'utf8')).toBe('mine');
      expect(namesIn()).toEqual(['tokens', 'victim']);
    });

    test('that is a directory that is not empty is an error with that message', async () => {
      mkdirSync(join(ownerPath(identity), 'x'), { recursive: true });
      await expect(take(10_000)).rejects.toMatchObject({
        code: 'LOCKED',
        message: `[${ownerPath(identity)}] does not belong in a lock directory: it is a directory that is not empty`,
        hint: `Remove [${ownerPath(identity)}].`,
      });
      expect(existsSync(join(ownerPath(identity), 'x'))).toBe(true);
    });
  });

  test('that is exchanged for a file just before it is removed is looked at again', async () => {
    mkdirSync(ownerPath(dead));
    const { fs } = watchedFileSystem({
      before(_, name, [at]) {
        if (name !== 'rmdirSync' || !String(at).endsWith(ownerNameOf(dead))) return;
        rmdirSync(ownerPath(dead));
        lockedBy(dead);
      },
    });
    await expect(takeBy(fs)).resolves.toBe('done');
  });

  test('of this container is a leftover by its name: the lock is opened only to list it, before and after', async () => {
    lockedBy(dead);
    const { fs, calls } = watchedFileSystem();
    expect((await leftovers(fs, path, QUICK)).locks).toMatchObject([{ path: lockDirectory() }]);
    expect(calls.filter((name) => name === 'openSync')).toHaveLength(2);
  });
});

describe('candidates for the lock', () => {
  const candidate = (identity: ProcessIdentity) => `.tokens.lock-${ownerNameOf(identity)}`;
  const lay = (identity: ProcessIdentity) =>
    directory.write(join(candidate(identity), ownerNameOf(identity)));
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
    expect(namesIn()).toEqual([candidate(foreign), candidate(parent), 'tokens'].sort());
    expect((await leftovers(nodeFileSystem, path, QUICK)).locks).toEqual([]);
  });

  test('of another container are in use for a moment only: after two seconds they are removed', async () => {
    lay(foreign);
    const expected = [join(directory.path, candidate(foreign))];
    expect((await leftovers(later(), path, QUICK)).locks.map(({ path }) => path)).toEqual(expected);
    await takeBy(later());
    expect(namesIn()).toEqual(['tokens']);
  });

  test.each([dead, foreign])(
    'a symlink in place of one is neither followed nor reported: %j',
    async (identity) => {
      directory.write(join('victim', ownerNameOf(identity)), 'mine');
      symlinkSync('victim', join(directory.path, candidate(identity)));
      await takeBy(later());
      expect((await leftovers(later(), path, QUICK)).locks).toEqual([]);
      expect(readdirSync(join(directory.path, 'victim'))).toEqual([ownerNameOf(identity)]);
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

test('a candidate that another process removes while it is prepared is an error that says so', async () => {
  const candidate = () => namesIn().find((name) => name.startsWith('.tokens.lock-')) ?? '';
  const { fs } = watchedFileSystem({
    before(_, name, [, , mode]) {
      if (name === 'openSync' && mode !== undefined)
        rmSync(join(directory.path, candidate()), { recursive: true });
    },
  });
  const message = expect.stringMatching(/was replaced or removed by another process$/);
  await expect(takeBy(fs)).rejects.toMatchObject({ code: 'LOCKED', message });
  expect(namesIn()).toEqual(['tokens']);
});

test('an empty directory for which another user exchanged the lock is not removed with it', async () => {
  await take(50, async () => {
    renameSync(lockDirectory(), directory.mkdir('aside'));
    mkdirSync(lockDirectory());
  });
  expect(existsSync(lockDirectory())).toBe(true);
});

test('an orphaned temporary file is removed; a symlink of such a name is not', async () => {
  directory.write('.tokens.0123456789abcdef01.tmp');
  const similar = ['.other.0123456789abcdef01.tmp', 'tokens.tmp'];
  for (const name of similar) directory.write(name);
  symlinkSync('tokens', join(directory.path, '.tokens.0123456789abcdef02.tmp'));
  await take();
  expect(namesIn()).toEqual([...similar, '.tokens.0123456789abcdef02.tmp', 'tokens'].sort());
});

describe('another user who may write in the directory, and exchanges', () => {
  let victim = '';
  let pipe = '';
  beforeEach(() => {
    // The attacker's target contains files with the names of stale owner files.
    victim = directory.mkdir('victim');
    for (const name of ['file', deadOwner]) directory.write(join('victim', name), 'mine');
    chmodSync(join(victim, 'file'), 0o640);
    chmodSync(victim, 0o750);
    utimesSync(victim, 1_000_000_000, 1_000_000_000);
    pipe = join(directory.path, 'pipe');
    execFileSync('mkfifo', [pipe]);
  });
  const deadOwner = ownerNameOf(dead);
  /** A file with a stale lock and the directory of a dead waiter. */
  function lay(): void {
    path = directory.write('conf/tokens', 'old');
    chmodSync(conf(), 0o777);
    for (const at of ['.tokens.lock', `.tokens.lock-${deadOwner}`])
      directory.write(join('conf', at, deadOwner));
  }
  function expectUnharmed(): void {
    expect(readdirSync(victim)).toEqual([deadOwner, 'file']);
    expect(readFileSync(join(victim, 'file'), 'utf8')).toBe('mine');
    expect(statSync(join(victim, 'file')).mode & 0o7777).toBe(0o640);
    expect(statSync(victim).mode & 0o7777).toBe(0o750);
    expect(statSync(victim).mtimeMs).toBe(1e12); // nothing was created or removed there, even temporarily
  }
  const conf = () => join(directory.path, 'conf');
  const find = (pattern: RegExp) => readdirSync(conf()).filter((name) => pattern.test(name));
  const directories = () => find(/^\.tokens\.lock/).map((name) => join(conf(), name));
  const ownerFiles = () =>
    directories()
      .filter((at) => lstatSync(at).isDirectory())
      .flatMap((at) => readdirSync(at).map((name) => join(at, name)));

  const exchange = (those: () => string[], make: (at: string) => void) => () => {
    for (const at of those()) {
      renameSync(at, join(directory.path, `away-${performance.now()}`));
      make(at);
    }
  };
  const moves: readonly (readonly [what: string, move: () => void])[] = [
    ['a directory for a link', exchange(directories, (at) => symlinkSync(victim, at))],
    ['a directory for a file', exchange(directories, (at) => writeFileSync(at, ''))],
    ['a directory for a pipe', exchange(directories, (at) => linkSync(pipe, at))],
    ['a directory for another', exchange(directories, (at) => mkdirSync(at))],
    ['an owner file for a link', exchange(ownerFiles, (at) => symlinkSync(join(victim, 'file'), at))],
    ['an owner file for a pipe', exchange(ownerFiles, (at) => linkSync(pipe, at))],
    ['an owner file for a directory', exchange(ownerFiles, (at) => mkdirSync(at))],
  ];

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
      for (const step of sampleOf([...dry.calls.keys()], 3)) {
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
    directory.write(join('conf/.tokens.lock', ownerNameOf(parent)));
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
    await withLock(fs, path, { timing: QUICK }, async (lock) => lock.assertHeld());
    expect(namesIn()).toEqual(['tokens']);
  }
});

test('a thread that is terminated while it holds the lock does not block the next one for long', async () => {
  const script = new URL('../support/hold-in-thread.js', import.meta.url);
  const worker = new Worker(script, { workerData: { path } });
  await once(worker, 'message');
  await expect(take(0)).rejects.toMatchObject({
    message: expect.stringContaining('another thread of this process has held the lock'),
  });
  await worker.terminate();
  await expect(take(10_000)).resolves.toBe('done');
  expect(namesIn()).toEqual(['tokens']);
});

test('threads of one process do not clear each other’s locks: creations in 8 threads all succeed', async () => {
  const target = join(directory.path, 'service_tokens');
  const script = new URL('../support/create-in-thread.js', import.meta.url);
  const each = runsOf(25, 4);
  const ends = Array.from({ length: 8 }, (_, thread) => {
    const names = Array.from({ length: each }, (_, i) => `t${thread}-${i}`);
    return once(new Worker(script, { workerData: { path: target, names } }), 'message');
  });
  expect((await Promise.all(ends)).flat(2)).toEqual([]);
  expect(new ServiceTokensFile(target).list()).toHaveLength(8 * each);
  expect(namesIn()).toEqual(['service_tokens', 'tokens']);
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

  test('knows a stopped process, and a zombie, which has ended but was not reaped by its parent', async () => {
    // The shell starts a child, becomes a program that never waits for it, and the child ends.
    const script = 'sleep 60 & echo $!; exec sleep 60';
    const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const pid = Number((await once(shell.stdout, 'data'))[0]);
      const identity = { ...own, pid, started: startOf(pid) };
      while (readFileSync(`/proc/${shell.pid}/comm`, 'utf8') !== 'sleep\n') await sleep(1);
      const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[1];
      process.kill(pid, 'SIGSTOP');
      while (state() !== 'T') await sleep(1);
      expect(livenessOf(identity, nodeFileSystem)).toBe('alive');
      process.kill(pid, 'SIGKILL');
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

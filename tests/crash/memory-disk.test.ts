/** The model of a disk against the real thing: the same calls, the same answers. */
import { constants, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type FileSystem, nodeFileSystem, O, type Stats } from '../../src/disk/file-system.js';
import { Random } from '../support/random.js';
import { runsOf } from '../support/thoroughness.js';
import { MemoryDisk } from './memory-disk.js';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = constants;

const NAMES = ['a', 'b', 'c', 'd/a', 'd/b', 'd/e/a', 'd/e', 'd', 'l', 'l/a', 'm', 'a/b', 'd/../b', './c'];
const FLAGS = [
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_WRONLY | O_CREAT,
  O_RDWR | O_CREAT,
  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
  O_RDONLY | O_NOFOLLOW,
  O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
  O.PATH | O_DIRECTORY | O_NOFOLLOW,
  O.PATH | O_NOFOLLOW,
];
const MODES = [0o700, 0o755, 0o777, 0o640 | 0o100];

/** A file system with what a random call needs: the path of its directory, and its open descriptors. */
interface Side {
  readonly fs: FileSystem;
  readonly root: string;
  readonly fds: number[];
  symlink(text: string, path: string): void;
}

/** Makes a call that the sequence of random numbers chooses. @returns what it answers, without what may differ */
function call({ fs, root, fds, symlink }: Side, random: Random): unknown {
  const pick = <T>(items: readonly T[]) => random.pick(items);
  const fdIndex = pick([0, 1, 2, 3, 4, 5]);
  const fd = fds[fdIndex] ?? 9999;
  const isOpen = fds[fdIndex] !== undefined;
  // Sometimes through an open directory, as OpenDirectory does.
  const path = () => {
    const name = pick(NAMES);
    const through = pick([false, false, true]);
    return through && isOpen ? `/proc/self/fd/${fd}/${name.replace(/^.*\//, '')}` : join(root, '.', name);
  };
  const seen = (stat: Stats) => {
    const isDirectory = stat.isDirectory();
    return [
      stat.mode,
      stat.uid,
      stat.gid,
      isDirectory || stat.nlink,
      isDirectory || stat.size,
      stat.isFile(),
    ];
  };
  const calls: Record<string, () => unknown> = {
    open: () => {
      const [at, flags, mode] = [path(), pick(FLAGS), pick(MODES)];
      const opened = fs.openSync(at, flags, mode);
      if (fds.length < 6) fds.push(opened);
      else fs.closeSync(opened);
    },
    close: () => isOpen && fs.closeSync(fds.splice(fdIndex, 1)[0] as number),
    write: () => {
      const bytes = Buffer.from(pick(['x', 'twelve bytes', 'a longer text\n']));
      return fs.writeSync(fd, bytes, 0, bytes.length, pick([0, 5, 40]));
    },
    read: () => {
      const bytes = Buffer.alloc(20);
      const read = fs.readSync(fd, bytes, 0, 20, pick([0, 7, null]));
      return bytes.toString('latin1', 0, read);
    },
    truncate: () => fs.ftruncateSync(fd, pick([0, 3, 30])),
    sync: () => fs.fsyncSync(fd),
    fstat: () => seen(fs.fstatSync(fd)),
    fchmod: () => fs.fchmodSync(fd, pick(MODES)),
    fchown: () => fs.fchownSync(fd, -1, fs.getegid()),
    chmod: () => fs.chmodSync(path(), pick(MODES)),
    stat: () => seen(fs.statSync(path())),
    lstat: () => seen(fs.lstatSync(path())),
    rename: () => fs.renameSync(path(), path()),
    unlink: () => fs.unlinkSync(path()),
    mkdir: () => fs.mkdirSync(path(), pick(MODES)),
    rmdir: () => fs.rmdirSync(path()),
    list: () => fs.readdirSync(path()).toSorted(),
    readlink: () => fs.readlinkSync(path()),
    symlink: () =>
      symlink(pick(['a', 'd', 'd/e', 'm', '../nowhere', './c']), join(root, pick(['l', 'm', 'd/l']))),
  };
  const name = pick(Object.keys(calls));
  try {
    return [name, calls[name]?.()];
  } catch (error) {
    return [name, (error as NodeJS.ErrnoException).code];
  }
}

const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

describe.each(['/dev/shm', tmpdir()].filter(existsSync))('The model of a disk and %s', (directory) => {
  test.each([1, 2, 3])('answer the same to random calls, seed %d', (seed) => {
    const above = mkdtempSync(join(directory, 'model-'));
    made.push(above);
    const root = join(above, 'root'); // a symlink leads out of it
    nodeFileSystem.mkdirSync(root, 0o755);
    const disk = new MemoryDisk();
    const model = disk.fileSystem();
    for (let at = 1; at > 0; ) {
      at = root.indexOf('/', at + 1);
      model.mkdirSync(at < 0 ? root : root.slice(0, at));
    }
    const owner = nodeFileSystem.statSync(root);
    const sides: Side[] = [
      { fs: nodeFileSystem, root, fds: [], symlink: (text, path) => symlinkSync(text, path) },
      { fs: model, root, fds: [], symlink: (text, path) => disk.symlink(text, path) },
    ];
    disk.actAs(owner.uid, owner.gid);
    const failures = new Set<string>();
    for (let i = 0; i < runsOf(10_000, 500); i++) {
      const [real, modelled] = sides.map((side) => call(side, new Random(seed * 1_000_000 + i)));
      if (JSON.stringify(real) !== JSON.stringify(modelled))
        throw new Error(
          `call ${i} of seed ${seed}: the system ${JSON.stringify(real)}, the model ${JSON.stringify(modelled)}`,
        );
      const [name, answer] = real as [string, unknown];
      if (typeof answer === 'string' && /^E[A-Z]+$/.test(answer)) failures.add(`${name} ${answer}`);
    }
    for (const fd of sides[0]?.fds ?? []) nodeFileSystem.closeSync(fd);
    expect(failures.size).toBeGreaterThan(20);
  });
});

/**
 * A model of POSIX files: a cache over a disk that keeps only what was synced, until the power fails.
 *
 * Each change is an operation on one inode: its bytes, its attributes, or, of a directory, its names; a rename is one
 * operation, on both directories. An operation is pending until one of its inodes is synced. When the power fails, the
 * disk may hold any subset of the pending operations, in their order; a write may be torn between sectors. That is weaker than any
 * common file system, and what POSIX allows.
 *
 * Permissions are not modelled: the process is root. The system's answers are those of Linux.
 */
import { constants } from 'node:fs';
import type { constants as systemConstants } from 'node:os';
import process from 'node:process';
import { type FileSystem, O } from '../../src/disk/file-system.js';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = constants;

type Errno = keyof typeof systemConstants.errno;
type Kind = 'file' | 'directory' | 'symlink';

interface Inode {
  readonly ino: number;
  readonly kind: Kind;
  mode: number;
  uid: number;
  gid: number;
  /** The content of a file, the text of a symlink. */
  bytes: Buffer;
  /** The names of a directory. */
  names: Map<string, number>;
  mtime: number;
  ctime: number;
}

type Inodes = Map<number, Inode>;

interface Operation {
  /** The inodes whose fsync makes it durable. */
  readonly on: readonly number[];
  apply(inodes: Inodes): void;
}

interface Descriptor {
  readonly ino: number;
  readonly flags: number;
  position: number;
}

const ROOT = 1;
const MODES: Record<Kind, number> = { file: 0o100000, directory: 0o040000, symlink: 0o120000 };
const UMASK = 0o022;
/** What a disk writes whole or not at all, in bytes. */
const SECTOR = 512;

function clone(inodes: Inodes): Inodes {
  return new Map([...inodes].map(([ino, inode]) => [ino, { ...inode, names: new Map(inode.names) }]));
}

/** A machine with one disk. */
export class MemoryDisk {
  readonly #cache: Inodes;
  #durable: Inodes;
  #pending: Operation[] = [];
  readonly #births: Inodes = new Map();
  readonly #descriptors = new Map<number, Descriptor>();
  readonly #now: () => number;
  readonly #started: number;
  #calls = 0;
  #nextIno: number;
  #ticks = 0;
  #user = { uid: 0, gid: 0 };

  static #starts = 1;

  /** @param durable what the disk holds @param now the clock, in milliseconds */
  constructor(durable?: Inodes, now: () => number = Date.now) {
    this.#now = now;
    this.#started = MemoryDisk.#starts++;
    this.#durable = clone(durable ?? new Map([[ROOT, this.#blank(ROOT, 'directory', 0o755)]]));
    this.#cache = clone(this.#durable);
    this.#nextIno = Math.max(...this.#durable.keys()) + 1;
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** The disk after a power failure that kept some of the pending operations. */
  after(isKept: (operation: number) => boolean): Inodes {
    const inodes = clone(this.#durable);
    for (const [i, operation] of this.#pending.entries()) if (isKept(i)) operation.apply(inodes);
    return inodes;
  }

  /** Makes everything durable. */
  sync(): void {
    this.#durable = clone(this.#cache);
    this.#pending = [];
  }

  /** @param called called after each system call; it may throw, as if the process had been killed */
  fileSystem(called: (name: string) => void = () => {}): FileSystem {
    const calls: Record<string, (...args: never[]) => unknown> = {
      openSync: (path: string, flags = O_RDONLY, mode = 0o666) => this.#open(path, flags, mode),
      closeSync: (fd: number) => this.#descriptors.delete(this.#fd(fd, 'close').number) && undefined,
      readSync: (fd: number, into: Buffer, offset: number, length: number, at: number | null) => {
        const { open, inode } = this.#fd(fd, 'read', O_RDONLY);
        if (inode.kind === 'directory') throw failure('EISDIR', 'read');
        const from = Math.min(at ?? open.position, inode.bytes.length);
        const read = inode.bytes.copy(into, offset, from, Math.max(from, from + length));
        if (at === null) open.position += read;
        return read;
      },
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
        const { ino } = this.#fd(fd, 'write', O_WRONLY).inode;
        for (let from = 0; from < length; ) {
          const to = Math.min(length, from + SECTOR - ((at + from) % SECTOR));
          const [piece, start] = [Buffer.from(bytes.subarray(offset + from, offset + to)), at + from];
          this.#change(ino, (each) => writeAt(each, piece, start));
          from = to;
        }
        return length;
      },
      ftruncateSync: (fd: number, size = 0) => {
        const { open, inode } = this.#fd(fd, 'ftruncate');
        if ((open.flags & (O_WRONLY | O_RDWR)) === 0) throw failure('EINVAL', 'ftruncate');
        this.#change(inode.ino, (each) => {
          const bytes = Buffer.alloc(size);
          each.bytes.copy(bytes);
          each.bytes = bytes;
        });
      },
      fsyncSync: (fd: number) => this.#sync(this.#fd(fd, 'fsync').inode.ino),
      fstatSync: (fd: number, options?: StatOptions) =>
        this.#stat(this.#fd(fd, 'fstat', O.PATH).inode, options),
      fchmodSync: (fd: number, mode: number) => this.#chmod(this.#fd(fd, 'fchmod').inode, mode),
      fchownSync: (fd: number, uid: number, gid: number) =>
        this.#attribute(this.#fd(fd, 'fchown').inode, (each) => {
          if (uid >= 0) each.uid = uid;
          if (gid >= 0) each.gid = gid;
        }),
      futimesSync: (fd: number, _: unknown, mtime: Date) =>
        this.#attribute(this.#fd(fd, 'futime').inode, (each) => {
          each.mtime = mtime.getTime();
        }),
      chmodSync: (path: string, mode: number) => this.#chmod(this.#find(path, 'chmod'), mode),
      statSync: (path: string, options?: StatOptions) => this.#stat(this.#find(path, 'stat'), options),
      lstatSync: (path: string, options?: StatOptions) =>
        this.#stat(this.#find(path, 'lstat', false), options),
      readlinkSync: (path: string) => {
        const proc = this.#proc(path);
        if (proc !== undefined) return proc;
        const { kind, bytes } = this.#find(path, 'readlink', false);
        if (kind !== 'symlink') throw failure('EINVAL', 'readlink');
        return bytes.toString();
      },
      readFileSync: (path: string) => {
        const proc = this.#proc(path);
        if (proc === undefined) throw failure('ENOENT', 'open');
        return proc;
      },
      readdirSync: (path: string) => {
        const directory = this.#find(path, 'scandir');
        if (directory.kind !== 'directory') throw failure('ENOTDIR', 'scandir');
        if (this.#links(directory.ino) === 0) throw failure('ENOENT', 'scandir');
        return [...directory.names.keys()];
      },
      mkdirSync: (path: string, mode = 0o777) => void this.#create(path, 'directory', mode, 'mkdir'),
      rmdirSync: (path: string) => {
        const { parent, name, inode } = this.#existing(path, 'rmdir');
        if (inode.kind !== 'directory') throw failure('ENOTDIR', 'rmdir');
        if (inode.names.size > 0) throw failure('ENOTEMPTY', 'rmdir');
        this.#name([[parent, name, undefined]]);
      },
      unlinkSync: (path: string) => {
        const { parent, name, inode } = this.#existing(path, 'unlink');
        if (inode.kind === 'directory') throw failure('EISDIR', 'unlink');
        this.#name([[parent, name, undefined]]);
      },
      renameSync: (from: string, to: string) => this.#rename(from, to),
      realpathSync: (path: string) => path,
    };
    const process = {
      cwd: () => '/',
      geteuid: () => this.#user.uid,
      getegid: () => this.#user.gid,
      getgroups: () => [0],
      seteuid: () => {},
      setegid: () => {},
      setgroups: () => {},
      together: (several: () => unknown) => several(),
    };
    const watched = Object.entries(calls).map(([name, call]) => [
      name,
      (...args: never[]) => {
        this.#calls++;
        const result = call(...args);
        called(name);
        return result;
      },
    ]);
    return { ...Object.fromEntries(watched), ...process } as FileSystem;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Makes the process one of another user, who has all permissions. */
  actAs(uid: number, gid: number): void {
    this.#user = { uid, gid };
  }

  /** Makes a symlink, which the tool never does. */
  symlink(text: string, path: string): void {
    const ino = this.#create(path, 'symlink', 0o777, 'symlink');
    const inode = this.#births.get(ino) as Inode;
    inode.bytes = Buffer.from(text);
    this.#inode(ino).bytes = inode.bytes;
  }

  #open(path: string, flags: number, mode: number): number {
    const follows = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
    const { inode: found } = this.#place(path, 'open', follows, (flags & O_CREAT) === 0);
    if (flags & O_CREAT && found !== undefined) {
      if (flags & O_EXCL) throw failure('EEXIST', 'open');
      if (found.kind === 'directory') throw failure('EISDIR', 'open');
    }
    if (found?.kind === 'symlink' && !(flags & O.PATH && !(flags & O_DIRECTORY)))
      throw failure(flags & O_DIRECTORY ? 'ENOTDIR' : 'ELOOP', 'open');
    if (flags & O_DIRECTORY && found !== undefined && found.kind !== 'directory')
      throw failure('ENOTDIR', 'open');
    if (found?.kind === 'directory' && !(flags & O.PATH) && flags & (O_WRONLY | O_RDWR))
      throw failure('EISDIR', 'open');
    if (found === undefined && !(flags & O_CREAT)) throw failure('ENOENT', 'open');
    const ino = found?.ino ?? this.#create(path, 'file', mode, 'open', follows);
    let fd = 100;
    while (this.#descriptors.has(fd)) fd++;
    this.#descriptors.set(fd, { ino, flags, position: 0 });
    return fd;
  }

  /** @param access O_RDONLY or O_WRONLY if the descriptor must allow it; O.PATH if any descriptor will do */
  #fd(number: number, syscall: string, access?: number): { number: number; open: Descriptor; inode: Inode } {
    const open = this.#descriptors.get(number);
    const mode = (open?.flags ?? 0) & (O_WRONLY | O_RDWR);
    const isRefused =
      open === undefined ||
      (open.flags & O.PATH && access !== O.PATH && syscall !== 'close') ||
      (access === O_RDONLY && mode === O_WRONLY) ||
      (access === O_WRONLY && mode === O_RDONLY);
    if (isRefused) throw failure('EBADF', syscall);
    return { number, open, inode: this.#inode(open.ino) };
  }

  #rename(from: string, to: string): void {
    const source = this.#place(from, 'rename');
    const target = this.#place(to, 'rename');
    const [old, replaced] = [source.inode, target.inode];
    if (old === undefined) throw failure('ENOENT', 'rename');
    if (this.#isWithin(target.parent, old.ino)) throw failure('EINVAL', 'rename');
    if (replaced !== undefined && this.#isWithin(source.parent, replaced.ino))
      throw failure('ENOTEMPTY', 'rename');
    if (old === replaced) return;
    this.#requireAlive(target.parent, 'rename');
    if (replaced !== undefined) {
      if (old.kind === 'directory' && replaced.kind !== 'directory') throw failure('ENOTDIR', 'rename');
      if (old.kind !== 'directory' && replaced.kind === 'directory') throw failure('EISDIR', 'rename');
      if (replaced.names.size > 0) throw failure('ENOTEMPTY', 'rename');
    }
    this.#name([
      [source.parent, source.name, undefined],
      [target.parent, target.name, old.ino],
    ]);
  }

  #isWithin(directory: number, above: number): boolean {
    for (let at: number | undefined = directory; at !== undefined; at = this.#parentOf(at))
      if (at === above) return true;
    return false;
  }

  #parentOf(ino: number): number | undefined {
    for (const { ino: parent, names } of this.#cache.values())
      for (const child of names.values()) if (child === ino) return parent;
    return undefined;
  }

  #create(path: string, kind: Kind, mode: number, syscall: string, follows = false): number {
    const { parent, name, inode } = this.#place(path, syscall, follows);
    if (inode !== undefined) throw failure('EEXIST', syscall);
    this.#requireAlive(parent, syscall);
    const ino = this.#nextIno++;
    this.#births.set(ino, this.#blank(ino, kind, kind === 'symlink' ? mode : mode & ~UMASK));
    this.#name([[parent, name, ino]]);
    return ino;
  }

  #requireAlive(directory: number, syscall: string): void {
    if (this.#links(directory) === 0) throw failure('ENOENT', syscall);
  }

  #name(changes: readonly (readonly [parent: number, name: string, ino: number | undefined])[]): void {
    const time = this.#time();
    this.#do({
      on: changes.map(([parent]) => parent),
      apply: (inodes) => {
        for (const [parent, name, ino] of changes) {
          const directory = this.#in(inodes, parent);
          const before = ino ?? directory.names.get(name);
          if (before !== undefined) this.#in(inodes, before).ctime = time;
          if (ino === undefined) directory.names.delete(name);
          else directory.names.set(name, ino);
          directory.mtime = directory.ctime = time;
        }
      },
    });
  }

  #chmod(inode: Inode, mode: number): void {
    this.#attribute(inode, (each) => {
      each.mode = mode & 0o7777;
    });
  }

  #attribute({ ino }: Inode, set: (inode: Inode) => void): void {
    const ctime = this.#time();
    this.#do({ on: [ino], apply: (inodes) => set(Object.assign(this.#in(inodes, ino), { ctime })) });
  }

  #change(ino: number, set: (inode: Inode) => void): void {
    const time = this.#time();
    this.#do({
      on: [ino],
      apply: (inodes) => set(Object.assign(this.#in(inodes, ino), { ctime: time, mtime: time })),
    });
  }

  #do(operation: Operation): void {
    operation.apply(this.#cache);
    this.#pending.push(operation);
  }

  #sync(ino: number): void {
    this.#in(this.#durable, ino);
    for (const operation of this.#pending) if (operation.on.includes(ino)) operation.apply(this.#durable);
    this.#pending = this.#pending.filter(({ on }) => !on.includes(ino));
  }

  /** An inode of the cache or of the disk, which has it from its first operation on. */
  #in(inodes: Inodes, ino: number): Inode {
    const found = inodes.get(ino) ?? { ...(this.#births.get(ino) as Inode), names: new Map() };
    inodes.set(ino, found);
    return found;
  }

  #inode(ino: number): Inode {
    return this.#in(this.#cache, ino);
  }

  #blank(ino: number, kind: Kind, mode: number): Inode {
    const time = this.#time();
    const empty = { bytes: Buffer.alloc(0), names: new Map<string, number>() };
    return { ino, kind, mode, ...this.#user, ...empty, mtime: time, ctime: time };
  }

  /** The clock of the disk is fine enough that no two changes have the same time. */
  #time(): number {
    return this.#now() + (this.#ticks++ % 1000) / 1000;
  }

  #links(ino: number): number {
    if (ino === ROOT) return 1;
    let links = 0;
    for (const { names } of this.#cache.values())
      for (const child of names.values()) if (child === ino) links++;
    return links;
  }

  #find(path: string, syscall: string, follows = true): Inode {
    const { inode } = this.#place(path, syscall, follows, true);
    if (inode === undefined) throw failure('ENOENT', syscall);
    return inode;
  }

  #existing(path: string, syscall: string): { parent: number; name: string; inode: Inode } {
    const { inode, ...place } = this.#place(path, syscall);
    if (inode === undefined) throw failure('ENOENT', syscall);
    return { ...place, inode };
  }

  /** The directory and last name of a path, and what is there. */
  #place(
    path: string,
    syscall: string,
    follows = false,
    mustExist = false,
  ): { parent: number; name: string; inode: Inode | undefined } {
    const ahead = path.split('/').filter((name) => name !== '' && name !== '.');
    let [parent, at, name, links] = [ROOT, this.#inode(ROOT), '', 0];
    while (ahead.length > 0) {
      name = ahead.shift() as string;
      if (at.kind !== 'directory') throw failure('ENOTDIR', syscall);
      if (at.ino === ROOT && name === 'proc' && ahead[0] === 'self' && ahead[1] === 'fd') {
        if (ahead.length === 2) return { parent, name, inode: at }; // it exists; nothing more is modelled
        const open = this.#descriptors.get(Number(ahead[2]));
        if (open === undefined) throw failure('ENOENT', syscall);
        ahead.splice(0, 3);
        at = this.#inode(open.ino);
        continue;
      }
      parent = at.ino;
      const ino = name === '..' ? (this.#parentOf(at.ino) ?? ROOT) : at.names.get(name);
      if (ino === undefined) {
        if (ahead.length > 0 || mustExist) throw failure('ENOENT', syscall);
        return { parent, name, inode: undefined };
      }
      const next = this.#inode(ino);
      if (next.kind === 'symlink' && (ahead.length > 0 || follows)) {
        if (++links > 40) throw failure('ELOOP', syscall);
        const text = next.bytes.toString();
        ahead.unshift(...text.split('/').filter((each) => each !== '' && each !== '.'));
        if (text.startsWith('/')) at = this.#inode(ROOT);
      } else at = next;
    }
    return { parent, name, inode: at };
  }

  #stat(inode: Inode, { bigint = false }: StatOptions = {}): unknown {
    const { ino, kind, bytes, mtime, ctime } = inode;
    const values = {
      ...{ dev: 7, ino, mode: MODES[kind] | inode.mode, uid: inode.uid, gid: inode.gid },
      nlink: this.#links(ino),
      size: bytes.length,
      ...{ mtimeMs: mtime, ctimeMs: ctime },
    };
    const nanoseconds = {
      mtimeNs: BigInt(Math.round(mtime * 1000)) * 1000n,
      ctimeNs: BigInt(Math.round(ctime * 1000)) * 1000n,
    };
    const big = () =>
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, BigInt(Math.trunc(value))]));
    return {
      ...(bigint ? { ...big(), ...nanoseconds } : values),
      isFile: () => kind === 'file',
      isDirectory: () => kind === 'directory',
      isSymbolicLink: () => kind === 'symlink',
      ...Object.fromEntries(
        ['isFIFO', 'isSocket', 'isCharacterDevice', 'isBlockDevice'].map((is) => [is, () => false]),
      ),
    };
  }

  /**
   * What /proc says of this process: after a power failure it has its old number, but another start time. So a lock is
   * known to be stale at once; one of another boot is watched for 1.5 seconds, which is tested elsewhere.
   */
  #proc(path: string): string | undefined {
    return new Map([
      ['/proc/self', `${process.pid}`],
      ['/proc/self/ns/pid', 'pid:[1]'],
      ['/proc/self/ns/time', 'time:[2]'],
      ['/proc/self/stat', `${process.pid} (node) S ${'0 '.repeat(18)}${this.#started}`],
      [`/proc/${process.pid}/stat`, `${process.pid} (node) S ${'0 '.repeat(18)}${this.#started}`],
      ['/proc/sys/kernel/random/boot_id', '0123456789ab\n'],
    ]).get(path);
  }
}

interface StatOptions {
  readonly bigint?: boolean;
}

function writeAt(inode: Inode, piece: Buffer, at: number): void {
  const bytes = Buffer.alloc(Math.max(inode.bytes.length, at + piece.length));
  inode.bytes.copy(bytes);
  piece.copy(bytes, at);
  inode.bytes = bytes;
}

function failure(code: Errno, syscall: string): Error {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}

/** Everything that a disk holds, one line for each path, with what a program can see of it. */
export function listing(inodes: Inodes): string[] {
  const lines: string[] = [];
  const visit = (path: string, ino: number): void => {
    const { kind, mode, uid, gid, bytes, names } = inodes.get(ino) as Inode;
    lines.push(
      `${path} ${kind} ${mode.toString(8)} ${uid}:${gid} ${JSON.stringify(bytes.toString('latin1'))}`,
    );
    for (const [name, child] of [...names].toSorted()) visit(`${path}/${name}`, child);
  };
  visit('', ROOT);
  return lines;
}

/** The text of a file on a disk; undefined if there is none. */
export function textAt(inodes: Inodes, path: string): string | undefined {
  let at = inodes.get(ROOT);
  for (const name of path.split('/').filter(Boolean)) at = inodes.get(at?.names.get(name) ?? -1);
  return at?.bytes.toString();
}

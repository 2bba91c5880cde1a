import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { FileFollower, type FollowerOptions, type Reload } from '../../src/authenticate/file-follower.js';
import { run } from '../support/commands.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { projectRoot } from '../support/fixtures.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

jest.setTimeout(60_000); // generous: the machine may be busy with other tests

const directory = temporaryDirectory();
const line = (name: string, hash = '{SHA}x') => `elastic/kibana/${name}:${hash}\n`;

/** How long to wait for a report that must not come. If it is too short, a test may miss a bug, but never fails. */
const WHILE = 300;

/** The tests make changes synchronously, before a follower can look, so a short pause is enough. */
const QUIET = 40;

/** Shorter than a node's five seconds, for tests in which the system does not report changes. */
const POLL = 500;
/** Very long, so that no test succeeds by polling if the system does report changes. */
const NEVER = 600_000;

/** A reload as lines: `added a`, `removed b`, `changed c`, `failed <reason>`. */
function linesOf({ added, removed, changed, error }: Reload): string[] {
  const say = (word: string, names: readonly string[]) =>
    names.map((name) => `${word} ${name.replace('elastic/kibana/', '')}`);
  return [
    ...say('added', added),
    ...say('removed', removed),
    ...say('changed', changed),
    ...(error ? [`failed ${error.message}`] : []),
  ];
}

/** A follower whose reloads can be awaited one after the other. */
class Following {
  follower!: FileFollower;
  /** The reports that were not awaited yet. */
  readonly reloads: string[][] = [];
  #wake = () => {};

  async open(path: string, options: Partial<FollowerOptions>): Promise<this> {
    const onReload = (reload: Reload) => {
      this.reloads.push(linesOf(reload));
      this.#wake();
    };
    this.follower = await FileFollower.open(path, { onReload, quiet: QUIET, poll: NEVER, ...options });
    open.push(this.follower);
    return this;
  }

  async next(): Promise<string[]> {
    while (this.reloads.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.reloads.shift() ?? [];
  }

  /** Asserts that nothing else was reported and, by one more change, that the file is still followed. */
  async expectNothingBut(path: string): Promise<void> {
    const names = [...this.follower.entries.keys()].map((name) => name.replace('elastic/kibana/', ''));
    writeFileSync(path, line('last'));
    expect(await this.next()).toEqual(['added last', ...names.sort().map((name) => `removed ${name}`)]);
    expect(this.reloads).toEqual([]);
  }
}

const open: FileFollower[] = [];
afterEach(async () => {
  for (const follower of open.splice(0)) await follower.close();
});

const follow = (path: string, options: Partial<FollowerOptions> = {}) => new Following().open(path, options);

/** A change, and what is reported before the next change. */
type Step = readonly [act: () => unknown, expected: readonly string[]];

interface Change {
  readonly title: string;
  /** Makes the files, and returns the path to follow and the changes. */
  readonly arrange: () => {
    path: string;
    steps: readonly Step[];
    /** Far longer than the pauses in between, because the machine may be busy. */
    quiet?: number;
  };
}

const tokens = (content = line('a')) => directory.write('config/service_tokens', content);

/** A volume as the kubelet makes it: a symlink in config leads through ..data to the directory of this update. */
function kubernetesVolume(update: string, content: string): string {
  directory.write(`volume/${update}/service_tokens`, content);
  symlinkSync(update, directory.mkdir('volume').concat('/..data'));
  symlinkSync('..data/service_tokens', join(directory.path, 'volume/service_tokens'));
  directory.mkdir('config');
  symlinkSync('../volume/service_tokens', join(directory.path, 'config/service_tokens'));
  return join(directory.path, 'config/service_tokens');
}

/**
 * Like the kubelet (AtomicWriter): makes a directory, renames a new symlink over the old one, removes the old
 * directory.
 */
function updateVolume(from: string, to: string, content: string): void {
  const volume = join(directory.path, 'volume');
  directory.write(`volume/${to}/service_tokens`, content);
  symlinkSync(to, join(volume, '..data_tmp'));
  renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
  rmSync(join(volume, from), { recursive: true });
}

const inTmp = (name: string) => join(directory.path, name);

const changes: Change[] = [
  {
    title: 'a write in place',
    arrange: () => {
      const path = tokens();
      return { path, steps: [[() => appendFileSync(path, line('b')), ['added b']]] };
    },
  },
  {
    title: 'a write in place that keeps the size',
    arrange: () => {
      const path = tokens();
      const write = () => writeFileSync(path, line('a', '{SHA}y'), { flag: 'r+' });
      return { path, steps: [[write, ['changed a']]] };
    },
  },
  {
    title: 'a write in place in two halves, with a pause between',
    arrange: () => {
      const path = tokens();
      const halves = async () => {
        appendFileSync(path, 'elastic/kib');
        await sleep(60);
        appendFileSync(path, `ana/b:{SHA}x\n`);
      };
      return { path, steps: [[halves, ['added b']]], quiet: 500 };
    },
  },
  {
    title: 'a file that is truncated and rewritten',
    arrange: () => {
      const path = tokens(line('a') + line('b'));
      const rewrite = async () => {
        writeFileSync(path, '');
        await sleep(60);
        writeFileSync(path, line('a', '{SHA}y') + line('c'));
      };
      return { path, steps: [[rewrite, ['added c', 'removed b', 'changed a']]], quiet: 500 };
    },
  },
  {
    title: 'several renames over the file',
    arrange: () => {
      const path = tokens();
      const over = (content: string) => () => renameSync(directory.write('config/new', content), path);
      return {
        path,
        steps: [
          [over(line('a') + line('b')), ['added b']],
          [over(line('b')), ['removed a']],
          [over(line('b', '{SHA}y')), ['changed b']],
        ],
      };
    },
  },
  {
    title: 'a file that is deleted and recreated',
    arrange: () => {
      const path = tokens();
      return {
        path,
        steps: [
          [() => unlinkSync(path), ['removed a']],
          [() => writeFileSync(path, line('b')), ['added b']],
        ],
      };
    },
  },
  {
    title: 'a file that is created later',
    arrange: () => {
      const path = join(directory.mkdir('config'), 'service_tokens');
      return { path, steps: [[() => writeFileSync(path, line('a')), ['added a']]] };
    },
  },
  {
    title: 'a file whose directories are created later, one after the other',
    arrange: () => {
      const path = join(directory.path, 'one/two/service_tokens');
      const appear = async () => {
        mkdirSync(inTmp('one'));
        await sleep(60);
        mkdirSync(inTmp('one/two'));
        await sleep(60);
        writeFileSync(path, line('a'));
      };
      return { path, steps: [[appear, ['added a']]] };
    },
  },
  {
    title: 'a Kubernetes volume that is updated twice',
    arrange: () => ({
      path: kubernetesVolume('..2026_1', line('a')),
      steps: [
        [() => updateVolume('..2026_1', '..2026_2', line('a') + line('b')), ['added b']],
        [() => updateVolume('..2026_2', '..2026_3', line('b')), ['removed a']],
      ],
    }),
  },
  {
    title: 'a directory that is moved away and replaced by another',
    arrange: () => {
      const path = tokens();
      directory.write('new/service_tokens', line('b'));
      return {
        path,
        steps: [
          [() => renameSync(inTmp('config'), inTmp('old')), ['removed a']],
          [() => renameSync(inTmp('new'), inTmp('config')), ['added b']],
        ],
      };
    },
  },
  {
    title: 'a directory that is replaced immediately',
    arrange: () => {
      const path = tokens();
      directory.write('new/service_tokens', line('b'));
      const replace = () => {
        renameSync(inTmp('config'), inTmp('old'));
        renameSync(inTmp('new'), inTmp('config'));
      };
      return { path, steps: [[replace, ['added b', 'removed a']]] };
    },
  },
  {
    title: 'a directory that is deleted and immediately recreated, possibly with the same inode',
    arrange: () => {
      const path = tokens();
      const recreate = () => {
        rmSync(inTmp('config'), { recursive: true });
        tokens(line('b'));
      };
      return { path, steps: [[recreate, ['added b', 'removed a']]] };
    },
  },
  {
    title: 'a directory that is deleted and later recreated',
    arrange: () => {
      const path = tokens();
      return {
        path,
        steps: [
          [() => rmSync(inTmp('config'), { recursive: true }), ['removed a']],
          [() => tokens(line('b')), ['added b']],
        ],
      };
    },
  },
  {
    title: 'a directory several levels above that is replaced',
    arrange: () => {
      const path = directory.write('one/two/three/config/service_tokens', line('a'));
      directory.write('new/two/three/config/service_tokens', line('b'));
      const replace = () => {
        renameSync(inTmp('one'), inTmp('old'));
        renameSync(inTmp('new'), inTmp('one'));
      };
      return { path, steps: [[replace, ['added b', 'removed a']]] };
    },
  },
  {
    title: 'the target of a symlink that is replaced',
    arrange: () => {
      const target = directory.write('elsewhere/real', line('a'));
      symlinkSync('../elsewhere/real', join(directory.mkdir('config'), 'service_tokens'));
      const replace = () => renameSync(directory.write('elsewhere/new', line('b')), target);
      return { path: inTmp('config/service_tokens'), steps: [[replace, ['added b', 'removed a']]] };
    },
  },
  {
    title: 'a symlink that is switched to a file of the same size and time',
    arrange: () => {
      for (const name of ['one', 'two']) {
        utimesSync(directory.write(`${name}/real`, line(name)), 1_000_000_000, 1_000_000_000);
      }
      const path = join(directory.mkdir('config'), 'service_tokens');
      symlinkSync('../one/real', path);
      const turn = () => {
        symlinkSync('../two/real', `${path}.new`);
        renameSync(`${path}.new`, path);
      };
      return { path, steps: [[turn, ['added two', 'removed one']]] };
    },
  },
  {
    title: 'a symlink in the middle of the path that is switched to the next version',
    arrange: () => {
      directory.write('elasticsearch-8/config/service_tokens', line('a'));
      directory.write('elasticsearch-9/config/service_tokens', line('b'));
      symlinkSync('elasticsearch-8', inTmp('elasticsearch'));
      const turn = () => {
        unlinkSync(inTmp('elasticsearch'));
        symlinkSync(inTmp('elasticsearch-9'), inTmp('elasticsearch'));
      };
      const path = inTmp('elasticsearch/config/service_tokens');
      return { path, steps: [[turn, ['added b', 'removed a']]] };
    },
  },
  {
    title: 'a dangling symlink whose target is created later',
    arrange: () => {
      symlinkSync('../elsewhere/real', join(directory.mkdir('config'), 'service_tokens'));
      const appear = () => directory.write('elsewhere/real', line('a'));
      return { path: inTmp('config/service_tokens'), steps: [[appear, ['added a']]] };
    },
  },
  {
    title: 'a directory whose name looks like an editor’s temporary file',
    arrange: () => {
      const path = directory.write('.config.swp/service_tokens', line('a'));
      return { path, steps: [[() => appendFileSync(path, line('b')), ['added b']]] };
    },
  },
];

describe('A change is reported once, and later changes are not missed', () => {
  test.each(changes)('$title', async ({ arrange }) => {
    const { path, steps, quiet = QUIET } = arrange();
    const following = await follow(path, { quiet });
    for (const [act, expected] of steps) {
      await act();
      expect(await following.next()).toEqual(expected);
    }
    await following.expectNothingBut(path);
  });

  test('a directory that appears while the follower is opened', async () => {
    const path = join(directory.path, 'one/two/service_tokens');
    const opening = follow(path); // it has read the path by now, but not the file
    directory.write('one/two/service_tokens', line('a'));
    const following = await opening;
    expect([...following.follower.entries.keys()]).toEqual(['elastic/kibana/a']);
    await following.expectNothingBut(path);
  });

  test('a file that keeps changing', async () => {
    const path = tokens();
    const following = await follow(path, { quiet: 200 });
    let number = 0;
    const writer = setInterval(() => appendFileSync(path, line(`b${number++}`)), 50);
    const reload = await following.next();
    clearInterval(writer);
    expect(reload[0]).toBe('added b0');
  });

  test('by each of two followers, when the directory is replaced immediately', async () => {
    const path = tokens();
    directory.write('new/service_tokens', line('b'));
    const followings = [await follow(path), await follow(path)];
    renameSync(inTmp('config'), inTmp('old'));
    renameSync(inTmp('new'), inTmp('config'));
    for (const following of followings) expect(await following.next()).toEqual(['added b', 'removed a']);
    appendFileSync(path, line('c'));
    for (const following of followings) expect(await following.next()).toEqual(['added c']);
  });
});

const silences: { title: string; act: (path: string) => unknown; why: string }[] = [
  { title: 'chmod', act: (path) => chmodSync(path, 0o640), why: 'a node ignores it' },
  {
    title: 'chmod after a write that keeps size and time',
    act: async (path) => {
      writeFileSync(path, line('a', '{SHA}y'));
      utimesSync(path, 1_000_000_000, 1_000_000_000);
      chmodSync(path, 0o640);
    },
    why: 'a node would not have noticed that write',
  },
  {
    title: 'touch',
    act: (path) => utimesSync(path, new Date(), new Date()),
    why: 'the tokens are the same',
  },
  {
    title: 'a comment',
    act: (path) => appendFileSync(path, '# a comment\n'),
    why: 'the tokens are the same',
  },
  {
    title: 'an entry in plain text',
    act: (path) => appendFileSync(path, 'elastic/kibana/b:secret\n'),
    why: 'a node skips it',
  },
  {
    title: 'another file with the same content',
    act: (path) => {
      cpSync(path, `${path}.new`);
      renameSync(`${path}.new`, path);
    },
    why: 'the tokens are the same',
  },
  {
    title: 'a file in the same directory',
    act: (path) => writeFileSync(`${path}.new`, line('b')),
    why: 'it is another file',
  },
  {
    title: 'a file that is missing for a moment',
    act: async (path) => {
      renameSync(path, `${path}.away`);
      await sleep(30);
      renameSync(`${path}.away`, path);
    },
    why: 'a node polls every five seconds',
  },
];

describe('Nothing is reported', () => {
  test.each(silences)('for $title, because $why', async ({ act }) => {
    const path = tokens();
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    const following = await follow(path);
    await act(path);
    await sleep(WHILE);
    await following.expectNothingBut(path);
  });

  testAsRoot('for chown, because a node ignores it', async () => {
    const path = tokens();
    const following = await follow(path);
    chownSync(path, 61_007, 61_113);
    await sleep(WHILE);
    await following.expectNothingBut(path);
  });

  test('after close, even for a change that was already noticed', async () => {
    const path = tokens();
    const following = await follow(path, { quiet: 60_000 }); // which waits until the file does not change
    const other = await follow(path);
    appendFileSync(path, line('b'));
    expect(await other.next()).toEqual(['added b']); // so the first one has noticed it, too
    await following.follower.close();
    await following.follower.close();
    expect(following.reloads).toEqual([]);
    expect([...following.follower.entries.keys()]).toEqual(['elastic/kibana/a']);
  });
});

describe('A file that the server cannot read', () => {
  const missingColon = "Missing ':' character at line #2";

  test('removes every token, once; after a repair, they are back', async () => {
    const path = tokens();
    const following = await follow(path);
    const { follower } = following;

    appendFileSync(path, 'elastic\n');
    expect(await following.next()).toEqual(['removed a', `failed ${missingColon}`]);
    expect(follower.entries.size).toBe(0);

    appendFileSync(path, '# the same is wrong with it as before\n');
    await sleep(WHILE);
    writeFileSync(path, `${line('a')}${line('b', '{PBKDF2}77$x')}`);
    expect(await following.next()).toEqual(['failed unknown hash function [pbkdf2_77] (line #2)']);

    writeFileSync(path, line('a') + line('b'));
    expect(await following.next()).toEqual(['added a', 'added b']);
    await following.expectNothingBut(path);
    expect(follower.error).toBeUndefined(); // no error at the start
  });

  test('and is repaired without any token is reported as repaired', async () => {
    const path = tokens();
    const following = await follow(path);
    writeFileSync(path, 'elastic\n');
    expect((await following.next()).at(-1)).toMatch(/^failed /);
    writeFileSync(path, '');
    expect(await following.next()).toEqual([]);
    await following.expectNothingBut(path);
  });

  test('at the start is the error of the follower', async () => {
    const path = tokens(`${line('a')}elastic\n`);
    const following = await follow(path);
    expect(following.follower.error).toMatchObject({ code: 'MALFORMED_FILE', message: missingColon });
    expect(following.follower.entries.size).toBe(0);
    writeFileSync(path, line('a'));
    expect(await following.next()).toEqual(['added a']);
    await following.expectNothingBut(path);
  });

  test('because it is too large removes every token', async () => {
    const path = tokens();
    const following = await follow(path);
    truncateSync(path, 2 ** 30 + 1); // a sparse file
    expect(await following.next()).toEqual([
      'removed a',
      `failed could not read [${path}]: it has 1073741825 bytes, and the limit is 1073741824 bytes (1 GiB)`,
    ]);
    await following.expectNothingBut(path);
  });

  test.each([
    [new RangeError('Array buffer allocation failed'), 'it cannot be processed (RangeError)'],
    [systemError('ENOMEM', 'read'), 'system error ENOMEM'],
  ])('because the read fails (%s) removes every token', async (error, says) => {
    const path = tokens();
    let fails = false;
    const { fs } = watchedFileSystem({
      before: (_, call) => {
        if (fails && call === 'readSync') throw error;
      },
    });
    const following = await follow(path, { fs });
    fails = true;
    appendFileSync(path, line('b'));
    expect(await following.next()).toEqual(['removed a', `failed could not read [${path}]: ${says}`]);
    fails = false;
    appendFileSync(path, line('c'));
    expect(await following.next()).toEqual(['added a', 'added b', 'added c']);
    await following.expectNothingBut(path);
  });

  test('because it is a directory now removes every token', async () => {
    const path = tokens();
    const following = await follow(path);
    unlinkSync(path);
    mkdirSync(path);
    expect(await following.next()).toEqual([
      'removed a',
      `failed could not read [${path}]: it is a directory`,
    ]);
    rmSync(path, { recursive: true });
    expect(await following.next()).toEqual([]);
    await following.expectNothingBut(path);
  });

  test('because its symlinks are circular now removes every token', async () => {
    const path = tokens();
    const following = await follow(path);
    unlinkSync(path);
    symlinkSync('service_tokens', path);
    expect(await following.next()).toEqual([
      'removed a',
      `failed could not read [${path}]: too many levels of symlinks`,
    ]);
    unlinkSync(path);
    writeFileSync(path, line('b'));
    expect(await following.next()).toEqual(['added b']);
    await following.expectNothingBut(path);
  });
});

describe('If the system does not report changes, the file is polled', () => {
  test('in a directory that chokidar cannot watch', async () => {
    const path = directory.write('back\\slash/service_tokens', line('a'));
    const following = await follow(path, { poll: POLL });
    appendFileSync(path, line('b'));
    expect(await following.next()).toEqual(['added b']);
    await following.expectNothingBut(path);
  });

  /** A follower, and a promise that resolves when it reads the status of the file next. */
  async function followWithLooks(path: string, statfs?: { type: number }) {
    const { fs, calls } = watchedFileSystem({
      instead: (name) => (name === 'statfsSync' ? statfs : undefined),
    });
    const following = await follow(path, { fs, poll: POLL });
    const looks = () => calls.filter((name) => name === 'statSync').length;
    const nextLook = async (before = looks()) => {
      while (looks() === before) await sleep(20);
    };
    return { following, nextLook };
  }

  test('on a file system that other machines change, too', async () => {
    const path = tokens();
    const { following, nextLook } = await followWithLooks(path, { type: 0x6969 }); // NFS
    for (let i = 0; i < 3; i++) await nextLook();
    await following.expectNothingBut(path);
  });

  test('and after changes of other files, because the system drops events if there are too many', async () => {
    const path = tokens();
    const { following, nextLook } = await followWithLooks(path);
    const look = nextLook();
    writeFileSync(`${path}.other`, '');
    await look;
    await following.expectNothingBut(path);
  });
});

describe('If the current directory does not exist', () => {
  test('a relative path is refused, and an absolute one is followed', async () => {
    const script = `
      import { rmdirSync } from 'node:fs';
      import { FileFollower } from '${projectRoot}/dist/src/authenticate/file-follower.js';
      process.chdir('${directory.mkdir('gone')}');
      rmdirSync('${inTmp('gone')}');
      const follow = (path) => FileFollower.open(path, { onReload() {} });
      await follow('service_tokens').catch(({ code, message }) => console.log(code, message));
      const follower = await follow('${tokens()}');
      console.log(...follower.entries.keys());
      await follower.close();
    `;
    const { stdout, stderr, status } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect({ stdout, stderr, status }).toEqual({
      stdout: 'IO could not read [service_tokens]: the current directory does not exist\nelastic/kibana/a\n',
      stderr: '',
      status: 0,
    });
  });
});

describe('A closed follower', () => {
  test('leaves no descriptor open, and does not keep the process alive', async () => {
    const path = tokens();
    const script = `
      import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { FileFollower } from '${projectRoot}/dist/src/authenticate/file-follower.js';
      const followAChange = async () => {
        let wake;
        const reload = new Promise((resolve) => { wake = resolve; });
        const follower = await FileFollower.open('${path}', { onReload: wake });
        appendFileSync('${path}', 'elastic/kibana/' + Math.random() + ':{SHA}x\\n');
        await reload;
        appendFileSync('${path}.other', '');
        await sleep(5); // the event is being processed now
        await follower.close();
        await sleep(300);
      };
      const descriptors = () => readdirSync('/proc/self/fd').length;
      const watches = () => readdirSync('/proc/self/fdinfo').map(linesOf).join('').match(/^inotify wd/gm) ?? [];
      const linesOf = (fd) => {
        try { return readFileSync('/proc/self/fdinfo/' + fd, 'utf8'); } catch { return ''; }
      };
      await followAChange(); // libuv keeps a descriptor open after the first watch
      const before = descriptors();
      await followAChange();
      const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
      console.log(JSON.stringify({ descriptors: descriptors() - before, watches: watches(), timers }));
    `;
    const { stdout, stderr, status } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect({ stdout, stderr, status }).toEqual({
      stdout: '{"descriptors":0,"watches":[],"timers":[]}\n',
      stderr: '',
      status: 0,
    });
  });

  test('does not read a large file to its end', async () => {
    const path = tokens();
    let close = () => {};
    const { fs, calls, openDescriptors } = watchedFileSystem({
      before: (_, call) => void (call === 'readSync' && close()),
    });
    const following = await follow(path, { fs });
    const closed = new Promise<void>((resolve) => {
      close = () => void following.follower.close().then(resolve);
    });
    const reads = () => calls.filter((call) => call === 'readSync').length;
    const before = reads();
    writeFileSync(path, '# a comment\n'.repeat(1_000_000)); // more than one slice
    await closed;
    expect(reads()).toBe(before + 1);
    expect([...openDescriptors]).toEqual([]);
    expect(following.reloads).toEqual([]);
    expect([...following.follower.entries.keys()]).toEqual(['elastic/kibana/a']);
  });

  test('has closed every file that it read', async () => {
    const { fs, openDescriptors } = watchedFileSystem();
    const path = tokens();
    const following = await follow(path, { fs });
    appendFileSync(path, 'elastic\n');
    await following.next();
    expect([...openDescriptors]).toEqual([]);
    expect(readdirSync(dirname(path))).toEqual(['service_tokens']);
  });
});

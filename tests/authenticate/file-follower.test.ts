import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
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
const at = (name: string) => join(directory.path, name);
const tokens = (content = line('a')) => directory.write('config/service_tokens', content);

/** How long to wait for what must not come. If it is too short, a test may miss a bug, but never fails. */
const WHILE = 300;
/** The tests make changes synchronously, before a follower can look, so a short pause is enough. */
const QUIET = 40;
/** For changes with pauses in between; far longer than those, because the machine may be busy. */
const LONG_QUIET = 500;
/** Shorter than a node's five seconds, for tests in which the system does not report changes. */
const POLL = 500;
/** Very long, so that no test succeeds by polling if the system does report changes. */
const NEVER = 600_000;

const LONG_AGO = [1_000_000_000, 1_000_000_000] as const;

/** A reload as lines: `added a`, `removed b`, `changed c`, `failed <reason>`. */
function linesOf({ added, removed, changed, error }: Reload): string[] {
  const say = (word: string, names: readonly string[]) =>
    names.map((name) => `${word} ${name.replace('elastic/kibana/', '')}`);
  const failed = error ? [`failed ${error.message}`] : [];
  return [...say('added', added), ...say('removed', removed), ...say('changed', changed), ...failed];
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
    fs.writeFileSync(path, line('last'));
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
type Step = readonly [act: (path: string) => unknown, ...expected: string[]];

/** Does things with pauses in between. */
const slowly =
  (...acts: readonly ((path: string) => unknown)[]) =>
  async (path: string) => {
    for (const act of acts) {
      await act(path);
      await sleep(60);
    }
  };
const replaceDirectory = (name: string) => {
  fs.renameSync(at(name), at('old'));
  fs.renameSync(at('new'), at(name));
};
const replaceLink = (target: string, path: string) => {
  fs.symlinkSync(target, `${path}.new`);
  fs.renameSync(`${path}.new`, path);
};
/** Makes config/service_tokens a symlink. */
const linkTo = (target: string) => {
  fs.symlinkSync(target, join(directory.mkdir('config'), 'service_tokens'));
  return at('config/service_tokens');
};

/** A volume as the kubelet makes it: a symlink leads through ..data to the directory of this update. */
function kubernetesVolume(update: string, content: string): string {
  directory.write(`volume/${update}/service_tokens`, content);
  fs.symlinkSync(update, at('volume/..data'));
  fs.symlinkSync('..data/service_tokens', at('volume/service_tokens'));
  return linkTo('../volume/service_tokens');
}

/** Like the kubelet (AtomicWriter): a new directory, a symlink renamed over the old one, the old directory removed. */
function updateVolume(from: string, to: string, content: string): void {
  directory.write(`volume/${to}/service_tokens`, content);
  replaceLink(to, at('volume/..data'));
  fs.rmSync(at(`volume/${from}`), { recursive: true });
}

describe('A change is reported once, and later changes are not missed', () => {
  const changeIn =
    (quiet: number) =>
    /** @param make makes the files, and returns the path to follow */
    (title: string, make: () => string, ...steps: readonly Step[]) =>
      test(title, async () => {
        const path = make();
        const following = await follow(path, { quiet });
        for (const [act, ...expected] of steps) {
          await act(path);
          expect(await following.next()).toEqual(expected);
        }
        await following.expectNothingBut(path);
      });
  const change = changeIn(QUIET);
  const slowChange = changeIn(LONG_QUIET);

  const write = (content: string) => (path: string) => fs.writeFileSync(path, content, { flag: 'r+' });
  const append = (content: string) => (path: string) => fs.appendFileSync(path, content);
  const over = (content: string) => (path: string) =>
    fs.renameSync(directory.write('config/new', content), path);
  const move = (from: string, to: string) => () => fs.renameSync(at(from), at(to));
  const withNew = (name: string, make: () => string) => () => {
    directory.write(name, line('b'));
    return make();
  };
  const replaced = ['added b', 'removed a'] as const;

  change('a write in place', tokens, [append(line('b')), 'added b']);
  change('a write in place that keeps the size', tokens, [write(line('a', '{SHA}y')), 'changed a']);
  const halves = slowly(append('elastic/kib'), append('ana/b:{SHA}x\n'));
  slowChange('a write in place in two halves, with a pause between', tokens, [halves, 'added b']);
  const both = () => tokens(line('a') + line('b'));
  const rewrite = slowly((path) => fs.truncateSync(path), write(line('a', '{SHA}y') + line('c')));
  const rewritten = [rewrite, 'added c', 'removed b', 'changed a'] as const;
  slowChange('a file that is truncated and rewritten', both, rewritten);
  change(
    'several renames over the file',
    tokens,
    [over(line('a') + line('b')), 'added b'],
    [over(line('b')), 'removed a'],
    [over(line('b', '{SHA}y')), 'changed b'],
  );
  const back = [() => tokens(line('b')), 'added b'] as const;
  change('a file that is deleted and recreated', tokens, [(path) => fs.unlinkSync(path), 'removed a'], back);
  const none = () => join(directory.mkdir('config'), 'service_tokens');
  change('a file that is created later', none, [() => tokens(), 'added a']);
  const make = (name: string) => () => fs.mkdirSync(at(name));
  const grow = slowly(make('one'), make('one/two'), (path) => fs.writeFileSync(path, line('a')));
  const inMissing = () => at('one/two/x');
  change('a file whose directories are created later, one by one', inMissing, [grow, 'added a']);
  change(
    'a Kubernetes volume that is updated twice',
    () => kubernetesVolume('..2026_1', line('a')),
    [() => updateVolume('..2026_1', '..2026_2', line('a') + line('b')), 'added b'],
    [() => updateVolume('..2026_2', '..2026_3', line('b')), 'removed a'],
  );
  const besideNew = withNew('new/service_tokens', tokens);
  change(
    'a directory that is moved away and replaced by another',
    besideNew,
    [move('config', 'old'), 'removed a'],
    [move('new', 'config'), 'added b'],
  );
  const exchange = (name: string) => [() => replaceDirectory(name), ...replaced] as const;
  change('a directory that is replaced immediately', besideNew, exchange('config'));
  const remove = () => fs.rmSync(at('config'), { recursive: true });
  const recreate = () => [remove(), tokens(line('b'))];
  const title = 'a directory that is deleted and immediately recreated, possibly with the same inode';
  change(title, tokens, [recreate, ...replaced]);
  change('a directory that is deleted and later recreated', tokens, [remove, 'removed a'], back);
  const deep = () => directory.write('one/two/three/config/service_tokens', line('a'));
  const besideDeep = withNew('new/two/three/config/service_tokens', deep);
  change('a directory several levels above that is replaced', besideDeep, exchange('one'));
  const linked = withNew('elsewhere/new', () => {
    directory.write('elsewhere/real', line('a'));
    return linkTo('../elsewhere/real');
  });
  const replaceTarget = move('elsewhere/new', 'elsewhere/real');
  change('the target of a symlink that is replaced', linked, [replaceTarget, ...replaced]);
  const twins = () => {
    for (const name of ['a', 'b']) fs.utimesSync(directory.write(`${name}/real`, line(name)), ...LONG_AGO);
    return linkTo('../a/real');
  };
  const relink = (target: string, path: (followed: string) => string): Step => [
    (followed) => replaceLink(target, path(followed)),
    ...replaced,
  ];
  const toTwin = relink('../b/real', (path) => path);
  change('a symlink that is switched to a file of the same size and time', twins, toTwin);
  const versions = withNew('elasticsearch-9/config/service_tokens', () => {
    directory.write('elasticsearch-8/config/service_tokens', line('a'));
    fs.symlinkSync('elasticsearch-8', at('elasticsearch'));
    return at('elasticsearch/config/service_tokens');
  });
  const toNext = relink('elasticsearch-9', () => at('elasticsearch'));
  change('a symlink in the middle of the path that is switched to the next version', versions, toNext);
  const dangling = () => linkTo('../elsewhere/real');
  const makeTarget = () => directory.write('elsewhere/real', line('a'));
  change('a dangling symlink whose target is created later', dangling, [makeTarget, 'added a']);
  const swapFile = () => directory.write('.config.swp/service_tokens', line('a'));
  change('a directory whose name looks like an editor’s file', swapFile, [append(line('b')), 'added b']);

  test('a directory that appears while the follower is opened', async () => {
    const path = at('one/two/service_tokens');
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
    const writer = setInterval(() => fs.appendFileSync(path, line(`b${number++}`)), 50);
    const reload = await following.next();
    clearInterval(writer);
    expect(reload[0]).toBe('added b0');
  });

  test('a write during a read: the file is read again', async () => {
    const path = tokens();
    let write = () => {};
    const watched = watchedFileSystem({ before: (_, call) => void (call === 'closeSync' && write()) });
    const following = await follow(path, { fs: watched.fs });
    write = () => {
      write = () => {};
      fs.appendFileSync(path, line('c'));
    };
    fs.appendFileSync(path, line('b'));
    expect(await following.next()).toEqual(['added b', 'added c']);
    await following.expectNothingBut(path);
  });

  test('by each of two followers, when the directory is replaced immediately', async () => {
    const path = tokens();
    directory.write('new/service_tokens', line('b'));
    const followings = [await follow(path), await follow(path)];
    replaceDirectory('config');
    for (const following of followings) expect(await following.next()).toEqual(['added b', 'removed a']);
    fs.appendFileSync(path, line('c'));
    for (const following of followings) expect(await following.next()).toEqual(['added c']);
  });
});

describe('Nothing is reported', () => {
  const expectSilence = async (act: (path: string) => unknown) => {
    const path = tokens();
    fs.utimesSync(path, ...LONG_AGO);
    const following = await follow(path);
    await act(path);
    await sleep(WHILE);
    await following.expectNothingBut(path);
  };
  const silence = (what: string, why: string, act: (path: string) => unknown) =>
    test(`for ${what}, because ${why}`, () => expectSilence(act));
  silence('chmod', 'a node ignores it', (path) => fs.chmodSync(path, 0o640));
  const unnoticed = 'a node would not have noticed that write';
  silence('chmod after a write that keeps size and time', unnoticed, (path) => {
    fs.writeFileSync(path, line('a', '{SHA}y'));
    fs.utimesSync(path, ...LONG_AGO);
    fs.chmodSync(path, 0o640);
  });
  const same = 'the tokens are the same';
  silence('touch', same, (path) => fs.utimesSync(path, new Date(), new Date()));
  silence('a comment', same, (path) => fs.appendFileSync(path, '# a comment\n'));
  silence('plain text', 'a node skips it', (path) => fs.appendFileSync(path, line('b', 'secret')));
  silence('another file with the same content', same, (path) => {
    fs.cpSync(path, `${path}.new`);
    fs.renameSync(`${path}.new`, path);
  });
  silence('a file in the same directory', 'it is another file', (path) =>
    fs.writeFileSync(`${path}.new`, line('b')),
  );
  silence('a file that is missing for a moment', 'a node polls every five seconds', async (path) => {
    fs.renameSync(path, `${path}.away`);
    await sleep(30);
    fs.renameSync(`${path}.away`, path);
  });
  testAsRoot('for chown, because a node ignores it', () =>
    expectSilence((path) => fs.chownSync(path, 61_007, 61_113)),
  );

  test('after close, even for a change that was already noticed', async () => {
    const path = tokens();
    const following = await follow(path, { quiet: 60_000 }); // which waits until the file does not change
    const other = await follow(path);
    fs.appendFileSync(path, line('b'));
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
    fs.appendFileSync(path, 'elastic\n');
    expect(await following.next()).toEqual(['removed a', `failed ${missingColon}`]);
    expect(following.follower.entries.size).toBe(0);
    fs.appendFileSync(path, '# the same is wrong with it as before\n');
    await sleep(WHILE);
    fs.writeFileSync(path, `${line('a')}${line('b', '{PBKDF2}77$x')}`);
    expect(await following.next()).toEqual(['failed unknown hash function [pbkdf2_77] (line #2)']);
    fs.writeFileSync(path, line('a') + line('b'));
    expect(await following.next()).toEqual(['added a', 'added b']);
    await following.expectNothingBut(path);
    expect(following.follower.error).toBeUndefined(); // no error at the start
  });

  test('at the start is the error of the follower; its repair is reported, even without any token', async () => {
    const path = tokens(`${line('a')}elastic\n`);
    const following = await follow(path);
    expect(following.follower.error).toMatchObject({ code: 'MALFORMED_FILE', message: missingColon });
    expect(following.follower.entries.size).toBe(0);
    fs.writeFileSync(path, '');
    expect(await following.next()).toEqual([]);
    await following.expectNothingBut(path);
  });

  const becomes = (make: (path: string) => void) => (path: string) => {
    fs.unlinkSync(path);
    make(path);
  };
  test.each<[why: string, act: (path: string) => void]>([
    ['it is a directory', becomes((path) => fs.mkdirSync(path))],
    ['it is a named pipe', becomes((path) => execFileSync('mkfifo', [path]))],
    ['too many levels of symlinks', becomes((path) => fs.symlinkSync('service_tokens', path))],
    // A sparse file.
    ['it has 1073741825 bytes, and the limit is 1 GiB', (path) => fs.truncateSync(path, 2 ** 30 + 1)],
  ])('because %s, removes every token', async (why, act) => {
    const path = tokens();
    const following = await follow(path);
    act(path);
    expect(await following.next()).toEqual(['removed a', `failed could not read [${path}]: ${why}`]);
    fs.rmSync(path, { recursive: true });
    expect(await following.next()).toEqual([]);
    await following.expectNothingBut(path);
  });

  test.each([
    [new RangeError('Array buffer allocation failed'), 'it cannot be processed (RangeError)'],
    [systemError('ENOMEM', 'read'), 'system error ENOMEM'],
    [systemError('EACCES', 'open'), 'permission denied'],
  ])('because a call fails (%s) removes every token, and leaves no descriptor open', async (error, says) => {
    for (const failing of ['openSync', 'fstatSync', 'readSync', 'closeSync']) {
      const path = tokens();
      let fails = false;
      const watched = watchedFileSystem({
        before: (_, call) => {
          if (fails && call === failing) throw error;
        },
      });
      const following = await follow(path, { fs: watched.fs });
      fails = true;
      fs.appendFileSync(path, line('b'));
      const failed = expect.stringMatching(/^failed could not (open|read) /);
      const reload = await following.next();
      expect(reload).toEqual(['removed a', failed]);
      expect(reload[1]).toContain(`[${path}]: ${says}`);
      expect([...watched.openDescriptors]).toEqual([]);
      fails = false;
      fs.appendFileSync(path, line('c'));
      expect(await following.next()).toEqual(['added a', 'added b', 'added c']);
      await following.follower.close();
    }
  });
});

describe('How often the file is looked at', () => {
  test('between two polls, an idle follower makes no system calls', async () => {
    const path = tokens();
    const { fs: watched, calls } = watchedFileSystem();
    const following = await follow(path, { fs: watched });
    fs.appendFileSync(path, line('b'));
    expect(await following.next()).toEqual(['added b']);
    await sleep(WHILE); // for the last events
    const before = calls.length;
    await sleep(WHILE);
    expect(calls.slice(before)).toEqual([]);
  });

  test('in a directory that chokidar cannot watch, it is polled', async () => {
    const path = directory.write('back\\slash/service_tokens', line('a'));
    const following = await follow(path, { poll: POLL });
    fs.appendFileSync(path, line('b'));
    expect(await following.next()).toEqual(['added b']);
    await following.expectNothingBut(path);
  });

  test('it is polled everywhere, because a network file system or a full queue may report nothing', async () => {
    const { fs: watched, calls } = watchedFileSystem();
    const following = await follow(tokens(), { fs: watched, poll: POLL });
    const looks = () => calls.filter((name) => name === 'statSync').length;
    for (let i = 0, before = looks(); i < 3; i++, before = looks())
      while (looks() === before) await sleep(20);
    await following.follower.close();
  });
});

describe('In a process of its own', () => {
  async function expectOutput(script: string, expected: string): Promise<void> {
    const imports = `
      import { appendFileSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { FileFollower } from '${projectRoot}/dist/src/authenticate/file-follower.js';`;
    const args = ['--input-type=module', '-e', imports + script];
    const { stdout, stderr, status } = await run(process.execPath, args);
    expect({ stdout, stderr, status }).toEqual({ stdout: expected, stderr: '', status: 0 });
  }

  test('whose directory does not exist, a relative path is refused, and an absolute one is followed', () =>
    expectOutput(
      `process.chdir('${directory.mkdir('gone')}');
      rmdirSync('${at('gone')}');
      const follow = (path) => FileFollower.open(path, { onReload() {} });
      await follow('service_tokens').catch(({ code, message }) => console.log(code, message));
      const follower = await follow('${tokens()}');
      console.log(...follower.entries.keys());
      await follower.close();`,
      'IO could not read [service_tokens]: the current directory does not exist\nelastic/kibana/a\n',
    ));

  test('a closed follower leaves no descriptor open, and does not keep the process alive', () => {
    const path = tokens();
    return expectOutput(
      `const followAChange = async () => {
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
      console.log(JSON.stringify({ descriptors: descriptors() - before, watches: watches(), timers }));`,
      '{"descriptors":0,"watches":[],"timers":[]}\n',
    );
  });
});

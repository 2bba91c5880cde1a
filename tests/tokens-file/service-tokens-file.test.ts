import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parsePrincipal } from '../../src/accounts/known-accounts.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { ServiceTokensError } from '../../src/errors.js';
import { parseTokenName } from '../../src/token/token-name.js';
import {
  type CreateOptions,
  type FileOptions,
  ServiceTokensFile,
} from '../../src/tokens-file/service-tokens-file.js';
import { CHANGING_CALLS } from '../support/changing-calls.js';
import { BIN, inParallel, run } from '../support/commands.js';
import { type Interference, systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { isRoot } from '../support/needs.js';
import { fileSystemOf } from '../support/ordinary-user.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { sampleOf } from '../support/thoroughness.js';

const KIBANA = parsePrincipal('elastic/kibana');
const NEW = parseTokenName('new');
const OLD = parseTokenName('old');
const OLD_LINE =
  'elastic/kibana/old:{PBKDF2}1000$HWWmph2DSqeQSI6GASS0wTZ9lE5xWqjnxowNSt8L9DA=$88Xun3plj45t1X4Pkk4zQPYNZtBoL0jX4iZGQWMw6QY=\n';
const CHEAP: CreateOptions = { algorithm: { scheme: 'pbkdf2', cost: 1_000 } };
const directory = temporaryDirectory();

/** Creates a directory for a step of a test, with a tokens file in it unless `content` is undefined. */
function place(name: string, content: string | undefined): string {
  const path = join(directory.mkdir(name), 'service_tokens');
  if (content !== undefined) writeFileSync(path, content, { mode: 0o640 });
  return path;
}

function contentOf(path: string): string | undefined {
  return readdirSync(join(path, '..')).includes('service_tokens') ? readFileSync(path, 'utf8') : undefined;
}

function litterBeside(path: string): string[] {
  return readdirSync(join(path, '..')).filter((name) => name !== 'service_tokens');
}

/** Asserts that the next change works immediately, and leaves nothing behind. */
async function expectNextChangeToCleanUp(path: string): Promise<void> {
  await new ServiceTokensFile(path, { patience: 2_000 }).create(KIBANA, parseTokenName('next'), CHEAP);
  expect(litterBeside(path)).toEqual([]);
}

interface Operation {
  readonly title: string;
  readonly before: string | undefined;
  readonly options?: FileOptions;
  readonly act: (file: ServiceTokensFile, options?: CreateOptions) => Promise<unknown>;
  readonly hasWorked: (content: string | undefined) => boolean;
}

const create = (file: ServiceTokensFile, options?: CreateOptions) =>
  file.create(KIBANA, NEW, { ...CHEAP, ...options });
const holdsNew = (content: string | undefined) => content?.includes('elastic/kibana/new:') === true;
const creation = { before: OLD_LINE, act: create, hasWorked: holdsNew };
const remove: Operation['act'] = (file, options) => file.delete(KIBANA, OLD, options);
const operations: Operation[] = [
  { ...creation, title: 'create in an existing file' },
  { ...creation, title: 'create of a new file', before: undefined },
  { ...creation, title: 'create in place', options: { inPlace: true } },
  { title: 'delete', before: OLD_LINE, act: remove, hasWorked: (content) => content === '' },
];

/** Runs an operation with an interference, and returns its result; asserts what must hold after any result. */
async function attempt(
  path: string,
  { before, options, act, hasWorked }: Operation,
  interference: Interference,
  actOptions?: CreateOptions,
) {
  const watched = watchedFileSystem(interference);
  const error = await act(new ServiceTokensFile(path, { ...options, fs: watched.fs }), actOptions).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect([...watched.openDescriptors]).toEqual([]);
  if (error === undefined) expect(hasWorked(contentOf(path))).toBe(true);
  else expect(contentOf(path)).toBe(before);
  return { error, calls: watched.calls };
}

describe.each(operations)('$title', (operation) => {
  test('if any system call fails, the file is the old one or the new one, and the result says which', async () => {
    const { calls } = await attempt(place('dry', operation.before), operation, {});
    expect(calls.length).toBeGreaterThan(20);
    for (const step of sampleOf([...calls.keys()], 13)) {
      const path = place(`step-${step}`, operation.before);
      let failed = '';
      const { error } = await attempt(path, operation, {
        before: (number, name) => {
          if (number !== step) return;
          failed = name;
          throw systemError('EIO', name);
        },
      });
      if (error !== undefined) expect(error).toBeInstanceOf(ServiceTokensError);
      // Only a failure of the cleanup itself may leave something, which the next change removes.
      const mayLeave = ['unlinkSync', 'rmdirSync'].includes(failed);
      const litter = mayLeave ? [] : litterBeside(path);
      expect({ step, failed, litter }).toEqual({ step, failed, litter: [] });
      await expectNextChangeToCleanUp(path);
    }
  });

  test('if it is interrupted before any step, nothing has changed, or it was already done', async () => {
    const { calls } = await attempt(place('dry', operation.before), operation, {});
    const ends = new Set<string>();
    for (const [step, name] of sampleOf([...calls.entries()], 7, 2)) {
      const controller = new AbortController();
      const reason = new ServiceTokensError('TERMINATED', 'interrupted');
      const path = place(`step-${step}`, operation.before);
      const before = (number: number) => number === step && controller.abort(reason);
      const { error } = await attempt(path, operation, { before }, { signal: controller.signal });
      if (error !== undefined) expect(error).toBe(reason);
      ends.add(error === undefined ? 'done' : 'unchanged');
      expect({ step, name, litter: litterBeside(path) }).toEqual({ step, name, litter: [] });
    }
    expect([...ends].sort()).toEqual(['done', 'unchanged']);
  });
});

test('a signal that Node reports two turns after the rename still undoes the change', async () => {
  const path = place('late', OLD_LINE);
  const controller = new AbortController();
  const reason = new ServiceTokensError('TERMINATED', 'interrupted');
  const { fs } = watchedFileSystem({
    before: (_, name, [from]) =>
      name === 'renameSync' &&
      String(from).endsWith('.tmp') &&
      setImmediate(() => setImmediate(() => controller.abort(reason))),
  });
  const options = { ...CHEAP, signal: controller.signal };
  await expect(new ServiceTokensFile(path, { fs }).create(KIBANA, NEW, options)).rejects.toBe(reason);
  expect(contentOf(path)).toBe(OLD_LINE);
});

test('if the token cannot be delivered, the entry is removed again and nothing is left', async () => {
  for (const operation of operations.slice(0, 3)) {
    const path = place(operation.title.replaceAll(' ', '-'), operation.before);
    const refusal = new ServiceTokensError('IO', 'nobody listens');
    const { error } = await attempt(path, operation, {}, { deliver: () => Promise.reject(refusal) });
    expect(error).toBe(refusal);
    expect(litterBeside(path)).toEqual([]);
  }
});

test('if the token cannot be delivered and the entry not be removed, the error says both', async () => {
  const path = place('both', OLD_LINE);
  let renames = 0;
  const { fs } = watchedFileSystem({
    before(_, name) {
      if (name === 'renameSync' && ++renames === 3) throw systemError('EIO', name); // lock, file, and back
    },
  });
  const create = new ServiceTokensFile(path, { fs }).create(KIBANA, NEW, {
    ...CHEAP,
    deliver: () => Promise.reject(new ServiceTokensError('IO', 'nobody listens')),
  });
  await expect(create).rejects.toThrow(
    /^nobody listens; the change could not be undone: could not write .*EIO$/,
  );
});

test.each([
  ['EROFS', 'CANNOT_REPLACE', /the file system is read-only/],
  ['ENOSPC', 'IO', /no space is left on the device/],
  ['EDQUOT', 'IO', /the disk quota is exceeded/],
  ['EACCES', 'PERMISSION', /permission denied/],
  ['EPERM', 'PERMISSION', /the operation is not permitted/],
  ['EISDIR', 'IO', /it is a directory/],
  ['ELOOP', 'IO', /too many levels of symlinks/],
  ['ENAMETOOLONG', 'CANNOT_REPLACE', /the name is too long/],
  ['EMFILE', 'IO', /too many files are open in this process/],
  ['EBUSY', 'CANNOT_REPLACE', /it is in use by the system and cannot be replaced/],
] as const)(
  'if the rename fails with %s, the error has the code %s and its own sentence',
  async (errno, code, sentence) => {
    const path = place(errno, OLD_LINE);
    let renames = 0;
    const { error } = await attempt(path, operations[0] as Operation, {
      before(_, name) {
        if (name === 'renameSync' && ++renames === 2) throw systemError(errno, name);
      },
    });
    expect(error).toMatchObject({ code, message: expect.stringMatching(sentence) });
    if (errno === 'EMFILE') expect(error).toMatchObject({ hint: 'Raise the limit (ulimit -n).' });
    expect(litterBeside(path)).toEqual([]);
  },
);

test('an existing file keeps its inode with inPlace, and no old content at its end; without, it gets another one', async () => {
  const path = place('inode', OLD_LINE);
  const { ino } = statSync(path);
  await new ServiceTokensFile(path, { inPlace: true }).create(KIBANA, NEW, CHEAP);
  await new ServiceTokensFile(path, { inPlace: true }).delete(KIBANA, NEW);
  expect({ ino: statSync(path).ino, content: contentOf(path) }).toEqual({ ino, content: OLD_LINE });
  await new ServiceTokensFile(path).delete(KIBANA, OLD);
  expect(statSync(path).ino).not.toBe(ino);
});

describe('a file that changes between the first read and the change', () => {
  const other = OLD_LINE.replace('/old:', '/odd:');
  test.each<[to: string, content: string | undefined]>([
    ['one of the same size', other],
    ['a longer one', OLD_LINE + other],
    ['a shorter one', '# no more\n'],
    ['a missing one', undefined],
    ['an equal one', OLD_LINE],
  ])('to %s is read again', async (_, content) => {
    for (const inPlace of [false, true]) {
      const path = place(`change-${inPlace}`, OLD_LINE);
      let calls = 0;
      const random = (size: number) => {
        // The first call is for the secret; the second, for the salt, comes after the first read.
        if (++calls === 2) {
          rmSync(path);
          if (content !== undefined) writeFileSync(path, content);
        }
        return Buffer.alloc(size, 7);
      };
      await new ServiceTokensFile(path, { inPlace }).create(KIBANA, NEW, { ...CHEAP, random });
      expect(calls).toBe(2);
      expect(contentOf(path)?.replace(/^elastic\/kibana\/new:.*\n/m, '')).toBe(content ?? '');
    }
  });

  test('in one byte near its end is read again, and the token there is found', async () => {
    const line = OLD_LINE.replace('/old:', '/nex:');
    const path = place('far-behind', `${`#${'x'.repeat(1023)}\n`.repeat(1024)}${line}`);
    let calls = 0;
    const random = (size: number) => {
      if (++calls === 2)
        writeFileSync(path, readFileSync(path, 'utf8').replace('/nex:', '/new:'), { flag: 'r+' });
      return Buffer.alloc(size, 7);
    };
    const creation = new ServiceTokensFile(path).create(KIBANA, NEW, { ...CHEAP, random });
    await expect(creation).rejects.toMatchObject({ code: 'TOKEN_EXISTS' });
  });

  test('is in memory only once if it is large and does not change', async () => {
    const path = place('large', `${`#${'x'.repeat(1023)}\n`.repeat(4096)}${OLD_LINE}`);
    const buffers = new Set<ArrayBufferLike>();
    const { fs } = watchedFileSystem({
      before: (_, name, [, bytes]) => {
        if (name === 'readSync' || name === 'writeSync') buffers.add((bytes as Uint8Array).buffer);
      },
    });
    await new ServiceTokensFile(path, { fs }).create(KIBANA, NEW, CHEAP);
    expect([...buffers].filter(({ byteLength }) => byteLength > 2 ** 20)).toHaveLength(1);
  });
});

test('a symlink into a Kubernetes volume is read, but not written', async () => {
  // The kubelet's layout of a Secret: service_tokens -> ..data/service_tokens, ..data -> a directory with the time.
  const secret = directory.write('volume/..2026_11_22/service_tokens', OLD_LINE);
  symlinkSync('..2026_11_22', join(directory.path, 'volume/..data'));
  symlinkSync('..data/service_tokens', join(directory.path, 'volume/service_tokens'));
  symlinkSync('../volume/service_tokens', join(directory.mkdir('config'), 'service_tokens'));
  symlinkSync('volume/..data', join(directory.path, 'whole'));
  const message = expect.stringContaining('it is in a Kubernetes volume (..data)');
  for (const name of ['config', 'volume', 'volume/..data', 'whole', 'volume/..2026_11_22']) {
    const file = new ServiceTokensFile(join(directory.path, name, 'service_tokens'));
    expect(file.list()).toEqual(['elastic/kibana/old']);
    const refusal = { code: 'CANNOT_REPLACE', message };
    await expect(file.create(KIBANA, NEW, CHEAP)).rejects.toMatchObject(refusal);
    await expect(file.delete(KIBANA, OLD)).rejects.toMatchObject(refusal);
  }
  expect(readFileSync(secret, 'utf8')).toBe(OLD_LINE);
  expect(readdirSync(join(directory.path, 'volume'))).toEqual(['..2026_11_22', '..data', 'service_tokens']);
});

describe('as an ordinary user', () => {
  /** Creates the file as an ordinary user: as an unknown UID if the tests run as root, else as their user. */
  const createAsUser = async (umask: number, mode: number) => {
    const user = { uid: 61_999, gid: 61_999 };
    const conf = directory.mkdir('config');
    chmodSync(directory.path, 0o755);
    if (isRoot) chownSync(conf, user.uid, user.gid);
    chmodSync(conf, mode);
    const path = join(conf, 'service_tokens');
    const before = process.umask(umask);
    try {
      const fs = isRoot ? fileSystemOf(user, nodeFileSystem) : nodeFileSystem;
      await new ServiceTokensFile(path, { fs }).create(KIBANA, NEW, CHEAP);
    } finally {
      process.umask(before);
      chmodSync(conf, 0o755);
    }
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(litterBeside(path)).toEqual([]);
  };

  test.each([0o000, 0o077, 0o177, 0o377, 0o577, 0o777])('a new file is 0600 under umask %o', (umask) =>
    createAsUser(umask, 0o755),
  );

  test('a directory that is writable but not readable is sufficient', () => createAsUser(0o022, 0o300));
});

describe('processes', () => {
  test('that create and delete simultaneously lose no update and leave nothing behind', async () => {
    const [gone, made] = [[...'abc'], [...'def']];
    const path = place('at-once', gone.map((name) => OLD_LINE.replace('old', name)).join(''));
    const call = async (command: string, name: string) =>
      (await run(BIN, [command, 'elastic/kibana', name, '--file', path])).status;
    const calls = [...gone.map((name) => call('delete', name)), ...made.map((name) => call('create', name))];
    expect(await Promise.all(calls)).toEqual(Array(6).fill(0));
    expect(new ServiceTokensFile(path).list()).toEqual(made.map((name) => `elastic/kibana/${name}`));
    expect(litterBeside(path)).toEqual([]);
  });

  const script = fileURLToPath(new URL('../support/create-and-signal.js', import.meta.url));
  /** The number of changing calls in a creation, so that a signal can be sent before each of them. */
  async function changingSteps(): Promise<number[]> {
    const watched = watchedFileSystem();
    await new ServiceTokensFile(place('steps', OLD_LINE), { fs: watched.fs }).create(KIBANA, NEW, CHEAP);
    return watched.calls.filter((call) => CHANGING_CALLS.has(call)).map((_, step) => step);
  }

  test('that are killed before any step leave the old or the new file, and do not block the next run', async () => {
    const steps = sampleOf(await changingSteps(), 9, 4);
    const kept = await inParallel(steps, async (step) => {
      const path = place(`kill-${step}`, OLD_LINE);
      const { status } = await run(process.execPath, [script, path, 'new', String(step), 'SIGKILL']);
      expect(status).toBe('SIGKILL');
      const content = contentOf(path) ?? '';
      expect(content).toMatch(/^(elastic\/kibana\/new:\S+\n)?elastic\/kibana\/old:\S+\n$/);
      expect(statSync(path).mode & 0o777).toBe(0o640);
      expect(litterBeside(path).length).toBeLessThanOrEqual(2);
      await expectNextChangeToCleanUp(path);
      return holdsNew(content);
    });
    expect(new Set(kept)).toEqual(new Set([true, false]));
  });

  test.each([
    ['SIGHUP', 129, 3],
    ['SIGINT', 130, 4],
    ['SIGTERM', 143, 5],
  ] as const)(
    'that get %s before any step end with %i and the old file, or were already done',
    async (signal, expected, first) => {
      const all = await changingSteps();
      const steps = [...new Set([...sampleOf(all, 25, first), all.length - 1])]; // at the last, the change is done
      const ends = await inParallel(steps, async (step) => {
        const path = place(`${signal}-${step}`, OLD_LINE);
        const { status, stdout } = await run(process.execPath, [script, path, 'new', String(step), signal]);
        expect({ step, litter: litterBeside(path) }).toEqual({ step, litter: [] });
        expect({ step, status, stdout, holdsNew: holdsNew(contentOf(path)) }).toEqual(
          status === 0
            ? { step, status: 0, stdout: 'new\n', holdsNew: true }
            : { step, status: expected, stdout: '', holdsNew: false },
        );
        return status;
      });
      expect(new Set(ends)).toEqual(new Set([expected, 0]));
    },
  );
});

/** `check --fix` on real files, and as root on files of other users. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type CheckOptions, checkTokensFile } from '../../src/check/check.js';
import { withLock } from '../../src/disk/file-lock.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { ownProcess } from '../../src/disk/processes.js';
import { ServiceTokensError } from '../../src/errors.js';
import { run } from '../support/commands.js';
import { failing, systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { publicTokens, rejectionOf } from '../support/fixtures.js';
import { testAsRoot } from '../support/needs.js';
import { asOrdinaryUser, disguise, ordinaryUserFileSystem } from '../support/ordinary-user.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Numbers that are not in /etc/passwd of the test systems. */
const SERVER = 61_007;
const SERVER_GROUP = 61_113;

const AS_SERVER = { serverUser: String(SERVER), fs: nodeFileSystem };
const CONTENT = `elastic/kibana/good:${publicTokens.tokens[0]?.stored}\n`;
const LONG_AGO = new Date('2001-01-01');

const directory = temporaryDirectory();
let conf = '';
let path = '';
beforeEach(() => {
  chmodSync(directory.path, 0o755);
  conf = directory.mkdir('config');
  path = join(conf, 'service_tokens');
  place(path, CONTENT);
});

function place(file: string, content = '', mode = 0o600): void {
  writeFileSync(file, content);
  chmodSync(file, mode);
  utimesSync(file, LONG_AGO, LONG_AGO);
}

function own(file: string, uid: number, gid: number, mode: number): void {
  chownSync(file, uid, gid);
  chmodSync(file, mode);
}

const attributes = (file = path) => {
  const { uid, gid, mode } = statSync(file);
  return [uid, gid, (mode & 0o7777).toString(8)];
};
const temporary = () => join(conf, '.service_tokens.0123456789abcdef01.tmp');
const isTouched = (file = path) => statSync(file).mtimeMs > LONG_AGO.getTime();
const fix = (options: CheckOptions = {}) =>
  checkTokensFile(path, { fs: ordinaryUserFileSystem(), fix: true, ...options });
const codes = ({ findings }: { findings: readonly { code: string }[] }) => findings.map(({ code }) => code);

describe('when others can read the file', () => {
  beforeEach(() => chmodSync(path, 0o644));

  test('then their bits are removed, the file is touched, and there is no finding any more', async () => {
    const report = await fix();
    expect(report).toMatchObject({
      findings: [],
      fixed: [
        `mode of [${path}]: 0644 is now 0640`,
        `touched [${path}], so that a running node reads it again`,
      ],
    });
    expect(attributes()[2]).toBe('640');
    expect(isTouched()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(CONTENT);
    expect(readdirSync(conf)).toEqual(['service_tokens']);
  });

  test('and --fix is not set, then nothing is changed', async () => {
    const report = await checkTokensFile(path, { fs: ordinaryUserFileSystem() });
    expect(codes(report)).toEqual(['OPEN_TO_OTHERS']);
    expect(attributes()[2]).toBe('644');
    expect(isTouched()).toBe(false);
  });

  test('and the server is unknown, then their bits stay, because it may be one of them', async () => {
    const { fs } = watchedFileSystem({ instead: disguise(() => ({ uid: 0, gid: 0 })) });
    const hint = expect.stringContaining('--server-user');
    expect(await fix({ fs })).toMatchObject({ fixed: [], findings: [{ code: 'OPEN_TO_OTHERS', hint }] });
    expect(attributes()[2]).toBe('644');
  });

  test('and no token can match an entry, then that is still a finding', async () => {
    writeFileSync(path, `${CONTENT}elastic/kibna/a:{SHA}gXODQUdXbcUYsUww3rIJNH98bD0=\n`);
    expect(await fix()).toMatchObject({
      findings: [{ code: 'UNKNOWN_ACCOUNT' }],
      fixed: [expect.anything(), expect.anything()],
    });
  });

  test('and the file cannot be parsed, then it is repaired nevertheless', async () => {
    writeFileSync(path, 'x\n');
    expect(codes(await fix())).toEqual(['MISSING_COLON']);
    expect(attributes()[2]).toBe('640');
  });

  test('and the file has another hard link, then it is not changed', async () => {
    linkSync(path, join(conf, 'other'));
    const hint = 'Inspect the file before you change it.';
    const findings = [{ code: 'NOT_FIXED', hint }, { code: 'OPEN_TO_OTHERS' }];
    expect(await fix()).toMatchObject({ fixed: [], findings });
    expect(attributes()[2]).toBe('644');
  });

  test.each(['fchmodSync', 'futimesSync'] as const)(
    'and %s is not permitted, then that is an error, and the hint contains the command',
    async (call) => {
      const before = (_: number, name: string) => {
        if (name === call) throw systemError('EPERM', call);
      };
      const { findings } = await fix({ fs: watchedFileSystem({ before, instead: asOrdinaryUser }).fs });
      expect(findings[0]).toMatchObject({
        severity: 'error',
        code: 'NOT_FIXED',
        message: `--fix failed: could not change [${path}]: the operation is not permitted`,
        hint: expect.stringMatching(/^Repair it: chmod 0640 \S+ && touch \S+$/),
      });
      expect(readdirSync(conf)).toEqual(['service_tokens']);
    },
  );

  test('and another process holds the lock, then that is an error, and nothing is changed', async () => {
    await withLock(nodeFileSystem, path, {}, async () => {
      expect(codes(await fix({ patience: 30 }))).toEqual(['NOT_FIXED', 'OPEN_TO_OTHERS']);
    });
    expect(attributes()[2]).toBe('644');
  });
});

describe('when there is nothing to repair', () => {
  test('then the file is not touched, and no lock is taken', async () => {
    const { fs, calls } = watchedFileSystem();
    expect((await fix({ fs })).fixed).toEqual([]);
    expect(isTouched()).toBe(false);
    expect(calls).not.toContain('mkdirSync');
  });

  test('and there is no file, then none is created', async () => {
    path = join(conf, 'missing');
    expect(await fix()).toMatchObject({
      findings: [{ code: 'NO_FILE' }],
      fixed: [],
    });
    expect(readdirSync(conf)).toEqual(['service_tokens']);
  });
});

test('stale locks and orphaned temporary files are removed and reported, and the file is not touched', async () => {
  const { started, scope } = ownProcess(nodeFileSystem);
  const lock = join(conf, '.service_tokens.lock');
  place(temporary(), CONTENT);
  mkdirSync(lock);
  place(join(lock, `${2 ** 22 + 1}-${started}-${scope}-0123456789ab`));
  expect(await fix()).toMatchObject({
    findings: [],
    fixed: [`removed [${lock}]`, `removed [${temporary()}]`],
  });
  expect(readdirSync(conf)).toEqual(['service_tokens']);
  expect(isTouched()).toBe(false);
});

test('a stale lock or orphaned temporary file that cannot be removed is an error, and still a finding', async () => {
  const lock = join(conf, '.service_tokens.lock');
  mkdirSync(lock);
  place(join(lock, 'not-a-mark'));
  const hint = `Remove [${join(lock, 'not-a-mark')}].`;
  const findings = [{ code: 'NOT_FIXED', hint }, { code: 'STALE_LOCK' }];
  expect(await fix({ patience: 30 })).toMatchObject({ fixed: [], findings });
});

test('when the caller cannot read the file, then nothing is repaired', async () => {
  place(temporary());
  const fs = failing('openSync', 'EACCES', path);
  expect((await rejectionOf(fix({ fs }))).code).toBe('PERMISSION');
  expect(existsSync(temporary())).toBe(true);
});

test('a signal aborts the wait for the lock, and is not a finding', async () => {
  chmodSync(path, 0o644);
  const reason = new ServiceTokensError('INTERRUPT', 'interrupted');
  await withLock(nodeFileSystem, path, {}, async () => {
    const signal = AbortSignal.abort(reason);
    expect(await rejectionOf(fix({ signal }))).toBe(reason);
  });
});

describe('when root repairs', () => {
  testAsRoot('then a file whose name is exchanged during the repair keeps its attributes', async () => {
    own(conf, SERVER, SERVER, 0o755);
    own(path, 0, 0, 0o600);
    let isOpen = false;
    let isExchanged = false;
    const { fs } = watchedFileSystem({
      before(_, name, [at]) {
        if (name === 'fchownSync' && isExchanged) throw new Error('given away');
        const isTokensFile = String(at).endsWith('/service_tokens');
        if (name === 'openSync' && isTokensFile) isOpen = existsSync(join(conf, '.service_tokens.lock'));
        if (name !== 'lstatSync' || !isTokensFile || !isOpen || isExchanged) return;
        renameSync(path, join(conf, 'aside'));
        writeFileSync(path, CONTENT);
        isExchanged = true;
      },
    });
    const { findings } = await fix({ trustDirectory: true, fs });
    const message = `--fix failed: unsafe to change [${path}]: it was replaced while this command ran`;
    expect(findings).toContainEqual(expect.objectContaining({ message }));
  });

  const reads = async (uid: number, gid: number) =>
    (await run('cat', [path], { uid, gid })).stdout === CONTENT;

  testAsRoot('then in a package the file is root:elasticsearch 0660, like its siblings', async () => {
    own(conf, 0, SERVER_GROUP, 0o2750);
    place(join(conf, 'elasticsearch.keystore'));
    own(join(conf, 'elasticsearch.keystore'), 0, SERVER_GROUP, 0o660);
    own(path, 0, 0, 0o600);
    expect(codes(await checkTokensFile(path))).toEqual(['FILE_UNREADABLE']);
    expect(await reads(SERVER, SERVER_GROUP)).toBe(false);
    const fixed = [
      `owner and group of [${path}]: root:root is now root:${SERVER_GROUP}`,
      `mode of [${path}]: 0600 is now 0660`,
      `touched [${path}], so that a running node reads it again`,
    ];
    expect(await fix({ fs: nodeFileSystem })).toMatchObject({ findings: [], fixed });
    expect(attributes()).toEqual([0, SERVER_GROUP, '660']);
    expect(await reads(SERVER, SERVER_GROUP)).toBe(true);
    expect(isTouched()).toBe(true);
    expect((await fix({ fs: nodeFileSystem })).fixed).toEqual([]);
  });

  testAsRoot(
    'then one that the server reads through the bits for others is given to the server',
    async () => {
      own(path, 0, 0, 0o644);
      expect((await fix(AS_SERVER)).findings).toEqual([]);
      expect(attributes()).toEqual([SERVER, SERVER, '640']);
      expect(await reads(SERVER, SERVER)).toBe(true);
      expect(await reads(61_999, 61_999)).toBe(false);
    },
  );

  testAsRoot('then correct attributes stay: only the bits for others are removed', async () => {
    own(path, SERVER, 0, 0o606);
    await fix(AS_SERVER);
    expect(attributes()).toEqual([SERVER, 0, '600']);
  });

  testAsRoot('then the target of root’s symlink is repaired, and the symlink stays', async () => {
    place(join(directory.path, 'target'), CONTENT);
    path = join(conf, 'link');
    symlinkSync('../target', path);
    expect(codes(await fix(AS_SERVER))).toEqual(['SYMBOLIC_LINK']);
    expect(attributes(join(directory.path, 'target'))).toEqual([SERVER, SERVER, '640']);
  });

  testAsRoot('then a symlink of another user to a file of root is not followed', async () => {
    place(join(directory.path, 'shadow'), CONTENT);
    path = join(conf, 'link');
    symlinkSync('../shadow', path);
    lchownSync(path, SERVER, SERVER);
    await expect(fix(AS_SERVER)).rejects.toMatchObject({
      code: 'PERMISSION',
      message: expect.stringContaining(`untrusted symlink [${path}]`),
    });
    expect(attributes(join(directory.path, 'shadow'))).toEqual([0, 0, '600']);
  });

  testAsRoot('then a directory that the server cannot enter is a finding, and not changed', async () => {
    own(conf, 0, 0, 0o700);
    expect(codes(await fix(AS_SERVER))).toEqual(['DIRECTORY_UNREADABLE']);
    expect(attributes(conf)).toEqual([0, 0, '700']);
  });
});

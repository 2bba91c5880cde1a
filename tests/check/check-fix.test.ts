/** What tests/transcripts/check-fix.txt and root/check-fix.txt cannot show of `check --fix`. */
import {
  chmodSync,
  existsSync,
  lchownSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type CheckOptions, checkTokensFile } from '../../src/check/check.js';
import { withLock } from '../../src/disk/file-lock.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { ServiceTokensError } from '../../src/errors.js';
import { failing, systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { publicTokens, rejectionOf } from '../support/fixtures.js';
import { attributesOf, lay } from '../support/layout.js';
import { testAsRoot } from '../support/needs.js';
import { asOrdinaryUser, ordinaryUserFileSystem } from '../support/ordinary-user.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const CONTENT = `elastic/kibana/good:${publicTokens.tokens[0]?.stored}\n`;

const directory = temporaryDirectory();
let conf = '';
let path = '';
beforeEach(() => {
  chmodSync(directory.path, 0o755);
  path = directory.write('config/service_tokens', CONTENT);
  chmodSync(path, 0o600);
  conf = dirname(path);
});

const fix = (options: CheckOptions = {}) =>
  checkTokensFile(path, { fs: ordinaryUserFileSystem(), fix: true, ...options });
const codes = ({ findings }: { findings: readonly { code: string }[] }) => findings.map(({ code }) => code);

describe('when others can read the file', () => {
  beforeEach(() => chmodSync(path, 0o644));

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

  test('and the file becomes a symlink before it is opened for the repair, then that is an error', async () => {
    const link = join(conf, 'link');
    symlinkSync('service_tokens', link);
    const instead = (name: string, at: unknown, options?: unknown) =>
      name === 'openSync' && at === path && existsSync(join(conf, '.service_tokens.lock'))
        ? nodeFileSystem.openSync(link, options as number)
        : asOrdinaryUser(name, at, options);
    const { findings } = await fix({ fs: watchedFileSystem({ instead }).fs });
    const message = `--fix failed: unsafe to change [${path}]: it is a symlink`;
    expect(findings[0]).toMatchObject({ code: 'NOT_FIXED', message });
  });

  test('and another process holds the lock, then that is an error, and nothing is changed', async () => {
    await withLock(nodeFileSystem, path, {}, async () => {
      expect(codes(await fix({ patience: 30 }))).toEqual(['NOT_FIXED', 'OPEN_TO_OTHERS']);
    });
    expect(attributesOf(path).mode).toBe(0o644);
  });
});

testAsRoot('the library reads through no symlink of a third user', async () => {
  const link = join(conf, 'link');
  symlinkSync(path, link);
  lchownSync(link, 61_007, 61_007);
  const error = await rejectionOf(checkTokensFile(link, { fs: nodeFileSystem }));
  expect(error).toMatchObject({ code: 'PERMISSION', message: expect.stringContaining('untrusted symlink') });
});

test('when there is nothing to repair, then no lock is taken', async () => {
  const { fs, calls } = watchedFileSystem();
  expect((await fix({ fs })).fixed).toEqual([]);
  expect(calls).not.toContain('mkdirSync');
});

test('when the caller cannot read the file, then nothing is repaired', async () => {
  const temporary = directory.write('config/.service_tokens.0123456789abcdef01.tmp');
  const fs = failing('openSync', 'EACCES', path);
  expect((await rejectionOf(fix({ fs }))).code).toBe('PERMISSION');
  expect(existsSync(temporary)).toBe(true);
});

test('a signal aborts the wait for the lock, and is not a finding', async () => {
  chmodSync(path, 0o644);
  const reason = new ServiceTokensError('INTERRUPT', 'interrupted');
  await withLock(nodeFileSystem, path, {}, async () => {
    const signal = AbortSignal.abort(reason);
    expect(await rejectionOf(fix({ signal }))).toBe(reason);
  });
});

testAsRoot('when root repairs, a file in a directory of another user is refused', async () => {
  lay(conf, '. server:server 755; service_tokens root:root 600');
  const message = expect.stringContaining(`user [61007] can change [${conf}], which is unsafe for root`);
  expect((await fix({ fs: nodeFileSystem })).findings[0]).toMatchObject({ code: 'NOT_FIXED', message });
});

testAsRoot('a file whose name is exchanged while root repairs it keeps its attributes', async () => {
  lay(conf, '. server:server 755; service_tokens root:root 600');
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

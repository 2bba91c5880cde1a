/** Who owns a token file, and who can read it, when root creates it in directories of other users. */
import { chmodSync, chownSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ServiceToken } from '../../src/token/token.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { TokenFile } from '../../src/tokens-file/token-file.js';
import { BIN, run } from '../support/commands.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Numbers that are not in /etc/passwd of the test systems. */
const SERVER = 61_007;
const APPLICATION = 61_008;
const OTHER = 61_009;
/** The group of a user who is not in /etc/passwd. */
const NO_GROUP = 65_534;

const directory = temporaryDirectory();
let conf: string;
let place: string;
beforeEach(() => {
  if (process.getuid?.() === 0) chmodSync(directory.path, 0o755);
  conf = directory.mkdir('config');
  place = directory.mkdir('application');
});

/** Runs a command with a token file in the directory of the application. */
const call = (command: string, ...options: string[]) =>
  run(BIN, [
    ...[command, 'elastic/kibana', 'a', '--token-file', join(place, 'token'), '--config-dir', conf],
    ...['-E', 'xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000', ...options],
  ]);

const attributesOf = (path: string) => {
  const { uid, gid, mode } = statSync(path);
  return { uid, gid, mode: (mode & 0o7777).toString(8) };
};
const verified = async () =>
  (await run(BIN, ['verify', '--token-file', join(place, 'token'), '--config-dir', conf])).status;

describe.each(['create', 'ensure'])('%s as root', (command) => {
  testAsRoot('gives the token file to the owner of its directory, and the entry to the server', async () => {
    chownSync(conf, SERVER, SERVER);
    chownSync(place, APPLICATION, APPLICATION);
    expect(await call(command)).toMatchObject({ status: 0, stderr: '' });
    expect(attributesOf(join(place, 'token'))).toEqual({ uid: APPLICATION, gid: NO_GROUP, mode: '600' });
    expect(attributesOf(join(conf, 'service_tokens'))).toEqual({ uid: SERVER, gid: NO_GROUP, mode: '600' });
    expect(await verified()).toBe(0);
  });

  testAsRoot('keeps the token file in a directory of root', async () => {
    chownSync(conf, SERVER, SERVER);
    expect(await call(command)).toMatchObject({ status: 0 });
    expect(attributesOf(join(place, 'token'))).toEqual({ uid: 0, gid: 0, mode: '600' });
  });

  testAsRoot('lets the group of a set-group-ID directory read the token file', async () => {
    chownSync(place, 0, APPLICATION);
    chmodSync(place, 0o2750);
    expect(await call(command)).toMatchObject({ status: 0, stderr: '' });
    expect(attributesOf(join(place, 'token'))).toEqual({ uid: 0, gid: APPLICATION, mode: '640' });
  });

  for (const [owner, attributes] of [
    [`${APPLICATION}`, { uid: APPLICATION, gid: 0, mode: '600' }],
    [`${APPLICATION}:${OTHER}`, { uid: APPLICATION, gid: OTHER, mode: '640' }],
  ] as const) {
    testAsRoot(`gives the token file to --token-owner ${owner}`, async () => {
      writeFileSync(join(place, 'token'), '', { mode: 0o644 });
      expect(await call(command, '--token-owner', owner)).toMatchObject({ status: 0, stderr: '' });
      expect(attributesOf(join(place, 'token'))).toEqual(attributes);
    });
  }

  testAsRoot('changes nothing if the token file cannot be given to its owner', async () => {
    chownSync(place, APPLICATION, APPLICATION);
    const { status, stderr } = await call(command, '--token-owner', String(OTHER));
    expect({ status, stderr }).toEqual({ status: 77, stderr: expect.stringContaining('could not give') });
    for (const nobody of ['nobody-here', '4294967295']) // (uid_t) -1
      expect(await call(command, '--token-owner', nobody)).toMatchObject({ status: 64 });
    expect((await run(BIN, ['list', '--config-dir', conf])).stdout).toBe('');
  });

  testAsRoot('keeps owner, group and mode of a token file that it replaces', async () => {
    chownSync(place, APPLICATION, APPLICATION);
    const path = join(place, 'token');
    writeFileSync(path, '');
    chownSync(path, APPLICATION, OTHER);
    chmodSync(path, 0o640);
    expect(await call(command, '--force')).toMatchObject({ status: 0 });
    expect(attributesOf(path)).toMatchObject({ uid: APPLICATION, mode: '640' });
    expect(await verified()).toBe(0);
  });

  testAsRoot(
    'does not take a file of variables from a group to which its owner does not belong',
    async () => {
      const path = join(place, 'token');
      writeFileSync(path, 'A=1\n');
      for (const at of [place, path]) chownSync(at, APPLICATION, OTHER);
      const { status, stderr } = await call(command, '-o', 'env');
      expect({ status, stderr }).toEqual({
        status: 77,
        stderr: expect.stringContaining('keep its owner and group'),
      });
    },
  );

  testAsRoot('refuses a directory that everybody can change, and then stores no entry', async () => {
    chmodSync(place, 0o777);
    const { status, stderr } = await call(command);
    expect({ status, stderr }).toEqual({
      status: 77,
      stderr: expect.stringContaining(`can change [${place}]`),
    });
    expect((await run(BIN, ['list', '--config-dir', conf])).stdout).toBe('');
    expect(stderr).toContain('Name a token file in a directory');
    // What these options say is about the tokens file.
    expect(await call(command, '--trust-directory', '--server-user', '0')).toMatchObject({ status: 77 });
  });

  testAsRoot('refuses a directory of root below that of another user', async () => {
    chownSync(directory.path, OTHER, OTHER);
    const { status } = await call(command, '--server-user', '0');
    expect(status).toBe(77);
    expect(() => lstatSync(join(place, 'token'))).toThrow('ENOENT');
  });

  testAsRoot('does not follow a symlink of the application to a file of root', async () => {
    chownSync(place, APPLICATION, APPLICATION);
    const secret = directory.write('secret', '');
    chmodSync(secret, 0o600);
    symlinkSync(secret, join(place, 'token'));
    const { status } = await call(command, '--force');
    expect(status).not.toBe(0);
    expect(statSync(secret).size).toBe(0);
    expect((await run(BIN, ['list', '--config-dir', conf])).stdout).toBe('');
  });
});

testAsRoot('ensure gives an up-to-date token file to --token-owner, and says so', async () => {
  const path = join(place, 'token');
  const owned = ['--token-owner', `${APPLICATION}:${OTHER}`];
  await call('ensure');
  const token = readFileSync(path, 'utf8');
  const before = attributesOf(path);
  const planned = await call('ensure', ...owned, '--dry-run', '--json');
  expect(planned.stdout).toContain('"changed":true,"result":"rewritten"');
  expect(planned.stderr).toBe('Would write the token file again, with the same token\n');
  expect(attributesOf(path)).toEqual(before);
  expect(await call('ensure', ...owned)).toEqual({ status: 0, stdout: 'rewritten\n', stderr: '' });
  expect(attributesOf(path)).toEqual({ uid: APPLICATION, gid: OTHER, mode: '640' });
  expect(readFileSync(path, 'utf8')).toBe(token);
  expect(await call('ensure', ...owned)).toMatchObject({ stdout: 'unchanged\n' });
  expect(await call('ensure')).toMatchObject({ stdout: 'unchanged\n' });
});

testAsRoot('an owner that cannot be given is an error, and the token file stays as it is', () => {
  const path = directory.write('application/token', 'T=\n');
  const options = { format: String, variable: 'T', owner: `${APPLICATION}`, force: false, series: undefined };
  const { fs } = watchedFileSystem({
    before: (_, name) => {
      if (name === 'fchownSync') throw systemError('EPERM', name);
    },
  });
  const file = new TokenFile(path, options, fs);
  const writing = file.write(ServiceToken.mint('elastic/kibana', parseTokenName('a')));
  return expect(writing.finally(() => file.close()))
    .rejects.toThrow('could not give')
    .then(() => expect(readFileSync(path, 'utf8')).toBe('T=\n'));
});

test('two runs of ensure at once leave a token that matches', async () => {
  const results = await Promise.all(Array.from({ length: 4 }, () => call('ensure', '--server-user', '0')));
  expect(results.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  expect(results.filter(({ stdout }) => stdout === 'created\n')).toHaveLength(1);
  expect(await verified()).toBe(0);
});

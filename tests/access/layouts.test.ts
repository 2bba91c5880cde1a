/** The layouts of Elasticsearch's packages, with files of other users, and reads as the server's user. */
import {
  chmodSync,
  chownSync,
  lchownSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect } from '@jest/globals';
import { BIN, run } from '../support/commands.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Numbers that are not in /etc/passwd of the test systems. */
const SERVER = 61_007;
const SERVER_GROUP = 61_113;
const STRANGER = 61_999;

const directory = temporaryDirectory();
let conf = '';
beforeEach(() => {
  if (process.getuid?.() === 0) chmodSync(directory.path, 0o755);
  conf = directory.mkdir('config');
});

function own(name: string, uid: number, gid: number, mode: number): void {
  const path = join(conf, name);
  if (name !== '') writeFileSync(path, '');
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

const create = (name: string, options: readonly string[] = [], as: { uid?: number; gid?: number } = {}) =>
  run(BIN, ['create', 'elastic/kibana', name, '--config-dir', conf, ...options], as);

const attributes = () => {
  const { uid, gid, mode } = statSync(join(conf, 'service_tokens'));
  return { uid, gid, mode: (mode & 0o7777).toString(8) };
};

/** Reads the file in a process of another user and group. */
const canRead = async (uid: number, gid: number) =>
  (await run('cat', [join(conf, 'service_tokens')], { uid, gid })).stdout.startsWith('elastic/kibana/');

async function expectReadableByServerOnly(uid: number, gid: number): Promise<void> {
  expect(await canRead(uid, gid)).toBe(true);
  expect(await canRead(STRANGER, STRANGER)).toBe(false);
}

describe('a token file that another user made first', () => {
  const replace = () =>
    create('t', ['--token-file', join(conf, 'token'), '--force'], { uid: SERVER, gid: SERVER_GROUP });
  const mode = () => (statSync(join(conf, 'token')).mode & 0o777).toString(8);

  testAsRoot('gives its maker no access to the token', async () => {
    own('', SERVER, SERVER_GROUP, 0o777);
    own('token', STRANGER, STRANGER, 0o666);
    expect(await replace()).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(mode()).toBe('600');
  });

  testAsRoot('stays open to the group that both share', async () => {
    own('', SERVER, SERVER_GROUP, 0o777);
    own('token', STRANGER, SERVER_GROUP, 0o664);
    expect(await replace()).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(mode()).toBe('660');
  });
});

describe('when root creates the file', () => {
  testAsRoot(
    'then in a deb or rpm install it is root:elasticsearch 0660, and the server reads it',
    async () => {
      own('', 0, SERVER_GROUP, 0o2750);
      for (const name of ['elasticsearch.keystore', 'users', 'elasticsearch.yml'])
        own(name, 0, SERVER_GROUP, 0o660);
      expect(await create('a')).toMatchObject({ status: 0, stderr: '' });
      expect(attributes()).toEqual({ uid: 0, gid: SERVER_GROUP, mode: '660' });
      await expectReadableByServerOnly(SERVER, SERVER_GROUP);
    },
  );

  testAsRoot('then in Docker it belongs to the server, 0600, and the server reads it', async () => {
    own('', 0, 0, 0o775);
    own('elasticsearch.keystore', 1000, 0, 0o660);
    expect(await create('a')).toMatchObject({ status: 0, stderr: '' });
    expect(attributes()).toMatchObject({ uid: 1000, mode: '600' });
    await expectReadableByServerOnly(1000, 0);
  });

  testAsRoot(
    'then in a tarball of another user it belongs to that user, 0600, and the server reads it',
    async () => {
      own('', SERVER, SERVER_GROUP, 0o755);
      own('elasticsearch.yml', SERVER, SERVER_GROUP, 0o600);
      expect(await create('a')).toMatchObject({ status: 0, stderr: '' });
      expect(attributes()).toMatchObject({ uid: SERVER, mode: '600' });
      await expectReadableByServerOnly(SERVER, SERVER_GROUP);
    },
  );

  testAsRoot('then with --server-user it belongs to that user', async () => {
    expect(await create('a', ['--server-user', String(SERVER)])).toMatchObject({ status: 0, stderr: '' });
    expect(attributes()).toEqual({ uid: SERVER, gid: SERVER, mode: '640' });
    await expectReadableByServerOnly(SERVER, SERVER);
  });

  testAsRoot(
    'then it stays root’s, 0600, if the server is unknown, and a WARNING says how to repair it',
    async () => {
      own('elasticsearch.yml', 0, 0, 0o644);
      const accounts = directory.write('passwd', 'root:x:0:0::/root:/bin/sh\n'); // no account elasticsearch
      const script = 'mount --bind "$1" /etc/passwd && shift && exec "$@"';
      const create = [BIN, 'create', 'elastic/kibana/a', '--config-dir', conf];
      const { status, stderr } = await run('unshare', ['-m', 'sh', '-c', script, 'sh', accounts, ...create]);
      const file = join(conf, 'service_tokens');
      expect(status).toBe(0);
      expect(stderr).toBe(
        `WARNING: Cannot determine which user runs Elasticsearch; only root can read [${file}]\n` +
          `Specify the user with --server-user, or repair it: chown USER ${file} && touch ${file}\n`,
      );
      expect(attributes()).toEqual({ uid: 0, gid: 0, mode: '600' });
    },
  );
});

testAsRoot('in a directory that is not a server’s, nothing is said about an unknown server', async () => {
  expect(await create('a')).toMatchObject({ status: 0, stderr: '' });
});

describe('when the file exists', () => {
  testAsRoot('then root keeps its owner, group and mode', async () => {
    own('service_tokens', SERVER, SERVER_GROUP, 0o640);
    expect(await create('a')).toMatchObject({ status: 0 });
    expect(attributes()).toEqual({ uid: SERVER, gid: SERVER_GROUP, mode: '640' });
  });

  testAsRoot(
    'then there is a warning if the server cannot read it, with the command that repairs it',
    async () => {
      own('', 0, SERVER_GROUP, 0o2750);
      own('elasticsearch.yml', 0, SERVER_GROUP, 0o660);
      own('service_tokens', 0, SERVER_GROUP, 0o600);
      const { stderr } = await create('a');
      const command = /^Repair it: (.+)$/m.exec(stderr)?.[1] ?? '';
      expect(await canRead(SERVER, SERVER_GROUP)).toBe(false);
      expect(await run('sh', ['-c', command])).toMatchObject({ status: 0 });
      expect(await canRead(SERVER, SERVER_GROUP)).toBe(true);
    },
  );
});

describe('when the configuration directory contains a symlink', () => {
  testAsRoot('from the server’s user to a file of root, then root does not follow it', async () => {
    const treasure = directory.write('treasure', '# root\n');
    own('', 0, SERVER_GROUP, 0o2770);
    symlinkSync(treasure, join(conf, 'service_tokens'));
    lchownSync(join(conf, 'service_tokens'), SERVER, SERVER_GROUP);
    const { status, stderr } = await create('a');
    expect(status).toBe(77);
    expect(stderr).toContain(`group [${SERVER_GROUP}] can change [${conf}], which is unsafe for root`);
    expect(readFileSync(treasure, 'utf8')).toBe('# root\n');
  });

  testAsRoot('from the server’s user to a missing file, then root does not create that file', async () => {
    own('', 0, SERVER_GROUP, 0o2770);
    symlinkSync(join(directory.path, 'nologin'), join(conf, 'service_tokens'));
    lchownSync(join(conf, 'service_tokens'), SERVER, SERVER_GROUP);
    expect(await create('a')).toMatchObject({ status: 77 });
    expect(readdirSync(directory.path)).toEqual(['config']);
  });

  testAsRoot('from root, then root follows it', async () => {
    const target = directory.write('target', '');
    chownSync(target, SERVER, SERVER_GROUP);
    symlinkSync(target, join(conf, 'service_tokens'));
    expect(await create('a')).toMatchObject({ status: 0 });
    expect(readFileSync(target, 'utf8')).toMatch(/^elastic\/kibana\/a:/);
  });
});

describe('when an ordinary user', () => {
  testAsRoot(
    'who is in the server’s group creates the file, then the server reads it by its group',
    async () => {
      own('', SERVER, SERVER_GROUP, 0o2770);
      own('elasticsearch.yml', SERVER, SERVER_GROUP, 0o660);
      expect(await create('a', [], { uid: STRANGER, gid: SERVER_GROUP })).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect(attributes()).toEqual({ uid: STRANGER, gid: SERVER_GROUP, mode: '660' });
      expect(await canRead(SERVER, SERVER_GROUP)).toBe(true);
    },
  );

  testAsRoot(
    'who is not in the server’s group creates the file, then no other group may read it, and a WARNING says so',
    async () => {
      own('', SERVER, SERVER_GROUP, 0o777);
      own('elasticsearch.yml', SERVER, SERVER_GROUP, 0o664);
      const { status, stderr } = await create('a', [], { uid: STRANGER, gid: STRANGER });
      expect(status).toBe(0);
      expect(stderr).toContain(
        `WARNING: Elasticsearch runs as [${SERVER}] and cannot read [${join(conf, 'service_tokens')}]`,
      );
      expect(attributes()).toEqual({ uid: STRANGER, gid: STRANGER, mode: '600' });
    },
  );

  testAsRoot(
    'changes another user’s file in their own directory, then the mode stays, and there is a warning about the owner',
    async () => {
      own('', STRANGER, STRANGER, 0o755);
      own('service_tokens', 0, 0, 0o644);
      const { stderr } = await create('a', [], { uid: STRANGER, gid: STRANGER });
      expect(stderr).toContain(
        `WARNING: Owner of file [${join(conf, 'service_tokens')}] used to be [root], but now is [${STRANGER}]\n`,
      );
      expect(stderr).toContain(
        `WARNING: Group of file [${join(conf, 'service_tokens')}] used to be [root], but now is [${STRANGER}]\n`,
      );
      expect(attributes()).toEqual({ uid: STRANGER, gid: STRANGER, mode: '644' });
    },
  );

  testAsRoot(
    'follows a root process that was killed in their directory, then its stale lock does not block them',
    async () => {
      own('', STRANGER, STRANGER, 0o755);
      const script = new URL('../support/create-and-signal.js', import.meta.url).pathname;
      const steps = await Promise.all(
        [10, 14, 18].map((step) =>
          run(process.execPath, [script, join(conf, 'service_tokens'), `k${step}`, String(step), 'SIGKILL']),
        ),
      );
      expect(steps.map(({ status }) => status)).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
      expect(await create('a', [], { uid: STRANGER, gid: STRANGER })).toMatchObject({ status: 0 });
    },
  );
});

describe('if another user can change the path, the hashes of a file of root', () => {
  const SECRET = 'elastic/kibana/secret:{SHA}xkThpP80L8aFPKBXyErksCLIZ40=\n';
  let elsewhere = '';
  beforeEach(() => {
    elsewhere = directory.write('closed/service_tokens', SECRET);
    if (process.getuid?.() !== 0) return;
    chmodSync(elsewhere, 0o600);
    chmodSync(join(directory.path, 'closed'), 0o700);
    symlinkSync(elsewhere, join(conf, 'service_tokens'));
    lchownSync(join(conf, 'service_tokens'), SERVER, SERVER);
    own('', SERVER, SERVER, 0o755);
  });

  testAsRoot('are not exported by root', async () => {
    const { status, stdout, stderr } = await run(BIN, ['export', '--config-dir', conf]);
    expect({ status, stdout }).toEqual({ status: 77, stdout: '' });
    expect(stderr).not.toContain('xkThpP80');
  });

  testAsRoot('are not imported by root', async () => {
    const target = directory.mkdir('target');
    const entries = ['--entries', join(conf, 'service_tokens')];
    const { status } = await run(BIN, ['import', ...entries, '--config-dir', target, '--server-user', '0']);
    expect(status).toBe(77);
    expect(readdirSync(target)).toEqual([]);
  });
});

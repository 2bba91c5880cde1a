/** The layouts of Elasticsearch's packages, with real directories, users and commands. */
import { chmodSync, existsSync, lchownSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect } from '@jest/globals';
import { BIN, type RunOptions, run } from '../support/commands.js';
import { attributesOf, lay, parseOwner, SERVER, SERVERS, STRANGER } from '../support/layout.js';
import { isRoot, testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const ROOT = 'root:x:0:0::/root:/bin/sh';
const SYSTEM =
  'sync:x:5:0::/sbin:/bin/sync\nhalt:x:7:0::/sbin:/sbin/halt\noperator:x:11:0::/root:/sbin/nologin';
/** The contents of passwd and group: only root; a package; a UBI image, with system accounts in group 0. */
const accountsOf: Readonly<Record<string, readonly [passwd: string, group: string]>> = {
  NOBODY: [ROOT, 'root:x:0:'],
  PACKAGE: [
    `${ROOT}\nelasticsearch:x:${SERVER}:${SERVERS}::/:/bin/false`,
    `root:x:0:\nelasticsearch:x:${SERVERS}:`,
  ],
  UBI: [
    `${ROOT}\n${SYSTEM}\nelasticsearch:x:1000:1000::/usr/share/elasticsearch:/bin/bash`,
    'root:x:0:elasticsearch\nelasticsearch:x:1000:',
  ],
};

const directory = temporaryDirectory();
let conf = '';
let file = '';
beforeEach(() => {
  chmodSync(directory.path, 0o755);
  conf = directory.mkdir('top/config');
  file = join(conf, 'service_tokens');
});

const create = (options: readonly string[] = [], as: RunOptions = {}) =>
  run(BIN, ['create', 'elastic/kibana', 'a', '--config-dir', conf, ...options], as);
/** Runs `create` on a system with other accounts. */
function createWith(accounts: string, options: readonly string[] = []) {
  const files = accountsOf[accounts]?.map((text, i) => directory.write(`accounts-${i}`, `${text}\n`)) ?? [];
  const script = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/group && shift 2 && exec "$@"';
  const command = [BIN, 'create', 'elastic/kibana/a', '--config-dir', conf, ...options];
  return run('unshare', ['-m', 'sh', '-c', script, 'sh', ...files, ...command]);
}
const canRead = async (uid: number, gid: number) =>
  (await run('cat', [file], { uid, gid })).stdout.startsWith('elastic/kibana/');
const succeeded = { status: 0, stderr: '' };
const stranger = { uid: STRANGER, gid: STRANGER };

/** A layout; below it the accounts, the files, the command, the new file, and a user and group that can read it. */
const LAYOUTS = `
a deb or rpm package, which only root can change
  PACKAGE | . root:servers 2750; elasticsearch.keystore root:servers 660; users root:servers 660 | create | root:servers 660 | server:servers
a package whose group may write
  PACKAGE | . root:servers 2770; elasticsearch.yml root:servers 660 | create | server:servers 600 | server:servers
such a package without known accounts
  NOBODY | . root:servers 2770; elasticsearch.yml root:servers 660 | create | refused
such a package with --server-user: root acts with the group that may write
  NOBODY | . root:servers 2770 | create --server-user 61007 | server:servers 600 | server:servers
Docker: the server in group 0, with the accounts of UBI
  UBI | . root:root 775; elasticsearch.yml root:root 664 | create | image:image 600 | image:root
Docker, without an account in group 0: the keystore decides
  NOBODY | . root:root 775; elasticsearch.keystore image:root 660 | create | image:root 600 | image:root
Docker, if the user cannot be determined
  NOBODY | . root:root 775 | create | refused
Docker, with --server-user UID:GID
  NOBODY | . root:root 775 | create --server-user 1000:0 | image:root 600 | image:root
a tarball of an ordinary user
  NOBODY | . alice:alice 755; elasticsearch.yml alice:alice 600 | create | alice:65534 600 | alice:alice
a tarball of a user whose group may write
  NOBODY | . alice:alice 775 | create | alice:65534 600 | alice:alice
a directory of root’s, with --server-user
  NOBODY | . root:root 755 | create --server-user 61007 | server:server 640 | server:server
a directory of root’s, if the server is unknown
  NOBODY | elasticsearch.yml root:root 644 | create | root:root 600 | root:root
a directory of root’s below another user’s
  NOBODY | .. alice:alice 755 | create | refused
the same with --trust-directory
  NOBODY | .. alice:alice 755 | create --trust-directory | root:root 600 | root:root
a directory of one user’s below another user’s
  NOBODY | .. stranger:stranger 755; . alice:alice 755 | create | refused
a Docker volume on its host, below a directory that only root can enter
  NOBODY | .. root:root 700; . image:root 775 | create | image:65534 600 | root:root
an emptyDir volume
  NOBODY | . root:root 777 | create | refused
an emptyDir volume with --server-user
  NOBODY | . root:root 777 | create --server-user 1000:0 | image:root 600 | image:root
a directory like /tmp, without the file
  NOBODY | . root:root 1777 | create | refused
a directory like /tmp, in which root already owns the file
  NOBODY | . root:root 1777; service_tokens root:root 600 | create | root:root 600 | root:root
`;

describe('when root creates the file in', () => {
  for (const [, title, facts = ''] of LAYOUTS.matchAll(/^(\w.*)\n {2}(.*)$/gm)) {
    const [accounts = '', layout = '', command = '', made = '', reader = ''] = facts.split(' | ');
    testAsRoot(`${title}, it is ${made}`, async () => {
      lay(conf, layout);
      const { status, stdout, stderr } = await createWith(accounts, command.split(' ').slice(1));
      if (made === 'refused') {
        expect({ status, stdout, exists: existsSync(file) }).toEqual({
          status: 77,
          stdout: '',
          exists: false,
        });
        expect(stderr).toMatch(
          /^ERROR: could not write \[.*\]: .* can change \[.*\], which is unsafe for root/,
        );
        expect(stderr).toMatch(/--server-user.*sudo -u.*docker exec -u.*--trust-directory/);
        return;
      }
      expect(status).toBe(0);
      expect(stderr.replace(/^WARNING: Cannot determine.*\n.*\n/, '')).toBe('');
      expect(attributesOf(file)).toEqual(parseOwner(made));
      const { uid, gid } = parseOwner(`${reader} 0`);
      expect(await canRead(uid, gid)).toBe(true);
      expect(await canRead(STRANGER, STRANGER)).toBe(false);
    });
  }

  testAsRoot(
    'root’s directory, a WARNING says so if the server is unknown, and how to repair it',
    async () => {
      lay(conf, 'elasticsearch.yml root:root 644');
      expect((await createWith('NOBODY')).stderr).toBe(
        `WARNING: Cannot determine which user runs Elasticsearch; only root can read [${file}]\n` +
          `Specify the user with --server-user, or repair it: chown USER ${file} && touch ${file}\n`,
      );
    },
  );

  testAsRoot('a directory that is not a server’s, nothing is said about an unknown server', async () => {
    expect(await create()).toMatchObject(succeeded);
  });

  testAsRoot(
    'a directory with a keystore that is another user’s link to a third user’s file, it is refused',
    async () => {
      lay(conf, '. root:root 775; ../other alice:root 660');
      symlinkSync('../other', join(conf, 'elasticsearch.keystore'));
      lchownSync(join(conf, 'elasticsearch.keystore'), STRANGER, 0);
      expect(await createWith('NOBODY')).toMatchObject({ status: 77, stdout: '' });
      expect(existsSync(file)).toBe(false);
    },
  );
});

describe('a token file that another user made first', () => {
  for (const [title, token, expected] of [
    ['gives its maker no access to the token', 'stranger:stranger 666', 0o600],
    ['stays open to the group that both share', 'stranger:servers 664', 0o660],
  ] as const) {
    testAsRoot(title, async () => {
      lay(conf, `. server:servers 777; token ${token}`);
      const replace = ['--token-file', join(conf, 'token'), '--force'];
      expect(await create(replace, { uid: SERVER, gid: SERVERS })).toEqual({ ...succeeded, stdout: '' });
      expect(attributesOf(join(conf, 'token')).mode).toBe(expected);
    });
  }
});

describe('when the file exists', () => {
  testAsRoot('then root keeps its owner, group and mode', async () => {
    lay(conf, 'service_tokens server:servers 640');
    expect(await create()).toMatchObject({ status: 0 });
    expect(attributesOf(file)).toEqual(parseOwner('server:servers 640'));
  });

  testAsRoot(
    'then there is a warning if the server cannot read it, with the command that repairs it',
    async () => {
      lay(conf, '. root:servers 2750; elasticsearch.yml root:servers 660; service_tokens root:servers 600');
      const command = /^Repair it: (.+)$/m.exec((await create()).stderr)?.[1] ?? '';
      expect(await canRead(SERVER, SERVERS)).toBe(false);
      expect(await run('sh', ['-c', command])).toMatchObject({ status: 0 });
      expect(await canRead(SERVER, SERVERS)).toBe(true);
    },
  );
});

describe('when the configuration directory contains a symlink', () => {
  for (const [title, target] of [
    ['from the server’s user to a file of root, then root does not follow it', 'treasure'],
    ['from the server’s user to a missing file, then root does not create that file', 'nologin'],
  ] as const) {
    testAsRoot(title, async () => {
      const treasure = directory.write('treasure', '# root\n');
      lay(conf, '. root:servers 2770');
      symlinkSync(join(directory.path, target), file);
      lchownSync(file, SERVER, SERVERS);
      const { status, stderr } = await create();
      expect(status).toBe(77);
      expect(stderr).toContain(`group [${SERVERS}] can change [${conf}], which is unsafe for root`);
      expect(readFileSync(treasure, 'utf8')).toBe('# root\n');
      expect(readdirSync(directory.path)).toEqual(['top', 'treasure']);
    });
  }

  testAsRoot('from root, then root follows it', async () => {
    lay(conf, '../target server:servers 600');
    symlinkSync('../target', file);
    expect(await create()).toMatchObject({ status: 0 });
    expect(readFileSync(file, 'utf8')).toMatch(/^elastic\/kibana\/a:/);
  });
});

describe('when an ordinary user', () => {
  testAsRoot(
    'who is in the server’s group creates the file, then the server reads it by its group',
    async () => {
      lay(conf, '. server:servers 2770; elasticsearch.yml server:servers 660');
      expect(await create([], { uid: STRANGER, gid: SERVERS })).toMatchObject(succeeded);
      expect(attributesOf(file)).toEqual(parseOwner('stranger:servers 660'));
      expect(await canRead(SERVER, SERVERS)).toBe(true);
    },
  );

  testAsRoot(
    'who is not in it creates the file, then no other group may read it, and a WARNING says so',
    async () => {
      lay(conf, '. server:servers 777; elasticsearch.yml server:servers 664');
      const { status, stderr } = await create([], stranger);
      expect(status).toBe(0);
      expect(stderr).toContain(`WARNING: Elasticsearch runs as [${SERVER}] and cannot read [${file}]`);
      expect(attributesOf(file)).toEqual(parseOwner('stranger:stranger 600'));
    },
  );

  testAsRoot(
    'changes another user’s file in their own directory, then the mode stays, and the owner is warned about',
    async () => {
      lay(conf, '. stranger:stranger 755; service_tokens root:root 644');
      const { stderr } = await create([], stranger);
      for (const what of ['Owner', 'Group'])
        expect(stderr).toContain(
          `WARNING: ${what} of file [${file}] used to be [root], but now is [${STRANGER}]\n`,
        );
      expect(attributesOf(file)).toEqual(parseOwner('stranger:stranger 644'));
    },
  );

  testAsRoot(
    'follows a root process that was killed in their directory, then its stale lock does not block them',
    async () => {
      lay(conf, '. stranger:stranger 755');
      const script = new URL('../support/create-and-signal.js', import.meta.url).pathname;
      const steps = ['10', '14', '18'].map((step) =>
        run(process.execPath, [script, file, `k${step}`, step, 'SIGKILL']),
      );
      for (const { status } of await Promise.all(steps)) expect(status).toBe('SIGKILL');
      expect(await create([], stranger)).toMatchObject({ status: 0 });
    },
  );
});

describe('if another user can change the path, the hashes of a file of root', () => {
  beforeEach(() => {
    const elsewhere = directory.write(
      'closed/service_tokens',
      'elastic/kibana/secret:{SHA}xkThpP80L8aFPKBXyErksCLIZ40=\n',
    );
    if (!isRoot) return;
    lay(directory.path, 'closed/service_tokens root:root 600; closed root:root 700');
    symlinkSync(elsewhere, file);
    lchownSync(file, SERVER, SERVER);
    lay(conf, '. server:server 755');
  });

  testAsRoot('are not exported by root', async () => {
    const { status, stdout, stderr } = await run(BIN, ['export', '--config-dir', conf]);
    expect({ status, stdout }).toEqual({ status: 77, stdout: '' });
    expect(stderr).not.toContain('xkThpP80');
  });

  testAsRoot('are not imported by root', async () => {
    const target = directory.mkdir('target');
    const { status } = await run(BIN, [
      'import',
      '--entries',
      file,
      '--config-dir',
      target,
      '--server-user',
      '0',
    ]);
    expect(status).toBe(77);
    expect(readdirSync(target)).toEqual([]);
  });
});

/** The identity that root takes on in the layouts of Elasticsearch's packages: real directories, users and commands. */

import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect } from '@jest/globals';
import { chooseIdentity } from '../../src/access/identity.js';
import { inDirectory } from '../../src/access/opened-directory.js';
import { resolvePath } from '../../src/access/resolved-path.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { ownProcess } from '../../src/disk/processes.js';
import { BIN, run } from '../support/commands.js';
import { projectRoot, publicTokens } from '../support/fixtures.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Numbers that have no name on the test systems. */
const SERVER = 61_007;
const SERVER_GROUP = 61_113;
const ALICE = 61_500;
const STRANGER = 61_999;

/** The accounts of a package, with a user and a group for the server. */
const PACKAGE = {
  passwd: `root:x:0:0::/root:/bin/sh\nelasticsearch:x:${SERVER}:${SERVER_GROUP}::/:/bin/false\n`,
  group: `root:x:0:\nelasticsearch:x:${SERVER_GROUP}:\n`,
};
/** The accounts of a UBI image, in which several system accounts are in group 0. */
const UBI = {
  passwd:
    'root:x:0:0::/root:/bin/sh\nsync:x:5:0::/sbin:/bin/sync\nshutdown:x:6:0::/sbin:/sbin/shutdown\nhalt:x:7:0::/sbin:/sbin/halt\noperator:x:11:0::/root:/sbin/nologin\nelasticsearch:x:1000:1000::/usr/share/elasticsearch:/bin/bash\n',
  group: 'root:x:0:elasticsearch\nelasticsearch:x:1000:\n',
};
/** Only the account root. */
const NOBODY = { passwd: 'root:x:0:0::/root:/bin/sh\n', group: 'root:x:0:\n' };

const directory = temporaryDirectory();
let top = '';
let conf = '';
beforeEach(() => {
  chmodSync(directory.path, 0o755);
  top = directory.mkdir('top');
  conf = join(top, 'config');
  mkdirSync(conf);
});

function own(path: string, uid: number, gid: number, mode: number): void {
  if (!existsSync(path)) writeFileSync(path, '');
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

type Accounts = typeof NOBODY;

/** Runs the command with the given contents of passwd and group. */
async function withAccounts({ passwd, group }: Accounts, args: readonly string[]) {
  const [passwdFile, groupFile] = [directory.write('passwd', passwd), directory.write('group', group)];
  const script = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/group && shift 2 && exec "$@"';
  return run('unshare', ['-m', 'sh', '-c', script, 'sh', passwdFile, groupFile, BIN, ...args]);
}

const file = () => join(conf, 'service_tokens');
const attributes = () => {
  const { uid, gid, mode } = statSync(file());
  return { uid, gid, mode: (mode & 0o7777).toString(8) };
};
const canRead = async (uid: number, gid: number) =>
  (await run('cat', [file()], { uid, gid })).stdout.startsWith('elastic/kibana/');

interface Layout {
  readonly title: string;
  readonly accounts: Accounts;
  readonly make: () => void;
  readonly options?: readonly string[];
  /** The owner of the new file; undefined if the change is refused. */
  readonly owner: { uid: number; gid: number; mode: string } | undefined;
  /** The identity under which the server reads it. */
  readonly server?: readonly [uid: number, gid: number];
}

const layouts: readonly Layout[] = [
  {
    title: 'a deb or rpm package: root:elasticsearch 2750, so only root can change it',
    accounts: PACKAGE,
    make: () => {
      own(conf, 0, SERVER_GROUP, 0o2750);
      own(join(conf, 'elasticsearch.yml'), 0, SERVER_GROUP, 0o660);
    },
    owner: { uid: 0, gid: SERVER_GROUP, mode: '660' },
    server: [SERVER, SERVER_GROUP],
  },
  {
    title: 'a package whose group may write',
    accounts: PACKAGE,
    make: () => {
      own(conf, 0, SERVER_GROUP, 0o2770);
      own(join(conf, 'elasticsearch.yml'), 0, SERVER_GROUP, 0o660);
    },
    owner: { uid: SERVER, gid: SERVER_GROUP, mode: '600' },
    server: [SERVER, SERVER_GROUP],
  },
  {
    title: 'a package whose group may write, without known accounts',
    accounts: NOBODY,
    make: () => {
      own(conf, 0, SERVER_GROUP, 0o2770);
      own(join(conf, 'elasticsearch.yml'), 0, SERVER_GROUP, 0o660);
    },
    owner: undefined,
  },
  {
    title: 'the same with --server-user: root acts with the group that may write',
    accounts: NOBODY,
    make: () => own(conf, 0, SERVER_GROUP, 0o2770),
    options: ['--server-user', String(SERVER)],
    owner: { uid: SERVER, gid: SERVER_GROUP, mode: '600' },
    server: [SERVER, SERVER_GROUP],
  },
  {
    title: 'Docker: root:root 775, the server in group 0, with the accounts of UBI',
    accounts: UBI,
    make: () => {
      own(conf, 0, 0, 0o775);
      own(join(conf, 'elasticsearch.yml'), 0, 0, 0o664);
    },
    owner: { uid: 1000, gid: 1000, mode: '600' },
    server: [1000, 0],
  },
  {
    title: 'Docker, without an account in group 0: the keystore determines the user and the group',
    accounts: NOBODY,
    make: () => {
      own(conf, 0, 0, 0o775);
      own(join(conf, 'elasticsearch.keystore'), 1000, 0, 0o660);
    },
    owner: { uid: 1000, gid: 0, mode: '600' },
    server: [1000, 0],
  },
  {
    title: 'Docker, if the user cannot be determined',
    accounts: NOBODY,
    make: () => own(conf, 0, 0, 0o775),
    owner: undefined,
  },
  {
    title: 'Docker, with --server-user UID:GID',
    accounts: NOBODY,
    make: () => own(conf, 0, 0, 0o775),
    options: ['--server-user', '1000:0'],
    owner: { uid: 1000, gid: 0, mode: '600' },
    server: [1000, 0],
  },
  {
    title: 'a tarball of an ordinary user',
    accounts: NOBODY,
    make: () => own(conf, ALICE, ALICE, 0o755),
    owner: { uid: ALICE, gid: 65_534, mode: '600' },
    server: [ALICE, ALICE],
  },
  {
    title: 'a tarball of a user whose group may write',
    accounts: NOBODY,
    make: () => own(conf, ALICE, ALICE, 0o775),
    owner: { uid: ALICE, gid: 65_534, mode: '600' },
    server: [ALICE, ALICE],
  },
  {
    title: 'a directory of root’s below another user’s',
    accounts: NOBODY,
    make: () => own(top, ALICE, ALICE, 0o755),
    owner: undefined,
  },
  {
    title: 'the same with --trust-directory',
    accounts: NOBODY,
    make: () => own(top, ALICE, ALICE, 0o755),
    options: ['--trust-directory'],
    owner: { uid: 0, gid: 0, mode: '600' },
  },
  {
    title: 'a directory of one user’s below another user’s',
    accounts: NOBODY,
    make: () => {
      own(top, STRANGER, STRANGER, 0o755);
      own(conf, ALICE, ALICE, 0o755);
    },
    owner: undefined,
  },
  {
    title: 'a Docker volume on its host: only root can enter a directory above',
    accounts: NOBODY,
    make: () => {
      own(top, 0, 0, 0o700);
      own(conf, 1000, 0, 0o775);
    },
    owner: { uid: 1000, gid: 65_534, mode: '600' },
  },
  {
    title: 'an emptyDir volume: root:root 0777',
    accounts: NOBODY,
    make: () => own(conf, 0, 0, 0o777),
    owner: undefined,
  },
  {
    title: 'an emptyDir volume with --server-user',
    accounts: NOBODY,
    make: () => own(conf, 0, 0, 0o777),
    options: ['--server-user', '1000:0'],
    owner: { uid: 1000, gid: 0, mode: '600' },
    server: [1000, 0],
  },
  {
    title: 'a directory like /tmp, sticky and world-writable, without the file',
    accounts: NOBODY,
    make: () => own(conf, 0, 0, 0o1777),
    owner: undefined,
  },
  {
    title: 'a directory like /tmp, in which root already owns the file',
    accounts: NOBODY,
    make: () => {
      own(conf, 0, 0, 0o1777);
      own(file(), 0, 0, 0o600);
    },
    owner: { uid: 0, gid: 0, mode: '600' },
  },
  {
    title: 'a keystore that is a link to another user’s file does not determine the user',
    accounts: NOBODY,
    make: () => {
      own(conf, 0, 0, 0o775);
      own(join(top, 'other'), ALICE, 0, 0o660);
      symlinkSync('../other', join(conf, 'elasticsearch.keystore'));
      lchownSync(join(conf, 'elasticsearch.keystore'), STRANGER, 0);
    },
    owner: undefined,
  },
];

describe('create, run by root in', () => {
  for (const { title, accounts, make, options = [], owner, server } of layouts) {
    testAsRoot(title, async () => {
      make();
      const { status, stdout, stderr } = await withAccounts(accounts, [
        'create',
        'elastic/kibana/a',
        '--config-dir',
        conf,
        ...options,
      ]);
      if (owner === undefined) {
        expect({ status, stdout, exists: existsSync(file()) }).toEqual({
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
      expect({ status, stderr: stderr.replace(/^WARNING: Cannot determine.*\n.*\n/, '') }).toEqual({
        status: 0,
        stderr: '',
      });
      expect(attributes()).toEqual(owner);
      if (server) expect(await canRead(...server)).toBe(true);
      expect(await canRead(STRANGER, STRANGER)).toBe(false);
    });
  }
});

describe('A file that the server cannot read, in a directory of the server', () => {
  const content = `elastic/kibana/old:${publicTokens.tokens[0]?.stored}\n`;
  const tool = (...args: string[]) => run(BIN, [...args, '--config-dir', conf]);
  beforeEach(() => {
    if (process.getuid?.() !== 0) return;
    own(conf, ALICE, ALICE, 0o755);
    writeFileSync(file(), content);
    own(file(), 0, 0, 0o600);
  });

  for (const args of [['list'], ['create', 'elastic/kibana/a'], ['delete', 'elastic/kibana/old']]) {
    testAsRoot(`makes ${args[0]} exit with 77, and a message with its owner and a hint`, async () => {
      expect(await tool(...args)).toEqual({
        status: 77,
        stdout: '',
        stderr: `ERROR: could not read [${file()}] as [${ALICE}]: it belongs to [root:root], mode 0600, with exit code 77\nRepair it: elasticsearch-service-tokens check --fix, with the same --config-dir\n`,
      });
      expect(readFileSync(file(), 'utf8')).toBe(content);
    });
  }

  testAsRoot(
    'is found by check, with a hint that contains no command, and given to the server by check --fix',
    async () => {
      const { status, stdout } = await tool('check');
      expect({ status, stdout }).toEqual({
        status: 1,
        stdout: `error: Elasticsearch runs as [${ALICE}] and cannot read [${file()}]\n  Use --fix.\n[${file()}]: Elasticsearch does not read this file\n`,
      });
      expect(await tool('check', '--fix')).toMatchObject({ status: 0 });
      expect(attributes()).toEqual({ uid: ALICE, gid: 65_534, mode: '600' });
      expect((await tool('list')).stdout).toBe('elastic/kibana/old\n');
    },
  );

  for (const [why, spoil] of [
    [
      'contains something other than tokens',
      () => writeFileSync(file(), `${content}root:*:19000:0:99999:7:::\n`),
    ],
    ['belongs to a third user', () => chownSync(file(), STRANGER, STRANGER)],
    ['has another hard link', () => linkSync(file(), join(top, 'other'))],
  ] as const) {
    testAsRoot(`is not given away by check --fix if it ${why}`, async () => {
      spoil();
      const before = statSync(file());
      const { status, stdout } = await tool('check', '--fix');
      expect(status).toBe(1);
      expect(stdout).toMatch(/^error: --fix failed: unsafe to change \[.*\]: it .*$/m);
      expect(stdout).not.toMatch(/chown|chmod/);
      const { uid, gid, mode } = statSync(file());
      expect([uid, gid, mode]).toEqual([before.uid, before.gid, before.mode]);
    });
  }
});

testAsRoot(
  'A --server-user who may not write in the directory gets that error, and not the owner of the file',
  async () => {
    own(conf, ALICE, ALICE, 0o755);
    writeFileSync(file(), '');
    own(file(), ALICE, ALICE, 0o644);
    const create = ['create', 'elastic/kibana/a', '--config-dir', conf, '--server-user', String(STRANGER)];
    expect(await run(BIN, create)).toEqual({
      status: 77,
      stdout: '',
      stderr: `ERROR: could not write [${file()}] as [${STRANGER}]: its directory belongs to [${ALICE}:${ALICE}], mode 0755, with exit code 77\nUse --server-user ${ALICE}, or leave the option out.\n`,
    });
  },
);

testAsRoot(
  'A stale lock that the user may not clear is named, and check --fix of root clears it',
  async () => {
    own(conf, ALICE, ALICE, 0o755);
    const lock = join(conf, '.service_tokens.lock');
    mkdirSync(lock);
    writeFileSync(join(lock, `4194305-1-${ownProcess(nodeFileSystem).scope}-0123456789ab`), '');
    const create = ['create', 'elastic/kibana/a', '--config-dir', conf];
    const refused = {
      status: 73,
      stdout: '',
      stderr: `ERROR: could not clear the lock [${lock}] of process 4194305, which has ended: it belongs to user 0, with exit code 73\nRoot or that user can clear it, with the command check --fix.\n`,
    };
    expect(await run(BIN, create, { uid: ALICE, gid: ALICE })).toEqual(refused);
    expect(await run(BIN, create)).toEqual(refused);
    expect((await run(BIN, ['check', '--config-dir', conf])).stdout).toContain(`[${lock}] is a stale lock`);
    const { status, stdout } = await run(BIN, ['check', '--fix', '--config-dir', conf]);
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`fixed: removed [${lock}]`),
    });
    expect(await run(BIN, create, { uid: ALICE, gid: ALICE })).toMatchObject({ status: 0 });
  },
);

describe('If the identity cannot be taken on', () => {
  const without = ['--bounding-set=-setuid,-setgid', '--'];
  const hint = `Run the command as that user, for example: sudo -u ${ALICE}`;

  testAsRoot('a change is refused with the reason, and list runs as root', async () => {
    own(conf, ALICE, ALICE, 0o755);
    const { status, stdout, stderr } = await run('setpriv', [
      ...without,
      ...[BIN, 'create', 'elastic/kibana/a', '--config-dir', conf],
    ]);
    expect({ status, stdout }).toEqual({ status: 77, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(`^ERROR: could not act as \\[${ALICE}\\]: this process cannot change its user and groups`),
    );
    expect(stderr).toContain(hint);
    const list = await run('setpriv', [...without, BIN, 'list', '--config-dir', conf]);
    expect(list).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  testAsRoot(
    'in a user namespace that maps only root, a change in another user’s directory is refused',
    async () => {
      own(conf, ALICE, ALICE, 0o777);
      const { status, stderr } = await run('unshare', [
        '-r',
        BIN,
        'create',
        'elastic/kibana/a',
        '--config-dir',
        conf,
      ]);
      expect(status).toBe(77);
      expect(stderr).toMatch(/^ERROR: could not (act as|write)/);
    },
  );

  testAsRoot('in a user namespace that maps only root, a change in root’s directory works', async () => {
    const { status } = await run('unshare', ['-r', BIN, 'create', 'elastic/kibana/a', '--config-dir', conf]);
    expect(status).toBe(0);
  });
});

describe('`..` after a symlink of another user', () => {
  testAsRoot('leads above its target, where root acts as that user, or refuses', async () => {
    own(conf, ALICE, ALICE, 0o755);
    const [far, roots] = [directory.mkdir('top/far'), directory.mkdir('top/roots')];
    for (const [name, above, uid] of [
      ['hers', far, ALICE],
      ['not-hers', roots, 0],
    ] as const) {
      mkdirSync(join(above, 'away'));
      own(above, uid, uid, 0o755);
      symlinkSync(join(above, 'away'), join(conf, name));
      lchownSync(join(conf, name), ALICE, ALICE);
    }
    const create = (link: string) =>
      run(BIN, ['create', 'elastic/kibana/a', '--file', `${conf}/${link}/../service_tokens`]);
    expect(await create('hers')).toMatchObject({ status: 0, stderr: '' });
    expect(statSync(join(far, 'service_tokens')).uid).toBe(ALICE);
    expect((await create('not-hers')).status).toBe(77);
    for (const directory of [conf, roots]) expect(existsSync(join(directory, 'service_tokens'))).toBe(false);
  });
});

describe('An installation that only root can read', () => {
  testAsRoot('works as another user, and shows its errors on a terminal', async () => {
    const home = directory.mkdir('installation');
    for (const part of ['bin', 'dist/bundle', 'package.json']) {
      cpSync(join(projectRoot, part), join(home, part), { recursive: true });
    }
    chmodSync(home, 0o700);
    own(conf, ALICE, ALICE, 0o755);
    writeFileSync(
      join(conf, 'elasticsearch.yml'),
      'xpack.security.authc.service_token_hashing.algorithm: bcrypt4\n',
    );
    const tool = join(home, 'bin', 'elasticsearch-service-tokens');
    const create = [tool, 'create', 'elastic/kibana/a', '--config-dir', conf];
    const [program = '', ...args] = create;
    expect(await run(program, args)).toMatchObject({ status: 0, stderr: '' });
    expect(attributes()).toMatchObject({ uid: ALICE, mode: '600' });
    const again = await run('script', ['-qec', create.join(' '), '/dev/null'], {
      env: { ...process.env, TERM: 'xterm' },
    });
    expect(again.stdout).toContain(
      '\u001b[31mERROR:\u001b[39m\u001b[22m Service token [elastic/kibana/a] already exists, with exit code 70',
    );
  });

  testAsRoot('runs every command as another user', async () => {
    const home = directory.mkdir('installation');
    for (const part of ['bin', 'dist/bundle', 'package.json']) {
      cpSync(join(projectRoot, part), join(home, part), { recursive: true });
    }
    chmodSync(home, 0o700);
    own(conf, ALICE, ALICE, 0o755);
    const tool = join(home, 'bin', 'elasticsearch-service-tokens');
    const cheap = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=bcrypt4'];
    const token = directory.write('token');
    for (const argv of [
      ['ensure', 'elastic/kibana/a', '--token-file', token, ...cheap],
      ['verify', '--token-file', token],
      ['rotate', 'elastic/kibana/a', ...cheap],
      ['list'],
      ['list', '--json'],
      ['list', '--long'],
      ['export', '-o', 'k8s-secret'],
      ['diff', join(conf, 'service_tokens'), join(conf, 'service_tokens')],
      ['check'],
      ['import', '--token-file', token, '--replace', ...cheap],
      ['delete', 'elastic/kibana/a'],
    ]) {
      const { status, stderr } = await run(tool, argv, { env: { ...process.env, ES_PATH_CONF: conf } });
      expect({ argv, status, stderr: stderr.replace(/^WARNING: .*\n/gm, '') }).toEqual({
        argv,
        status: 0,
        stderr: '',
      });
    }
  });
});

describe('A directory that is held open', () => {
  const chosen = () => {
    const resolved = resolvePath(nodeFileSystem, file());
    const identity = chooseIdentity(resolved, { configDir: conf }, nodeFileSystem);
    expect(identity?.uid).toBe(ALICE);
    return [resolved, identity, nodeFileSystem] as const;
  };

  testAsRoot(
    'has calls made as the identity, and the process is root’s again after each, even a failed one',
    async () => {
      own(conf, ALICE, ALICE, 0o755);
      const state = () => [process.geteuid?.(), process.getegid?.(), process.getgroups?.(), process.cwd()];
      const before = state();
      await inDirectory(...chosen(), async ({ fs, asCaller }) => {
        const make = (by: typeof fs, name: string) =>
          by.closeSync(by.openSync(join(conf, name), 'wx', 0o600));
        make(fs, 'hers');
        expect(state()).toEqual(before);
        expect(() => make(fs, 'hers')).toThrow('EEXIST');
        expect(state()).toEqual(before);
        expect(() => fs.together(() => [make(fs, 'together'), make(fs, 'hers')])).toThrow('EEXIST');
        expect(state()).toEqual(before);
        make(asCaller, 'roots');
        const owners = ['hers', 'together', 'roots'].map((name) => statSync(join(conf, name)).uid);
        expect(owners).toEqual([ALICE, ALICE, 0]);
        renameSync(conf, join(top, 'aside')); // the directory stays the same one
        mkdirSync(conf);
        expect(fs.readdirSync(conf).toSorted()).toEqual(['hers', 'roots', 'together']);
      });
    },
  );

  testAsRoot('is refused if it was exchanged after it was examined', async () => {
    own(top, ALICE, ALICE, 0o755);
    own(conf, ALICE, ALICE, 0o755);
    const args = chosen();
    renameSync(conf, join(top, 'aside'));
    mkdirSync(conf);
    chownSync(conf, ALICE, ALICE);
    await expect(inDirectory(...args, async () => undefined)).rejects.toMatchObject({
      code: 'IO',
      message: `the path to [${file()}] changed while this command ran`,
    });
  });
});

/** The identity that root takes on, with real directories, users and commands. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect } from '@jest/globals';
import { chooseIdentity } from '../../src/access/identity.js';
import { inDirectory } from '../../src/access/opened-directory.js';
import { resolvePath } from '../../src/access/resolved-path.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { ownProcess } from '../../src/disk/processes.js';
import { BIN, run } from '../support/commands.js';
import { projectRoot, publicTokens } from '../support/fixtures.js';
import { ALICE, attributesOf, lay, parseOwner, STRANGER } from '../support/layout.js';
import { isRoot, testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const CREATE = ['create', 'elastic/kibana/a'];

const directory = temporaryDirectory();
let top = '';
let conf = '';
let file = '';
beforeEach(() => {
  fs.chmodSync(directory.path, 0o755);
  top = directory.mkdir('top');
  conf = directory.mkdir('top/config');
  file = join(conf, 'service_tokens');
  if (isRoot) lay(conf, '. alice:alice 755');
});

const tool = (...args: string[]) => run(BIN, [...args, '--config-dir', conf]);

describe('A file that the server cannot read, in a directory of the server', () => {
  const content = `elastic/kibana/old:${publicTokens.tokens[0]?.stored}\n`;
  beforeEach(() => {
    fs.writeFileSync(file, content);
    if (isRoot) lay(conf, 'service_tokens root:root 600');
  });

  for (const args of [['list'], CREATE, ['delete', 'elastic/kibana/old']]) {
    testAsRoot(`makes ${args[0]} exit with 77, and a message with its owner and a hint`, async () => {
      expect(await tool(...args)).toEqual({
        status: 77,
        stdout: '',
        stderr: `ERROR: could not read [${file}] as [${ALICE}]: it belongs to [root:root], mode 0600, with exit code 77\nRepair it: elasticsearch-service-tokens check --fix, with the same --config-dir\n`,
      });
      expect(fs.readFileSync(file, 'utf8')).toBe(content);
    });
  }

  testAsRoot(
    'is found by check, with a hint that contains no command, and given away by check --fix',
    async () => {
      const { status, stdout } = await tool('check');
      expect({ status, stdout }).toEqual({
        status: 1,
        stdout: `error: Elasticsearch runs as [${ALICE}] and cannot read [${file}]\n  Use --fix.\n[${file}]: Elasticsearch does not read this file\n`,
      });
      expect(await tool('check', '--fix')).toMatchObject({ status: 0 });
      expect(attributesOf(file)).toEqual(parseOwner('alice:65534 600'));
      expect((await tool('list')).stdout).toBe('elastic/kibana/old\n');
    },
  );

  for (const [why, spoil] of [
    ['contains something other than tokens', () => fs.appendFileSync(file, 'root:*:19000:0:99999:7:::\n')],
    ['belongs to a third user', () => fs.chownSync(file, STRANGER, STRANGER)],
    ['has another hard link', () => fs.linkSync(file, join(top, 'other'))],
  ] as const) {
    testAsRoot(`is not given away by check --fix if it ${why}`, async () => {
      spoil();
      const before = attributesOf(file);
      const { status, stdout } = await tool('check', '--fix');
      expect(status).toBe(1);
      expect(stdout).toMatch(/^error: --fix failed: unsafe to change \[.*\]: it .*$/m);
      expect(stdout).not.toMatch(/chown|chmod|Use --fix/);
      expect(attributesOf(file)).toEqual(before);
    });
  }
});

testAsRoot(
  'A --server-user who may not write in the directory gets that error, and not the owner of the file',
  async () => {
    lay(conf, 'service_tokens alice:alice 644');
    expect(await tool(...CREATE, '--server-user', String(STRANGER))).toEqual({
      status: 77,
      stdout: '',
      stderr: `ERROR: could not write [${file}] as [${STRANGER}]: its directory belongs to [${ALICE}:${ALICE}], mode 0755, with exit code 77\nUse --server-user ${ALICE}, or leave the option out.\n`,
    });
  },
);

testAsRoot(
  'A stale lock that the user may not clear is named, and check --fix of root clears it',
  async () => {
    const lock = directory.mkdir('top/config/.service_tokens.lock');
    fs.writeFileSync(join(lock, `4194305-1-${ownProcess(nodeFileSystem).scope}-0123456789ab`), '');
    const asAlice = () => run(BIN, [...CREATE, '--config-dir', conf], { uid: ALICE, gid: ALICE });
    const refused = {
      status: 73,
      stdout: '',
      stderr: `ERROR: could not clear the lock [${lock}] of process 4194305, which has ended: it belongs to user 0, with exit code 73\nRoot or that user can clear it, with the command check --fix.\n`,
    };
    expect(await asAlice()).toEqual(refused);
    expect(await tool(...CREATE)).toEqual(refused);
    expect((await tool('check')).stdout).toContain(`[${lock}] is a stale lock`);
    const fixed = expect.stringContaining(`fixed: removed [${lock}]`);
    expect(await tool('check', '--fix')).toMatchObject({ status: 0, stdout: fixed });
    expect(await asAlice()).toMatchObject({ status: 0 });
  },
);

describe('If the identity cannot be taken on', () => {
  testAsRoot('a change is refused with the reason, and list runs as root', async () => {
    const without = ['--bounding-set=-setuid,-setgid', '--', BIN];
    const limited = (...args: string[]) => run('setpriv', [...without, ...args, '--config-dir', conf]);
    const { status, stdout, stderr } = await limited(...CREATE);
    expect({ status, stdout }).toEqual({ status: 77, stdout: '' });
    const reason = `could not act as [${ALICE}]: this process cannot change its user and groups`;
    expect(stderr.startsWith(`ERROR: ${reason}`)).toBe(true);
    expect(stderr).toContain(`Run the command as that user, for example: sudo -u ${ALICE}`);
    expect(await limited('list')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  testAsRoot(
    'in a user namespace that maps only root, a change is refused but in root’s directory',
    async () => {
      const mapped = () => run('unshare', ['-r', BIN, ...CREATE, '--config-dir', conf]);
      lay(conf, '. alice:alice 777');
      const stderr = expect.stringMatching(/^ERROR: could not (act as|write)/);
      expect(await mapped()).toMatchObject({ status: 77, stderr });
      lay(conf, '. root:root 755');
      expect(await mapped()).toMatchObject({ status: 0 });
    },
  );
});

testAsRoot(
  '`..` after a symlink of another user leads above its target, where root acts as that user, or refuses',
  async () => {
    for (const [name, owner] of [
      ['hers', 'alice'],
      ['not-hers', 'root'],
    ] as const) {
      directory.mkdir(`top/above-${name}/away`);
      lay(top, `above-${name} ${owner}:${owner} 755`);
      fs.symlinkSync(join(top, `above-${name}/away`), join(conf, name));
      fs.lchownSync(join(conf, name), ALICE, ALICE);
    }
    const create = (link: string) => run(BIN, [...CREATE, '--file', `${conf}/${link}/../service_tokens`]);
    expect(await create('hers')).toMatchObject({ status: 0, stderr: '' });
    expect(attributesOf(join(top, 'above-hers/service_tokens')).uid).toBe(ALICE);
    expect((await create('not-hers')).status).toBe(77);
    for (const at of [conf, join(top, 'above-not-hers')])
      expect(fs.existsSync(join(at, 'service_tokens'))).toBe(false);
  },
);

describe('An installation that only root can read', () => {
  const install = () => {
    const home = directory.mkdir('installation');
    for (const part of ['bin', 'dist/bundle', 'package.json'])
      fs.cpSync(join(projectRoot, part), join(home, part), { recursive: true });
    fs.chmodSync(home, 0o700);
    return join(home, 'bin/elasticsearch-service-tokens');
  };
  const BCRYPT = 'xpack.security.authc.service_token_hashing.algorithm';

  testAsRoot('works as another user, and shows its errors on a terminal', async () => {
    directory.write('top/config/elasticsearch.yml', `${BCRYPT}: bcrypt4\n`);
    const installed = install();
    const create = [...CREATE, '--config-dir', conf];
    expect(await run(installed, create)).toMatchObject({ status: 0, stderr: '' });
    expect(attributesOf(file)).toMatchObject({ uid: ALICE, mode: 0o600 });
    const env = { ...process.env, TERM: 'xterm' };
    const again = await run('script', ['-qec', [installed, ...create].join(' '), '/dev/null'], { env });
    expect(again.stdout).toContain(
      '\u001b[31mERROR:\u001b[39m\u001b[22m Service token [elastic/kibana/a] already exists, with exit code 70',
    );
  });

  testAsRoot('runs every command as another user', async () => {
    const installed = install();
    const token = directory.write('token');
    for (const line of [
      `ensure elastic/kibana/a --token-file ${token} -E ${BCRYPT}=bcrypt4`,
      `verify --token-file ${token}`,
      `rotate elastic/kibana/a -E ${BCRYPT}=bcrypt4`,
      'list',
      'list --json',
      'list --long',
      'export -o k8s-secret',
      `diff ${file} ${file}`,
      'check',
      `import --token-file ${token} --replace -E ${BCRYPT}=bcrypt4`,
      'delete elastic/kibana/a',
    ]) {
      const env = { ...process.env, ES_PATH_CONF: conf };
      const { status, stderr } = await run(installed, line.split(' '), { env });
      const said = stderr.replace(/^WARNING: .*\n/gm, '');
      expect({ line, status, said }).toEqual({ line, status: 0, said: '' });
    }
  });
});

describe('A directory that is held open', () => {
  const chosen = () => {
    const resolved = resolvePath(nodeFileSystem, file);
    const identity = chooseIdentity(resolved, { configDir: conf }, nodeFileSystem);
    expect(identity?.uid).toBe(ALICE);
    return [resolved, identity, nodeFileSystem] as const;
  };

  testAsRoot(
    'has calls made as the identity, and the process is root’s again after each, even a failed one',
    async () => {
      const state = () => [process.geteuid?.(), process.getegid?.(), process.getgroups?.(), process.cwd()];
      const before = state();
      await inDirectory(...chosen(), async ({ fs: hers, asCaller }) => {
        const make = (by: typeof hers, name: string) =>
          by.closeSync(by.openSync(join(conf, name), 'wx', 0o600));
        make(hers, 'hers');
        expect(state()).toEqual(before);
        expect(() => make(hers, 'hers')).toThrow('EEXIST');
        expect(state()).toEqual(before);
        expect(() => hers.together(() => [make(hers, 'together'), make(hers, 'hers')])).toThrow('EEXIST');
        expect(state()).toEqual(before);
        make(asCaller, 'roots');
        const owners = ['hers', 'together', 'roots'].map((name) => attributesOf(join(conf, name)).uid);
        expect(owners).toEqual([ALICE, ALICE, 0]);
        fs.renameSync(conf, join(top, 'aside')); // the directory stays the same one
        fs.mkdirSync(conf);
        expect(hers.readdirSync(conf).toSorted()).toEqual(['hers', 'roots', 'together']);
      });
    },
  );

  testAsRoot('is refused if it was exchanged after it was examined', async () => {
    lay(top, '. alice:alice 755');
    const args = chosen();
    fs.renameSync(conf, join(top, 'aside'));
    fs.mkdirSync(conf);
    lay(conf, '. alice:alice 755');
    await expect(inDirectory(...args, async () => undefined)).rejects.toMatchObject({
      code: 'IO',
      message: `the path to [${file}] changed while this command ran`,
    });
  });
});

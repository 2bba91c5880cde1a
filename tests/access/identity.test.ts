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
import { ALICE, attributesOf, lay } from '../support/layout.js';
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

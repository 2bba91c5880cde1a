/** Every hint with a command or an option, followed to its end: as real users, on real files. */
import { chmodSync, existsSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { BIN, run } from './support/commands.js';
import { publicTokens } from './support/fixtures.js';
import { IDS, lay } from './support/layout.js';
import { runHere } from './support/memory-io.js';
import { testAsRoot, testWithMounts, UNSHARE } from './support/needs.js';
import { temporaryDirectory } from './support/temporary-directory.js';

const ENTRY = `elastic/kibana/old:${publicTokens.tokens[0]?.stored}\n`;
const BCRYPT = 'xpack.security.authc.service_token_hashing.algorithm=bcrypt4';
const tool = 'elasticsearch-service-tokens';

const directory = temporaryDirectory();
let conf = '';
beforeEach(() => {
  chmodSync(directory.path, 0o755);
  conf = directory.mkdir('a config'); // a shell needs quotes for it
});

/** Runs a shell command where `tool` is the command, and the accounts are root, elasticsearch (server) and alice. */
function shell(command: string, user: keyof typeof IDS, mounts = '') {
  const { server, servers, alice } = IDS;
  const passwd = `root:x:0:0::/:\nelasticsearch:x:${server}:${servers}::/:\nalice:x:${alice}:${alice}::/:\n`;
  const accounts = [
    directory.write('passwd', passwd),
    directory.write('group', `root:x:0:\nelasticsearch:x:${servers}:\n`),
  ];
  const gid = user === 'server' ? servers : IDS[user];
  const as = user === 'root' ? '' : `setpriv --reuid=${IDS[user]} --regid=${gid} --clear-groups`;
  const script = `mount --bind "$1" /etc/passwd; mount --bind "$2" /etc/group; cd "$4"; ${mounts}
    mkdir -m 755 "$4/bin"; ln -s "$3" "$4/bin/${tool}"; export PATH="$4/bin:$PATH"; exec ${as} sh -c "$5"`;
  const scratch = directory.mkdir('scratch');
  return run('unshare', ['-m', 'sh', '-c', script, 'sh', ...accounts, BIN, scratch, command]);
}

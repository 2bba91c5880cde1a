/** The layouts of Elasticsearch's packages, with real directories, users and commands. */
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect } from '@jest/globals';
import { BIN, run } from '../support/commands.js';
import { attributesOf, lay, parseOwner, SERVER, SERVERS, STRANGER } from '../support/layout.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { sampleOf } from '../support/thoroughness.js';

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

/** Runs `create` on a system with other accounts. */
function createWith(accounts: string, options: readonly string[] = []) {
  const files = accountsOf[accounts]?.map((text, i) => directory.write(`accounts-${i}`, `${text}\n`)) ?? [];
  const script = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/group && shift 2 && exec "$@"';
  const command = [BIN, 'create', 'elastic/kibana/a', '--config-dir', conf, ...options];
  return run('unshare', ['-m', 'sh', '-c', script, 'sh', ...files, ...command]);
}
const canRead = async (uid: number, gid: number) =>
  (await run('cat', [file], { uid, gid })).stdout.startsWith('elastic/kibana/');

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
  for (const [, title, facts = ''] of sampleOf([...LAYOUTS.matchAll(/^(\w.*)\n {2}(.*)$/gm)], 2)) {
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
});

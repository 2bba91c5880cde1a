/** Links of a third user, and pipes: nothing is opened through them, for reading or changing. */
import { chmodSync, chownSync, lchownSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect } from '@jest/globals';
import { BIN, run } from '../support/commands.js';
import { publicTokens } from '../support/fixtures.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const BOB = 61_501;
const EVE = 61_999;
const [TOKEN] = publicTokens.tokens;
const BEARER = Buffer.from(`\0\x01\0\x01${TOKEN?.qualifiedName}:${TOKEN?.secret}`).toString('base64');

const directory = temporaryDirectory();
let shared = '';
let link = '';
beforeEach(() => {
  if (process.getuid?.() !== 0) return;
  chmodSync(directory.path, 0o755);
  shared = directory.mkdir('shared');
  directory.mkdir('config');
  chmodSync(shared, 0o1777);
  link = join(shared, 'service_tokens');
});

/** A file of one user, behind a link of another. */
function behindLink(owner: number, linkOwner: number, content: string, name = 'service_tokens'): void {
  const file = directory.write('private/file', content);
  chownSync(file, owner, owner);
  chmodSync(file, 0o600);
  symlinkSync(file, join(shared, name));
  lchownSync(join(shared, name), linkOwner, linkOwner);
}

describe('A link of a third user', () => {
  for (const args of [
    ['list'],
    ['export'],
    ['check'],
    ['delete', 'elastic/kibana/old'],
    ['import', '--entries', 'LINK', '--file', 'NEW'],
    ['import', '--token-file', 'LINK', '--file', 'NEW'],
    ['hash', '--token-file', 'LINK'],
    ['inspect', '--token-file', 'LINK'],
  ]) {
    testAsRoot(
      `is not followed by ${args.slice(0, 2).join(' ')}, of root or of an ordinary user`,
      async () => {
        const isInput = args.includes('LINK');
        const isBearer = args.includes('--token-file');
        behindLink(BOB, EVE, isBearer ? `${BEARER}\n` : `elastic/kibana/old:${TOKEN?.stored}\n`);
        const paths = { LINK: link, NEW: `${directory.path}/config/service_tokens` };
        const argv = args.map((word) => paths[word as keyof typeof paths] ?? word);
        for (const uid of [0, BOB]) {
          // As the owner of the target, bob could change it, but the link may lead elsewhere a moment later.
          if (uid === BOB) chownSync(join(directory.path, 'config'), BOB, BOB);
          const file = isInput ? [] : ['--file', link];
          const { status, stdout, stderr } = await run(BIN, [...argv, ...file], { uid, gid: uid });
          expect({ status, stdout }).toEqual({ status: 77, stdout: '' });
          expect(stderr).toMatch(/untrusted symlink|unsafe for root/);
        }
      },
    );
  }
});

testAsRoot(
  'A pipe in the file’s place is not opened: its writer keeps waiting, and loses nothing',
  async () => {
    const script = `mkfifo "$1"; (printf data > "$1") & "$0" list --file "$1"; "$0" inspect --token-file "$1"; timeout 5 cat "$1"`;
    const { stdout, stderr } = await run('bash', [
      '-c',
      script,
      BIN,
      join(directory.path, 'config/service_tokens'),
    ]);
    expect(stderr.match(/it is a named pipe, with exit code 74/g)).toHaveLength(2);
    expect(stdout).toBe('data');
  },
);

testAsRoot('elasticsearch.yml is not read through a link of a third user', async () => {
  behindLink(BOB, EVE, 'a: b\n', 'elasticsearch.yml');
  chownSync(join(directory.path, 'config'), BOB, BOB);
  for (const uid of [0, BOB]) {
    const own = ['create', 'elastic/kibana', 'a', '--file', join(directory.path, 'config/service_tokens')];
    for (const argv of [['hash'], own]) {
      const { status, stderr } = await run(BIN, [...argv, '--config-dir', shared], { uid, gid: uid });
      expect({ argv, uid, status }).toEqual({ argv, uid, status: 77 });
      expect(stderr).toContain(`untrusted symlink [${join(shared, 'elasticsearch.yml')}]`);
    }
  }
});

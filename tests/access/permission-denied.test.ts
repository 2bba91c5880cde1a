/** Refusals, and where their hints lead: as real users, on real files and mounts. */
import { chmodSync, chownSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect } from '@jest/globals';
import { BIN, run } from '../support/commands.js';
import { publicTokens } from '../support/fixtures.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Numbers that have no name on the test systems. */
const SERVER = 61_007;
const STRANGER = 61_999;
const CONTENT = `elastic/kibana/old:${publicTokens.tokens[0]?.stored}\n`;
const CREATE = ['create', 'elastic/kibana', 'new'];

const directory = temporaryDirectory();
let conf = '';
let file = '';
beforeEach(() => {
  chmodSync(directory.path, 0o755);
  conf = directory.mkdir('a config'); // a shell needs quotes for it
  file = join(conf, 'service_tokens');
  own('', SERVER, SERVER, 0o755);
  own('elasticsearch.yml', SERVER, SERVER, 0o640);
});

function own(name: string, uid: number, gid: number, mode: number, content = ''): void {
  const path = join(conf, name);
  if (name !== '') writeFileSync(path, content);
  if (process.getuid?.() === 0) chownSync(path, uid, gid);
  chmodSync(path, mode);
}

const tool = (args: readonly string[], uid = 0, env = {}) =>
  run(BIN, [...args, '--config-dir', conf], { uid, gid: uid, env: { ...process.env, ...env } });
/** The command at the end of a hint, without sudo. */
const advised = (text: string) => /: (?:sudo )?elasticsearch-service-tokens (.*)$/m.exec(text)?.[1] ?? '';
const follow = (text: string) => run('sh', ['-c', `"$0" ${advised(text)}`, BIN]);

describe('root’s file, as the original leaves it', () => {
  for (const [where, owner, mode] of [
    ['in the server’s directory', SERVER, 0o755],
    ['in root’s directory with the server’s group', 0, 0o2750],
  ] as const)
    for (const content of [CONTENT, '']) {
      testAsRoot(
        `${where}, ${content ? 'with a token' : 'empty'}: says whose it is, and the hint mends it`,
        async () => {
          own('', owner, SERVER, mode);
          own('service_tokens', 0, SERVER, 0o600, content);
          for (const args of [CREATE, ['delete', 'elastic/kibana/old'], ['list'], ['export']]) {
            const { status, stdout, stderr } = await tool(args, SERVER);
            expect({ status, stdout }).toEqual({ status: 77, stdout: '' });
            expect(stderr).toContain(
              `ERROR: could not read [${file}] as [${SERVER}]: it belongs to [root:${SERVER}], mode 0600, with exit code 77\n`,
            );
            expect(stderr).toContain(
              `: sudo elasticsearch-service-tokens check --fix --config-dir '${conf}'\n`,
            );
          }
          const found = await tool(['check', '--json'], SERVER);
          expect(found.status).toBe(1);
          expect(JSON.parse(found.stdout).findings).toMatchObject([{ code: 'FILE_UNREADABLE' }]);
          const { stdout } = await tool(['check'], SERVER);
          expect((await follow(stdout)).status).toBe(0);
          expect(await tool(['list'], SERVER)).toMatchObject({ status: 0, stderr: '' });
          expect((await tool(CREATE, owner)).status).toBe(0);
        },
      );
    }

  testAsRoot(
    'in a directory of a third user: root acts as that user, says so, and chown mends it',
    async () => {
      own('', STRANGER, STRANGER, 0o755);
      const { status, stderr } = await tool(CREATE);
      const fact = `Root acts as [${STRANGER}], because [${conf}] belongs to that user, but Elasticsearch runs as [${SERVER}]`;
      const repair = `Repair it as root: chown -R --from=${STRANGER} ${SERVER} '${conf}'`;
      expect({ status, stderr }).toEqual({
        status: 77,
        stderr: expect.stringContaining(`${fact}. ${repair}\n`),
      });
      await run('sh', ['-c', repair.replace(/^.*?: /, '')]);
      expect(await tool(CREATE)).toMatchObject({ status: 0, stderr: '' });
      // What a change leaves there is warned about.
      rmSync(file);
      own('', STRANGER, STRANGER, 0o755);
      own('elasticsearch.yml', SERVER, SERVER, 0o644);
      expect(await tool(CREATE)).toMatchObject({
        status: 0,
        stderr: `WARNING: ${fact}\nIf it runs as [${STRANGER}], use --server-user ${STRANGER}. ${repair}\n`,
      });
      expect(statSync(file).uid).toBe(STRANGER);
    },
  );
});

describe('Permission denied', () => {
  for (const [what, prepare, said] of [
    [
      'a file',
      () => own('service_tokens', SERVER, SERVER, 0o640, CONTENT),
      () => `could not read [${file}] as [${STRANGER}]: it belongs to [${SERVER}:${SERVER}], mode 0640`,
    ],
    [
      'a directory that cannot be written',
      () => own('elasticsearch.yml', SERVER, SERVER, 0o644),
      () =>
        `could not write [${file}] as [${STRANGER}]: its directory belongs to [${SERVER}:${SERVER}], mode 0755`,
    ],
  ] as const) {
    testAsRoot(`on ${what} names its owner and mode, and who may`, async () => {
      own('elasticsearch.yml', SERVER, SERVER, 0o644);
      prepare();
      const { status, stderr } = await tool(CREATE, STRANGER);
      expect({ status, stderr }).toEqual({
        status: 77,
        stderr: `ERROR: ${said()}, with exit code 77\nRun the command as root, or as [${SERVER}].\n`,
      });
      for (const user of [0, SERVER])
        expect((await tool([...CREATE, '--if-not-exists'], user)).status).toBe(0);
    });
  }
});

testAsRoot('A directory that the caller may not enter is named with its owner and mode', async () => {
  own('', SERVER, SERVER, 0o750);
  for (const args of [['list'], ['check'], CREATE, ['export']]) {
    const { status, stderr } = await tool(args, STRANGER);
    const said = `as [${STRANGER}]: [${conf}] belongs to [${SERVER}:${SERVER}], mode 0750, with exit code 77`;
    expect({ status, stderr }).toEqual({ status: 77, stderr: expect.stringContaining(said) });
    expect(stderr).toMatch(new RegExp(`\nRun the command as root, or as \\[${SERVER}\\]\\.\n$`));
  }
});

testAsRoot('A directory in the file’s place is named with its cause, and check reports it', async () => {
  mkdirSync(file);
  for (const args of [['list'], CREATE, ['export'], ['delete', 'elastic/kibana/old']])
    expect(await tool(args)).toMatchObject({
      status: 74,
      stderr: expect.stringMatching(/it is a directory, with exit code 74\nIf it is empty, Docker/),
    });
  for (const args of [['check'], ['check', '--fix']]) {
    const { status, stdout } = await tool([...args, '--json']);
    expect({ status, findings: JSON.parse(stdout).findings }).toMatchObject({
      status: 1,
      findings: [{ severity: 'error', code: 'NOT_A_FILE', hint: expect.stringContaining('Docker') }],
    });
  }
});

describe('A file that cannot be replaced', () => {
  const inNamespace = (script: string) =>
    run('unshare', ['-m', 'bash', '-euc', script, BIN, ...CREATE, '--config-dir', conf], {
      env: { ...process.env, F: file, S: directory.write('source', CONTENT), U: `--reuid=${SERVER}` },
    });

  testAsRoot('because its bind mount is read-only: says so, and does not advise --in-place', async () => {
    own('service_tokens', SERVER, SERVER, 0o600);
    const mount = 'mount --bind "$S" "$F"; mount -o remount,ro,bind "$F"; chown 61007 "$S"; ';
    const run = 'setpriv $U --regid=61007 --clear-groups "$0" "$@"';
    const { stderr } = await inNamespace(`${mount}${run} || ${run} --in-place || true`);
    expect(stderr).toMatch(
      /^ERROR: .*: it is a read-only bind mount of .*\n(?!.*--in-place).*\nERROR: .*: the file system is read-only,.*\n.*\n$/,
    );
  });

  testAsRoot('because Kubernetes manages it: says so before anything else', async () => {
    const said = 'it is in a Kubernetes volume (..data), which only Kubernetes may change, with exit code 73';
    for (const options of ['', '--trust-directory', '--server-user=61007']) {
      const { stderr } = await inNamespace(
        `V=$(mktemp -d); mkdir "$V/..1"; cp "$S" "$V/..1/t"; ln -s ..1 "$V/..data"; ln -sf "$V/..data/t" "$F"; "$0" "$@" ${options} || rm -r "$V"`,
      );
      expect(stderr).toContain(said);
      expect(stderr).not.toContain('--server-user');
    }
  });
});

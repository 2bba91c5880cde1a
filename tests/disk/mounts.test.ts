/** Real mounts, in a separate mount namespace that ends with the process. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { mountedAt } from '../../src/disk/mounts.js';
import { BIN, run } from '../support/commands.js';
import { testWithMounts, UNSHARE } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const LINE =
  'elastic/kibana/old:{PBKDF2}1000$HWWmph2DSqeQSI6GASS0wTZ9lE5xWqjnxowNSt8L9DA=$88Xun3plj45t1X4Pkk4zQPYNZtBoL0jX4iZGQWMw6QY=\n';
const directory = temporaryDirectory();
let conf = '';
let file = '';
beforeEach(() => {
  conf = directory.mkdir('config');
  file = directory.write('config/service_tokens', LINE);
});

/** Runs a shell script in its own mount namespace, with $TOOL, $CONF and $TMP set. */
const inNamespace = (script: string) =>
  run(UNSHARE[0], [UNSHARE[1], 'bash', '-euc', script], {
    env: { ...process.env, TOOL: BIN, CONF: conf, TMP: directory.path, ES_PATH_CONF: conf },
  });

const CREATE = '"$TOOL" create elastic/kibana new';
const errorLines = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('ERROR:'));

describe('a single file that is bind-mounted', () => {
  const MOUNT = 'mount --bind "$TMP/source" "$CONF/service_tokens"';
  beforeEach(() => {
    writeFileSync(join(directory.path, 'source'), LINE);
  });

  testWithMounts('is refused with the reason and a hint, and is not changed', async () => {
    const { status, stdout, stderr } = await inNamespace(`${MOUNT}; ${CREATE}`);
    expect({ status, stdout }).toEqual({ status: 73, stdout: '' });
    expect(errorLines(stderr)).toEqual([
      expect.stringMatching(
        /^ERROR: could not write \[.*\]: it is a bind mount of \[.*source\] and cannot be replaced, with exit code 73$/,
      ),
    ]);
    expect(stderr).toContain('Mount the directory instead of the file, or use --in-place');
    expect(readFileSync(join(directory.path, 'source'), 'utf8')).toBe(LINE);
    expect(readdirSync(conf)).toEqual(['service_tokens']);
  });

  testWithMounts('is changed with --in-place, and keeps its inode', async () => {
    const { ino } = statSync(join(directory.path, 'source'));
    const { status, stdout } = await inNamespace(
      `${MOUNT}; ${CREATE} --in-place; "$TOOL" delete elastic/kibana old --in-place; "$TOOL" list`,
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^SERVICE_TOKEN elastic\/kibana\/new = \w+\nelastic\/kibana\/new\n$/);
    expect(readFileSync(join(directory.path, 'source'), 'utf8')).toMatch(/^elastic\/kibana\/new:\S+\n$/);
    expect(statSync(join(directory.path, 'source')).ino).toBe(ino);
    expect(readdirSync(conf)).toEqual(['service_tokens']);
  });
});

testWithMounts(
  'on a read-only file system, list works, and a change is refused with the reason',
  async () => {
    const { status, stdout, stderr } = await inNamespace(
      `mount --bind "$CONF" "$CONF"; mount -o remount,bind,ro "$CONF"; "$TOOL" list; ${CREATE}`,
    );
    expect({ status, stdout }).toEqual({ status: 73, stdout: 'elastic/kibana/old\n' });
    expect(errorLines(stderr)).toEqual([
      `ERROR: could not write [${file}]: the file system is read-only, with exit code 73`,
    ]);
    expect(readFileSync(file, 'utf8')).toBe(LINE);
  },
);

testWithMounts(
  'on a full file system, a change is refused with the reason, and nothing is left behind',
  async () => {
    const { status, stdout, stderr } = await inNamespace(
      `cp "$CONF/service_tokens" "$TMP/before"
     mount -t tmpfs -o size=64k none "$CONF"
     cp "$TMP/before" "$CONF/service_tokens"
     cat /dev/zero > "$CONF/ballast" 2>/dev/null || true
     ${CREATE} || echo "status $?"
     cmp "$TMP/before" "$CONF/service_tokens"
     ls -A "$CONF"`,
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'status 74\nballast\nservice_tokens\n' });
    expect(stderr).toBe(
      `ERROR: could not write [${file}]: no space is left on the device, with exit code 74\n`,
    );
  },
);

testWithMounts(
  'containers that share a directory, each with its own pid namespace, lose no update',
  async () => {
    const container = `unshare -pf --mount-proc sh -c '"$TOOL" create elastic/kibana "$0" >/dev/null 2>&1; true'`;
    const { status } = await inNamespace(
      `for i in 1 2 3 4 5 6; do ${container} in$i & "$TOOL" create elastic/kibana out$i >/dev/null 2>&1 & done; wait`,
    );
    expect(status).toBe(0);
    const names = readFileSync(file, 'utf8').match(/(?<=kibana\/)\w+/g);
    expect(names?.sort()).toEqual(
      [...'123456']
        .flatMap((i) => [`in${i}`, `out${i}`])
        .concat('old')
        .sort(),
    );
    expect(readdirSync(conf)).toEqual(['service_tokens']);
  },
);

testWithMounts(
  'a lock holder that was killed in another container does not block others for long',
  async () => {
    const script = new URL('../support/create-and-signal.js', import.meta.url).pathname;
    const { stdout } = await inNamespace(
      `unshare -pf --mount-proc sh -c '"$0" "$@"; true' "${process.execPath}" "${script}" "$CONF/service_tokens" killed 20 SIGKILL
     ls -A "$CONF"; ${CREATE} >/dev/null 2>&1 && "$TOOL" list; ls -A "$CONF"`,
    );
    expect(stdout).toMatch(
      /^(\.service_tokens\.\w+\.tmp\n)?\.service_tokens\.lock\nservice_tokens\nelastic\/kibana\/new\nelastic\/kibana\/old\nservice_tokens\n$/,
    );
  },
);

test('mountedAt distinguishes a mount point from a file in a mount, and decodes spaces in its name', () => {
  const fs = {
    ...nodeFileSystem,
    readFileSync: (() =>
      '22 1 254:0 / / rw - ext4 /dev/vda rw\n' +
      '50 22 254:0 /srv/my\\040tokens /conf/service_tokens rw - ext4 /dev/vda rw\n') as unknown as typeof nodeFileSystem.readFileSync,
  };
  expect(mountedAt('/conf/service_tokens', fs)).toEqual({ source: '/srv/my tokens', isReadOnly: false });
  expect(mountedAt('/conf', fs)).toBeUndefined();
});

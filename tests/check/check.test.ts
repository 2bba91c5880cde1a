/** The findings of `check`. Transcripts show those about lines (check.txt) and access (root/check.txt) as they are printed. */
import { createHash } from 'node:crypto';
import { chmodSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CheckOptions, checkTokensFile } from '../../src/check/check.js';
import { withLock } from '../../src/disk/file-lock.js';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';
import { ownProcess } from '../../src/disk/processes.js';
import { digestOf } from '../../src/tokens-file/digest.js';
import { anyCharacter } from '../support/any-character.js';
import { watchedFileSystem } from '../support/faulty-file-system.js';
import { publicTokens } from '../support/fixtures.js';
import { runHere } from '../support/memory-io.js';
import { ordinaryUserFileSystem } from '../support/ordinary-user.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { runsOf } from '../support/thoroughness.js';

const SECRET = 'hunter2-in-the-clear';
const HASH = publicTokens.tokens[0]?.stored ?? '';
const SHA = '{SHA}gXODQUdXbcUYsUww3rIJNH98bD0=';
const GOOD = `elastic/kibana/good:${HASH}`;

const directory = temporaryDirectory();
let conf = '';
let path = '';
beforeEach(() => {
  conf = directory.mkdir('config');
  path = join(conf, 'service_tokens');
  chmodSync(directory.path, 0o755);
});

function write(content: string | Uint8Array, mode = 0o600): void {
  writeFileSync(path, content);
  chmodSync(path, mode);
}

/** Runs the command. */
const check = (args: readonly string[] = [], fs: FileSystem = ordinaryUserFileSystem()) =>
  runHere(['check', '--config-dir', conf, ...args], { cwd: directory.path }, fs);

const report = (options: CheckOptions = {}) =>
  checkTokensFile(path, { fs: ordinaryUserFileSystem(), ...options });

/** The findings without message and hint. */
const briefly = async (options: CheckOptions = {}) =>
  (await report(options)).findings.map(({ severity, code, line }) =>
    line === undefined ? `${severity} ${code}` : `${severity} ${code} line ${line}`,
  );

describe('The lines of a file', () => {
  test('each have the code of their fault; a line that stops the server, or a hash that cannot match, is an error', async () => {
    const key = 'elastic/kibana/a';
    const faults: readonly (readonly [line: string | Uint8Array, ...findings: string[]])[] = [
      [`\ufeff# ${SECRET}`, 'warning BYTE_ORDER_MARK', 'error MISSING_COLON'],
      [SECRET, 'error MISSING_COLON'],
      [Buffer.from(`${key}:${SECRET}\xff`, 'latin1'), 'error MALFORMED_UTF8'],
      [`${key}:$2a$15$${SECRET.padEnd(53, '.')}`, 'error MALFORMED_HASH'],
      [`${key}:{PBKDF2}${SECRET}$`, 'error MALFORMED_HASH'],
      [`${key}:${SECRET}`, 'warning PLAIN_TEXT'],
      [`${key}1:{SHA}`, 'error HASH_UNUSABLE'],
      [`${key}2:{PBKDF2}10000$${SECRET}!$${'A'.repeat(43)}=`, 'error HASH_UNUSABLE'],
      // Of duplicates only the last is checked further, as the server uses that one.
      [`${key}3:${SHA}`, 'warning DUPLICATE'],
      [`${key}3:{SHA}`, 'warning DUPLICATE'],
      [`${key}3:${HASH}`],
      [`elastic/enterprise-search-server/a:{SHA}`, 'note WITHDRAWN_ACCOUNT', 'error HASH_UNUSABLE'],
      [`elastic/kibna/a:${HASH}`, 'warning UNKNOWN_ACCOUNT'],
      [`acme/robot/a:${HASH}`, 'warning USER_MANAGED_ACCOUNT'],
      [`elastic/kibana/${SECRET}/b:${HASH}`, 'warning BAD_NAME'],
      [`elastic/kibana/_${SECRET}:${HASH}`, 'warning BAD_TOKEN_NAME'],
      [`${key}4:${SHA}`, 'warning WEAK_HASH'],
      [`${key}5:${HASH}\r`, 'warning LINE_ENDS'],
    ];
    write(Buffer.concat(faults.flatMap(([line]) => [Buffer.from(line as string), Buffer.from('\n')])));
    const expected = faults.flatMap(([, ...found], i) => found.map((finding) => `${finding} line ${i + 1}`));
    expect(await briefly()).toEqual(expected);
    const { stdout, ...rest } = await check(['--json']);
    expect(rest).toEqual({ stderr: '', status: 1 });
    expect(stdout + (await check()).stdout).not.toContain(SECRET);
    expect(stdout).not.toContain(HASH.slice(-20));
  });

  test.each<[why: string, content: string, ...findings: string[]]>([
    ['a byte order mark before an entry', `\ufeff${GOOD}\n`, 'warning BYTE_ORDER_MARK line 1'],
    ['a carriage return at the end of the file', `${GOOD}\r`, 'warning LINE_ENDS line 1'],
    ['the first of two lines with a carriage return', `#\n${GOOD}\r\n\r\n`, 'warning LINE_ENDS line 2'],
    [
      'keys that are equal in their first MiB, as no duplicates',
      ['b', 'c'].map((end) => `${'a'.repeat(2 ** 20)}${end}:${HASH}\n`).join(''),
      ...['warning BAD_NAME line 1', 'warning BAD_NAME line 2'],
    ],
  ])('report %s', async (_, content, ...expected) => {
    write(content);
    expect(await briefly()).toEqual(expected);
  });

  test.each([
    [1_000, '', undefined],
    [1_003, '', ['warning', 'and 3 more lines with findings']],
    [1_000, 'no colon\n', ['error', 'and 1 more line with findings']],
  ])(
    'are listed up to 1,000 and counted beyond that, with the worst severity: %d %j',
    async (count, more, last) => {
      write('elastic/kibana/a:x\n'.repeat(count) + more);
      const { findings } = await report();
      expect(findings).toHaveLength(last ? 1_001 : 1_000);
      const [severity, message] = last ?? [];
      const hint = 'Only the first 1000 lines with findings are listed: correct them, and check again.';
      const summary = { severity, code: 'MORE_FINDINGS', line: undefined, message, hint };
      expect(findings[1_000]).toEqual(last && summary);
    },
  );

  test('are counted as a note if all that are not listed are notes', async () => {
    write(
      Array.from({ length: 1_001 }, (_, i) => `elastic/enterprise-search-server/${i}:${HASH}\n`).join(''),
    );
    expect((await report()).findings.at(-1)).toMatchObject({ severity: 'note', code: 'MORE_FINDINGS' });
  });

  test('are never shown', async () => {
    const unit = fc.constantFrom(...'aZ09+/:$#{}! \t=');
    const junk = fc.array(fc.string({ minLength: 12, unit }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(junk, async (lines) => {
        write(lines.join('\n'));
        const said = JSON.stringify((await report()).findings);
        for (const line of lines.map((text) => text.trim())) if (line) expect(said).not.toContain(line);
      }),
      { numRuns: runsOf(200, 25) },
    );
  });

  test.each<[account: string, options: CheckOptions, ...findings: string[]]>([
    ['auto-ops', { version: { major: 8, minor: 15 } }, 'warning UNKNOWN_ACCOUNT line 1'],
    ['auto-ops', { version: { major: 8, minor: 16 } }],
    ['auto-ops', {}],
    ['enterprise-search-server', { version: { major: 8, minor: 19 } }],
    ['enterprise-search-server', { version: { major: 9, minor: 0 } }, 'warning UNKNOWN_ACCOUNT line 1'],
    ['enterprise-search-server', {}, 'note WITHDRAWN_ACCOUNT line 1'],
  ])(
    'may name the accounts of the version, or of any if it is unknown: %s with %j',
    async (account, options, ...expected) => {
      write(`elastic/${account}/a:${HASH}\n`);
      expect(await briefly(options)).toEqual(expected);
    },
  );
});

describe('A file that a rename would break', () => {
  test('a symlink into a Kubernetes volume is a warning, and the hint for its mode is a Kubernetes setting', async () => {
    directory.write('secret/..2025/service_tokens', `${GOOD}\n`);
    symlinkSync('..2025', join(directory.path, 'secret/..data'));
    symlinkSync('../secret/..data/service_tokens', path);
    chmodSync(path, 0o644);
    const { fixed, findings } = await report({ fix: true });
    expect(fixed).toEqual([]);
    expect(findings.map(({ code, hint }) => [code, hint])).toEqual([
      ['NOT_FIXED', 'Change the Secret that is mounted there.'],
      ['OPEN_TO_OTHERS', expect.stringContaining('defaultMode: 0440')],
      ['KUBERNETES_VOLUME', 'Change the Secret, not the file.'],
    ]);
  });

  test('a bind mount of a single file is a warning with --in-place in its hint', async () => {
    write(`${GOOD}\n`);
    const mounts = `36 35 98:0 /host/tokens ${path} rw - ext4 /dev/sda1 rw\n`;
    const { fs } = watchedFileSystem({
      instead: (name, at) => (name === 'readFileSync' && at === '/proc/self/mountinfo' ? mounts : undefined),
    });
    const message = `[${path}] is a bind mount of [/host/tokens], which cannot be replaced`;
    const hint = expect.stringContaining('--in-place');
    const found = (await report({ fs })).findings.filter(({ code }) => code === 'SINGLE_FILE_MOUNT');
    expect(found).toMatchObject([{ severity: 'warning', message, hint }]);
  });
});

describe('Stale locks and orphaned temporary files', () => {
  const own = ownProcess(nodeFileSystem);
  const TEMPORARY = '.service_tokens.0123456789abcdef01.tmp';
  const LOCK = '.service_tokens.lock';
  const dead = `${2 ** 22 + 1}-${own.started}-${own.scope}-0123456789ab`; // above the kernel's maximum
  const foreign = '1-1-1_a-0123456789ab';

  function lay(name: string, ageInSeconds = 0): void {
    const then = Date.now() / 1000 - ageInSeconds;
    const at = `config/${name}`;
    utimesSync(name.endsWith('/') ? directory.mkdir(at) : directory.write(at), then, then);
  }

  beforeEach(() => write(`${GOOD}\n`));

  test.each<[why: string, name: string, age: number, ...expected: string[]]>([
    ['a temporary file', TEMPORARY, 0, 'warning STALE_TEMPORARY_FILE'],
    ['one of the original', 'service_tokens9876543210tmp', 0, 'warning STALE_TEMPORARY_FILE'],
    ['the lock of a dead process', `${LOCK}/${dead}`, 0, 'warning STALE_LOCK'],
    ['the directory of a dead waiter', `${LOCK}-${dead}/${dead}`, 0, 'warning STALE_LOCK'],
    [
      'an owner file of another container that does not change',
      `${LOCK}/${foreign}`,
      0,
      'warning STALE_LOCK',
    ],
    ['one whose clock is an hour ahead', `${LOCK}/${foreign}`, -3600, 'warning STALE_LOCK'],
    ['a lock that contains another file', `${LOCK}/x`, 0, 'warning STALE_LOCK'],
    ['a file in place of the lock', LOCK, 0, 'warning STALE_LOCK'],
    ['an empty lock directory', `${LOCK}/`, 0, 'warning STALE_LOCK'],
    ['an unrelated file', 'service_tokens.bak', 3600],
  ])('%s', async (_, name, age, ...expected) => {
    lay(name, age);
    expect(await briefly()).toEqual(expected);
  });

  test('the lock and the temporary file of a live process are not findings', async () => {
    await withLock(nodeFileSystem, path, {}, async () => {
      lay(TEMPORARY);
      expect(await briefly()).toEqual([]);
    });
  });

  test('a lock that is released during the check is not a finding', async () => {
    lay(`${LOCK}/${dead}`);
    let listings = 0;
    const { fs } = watchedFileSystem({
      before: (_, name) => {
        if (name === 'readdirSync') listings++;
        if (listings > 2) rmSync(join(conf, LOCK), { recursive: true, force: true });
      },
    });
    expect((await report({ fs })).findings.map(({ code }) => code)).not.toContain('STALE_LOCK');
    expect(listings).toBeGreaterThan(2); // of the directory, and twice of the lock
  });

  test('check makes no call that changes a file', async () => {
    lay(TEMPORARY);
    lay(`${LOCK}/${dead}`);
    const { fs, calls } = watchedFileSystem();
    await report({ fs });
    const reads = /^(readFile|read|open|fstat|close|stat|lstat|readdir|readlink|realpath)Sync$/;
    expect(calls.filter((call) => !reads.test(call))).toEqual([]);
  });
});

test('--json is one line of printable text even if a path is not', async () => {
  conf = directory.mkdir('con\u202e\u009bfig');
  path = join(conf, 'service_tokens');
  write(GOOD, 0o644);
  const { stdout } = await check(['--json']);
  expect(stdout).not.toMatch(/[\u202e\u009b]/);
  expect(JSON.parse(stdout)).toMatchObject({ file: path, findings: [{ code: 'OPEN_TO_OTHERS' }] });
  expect((await check()).stdout).toContain('con\\u202e\\u009bfig');
});

describe('The digest', () => {
  const digest = async (content: string) => {
    write(content);
    return (await report()).digest;
  };

  test('is the result of sort and sha256sum for a plain file', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => `elastic/kibana/${1_000 + i}:${HASH}\n`);
    const lines = [`elastic/fleet-server/b:${SHA}\n`, ...many];
    const expected = createHash('sha256').update(lines.join('')).digest('hex');
    expect(await digest(lines.toReversed().join(''))).toBe(`sha256:${expected}`);
  });

  test.each([
    ['does not depend on comments and blank lines', `# x\n\n${GOOD}\n`],
    ['does not depend on line ends', `${GOOD}\r\n`],
    ['does not depend on a missing end of the last line', GOOD],
    ['does not depend on blanks around a line', `  ${GOOD}\t\n`],
    ['does not depend on an older duplicate', `elastic/kibana/good:${SHA}\n${GOOD}\n`],
    ['does not depend on plain text', `${GOOD}\nelastic/kibana/x:${SECRET}\n`],
    ['depends on the hash', `elastic/kibana/good:${SHA}\n`],
    ['depends on the name', `${GOOD.replace('good', 'better')}\n`],
    ['depends on one more token', `${GOOD}\nelastic/kibana/b:${HASH}\n`],
    ['depends on a later duplicate', `${GOOD}\nelastic/kibana/good:${SHA}\n`],
  ])('%s', async (title, content) => {
    const isSame = (await digest(content)) === (await digest(`${GOOD}\n`));
    expect(isSame).toBe(title.startsWith('does not'));
  });

  test('does not depend on the order of any entries', () => {
    const entry = fc.tuple(fc.string({ unit: anyCharacter }), fc.string());
    const entries = fc.uniqueArray(entry, { selector: ([key]) => key });
    const isSame = (some: [string, string][]) =>
      expect(digestOf(new Map(some.toReversed()))).toBe(digestOf(new Map(some)));
    fc.assert(fc.property(entries, isSame), { numRuns: runsOf(100, 20) });
  });
});

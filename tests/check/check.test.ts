/** The findings of `check`: each fault alone, beside a valid entry. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accessWarning } from '../../src/access/server-access.js';
import { checkTokensFile } from '../../src/check/check.js';
import type { FindingCode } from '../../src/check/findings.js';
import { main } from '../../src/cli/main.js';
import { withLock } from '../../src/disk/file-lock.js';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';
import { ownProcess } from '../../src/disk/processes.js';
import { digestOf } from '../../src/tokens-file/digest.js';
import { statAs, watchedFileSystem } from '../support/faulty-file-system.js';
import { codeAndMessage, publicTokens, rejectionOf } from '../support/fixtures.js';
import { memoryIo } from '../support/memory-io.js';
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

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

async function check(
  args: readonly string[] = [],
  fs: FileSystem = ordinaryUserFileSystem(),
): Promise<Printed> {
  const { io, written } = memoryIo({ cwd: directory.path });
  const status = await main(['check', '--config-dir', conf, ...args], io, fs);
  return { ...written, status };
}

/** A finding without its message and hint. */
const briefly = async (fs: FileSystem = ordinaryUserFileSystem(), serverUser?: string) =>
  (await checkTokensFile(path, { fs, serverUser })).findings.map(({ severity, code, line }) =>
    line === undefined ? `${severity} ${code}` : `${severity} ${code} line ${line}`,
  );

describe('a valid file', () => {
  test('is reported in one line: the number of tokens, and the digest', async () => {
    write(`# comment\n\n${GOOD}\nelastic/fleet-server/good:${HASH}\n`);
    expect(await check()).toEqual({
      stdout: expect.stringMatching(/^ok: \[.*\/service_tokens\]: 2 tokens, sha256:[0-9a-f]{64}\n$/),
      stderr: '',
      status: 0,
    });
  });

  test('may be missing, as for the server: that is a note, and the file is not created', async () => {
    const none = createHash('sha256').digest('hex');
    expect(await check()).toEqual({
      stdout: `note: The file [${path}] does not exist\n  A missing file is an empty file; create makes it.\nok: [${path}]: 0 tokens, sha256:${none}\n`,
      stderr: '',
      status: 0,
    });
    expect(readdirSync(conf)).toEqual([]);
  });

  test('causes no output with -s', async () => {
    write(`${GOOD}\n`);
    expect(await check(['-s'])).toEqual({ stdout: '', stderr: '', status: 0 });
  });
});

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

describe('a fault is reported with its line and without any secret, and the status is 1:', () => {
  test.each<[why: string, content: string | Uint8Array, code: FindingCode, line: number, said: string]>([
    // Faults that stop the node.
    ['no colon', `${GOOD}\n${SECRET}\n`, 'MISSING_COLON', 2, "Missing ':' character"],
    ['an indented comment', ` # ${SECRET}\n${GOOD}`, 'MISSING_COLON', 1, 'first character is #'],
    [
      'a bcrypt cost that the server does not support',
      `${GOOD}\nelastic/kibana/a:$2a$15$${SECRET.padEnd(53, '.')}`,
      'MALFORMED_HASH',
      2,
      'unknown hash function [bcrypt15]',
    ],
    [
      'a PBKDF2 cost that is not a number',
      `elastic/kibana/a:{PBKDF2}${SECRET}$\n${GOOD}`,
      'MALFORMED_HASH',
      1,
      'number of iterations',
    ],
    [
      'bad UTF-8',
      bytes(GOOD, '\n', `elastic/kibana/a:${SECRET}`, [0xff], '\n'),
      'MALFORMED_UTF8',
      2,
      'Malformed UTF-8',
    ],
    // Lines that the server skips.
    ['plain text', `${GOOD}\nelastic/kibana/a:${SECRET}`, 'PLAIN_TEXT', 2, '[elastic/kibana/a]'],
    ['plain text on both sides', `${GOOD}\n${SECRET}:${SECRET}`, 'PLAIN_TEXT', 2, 'This entry'],
    [
      'plain text on both sides, with slashes',
      `${GOOD}\na/b/${SECRET}:${SECRET}`,
      'PLAIN_TEXT',
      2,
      'This entry',
    ],
    [
      'plain text after a name of four parts',
      `elastic/kibana/a/${SECRET}:${SECRET}\n${GOOD}`,
      'PLAIN_TEXT',
      1,
      'This entry',
    ],
    ['a blank after the colon', `elastic/kibana/a: ${HASH}`, 'PLAIN_TEXT', 1, 'white space after the colon'],
    // Entries that no token matches.
    ['a duplicate', `${GOOD}\n#\n${GOOD}\n`, 'DUPLICATE', 1, 'is a duplicate of line 3'],
    ['an unknown account', `elastic/kibna/a:${HASH}`, 'UNKNOWN_ACCOUNT', 1, 'Did you mean elastic/kibana?'],
    ['a user-managed account', `acme/robot/a:${HASH}`, 'USER_MANAGED_ACCOUNT', 1, 'REST API only'],
    ['a name of two parts', `elastic/kibana:${HASH}`, 'BAD_NAME', 1, 'not <namespace>/<service>/<name>'],
    ['a name of four parts', `${GOOD}\nelastic/kibana/${SECRET}/b:${HASH}`, 'BAD_NAME', 2, 'by hand'],
    ['no name', `:${HASH}`, 'BAD_NAME', 1, 'not <namespace>'],
    [
      'a token name that begins with _',
      `elastic/kibana/_${SECRET}:${HASH}`,
      'BAD_TOKEN_NAME',
      1,
      'Invalid token name',
    ],
    ['a blank before the colon', `elastic/kibana/a :${HASH}`, 'BAD_TOKEN_NAME', 1, 'before the colon'],
    // Hashes that cannot match, and weak hashes.
    [
      'a salt that is not base64',
      `${GOOD}\nelastic/kibana/a:{PBKDF2}10000$${SECRET}!$${'A'.repeat(43)}=`,
      'HASH_UNUSABLE',
      2,
      '[elastic/kibana/a] can never match: its salt is not base64',
    ],
    [
      'an empty key',
      `elastic/kibana/a:{PBKDF2}10000$AQgPFh0kKzI=$`,
      'HASH_UNUSABLE',
      1,
      'its key has 0 bytes; 32 are wanted, or 16, 48 or 64',
    ],
    ['{SHA}', `elastic/kibana/a:${SHA}`, 'WEAK_HASH', 1, 'stored as {SHA}'],
    ['{MD5}', `elastic/kibana/a:{MD5}1B2M2Y8AsgTpgAmY7PhCfg==`, 'WEAK_HASH', 1, 'stored as {MD5}'],
    [
      'cost 1000',
      `elastic/kibana/a:${HASH.replace('10000', '1000')}`,
      'WEAK_HASH',
      1,
      'PBKDF2_STRETCH with only 1000 iterations',
    ],
    // Traces of an editor.
    ['a byte order mark', `\ufeff${GOOD}\n`, 'BYTE_ORDER_MARK', 1, 'byte order mark'],
    [
      'CRLF',
      `#\n${GOOD}\r\n\r\n`,
      'LINE_ENDS',
      2,
      '2 lines, starting with this one, end with a carriage return',
    ],
    ['CR', `${GOOD}\r`, 'LINE_ENDS', 1, 'This line ends with a carriage return'],
  ])('%s', async (_, content, code, line, said) => {
    write(content);
    const { findings } = await checkTokensFile(path, { fs: ordinaryUserFileSystem() });
    expect(findings.map((finding) => [finding.code, finding.line])).toEqual([[code, line]]);

    const { stdout, stderr, status } = await check();
    expect({ stderr, status }).toEqual({ stderr: '', status: 1 });
    expect(stdout).toContain(`${findings[0]?.severity}: line ${line}: `);
    expect(stdout).toContain(said);
    const json = await check(['--json']);
    expect(json).toMatchObject({ stderr: '', status: 1 });
    expect(stdout + json.stdout).not.toContain(SECRET);
    expect(stdout + json.stdout).not.toContain(HASH.slice(-20));
  });

  test('a byte order mark before a comment keeps the server from starting', async () => {
    write(`\ufeff# comment\n${GOOD}\n`);
    expect(await briefly()).toEqual(['warning BYTE_ORDER_MARK line 1', 'error MISSING_COLON line 1']);
  });

  test('a line that stops the server, or a hash that cannot match, is an error', async () => {
    write(bytes(`x\n${GOOD}`, [0xff], `\nelastic/kibana/a:{PBKDF2}7$\nelastic/kibana/b:{SHA}\n`));
    expect(await briefly()).toEqual([
      'error MISSING_COLON line 1',
      'error MALFORMED_UTF8 line 2',
      'error MALFORMED_HASH line 3',
      'error HASH_UNUSABLE line 4',
    ]);
  });

  test('of several duplicates only the last one is checked further, as the server uses that one', async () => {
    write(
      `elastic/kibana/a:${SHA}\nelastic/kibana/a:{SHA}\nelastic/kibana/a:${HASH}\nelastic/kibana/a:plain\n`,
    );
    expect(await briefly()).toEqual([
      'warning DUPLICATE line 1',
      'warning DUPLICATE line 2',
      'warning PLAIN_TEXT line 4',
    ]);
  });
});

test('two keys that are equal in their first MiB are not duplicates', async () => {
  const long = 'a'.repeat(2 ** 20);
  write([`${long}b`, `${long}c`].map((key) => `${key}:${HASH}\n`).join(''));
  expect(await briefly()).toEqual(['warning BAD_NAME line 1', 'warning BAD_NAME line 2']);
});

describe('the version determines which accounts exist', () => {
  const inVersion = async (...version: [] | [number, number]) => {
    const [major = 0, minor = 0] = version;
    const options = version.length ? { version: { major, minor } } : {};
    const { findings } = await checkTokensFile(path, { ...options, fs: ordinaryUserFileSystem() });
    return findings.map(({ severity, code }) => `${severity} ${code}`);
  };

  test('an account that a version does not have is a warning, and one that it has is not', async () => {
    write(`elastic/auto-ops/a:${HASH}\n`);
    expect(await inVersion(8, 15)).toEqual(['warning UNKNOWN_ACCOUNT']);
    expect(await inVersion(8, 16)).toEqual([]);
    expect(await inVersion()).toEqual([]);
  });

  test('if the version is unknown, a withdrawn account is a note, and the status is 0', async () => {
    write(`elastic/enterprise-search-server/a:${HASH}\n`);
    expect(await inVersion(8, 19)).toEqual([]);
    expect(await inVersion(9, 0)).toEqual(['warning UNKNOWN_ACCOUNT']);
    expect((await check(['--es-version', '9.0'])).stdout).toContain(
      'was added in Elasticsearch 8.2 and removed in 9.0. Delete the token, with the command delete.\n',
    );
    expect(await inVersion()).toEqual(['note WITHDRAWN_ACCOUNT']);
    expect(await check()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^note: line 1: /) });
  });
});

/** The real file system, in which some files appear to have other owners and modes. */
function world(attributes: Readonly<Record<string, readonly [uid: number, gid: number, mode: number]>>) {
  const { fs } = watchedFileSystem({
    instead: (name, argument, options) => {
      if (argument === '/etc/passwd') return 'server:x:61007:61113::/:/bin/false\n';
      if (argument === '/etc/group') return 'server:x:61113:\n';
      const isOpen = name === 'fstatSync';
      const known = Object.entries(attributes).find(([file]) =>
        isOpen ? file === 'service_tokens' : join(conf, file) === argument,
      );
      const [uid, gid, mode] = known?.[1] ?? [0, 0, isOpen ? 0o600 : 0o755];
      return statAs(name, argument, options, { uid, gid, mode });
    },
  });
  return fs;
}

describe('access to the file', () => {
  const model = ([uid, gid, mode]: readonly [number, number, number]) =>
    world({ service_tokens: [uid, gid, mode], '': [0, 61113, 0o2750] });

  test.each<[why: string, file: readonly [number, number, number], expected: readonly string[]]>([
    ['a package’s file', [0, 61113, 0o660], []],
    ['root’s private file, which the server cannot read', [0, 0, 0o600], ['error FILE_UNREADABLE']],
    ['the server’s own file without the bit', [61007, 61113, 0o040], ['error FILE_UNREADABLE']],
    ['a world-readable file', [0, 61113, 0o644], ['warning OPEN_TO_OTHERS']],
    ['a world-writable file', [0, 61113, 0o642], ['warning OPEN_TO_OTHERS']],
    [
      'a file that others can read, but not the server',
      [0, 61113, 0o604],
      ['error FILE_UNREADABLE', 'warning OPEN_TO_OTHERS'],
    ],
  ])('%s', async (_, file, expected) => {
    write(`${GOOD}\n`);
    expect(await briefly(model(file), 'server')).toEqual(expected);
  });

  test('the hint is the command that repairs it', async () => {
    write(`${GOOD}\n`);
    const { findings } = await checkTokensFile(path, { fs: model([0, 0, 0o644]), serverUser: 'server' });
    expect(findings.map(({ message, hint }) => [message, hint])).toEqual([
      [
        `Every user of this system can read [${path}]`,
        `Use --fix, or: chown server:server ${path} && chmod 0640 ${path} && touch ${path}`,
      ],
    ]);
  });

  test.each<[why: string, file: readonly [number, number, number], expected: readonly string[]]>([
    ['only root can read it', [0, 0, 0o600], ['warning SERVER_UNKNOWN']],
    ['a group can read it, which may be that of the server', [0, 0, 0o640], []],
    ['a user other than root owns it', [61007, 0, 0o600], []],
  ])('if the server is unknown, and %s', async (_, file, expected) => {
    write(`${GOOD}\n`);
    directory.write('config/jvm.options', '');
    expect(await briefly(world({ service_tokens: file }))).toEqual(expected);
  });

  test('check and create have the same warning about an unknown server', async () => {
    write(`${GOOD}\n`);
    directory.write('config/jvm.options', '');
    const attributes = { uid: 0, gid: 0, mode: 0o600 };
    const { findings } = await checkTokensFile(path, { fs: world({ service_tokens: [0, 0, 0o600] }) });
    const created = { before: undefined, after: attributes, isPathPrivate: true };
    expect([findings[0]?.message, findings[0]?.hint]).toEqual(
      accessWarning(path, conf, undefined, created, nodeFileSystem),
    );
  });

  test.each<[why: string, attributes: readonly [number, number, number], hint: string | undefined]>([
    ['only its owner can enter', [61007, 0, 0o700], undefined],
    ['its owner and group can enter', [0, 61113, 0o750], undefined],
    ['only root can enter', [0, 0, 0o700], 'Repair it: chgrp server DIR && chmod g+rx DIR'],
    ['the server can enter, but not list', [0, 0, 0o711], 'Repair it: chgrp server DIR && chmod g+rx DIR'],
    ['its own group cannot enter', [0, 61113, 0o705], 'Repair it: chmod g+rx DIR'],
    ['its owner cannot enter', [61007, 61113, 0o077], 'Repair it: chmod u+rx DIR'],
  ])('a configuration directory that %s is checked', async (_, attributes, hint) => {
    write(`${GOOD}\n`);
    const fs = world({ service_tokens: [61007, 0, 0o600], '': attributes });
    const { findings } = await checkTokensFile(path, { fs, serverUser: 'server' });
    expect(findings.map((finding) => [finding.code, finding.hint])).toEqual(
      hint === undefined ? [] : [['DIRECTORY_UNREADABLE', hint.replaceAll('DIR', conf)]],
    );
  });

  test('a directory above that the server cannot enter is found, also behind a symlink', async () => {
    mkdirSync(join(conf, 'closed', 'open'), { recursive: true });
    writeFileSync(join(conf, 'closed', 'open', 'tokens'), `${GOOD}\n`);
    symlinkSync('closed/open/tokens', path);
    const fs = world({
      service_tokens: [61007, 0, 0o600],
      'closed/open/tokens': [61007, 0, 0o600],
      closed: [0, 0, 0o700],
    });
    const { findings } = await checkTokensFile(path, { fs, serverUser: 'server' });
    expect(findings.map(({ code, message }) => [code, message])).toEqual([
      ['DIRECTORY_UNREADABLE', `Elasticsearch runs as [server] and cannot enter [${join(conf, 'closed')}]`],
      ['SYMBOLIC_LINK', expect.anything()],
    ]);
  });

  test('if the configuration directory is a symlink, the directories above the symlink and above its target are checked', async () => {
    mkdirSync(join(conf, 'aside'));
    mkdirSync(join(conf, 'real', 'config'), { recursive: true });
    writeFileSync(join(conf, 'real', 'config', 'service_tokens'), GOOD);
    symlinkSync('../real/config', join(conf, 'aside', 'link'));
    path = join(conf, 'aside', 'link', 'service_tokens');
    const closed = [0, 0, 0o700] as const;
    const fs = world({
      service_tokens: [61007, 0, 0o600],
      aside: closed,
      real: closed,
      'real/config': closed,
    });
    const { findings } = await checkTokensFile(path, { fs, serverUser: 'server' });
    expect(findings.map(({ message }) => message)).toEqual([
      `Elasticsearch runs as [server] and cannot enter [${join(conf, 'aside')}]`,
      `Elasticsearch runs as [server] and cannot enter [${join(conf, 'real')}]`,
      `Elasticsearch runs as [server] and cannot list [${join(conf, 'real', 'config')}]`,
    ]);
  });

  test('if the caller cannot read the file, that is an error and not a finding', async () => {
    write(GOOD);
    const { fs } = watchedFileSystem({
      before: (_, name) => {
        if (name === 'openSync')
          throw Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open' });
      },
    });
    expect(codeAndMessage(await rejectionOf(checkTokensFile(path, { fs })))).toEqual({
      code: 'PERMISSION',
      message: `could not read [${path}]: permission denied`,
    });
    expect(await check([], fs)).toMatchObject({ stdout: '', status: 77 });
  });
});

describe('a file that a rename would break', () => {
  test('a symlink is a warning', async () => {
    symlinkSync('../tokens', path);
    directory.write('tokens', `${GOOD}\n`);
    chmodSync(join(directory.path, 'tokens'), 0o600);
    expect(await briefly()).toEqual(['warning SYMBOLIC_LINK']);
  });

  test('a symlink into a Kubernetes volume is a warning, and the hint for its mode is a Kubernetes setting', async () => {
    directory.write('secret/..2025/service_tokens', `${GOOD}\n`);
    symlinkSync('..2025', join(directory.path, 'secret/..data'));
    symlinkSync('../secret/..data/service_tokens', path);
    chmodSync(join(directory.path, 'secret/..data/service_tokens'), 0o644);
    const report = await checkTokensFile(path, { fs: ordinaryUserFileSystem(), fix: true });
    expect(report.fixed).toEqual([]);
    expect(report.findings.map(({ code, hint }) => [code, hint])).toEqual([
      ['NOT_FIXED', 'Change the Secret that is mounted there.'],
      ['OPEN_TO_OTHERS', expect.stringContaining('defaultMode: 0440')],
      ['KUBERNETES_VOLUME', 'Change the Secret, not the file.'],
    ]);
  });

  test('a bind mount of a single file is a warning with --in-place in its hint', async () => {
    write(`${GOOD}\n`);
    const { fs } = watchedFileSystem({
      instead: (name, argument) =>
        name === 'readFileSync' && argument === '/proc/self/mountinfo'
          ? `36 35 98:0 /host/tokens ${path} rw - ext4 /dev/sda1 rw\n`
          : undefined,
    });
    const { findings } = await checkTokensFile(path, { fs });
    expect(findings.filter(({ code }) => code === 'SINGLE_FILE_MOUNT')).toMatchObject([
      {
        severity: 'warning',
        code: 'SINGLE_FILE_MOUNT',
        message: expect.stringContaining('[/host/tokens]'),
        hint: expect.stringContaining('--in-place'),
      },
    ]);
  });
});

describe('stale locks and orphaned temporary files', () => {
  const own = ownProcess(nodeFileSystem);
  const lock = () => join(conf, '.service_tokens.lock');
  const TEMPORARY = '.service_tokens.0123456789abcdef01.tmp';
  const mark = (pid: number, started = own.started, scope = own.scope) =>
    `${pid}-${started}-${scope}-0123456789ab`;
  const NOBODY = 2 ** 22 + 1; // above the kernel's maximum

  function lay(at: string, ageInSeconds = 0): void {
    mkdirSync(join(at, '..'), { recursive: true });
    writeFileSync(at, '');
    const then = Date.now() / 1000 - ageInSeconds;
    utimesSync(at, then, then);
  }

  beforeEach(() => write(`${GOOD}\n`));

  test.each<[why: string, file: () => string, age: number, expected: readonly string[]]>([
    ['a temporary file', () => join(conf, TEMPORARY), 0, ['warning STALE_TEMPORARY_FILE']],
    ['one of the original', () => `${path}9876543210tmp`, 0, ['warning STALE_TEMPORARY_FILE']],
    ['the lock of a dead process', () => join(lock(), mark(NOBODY)), 0, ['warning STALE_LOCK']],
    [
      'the directory of a dead waiter',
      () => join(`${lock()}-${mark(NOBODY)}`, mark(NOBODY)),
      0,
      ['warning STALE_LOCK'],
    ],
    [
      'a lock of another container whose mark does not change',
      () => join(lock(), mark(1, '1', '1_a')),
      0,
      ['warning STALE_LOCK'],
    ],
    [
      'one of another container whose clock is an hour ahead',
      () => join(lock(), mark(1, '1', '1_a')),
      -3600,
      ['warning STALE_LOCK'],
    ],
    ['a lock that contains another file', () => join(lock(), 'x'), 0, ['warning STALE_LOCK']],
    ['a file in place of the lock', lock, 0, ['warning STALE_LOCK']],
    ['an unrelated file', () => join(conf, 'service_tokens.bak'), 3600, []],
  ])('%s', async (_, file, age, expected) => {
    lay(file(), age);
    expect(await briefly()).toEqual(expected);
  });

  test('an empty lock directory is a stale lock', async () => {
    mkdirSync(lock());
    expect(await briefly()).toEqual(['warning STALE_LOCK']);
  });

  test('the lock and the temporary file of a live process are not findings', async () => {
    await withLock(nodeFileSystem, path, {}, async () => {
      lay(join(conf, TEMPORARY));
      expect(await briefly()).toEqual([]);
    });
  });

  test('a lock that is released during the check is not a finding', async () => {
    const held = join(lock(), mark(NOBODY));
    lay(held);
    let listings = 0;
    const { fs } = watchedFileSystem({
      before: (_, name) => {
        if (name === 'readdirSync') listings++;
        if (listings > 2) rmSync(lock(), { recursive: true, force: true });
      },
    });
    const codes = (await checkTokensFile(path, { fs })).findings.map(({ code }) => code);
    expect(codes.filter((code) => code === 'STALE_LOCK')).toEqual([]);
    expect(listings).toBeGreaterThan(2); // of the directory, and twice of the lock
  });

  test('check makes no call that changes a file', async () => {
    lay(join(conf, TEMPORARY));
    lay(join(lock(), mark(NOBODY)));
    const { fs, calls } = watchedFileSystem();
    await checkTokensFile(path, { fs });
    expect(
      [...new Set(calls)].filter(
        (call) => !/^(readFile|read|open|fstat|close|stat|lstat|readdir|readlink|realpath)Sync$/.test(call),
      ),
    ).toEqual([]);
  });
});

describe('--json', () => {
  test('is one object on one line', async () => {
    write(`${GOOD}\nelastic/kibana/a:${SECRET}\n`, 0o644);
    const { stdout, stderr, status } = await check(['--json']);
    expect({ stderr, status, lines: stdout.split('\n').length }).toEqual({ stderr: '', status: 1, lines: 2 });
    const text = { message: expect.any(String), hint: expect.any(String) };
    expect(JSON.parse(stdout)).toEqual({
      file: path,
      exists: true,
      tokens: 1,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      findings: [
        { severity: 'warning', code: 'OPEN_TO_OTHERS', line: null, ...text },
        { severity: 'warning', code: 'PLAIN_TEXT', line: 2, ...text },
      ],
      fixed: [],
    });
  });

  test('has no digest if the server cannot read the file', async () => {
    write(`${GOOD}\nx\n`);
    expect(JSON.parse((await check(['--json'])).stdout)).toMatchObject({ tokens: 0, digest: null });
    expect((await check()).stdout).toMatch(/\n\[.*\]: Elasticsearch does not read this file\n$/);
  });

  test('is one line of printable text even if a path is not', async () => {
    conf = directory.mkdir('con\u202e\u009bfig');
    path = join(conf, 'service_tokens');
    write(GOOD, 0o644);
    const { stdout } = await check(['--json']);
    expect(stdout).not.toMatch(/[\u202e\u009b]/);
    expect(JSON.parse(stdout)).toMatchObject({ file: path });
    expect((await check()).stdout).toContain('con\\u202e\\u009bfig');
  });
});

describe('a file that does not exist', () => {
  test('is a warning if it was named by --file', async () => {
    expect(await check(['--file', join(conf, 'typo'), '--json'])).toMatchObject({ status: 1, stderr: '' });
    const { stdout } = await check(['--file', join(conf, 'typo'), '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      exists: false,
      tokens: 0,
      findings: [{ severity: 'warning', code: 'NO_FILE', message: `The file [${conf}/typo] does not exist` }],
    });
  });

  test('is a warning behind a symlink, too', async () => {
    symlinkSync('nowhere', path);
    expect(JSON.parse((await check(['--json'])).stdout)).toMatchObject({ exists: false });
  });
});

describe('an expectation', () => {
  const digest = `sha256:${createHash('sha256').update(`${GOOD}\n`).digest('hex')}`;
  const other = digest.replace(/[0-9a-f]{8}$/, '00000000');
  beforeEach(() => write(`${GOOD}\n`));

  test.each<[args: readonly string[], status: number]>([
    [['--expect-digest', digest], 0],
    [['--expect-digest', digest.toUpperCase().replace('SHA', 'sha')], 0],
    [['--expect-digest', other], 1],
    [['--expect-tokens', '1'], 0],
    [['--expect-tokens', '0'], 1],
    [['--expect-tokens', '1', '--expect-digest', digest], 0],
    [['--expect-tokens', '1', '--expect-digest', other], 1],
  ])('%j gives status %i', async (args, status) => {
    expect((await check(['-s', ...args])).status).toBe(status);
  });

  test('that is not met is an error with the actual value', async () => {
    const { stdout } = await check(['--expect-digest', other, '--expect-tokens', '2']);
    expect(stdout).toContain(`error: The digest is ${digest}; expected ${other}\n`);
    expect(stdout).toContain('error: The number of tokens is 1; expected 2\n');
  });

  test('is never met by a file that the server cannot read', async () => {
    write('broken\n');
    const { stdout } = await check(['--expect-digest', digest]);
    expect(stdout).toContain(`error: The digest is unknown; expected ${digest}\n`);
  });

  test.each([
    ['--expect-digest', 'x', '[x] is not a digest'],
    ['--expect-digest', '', '[] is not a digest'],
    ['--expect-digest', digest.slice(0, -1), `[${digest.slice(0, -1)}] is not a digest`],
    ['--expect-tokens', 'x', '[x] is not a number of tokens'],
    ['--expect-tokens', '-1', '[-1] is not a number of tokens'],
    ['--expect-tokens', '', '[] is not a number of tokens'],
    ['--expect-tokens', '1.0', '[1.0] is not a number of tokens'],
  ])('%s <%s> is a usage error', async (option, value, message) => {
    const { stdout, stderr, status } = await check([option, value]);
    expect({ stdout, status }).toEqual({ stdout: '', status: 64 });
    expect(stderr).toContain(`ERROR: ${message}, with exit code 64\n`);
  });
});

describe('the digest', () => {
  const digest = async (content: string) => {
    write(content);
    return (await checkTokensFile(path, { fs: ordinaryUserFileSystem() })).digest;
  };

  test('is the result of sort and sha256sum for a plain file', async () => {
    const lines = [`elastic/fleet-server/b:${HASH}\n`, `elastic/kibana/a:${SHA}\n`];
    const expected = createHash('sha256').update(lines.join('')).digest('hex');
    expect(await digest(lines.toReversed().join(''))).toBe(`sha256:${expected}`);
  });

  test.each([
    ['comments and blank lines', `# x\n\n${GOOD}\n`],
    ['line ends', `${GOOD}\r\n`],
    ['a missing end of the last line', GOOD],
    ['blanks around a line', `  ${GOOD}\t\n`],
    ['an older duplicate', `elastic/kibana/good:${SHA}\n${GOOD}\n`],
    ['plain text', `${GOOD}\nelastic/kibana/x:${SECRET}\n`],
  ])('does not depend on %s', async (_, content) => {
    expect(await digest(content)).toBe(await digest(`${GOOD}\n`));
  });

  test.each([
    ['another hash', `elastic/kibana/good:${SHA}\n`],
    ['another name', `${GOOD.replace('good', 'better')}\n`],
    ['one more token', `${GOOD}\nelastic/kibana/b:${HASH}\n`],
    ['a later duplicate', `${GOOD}\nelastic/kibana/good:${SHA}\n`],
  ])('depends on %s', async (_, content) => {
    expect(await digest(content)).not.toBe(await digest(`${GOOD}\n`));
  });

  test('does not depend on the order of any entries', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), fc.string()), {
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(entries, (some) => {
        expect(digestOf(new Map(some.toReversed()))).toBe(digestOf(new Map(some)));
      }),
    );
  });
});

describe('many lines with findings', () => {
  const severitiesOf = async (content: string) => {
    write(content);
    const { findings } = await checkTokensFile(path, { fs: ordinaryUserFileSystem() });
    return findings.filter(({ line, code }) => line !== undefined || code === 'MORE_FINDINGS');
  };

  test('are listed up to 1,000, and counted beyond that', async () => {
    const findings = await severitiesOf(`${'elastic/kibana/a:x\n'.repeat(1_003)}`);
    expect(findings).toHaveLength(1_001);
    expect(findings.at(-1)).toEqual({
      severity: 'warning',
      code: 'MORE_FINDINGS',
      line: undefined,
      message: 'and 3 more lines with findings',
      hint: 'Only the first 1000 lines with findings are listed: correct them, and check again.',
    });
  });

  test('are an error if one that is only counted is an error', async () => {
    const findings = await severitiesOf(`${'elastic/kibana/a:x\n'.repeat(1_000)}no colon\n`);
    expect(findings.at(-1)).toMatchObject({ severity: 'error', message: 'and 1 more line with findings' });
  });

  test('are all listed if there are 1,000', async () => {
    expect(await severitiesOf('elastic/kibana/a:x\n'.repeat(1_000))).toHaveLength(1_000);
  });
});

test('no content of a line is ever shown', async () => {
  const junk = fc.array(fc.string({ minLength: 12, unit: fc.constantFrom(...'aZ09+/:$#{}! \t=') }), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(junk, async (lines) => {
      write(lines.join('\n'));
      const { findings } = await checkTokensFile(path, { fs: ordinaryUserFileSystem() });
      const said = JSON.stringify(findings);
      for (const line of lines.filter((text) => text.trim() !== '')) expect(said).not.toContain(line.trim());
    }),
    { numRuns: runsOf(200, 100) },
  );
});

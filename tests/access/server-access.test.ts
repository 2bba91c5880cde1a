import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { canRead, findServer, newFileAttributes } from '../../src/access/server-access.js';
import type { Attributes } from '../../src/disk/atomic-file.js';
import { attributeWarnings } from '../../src/tokens-file/attribute-warnings.js';
import { watchedFileSystem } from '../support/faulty-file-system.js';
import { parseOwner as own } from '../support/layout.js';

const ROOT = own('0:0 600');
const PASSWD =
  'root:x:0:0::/root:/bin/sh\nelasticsearch:x:107:113::/nonexistent:/bin/false\njoe:x:1000:1000::/home/joe:/bin/sh\n';
const GROUP = 'root:x:0:\nelasticsearch:x:113:\njoe:x:1000:\ncerts:x:200:elasticsearch,joe\n';
const NO_ELASTICSEARCH = { passwd: 'root:x:0:0::/root:/bin/sh\n', group: 'root:x:0:\n' };

interface System {
  readonly files?: Readonly<Record<string, Attributes>>;
  readonly directory?: Attributes;
  readonly passwd?: string;
  readonly group?: string;
}

/** A system with these accounts, and these files in /conf. */
function system({ files = {}, directory = ROOT, passwd = PASSWD, group = GROUP }: System) {
  const { fs } = watchedFileSystem({
    instead: (name, path) => {
      if (path === '/etc/passwd') return passwd;
      if (path === '/etc/group') return group;
      if (name !== 'statSync') return undefined;
      if (path === '/conf') return directory;
      const found = Object.entries(files).find(([file]) => join('/conf', file) === path);
      if (found) return found[1];
      throw Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'stat' });
    },
  });
  return fs;
}

const find = (description: System, named?: string) => findServer('/conf', named, system(description));

const KEYSTORE = 'elasticsearch.keystore';
const DEB: System = {
  directory: own('0:113 2750'),
  files: {
    [KEYSTORE]: own('0:113 660'),
    users: own('0:113 660'),
    'elasticsearch.yml': own('0:113 660'),
  },
};
const DOCKER: System = {
  ...NO_ELASTICSEARCH,
  directory: own('0:0 775'),
  files: {
    [KEYSTORE]: own('1000:0 660'),
    'elasticsearch.yml': own('0:0 664'),
  },
};
const TARBALL: System = {
  directory: own('1000:1000 755'),
  files: {
    [KEYSTORE]: own('1000:1000 600'),
    'elasticsearch.yml': own('1000:1000 660'),
  },
};

describe('the server is', () => {
  test.each([
    ['the account of the group, in a package: root:elasticsearch', DEB, undefined, 107],
    ['the owner of the keystore, in Docker: 1000:0', DOCKER, undefined, 1000],
    ['the owner of everything, from a tarball', TARBALL, undefined, 1000],
    ['the named user, whatever the owners of the files', TARBALL, 'elasticsearch', 107],
    ['the named number, whether or not it has a name', DOCKER, '4711', 4711],
    [
      'the account elasticsearch, if the files are root:root',
      { files: { users: own('0:0 644') } },
      undefined,
      107,
    ],
    [
      'the owner of the directory, if nothing else determines it',
      { ...NO_ELASTICSEARCH, directory: own('1000:1000 755') },
      undefined,
      1000,
    ],
    [
      'the keystore’s group before another file’s owner, because an administrator may have edited that file',
      { ...DEB, files: { ...DEB.files, 'elasticsearch.yml': own('1000:1000 644') } },
      undefined,
      107,
    ],
  ] as const)('%s', (_, description, named, uid) => {
    expect(find(description as System, named)?.uid).toBe(uid);
  });

  test('unknown, if root owns everything and there is no account elasticsearch', () => {
    expect(find(NO_ELASTICSEARCH)).toBeUndefined();
  });

  test.each(['4294967295', '9999999999'])(
    'an error, if the named number %s is not valid for a user',
    (number) => {
      expect(() => find(DEB, number)).toThrow(`User [${number}] does not exist`);
    },
  );

  test('an error, if the named user does not exist', () => {
    expect(() => find(DEB, 'nobody-here')).toThrow('User [nobody-here] does not exist');
  });

  test('known by its group only, if that is the primary group of no account, or of several', () => {
    const server = find({ ...DEB, passwd: `${PASSWD}other:x:108:113::/:/bin/false\n` });
    expect(server).toMatchObject({ uid: undefined, groups: [113] });
  });
});

describe('the server can read', () => {
  const server = { uid: 107, groups: [113, 200], model: ROOT };
  test.each([
    ['its own file', own('107:0 400'), true],
    ['not its own file without the owner bit, even with the group bit', own('107:113 040'), false],
    ['a file of its group', own('0:113 640'), true],
    ['a file of a supplementary group', own('0:200 640'), true],
    ['not a file of its group without the bit, even with the bit for others', own('0:113 604'), false],
    ['a file for others', own('0:0 644'), true],
    ["not root's private file", ROOT, false],
  ])('%s', (_, attributes, expected) => {
    expect(canRead(server, attributes)).toBe(expected);
  });
});

describe('a new file of', () => {
  test.each([
    ['root in a package is root:elasticsearch 0660, like its siblings', DEB, ROOT, own('0:113 660')],
    ['root in Docker is 1000:0 0660, like the keystore', DOCKER, ROOT, own('1000:0 660')],
    [
      'root in a tarball is the owner’s, 0640, because the keystore’s group may not write',
      TARBALL,
      ROOT,
      own('1000:1000 640'),
    ],
    ['the server itself stays its own, 0600', TARBALL, own('1000:1000 600'), own('1000:1000 600')],
    ['the package’s server itself stays its own, 0600', DEB, own('107:113 600'), own('107:113 600')],
    ['root if the server is unknown stays root’s, 0600', NO_ELASTICSEARCH, ROOT, ROOT],
  ] as const)('%s', (_, description, born, expected) => {
    const attributes = newFileAttributes(find(description as System), born);
    expect(attributes).toEqual(expected);
    expect(attributes.mode & 0o007).toBe(0);
  });
});

describe('warnings', () => {
  const warnings = (
    description: System,
    after: Attributes,
    before?: Attributes,
    path = '/conf/service_tokens',
  ) =>
    attributeWarnings(
      path,
      '/conf',
      { before, after, server: find(description) },
      { isPrivate: true },
      system(description),
    );

  test('are not given if the server can read the file', () => {
    expect(warnings(DEB, own('0:113 660'))).toEqual([]);
  });

  test('contain the command that repairs a file that the server cannot read', () => {
    expect(warnings(DEB, own('0:113 600'))).toEqual([
      [
        'Elasticsearch runs as [elasticsearch] and cannot read [/conf/service_tokens]',
        'Repair it: chmod 0660 /conf/service_tokens && touch /conf/service_tokens',
      ],
    ]);
  });

  test('quote a path for the shell', () => {
    expect(warnings(DEB, ROOT, ROOT, "/my conf/it's").at(-1)?.[1]).toContain(`touch '/my conf/it'\\''s'`);
  });

  test('are given if root writes a new file and the server is unknown', () => {
    const files = { 'jvm.options': ROOT };
    expect(warnings({ ...NO_ELASTICSEARCH, files }, ROOT)).toEqual([
      [
        'Cannot determine which user runs Elasticsearch; only root can read [/conf/service_tokens]',
        'Specify the user with --server-user, or repair it: chown USER /conf/service_tokens && touch /conf/service_tokens',
      ],
    ]);
    expect(warnings({ ...NO_ELASTICSEARCH, files }, ROOT, ROOT)).toEqual([]);
    expect(warnings(NO_ELASTICSEARCH, ROOT)).toEqual([]); // nothing shows that a server is configured there
  });

  test('report attributes that could not be kept, with the original’s messages', () => {
    const before = own('0:0 640');
    expect(warnings(NO_ELASTICSEARCH, own('1000:1001 600'), before)).toEqual([
      [
        'The file permissions of [/conf/service_tokens] have changed from [rw-r-----] to [rw-------]',
        'Please ensure that the user account running Elasticsearch has read access to this file!',
      ],
      ['Owner of file [/conf/service_tokens] used to be [root], but now is [1000]'],
      ['Group of file [/conf/service_tokens] used to be [root], but now is [1001]'],
    ]);
  });
});

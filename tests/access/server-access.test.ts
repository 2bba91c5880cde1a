/** Whom the server runs as. Which files it can read, and other warnings, are in tests/transcripts/root. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { findServer } from '../../src/access/server-access.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { attributeWarnings } from '../../src/tokens-file/attribute-warnings.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { parseOwner } from '../support/layout.js';

const NOBODY = ['root:x:0:0::/root:/bin/sh\n', 'root:x:0:\n'] as const;
const ACCOUNTS = [
  `${NOBODY[0]}elasticsearch:x:107:113::/nonexistent:/bin/false\njoe:x:1000:1000::/home/joe:/bin/sh\n`,
  `${NOBODY[1]}elasticsearch:x:113:\njoe:x:1000:\n`,
] as const;

/** Finds the server on a system with a layout of /conf, and with accounts: the texts of passwd and group. */
function find(layout: string, named?: string, [passwd, group]: readonly [string, string] = ACCOUNTS) {
  const owners = layout.split('; ').map((entry) => /^(\S+) (.*)$/.exec(entry) ?? []);
  const files = new Map(owners.map(([, name = '', owner = '']) => [join('/conf', name), parseOwner(owner)]));
  const { fs } = watchedFileSystem({
    instead: (name, path) => {
      if (path === '/etc/passwd') return passwd;
      if (path === '/etc/group') return group;
      if (name !== 'statSync' || files.has(String(path))) return files.get(String(path));
      throw systemError('ENOENT', 'stat');
    },
  });
  return findServer('/conf', named, fs);
}

const DEB = '. 0:113 2750; elasticsearch.keystore 0:113 660; users 0:113 660; elasticsearch.yml 0:113 660';
const DOCKER = '. 0:0 775; elasticsearch.keystore 1000:0 660; elasticsearch.yml 0:0 664';
const TARBALL = '. 1000:1000 755; elasticsearch.keystore 1000:1000 600; elasticsearch.yml 1000:1000 660';

describe('the server is', () => {
  test.each<[what: string, uid: number | undefined, layout: string, named?: string]>([
    ['the account of the group, in a package: root:elasticsearch', 107, DEB],
    ['the owner of everything, from a tarball', 1000, TARBALL],
    ['the named user, whatever the owners of the files', 107, TARBALL, 'elasticsearch'],
    ['the named number, whether or not it has a name', 4711, DOCKER, '4711'],
    ['the account elasticsearch, if the files are root:root', 107, 'users 0:0 644'],
    [
      'the keystore’s group before another file’s owner, because an administrator may have edited that file',
      107,
      DEB.replace('elasticsearch.yml 0:113 660', 'elasticsearch.yml 1000:1000 644'),
    ],
  ])('%s', (_, uid, layout, named = undefined) => {
    expect(find(layout, named)?.uid).toBe(uid);
  });

  test.each([
    ['the owner of the keystore, in Docker: 1000:0', 1000, DOCKER],
    ['the owner of the directory, if nothing else determines it', 1000, '. 1000:1000 755'],
    ['unknown, if root owns everything', undefined, '. 0:0 600'],
  ])('%s, without an account elasticsearch', (_, uid, layout) => {
    expect(find(layout, undefined, NOBODY)?.uid).toBe(uid);
  });

  test.each(['4294967295', '9999999999', '0:4294967295', 'nobody-here'])(
    'an error, if %s is named: no user is',
    (named) => {
      expect(() => find(DEB, named)).toThrow(`User [${named}] does not exist`);
    },
  );

  test('known by its group only, if that is the primary group of no account, or of several', () => {
    const [passwd, group] = ACCOUNTS;
    const server = find(DEB, undefined, [`${passwd}other:x:108:113::/:/bin/false\n`, group]);
    expect(server).toMatchObject({ uid: undefined, groups: [113] });
  });
});

test('a mode that could not be kept is warned about with the original’s message', () => {
  const change = { before: parseOwner('0:0 640'), after: parseOwner('0:0 600'), server: undefined };
  expect(attributeWarnings('/conf/tokens', '/conf', change, { isPrivate: true }, nodeFileSystem)).toEqual([
    [
      'The file permissions of [/conf/tokens] have changed from [rw-r-----] to [rw-------]',
      'Please ensure that the user account running Elasticsearch has read access to this file!',
    ],
  ]);
});

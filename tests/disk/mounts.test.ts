/** Real mounts, in a separate mount namespace that ends with the process. */
import { expect, test } from '@jest/globals';
import { nodeFileSystem } from '../../src/disk/file-system.js';
import { mountedAt } from '../../src/disk/mounts.js';
import { testWith } from '../support/needs.js';
import { testThoroughly } from '../support/thoroughness.js';
import { testTranscripts } from '../support/transcript-tests.js';

testTranscripts('tests/transcripts/mounts', (name) =>
  testWith(['mount namespaces'], name === 'mounts.txt' ? testThoroughly : test),
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

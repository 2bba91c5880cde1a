/** The recipes in docs/recipes work. Programs that act on other machines have stand-ins: the files in `bin`. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { projectRoot } from '../support/fixtures.js';
import { hasProgram, testAsRoot, testWith } from '../support/needs.js';
import { testThoroughly } from '../support/thoroughness.js';
import { testTranscripts } from '../support/transcript-tests.js';

const recipes = join(projectRoot, 'docs/recipes');

test('every recipe is in the index', () => {
  const names = readdirSync(recipes, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name !== 'README.md' && statSync(join(recipes, name)).isFile());
  const index = readFileSync(join(recipes, 'README.md'), 'utf8');
  expect(files.filter((name) => !index.includes(`(${name})`))).toEqual([]);
});

/** The transcripts that need a user or programs, or that take seconds. */
const kinds = {
  ansible: testWith(['ansible-playbook'], testThoroughly),
  ci: testThoroughly,
  // Debian's package is one or the other, depending on its version.
  'compose-files': testWith(
    [hasProgram('docker compose') ? 'docker compose' : 'docker-compose'],
    testThoroughly,
  ),
  'compose-fleet-server': testAsRoot,
  'compose-kibana': testAsRoot,
  'compose-stack': testAsRoot,
  eck: testThoroughly,
  'every-node': testWith(['jq'], testThoroughly),
  'github-actions': testThoroughly,
  kubernetes: testWith(['kubectl'], testThoroughly),
  'kubernetes-patches': testWith(['kubectl', 'jq'], testThoroughly),
  monitoring: testWith(['jq']),
  outputs: testWith(['jq', 'kubectl', 'python3-yaml'], testThoroughly),
  'read-only-image': testThoroughly,
  rotate: testWith(['curl'], testThoroughly),
  systemd: testWith(['systemd-analyze']),
};

testTranscripts('tests/recipes', (name) => kinds[name.replace('.txt', '') as keyof typeof kinds] ?? test);

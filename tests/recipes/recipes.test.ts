/** The recipes in docs/recipes work. Programs that act on other machines have stand-ins: the files in `bin`. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { projectRoot } from '../support/fixtures.js';
import { hasProgram, testWith } from '../support/needs.js';
import { testThoroughly } from '../support/thoroughness.js';
import { testTranscripts } from '../support/transcript-tests.js';

const recipes = join(projectRoot, 'docs/recipes');

test('every recipe is in the index', () => {
  const names = readdirSync(recipes, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name !== 'README.md' && statSync(join(recipes, name)).isFile());
  const index = readFileSync(join(recipes, 'README.md'), 'utf8');
  expect(files.filter((name) => !index.includes(`(${name})`))).toEqual([]);
});

/** What the transcripts need that do not run everywhere. Each takes seconds. */
const needs: Readonly<Record<string, readonly string[]>> = {
  ansible: ['ansible-playbook'],
  // Debian's package is one or the other, depending on its version.
  'compose-files': [hasProgram('docker compose') ? 'docker compose' : 'docker-compose'],
  'compose-fleet-server': ['root'],
  'compose-kibana': ['root'],
  'compose-stack': ['root'],
  'every-node': ['jq'],
  kubernetes: ['kubectl'],
  'kubernetes-patches': ['kubectl', 'jq'],
  monitoring: ['jq'],
  outputs: ['jq', 'kubectl', 'python3-yaml'],
  rotate: ['curl'],
  systemd: ['systemd-analyze'],
};

testTranscripts('tests/recipes', (name) => testWith(needs[name.replace('.txt', '')] ?? [], testThoroughly));

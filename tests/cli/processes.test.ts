/** Sessions in which the tool is a process of its own: streams, descriptors, the current directory. */
import { test } from '@jest/globals';
import { BIN, LAUNCHER } from '../support/commands.js';
import { skipped, testWith } from '../support/needs.js';
import { testThoroughly } from '../support/thoroughness.js';
import { testTranscripts } from '../support/transcript-tests.js';

const kinds = {
  'gone-directory.txt':
    BIN === LAUNCHER ? test : skipped('in a deleted directory, Bun exits before any code runs'),
  'output.txt': testThoroughly,
  'output-parsing.txt': testWith(['grep -P', 'python3', 'script of util-linux']),
};

testTranscripts('tests/transcripts/processes', (name) => kinds[name as keyof typeof kinds] ?? test);

/** Sessions in which the tool is a process of its own: streams, descriptors, the current directory. */
import { test } from '@jest/globals';
import { BIN, LAUNCHER } from '../support/commands.js';
import type { MaybeTest } from '../support/needs.js';
import { testTranscripts } from '../support/transcript-tests.js';

const skipForBun: MaybeTest = (title) =>
  test.skip(`${title} (skipped: in a deleted directory, Bun exits before any code runs)`, () => {});

testTranscripts('tests/transcripts/processes', (name) =>
  name === 'gone-directory.txt' && BIN !== LAUNCHER ? skipForBun : test,
);

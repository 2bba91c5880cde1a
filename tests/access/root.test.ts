/** Sessions of root and other users, with real files. */
import { test } from '@jest/globals';
import { testWith } from '../support/needs.js';
import { fileSystemWithAccountsOf } from '../support/ordinary-user.js';
import { testThoroughly } from '../support/thoroughness.js';
import { testTranscripts } from '../support/transcript-tests.js';

testTranscripts(
  'tests/transcripts/root',
  (name) => testWith(['root'], name === 'installation.txt' ? testThoroughly : test),
  fileSystemWithAccountsOf,
);

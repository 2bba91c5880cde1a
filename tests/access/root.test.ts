/** Sessions of root and other users, with real files. */
import { isRoot, testAsRoot } from '../support/needs.js';
import { fileSystemWithAccountsOf } from '../support/ordinary-user.js';
import { testThoroughly } from '../support/thoroughness.js';
import { testTranscripts } from '../support/transcript-tests.js';

testTranscripts(
  'tests/transcripts/root',
  (name) => (isRoot && name === 'installation.txt' ? testThoroughly : testAsRoot),
  fileSystemWithAccountsOf,
);

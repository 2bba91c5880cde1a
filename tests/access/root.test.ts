/** Sessions of root and other users, with real files. */
import { testAsRoot } from '../support/needs.js';
import { fileSystemWithAccountsOf } from '../support/ordinary-user.js';
import { testTranscripts } from '../support/transcript-tests.js';

testTranscripts('tests/transcripts/root', () => testAsRoot, fileSystemWithAccountsOf);

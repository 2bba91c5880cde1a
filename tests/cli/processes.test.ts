/** Sessions in which the tool is a process of its own: streams, descriptors, the current directory. */
import { BIN, LAUNCHER } from '../support/commands.js';
import { testTranscripts } from '../support/transcript-tests.js';

/** In a directory that was deleted, Bun exits with status 1 before any code runs. */
const isTested = (name: string) => name !== 'gone-directory.txt' || BIN === LAUNCHER;

testTranscripts('tests/transcripts/processes', isTested);

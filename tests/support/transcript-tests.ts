import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { projectRoot } from './fixtures.js';
import { type Outcome, parseTranscript, runTranscript, type Transcript } from './transcript.js';

/** Tests each transcript in a directory of the project. */
export function testTranscripts(directory: string, isTested = (_name: string) => true): void {
  const names = readdirSync(join(projectRoot, directory)).filter((name) => name.endsWith('.txt'));
  for (const name of names.filter(isTested).sort()) {
    describe(name, () => testTranscript(read(join(directory, name))));
  }
}

/** The sections build on each other, so the transcript runs as a whole; then each passes or fails on its own. */
export function testTranscript(transcript: Transcript): void {
  let outcomes: readonly Outcome[] = [];

  beforeAll(async () => {
    outcomes = await runTranscript(transcript);
  }, 60_000);

  for (const [index, { heading }] of transcript.sections.entries()) {
    test(heading, () => {
      expect(outcomes[index]?.actual).toBe(outcomes[index]?.expected);
    });
  }
}

function read(path: string): Transcript {
  try {
    return parseTranscript(readFileSync(join(projectRoot, path), 'utf8'));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

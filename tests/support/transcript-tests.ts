import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { FileSystem } from '../../src/disk/file-system.js';
import { projectRoot } from './fixtures.js';
import type { MaybeTest } from './needs.js';
import { type Outcome, parseTranscript, runTranscript, type Transcript } from './transcript.js';

/**
 * Tests each transcript in a directory of the project.
 *
 * @param kindOf the kind of test that a transcript is
 * @param fsOf the file system that the tool uses in a session's directory
 */
export function testTranscripts(
  directory: string,
  kindOf = (_name: string): MaybeTest => test,
  fsOf?: (directory: string) => FileSystem,
): void {
  for (const name of readdirSync(join(projectRoot, directory)).sort()) {
    if (name.endsWith('.txt'))
      describe(name, () => testTranscript(read(join(directory, name)), kindOf(name), fsOf));
  }
}

/** The sections build on each other, so the transcript runs as a whole; then each passes or fails on its own. */
export function testTranscript(
  transcript: Transcript,
  kind: MaybeTest = test,
  fsOf?: (directory: string) => FileSystem,
): void {
  let outcomes: readonly Outcome[] = [];

  // Jest does not call this if all the tests are skipped.
  beforeAll(async () => {
    outcomes = await runTranscript(transcript, fsOf);
  }, 180_000); // Ansible is slow

  for (const [index, { heading }] of transcript.sections.entries()) {
    kind(heading, () => {
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

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Outcome,
  parseMarkdown,
  parseTranscript,
  runTranscript,
  type Transcript,
} from '../support/transcript.js';

const root = new URL('../../../', import.meta.url); // from dist/tests/cli/

for (const name of readdirSync(new URL('tests/transcripts/', root)).sort()) {
  describe(name, () => {
    testTranscript(read(`tests/transcripts/${name}`, parseTranscript));
  });
}

describe('README.md', () => {
  const blocks = existsSync(new URL('README.md', root)) ? read('README.md', parseMarkdown) : [];

  test('shows the command at work, in ```console blocks', () => {
    if (blocks.length === 0) throw new Error('README.md does not exist, or has no ```console block');
  });

  for (const block of blocks) {
    describe('block', () => {
      testTranscript(block);
    });
  }
});

/** The sections build on each other, so the transcript runs as a whole; then each passes or fails on its own. */
function testTranscript(transcript: Transcript): void {
  let outcomes: readonly Outcome[] = [];

  beforeAll(async () => {
    outcomes = await runTranscript(transcript);
  });

  for (const [index, { heading }] of transcript.sections.entries()) {
    test(heading, () => {
      expect(outcomes[index]?.actual).toBe(outcomes[index]?.expected);
    });
  }
}

function read<T>(path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(new URL(path, root), 'utf8'));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

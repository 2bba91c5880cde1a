import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { projectRoot } from '../support/fixtures.js';
import { parseMarkdown } from '../support/transcript.js';
import { testTranscript, testTranscripts } from '../support/transcript-tests.js';

testTranscripts('tests/transcripts');

describe.each(['README.md', 'docs/json.md'])('%s', (document) => {
  const blocks = parseMarkdown(readFileSync(join(projectRoot, document), 'utf8'));

  test('shows the command at work, in ```console blocks', () => expect(blocks).not.toEqual([]));

  for (const block of blocks) describe('block', () => testTranscript(block));
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findingKinds } from '../../src/check/findings.js';
import { projectRoot } from '../support/fixtures.js';

test('docs/findings.md lists what check looks for: code, severity and meaning', () => {
  const document = readFileSync(join(projectRoot, 'docs/findings.md'), 'utf8');
  const rows = Object.entries(findingKinds).flatMap(([severity, meanings]) =>
    Object.entries(meanings).map(([code, meaning]) => `| \`${code}\` | ${severity} | ${meaning} |`),
  );
  expect(document.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows);
});

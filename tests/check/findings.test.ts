import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { severities } from '../../src/check/findings.js';
import { projectRoot } from '../support/fixtures.js';

test('docs/findings.md lists what check looks for: code, severity and meaning', () => {
  const document = readFileSync(join(projectRoot, 'docs/findings.md'), 'utf8');
  const rows = [...document.matchAll(/^\| `(\w+)` \| (\w+) \| .+\. \|$/gm)];
  expect(rows.map(([, code, severity]) => [code, severity])).toEqual(Object.entries(severities));
});

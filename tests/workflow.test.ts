/** The workflow of GitHub, which cannot run here: it is YAML, and what it calls exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { projectRoot } from './support/fixtures.js';

interface Workflow {
  readonly jobs: Record<string, { readonly steps: readonly { readonly run?: string }[] }>;
}

test('the workflow calls the gate and scripts of package.json that exist, and nothing else of its own', () => {
  const read = (file: string) => readFileSync(join(projectRoot, file), 'utf8');
  const { jobs }: Workflow = parse(read('.github/workflows/ci.yml'));
  const { scripts } = JSON.parse(read('package.json'));
  const calls = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
  expect(calls.length).toBeGreaterThan(3);
  for (const call of calls) {
    const [, script, file] = /^npm run (\S+)$|\bbash (\S+)$/.exec(call) ?? [];
    if (script !== undefined) expect(Object.keys(scripts)).toContain(script);
    else if (file !== undefined) expect(existsSync(join(projectRoot, file))).toBe(true);
    else expect(call).toMatch(/^(npm ci|npm publish --provenance --access public|gh release create .*)$/);
  }
});

test('the addresses in package.json name one repository, and the release checklist says to set it', () => {
  const { repository, bugs, homepage } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  const address = repository.replace('github:', 'https://github.com/');
  expect([bugs, homepage]).toEqual([`${address}/issues`, `${address}#readme`]);
  expect(readFileSync(join(projectRoot, 'docs/CONTRIBUTING.md'), 'utf8')).toContain(
    'replace `OWNER` in `package.json`',
  );
});

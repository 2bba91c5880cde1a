/** The manual page has the same content as the help. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { commands } from '../../src/cli/commands/table.js';
import { commonOptions } from '../../src/cli/options.js';
import { projectRoot } from '../support/fixtures.js';
import { testWithMan } from '../support/needs.js';

const { man } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));

testWithMan('man shows every command, option and example, without warnings', () => {
  const { status, stdout, stderr } = spawnSync(
    'man',
    ['--warnings', '-P', 'cat', join(projectRoot, man[0])],
    {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '500', GROFF_NO_SGR: '1' },
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const text = withoutOverstrikes(stdout);
  const options = commonOptions.map(({ entry }) => entry);
  for (const [name, command] of Object.entries(commands)) {
    expect(text).toContain(`${command.summary}.`);
    expect(text).toContain(`elasticsearch-service-tokens ${name} [options] ${command.usage}`.trimEnd());
    for (const example of command.examples) {
      expect(text).toContain(`$ ${example}`);
    }
    options.push(...(command.options ?? []));
  }
  for (const [flags, description] of options) {
    expect(text).toContain(flags);
    expect(text).toContain(description);
  }
  expect(text).toContain('permission denied');
});

test('package.json names it in a list, because npm does not install a page that is named as a string', () => {
  expect(man).toEqual(['./man/elasticsearch-service-tokens.1']);
});

/** Removes bold and underline, which are two letters with a backspace between them. */
function withoutOverstrikes(text: string): string {
  return text.replace(/.\u0008/gu, '');
}

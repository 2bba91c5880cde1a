/** The manual page has the same content as the help. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { commands, commonOptions } from '../../src/cli/commands/table.js';
import { projectRoot } from '../support/fixtures.js';
import { testWith } from '../support/needs.js';

const { man } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));

const page = join(projectRoot, man[0]);

testWith(['man'])('man shows every command, option and example, without warnings, in 300 lines', () => {
  const text = render('1000');
  const options = Object.entries(commonOptions);
  for (const [name, command] of Object.entries(commands)) {
    expect(text).toContain([`${command.summary}.`, ...(command.details ?? [])].join(' '));
    expect(text).toContain(`${name} ${command.usage}`.trimEnd());
    for (const example of command.examples) expect(text).toContain(`$ ${example}`);
    options.push(...Object.entries(command.options));
  }
  for (const [flags, description] of options) {
    expect(text).toContain(description);
    expect(text.split(`\n       ${flags}`)).toHaveLength(2); // once
  }
  expect(text).toContain('permission denied');
  for (const lines of [render('80'), readFileSync(page, 'utf8')])
    expect(lines.trimEnd().split('\n').length).toBeLessThanOrEqual(300);
});

function render(width: string): string {
  const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-P', 'cat', page], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: width, GROFF_NO_SGR: '1' },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.replace(/.\u0008/gu, ''); // bold and underline are two letters with a backspace between them
}

test('package.json names it in a list, because npm does not install a page that is named as a string', () => {
  expect(man).toEqual(['./man/elasticsearch-service-tokens.1']);
});

/** What real shells offer; what `complete` answers is in completion.txt, too. */
import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { commands } from '../../src/cli/commands/table.js';
import { main } from '../../src/cli/main.js';
import { memoryIo } from '../support/memory-io.js';
import { testWith } from '../support/needs.js';
import { type Ask, askFish, typeToBash, typeToZsh } from '../support/shells.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { testThoroughly } from '../support/thoroughness.js';

jest.setTimeout(120_000); // a shell starts the tool at each TAB, which is slow on a busy machine

const directory = temporaryDirectory();
const { write } = directory;

/** Lines of a tokens file. */
const tokens = (...keys: string[]) => keys.map((key) => `${key}:{SHA}x\n`).join('');

beforeEach(() => {
  write('config/service_tokens', tokens('elastic/kibana/kb1', 'elastic/kibana/kb2', 'elastic/auto-ops/one'));
  write('mytokens', tokens('elastic/kibana/mine'));
  write('a dir/tokens', tokens('elastic/kibana/blank'));
  write('other/service_tokens', tokens('elastic/kibana/there'));
});

async function answerOf(...argv: string[]): Promise<string> {
  const { io, written } = memoryIo({ cwd: directory.path, env: { ES_PATH_CONF: 'config' } });
  expect(await main(argv, io)).toBe(0);
  return written.stdout;
}

test.each(Object.entries(commands))(
  'every option of %s is offered, with its description',
  async (name, entry) => {
    const lines = Object.entries(entry.options).flatMap(([text, description]) =>
      (text.match(/(?<!\S)--?[\w-]+/g) ?? []).map((flag) => `${flag}\t${description}\n`),
    );
    expect(await answerOf('complete', '--', name, '-')).toBe(lines.join(''));
  },
);

test('names are not offered if there are too many, because a part of them would mislead', async () => {
  const keys = Array.from({ length: 1_001 }, (_, index) => `elastic/kibana/kb${index}`);
  write('config/service_tokens', tokens(...keys));
  expect(await answerOf('complete', '--', 'delete', 'elastic/kibana/kb')).toBe('');
  expect((await answerOf('complete', '--', 'delete', 'elastic/kibana/kb99')).split('\n')).toHaveLength(12);
});

test.each(['bash', 'zsh', 'fish'])('the script for %s expands nothing', async (shell) => {
  const script = await answerOf('completion', shell);
  expect(script).not.toMatch(/\beval\b|compgen|_call_program|_describe|\$\{\(e/);
  expect(script.match(/elasticsearch-service-tokens complete .*2>\/dev\/null/g)).toHaveLength(1);
});

/** What every shell offers for the last word of a line after the tool's name. */
const offers: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['cre', ['create']],
  ['', [...Object.keys(commands), 'help']],
  ['create --if', ['--if-not-exists']],
  ['create --output k', ['k8s-secret']],
  ['create --output=k', ['k8s-secret']],
  ['create -o k', ['k8s-secret']],
  ['create --env-name ', []],
  ['delete --server-user roo', ['root']],
  ['list --file my', ['mytokens']],
  ['list --config-dir con', ['config']],
  ['create elastic/kib', ['elastic/kibana']],
  ['rotate elastic/a', ['elastic/auto-ops', 'elastic/auto-ops/one']],
  ['delete elastic/kibana/kb1 elastic/kibana/', ['elastic/kibana/kb2']],
  ['rotate elastic/kibana ', ['kb1', 'kb2']],
  ['delete --file mytokens elastic/kibana ', ['mine']],
  ["delete --file 'a dir/tokens' elastic/kibana ", ['blank']],
  ['delete --file=a\\ dir/tokens elastic/kibana ', ['blank']],
  ['delete --file ~/mytokens elastic/kibana ', ['mine']],
];

/** What another user can write into a file that root completes from: after `elastic/kibana/`, and alone. */
const odd =
  '$(touch pwned)|`touch pwned`|<(touch pwned)|$((x[$(touch pwned)]))|a;touch pwned;|a\u2028touch pwned|a\0touch pwned|' +
  "a\ttouch pwned|\u001b[31m|'; touch pwned; '|\"|*|{a,b}|(e:touch pwned:)|~root|$HOME|a b|_under";
const hostile = [
  ...odd.split('|').map((name) => `elastic/kibana/${name}`),
  'elastic/kibana/good-0:{SHA}x\relastic/kibana/a;touch pwned', // two lines for the server
  ...['elastic/nobody/good', '$(touch pwned)', '`touch pwned`', 'good'],
];

const shells: readonly (readonly [name: string, ask: Ask, where: ReturnType<typeof testWith>])[] = [
  ['bash', typeToBash, testWith(['script', 'bash'])],
  ['zsh', typeToZsh, testWith(['script', 'zsh'], testThoroughly)],
  ['fish', askFish, testWith(['fish'], testThoroughly)],
];

describe.each(shells)('In %s', (shell, ask, testHere) => {
  const offeredFor = async (lines: readonly string[]) => {
    const answers = await ask(lines, directory.path);
    // zsh and fish repeat the option before a value, and add a final `=` or `/`.
    return lines.map((line, i) => [line, answers[i]?.map((word) => word.replace(/^--\w+=(?=.)|[=/]$/g, ''))]);
  };

  testHere('everything is completed', async () => {
    const answers = await offeredFor(offers.map(([line]) => line));
    expect(answers.map(([line, words]) => [line, (words as string[]).toSorted()])).toEqual(
      offers.map(([line, words]) => [line, words.toSorted()]),
    );
  });

  testHere('a hostile file runs nothing, and only valid names are offered', async () => {
    write('config/service_tokens', tokens(...hostile, 'elastic/kibana/good-1'));
    write('$(touch pwned)', tokens('elastic/kibana/good-2'));
    write('malformed', `elastic/kibana/a\r$(touch pwned)\r${tokens('elastic/kibana/good-3')}`);
    const good = ['elastic/kibana/good-0', 'elastic/kibana/good-1'];
    const lines: readonly (readonly [line: string, words: readonly string[]])[] = [
      ['delete elastic/kibana/', good],
      ['delete elastic/kibana ', ['good-0', 'good-1']],
      ['rotate elastic/kibana/g', good],
      ['delete elastic/nobody/', []],
      ['delete \\$', []],
      ['delete \\`', []],
      ['delete --file malformed elastic/kibana ', []],
      ["delete --file '$(touch pwned)' elastic/kibana ", ['good-2']],
      ['delete --file \\$\\(touch\\ pwned\\) elastic/kibana ', ['good-2']],
    ];
    expect(await offeredFor(lines.map(([line]) => line))).toEqual(lines);
    // The typed text is not run either, whatever is offered after it.
    await ask(['delete $(touch pwned) ', 'delete --file $(touch pwned) elastic/kibana '], directory.path);
    expect(existsSync(`${directory.path}/pwned`)).toBe(false);
  });

  if (shell === 'bash') return; // it hides such a variable from the function
  testHere('a variable that is set for one command is obeyed', async () => {
    const set = ['ES_PATH_CONF=other', 'A=b ES_PATH_CONF=~/other C='];
    const lines = set.map((words) => `${words} delete elastic/kibana `);
    expect(await ask(lines, directory.path)).toEqual([['there'], ['there']]);
  });
});

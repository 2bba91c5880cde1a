import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { commands, optionsOf } from '../../src/cli/commands/table.js';
import { main } from '../../src/cli/main.js';
import { memoryIo } from '../support/memory-io.js';
import { testWith } from '../support/needs.js';
import { type Ask, askBashFunction, askFish, typeToBash, typeToZsh } from '../support/shells.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { testThoroughly } from '../support/thoroughness.js';

jest.setTimeout(120_000); // a shell starts the tool at each TAB, which is slow on a busy machine

const directory = temporaryDirectory();
const { write } = directory;

/** Lines of a tokens file. */
const tokens = (...keys: string[]) => keys.map((key) => `${key}:{SHA}x\n`).join('');

/** @returns what `complete` answers to its arguments, line by line */
async function complete(...args: string[]): Promise<string[]> {
  const env = { ES_PATH_CONF: 'config', HOME: directory.path };
  const { io, written } = memoryIo({ cwd: directory.path, env });
  await main(['complete', ...args], io);
  return written.stdout.split('\n').slice(0, -1);
}

beforeEach(() => {
  write(
    'config/service_tokens',
    tokens('elastic/kibana/kb1', 'elastic/kibana/kb2', 'elastic/fleet-server/one'),
  );
  write('mytokens', tokens('elastic/kibana/mine'));
  write('a dir/tokens', tokens('elastic/kibana/blank'));
  write('other/service_tokens', tokens('elastic/kibana/there'));
});

/** What every shell offers for the last word of a line after the tool's name. */
const offers: readonly (readonly [why: string, line: string, words: readonly string[]])[] = [
  ['a command', 'cre', ['create']],
  ['every command', '', [...Object.keys(commands), 'help']],
  ['a command after an option', '-s dele', ['delete']],
  ['a command after the value of an option that looks like a command', '--config-dir create lis', ['list']],
  ['a command after the end of the options', '-- lis', ['list']],
  ['an option before the command', '--config', ['--config-dir']],
  ['an option of the command', 'create --if', ['--if-not-exists']],
  ['no option of another command', 'list --if', []],
  ['no option after the end of the options', 'create -- --if', []],
  ['a value', 'create --output k', ['k8s-secret']],
  ['a value after an equals sign', 'create --output=k', ['k8s-secret']],
  ['a value of a short option', 'create -o k', ['k8s-secret']],
  ['the values of another command', 'ensure -o ', ['env', 'token']],
  ['the values of a third command', 'export -o ec', ['eck-secret']],
  ['nothing for a free value', 'create --env-name ', []],
  ['a user', 'delete --server-user roo', ['root']],
  ['a file', 'list --file my', ['mytokens']],
  ['a directory', 'list --config-dir con', ['config']],
  ['a principal', 'create elastic/kib', ['elastic/kibana']],
  ['a principal after options', 'create -o token --dry-run elastic/kib', ['elastic/kibana']],
  ['no name for a token that does not exist', 'create elastic/kibana ', []],
  ['a command to help with', 'help rot', ['rotate']],
  ['a shell', 'completion ', ['bash', 'fish', 'zsh']],
  ['qualified names', 'delete elastic/kibana/', ['elastic/kibana/kb1', 'elastic/kibana/kb2']],
  ['principals and qualified names', 'rotate elastic/f', FLEET()],
  ['names', 'rotate elastic/kibana ', ['kb1', 'kb2']],
  ['more qualified names', 'delete elastic/kibana/kb1 elastic/kibana/', ['elastic/kibana/kb2']],
  ['nothing after a name', 'rotate elastic/kibana/kb1 ', []],
  ['names of the file of --file', 'delete --file mytokens elastic/kibana ', ['mine']],
  ['and of a file with a space in its path', "delete --file 'a dir/tokens' elastic/kibana ", ['blank']],
  ['and after an equals sign', 'delete --file=a\\ dir/tokens elastic/kibana ', ['blank']],
  ['and of a file in the home directory', 'delete --file ~/mytokens elastic/kibana ', ['mine']],
  ['and before the command', '--file mytokens delete elastic/kibana ', ['mine']],
  ['names of the directory of --config-dir', 'delete --config-dir other elastic/kibana ', ['there']],
  ['principals if there is no file', 'delete --file no/where elastic/kib', ['elastic/kibana']],
];

function FLEET(): string[] {
  return ['elastic/fleet-server', 'elastic/fleet-server-remote', 'elastic/fleet-server/one'];
}

/** What another user can write into a file that root completes from. */
const hostile = [
  'elastic/kibana/$(touch pwned)',
  'elastic/kibana/`touch pwned`',
  'elastic/kibana/<(touch pwned)',
  'elastic/kibana/$((x[$(touch pwned)]))',
  'elastic/kibana/a;touch pwned;',
  'elastic/kibana/a\u2028touch pwned',
  'elastic/kibana/a\0touch pwned',
  'elastic/kibana/good-0:{SHA}x\relastic/kibana/a;touch pwned', // two lines for the server
  'elastic/kibana/a\ttouch pwned',
  'elastic/kibana/\u001b[31m',
  "elastic/kibana/'; touch pwned; '",
  'elastic/kibana/"',
  'elastic/kibana/*',
  'elastic/kibana/{a,b}',
  'elastic/kibana/(e:touch pwned:)',
  'elastic/kibana/~root',
  'elastic/kibana/$HOME',
  'elastic/kibana/a b',
  'elastic/kibana/_under',
  'elastic/nobody/good',
  '$(touch pwned)',
  '`touch pwned`',
  'good',
];

const shells: readonly (readonly [name: string, ask: Ask, where: ReturnType<typeof testWith>])[] = [
  ['bash, by the function of its script', askBashFunction, testWith('bash')],
  ['bash, on a terminal', typeToBash, testWith('script', testWith('bash'))],
  ['zsh, on a terminal', typeToZsh, testWith('zsh', testWith('script', testThoroughly))],
  ['fish, by complete -C', askFish, testWith('fish', testThoroughly)],
];

const PATHS: Readonly<Record<string, string>> = { 'a file': ':files', 'a directory': ':directories' };

test('complete answers what every shell offers, and leaves paths to the shell', async () => {
  const asked = offers.map(async ([why, line, words]) => {
    const lines = await complete('--line', `tool ${line}`);
    return [
      why,
      line,
      why in PATHS ? (lines[0] === PATHS[why] ? words : lines) : lines.map(plain).toSorted(),
    ];
  });
  expect(await Promise.all(asked)).toEqual(offers.map(([why, line, words]) => [why, line, words.toSorted()]));
});

test.each(Object.entries(commands))(
  'every option of %s is offered, with its description',
  async (name, entry) => {
    const flags = optionsOf(entry).flatMap(([text, description]) =>
      (text.match(/(?<!\S)--?[\w-]+/g) ?? []).map((flag) => `${flag}\t${description}`),
    );
    expect(await complete('--', name, '-')).toEqual(flags);
  },
);

test('a line is split as a shell does, and nothing in it is expanded', async () => {
  for (const path of ["'a dir/tokens'", '"a dir/tokens"', 'a\\ dir/tokens', '~/"a dir"/tokens']) {
    expect(await complete('--line', `tool delete --file ${path} elastic/kibana \\b`)).toEqual(['blank']);
  }
  expect(await complete('--line', 'tool delete --file $HOME/mytokens elastic/kibana ')).toEqual([]);
});

test('names are not offered if there are too many, because a part of them would mislead', async () => {
  write(
    'config/service_tokens',
    tokens(...Array.from({ length: 1_001 }, (_, index) => `elastic/kibana/kb${index}`)),
  );
  expect(await complete('--', 'delete', 'elastic/kibana/kb')).toEqual([]);
  expect(await complete('--', 'delete', 'elastic/kibana/kb99')).toHaveLength(11);
});

test('only valid names of a hostile file are offered', async () => {
  write('config/service_tokens', tokens(...hostile, 'elastic/kibana/good-1'));
  const good = ['elastic/kibana/good-0', 'elastic/kibana/good-1'];
  expect(await complete('--', 'delete', 'elastic/kibana/')).toEqual(good);
  expect((await complete('--', 'delete', '')).filter((word) => !word.startsWith('elastic/'))).toEqual([]);
});

test.each(['bash', 'zsh', 'fish'])(
  'the script for %s expands nothing, and hides the command that it runs',
  async (shell) => {
    const { io, written } = memoryIo({});
    expect(await main(['completion', shell], io)).toBe(0);
    expect(written.stdout).not.toMatch(/\beval\b|compgen|_call_program|_describe|\$\{\(e/);
    expect(written.stdout.match(/elasticsearch-service-tokens complete .*2>\/dev\/null/g)).toHaveLength(1);
  },
);

describe.each(shells)('In %s', (_, ask, testHere) => {
  testHere('everything is completed', async () => {
    // Readline completes paths by itself, so the function offers none.
    const asked = offers.filter(([why]) => ask !== askBashFunction || !(why in PATHS));
    const answers = await ask(
      asked.map(([, line]) => line),
      directory.path,
    );
    const offered = asked.map(([why, line], index) => [why, line, answers[index]?.map(plain).toSorted()]);
    expect(offered).toEqual(asked.map(([why, line, words]) => [why, line, words.toSorted()]));
  });

  testHere('a hostile file runs nothing, and only valid names are offered', async () => {
    write('config/service_tokens', tokens(...hostile, 'elastic/kibana/good-1'));
    write('$(touch pwned)', tokens('elastic/kibana/good-2'));
    write('malformed', `elastic/kibana/a\r$(touch pwned)\r${tokens('elastic/kibana/good-3')}`);
    const lines = [
      ['delete elastic/kibana/', ['elastic/kibana/good-0', 'elastic/kibana/good-1']],
      ['delete elastic/kibana ', ['good-0', 'good-1']],
      ['rotate elastic/kibana/g', ['elastic/kibana/good-0', 'elastic/kibana/good-1']],
      ['delete elastic/nobody/', []],
      ['delete \\$', []],
      ['delete \\`', []],
      ['delete --file malformed elastic/kibana ', []],
      ["delete --file '$(touch pwned)' elastic/kibana ", ['good-2']],
      ['delete --file \\$\\(touch\\ pwned\\) elastic/kibana ', ['good-2']],
    ] as const;
    const answers = await ask(
      lines.map(([line]) => line),
      directory.path,
    );
    // The typed text is not run either, whatever is offered after it.
    await ask(['delete $(touch pwned) ', 'delete --file $(touch pwned) elastic/kibana '], directory.path);
    expect(answers.map((words, index) => [lines[index]?.[0], words])).toEqual(lines);
    expect(existsSync(`${directory.path}/pwned`)).toBe(false);
  });
});

describe('A variable that is set for one command', () => {
  const lines = [
    'ES_PATH_CONF=other delete elastic/kibana ',
    'A=b ES_PATH_CONF=~/other C= delete elastic/kibana ',
  ];
  const isObeyed = async (ask: Ask) => {
    expect(await ask(lines, directory.path)).toEqual([['there'], ['there']]);
  };

  testWith('zsh', testWith('script', testThoroughly))('is used by zsh', () => isObeyed(typeToZsh));
  testWith('fish', testThoroughly)('is used by fish', () => isObeyed(askFish));
});

/** Removes a description, the option before a value, and a final `=` or `/`, which zsh and fish add. */
function plain(word: string): string {
  return word.replace(/\t.*|^--output=(?=.)|[=/]$/g, '');
}

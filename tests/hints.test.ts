/** Every hint with a command or an option, followed to its end: as real users, on real files. */
import { chmodSync, lchownSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { BIN, run } from './support/commands.js';
import { publicTokens } from './support/fixtures.js';
import { IDS, lay } from './support/layout.js';
import { runHere } from './support/memory-io.js';
import { testAsRoot } from './support/needs.js';
import { temporaryDirectory } from './support/temporary-directory.js';
import { sampleOf } from './support/thoroughness.js';

const ENTRY = `elastic/kibana/old:${publicTokens.tokens[0]?.stored}\n`;
const TOOL = 'elasticsearch-service-tokens';

const directory = temporaryDirectory();
let conf = '';
beforeEach(() => {
  chmodSync(directory.path, 0o755);
  conf = directory.mkdir('a config'); // a shell needs quotes for it
});

type User = keyof typeof IDS;

/** Runs a shell command on a system whose users are root, elasticsearch and alice. */
function shell(command: string, user: User) {
  const { server, servers, alice } = IDS;
  const passwd = `root:x:0:0::/:\nelasticsearch:x:${server}:${servers}::/:\nalice:x:${alice}:${alice}::/:\n`;
  const accounts = [
    directory.write('passwd', passwd),
    directory.write('group', `root:x:0:\nelasticsearch:x:${servers}:\nalice:x:${alice}:\n`),
  ];
  const gid = user === 'server' ? servers : IDS[user];
  const as = user === 'root' ? '' : `setpriv --reuid=${IDS[user]} --regid=${gid} --clear-groups`;
  const script = `mount --bind "$1" /etc/passwd; mount --bind "$2" /etc/group; exec ${as} sh -c "$3"`;
  const env = { PATH: `${dirname(BIN)}:${process.env['PATH']}` };
  return run('unshare', ['-m', 'sh', '-c', script, 'sh', ...accounts, command], { cwd: '/', env });
}

/** What was done, and the next command line and its user. */
interface Step {
  readonly taken: string;
  readonly line: string;
  readonly user: User;
}

/**
 * Takes the step that a hint advises: runs its command, or changes the command line.
 *
 * @returns undefined if there is no advice
 */
async function follow(said: string, line: string, user: User): Promise<Step | undefined> {
  const command = new RegExp(`: ((?:sudo )?(?:chown|chgrp|chmod|${TOOL}) .*)$`, 'm').exec(said)?.[1];
  if (command !== undefined) {
    for (const part of command.replace(/, with the same .*/, ` --config-dir '${conf}'`).split(' && ')) {
      const isRoots = part.startsWith('sudo ') || /as root: /.test(said);
      await shell(part.replace(/^sudo /, ''), isRoots ? 'root' : user);
    }
    const taken = command.replaceAll(`'${conf}/service_tokens'`, 'FILE').replaceAll(`'${conf}'`, 'DIR');
    return { taken: taken.replace(`${TOOL} `, ''), line, user };
  }
  const inspected = /could not read \[(.*?)\].*\nInspect .* with chown\.$/m.exec(said)?.[1];
  if (inspected !== undefined) {
    await shell(`chown elasticsearch '${inspected}'`, 'root');
    return { taken: `chown ${basename(inspected)}`, line, user };
  }
  if (/^Run the command as root/m.test(said)) return { taken: 'as root', line, user: 'root' };
  const [, option, value = ''] = /\b(?:[Uu]se|act as with) (--[\w-]+(?: --[\w-]+)?)( \w+)?/.exec(said) ?? [];
  if (option === undefined) return undefined;
  const taken = `${option}${option === '--server-user' ? value.replace('USER', 'elasticsearch') : ''}`;
  const isInstead = option === '--server-user' || said.includes(`${option} instead`);
  return { taken, line: `${isInstead ? line.replace(/ --server-user \w+/, '') : line} ${taken}`, user };
}

/** Runs a command, and does what its hints say, until it succeeds and advises nothing. @returns the steps */
async function walk(command: string, asker: User): Promise<string> {
  const steps: string[] = [];
  let [line, user] = [command, asker];
  for (;;) {
    const { status, stdout, stderr } = await shell(`${TOOL} ${line} --config-dir '${conf}'`, user);
    const step = await follow(stderr + stdout, line, user);
    if (step === undefined && status !== 0) throw new Error(`no step in: ${stderr}${stdout}`);
    if (step === undefined) return steps.join(', ');
    if (steps.includes(step.taken)) throw new Error(`again: ${stderr}${stdout}`);
    steps.push(step.taken);
    ({ line, user } = status === 0 ? { line: 'check', user } : step);
  }
}

/** What is wrong; below it the layout, who asks for what, and the steps. In the end the server reads the file. */
const WALKS = `
root’s file in the server’s directory
  . server:servers 755; service_tokens root:root 600 | server list | sudo check --fix --config-dir DIR
the same, asked by root
  . server:servers 755; service_tokens root:root 600 | root create elastic/kibana a | check --fix, with the same --config-dir
the same, found by check
  . server:servers 755; service_tokens root:root 600 | root check | --fix
root’s file in root’s directory
  . root:servers 2750; elasticsearch.yml root:servers 660; service_tokens root:root 600 | server check | sudo check --fix --config-dir DIR
the same, asked by root
  . root:servers 2750; elasticsearch.yml root:servers 660; service_tokens root:root 600 | root check | chgrp elasticsearch FILE && chmod 0660 FILE && touch FILE
a file of the right group that it cannot read
  . root:servers 2750; service_tokens root:servers 600 | root check | chown elasticsearch:elasticsearch FILE && chmod 0640 FILE && touch FILE
a file that others can read, and may need to
  . root:root 755; service_tokens root:root 644 | root check --server-user elasticsearch | chown elasticsearch:elasticsearch FILE && chmod 0640 FILE && touch FILE
a directory whose owner no longer exists
  elasticsearch.yml stranger:stranger 660; . stranger:stranger 755 | root create elastic/kibana old | chown elasticsearch DIR, --fix --trust-directory
the same, found by check
  elasticsearch.yml stranger:stranger 660; service_tokens stranger:stranger 600; . stranger:stranger 755 | root check | chown elasticsearch DIR, --fix --trust-directory
the same, after the directory alone was given to the server
  elasticsearch.yml stranger:stranger 660; service_tokens stranger:stranger 600; . server:servers 755 | root create elastic/kibana a | chown elasticsearch.yml, check --fix --trust-directory, with the same --config-dir
the same, asked to delete
  elasticsearch.yml server:servers 660; service_tokens stranger:stranger 600; . server:servers 755 | root delete elastic/kibana b --ignore-not-found | check --fix --trust-directory, with the same --config-dir
the same, found by check
  elasticsearch.yml server:servers 660; service_tokens stranger:stranger 600; . server:servers 755 | root check | --fix --trust-directory
the same, asked by the server
  elasticsearch.yml server:servers 660; service_tokens alice:alice 600; . server:servers 755 | server list | sudo check --fix --trust-directory --config-dir DIR
a directory of a user who does not run the server
  elasticsearch.yml server:servers 660; service_tokens alice:alice 600; . alice:alice 755 | root check | chown elasticsearch DIR, --fix --trust-directory
a file of an ordinary user, in a directory of that user
  . alice:alice 755; service_tokens alice:alice 600 | alice check | sudo chgrp elasticsearch FILE && chmod 0640 FILE && touch FILE
the same, created
  . alice:alice 755 | alice create elastic/kibana old | sudo chgrp elasticsearch FILE && chmod 0640 FILE && touch FILE
the same, repaired by that user
  . alice:alice 755; service_tokens alice:alice 600 | alice check --fix | sudo chgrp elasticsearch FILE && chmod 0640 FILE && touch FILE
a file of the server that others can read, in a directory that the server may not change
  . root:servers 2750; service_tokens server:servers 644 | server check --fix | chmod 0640 FILE && touch FILE
a file of root that others can read, in such a directory
  . root:servers 2750; service_tokens root:servers 644 | server check --fix | sudo check --fix --config-dir DIR
a directory that the server cannot list
  . root:root 700; service_tokens server:servers 600 | root check | chgrp elasticsearch DIR && chmod g+rx DIR
the same, of an ordinary user
  . alice:alice 700; service_tokens alice:servers 640 | alice check | sudo chgrp elasticsearch DIR && chmod g+rx DIR
a directory of the server without a permission
  . server:servers 355; service_tokens server:servers 600 | root check --server-user elasticsearch | chmod u+rx DIR
a --server-user who may not write
  . server:servers 755; service_tokens server:servers 600 | root create elastic/kibana a --server-user alice | --server-user elasticsearch
root’s file in root’s directory, to which the group of --server-user may write
  . root:root 775; service_tokens root:root 600 | root create elastic/kibana a --server-user elasticsearch | check --fix --server-user elasticsearch, with the same --config-dir
one who may not write in root’s directory below that of a third user
  .. alice:alice 755; . root:root 755; service_tokens server:servers 600 | root create elastic/kibana a --server-user elasticsearch | --trust-directory
a directory that everybody can change
  . root:root 777; service_tokens server:servers 600 | root create elastic/kibana a | --server-user elasticsearch
a command of somebody else
  . server:servers 755; service_tokens server:servers 600 | alice create elastic/kibana a | as root
`;

describe('A hint leads to a tokens file that the server reads:', () => {
  for (const [, title, facts = ''] of sampleOf([...WALKS.matchAll(/^(\w.*)\n {2}(.*)$/gm)], 9)) {
    const [layout = '', asked = '', steps = ''] = facts.split(' | ');
    testAsRoot(`${title} (${asked})`, async () => {
      if (layout.includes('service_tokens')) writeFileSync(join(conf, 'service_tokens'), ENTRY);
      lay(conf, layout);
      const [asker = '', ...words] = asked.split(' ');
      expect(await walk(words.join(' '), asker as User)).toBe(steps);
      const { stdout } = await shell(`${TOOL} list --config-dir '${conf}'`, 'server');
      expect(stdout).toContain('elastic/kibana/old\n');
    });
  }
});

testAsRoot('The hints of an untrusted symlink lead to its target', async () => {
  const target = directory.write('target', ENTRY);
  lay(directory.path, 'target server:servers 600');
  lay(conf, '. server:servers 777');
  symlinkSync(target, join(conf, 'service_tokens'));
  lchownSync(join(conf, 'service_tokens'), IDS.stranger, IDS.stranger);
  const list = (file: string) => shell(`${TOOL} list --file '${file}'`, 'server');
  const { status, stderr } = await list(join(conf, 'service_tokens'));
  expect({ status, stderr }).toEqual({
    status: 77,
    stderr: expect.stringMatching(/\nName the target instead, or create the symlink as root or as the owner/),
  });
  expect(await list(target)).toMatchObject({ status: 0, stderr: '' });
  await shell(`ln -sf '${target}' '${conf}/service_tokens'`, 'root');
  expect(await list(join(conf, 'service_tokens'))).toMatchObject({ status: 0, stderr: '' });
});

/** A command, the hint that it gives, and the command line that follows it; `->` gives another status than 0. */
const SUCCESSES = String.raw`
  creat elastic/kibana a | ^Did you mean (.*)\?$ | $1 elastic/kibana a
  create kibana | ^Did you mean (.*)\?$ | create $1
  create elastic/kibana/ | ^Did you mean (.*)\?$ | create $1
  create elastic/kibna/x | ^Did you mean (.*)\?$ | create $1
  create kibana a | ^Did you mean (.*)\?$ | create $1 a
  create my-token elastic/kibana | ^Did you mean (.*)\?$ | create $1
  list kibana | ^Did you mean (.*)\?$ | list $1
  list --jsn | ^Did you mean (.*)\?$ | list $1
  create elastic/kibana a -E xpack.security.authc.service_token_hashing.algoritm=bcrypt4 | ^Did you mean (.*)\?$ | create elastic/kibana a -E $1=bcrypt4
  create elastic/kibana a --es-version nine | as in (.*)\.$ | create elastic/kibana a $1
  create elastic/kibana/old -s --if-not-exists | ^To have .*: TOOL (.*)PATH | $1t
  create elastic/kibana/b --token-file taken | ^Use (--force)\b | create elastic/kibana/b --token-file taken $1
  ensure elastic/kibana/b --token-file taken | or (--force) to | ensure elastic/kibana/b --token-file taken $1
  ensure elastic/kibana/b --token-file vars | use (--output env) if | ensure elastic/kibana/b --token-file vars $1
  ensure elastic/kibana/b --token-file vars --output env --env-name PORT | ^Set another variable with (--env-name) | ensure elastic/kibana/b --token-file vars --output env $1 TOKEN
  ensure elastic/kibana/b --token-file vars --output env --env-name PORT | use (--force) to | ensure elastic/kibana/b --token-file vars --output env --env-name PORT $1
  create elastic/kibana/a --file broken/service_tokens | ^To do without the file, name the algorithm: (.*)$ | create elastic/kibana/a --file broken/service_tokens $1
  rotate elastic/kibana/new | with the command (\w+)\.$ | $1 elastic/kibana/new
  rotate elastic/kibana/twice --file series | predecessors: TOOL (.*?); | $1
  rotate elastic/kibana/twice --file series | rotation: TOOL (.*)$ | $1
  check --expect-tokens 7 | ^  List the tokens: TOOL (.*)$ | $1
  check --file unknown | accounts: TOOL (.*)$ | $1
  verify AAEAA | with (--token-file)\.$ | verify $1 token --file own
  import --entries unknown | ^Find it with the command (check), with (?=--file) | $1 --file unknown -> 1
  verify --token-file token --file broken/tokens | run the command (check) with the same options | $1 --file broken/tokens -> 1
`;

describe('A hint names what succeeds:', () => {
  const here = (line: string) => {
    const words = line.match(/'[^']*'|\S+/g)?.map((word) => word.replaceAll("'", '')) ?? [];
    return runHere(words, { cwd: directory.path, env: { ES_PATH_CONF: conf } });
  };
  const rows = SUCCESSES.trim()
    .split('\n')
    .map((row) => row.trim().split(' | '));
  test.each(rows)('%s', async (line = '', hint = '', next = '') => {
    const entry = `elastic/kibana/old:{SHA}gXODQUdXbcUYsUww3rIJNH98bD0=\n`;
    const files = {
      'a config/service_tokens': entry,
      'a config/elasticsearch.yml': 'xpack.security.authc.service_token_hashing.algorithm: bcrypt4\n',
      taken: 'x\n',
      vars: 'PORT=1\n',
      'broken/elasticsearch.yml': 'xpack.security.authc.service_token_hashing: [\n',
      'broken/tokens': 'no colon\n',
      series: entry.replace('old', 'twice') + entry.replace('old', 'twice_r2'),
      unknown: entry.replace('elastic/kibana', 'elastic/other'),
      token: publicTokens.bearers[0]?.bearer ?? '',
    };
    for (const [name, content] of Object.entries(files)) directory.write(name, content);
    directory.write('own', (await here('hash --token-file token')).stdout);
    const first = await here(line);
    expect(first.status).not.toBe(0);
    const found = new RegExp(hint.replace('TOOL', TOOL), 'm').exec(first.stderr + first.stdout);
    if (found === null) throw new Error(`no hint in: ${first.stderr}${first.stdout}`);
    const [then = '', status = '0'] = next.replace('$1', () => found[1] ?? '').split(' -> ');
    const followed = await here(then);
    expect({ then, ...followed }).toMatchObject({ then, status: Number(status) });
  });
});

/** What the fuzz plays: files, and command lines from the table of commands, all made from one seed. */
import { commands } from '../../src/cli/commands/table.js';
import { ServiceToken } from '../../src/token/token.js';
import { Random } from '../support/random.js';

/** One run of the command. */
export interface Step {
  readonly argv: readonly string[];
  readonly stdin: string;
  /** A redirection of sh. */
  readonly redirect: string;
  /** Whether nobody reads standard output. */
  readonly isUnread: boolean;
  /** A signal, and after how many milliseconds it is sent. */
  readonly signal: readonly [name: NodeJS.Signals, after: number] | undefined;
}

export interface Scene {
  /** Whether root plays it as root; otherwise it is an ordinary user. */
  readonly isRoot: boolean;
  /** Texts by path; `-> target` is a symlink, `|` a named pipe, and `/` a directory. */
  readonly files: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const words = (text: string) => text.split(' ');
const bearerOf = (name: string, secret: string) =>
  new ServiceToken('elastic/kibana', name as never, secret).bearer;

/** Tokens that the files and streams of a scene contain, with the hash of the first. */
export const BEARERS = [
  bearerOf('a', 'uKVuqqXpRTiP1rCqDydGVQ'),
  bearerOf('b', 'mZ0mQb3kTfO5cJw2v1xYzA'),
  new ServiceToken('elastic/fleet-server', 'f1' as never, 'Q7pLk2nTRx6sVb9dWc4eHg').bearer,
];
const SHA = '{SHA}VIaFpYwLmlIcqRLkkvYc+DBTe4o=';
const LINES = [
  ...[`elastic/kibana/a:${SHA}`, `elastic/kibana/b:${SHA}`, `elastic/fleet-server/f1:${SHA}`, '# comment'],
  ...['', ' ', `elastic/kibana/a_r2:${SHA}`, `elastic/gone/x:${SHA}`, `elastic/kibana/a:{PBKDF2}1000$x$y`],
  ...words('elastic a:b:c : x:'),
  ...[`\ufeffelastic/kibana/b:${SHA}`, 'elastic/kibana/\u0000:x', '\u001b[31m:x'],
];
const ALGORITHM = 'xpack.security.authc.service_token_hashing.algorithm';
const SETTINGS = [
  ...[`${ALGORITHM}: pbkdf2_1000`, `${ALGORITHM}: bcrypt4`, `${ALGORITHM}: \${A}`, `${ALGORITHM}: nonsense`],
  ...['xpack.security.fips_mode.enabled: true', 'node.name: x', 'a: [', '{', '\t', `${ALGORITHM}: [a, b]`],
  ...['# hashing', 'hashing: &a [*a, *a]', `xpack.security.authc:\n  service_token_hashing: {algorithm: 5}`],
];
const NAMES = ['a', 'b', 'f1', 'a_r2', '-x', '_x', '', 'a b', 'é', 'n'.repeat(256), 'n'.repeat(257)];
const PATHS = [
  ...words('conf/service_tokens conf/service_tokens service_tokens token token new conf/new link'),
  ...words('loop pipe conf missing/x - /dev/stdin /dev/null /dev/stdout /dev/zero'),
  ...['', '.', 'conf/elasticsearch.yml', 'conf/service_tokens/x', `${'d'.repeat(300)}`],
  ...['conf/../x', 'a\nb', BEARERS[1] ?? ''], // within the scene, where the tokens are looked for
];
const FORMS = ['line', 'lines', 'token', 'env', 'json', 'k8s-secret', 'eck-secret', 'nonsense'];
const PRINCIPALS = [
  ...['elastic/kibana', 'elastic/fleet-server', 'elastic/nope', 'elastic', '', 'a/b/c'],
  ...['elastic/kibana/a', 'elastic/kibana/b', BEARERS[0] ?? ''],
];

/** Values by what the table calls them, likely ones first. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '<PATH>': PATHS,
  '<DIR>': ['conf', 'conf', '.', 'missing', 'service_tokens', ''],
  '<file>': PATHS,
  '<FORM>': FORMS,
  '<NAME>': ['A', 'A_B', 'name', '1A', '', 'x'.repeat(300), BEARERS[2] ?? ''],
  '<KEY=VALUE>': [
    ...words('pbkdf2_1000 bcrypt4 x').map((value) => `${ALGORITHM}=${value}`),
    ...words('a = a=b a='),
  ],
  '<USER>': ['0', '1000:0', '60001', 'root', 'nobody', 'nonsense', '-1', '4294967296', ''],
  '<X.Y>': ['8.19', '7.17', '9.1', '6.0', 'x', ''],
  '<DIGEST>': ['sha256:0', 'x', ''],
  '<NUMBER>': ['0', '1', '-1', 'x', '1e3'],
  '<principal>': PRINCIPALS,
  '<name>': NAMES,
  '<shell>': ['bash', 'zsh', 'fish', 'sh'],
};
const NOISE = words('--nonsense -- - -x --json=1 --file -sv --no extra \u001b[31m --help');

/** A command, what follows it, and its options, each with the value that it takes. */
interface Grammar {
  readonly command: string;
  readonly positional: readonly string[];
  readonly options: readonly (readonly [option: string, value: string | undefined])[];
}

/** Options that most command lines have, because little happens without them. */
const USUAL: readonly (readonly [commands: string, option: string, value: string])[] = [
  ['create ensure rotate delete import check', '--server-user', '0'],
  ['create ensure rotate import hash', '-E', `${ALGORITHM}=pbkdf2_1000`],
  ['ensure', '--token-file', 'token'],
];

export const grammars: readonly Grammar[] = Object.entries(commands).map(([command, entry]) => ({
  command,
  positional: entry.usage.match(/<[a-z]+>/g) ?? [],
  options: Object.keys(entry.options).map((flags) => {
    const [, option = '', value] = /(--[\w-]+)(?: (<.+>))?$/.exec(flags) ?? [];
    return [option, value] as const;
  }),
}));

/** Half of the command lines are of these commands. */
const CHANGING = grammars.filter(({ command }) =>
  ['create', 'ensure', 'rotate', 'list', 'delete'].includes(command),
);

function argvOf(random: Random, { command, positional, options }: Grammar): string[] {
  const value = (name: string) => {
    const values = VALUES[name] ?? NAMES;
    return random.pick(random.once(3) ? values : values.slice(0, 2));
  };
  const argv = positional.filter(() => !random.once(20)).map(value);
  for (const [option, name] of options.filter(() => random.once(12))) {
    if (option === '--version' || option === '--help') continue;
    if (name === undefined) argv.push(option);
    else if (random.once(3)) argv.push(`${option}=${value(name)}`);
    else argv.push(option, value(name));
  }
  for (const [commands, option, text] of USUAL)
    if (commands.split(' ').includes(command) && !random.once(5)) argv.push(option, text);
  if (random.once(12)) argv.splice(random.below(argv.length + 1), 0, random.pick(NOISE));
  return random.once(30) ? [...argv, command] : [command, ...argv];
}

export function sceneOf(seed: number): Scene {
  const random = new Random(seed);
  const textOf = (lines: readonly string[], limit: number) =>
    random.some(limit, () => random.pick(lines)).join(random.once(9) ? '\r\n' : '\n') +
    (random.once(3) ? '' : '\n');
  const tokens = () => textOf(random.once(2) ? LINES.slice(0, 7) : LINES, 6);
  const bearers = () => textOf(random.once(4) ? [...BEARERS, 'AAEAA', 'x', ''] : BEARERS, 3);
  const possible = {
    'conf/service_tokens': tokens,
    'conf/elasticsearch.yml': () => textOf(SETTINGS, 2),
    service_tokens: tokens,
    token: bearers,
    link: () => `-> ${random.pick(['conf/service_tokens', 'token', '/etc/passwd', 'missing'])}`,
    loop: () => '-> loop',
    pipe: () => '|',
  };
  const files = Object.entries(possible).filter(() => !random.once(3));
  const step = (): Step => {
    const argv = argvOf(random, random.pick(random.once(2) ? grammars : CHANGING));
    const isEndless = argv.includes('watch');
    return {
      argv,
      stdin: random.once(3) ? tokens() : bearers(),
      redirect: random.once(6)
        ? random.pick(['<&-', '>&-', '>/dev/full', '>/dev/null', '</', '</dev/zero', '1<>/dev/null', '2>&-'])
        : '',
      isUnread: random.once(20),
      signal:
        isEndless || random.once(4)
          ? [random.pick(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL']), random.below(isEndless ? 500 : 350)]
          : undefined,
    };
  };
  return {
    isRoot: random.once(2),
    files: { 'conf/': '/', ...Object.fromEntries(files.map(([path, make]) => [path, make()])) },
    steps: [step(), ...random.some(5, step)],
  };
}

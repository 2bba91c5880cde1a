/** Asks the real shells what they offer when TAB is pressed. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BIN } from './commands.js';

const TOOL = 'elasticsearch-service-tokens';

/** Takes lines after the tool's name, up to the cursor, and returns the words that the shell offers for each. */
export type Ask = (lines: readonly string[], directory: string) => Promise<string[][]>;

/** Inserts the tool's name after variables that are set for the command. */
const commandLine = (line: string) => line.replace(/^(?:[A-Z_]+=\S* )*/, (set) => `${set}${TOOL} `);

/** The environment of the shells: the tool is on the PATH, the tokens file is in `config`, nothing else is set. */
function surroundings(directory: string): { cwd: string; env: NodeJS.ProcessEnv } {
  const bin = join(directory, '.bin');
  mkdirSync(bin, { recursive: true });
  if (!existsSync(join(bin, TOOL))) symlinkSync(BIN, join(bin, TOOL));
  const PATH = [bin, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':');
  const env = { PATH, HOME: directory, ES_PATH_CONF: 'config', TERM: 'xterm', LC_ALL: 'C.UTF-8' };
  return { cwd: directory, env };
}

/** Asks fish for its completions, which `complete -C` prints as TAB would list them. */
export const askFish: Ask = async (lines, directory) => {
  const script = `${TOOL} completion fish | source
while read -l line
  printf '%s\\0' (complete -C $line | string replace -r '\\t.*' '') \\n
end`;
  const input = lines.map((line) => `${commandLine(line)}\n`).join('');
  const options = { ...surroundings(directory), input, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script], options);
  if (status !== 0 || stderr !== '') throw new Error(`fish ended with ${status}: ${stderr}`);
  const answers = stdout.split('\n\0').slice(0, -1);
  return answers.map((words) => words.split('\0').filter((word) => word !== ''));
};

/** Presses keys in an interactive bash; `insert-completions` inserts all offered words into the line. */
export const typeToBash: Ask = (lines, directory) =>
  typeTo('bash --norc --noprofile -i', lines, directory, '\u001b*', [
    `set +o history; source <(${TOOL} completion bash)`,
    `dump() { printf '%s\\0' "$READLINE_LINE" >> dump; READLINE_LINE=; }`,
    `bind -x '"\\C-xd": dump'; bind 'set enable-bracketed-paste off'`,
  ]);

/** Presses keys in an interactive zsh, whose completion is set to insert all offered words into the line. */
export const typeToZsh: Ask = (lines, directory) =>
  typeTo('zsh -f -i', lines, directory, '\t', [
    `autoload -Uz compinit; compinit -u -D; unsetopt beep; source <(${TOOL} completion zsh)`,
    `dump() { printf '%s\\0' $BUFFER >> dump; BUFFER= }`,
    `bindkey '\\t' complete-word; zle -N dump; bindkey '^Xd' dump`,
    'insert-all() { compstate[insert]=all; comppostfuncs=(insert-all) }; comppostfuncs=(insert-all)',
  ]);

async function typeTo(
  shell: string,
  lines: readonly string[],
  directory: string,
  insertAll: string,
  prepare: readonly string[],
): Promise<string[][]> {
  const { cwd, env } = surroundings(directory);
  writeFileSync(join(cwd, '.prepare'), `${prepare.join('\n')}\n`);
  writeFileSync(join(cwd, 'dump'), '');
  // The shell assembles the marker, so that the echo of the typed text is not mistaken for it.
  const terminal = spawn('script', ['-qec', shell, '/dev/null'], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let screen = '';
  const isReady = new Promise<void>((resolve) => {
    terminal.stdout.on('data', (data) => {
      screen += data;
      if (screen.includes('re-ady')) resolve();
    });
  });
  const isOver = new Promise<void>((resolve) => terminal.on('close', () => resolve()));
  terminal.stdin.write("source ./.prepare; printf '%s-%s\\n' re ady\n");
  await Promise.race([isReady, isOver]);
  for (const line of lines) terminal.stdin.write(`${commandLine(line)}${insertAll}\u0018d`);
  terminal.stdin.write('exit\n');
  await isOver;
  const dumps = readFileSync(join(cwd, 'dump'), 'utf8').split('\0').slice(0, -1);
  if (dumps.length !== lines.length) throw new Error(`${shell} gave ${dumps.length} answers: ${screen}`);
  return dumps.map((buffer, index) => {
    const line = commandLine(lines[index] ?? '');
    const start = line.lastIndexOf(' ') + 1;
    return buffer.trimEnd() === line.trimEnd() ? [] : buffer.slice(start).trimEnd().split(' ');
  });
}

import { users } from '../../access/system-accounts.js';
import { knownAccounts } from '../../accounts/known-accounts.js';
import { findVersion } from '../../config/config-dir.js';
import { ServiceTokensError } from '../../errors.js';
import { isTokenName } from '../../token/token-name.js';
import { splitWords } from '../option-words.js';
import { commandParser, topParser } from '../parser.js';
import { splitQualifiedName } from './arguments.js';
import type { Invocation } from './command.js';
import { SHELLS } from './completion.js';
import { readTokens } from './read-tokens.js';
import { type CommandEntry, commands, commonOptions, findCommand, type OptionTable } from './table.js';

export type Context = Pick<Invocation, 'io' | 'terminal' | 'fs'>;

/** Above this number no names are offered: a shell would insert the common prefix of an incomplete list. */
const MOST_NAMES = 1_000;

/** Stands for the text at the cursor; nobody can type it. Where the parser puts it, something is completed. */
const CURSOR = '\0';

/**
 * Answers what can stand at the cursor, for the scripts of `completion`: one word per line, which a tab and a
 * description may follow, or `:files` or `:directories`, which the shell completes itself. A shell processes the answer,
 * and the tokens file may be somebody else's: of its names, only valid ones of known accounts are offered.
 *
 * @param argv `--` and the words after the tool's name, unexpanded, of which the last is the word at the cursor, possibly
 *   empty; or `--line` and the command line up to the cursor, quoted as in a shell
 * @throws OPTION or USAGE for words that cannot be completed; the scripts hide the error
 */
export async function complete([kind, ...given]: readonly string[], context: Context): Promise<undefined> {
  const words = kind === '--line' ? wordsOf(given[0] ?? '').slice(1) : given;
  const current = words.at(-1) ?? '';
  const home = context.io.env['HOME'] ?? '~';
  const typed = words.slice(0, -1).map((word) => word.replace(/^~(?=\/)/, () => home));
  const candidates = await candidatesFor(typed, current, context);
  const fitting = candidates.filter((line) => line.startsWith(':') || line.startsWith(current));
  await context.terminal.answer(fitting.map((line) => `${line}\n`).join(''));
}

/** Splits a line into words and removes their quotes, as a shell does, without expanding anything. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:\\.?|'[^']*'?|"(?:\\.|[^"\\])*"?|[^\s'"\\])+|(?<=\s)$/gs) ?? [];
  const quoted = /\\(.?)|'([^']*)'?|"((?:\\.|[^"\\])*)"?/gs;
  const inner = (_: string, char?: string, single?: string, double = '') =>
    char ?? single ?? double.replace(/\\(["\\$`])/g, '$1');
  return words.map((word) => word.replace(quoted, inner));
}

async function candidatesFor(
  typed: readonly string[],
  current: string,
  context: Context,
): Promise<readonly string[]> {
  const prefix = /^--[\w-]+=/.exec(current)?.[0] ?? '';
  const cursor = `${prefix}${CURSOR}`;
  const isFlag = current.startsWith('-');
  const top = topParser();
  const before = splitWords([...typed, cursor], top.options, true);
  const [name, ...rest] = before.args;
  if (name === undefined) return valuesOf(before.options, { options: commonOptions }, prefix, context);
  if (name === cursor) {
    if (isFlag && !before.haveEnded) return flagsOf(commonOptions);
    const summaries = Object.entries(commands).map(([command, { summary }]) => `${command}\t${summary}`);
    return [...summaries, 'help\tPrint help'];
  }
  if (name === 'help') return rest.length === 1 ? [...Object.keys(commands), 'options'] : [];

  const entry = findCommand(name);
  const parser = commandParser(name, entry);
  const after = splitWords(rest, parser.options);
  if (after.args.at(-1) !== cursor) return valuesOf(after.options, entry, prefix, context);
  if (isFlag && !after.haveEnded) return flagsOf(entry.options);
  const options = { ...top.parse(before.options), ...parser.parse(after.options) };
  const version = findVersion(options.esVersion, context.io, context.fs);
  const invocation = { ...context, args: after.args.slice(0, -1), options, overrides: new Map(), version };
  return argumentsOf(entry, current, invocation, after.haveEnded);
}

/** @returns `-o` and `--output` of `-o, --output <FORM>` */
const namesOf = (flags: string): readonly string[] => flags.match(/(?<=^|, )--?[\w-]+/g) ?? [];

const flagsOf = (options: OptionTable) =>
  Object.entries(options).flatMap(([flags, text]) => namesOf(flags).map((flag) => `${flag}\t${text}`));

/** Lists the values of the last option. @param prefix what precedes the value in the same word: `--output=` */
function valuesOf(
  words: readonly string[],
  { options, outputs = [] }: Pick<CommandEntry, 'options' | 'outputs'>,
  prefix: string,
  { fs }: Context,
): string[] {
  const long = words.at(-1)?.replace(/=.*/s, '') ?? '';
  const flags = Object.keys(options).find((each) => namesOf(each).includes(long)) ?? '';
  if (flags.endsWith('<PATH>')) return [':files'];
  if (flags.endsWith('<DIR>')) return [':directories'];
  if (flags.endsWith('<USER>')) return users(fs).map(({ name }) => `${prefix}${name}`);
  return flags.endsWith('<FORM>') ? outputs.map((output) => `${prefix}${output}`) : [];
}

/** Lists what can follow the arguments. @param haveEnded whether a name may begin with a hyphen */
async function argumentsOf(
  { usage, names }: CommandEntry,
  current: string,
  invocation: Invocation,
  haveEnded: boolean,
): Promise<readonly string[]> {
  const { args, version } = invocation;
  const [, kind] = /<(\w+)>/.exec(usage) ?? [];
  if (kind === 'file') return [':files'];
  const principals: readonly string[] = knownAccounts(version).map(({ principal }) => principal);
  const words = kind === 'principal' ? principals : kind === 'shell' ? SHELLS : [];
  const first = args.length > 0 ? [] : words;
  if (names === undefined) return first;

  const areQualified = args.every((argument) => splitQualifiedName(argument).length === 2);
  const isName = args.length === 1 && !areQualified;
  if (args.length > 0 && !isName && !(areQualified && names === 'tokens')) return [];
  const wordOf = (principal: string, name: string): string | undefined => {
    if (!principals.includes(principal) || !isTokenName(name)) return undefined;
    if (!isName) return args.includes(`${principal}/${name}`) ? undefined : `${principal}/${name}`;
    return principal === args[0] && (haveEnded || !name.startsWith('-')) ? name : undefined;
  };
  return [...first, ...(await wordsInFile(invocation, current, wordOf))];
}

/** @param wordOf the word for a principal and a name that the file may hold @returns those that begin with `current` */
async function wordsInFile(
  invocation: Invocation,
  current: string,
  wordOf: (principal: string, name: string) => string | undefined,
): Promise<readonly string[]> {
  try {
    const { content } = await readTokens(invocation, 'read');
    const found: string[] = [];
    for (const lines of content.names()) {
      for (const key of lines.split('\n')) {
        const [principal = '', name = ''] = splitQualifiedName(key);
        const word = wordOf(principal, name);
        if (word?.startsWith(current)) found.push(word);
        if (found.length > MOST_NAMES) return [];
      }
    }
    return found;
  } catch (error) {
    if (error instanceof ServiceTokensError) return []; // the accounts are offered all the same
    throw error;
  }
}

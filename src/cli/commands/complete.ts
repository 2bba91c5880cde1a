import { knownAccounts } from '../../accounts/known-accounts.js';
import { isTokenName } from '../../token/token-name.js';
import { ServiceTokensFile } from '../../tokens-file/service-tokens-file.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { splitQualifiedName } from './arguments.js';
import type { Invocation } from './command.js';
import { openPlace } from './place.js';

/** Above this number no names are offered: a shell would insert the common prefix of an incomplete list. */
const MOST_NAMES = 1_000;

/** What was typed when TAB was pressed. */
export interface Typing {
  /** The beginning of the word at the cursor. */
  readonly current: string;
  /** Whether the command takes several qualified names. */
  readonly takesSeveral: boolean;
  /** Whether the options have ended, so that a word that begins with a hyphen is an argument. */
  readonly isBehindOptions: boolean;
}

/**
 * Prints the names that can follow the arguments so far, one per line. A key without a known account or a valid name is
 * never printed: a shell processes the output, and the key may be `$(command)`.
 *
 * @throws as a command that reads the file; the shells hide the error
 */
export async function printNames(invocation: Invocation, typing: Typing): Promise<ExitStatus> {
  const { args, version, terminal } = invocation;
  const toWord = wordOf(args, typing);
  if (toWord === undefined) return ExitCode.OK;
  const accounts: readonly string[] = knownAccounts(version).map(({ principal }) => principal);
  const { tokensFile, inTokensDir } = await openPlace(invocation, 'read');
  const words = await inTokensDir(async ({ fs, ...entered }) => {
    const found: string[] = [];
    for (const lines of new ServiceTokensFile(tokensFile, { fs }, entered).listAsText()) {
      for (const key of lines.split('\n').slice(0, -1)) {
        const [principal = '', name = ''] = splitQualifiedName(key);
        if (!accounts.includes(principal) || !isTokenName(name)) continue;
        const word = toWord(principal, name);
        if (word?.startsWith(typing.current)) found.push(word);
        if (found.length > MOST_NAMES) return [];
      }
    }
    return found;
  });
  await terminal.answer(words.map((word) => `${word}\n`).join(''));
  return ExitCode.OK;
}

/** Returns how a token of the file is written after the arguments so far; undefined if no token can follow. */
function wordOf(
  args: readonly string[],
  { takesSeveral, isBehindOptions }: Typing,
): ((principal: string, name: string) => string | undefined) | undefined {
  const areQualified = args.every((argument) => splitQualifiedName(argument).length === 2);
  if (args.length === 0 || (takesSeveral && areQualified)) {
    return (principal, name) => {
      const word = `${principal}/${name}`;
      return args.includes(word) ? undefined : word;
    };
  }
  const [account, ...more] = args;
  if (more.length > 0 || areQualified) return undefined;
  return (principal, name) =>
    principal === account && (isBehindOptions || !name.startsWith('-')) ? name : undefined;
}

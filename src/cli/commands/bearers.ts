import type { Purpose } from '../../access/identity.js';
import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import { whyNotDecoded } from '../../token/token.js';
import { type GivenToken, tokensIn } from '../../token/token-forms.js';
import { explainKind } from '../../token/token-kinds.js';
import type { Terminal } from '../terminal.js';
import type { Invocation } from './command.js';
import { readInputFile, readStandardInput } from './input.js';

/** The limit of the input in bytes: about 100,000 tokens. */
const LIMIT = 16 * 1024 * 1024;

/** The options of commands that read bearers. */
export interface BearerOptions {
  readonly tokenFile?: string | undefined;
}

/** What is given as tokens; each pass over them reads the input anew, and needs no more memory. */
export interface Bearers extends Iterable<GivenToken> {
  readonly areSeveral: boolean;
}

/**
 * Reads tokens in any form from standard input or from `--token-file`, and warns of what is around them.
 *
 * @param purpose whether what is printed or stored derives from the secrets
 * @throws USAGE for an argument, which would be visible in process lists; NOT_A_TOKEN if there is no token; IO or
 *   PERMISSION
 */
export async function readBearers(
  { args, options, io, terminal, fs }: Invocation<BearerOptions>,
  purpose: Purpose,
): Promise<Bearers> {
  if (args.length > 0) {
    throw new ServiceTokensError(
      'USAGE',
      'A token is not accepted as an argument, which would be visible in process lists',
      { hint: 'Write it to standard input, or name a file that holds it with --token-file.' },
    );
  }
  if (options.tokenFile === undefined) await terminal.ask('Enter tokens, one per line, and end with Ctrl-D:');
  const bytes =
    options.tokenFile === undefined
      ? await readStandardInput(io, LIMIT)
      : readInputFile(absolutePath(options.tokenFile, io), fs, LIMIT, purpose);
  const text = bytes.toString('utf8');
  let count = 0;
  const blemished: GivenToken[] = [];
  for (const token of tokensIn(text)) {
    count++;
    if (token.around !== undefined && !blemished.some(({ around }) => around === token.around))
      blemished.push(token);
  }
  if (count === 0) throw new ServiceTokensError('NOT_A_TOKEN', 'There is no token in the input');
  const areSeveral = count > 1;
  for (const { around, line } of blemished) {
    await terminal.warn([
      `${areSeveral ? `line #${line}: ` : ''}There is ${around} around the token`,
      'A consumer that sends the bytes of this text as they are is refused.',
    ]);
  }
  return { areSeveral, [Symbol.iterator]: () => tokensIn(text) };
}

/** The error for a text that the server would not recognize as a service account token. @param where its line */
export function notAToken(bearer: string, where: string, { verbose }: Terminal): ServiceTokensError {
  const [fact, hint] = explainKind(bearer);
  const reason = verbose ? `The server refuses it, because ${whyNotDecoded(bearer)}.` : undefined;
  const hints = [hint, reason].filter((each) => each !== undefined);
  return new ServiceTokensError('NOT_A_TOKEN', `${where}${fact}`, { hint: hints.join(' ') || undefined });
}

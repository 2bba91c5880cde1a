import { unreadableFact } from '../../access/repair-command.js';
import { canRead, findServer } from '../../access/server-access.js';
import {
  authenticate,
  authenticateBody,
  explain,
  refusalMessage,
} from '../../authenticate/authentication.js';
import { ServiceTokensError } from '../../errors.js';
import type { GivenToken } from '../../token/token-forms.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { toJson } from '../terminal.js';
import type { Command, Invocation } from './command.js';
import { GOOD_SECRET, notAToken, readGivenTokens } from './given-tokens.js';
import { type ReadTokens, readTokens } from './read-tokens.js';

export const verify: Command = async (invocation) => {
  const { options, version, terminal } = invocation;
  const tokens = await readGivenTokens(invocation, 'read');
  const names = [...tokens].flatMap(({ token }) => token?.qualifiedName ?? []);
  const stored = await readStored(invocation);
  const hashes = stored.content.hashesOf(names);

  let status: ExitStatus = ExitCode.OK;
  for (const given of tokens) {
    const error = await verifyOne(given);
    if (error !== undefined) status = Math.max(status, await terminal.fail(error)) as ExitStatus;
  }
  await warnIfUnreadable(stored, invocation);
  return status;

  /** Returns the error of what was given; if it is accepted, prints the answer and returns undefined. */
  async function verifyOne(given: GivenToken): Promise<ServiceTokensError | undefined> {
    const { token, line } = given;
    const where = tokens.areSeveral ? `line #${line}: ` : '';
    if (token === undefined) return notAToken(given, where, terminal);
    const refusal = await authenticate(token, hashes, version);
    if (refusal !== undefined) {
      const hints = [
        options.verbose && `Refused, because ${explain(refusal)}.`,
        refusal === 'WRONG_SECRET' &&
          token.secret.length < GOOD_SECRET &&
          `Its secret has only ${token.secret.length} characters: the token may be cut.`,
        `The tokens file is [${stored.tokensFile}]${stored.exists ? '' : ', which does not exist'}.`,
      ];
      const hint = hints.filter(Boolean).join(' ');
      return new ServiceTokensError('NOT_AUTHENTICATED', `${where}${refusalMessage(token)}`, { hint });
    }
    const { principal, name, qualifiedName } = token;
    const answer = options.json ? toJson(authenticateBody(principal, name, version)) : qualifiedName;
    if (!options.silent) await terminal.answer(`${answer}\n`);
    return undefined;
  }
};

/** The path is not repeated: another user may be able to change where it leads. */
const SEE_CHECK = 'To see what is wrong, run the command check with the same options.';

async function readStored(invocation: Invocation): Promise<ReadTokens> {
  try {
    return await readTokens(invocation, 'read');
  } catch (error) {
    if (!(error instanceof ServiceTokensError) || error.code !== 'MALFORMED_FILE') throw error;
    throw new ServiceTokensError(error.code, error.message, { hint: `${error.hint} ${SEE_CHECK}` });
  }
}

/** Warns if the server's user cannot read its file. With --file, the file may be another one than the server's. */
async function warnIfUnreadable(stored: ReadTokens, { options, terminal, fs }: Invocation): Promise<void> {
  const { attributes, configDir, tokensFile } = stored;
  if (options.file !== undefined || attributes === undefined) return;
  const server = stored.server ?? findServer(configDir, undefined, fs);
  if (server === undefined || canRead(server, attributes)) return;
  await terminal.warn([unreadableFact(tokensFile, server, fs), SEE_CHECK]);
}

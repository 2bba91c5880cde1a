import { canRead, findServer, serverName } from '../../access/server-access.js';
import {
  authenticate,
  authenticateBody,
  explain,
  refusalMessage,
} from '../../authenticate/authentication.js';
import { ServiceTokensError } from '../../errors.js';
import { ServiceToken } from '../../token/token.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { toJson } from '../terminal.js';
import type { Command, Invocation } from './command.js';
import { type GivenTokensOptions, GOOD_SECRET, notAToken, readGivenTokens } from './given-tokens.js';
import { readTokens } from './read-tokens.js';

export const verify: Command<GivenTokensOptions & { readonly json?: boolean }> = async (invocation) => {
  const { options, version, terminal } = invocation;
  const tokens = await readGivenTokens(invocation, 'read');
  const names = [...tokens].flatMap(({ bearer }) => ServiceToken.decode(bearer)?.qualifiedName ?? []);
  const file = await readStored(names, invocation);

  /** Returns the error of a bearer; if it is accepted, prints the answer and returns undefined. */
  const verifyOne = async (bearer: string, where: string): Promise<ServiceTokensError | undefined> => {
    const token = ServiceToken.decode(bearer);
    if (token === undefined) return notAToken(bearer, where, terminal);
    const refusal = await authenticate(token, file.entries, version);
    if (refusal !== undefined) {
      const hints = [
        options.verbose ? `Refused, because ${explain(refusal)}.` : '',
        refusal === 'WRONG_SECRET' && token.secret.length < GOOD_SECRET
          ? `Its secret has only ${token.secret.length} characters: the token may be cut.`
          : '',
        `The tokens file is [${file.path}]${file.exists ? '' : ', which does not exist'}.`,
      ];
      const hint = hints.filter((each) => each !== '').join(' ');
      return new ServiceTokensError('NOT_AUTHENTICATED', `${where}${refusalMessage(token)}`, { hint });
    }
    const answer = options.json
      ? toJson(authenticateBody(token.principal, token.name, version))
      : token.qualifiedName;
    if (!options.silent) await terminal.answer(`${answer}\n`);
    return undefined;
  };

  let status: ExitStatus = ExitCode.OK;
  for (const { bearer, line } of tokens) {
    const error = await verifyOne(bearer, tokens.areSeveral ? `line #${line}: ` : '');
    if (error !== undefined) status = Math.max(status, await terminal.fail(error)) as ExitStatus;
  }
  if (file.unreadableBy !== undefined) {
    const { unreadableBy, path } = file;
    await terminal.warn([`Elasticsearch runs as [${unreadableBy}] and cannot read [${path}]`, SEE_CHECK]);
  }
  return status;
};

/** The path is not repeated: another user may be able to change where it leads. */
const SEE_CHECK = 'To see what is wrong, run the command check with the same options.';

interface Stored {
  readonly path: string;
  readonly exists: boolean;
  /** Stored hashes by qualified name. */
  readonly entries: ReadonlyMap<string, string>;
  /** The server's user, if that user cannot read its file. */
  readonly unreadableBy?: string | undefined;
}

/** @throws MALFORMED_FILE if the server could not read the file; IO; PERMISSION */
async function readStored(names: readonly string[], invocation: Invocation): Promise<Stored> {
  const { options, fs } = invocation;
  try {
    const tokens = await readTokens(invocation, 'read');
    const { tokensFile: path, exists, attributes, configDir } = tokens;
    // With --file, the file may be another one than the server's.
    const isServers = options.file === undefined;
    const server = isServers ? (tokens.server ?? findServer(configDir, undefined, fs)) : undefined;
    const isReadable = server === undefined || attributes === undefined || canRead(server, attributes);
    const unreadableBy = isReadable ? undefined : serverName(server, fs);
    return { path, exists, entries: tokens.content.hashesOf(names), unreadableBy };
  } catch (error) {
    if (!(error instanceof ServiceTokensError) || error.code !== 'MALFORMED_FILE') throw error;
    throw new ServiceTokensError(error.code, error.message, { hint: `${error.hint} ${SEE_CHECK}` });
  }
}

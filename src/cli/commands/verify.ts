import {
  authenticate,
  authenticateBody,
  explain,
  refusalMessage,
} from '../../authenticate/authentication.js';
import { ServiceTokensError } from '../../errors.js';
import { ServiceToken } from '../../token/token.js';
import { ServiceTokensFile } from '../../tokens-file/service-tokens-file.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { toJson } from '../terminal.js';
import { type BearerOptions, readBearers } from './bearers.js';
import type { Command } from './command.js';
import { openPlace } from './place.js';

export const verify: Command<BearerOptions & { readonly json?: boolean }> = async (invocation) => {
  const { options, version, terminal } = invocation;
  const bearers = await readBearers(invocation);
  const names = [...bearers].flatMap(({ bearer }) => ServiceToken.decode(bearer)?.qualifiedName ?? []);
  const { tokensFile, inTokensDir } = await openPlace(invocation, 'read');
  const entries = await inTokensDir(async ({ fs, ...entered }) =>
    new ServiceTokensFile(tokensFile, { fs }, entered).hashesOf(names),
  );

  /** Returns the error of a bearer; if it is accepted, prints the answer and returns undefined. */
  const judge = async (bearer: string, where: string): Promise<ServiceTokensError | undefined> => {
    const token = ServiceToken.decode(bearer);
    if (token === undefined) {
      return new ServiceTokensError('NOT_A_TOKEN', `${where}this is not a service account token`);
    }
    const refusal = await authenticate(token, entries, version);
    if (refusal !== undefined) {
      const hint = options.verbose ? `Refused, because ${explain(refusal)}.` : undefined;
      return new ServiceTokensError('NOT_AUTHENTICATED', `${where}${refusalMessage(token)}`, { hint });
    }
    const answer = options.json
      ? toJson(authenticateBody(token.principal, token.name, version))
      : token.qualifiedName;
    if (!options.silent) await terminal.answer(`${answer}\n`);
    return undefined;
  };

  let status: ExitStatus = ExitCode.OK;
  for (const { bearer, line } of bearers) {
    const error = await judge(bearer, bearers.areSeveral ? `line #${line}: ` : '');
    if (error !== undefined) status = Math.max(status, await terminal.fail(error)) as ExitStatus;
  }
  return status;
};

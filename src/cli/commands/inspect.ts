import type { ElasticsearchVersion } from '../../accounts/elasticsearch-version.js';
import { knownAccounts } from '../../accounts/known-accounts.js';
import type { GivenToken } from '../../token/token-forms.js';
import { ExitCode } from '../exit-codes.js';
import { escapeControls, toJson } from '../terminal.js';
import { versionsOf } from './accounts.js';
import type { Command } from './command.js';
import { readGivenTokens } from './given-tokens.js';

export const inspect: Command = async (invocation) => {
  const { options, version, terminal } = invocation;
  const tokens = await readGivenTokens(invocation, 'read');
  if (!options.silent) await terminal.answerAll(descriptions());
  return tokens.areTokens ? ExitCode.OK : ExitCode.DATA;

  function* descriptions(): Generator<string> {
    let separator = '';
    for (const given of tokens) {
      const description = describe(given, version);
      yield options.json ? `${toJson(description)}\n` : `${separator}${forPeople(description)}`;
      separator = '\n';
    }
  }
};

function describe({ token, kind }: GivenToken, version: ElasticsearchVersion | undefined) {
  if (token === undefined) return { type: kind };
  const [namespace, service] = token.principal.split('/');
  const account = knownAccounts(version).find(({ principal }) => principal === token.principal);
  return {
    type: kind,
    namespace,
    service,
    name: token.name,
    secretLength: token.secret.length,
    account: account ? versionsOf(account) : null,
  };
}

/** Formats a line for each field, `secretLength` as `secret length`. */
function forPeople({ account, ...fields }: ReturnType<typeof describe>): string {
  const existence =
    account && `since ${account.since}${account.until ? `, removed in ${account.until}` : ''}`;
  const all = account === undefined ? fields : { ...fields, account: existence ?? 'unknown' };
  return Object.entries(all)
    .map(([field, value]) => {
      const words = field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      return `${words}: ${escapeControls(String(value))}\n`; // a token may come from anywhere
    })
    .join('');
}

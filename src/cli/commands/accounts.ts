import { formatVersion } from '../../accounts/elasticsearch-version.js';
import { type KnownAccount, knownAccounts } from '../../accounts/known-accounts.js';
import { refuseArguments } from './arguments.js';
import type { Command } from './command.js';

export const accounts: Command = async ({ args, options, version, terminal }) => {
  refuseArguments(args);
  const rows = knownAccounts(version).map((account) => {
    return { principal: account.principal, ...versionsOf(account), purpose: account.purpose };
  });
  if (options.json) await terminal.answerJson(rows);
  else {
    const lines = rows.map(({ principal, since, until, purpose }) => {
      const versions = until === undefined ? `${since} and later` : `${since}, removed in ${until}`;
      return `${principal.padEnd(34)}${versions.padEnd(24)}${purpose}\n`;
    });
    await terminal.answer(lines.join(''));
  }
};

export function versionsOf({ since, until }: KnownAccount) {
  return { since: formatVersion(since), ...(until && { until: formatVersion(until) }) };
}

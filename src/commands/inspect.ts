import { formatVersion } from '../elasticsearch-version.js';
import { ExitCode } from '../exit-codes.js';
import { knownAccounts } from '../known-accounts.js';
import { escapeControls } from '../terminal.js';
import { ServiceToken } from '../token.js';
import { kindOf } from '../token-kinds.js';
import { readBearers } from './bearers.js';
import type { Command } from './command.js';

export const inspect: Command = async (invocation) => {
  const { options, version, terminal } = invocation;
  const descriptions = (await readBearers(invocation)).map(({ bearer }) => describe(bearer));
  const answer = options.json
    ? descriptions.map((description) => `${JSON.stringify(description)}\n`).join('')
    : descriptions.map(forPeople).join('\n');
  if (!options.silent) await terminal.answer(answer);
  return descriptions.every(({ type }) => type === 'service account token') ? ExitCode.OK : ExitCode.DATA;

  function describe(bearer: string) {
    const token = ServiceToken.decode(bearer);
    if (token === undefined) return { type: kindOf(bearer) };
    const [namespace, service] = token.principal.split('/');
    const { since, until } =
      knownAccounts(version).find(({ principal }) => principal === token.principal) ?? {};
    return {
      type: 'service account token' as const,
      namespace,
      service,
      name: token.name,
      secretLength: token.secret.length,
      account: since ? { since: formatVersion(since), ...(until && { until: formatVersion(until) }) } : null,
    };
  }
};

type Description = { readonly type: string; readonly account?: { since: string; until?: string } | null };

/** A line for each field, `secretLength` as `secret length`. */
function forPeople({ account, ...fields }: Description): string {
  const existence =
    account &&
    (account.until ? `since ${account.since}, until before ${account.until}` : `since ${account.since}`);
  const all = account === undefined ? fields : { ...fields, account: existence ?? 'unknown' };
  return Object.entries(all)
    .map(([field, value]) => {
      const words = field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      return `${words}: ${escapeControls(String(value))}\n`; // it may be anything that somebody was sent
    })
    .join('');
}

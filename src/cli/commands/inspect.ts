import { formatVersion } from '../../accounts/elasticsearch-version.js';
import { knownAccounts } from '../../accounts/known-accounts.js';
import { ServiceToken } from '../../token/token.js';
import { kindOf } from '../../token/token-kinds.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { escapeControls, toJson } from '../terminal.js';
import { type BearerOptions, readBearers } from './bearers.js';
import type { Command } from './command.js';

/** How many characters are written at a time. */
const BATCH = 64 * 1024;

export const inspect: Command<BearerOptions & { readonly json?: boolean }> = async (invocation) => {
  const { options, version, terminal } = invocation;
  let status: ExitStatus = ExitCode.OK;
  let answer = '';
  let separator = '';
  for (const { bearer } of await readBearers(invocation, 'read')) {
    const description = describe(bearer);
    if (description.type !== 'service account token') status = ExitCode.DATA;
    answer += options.json ? `${toJson(description)}\n` : `${separator}${forPeople(description)}`;
    separator = '\n';
    if (answer.length >= BATCH) await flush();
  }
  await flush();
  return status;

  async function flush(): Promise<void> {
    if (!options.silent) await terminal.answer(answer);
    answer = '';
  }

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

/** Formats a line for each field, `secretLength` as `secret length`. */
function forPeople({ account, ...fields }: Description): string {
  const existence =
    account &&
    (account.until ? `since ${account.since}, removed in ${account.until}` : `since ${account.since}`);
  const all = account === undefined ? fields : { ...fields, account: existence ?? 'unknown' };
  return Object.entries(all)
    .map(([field, value]) => {
      const words = field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      return `${words}: ${escapeControls(String(value))}\n`; // a token may come from anywhere
    })
    .join('');
}

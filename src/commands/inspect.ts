import { ExitCode } from '../exit-codes.js';
import { knownAccounts } from '../known-accounts.js';
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
    const account = knownAccounts(version).find(({ principal }) => principal === token.principal);
    return {
      type: 'service account token' as const,
      namespace,
      service,
      name: token.name,
      secretLength: token.secret.length,
      account: account === undefined ? 'unknown' : `since ${account.since.major}.${account.since.minor}`,
    };
  }
};

/** A line for each field, `secretLength` as `secret length`. */
function forPeople(description: object): string {
  const lines = Object.entries(description).map(
    ([field, value]) => `${field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}: ${value}\n`,
  );
  return lines.join('');
}

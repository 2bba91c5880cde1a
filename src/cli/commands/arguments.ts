import type { ElasticsearchVersion } from '../../accounts/elasticsearch-version.js';
import { closestPrincipal, isAccount, parsePrincipal, principalHint } from '../../accounts/known-accounts.js';
import { isTokenName, parseTokenName, qualifiedName } from '../../token/token-name.js';
import { usageError } from '../options.js';

export type TokenArguments = ReturnType<typeof parseTokenArguments>;

/**
 * Parses the arguments that name a token: a principal and a name, or a qualified name as printed by `list`. As in the
 * original, a wrong number of them is reported first, then an invalid principal, then an invalid name.
 */
export function parseTokenArguments(
  args: readonly string[],
  version: ElasticsearchVersion | undefined,
  allowsRemoved = false,
) {
  const [account, word, ...extra] = args.length === 1 ? splitQualifiedName(args[0] ?? '') : args;
  if (account === undefined) {
    throw usageError('Missing service-account-principal and token-name arguments');
  }
  if (word === undefined) {
    const hint = isAccount(account) ? undefined : singleArgumentHint(account, version);
    throw usageError('Missing token-name argument', hint);
  }
  if (extra.length > 0) {
    throw usageError(
      `Expected two arguments, service-account-principal and token-name, found extra: [${args.join(',')}]`,
    );
  }
  const hint = isAccount(word) && isTokenName(account) ? `Did you mean ${word} ${account}?` : undefined;
  const principal = parsePrincipal(account, version, { allowsRemoved, hint });
  const name = parseTokenName(word);
  return { principal, name, key: qualifiedName(principal, name) };
}

/** Parses the optional argument that names an account, which may have been removed before the version. */
export function parsePrincipalArgument(args: readonly string[], version: ElasticsearchVersion | undefined) {
  const [principal, ...extra] = args;
  if (extra.length > 0) {
    throw usageError(
      `Expected at most one argument, service-account-principal, found extra: [${args.join(',')}]`,
    );
  }
  return principal === undefined ? undefined : parsePrincipal(principal, version, { allowsRemoved: true });
}

/** @throws USAGE for any argument; the message does not repeat it, because it may be a token */
export function refuseArguments(args: readonly string[]): void {
  if (args.length > 0) throw usageError(`Expected no arguments, found ${args.length}`);
}

/** Any other argument is taken as a principal without a token name, as in the original. */
export function splitQualifiedName(argument: string): string[] {
  const [, principal = '', name = ''] = /^([^/]+\/[^/]+)\/(.+)$/s.exec(argument) ?? [];
  return isAccount(principal) ? [principal, name] : [argument];
}

/** Suggests corrections of `/elastic/kibana/my-token`, `kibana/my-token`, `elastic/kibna/my-token` and principals. */
function singleArgumentHint(argument: string, version: ElasticsearchVersion | undefined): string | undefined {
  const parts = argument.split('/').filter((part) => part !== '');
  const account = parts.slice(0, -1).join('/');
  const guess = [2, 3].includes(parts.length) ? closestPrincipal(account, version) : undefined;
  return guess === undefined || guess === parts.join('/')
    ? principalHint(argument, version, ' NAME')
    : `Did you mean ${guess}/${parts.at(-1)}?`;
}

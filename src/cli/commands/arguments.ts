import type { ElasticsearchVersion } from '../../accounts/elasticsearch-version.js';
import {
  closestPrincipal,
  isAccount,
  type Principal,
  parsePrincipal,
  principalHint,
} from '../../accounts/known-accounts.js';
import { ServiceTokensError } from '../../errors.js';
import { isTokenName, parseTokenName, type TokenName } from '../../token/token-name.js';

/** The principal and the name of a token. */
export interface TokenArguments {
  readonly principal: Principal;
  readonly name: TokenName;
}

/**
 * Parses the arguments that name tokens. If there are several and each is the qualified name of a known account of some
 * version with a valid token name, each names a token; otherwise they name one token: see parseTokenArguments.
 *
 * @throws as parseTokenArguments does, save that accounts that were removed before the version are accepted
 */
export function parseTokenListArguments(
  args: readonly string[],
  version: ElasticsearchVersion | undefined,
): TokenArguments[] {
  const names = args.map((argument) => splitQualifiedName(argument));
  const areQualified = args.length > 1 && names.every(([, name]) => name !== undefined && isTokenName(name));
  return areQualified
    ? args.map((argument) => parseTokenArguments([argument], version, true))
    : [parseTokenArguments(args, version, true)];
}

/**
 * Parses the arguments that name a token: a principal and a name, or a qualified name as printed by `list`.
 *
 * @param allowsRemoved whether the account may have been removed before the version
 * @throws USAGE for a wrong number of them, then UNKNOWN_PRINCIPAL, then INVALID_TOKEN_NAME; in the original's words
 */
export function parseTokenArguments(
  args: readonly string[],
  version: ElasticsearchVersion | undefined,
  allowsRemoved = false,
): TokenArguments {
  const [principal, name, ...extra] = args.length === 1 ? splitQualifiedName(args[0] ?? '') : args;
  if (principal === undefined) {
    throw new ServiceTokensError('USAGE', 'Missing service-account-principal and token-name arguments');
  }
  if (name === undefined) {
    const hint = isAccount(principal) ? undefined : singleArgumentHint(principal, version);
    throw new ServiceTokensError('USAGE', 'Missing token-name argument', { hint });
  }
  if (extra.length > 0) {
    throw new ServiceTokensError(
      'USAGE',
      `Expected two arguments, service-account-principal and token-name, found extra: [${args.join(',')}]`,
    );
  }
  const isSwapped = isAccount(name) && isTokenName(principal);
  const hint = isSwapped ? `Did you mean ${name} ${principal}?` : undefined;
  return {
    principal: parsePrincipal(principal, version, { allowsRemoved, hint }),
    name: parseTokenName(name),
  };
}

/**
 * Parses the optional argument that names an account, which may have been removed before the version.
 *
 * @throws USAGE for more than one, then UNKNOWN_PRINCIPAL; in the original's words
 */
export function parsePrincipalArgument(
  args: readonly string[],
  version: ElasticsearchVersion | undefined,
): Principal | undefined {
  const [principal, ...extra] = args;
  if (extra.length > 0) {
    throw new ServiceTokensError(
      'USAGE',
      `Expected at most one argument, service-account-principal, found extra: [${args.join(',')}]`,
    );
  }
  return principal === undefined ? undefined : parsePrincipal(principal, version, { allowsRemoved: true });
}

/** @throws USAGE for any argument; the message does not repeat it, because it may be a token */
export function refuseArguments(args: readonly string[]): void {
  if (args.length > 0) throw new ServiceTokensError('USAGE', `Expected no arguments, found ${args.length}`);
}

/** Any other argument is taken as a principal without a token name, as in the original. */
export function splitQualifiedName(argument: string): string[] {
  const [, principal, name] = /^([^/]+\/[^/]+)\/(.+)$/s.exec(argument) ?? [];
  return principal !== undefined && name !== undefined && isAccount(principal)
    ? [principal, name]
    : [argument];
}

/** Suggests corrections of `/elastic/kibana/my-token`, `kibana/my-token`, `elastic/kibna/my-token` and principals. */
function singleArgumentHint(argument: string, version: ElasticsearchVersion | undefined): string | undefined {
  const parts = argument.split('/').filter((part) => part !== '');
  const name = parts.at(-1);
  const guess =
    parts.length === 2 || parts.length === 3
      ? closestPrincipal(parts.slice(0, -1).join('/'), version)
      : undefined;
  return guess === undefined || guess === parts.join('/')
    ? principalHint(argument, version, ' NAME')
    : `Did you mean ${guess}/${name}?`;
}

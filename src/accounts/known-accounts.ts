import { closest } from '../did-you-mean.js';
import { ServiceTokensError } from '../errors.js';
import { requireString } from '../require.js';
import {
  type ElasticsearchVersion,
  formatVersion,
  isAtLeast,
  requireVersion,
} from './elasticsearch-version.js';

/** The principal of a known service account, `<namespace>/<service>`. */
export type Principal = string & { readonly __brand: 'Principal' };

/** A service account, and the versions of Elasticsearch that have it. */
export interface KnownAccount {
  readonly principal: Principal;
  /** The first version that has the account. */
  readonly since: ElasticsearchVersion;
  /** The first version that no longer has it. */
  readonly until?: ElasticsearchVersion;
  readonly purpose: string;
}

/** In the order in which the original lists them, in each version those that it has. */
const accounts: readonly KnownAccount[] = [
  account('fleet-server', { major: 7, minor: 13 }, 'Fleet Server'),
  account('fleet-server-remote', { major: 8, minor: 12 }, 'Fleet Server writing to a remote cluster'),
  account('auto-ops', { major: 8, minor: 16 }, 'AutoOps monitoring'),
  account('kibana', { major: 7, minor: 16 }, "Kibana's internal user"),
  {
    ...account('enterprise-search-server', { major: 8, minor: 2 }, 'Enterprise Search'),
    until: { major: 9, minor: 0 },
  },
];

function account(service: string, since: ElasticsearchVersion, purpose: string): KnownAccount {
  return { principal: `elastic/${service}` as Principal, since, purpose };
}

/**
 * Lists the accounts of one version of Elasticsearch, in the original's order.
 *
 * @param version the server's version; undefined returns the accounts of every version
 */
export function knownAccounts(version?: ElasticsearchVersion): readonly KnownAccount[] {
  requireVersion(version);
  if (version === undefined) return accounts;
  return accounts.filter((account) => isAtLeast(version, account.since) && !isRemoved(account, version));
}

/**
 * Parses a principal, which must match one of the known accounts exactly.
 *
 * @param version the server's version; undefined accepts the accounts of every version
 * @param options.allowsRemoved whether an account that was removed before this version is accepted
 * @param options.hint by default, it is made from the text
 * @throws UNKNOWN_PRINCIPAL, with the original's message, and a hint if the intended account can be guessed
 */
export function parsePrincipal(
  text: string,
  version?: ElasticsearchVersion,
  {
    allowsRemoved = false,
    hint,
  }: { readonly allowsRemoved?: boolean; readonly hint?: string | undefined } = {},
): Principal {
  requireString(text, 'principal', 'UNKNOWN_PRINCIPAL');
  const known = knownAccounts(version).map(({ principal }) => principal);
  const found = accounts.find(({ principal }) => principal === text);
  if (found && (known.includes(found.principal) || (allowsRemoved && isRemoved(found, version)))) {
    return found.principal;
  }
  throw new ServiceTokensError(
    'UNKNOWN_PRINCIPAL',
    `Unknown service account principal: [${text}]. Must be one of [${known.join(',')}]`,
    { hint: hint ?? principalHint(text, version) },
  );
}

/** Whether an account was removed before a version. */
export function isRemoved({ until }: KnownAccount, version: ElasticsearchVersion | undefined): boolean {
  return version !== undefined && until !== undefined && isAtLeast(version, until);
}

/** Whether any version of Elasticsearch has the account. */
export function isAccount(text: string): text is Principal {
  return accounts.some(({ principal }) => principal === text);
}

const USE_API_KEY = 'have no service account: use an API key (POST /_security/api_key).';
const AGENT =
  'Elastic Agent has no service account: the token of a Fleet Server is one of elastic/fleet-server, and agents use enrollment tokens.';

/** Hints for services that people name, and that have no account. */
const OTHER_SERVICES: ReadonlyMap<string, string> = new Map([
  ['apm', `APM Server and Logstash ${USE_API_KEY}`],
  ['apm-server', `APM Server and Logstash ${USE_API_KEY}`],
  ['logstash', `APM Server and Logstash ${USE_API_KEY}`],
  ['beats', `Beats ${USE_API_KEY}`],
  ['agent', AGENT],
  ['elastic-agent', AGENT],
]);

/** Other names of services that have an account. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['fleet', 'fleet-server'],
  ['kibana_system', 'kibana'],
]);

/** A hint for a text that is not one of the version's accounts. @param more what must follow a principal */
export function principalHint(text: string, version?: ElasticsearchVersion, more = ''): string | undefined {
  const elsewhere = accounts.find(({ principal }) => principal === text);
  if (elsewhere) {
    const { since, until } = elsewhere;
    const removal = until ? ` and removed in ${formatVersion(until)}` : '';
    return `${text} was added in Elasticsearch ${formatVersion(since)}${removal}.`;
  }
  const [namespace, service] = partsOf(text);
  const other = OTHER_SERVICES.get(service);
  if (other !== undefined) return other;
  const guess = closestPrincipal(text, version);
  if (guess !== undefined) return `Did you mean ${guess}${more}?`;
  if (['', 'elastic'].includes(namespace)) return undefined;
  return 'Accounts outside the namespace elastic are user-managed (Elasticsearch 9.6): their tokens come from the REST API only, not from this file.';
}

/** Finds the version's account that a text was probably meant to name; the namespace may be missing. */
export function closestPrincipal(text: string, version?: ElasticsearchVersion): Principal | undefined {
  const [namespace, service] = partsOf(text);
  const known = knownAccounts(version).map(({ principal }) => principal);
  return service === '' ? undefined : closest(`${namespace}/${ALIASES.get(service) ?? service}`, known);
}

function partsOf(text: string): [namespace: string, service: string] {
  const parts = text
    .toLowerCase()
    .replace(/^elastic[:._-](?=.)/, 'elastic/')
    .split('/')
    .filter((part) => part !== '');
  const [namespace = '', service = ''] = parts.length === 1 ? ['elastic', ...parts] : parts;
  return [namespace, service];
}

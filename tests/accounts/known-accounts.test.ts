/**
 * docs/server-behaviour.md, "Known accounts": the accounts of each version, in the order in which the original prints
 * them.
 */
import { describe, expect, test } from '@jest/globals';
import { parseVersion } from '../../src/accounts/elasticsearch-version.js';
import { knownAccounts, parsePrincipal } from '../../src/accounts/known-accounts.js';
import { errorOf } from '../support/fixtures.js';

const qualified = (services: string) => services.split(' ').map((service) => `elastic/${service}`);
const everyAccount = qualified('fleet-server fleet-server-remote auto-ops kibana enterprise-search-server');
const rows = [
  ['7.13 7.15', 'fleet-server'],
  ['7.16 8.1', 'fleet-server kibana'],
  ['8.2 8.11', 'fleet-server kibana enterprise-search-server'],
  ['8.12 8.15', 'fleet-server fleet-server-remote kibana enterprise-search-server'],
  ['8.16 8.19', 'fleet-server fleet-server-remote auto-ops kibana enterprise-search-server'],
  ['9.0 9.6', 'fleet-server fleet-server-remote auto-ops kibana'],
].flatMap(([versions = '', services = '']) =>
  versions.split(' ').map((text): [string, string[]] => [text, qualified(services)]),
);

test.each(rows)('The accounts of a version: %s has %s', (text, accounts) => {
  expect(knownAccounts(parseVersion(text)).map(({ principal }) => principal)).toEqual(accounts);
});

describe('Reading a principal', () => {
  const refusal = (text: string, accounts: readonly string[]) => ({
    code: 'UNKNOWN_PRINCIPAL',
    message: `Unknown service account principal: [${text}]. Must be one of [${accounts}]`,
  });

  test.each(rows)('%s accepts its accounts and no other: %s', (text, accounts) => {
    const version = parseVersion(text);
    for (const principal of everyAccount) {
      const parse = () => parsePrincipal(principal, version);
      if (accounts.includes(principal)) expect(parse()).toBe(principal);
      else expect(errorOf(parse)).toMatchObject(refusal(principal, accounts));
    }
  });

  const KIBANA = 'Did you mean elastic/kibana?';
  const FLEET = 'Did you mean elastic/fleet-server?';
  const API_KEY =
    'APM Server and Logstash have no service account: use an API key (POST /_security/api_key).';
  test.each([
    ['kibana', 'the namespace is missing', KIBANA],
    ['/elastic/kibana', 'a slash leads', KIBANA],
    ['elastic/kibana/', 'a slash trails', KIBANA],
    ['elastic//kibana', 'a slash is doubled', KIBANA],
    ['Elastic/Kibana', 'case counts', KIBANA],
    ['ELASTIC/KIBANA', 'case counts', KIBANA],
    ['elastic/kibna', 'a letter is missing', KIBANA],
    ['elastc/kibana', 'a letter is missing', KIBANA],
    ['fleet-server', 'the namespace is missing', FLEET],
    ['elastic/fleet_server', '_ for -', FLEET],
    ['elastic/fleetserver', 'the hyphen is missing', FLEET],
    ['elastic/autoops', 'the hyphen is missing', 'Did you mean elastic/auto-ops?'],
    ['elastic/apm', 'there is no such account', API_KEY],
    ['elastic/logstash', 'there is no such account', API_KEY],
    [
      'acme/billing',
      'the namespace is not elastic',
      'Accounts outside the namespace elastic are user-managed (Elasticsearch 9.6): their tokens come from the REST API only, not from this file.',
    ],
    ['elastic/something-else', 'nothing is near', undefined],
    ['elastic', 'nothing is near', undefined],
    ['elastic/constructor', 'it is a property that JavaScript objects have', undefined],
    ['', 'nothing is there', undefined],
    ['/', 'nothing is there', undefined],
    ['elastic/kibana ', 'a space trails', KIBANA],
    [' elastic/kibana', 'a space leads', KIBANA],
    ['elastic/kibana\n', 'a line end trails', KIBANA],
    ['elastic/kibana/token', 'it is a qualified name', KIBANA],
    ['elastic\\kibana', 'a backslash is not a slash', undefined],
  ])('%j is refused, as %s, with the hint: %s', (text, _, hint) => {
    const error = errorOf(() => parsePrincipal(text));
    expect(error).toMatchObject(refusal(text, everyAccount));
    expect(error.hint).toBe(hint);
  });

  test.each([
    ['elastic/auto-ops', '8.15', 'elastic/auto-ops was added in Elasticsearch 8.16.'],
    [
      'elastic/enterprise-search-server',
      '9.0',
      'elastic/enterprise-search-server was added in Elasticsearch 8.2 and removed in 9.0.',
    ],
    ['elastic/auto-op', '8.15', undefined], // a guess is one of the accounts of the version
    ['elastic/auto-op', '8.16', 'Did you mean elastic/auto-ops?'],
  ])('for %s in %s, the hint is: %s', (text, version, hint) => {
    expect(errorOf(() => parsePrincipal(text, parseVersion(version))).hint).toBe(hint);
  });
});

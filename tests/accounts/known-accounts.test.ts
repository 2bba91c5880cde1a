/**
 * docs/server-behaviour.md, "Known accounts": the accounts of each version, in the order in which the original prints
 * them.
 */
import { describe, expect, test } from '@jest/globals';
import { parseVersion } from '../../src/accounts/elasticsearch-version.js';
import { knownAccounts, parsePrincipal } from '../../src/accounts/known-accounts.js';
import { codeAndMessage, errorOf } from '../support/fixtures.js';

const everyAccount =
  'elastic/fleet-server,elastic/fleet-server-remote,elastic/auto-ops,elastic/kibana,elastic/enterprise-search-server';
const table = [
  { first: '7.13', last: '7.15', accounts: 'elastic/fleet-server' },
  { first: '7.16', last: '8.1', accounts: 'elastic/fleet-server,elastic/kibana' },
  {
    first: '8.2',
    last: '8.11',
    accounts: 'elastic/fleet-server,elastic/kibana,elastic/enterprise-search-server',
  },
  {
    first: '8.12',
    last: '8.15',
    accounts:
      'elastic/fleet-server,elastic/fleet-server-remote,elastic/kibana,elastic/enterprise-search-server',
  },
  { first: '8.16', last: '8.19', accounts: everyAccount },
  {
    first: '9.0',
    last: '9.6',
    accounts: 'elastic/fleet-server,elastic/fleet-server-remote,elastic/auto-ops,elastic/kibana',
  },
];
const rows = table.flatMap(({ first, last, accounts }) => [
  { text: first, accounts },
  { text: last, accounts },
]);

describe('The accounts of a version', () => {
  test.each(rows)('$text has $accounts', ({ text, accounts }) => {
    const known = knownAccounts(parseVersion(text)).map(({ principal }) => principal);
    expect(known.join(',')).toBe(accounts);
  });

  test('if the version is unknown, the accounts of every version are listed', () => {
    expect(
      knownAccounts()
        .map(({ principal }) => principal)
        .join(','),
    ).toBe(everyAccount);
  });

  test('every account has a purpose', () => {
    for (const { purpose } of knownAccounts()) expect(purpose).toMatch(/^[A-Z].*[a-z]$/);
  });
});

describe('Reading a principal', () => {
  test.each(rows)('$text accepts its accounts and no other', ({ text, accounts }) => {
    const version = parseVersion(text);
    for (const principal of everyAccount.split(',')) {
      if (accounts.split(',').includes(principal)) {
        expect(parsePrincipal(principal, version)).toBe(principal);
      } else {
        expect(codeAndMessage(errorOf(() => parsePrincipal(principal, version)))).toEqual({
          code: 'UNKNOWN_PRINCIPAL',
          message: `Unknown service account principal: [${principal}]. Must be one of [${accounts}]`,
        });
      }
    }
  });

  test.each([
    { text: 'kibana', hint: 'Did you mean elastic/kibana?', why: 'the namespace is missing' },
    { text: '/elastic/kibana', hint: 'Did you mean elastic/kibana?', why: 'a slash leads' },
    { text: 'elastic/kibana/', hint: 'Did you mean elastic/kibana?', why: 'a slash trails' },
    { text: 'elastic//kibana', hint: 'Did you mean elastic/kibana?', why: 'a slash is doubled' },
    { text: 'Elastic/Kibana', hint: 'Did you mean elastic/kibana?', why: 'case counts' },
    { text: 'ELASTIC/KIBANA', hint: 'Did you mean elastic/kibana?', why: 'case counts' },
    { text: 'elastic/kibna', hint: 'Did you mean elastic/kibana?', why: 'a letter is missing' },
    { text: 'elastc/kibana', hint: 'Did you mean elastic/kibana?', why: 'a letter is missing' },
    { text: 'fleet-server', hint: 'Did you mean elastic/fleet-server?', why: 'the namespace is missing' },
    { text: 'elastic/fleet_server', hint: 'Did you mean elastic/fleet-server?', why: '_ for -' },
    { text: 'elastic/fleetserver', hint: 'Did you mean elastic/fleet-server?', why: 'the hyphen is missing' },
    { text: 'elastic/autoops', hint: 'Did you mean elastic/auto-ops?', why: 'the hyphen is missing' },
    {
      text: 'elastic/apm',
      hint: 'APM Server and Logstash have no service account: use an API key (POST /_security/api_key).',
      why: 'there is no such account',
    },
    {
      text: 'elastic/logstash',
      hint: 'APM Server and Logstash have no service account: use an API key (POST /_security/api_key).',
      why: 'there is no such account',
    },
    {
      text: 'acme/billing',
      hint: 'Accounts outside the namespace elastic are user-managed (Elasticsearch 9.6): their tokens come from the REST API only, not from this file.',
      why: 'the namespace is not elastic',
    },
    { text: 'elastic/something-else', hint: undefined, why: 'nothing is near' },
    { text: 'elastic', hint: undefined, why: 'nothing is near' },
    { text: '', hint: undefined, why: 'nothing is there' },
    { text: '/', hint: undefined, why: 'nothing is there' },
  ])('[$text] is refused, as $why, with the hint: $hint', ({ text, hint }) => {
    const error = errorOf(() => parsePrincipal(text));
    expect(codeAndMessage(error)).toEqual({
      code: 'UNKNOWN_PRINCIPAL',
      message: `Unknown service account principal: [${text}]. Must be one of [${everyAccount}]`,
    });
    expect(error.hint).toBe(hint);
  });

  test.each([
    { text: 'elastic/kibana ', why: 'a space trails' },
    { text: ' elastic/kibana', why: 'a space leads' },
    { text: 'elastic/kibana\n', why: 'a line end trails' },
    { text: 'elastic/kibana/token', why: 'it is a qualified name' },
    { text: 'elastic\\kibana', why: 'a backslash is not a slash' },
  ])('"$text" is refused, as $why', ({ text }) => {
    expect(errorOf(() => parsePrincipal(text)).code).toBe('UNKNOWN_PRINCIPAL');
  });

  test.each([
    {
      text: 'elastic/auto-ops',
      version: '8.15',
      hint: 'elastic/auto-ops was added in Elasticsearch 8.16.',
      why: 'it was added later',
    },
    {
      text: 'elastic/enterprise-search-server',
      version: '9.0',
      hint: 'elastic/enterprise-search-server was added in Elasticsearch 8.2 and removed in 9.0.',
      why: 'it was removed',
    },
  ])('for $text in $version, the hint says that $why', ({ text, version, hint }) => {
    expect(errorOf(() => parsePrincipal(text, parseVersion(version))).hint).toBe(hint);
  });

  test('the guess is one of the accounts of the version', () => {
    expect(errorOf(() => parsePrincipal('elastic/auto-op', parseVersion('8.15'))).hint).toBeUndefined();
    expect(errorOf(() => parsePrincipal('elastic/auto-op', parseVersion('8.16'))).hint).toBe(
      'Did you mean elastic/auto-ops?',
    );
  });
});

import { describe, expect, test } from '@jest/globals';
import { parseVersion } from '../../src/accounts/elasticsearch-version.js';
import { authenticate, authenticateBody } from '../../src/authenticate/authentication.js';
import { ServiceToken } from '../../src/token/token.js';
import { FileContent } from '../../src/tokens-file/file-content.js';
import { publicTokens, vectors } from '../support/fixtures.js';

/** The results of the original as refusals. */
const refusals: Record<string, string | undefined> = {
  true: undefined,
  unparseable: 'not a token', // precedes all checks
  'false mismatch': 'WRONG_SECRET',
  'false no-such-token': 'NO_SUCH_TOKEN',
  'false account': 'UNKNOWN_ACCOUNT',
  'false namespace': 'NAMESPACE',
  'exception org.elasticsearch.ElasticsearchException: PBKDF2 salt must be at least [8 bytes] long':
    'HASH_UNUSABLE',
};

const tokenOf = (text: string) =>
  ServiceToken.decode(Buffer.from(`\0\x01\0\x01${text}`, 'latin1').toString('base64')) as ServiceToken;

describe('a bearer gets the result of the original:', () => {
  const entries = FileContent.parse(Buffer.from(vectors.bearer_file), 'bearer_file').entries();
  test.each(vectors.bearers)('$note: $result', async ({ bearer, result }) => {
    const token = ServiceToken.decode(bearer);
    expect(Object.keys(refusals)).toContain(result);
    expect(token ? await authenticate(token, entries) : 'not a token').toBe(refusals[result]);
  });

  test('a secret of nine characters is refused before its hash is read', async () => {
    expect(await authenticate(tokenOf('elastic/fleet-server/nine:012345678'), entries)).toBe('SHORT_SECRET');
  });
});

test.each([
  ['9.6', 'SHORT_SECRET', 'since 9.6, the length is checked first'],
  ['9.5', 'UNKNOWN_ACCOUNT', 'before 9.6, it came last'],
])('in %s, a short secret for an unknown account is refused as %s: %s', async (version, refusal, _why) => {
  expect(await authenticate(tokenOf('elastic/nope/t1:abc'), new Map(), parseVersion(version))).toBe(refusal);
});

test('an account that the version does not have is refused', async () => {
  const { qualifiedName, secret, stored } = publicTokens.tokens[0] as (typeof publicTokens.tokens)[0];
  const token = tokenOf(`${qualifiedName.replace('fleet-server', 'auto-ops')}:${secret}`);
  const entries = new Map([[token.qualifiedName, stored]]);
  expect(await authenticate(token, entries, parseVersion('8.16'))).toBeUndefined();
  expect(await authenticate(token, entries, parseVersion('8.15'))).toBe('UNKNOWN_ACCOUNT');
});

describe('the body of _authenticate', () => {
  const body = (version: string) => authenticateBody('elastic/fleet-server', 'token1', parseVersion(version));

  test.each([
    [
      '9.4',
      { name: 'token1', type: '_service_account_file', managed_by: 'elasticsearch' },
      'managed_by was added in 9.4',
    ],
    ['9.3', { name: 'token1', type: '_service_account_file' }, 'it did not exist before'],
    ['7.14', { name: 'token1', type: '_service_account_file' }, 'token was added in 7.14'],
    ['7.13', undefined, 'it did not exist before'],
  ])('has for %s the token %j: %s', (version, token, _why) => {
    expect(body(version)).toHaveProperty('username', 'elastic/fleet-server');
    expect((body(version) as { token?: object }).token).toEqual(token);
  });
});

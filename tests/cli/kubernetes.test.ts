/** Names of Secrets: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { knownAccounts } from '../../src/accounts/known-accounts.js';
import { secretNameOf } from '../../src/cli/kubernetes.js';

const digits = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8);

describe('The name of a Secret', () => {
  test.each(['elastic/kibana/a', 'elastic/fleet-server-remote/x', 'elastic/kibana/node-2'])(
    'is that of the token if it is a DNS label: %s',
    (token) => {
      expect(secretNameOf(token)).toBe(token.replaceAll('/', '-'));
    },
  );

  test.each([
    ['elastic/kibana/My_token', 'elastic-kibana-my-token'],
    ['elastic/kibana/x-', 'elastic-kibana-x'],
    ['elastic/fleet-server/remote-x', 'elastic-fleet-server-remote-x'],
    ['elastic/kibana/x-0123abcd', 'elastic-kibana-x-0123abcd'],
  ])('of %s, which had to change or may be ambiguous, is %s and digits of its SHA-256', (token, label) => {
    expect(secretNameOf(token)).toBe(`${label}-${digits(token)}`);
  });

  test('is a DNS label, and no two tokens have the same', () => {
    const names = [
      'a',
      'A',
      'a_',
      'a-',
      '-a',
      'remote-a',
      'remote_a',
      ...[64, 65, 256].map((n) => 'x'.repeat(n)),
    ];
    const tokens = knownAccounts().flatMap(({ principal }) => names.map((name) => `${principal}/${name}`));
    const secrets = tokens.map(secretNameOf);
    expect(secrets.filter((name) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))).toEqual([]);
    expect(new Set(secrets).size).toBe(tokens.length);
  });
});

import { format, inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { knownAccounts, parsePrincipal } from '../../src/accounts/known-accounts.js';
import { ServiceToken } from '../../src/token/token.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { anyCharacter } from '../support/any-character.js';
import { publicTokens, recordedBearers, vectors } from '../support/fixtures.js';

/** The form of a new secret: docs/server-behaviour.md, "Bearer strings". */
const SECRET = /^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$/;
const fleetServer = parsePrincipal('elastic/fleet-server');
const t1 = parseTokenName('t1');

const anyPrincipal = fc.constantFrom(...knownAccounts().map(({ principal }) => principal));
const anyName = fc.stringMatching(/^[A-Za-z0-9-][A-Za-z0-9_-]{0,255}$/).map(parseTokenName);
const anyRandom = fc.uint8Array({ minLength: 16, maxLength: 16 });

/** A token in one line, including its secret. */
const textOf = (token: ServiceToken | undefined) =>
  token && `${token.principal} ${token.name} ${token.secret}`;
/** The bearer of any bytes after the prefix. */
const bearerOf = (rest: string | Uint8Array, prefix = [0, 1, 0, 1]) =>
  Buffer.concat([Buffer.from(prefix), Buffer.from(rest as Uint8Array)]).toString('base64');

/** A bearer for a title: one line, and not too long. */
const shown = (bearer: string) => JSON.stringify(bearer.length > 80 ? `${bearer.slice(0, 80)}...` : bearer);

describe('Minting', () => {
  test('a secret is 22 characters of base64url with the bits of a version 4 UUID, and no two are equal', () => {
    const secrets = Array.from({ length: 100 }, () => ServiceToken.mint(fleetServer, t1).secret);
    expect(new Set(secrets).size).toBe(100);
    for (const secret of secrets) expect(secret).toMatch(SECRET);
  });

  test.each([
    { bytes: 0x00, secret: 'AAAAAAAAQACAAAAAAAAAAA', why: 'version 4 and variant 10 are set' },
    { bytes: 0xff, secret: '________T_-__________w', why: 'and nothing beside them' },
  ])('16 bytes $bytes become the secret $secret: $why', ({ bytes, secret }) => {
    const asked: number[] = [];
    const random = (size: number) => {
      asked.push(size);
      return new Uint8Array(size).fill(bytes);
    };
    expect(ServiceToken.mint(fleetServer, t1, random).secret).toBe(secret);
    expect(asked).toEqual([16]);
  });

  test('any 16 bytes become a secret of that form, which contains 122 of their bits', () => {
    fc.assert(
      fc.property(anyRandom, (bytes) => {
        const { secret } = ServiceToken.mint(fleetServer, t1, () => bytes);
        expect(secret).toMatch(SECRET);
        const uuid = Buffer.from(secret, 'base64url');
        for (const [i, byte] of bytes.entries()) {
          const free = i === 6 ? 0x0f : i === 8 ? 0x3f : 0xff;
          expect((uuid[i] ?? 0) & free).toBe(byte & free);
        }
      }),
    );
  });
});

describe('Encoding', () => {
  const { qualified_name: qualifiedName, ...layout } = vectors.token_layout;
  test.each([{ qualifiedName, ...layout }, ...publicTokens.bearers])(
    'the bearer of $qualifiedName with the secret $secret is $bearer',
    (known) => {
      const [, principal = '', name = ''] = /^(.*)\/(.*)$/.exec(known.qualifiedName) ?? [];
      const token = new ServiceToken(principal, parseTokenName(name), known.secret);
      expect(token.qualifiedName).toBe(known.qualifiedName);
      expect(token.bearer).toBe(known.bearer);
      expect(textOf(ServiceToken.decode(known.bearer))).toBe(textOf(token));
    },
  );

  test('the bearer of a known account consists of letters and digits, and its length depends on the name', () => {
    fc.assert(
      fc.property(anyPrincipal, anyName, anyRandom, (principal, name, bytes) => {
        const { bearer, qualifiedName } = ServiceToken.mint(principal, name, () => bytes);
        expect(bearer).toMatch(/^AAEAAWVsYXN0aWMv[A-Za-z0-9]+$/); // no +, no /, no =
        expect(bearer).toHaveLength(Math.ceil((4 * (27 + qualifiedName.length)) / 3));
      }),
    );
  });

  test('decoding reverses encoding', () => {
    const anySecret = fc.string({ unit: anyCharacter });
    fc.assert(
      fc.property(anyPrincipal, anyName, anySecret, (principal, name, secret) => {
        const token = new ServiceToken(principal, name, secret);
        expect(textOf(ServiceToken.decode(token.bearer))).toBe(textOf(token));
      }),
    );
  });
});

describe('Decoding accepts what the server accepts (docs/server-behaviour.md, "Bearer strings")', () => {
  const secret = 'elastic/fleet-server t1 46ToAwIHQxGVpBuUpCkGXA';
  const base = 'AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL3QxOjQ2VG9Bd0lIUXhHVnBCdVVwQ2tHWEE'; // 67 characters, one = is due
  const two = bearerOf('elastic/kibana/t:1').replaceAll('=', ''); // two = are due
  const none = bearerOf('elastic/kibana/t:123'); // no = is due
  const longest = 'n'.repeat(256);

  test.each(
    [
      [base, secret, 'no padding is fine'],
      [`${base}=`, secret, 'correct padding is fine'],
      [`${two}==`, 'elastic/kibana t 1', 'correct padding of two is fine'],
      [none, 'elastic/kibana t 123', 'no padding is due'],
      [`${base}=Zm9v`, secret, 'anything after complete padding is ignored'],
      [`${base}=-_ \n\u00e9=`, secret, 'anything at all'],
      [`${two}===`, 'elastic/kibana t 1', 'more padding, too'],
      [`${base.slice(0, -1)}F`, secret, 'non-zero unused bits of the last character are ignored (2 of them)'],
      [
        `${two.slice(0, -1)}f`,
        'elastic/kibana t 1',
        'non-zero unused bits of the last character are ignored (4 of them)',
      ],
      [bearerOf('elastic/kibana/t:a:b:'), 'elastic/kibana t a:b:', 'the first : splits'],
      [bearerOf('elastic/kibana/t:a/b'), 'elastic/kibana t a/b', 'a secret may hold /'],
      [bearerOf('elastic/kibana/t:'), 'elastic/kibana t ', 'a secret may be empty here'],
      [bearerOf('elastic/kibana/t: a '), 'elastic/kibana t  a ', 'a secret is not trimmed'],
      [bearerOf('elastic/nope/t:x'), 'elastic/nope t x', 'the account is looked up later'],
      [bearerOf('acme/billing/t:x'), 'acme/billing t x', 'so is the namespace'],
      [bearerOf(' a / b /t:x'), ' a / b  t x', 'white space is not trimmed'],
      [bearerOf('\u00a0/\u0085/t:x'), '\u00a0/\u0085 t x', 'neither is blank to Java'],
      [bearerOf('\0a/b/t:x'), '\0a/b t x', 'NUL is not white space'],
      [bearerOf('elastic/kibana/t:12?'), 'elastic/kibana t 12?', 'it contains a /'],
      [bearerOf('elastic/kibana/t:12>'), 'elastic/kibana t 12>', 'it contains a +'],
      [bearerOf(`a/b/${longest}:x`), `a/b ${longest} x`, 'a name may have 256 characters'],
      [bearerOf('a/b/-_:x'), 'a/b -_ x', 'a name may begin with a hyphen'],
      [bearerOf('\ufeffa/b/t:x'), '\ufeffa/b t x', 'a byte order mark is a character'],
      [bearerOf(Buffer.from('a/b/t:x\xffy', 'latin1')), 'a/b t x\ufffdy', 'malformed UTF-8 becomes U+FFFD'],
      [
        bearerOf(Buffer.from('\xc3/b/t:x', 'latin1')),
        '\ufffd/b t x',
        'malformed UTF-8 becomes U+FFFD, in a namespace too',
      ],
    ].map(([bearer = '', token = '', why = '']) => [shown(bearer), why, bearer, token]),
  )('%s is accepted: %s', (_shown, _why, bearer, token) => {
    expect(textOf(ServiceToken.decode(bearer))).toBe(token);
  });

  test.each(
    [
      ['', 'there are fewer than four bytes: none'],
      ['AAEA', 'there are fewer than four bytes: three'],
      [`${two}=`, 'there is one = instead of two'],
      [`${two}=x`, 'there is one = instead of two, and more text after it'],
      [`${none}=`, 'a = is not allowed'],
      [`${none}A`, 'the length is 1 mod 4'],
      [`${none}A===`, 'the length is 1 mod 4, with padding'],
      [bearerOf('elastic/kibana/t:12?').replace('/', '_'), '_ is of the other alphabet'],
      [bearerOf('elastic/kibana/t:12>').replace('+', '-'), '- is of the other alphabet'],
      [` ${base}`, 'white space leads'],
      [`${base} `, 'white space trails'],
      [`${base}\n`, 'a line end trails'],
      [`${base.slice(0, 40)}\n${base.slice(40)}`, 'it contains a line end'],
      [`Bearer ${base}`, 'the scheme is not part of it'],
      [`${base}\u00e9`, 'a letter is not of the alphabet'],
      [bearerOf('elastic/kibana/t:x', [0, 1, 0, 2]), 'the prefix is another'],
      [bearerOf('elastic/kibana/t:x', [0, 0, 0, 1]), 'the prefix is another'],
      [bearerOf('elastic/kibana/t:x', []), 'the prefix is missing'],
      [bearerOf(''), 'there is nothing but the prefix'],
      [bearerOf('elastic/kibana/t'), 'there is no :'],
      [bearerOf(':elastic/kibana/t'), 'there is nothing before the :'],
      [bearerOf('kibana/t:x'), 'there are two parts'],
      [bearerOf('kibana/t:x/y'), 'there are two parts: a / in the secret does not count'],
      [bearerOf('elastic/kibana/t/u:x'), 'there are four parts'],
      [bearerOf('elastic/kibana/t/:x'), 'there are four parts, one of them empty'],
      [bearerOf('/elastic/kibana/t:x'), 'there are four parts, one of them empty'],
      [bearerOf('/kibana/t:x'), 'the namespace is empty'],
      [bearerOf(' \t/kibana/t:x'), 'the namespace is blank'],
      [bearerOf('\u3000/kibana/t:x'), "the namespace is blank in Java's eyes"],
      [bearerOf('elastic//t:x'), 'the service is empty'],
      [bearerOf('elastic/\x1c/t:x'), "the service is blank in Java's eyes"],
      [bearerOf('elastic/kibana/:x'), 'the name is empty'],
      [bearerOf('elastic/kibana/_t:x'), 'the name begins with _'],
      [bearerOf('elastic/kibana/t.u:x'), 'the name has a dot'],
      [bearerOf('elastic/kibana/t\n:x'), 'the name ends in a line end'],
      [bearerOf('elastic/kibana/\u00e9:x'), 'the name has a letter that is not ASCII'],
      [bearerOf(`a/b/${longest}n:x`), 'the name has 257 characters'],
    ].map(([bearer = '', why = '']) => [shown(bearer), why, bearer]),
  )('%s is not a service account token, because %s', (_shown, _why, bearer) => {
    expect(ServiceToken.decode(bearer)).toBeUndefined();
  });

  test('400 recorded bearers are decoded like the original', () => {
    const decoded = recordedBearers.cases.map(({ bearer }) => {
      const token = ServiceToken.decode(bearer);
      return { bearer, token: token ? [...token.principal.split('/'), token.name, token.secret] : null };
    });
    expect(decoded).toHaveLength(400);
    expect(decoded).toEqual(recordedBearers.cases);
  });

  test.each([
    { bytes: [0xed, 0xa0], why: 'a surrogate without its third byte counts as one character' },
    { bytes: [0xed, 0xa0, 0x80], why: 'and with it, too' },
    { bytes: [0xff], why: 'and any byte that starts no sequence' },
  ])('ten malformed sequences $bytes become a secret of ten characters, because $why', ({ bytes }) => {
    const text = Buffer.from([...Buffer.from('a/b/t:'), ...Array(10).fill(bytes).flat()]);
    expect(ServiceToken.decode(bearerOf(text))?.secret).toHaveLength(10);
  });
});

describe('A token does not show its secret', () => {
  const token = ServiceToken.mint(fleetServer, t1);
  const wrapped = { token, tokens: [token], map: new Map([[1, token]]) };

  test.each([
    { how: 'String()', shown: String(token) },
    { how: 'a template', shown: `${token}` },
    { how: 'JSON', shown: JSON.stringify(wrapped) },
    { how: 'inspect', shown: inspect(wrapped, { depth: 9 }) },
    { how: 'inspect of all there is', shown: inspect(token, { showHidden: true, getters: true, depth: 9 }) },
    { how: '%s', shown: format('%s', token) },
    { how: '%o', shown: format('%o', token) },
    { how: '%O', shown: format('%O', token) },
    { how: '%j', shown: format('%j', token) },
    { how: 'console.log', shown: format(wrapped) },
    { how: 'console.log of it alone', shown: format(token) },
    { how: 'a copy of its properties', shown: JSON.stringify({ ...token }) + inspect({ ...token }) },
    { how: 'the message of an error', shown: new Error(`no: ${token}`).message },
  ])('in $how, only its name', ({ shown }) => {
    expect(shown).toContain('elastic/fleet-server');
    expect(shown).not.toContain(token.secret);
    expect(shown).not.toContain(token.bearer);
  });

  test('as text and as JSON, it is its qualified name', () => {
    expect(String(token)).toBe('elastic/fleet-server/t1');
    expect(JSON.stringify({ token })).toBe('{"token":"elastic/fleet-server/t1"}');
  });
});

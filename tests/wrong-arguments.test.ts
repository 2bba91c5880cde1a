/** JavaScript has no types: for any argument, the library returns a result or throws its own error. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as library from '../src/index.js';
import { errorOf, rejectionOf } from './support/fixtures.js';
import { temporaryDirectory } from './support/temporary-directory.js';

const { checkTokensFile, explain, FileFollower, hashSecret, knownAccounts, parseAlgorithm, parsePrincipal } =
  library;
const { parseTokenName, parseVersion, ServiceToken, ServiceTokensError, ServiceTokensFile } = library;
const { authenticate, verifySecret } = library;
const directory = temporaryDirectory();
const OWN = new TypeError('of the caller');
function fail(): never {
  throw OWN;
}

/** An object whose every property is the object itself, which is callable; but it is not a promise. */
const answer = (_: unknown, name: string | symbol) => (name === 'then' ? undefined : chameleon);
const chameleon: unknown = new Proxy(() => {}, { get: answer, apply: () => chameleon });
const getters = Object.defineProperty({ scheme: 'bcrypt' }, 'cost', { get: () => 2 ** 40 });
const wrongValues: readonly unknown[] = [
  ...[undefined, null, false, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol('wrong')],
  ...['', 'a\0b', 'a\nnonsense', '\ud800', 'constructor', {}, Object.create(null), [], ['elastic/kibana']],
  ...[{ toString: fail }, () => {}, new Uint8Array(3), chameleon, new Proxy({}, { get: answer }), getters],
];

const KIBANA = parsePrincipal('elastic/kibana');
const NAME = parseTokenName('a');
const CHEAP = parseAlgorithm('pbkdf2_1000');
const BCRYPT = { scheme: 'bcrypt', cost: 4 } as const;
const path = () => join(directory.path, 'service_tokens');
const file = (options: object = { patience: 1 }) => new ServiceTokensFile(path(), options);
const create = (options: object) => file().create(KIBANA, NAME, { algorithm: CHEAP, ...options });
const onReload = () => {};
const follow = async (at: string, options: object) => (await FileFollower.open(at, options as never)).close();
const token = ServiceToken.mint(KIBANA, NAME);

type Call = (wrong: never) => unknown;
/** Calls with a wrong value for one argument, and right values for the others. */
const calls: readonly Call[] = [
  (wrong) => new ServiceToken(wrong, NAME, 'secret').bearer,
  (wrong) => new ServiceToken(KIBANA, wrong, 'secret').bearer,
  (wrong) => new ServiceToken(KIBANA, NAME, wrong).bearer,
  (wrong) => new ServiceToken(KIBANA, NAME, wrong).bearer,
  (wrong) => ServiceToken.mint(wrong, NAME),
  (wrong) => ServiceToken.mint(KIBANA, wrong),
  (wrong) => ServiceToken.mint(KIBANA, NAME, wrong),
  (wrong) => ServiceToken.mint(KIBANA, NAME, () => wrong),
  (wrong) => ServiceToken.decode(wrong),
  (wrong) => parsePrincipal(wrong),
  (wrong) => parsePrincipal('elastic/kibana', wrong),
  (wrong) => parsePrincipal('elastic/kibana', { major: wrong, minor: 0 }),
  (wrong) => parseTokenName(wrong),
  (wrong) => parseAlgorithm(wrong),
  (wrong) => parseVersion(wrong),
  (wrong) => knownAccounts(wrong),
  (wrong) => explain(wrong),
  (wrong) => hashSecret(wrong, CHEAP),
  (wrong) => hashSecret('secret', wrong),
  (wrong) => hashSecret('secret', { scheme: wrong, cost: 1_000 }),
  (wrong) => hashSecret('secret', { scheme: 'pbkdf2', cost: wrong }),
  (wrong) => hashSecret('secret', CHEAP, wrong),
  (wrong) => hashSecret('secret', CHEAP, () => wrong),
  (wrong) => hashSecret('secret', BCRYPT, () => wrong),
  (wrong) => verifySecret(wrong, '{SHA}x'),
  (wrong) => verifySecret('secret', wrong),
  (wrong) => new ServiceTokensError(wrong, 'message'),
  (wrong) => new ServiceTokensError('IO', wrong),
  (wrong) => new ServiceTokensError('IO', 'message', wrong),
  (wrong) => new ServiceTokensFile(wrong).list(),
  (wrong) => file(wrong).list(),
  (wrong) => file().list(wrong),
  (wrong) => file().create(wrong, NAME),
  (wrong) => file().create(KIBANA, wrong),
  (wrong) => file().create(KIBANA, NAME, wrong),
  (wrong) => create({ random: () => wrong }),
  (wrong) => file().delete(wrong, NAME),
  (wrong) => file().delete(KIBANA, wrong),
  (wrong) => file().delete(KIBANA, NAME, wrong),
  (wrong) => checkTokensFile(wrong),
  (wrong) => checkTokensFile(path(), wrong),
  (wrong) => follow(wrong, { onReload }),
  (wrong) => follow(path(), wrong),
  (wrong) => authenticate(wrong, new Map()),
  (wrong) => authenticate(token, wrong),
  (wrong) => authenticate(token, new Map([[token.qualifiedName, wrong]])),
  (wrong) => authenticate(token, new Map(), wrong),
];
const optionsOf: readonly [options: string, call: (options: object) => unknown][] = [
  ['serverUser configDir inPlace patience', (options) => file(options).create(KIBANA, NAME)],
  ['algorithm random deliver signal', (options) => create(options)],
  ['signal', (options) => file().delete(KIBANA, NAME, options)],
  ['version serverUser configDir fix patience signal', (options) => checkTokensFile(path(), options)],
  ['onReload quiet poll', (options) => follow(path(), { onReload, ...options })],
];
const withOptions = optionsOf.flatMap(([names, call]) =>
  names.split(' ').map((name): [string, Call] => [`${call}, ${name}`, (wrong) => call({ [name]: wrong })]),
);

test.each([...calls.map((call): [string, Call] => [`${call}`, call]), ...withOptions])(
  'any value is accepted, or refused with an error of the library: %s',
  async (_, call) => {
    for (const value of wrongValues) {
      try {
        await call(value as never);
      } catch (error) {
        if (!(error instanceof ServiceTokensError)) throw new Error('not ours', { cause: [value, error] });
        expect(error.message).not.toMatch(/^ |\[object|undefined \(reading|is not a function/);
      }
      file().list(); // fails if a line was written that stops the server
      if (existsSync(path()))
        await file()
          .delete(KIBANA, NAME)
          .catch(() => {});
    }
  },
);

test.each<[title: string, code: string, call: () => unknown]>([
  ['a principal that is not a string', 'UNKNOWN_PRINCIPAL', () => parsePrincipal(7 as never)],
  ['a principal with two slashes', 'UNKNOWN_PRINCIPAL', () => new ServiceToken('a/b/c', NAME, '')],
  ['a token name that is not a string', 'INVALID_TOKEN_NAME', () => parseTokenName(null as never)],
  ['an invalid token name', 'INVALID_TOKEN_NAME', () => ServiceToken.mint(KIBANA, 'a b' as never)],
  ['an algorithm that is not a string', 'INVALID_ALGORITHM', () => parseAlgorithm({} as never)],
  ['a version that is not a string', 'USAGE', () => parseVersion(8.1 as never)],
  ['an invalid version', 'USAGE', () => knownAccounts('8.1' as never)],
  ['an invalid refusal', 'USAGE', () => explain('toString' as never)],
  ['too few random bytes', 'USAGE', () => ServiceToken.mint(KIBANA, NAME, () => new Uint8Array(15))],
  ['a bearer that is not a string', 'USAGE', () => ServiceToken.decode(undefined as never)],
  ['an unknown account to list', 'UNKNOWN_PRINCIPAL', () => file().list('elastic/x' as never)],
  ['a path that is empty', 'USAGE', () => new ServiceTokensFile('')],
  ['a path with a NUL', 'USAGE', () => new ServiceTokensFile('a\0')],
  ['a path that is a URL', 'USAGE', () => new ServiceTokensFile(new URL('file:///a') as never)],
  ['a secret that is not a string', 'USAGE', () => hashSecret(7 as never, CHEAP)],
  ['an unknown scheme', 'INVALID_ALGORITHM', () => hashSecret('a', { scheme: 'sha1', cost: 1 } as never)],
  ['an unsupported cost', 'INVALID_ALGORITHM', () => hashSecret('a', { scheme: 'pbkdf2', cost: 1_001 })],
  ['too few bytes of salt', 'USAGE', () => hashSecret('a', CHEAP, () => new Uint8Array(8))],
  ['a stored hash that is not a string', 'USAGE', () => verifySecret('a', 7 as never)],
  ['an unknown account', 'UNKNOWN_PRINCIPAL', () => file().create('elastic/x' as never, NAME)],
  ['a name with a line end', 'INVALID_TOKEN_NAME', () => file().create(KIBANA, 'a\nb' as never)],
  ['an unknown algorithm', 'INVALID_ALGORITHM', () => create({ algorithm: { scheme: 'bcrypt', cost: 99 } })],
  ['an invalid signal', 'USAGE', () => create({ signal: { aborted: false } })],
  ['a delivery that is not a function', 'USAGE', () => create({ deliver: 'stdout' })],
  ['a token without a name', 'INVALID_TOKEN_NAME', () => file().delete(KIBANA, '' as never)],
  ['a file to check without a path', 'USAGE', () => checkTokensFile('', {})],
  ['a file to follow without a listener', 'USAGE', () => FileFollower.open(path(), {} as never)],
  ['a pause too long for a timer', 'USAGE', () => FileFollower.open(path(), { onReload, quiet: 2 ** 31 })],
  ['a bearer instead of a token', 'USAGE', () => authenticate('AAEAAQ' as never, new Map())],
  ['entries in an object', 'USAGE', () => authenticate(token, {} as never)],
])('%s is refused with %s', async (_, code, call) => {
  expect((await rejectionOf((async () => call())())).code).toBe(code);
});

test('the message does not contain the value', async () => {
  const secret = 'AAEAAWVsYXN0aWM';
  const { message } = errorOf(() => new ServiceToken(secret, NAME, 'x'));
  expect(message).toBe('principal must be <namespace>/<service>');
  const rejection = await rejectionOf(hashSecret([secret] as never, CHEAP));
  expect(rejection.message).toBe('secret must be a string, not object');
});

test.each<[string, () => Promise<unknown>]>([
  ['random of a mint', async () => ServiceToken.mint(KIBANA, NAME, fail)],
  ['random of a hash', () => hashSecret('a', CHEAP, fail)],
  ['random of create', () => create({ random: fail })],
  ['deliver of create', () => create({ deliver: fail })],
  ['the reason of a signal', () => create({ signal: AbortSignal.abort(OWN) })],
])('an error of the caller’s own function is passed on: %s', async (_, call) => {
  await expect(call()).rejects.toBe(OWN);
});

test('create removes its entry if the caller’s deliver fails', async () => {
  await expect(create({ deliver: fail })).rejects.toBe(OWN);
  expect(existsSync(path())).toBe(false);
});

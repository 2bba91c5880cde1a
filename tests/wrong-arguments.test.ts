/** JavaScript has no types: for any argument, the library returns a result or throws its own error. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  checkTokensFile,
  explain,
  FileFollower,
  hashSecret,
  knownAccounts,
  parseAlgorithm,
  parsePrincipal,
  parseTokenName,
  parseVersion,
  ServiceToken,
  ServiceTokensError,
  ServiceTokensFile,
  TokenStore,
  verifySecret,
} from '../src/index.js';
import { errorOf, rejectionOf } from './support/fixtures.js';
import { temporaryDirectory } from './support/temporary-directory.js';

const directory = temporaryDirectory();

/** An object whose every property is the object itself, which is callable; but it is not a promise. */
const answer = (_: unknown, name: string | symbol) => (name === 'then' ? undefined : chameleon);
const chameleon: unknown = new Proxy(() => {}, { get: answer, apply: () => chameleon });

const wrongValues: readonly (readonly [what: string, value: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['false', false],
  ['0', 0],
  ['-1', -1],
  ['1.5', 1.5],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a bigint', 1n],
  ['a symbol', Symbol('wrong')],
  ['nothing', ''],
  ['NUL', 'a\0b'],
  ['a line end', 'a\nnonsense'],
  ['a lone surrogate', '\ud800'],
  ['the name of an inherited property', 'constructor'],
  ['an object', {}],
  ['an object without a prototype', Object.create(null)],
  ['an array', []],
  ['a list', ['elastic/kibana']],
  [
    'an object that throws when it becomes text',
    {
      toString: () => {
        throw new TypeError('no text');
      },
    },
  ],
  ['a function', () => {}],
  ['bytes', new Uint8Array(3)],
  ['a chameleon', chameleon],
  ['a chameleon that is an object', new Proxy({}, { get: answer })],
  [
    'an object with getters',
    {
      get scheme() {
        return 'bcrypt';
      },
      get cost() {
        return 2 ** 40;
      },
    },
  ],
];

/** Calls with a wrong value for one argument, and right values for the others. */
type Call = (wrong: never) => unknown;

const KIBANA = parsePrincipal('elastic/kibana');
const NAME = parseTokenName('a');
const CHEAP = parseAlgorithm('pbkdf2_1000');
const path = () => join(directory.path, 'service_tokens');
const file = () => new ServiceTokensFile(path(), { patience: 1 });
const create = (options: object) => file().create(KIBANA, NAME, { algorithm: CHEAP, ...options });

async function openStore(at: string, options?: object) {
  const store = await TokenStore.open(at, options);
  await store.authenticate('');
  await store.close();
}

/** Authenticates a correct token twice, so that the cache answers. */
async function askStore(cache: object) {
  const { token } = await create({});
  const store = await TokenStore.open(path(), { cache });
  for (let i = 0; i < 2; i++) await store.authenticate(token.bearer);
}

async function follow(at: string, options: object) {
  const follower = await FileFollower.open(at, options as never);
  await follower.close();
}

const onReload = () => {};
const withProperty = (name: string, wrong: unknown) => ({ [name]: wrong });

const calls: Readonly<Record<string, Call>> = {
  'new ServiceToken, principal': (wrong) => new ServiceToken(wrong, NAME, 'secret').bearer,
  'new ServiceToken, name': (wrong) => new ServiceToken(KIBANA, wrong, 'secret').bearer,
  'new ServiceToken, secret': (wrong) => new ServiceToken(KIBANA, NAME, wrong).bearer,
  'ServiceToken.mint, principal': (wrong) => ServiceToken.mint(wrong, NAME),
  'ServiceToken.mint, name': (wrong) => ServiceToken.mint(KIBANA, wrong),
  'ServiceToken.mint, random': (wrong) => ServiceToken.mint(KIBANA, NAME, wrong),
  'ServiceToken.mint, the result of random': (wrong) => ServiceToken.mint(KIBANA, NAME, () => wrong),
  'ServiceToken.decode': (wrong) => ServiceToken.decode(wrong),
  'parsePrincipal, text': (wrong) => parsePrincipal(wrong),
  'parsePrincipal, version': (wrong) => parsePrincipal('elastic/kibana', wrong),
  'parsePrincipal, version.major': (wrong) => parsePrincipal('elastic/kibana', { major: wrong, minor: 0 }),
  parseTokenName: (wrong) => parseTokenName(wrong),
  parseAlgorithm: (wrong) => parseAlgorithm(wrong),
  parseVersion: (wrong) => parseVersion(wrong),
  knownAccounts: (wrong) => knownAccounts(wrong),
  explain: (wrong) => explain(wrong),
  'hashSecret, secret': (wrong) => hashSecret(wrong, CHEAP),
  'hashSecret, algorithm': (wrong) => hashSecret('secret', wrong),
  'hashSecret, scheme': (wrong) => hashSecret('secret', { scheme: wrong, cost: 1_000 }),
  'hashSecret, cost': (wrong) => hashSecret('secret', { scheme: 'pbkdf2', cost: wrong }),
  'hashSecret, random': (wrong) => hashSecret('secret', CHEAP, wrong),
  'hashSecret, the result of random for pbkdf2': (wrong) => hashSecret('secret', CHEAP, () => wrong),
  'hashSecret, the result of random for bcrypt': (wrong) =>
    hashSecret('secret', { scheme: 'bcrypt', cost: 4 }, () => wrong),
  'verifySecret, secret': (wrong) => verifySecret(wrong, '{SHA}x'),
  'verifySecret, stored': (wrong) => verifySecret('secret', wrong),
  'new ServiceTokensError, code': (wrong) => new ServiceTokensError(wrong, 'message'),
  'new ServiceTokensError, message': (wrong) => new ServiceTokensError('IO', wrong),
  'new ServiceTokensError, details': (wrong) => new ServiceTokensError('IO', 'message', wrong),
  'new ServiceTokensFile, path': (wrong) => new ServiceTokensFile(wrong).list(),
  'new ServiceTokensFile, options': (wrong) => new ServiceTokensFile(path(), wrong).list(),
  ...Object.fromEntries(
    ['serverUser', 'configDir', 'inPlace', 'patience'].map((name) => [
      `new ServiceTokensFile, ${name}`,
      (wrong) =>
        new ServiceTokensFile(path(), withProperty(name, wrong)).create(KIBANA, NAME, { algorithm: CHEAP }),
    ]),
  ),
  'ServiceTokensFile.list': (wrong) => file().list(wrong),
  'ServiceTokensFile.create, principal': (wrong) => file().create(wrong, NAME),
  'ServiceTokensFile.create, name': (wrong) => file().create(KIBANA, wrong),
  'ServiceTokensFile.create, options': (wrong) => file().create(KIBANA, NAME, wrong),
  ...Object.fromEntries(
    ['algorithm', 'random', 'deliver', 'signal'].map((name) => [
      `ServiceTokensFile.create, ${name}`,
      (wrong) => create(withProperty(name, wrong)),
    ]),
  ),
  'ServiceTokensFile.create, the result of random': (wrong) => create({ random: () => wrong }),
  'ServiceTokensFile.delete, principal': (wrong) => file().delete(wrong, NAME),
  'ServiceTokensFile.delete, name': (wrong) => file().delete(KIBANA, wrong),
  'ServiceTokensFile.delete, options': (wrong) => file().delete(KIBANA, NAME, wrong),
  'ServiceTokensFile.delete, signal': (wrong) => file().delete(KIBANA, NAME, { signal: wrong }),
  'checkTokensFile, path': (wrong) => checkTokensFile(wrong),
  'checkTokensFile, options': (wrong) => checkTokensFile(path(), wrong),
  ...Object.fromEntries(
    ['version', 'serverUser', 'configDir', 'fix', 'patience', 'signal'].map((name) => [
      `checkTokensFile, ${name}`,
      (wrong) => checkTokensFile(path(), withProperty(name, wrong)),
    ]),
  ),
  'FileFollower.open, path': (wrong) => follow(wrong, { onReload }),
  'FileFollower.open, options': (wrong) => follow(path(), wrong),
  ...Object.fromEntries(
    ['onReload', 'quiet', 'poll'].map((name) => [
      `FileFollower.open, ${name}`,
      (wrong) => follow(path(), { onReload, ...withProperty(name, wrong) }),
    ]),
  ),
  'TokenStore.open, path': (wrong) => openStore(wrong),
  'TokenStore.open, path to watch': (wrong) => openStore(wrong, { watch: true }),
  'TokenStore.open, options': (wrong) => openStore(path(), wrong),
  ...Object.fromEntries(
    ['watch', 'version', 'cache', 'concurrency'].map((name) => [
      `TokenStore.open, ${name}`,
      (wrong) => openStore(path(), withProperty(name, wrong)),
    ]),
  ),
  ...Object.fromEntries(
    ['ttl', 'maxTokens', 'clock'].map((name) => [
      `TokenStore.open, cache.${name}`,
      (wrong) => askStore(withProperty(name, wrong)),
    ]),
  ),
  'TokenStore.open, the result of cache.clock': (wrong) => askStore({ clock: () => wrong }),
  'TokenStore.authenticate': async (wrong) => (await TokenStore.open(path())).authenticate(wrong),
};

describe('A wrong value is refused with an error of the library, or accepted', () => {
  test.each(Object.entries(calls))(
    '%s',
    async (_, call) => {
      for (const [what, value] of wrongValues) {
        try {
          await call(value as never);
        } catch (error) {
          if (!(error instanceof ServiceTokensError)) throw new Error(`given ${what}`, { cause: error });
          expect(error.message).not.toMatch(/\[object|undefined \(reading|is not a function/);
        }
        new ServiceTokensFile(path()).list(); // fails if a line was written that stops the server
        await file()
          .delete(KIBANA, NAME)
          .catch(() => {});
      }
    },
    30_000,
  );
});

const refusals: readonly (readonly [title: string, call: () => unknown, code: string])[] = [
  ['a principal that is not a string', () => parsePrincipal(7 as never), 'UNKNOWN_PRINCIPAL'],
  [
    'a principal that a bearer cannot contain',
    () => new ServiceToken('a/b/c', NAME, ''),
    'UNKNOWN_PRINCIPAL',
  ],
  ['a token name that is not a string', () => parseTokenName(null as never), 'INVALID_TOKEN_NAME'],
  ['an invalid token name', () => ServiceToken.mint(KIBANA, 'a b' as never), 'INVALID_TOKEN_NAME'],
  ['an algorithm that is not a string', () => parseAlgorithm({} as never), 'INVALID_ALGORITHM'],
  ['a version that is not a string', () => parseVersion(8.1 as never), 'USAGE'],
  ['an invalid version', () => knownAccounts('8.1' as never), 'USAGE'],
  ['an invalid refusal', () => explain('toString' as never), 'USAGE'],
  ['too few random bytes', () => ServiceToken.mint(KIBANA, NAME, () => new Uint8Array(15)), 'USAGE'],
  ['a bearer that is not a string', () => ServiceToken.decode(undefined as never), 'USAGE'],
  ['an account to list that does not exist', () => file().list('elastic/x' as never), 'UNKNOWN_PRINCIPAL'],
  ['a path that is empty', () => new ServiceTokensFile(''), 'USAGE'],
  ['a path with a NUL', () => new ServiceTokensFile('a\0'), 'USAGE'],
  ['a path that is a URL', () => new ServiceTokensFile(new URL('file:///a') as never), 'USAGE'],
];

test.each(refusals)('%s is refused', (_, call, code) => {
  expect(errorOf(call).code).toBe(code);
});

const rejections: readonly (readonly [title: string, call: () => Promise<unknown>, code: string])[] = [
  ['a secret that is not a string', () => hashSecret(7 as never, CHEAP), 'USAGE'],
  ['an unknown scheme', () => hashSecret('a', { scheme: 'sha1', cost: 1 } as never), 'INVALID_ALGORITHM'],
  ['an unsupported cost', () => hashSecret('a', { scheme: 'pbkdf2', cost: 1_001 }), 'INVALID_ALGORITHM'],
  ['too few bytes of salt', () => hashSecret('a', CHEAP, () => new Uint8Array(8)), 'USAGE'],
  ['a stored hash that is not a string', () => verifySecret('a', 7 as never), 'USAGE'],
  ['an account that does not exist', () => file().create('elastic/x' as never, NAME), 'UNKNOWN_PRINCIPAL'],
  ['a token name with a line end', () => file().create(KIBANA, 'a\nb' as never), 'INVALID_TOKEN_NAME'],
  ['an unknown algorithm', () => create({ algorithm: { scheme: 'bcrypt', cost: 99 } }), 'INVALID_ALGORITHM'],
  ['an invalid signal', () => create({ signal: { aborted: false } }), 'USAGE'],
  ['a delivery that is not a function', () => create({ deliver: 'stdout' }), 'USAGE'],
  ['a token to delete without a name', () => file().delete(KIBANA, '' as never), 'INVALID_TOKEN_NAME'],
  ['a file to check without a path', () => checkTokensFile('', {}), 'USAGE'],
  ['a file to follow without a listener', () => FileFollower.open(path(), {} as never), 'USAGE'],
  [
    'a pause that is too long for a timer',
    () => FileFollower.open(path(), { onReload, quiet: 2 ** 31 }),
    'USAGE',
  ],
  ['a concurrency of 0', () => TokenStore.open(path(), { concurrency: 0 }), 'USAGE'],
  ['a concurrency of a half', () => TokenStore.open(path(), { concurrency: 1.5 }), 'USAGE'],
  [
    'a time to live that is not a number',
    () => TokenStore.open(path(), { cache: { ttl: Number.NaN } }),
    'USAGE',
  ],
  [
    'an Authorization that is not a string',
    () => calls['TokenStore.authenticate']?.(7 as never) as Promise<unknown>,
    'USAGE',
  ],
];

test.each(rejections)('%s is refused by a rejected promise', async (_, call, code) => {
  expect((await rejectionOf(call())).code).toBe(code);
});

test('the message does not contain the value', async () => {
  const secret = 'AAEAAWVsYXN0aWM';
  expect(errorOf(() => new ServiceToken(secret, NAME, 'x')).message).toBe(
    'principal must be <namespace>/<service>',
  );
  expect((await rejectionOf(hashSecret([secret] as never, CHEAP))).message).toBe(
    'secret must be a string, not object',
  );
});

describe('An error of the caller’s own functions is passed on', () => {
  const own = new TypeError('of the caller');
  const fail = () => {
    throw own;
  };

  test.each([
    ['random of a mint', async () => ServiceToken.mint(KIBANA, NAME, fail)],
    ['random of a hash', () => hashSecret('a', CHEAP, fail)],
    ['random of create', () => create({ random: fail })],
    ['deliver of create', () => create({ deliver: fail })],
    ['the clock of the cache', () => askStore({ clock: fail })],
    ['the reason of a signal', () => create({ signal: AbortSignal.abort(own) })],
  ])('%s', async (_, call) => {
    await expect(call()).rejects.toBe(own);
  });

  test('and create removes its entry', async () => {
    await create({ deliver: fail }).catch(() => {});
    expect(() => readFileSync(path())).toThrow('ENOENT');
  });
});

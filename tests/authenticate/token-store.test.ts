import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, jest, test } from '@jest/globals';
import { type Principal, parsePrincipal } from '../../src/accounts/known-accounts.js';
import { TokenStore, type TokenStoreOptions } from '../../src/authenticate/token-store.js';
import { hashSecret } from '../../src/hash/hasher.js';
import { ServiceToken } from '../../src/token/token.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { run } from '../support/commands.js';
import { projectRoot } from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

jest.setTimeout(30_000); // thousands of hashes, and the machine may be busy with other tests

const directory = temporaryDirectory();
const CHEAP = { scheme: 'pbkdf2', cost: 1_000 } as const;
const KIBANA = parsePrincipal('elastic/kibana');

const mint = (name: string, principal: Principal = KIBANA) =>
  ServiceToken.mint(principal, parseTokenName(name));
const lineOf = async (token: ServiceToken) =>
  `${token.qualifiedName}:${await hashSecret(token.secret, CHEAP)}\n`;
/** A token of the same name with another secret. */
const wrong = ({ name }: ServiceToken) => mint(name);

async function open(tokens: ServiceToken[], options?: TokenStoreOptions): Promise<TokenStore> {
  const lines = await Promise.all(tokens.map(lineOf));
  return TokenStore.open(directory.write('service_tokens', lines.join('')), options);
}

describe('authenticate', () => {
  test('returns the principal, the token name, and the response of the server', async () => {
    const token = mint('a');
    const store = await open([token], { version: { major: 9, minor: 4 } });
    const who = await store.authenticate(`Bearer ${token.bearer}`);
    expect(who).toMatchObject({ authenticated: true, principal: 'elastic/kibana', tokenName: 'a' });
    expect(who.authenticated && who.body).toMatchObject({
      username: 'elastic/kibana',
      token: { name: 'a', managed_by: 'elasticsearch' },
    });
  });

  const right = mint('a');
  test.each([
    ['only the token', right.bearer, true],
    ['the scheme in any letter case', `bEARER ${right.bearer}`, true],
    ['two spaces', `Bearer  ${right.bearer}`, false],
    ['a space after the token', `Bearer ${right.bearer} `, false],
    ['another scheme', `ApiKey ${right.bearer}`, false],
    ['only the scheme', 'Bearer ', false],
    ['nothing', '', false],
  ])('handles %s like the server', async (_, authorization, authenticated) => {
    const store = await open([right]);
    const who = await store.authenticate(authorization);
    expect(who.authenticated).toBe(authenticated);
    if (!who.authenticated) expect(who.reason).toBe('NOT_A_TOKEN');
  });

  test('returns the reason of a refusal, and contains no secret', async () => {
    const store = await open([right]);
    const stranger = mint('b');
    expect(await store.authenticate(stranger.bearer)).toEqual({
      authenticated: false,
      reason: 'NO_SUCH_TOKEN',
    });
    expect(await store.authenticate(wrong(right).bearer)).toEqual({
      authenticated: false,
      reason: 'WRONG_SECRET',
    });
    const who = await store.authenticate(right.bearer);
    expect(JSON.stringify(who)).toBe('{"authenticated":true,"principal":"elastic/kibana","tokenName":"a"}');
  });
});

describe('the cache', () => {
  test('answers for a token that was correct before, also if the secret is wrong; a failure is not cached', async () => {
    const token = mint('a');
    const store = await open([token]);
    const timesOf = async (bearer: string) => {
      // The cache answers within a turn of the event loop; a hash is computed in another thread and takes longer.
      let isAnswered = false;
      const answer = store.authenticate(bearer).finally(() => {
        isAnswered = true;
      });
      for (let step = 0; step < 100; step++) await undefined;
      const hashed = !isAnswered;
      const { authenticated } = await answer;
      return { authenticated, hashed };
    };
    expect(await timesOf(wrong(token).bearer)).toEqual({ authenticated: false, hashed: true });
    expect(await timesOf(wrong(token).bearer)).toEqual({ authenticated: false, hashed: true });
    expect(await timesOf(token.bearer)).toEqual({ authenticated: true, hashed: true });
    expect(await timesOf(token.bearer)).toEqual({ authenticated: true, hashed: false });
    expect(await timesOf(wrong(token).bearer)).toEqual({ authenticated: false, hashed: false });
    expect(await timesOf(token.bearer)).toEqual({ authenticated: true, hashed: false });
  });
});

describe('a flood of wrong tokens', () => {
  test('for another name does not delay a correct one', async () => {
    const [target, other] = [mint('target'), mint('other')];
    const store = await open([target, other]);
    const answered: string[] = [];
    const flood = Array.from({ length: 300 }, () =>
      store.authenticate(wrong(target).bearer).then(() => answered.push('wrong')),
    );
    const who = await store.authenticate(other.bearer);
    expect(who.authenticated).toBe(true);
    expect(answered.length).toBeLessThan(100); // with a single queue, it would be the last
    await Promise.all(flood);
  });

  test('for the same name does not delay a secret that was correct before, if the cache is cleared', async () => {
    const token = mint('a');
    let now = 0;
    const store = await open([token], { cache: { clock: () => now } });
    expect((await store.authenticate(token.bearer)).authenticated).toBe(true);
    now = 60 * 60_000; // it has expired
    let answered = 0;
    const flood = Array.from({ length: 1_500 }, () =>
      store.authenticate(wrong(token).bearer).then(
        () => answered++,
        () => {}, // BUSY
      ),
    );
    expect((await store.authenticate(token.bearer)).authenticated).toBe(true);
    expect(answered).toBeLessThan(100);
    await Promise.all(flood);
  });

  test('for a cached name costs no hash', async () => {
    const token = mint('a');
    const store = await open([token]);
    await store.authenticate(token.bearer);
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    for (let i = 0; i < 50; i++) await store.authenticate(wrong(token).bearer);
    expect((await store.authenticate(token.bearer)).authenticated).toBe(true);
    expect(turned).toBe(false);
  });

  test('that exceeds the queue is refused in part as BUSY, and the rest is answered', async () => {
    const token = mint('a');
    const store = await open([token]);
    const results = await Promise.allSettled(
      Array.from({ length: 1_200 }, () => store.authenticate(wrong(token).bearer)),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(200);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'BUSY' });
  });
});

test('equal requests at the same time are computed once', async () => {
  const token = mint('a');
  const store = await open([token]);
  const results = await Promise.all(Array.from({ length: 1_500 }, () => store.authenticate(token.bearer)));
  expect(results.every(({ authenticated }) => authenticated)).toBe(true); // more than the limit of a lane
});

describe('hashes', () => {
  /** Sends wrong secrets for many names. @returns the maximum number of simultaneous PBKDF2 calls */
  async function mostAtOnce(options: string): Promise<string> {
    const tokens = Array.from({ length: 20 }, (_, i) => mint(`t${i}`));
    const path = directory.write('service_tokens', (await Promise.all(tokens.map(lineOf))).join(''));
    const bearers = JSON.stringify(tokens.map((token) => wrong(token).bearer));
    const script = `
      const crypto = require('node:crypto');
      const { pbkdf2 } = crypto;
      let [running, most] = [0, 0];
      crypto.pbkdf2 = (...args) => {
        const done = args.pop();
        most = Math.max(most, ++running);
        pbkdf2(...args, (...results) => { running--; done(...results); });
      };
      require('node:module').syncBuiltinESMExports();
      import('${projectRoot}/dist/src/authenticate/token-store.js').then(async ({ TokenStore }) => {
        const store = await TokenStore.open('${path}', ${options});
        await Promise.all(${bearers}.map((bearer) => store.authenticate(bearer)));
        console.log(most);
      });
    `;
    const { stdout, stderr } = await run(process.execPath, ['-e', script]);
    return (stdout + stderr).trim();
  }

  test.each([
    ['{}', 2, 'half of libuv’s pool as it is by default'],
    ['{ concurrency: 1 }', 1, 'the value of the caller'],
    ['{ concurrency: 7 }', 7, 'the value of the caller'],
  ])('with the options %s, at most %i are computed at a time: %s', async (options, expected) => {
    expect(await mostAtOnce(options)).toBe(String(expected));
  });
});

describe('open', () => {
  test('treats a missing file as empty', async () => {
    const store = await TokenStore.open(`${directory.path}/nothing`);
    expect(await store.authenticate(mint('a').bearer)).toEqual({
      authenticated: false,
      reason: 'NO_SUCH_TOKEN',
    });
  });

  test.each([[false], [true]])(
    'refuses a file that a node would not start with (watch: %p)',
    async (watch) => {
      const path = directory.write('service_tokens', 'broken');
      await expect(TokenStore.open(path, { watch })).rejects.toMatchObject({ code: 'MALFORMED_FILE' });
    },
  );

  test('refuses a file that is too large', async () => {
    const path = directory.write('service_tokens');
    truncateSync(path, 2 ** 30 + 1); // a sparse file
    for (const watch of [false, true]) {
      await expect(TokenStore.open(path, { watch })).rejects.toMatchObject({ code: 'IO' });
    }
  });

  test('without watch reads the file once', async () => {
    const [first, second] = [mint('a'), mint('b')];
    const store = await open([first]);
    appendFileSync(`${directory.path}/service_tokens`, await lineOf(second));
    expect((await store.authenticate(second.bearer)).authenticated).toBe(false);
  });
});

describe('a store that watches', () => {
  const reloaded = (store: TokenStore) => new Promise((resolve) => store.once('reload', resolve));

  test('accepts new tokens, refuses removed ones, cached or not, and emits an event', async () => {
    const [first, second] = [mint('a'), mint('b')];
    const store = await open([first], { watch: true });
    try {
      expect((await store.authenticate(first.bearer)).authenticated).toBe(true);
      let reload = reloaded(store);
      writeFileSync(`${directory.path}/service_tokens`, await lineOf(second));
      expect(await reload).toMatchObject({
        added: ['elastic/kibana/b'],
        removed: ['elastic/kibana/a'],
        changed: [],
      });
      expect((await store.authenticate(first.bearer)).authenticated).toBe(false);
      expect((await store.authenticate(second.bearer)).authenticated).toBe(true);

      reload = reloaded(store);
      writeFileSync(`${directory.path}/service_tokens`, 'broken');
      expect(await reload).toMatchObject({
        removed: ['elastic/kibana/b'],
        error: { code: 'MALFORMED_FILE' },
      });
      expect((await store.authenticate(second.bearer)).authenticated).toBe(false);
    } finally {
      await store.close();
    }
  });

  test('accepts the new tokens even if a listener throws, which is an uncaught exception of the application', async () => {
    const path = directory.write('service_tokens', '');
    const [first, second] = [mint('a'), mint('b')];
    const lines = [await lineOf(first), await lineOf(second)];
    const script = `
      import { appendFileSync } from 'node:fs';
      import { TokenStore } from '${projectRoot}/dist/src/index.js';
      const store = await TokenStore.open('${path}', { watch: true });
      const [lines, bearers] = [${JSON.stringify(lines)}, ${JSON.stringify([first.bearer, second.bearer])}];
      let reloads = 0;
      process.on('uncaughtException', async (error, origin) => {
        const answers = await Promise.all(bearers.map((bearer) => store.authenticate(bearer)));
        console.log(origin, error.message, ...answers.map(({ authenticated }) => authenticated));
        if (reloads === 1) appendFileSync('${path}', lines[1]);
        else await store.close();
      });
      store.on('reload', () => { throw new Error('no ' + ++reloads); });
      appendFileSync('${path}', lines[0]);
    `;
    const { stdout, stderr, status } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect({ stdout, stderr, status }).toEqual({
      stdout: 'uncaughtException no 1 true false\nuncaughtException no 2 true true\n',
      stderr: '',
      status: 0,
    });
  });
});

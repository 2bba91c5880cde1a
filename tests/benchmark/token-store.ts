/** What TokenStore costs in a process that runs. */
import { createHash, pbkdf2 as pbkdf2Callback, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hashSecret, parsePrincipal, parseTokenName, ServiceToken, TokenStore } from '../../src/index.js';
import { inPairs, median, secondsOf } from './pairs.js';

const pbkdf2 = promisify(pbkdf2Callback);
const mint = (name: string) => ServiceToken.mint(parsePrincipal('elastic/kibana'), parseTokenName(name));

/** Writes tokens with the same form of hash to a file. */
async function store(
  path: string,
  tokens: ServiceToken[],
  hash: (secret: string) => string | Promise<string>,
) {
  const lines = tokens.map(async (token) => `${token.qualifiedName}:${await hash(token.secret)}\n`);
  writeFileSync(path, (await Promise.all(lines)).join(''));
}

/** @returns cached successes a second, one after the other */
export async function cachedRate(directory: string): Promise<number> {
  const path = join(directory, 'cached');
  const token = mint('cached');
  await store(path, [token], (secret) => hashSecret(secret, { scheme: 'pbkdf2', cost: 1_000 }));
  const tokens = await TokenStore.open(path);
  const authorization = `Bearer ${token.bearer}`;
  const times = 300_000;
  const authenticateAll = async () => {
    for (let i = 0; i < times; i++) {
      const { authenticated } = await tokens.authenticate(authorization);
      if (!authenticated) throw new Error('a right token was refused');
    }
  };
  const rates: number[] = [];
  for (let round = 0; round < 5; round++) rates.push(times / (await secondsOf(authenticateAll, round)));
  await tokens.close();
  return median(rates);
}

/** Uncached authentications of many tokens at once, against as many bare PBKDF2 of the same cost. */
export async function uncached(directory: string, pairs: number) {
  const [path, cost] = [join(directory, 'uncached'), 10_000];
  const tokens = Array.from({ length: 200 }, (_, i) => mint(`uncached-${i}`));
  await store(path, tokens, (secret) => hashSecret(secret, { scheme: 'pbkdf2_stretch', cost }));
  const open = await TokenStore.open(path, { cache: { ttl: 0 } });
  const [salt, password] = [randomBytes(32), 'f'.repeat(128)];
  const result = await inPairs(
    pairs,
    () => Promise.all(tokens.map(({ bearer }) => open.authenticate(bearer))),
    () => Promise.all(tokens.map(() => pbkdf2(password, salt, cost, 32, 'sha512'))),
  );
  await open.close();
  return { rate: tokens.length / result.seconds, ratio: result.ratio };
}

/** @returns the MiB that a hundred thousand cached tokens take, beside the entries of the file */
export async function cacheMemory(directory: string): Promise<number> {
  const path = join(directory, 'memory');
  const tokens = Array.from({ length: 100_000 }, (_, i) => mint(`memory-${i}`));
  // {SHA} is no form to use; here it lets a hundred thousand tokens be verified in a moment.
  await store(path, tokens, (secret) => `{SHA}${createHash('sha1').update(secret).digest('base64')}`);
  const bearers = tokens.map(({ bearer }) => bearer);
  /** What is in use when every token has been authenticated, with the store still there. */
  const usedBy = async (maxTokens: number) => {
    const open = await TokenStore.open(path, { cache: { maxTokens } });
    for (const bearer of bearers) await open.authenticate(bearer);
    for (let i = 0; i < 3; i++) globalThis.gc?.(); // what waits for a finalizer goes with the next one
    const { heapUsed, external } = process.memoryUsage();
    await open.close();
    return heapUsed + external;
  };
  await usedBy(0); // strings take their final form when they are first used
  const without = await usedBy(0);
  return ((await usedBy(bearers.length)) - without) / 2 ** 20;
}

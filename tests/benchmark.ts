/**
 * What TokenStore can do on this machine: `npm run benchmark`. Absolute figures are of the machine; the ratio to bare
 * crypto.pbkdf2 is of pairs that run one after the other, so it holds when the machine's speed drifts.
 */
import { pbkdf2 as pbkdf2Callback, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hashSecret, parsePrincipal, parseTokenName, ServiceToken, TokenStore } from '../src/index.js';

const pbkdf2 = promisify(pbkdf2Callback);
const directory = mkdtempSync(join(tmpdir(), 'service-tokens-benchmark-'));
const path = join(directory, 'service_tokens');
const mint = (name: string) => ServiceToken.mint(parsePrincipal('elastic/kibana'), parseTokenName(name));
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

/** Cached successes, one after the other. */
async function cached(): Promise<void> {
  const token = mint('cached');
  writeFileSync(
    path,
    `${token.qualifiedName}:${await hashSecret(token.secret, { scheme: 'pbkdf2', cost: 1_000 })}\n`,
  );
  const store = await TokenStore.open(path);
  const authorization = `Bearer ${token.bearer}`;
  const times = 300_000;
  const rates: number[] = [];
  for (let round = 0; round < 5; round++) {
    const took = await seconds(async () => {
      for (let i = 0; i < times; i++) {
        const { authenticated } = await store.authenticate(authorization);
        if (!authenticated) throw new Error('a right token was refused');
      }
    });
    rates.push(times / took);
  }
  console.log(`cached: ${Math.round(median(rates))} authentications a second (median of 5)`);
}

/** Uncached ones of many tokens at once, against as many bare PBKDF2 of the same cost. */
async function uncached(): Promise<void> {
  const cost = 10_000;
  const tokens = Array.from({ length: 200 }, (_, i) => mint(`uncached-${i}`));
  const lines = await Promise.all(
    tokens.map(
      async (token) =>
        `${token.qualifiedName}:${await hashSecret(token.secret, { scheme: 'pbkdf2_stretch', cost })}\n`,
    ),
  );
  writeFileSync(path, lines.join(''));
  const store = await TokenStore.open(path, { cache: { ttl: 0 } });
  const salt = randomBytes(32);
  const password = 'f'.repeat(128);
  const [rates, ratios]: [number[], number[]] = [[], []];
  for (let round = 0; round < 7; round++) {
    const bare = await seconds(() =>
      Promise.all(tokens.map(() => pbkdf2(password, salt, cost, 32, 'sha512'))),
    );
    const ours = await seconds(() => Promise.all(tokens.map(({ bearer }) => store.authenticate(bearer))));
    rates.push(tokens.length / ours);
    ratios.push(bare / ours);
  }
  console.log(
    `uncached: ${Math.round(median(rates))} a second, ${median(ratios).toFixed(3)} of bare crypto.pbkdf2 (median of 7 pairs)`,
  );
}

/** The memory that cached tokens take. */
async function memory(): Promise<void> {
  const tokens = Array.from({ length: 100_000 }, (_, i) => mint(`memory-${i}`));
  // {SHA} is no form to use; here it lets a hundred thousand tokens be verified in a moment.
  const { createHash } = await import('node:crypto');
  const sha = (secret: string) => `{SHA}${createHash('sha1').update(secret).digest('base64')}`;
  writeFileSync(path, tokens.map((token) => `${token.qualifiedName}:${sha(token.secret)}\n`).join(''));
  const bearers = tokens.map(({ bearer }) => bearer);
  /** What is in use when every token has been authenticated, with the store still there. */
  const usedBy = async (maxTokens: number) => {
    const store = await TokenStore.open(path, { cache: { maxTokens } });
    for (const bearer of bearers) await store.authenticate(bearer);
    for (let i = 0; i < 3; i++) globalThis.gc?.(); // what waits for a finalizer goes with the next one
    const { heapUsed, external } = process.memoryUsage();
    await store.close();
    return heapUsed + external;
  };
  await usedBy(0); // strings take their final form when they are first used
  const without = await usedBy(0);
  const mebibytes = ((await usedBy(bearers.length)) - without) / 2 ** 20;
  console.log(
    `memory: ${mebibytes.toFixed(1)} MiB for ${bearers.length} cached tokens, beside the entries of the file`,
  );
}

if (globalThis.gc === undefined) throw new Error('run it with: npm run benchmark');
await cached();
await uncached();
await memory();
rmSync(directory, { recursive: true });

/**
 * Runs the command as users and scripts might, as processes: `npm run fuzz -- [SECONDS] [SEED]`.
 *
 * Each scene has files and up to six command lines, with streams, signals and kills (fuzz/scene.ts). After each command,
 * what is promised of every command must hold (fuzz/play.ts). A scene that breaks a promise is made smaller and printed
 * with its seed; `npm run fuzz -- 0 SEED` plays it again. The exit status is 1 if a promise was broken.
 */
import { play } from './fuzz/play.js';
import { type Scene, type Step, sceneOf } from './fuzz/scene.js';

const WIDTH = 2;
const SMALLER_MS = 60_000;

const [seconds = 60, first = Date.now() % 1_000_000_000] = process.argv.slice(2).map(Number);
const end = performance.now() + seconds * 1000;
const found = new Map<string, number>();
const seen = new Map<number | string, number>();
let next = first;

/** The kind of a broken promise: without what differs from scene to scene. */
const kindOf = (broken: string) =>
  broken
    .replace(/^step \d+: /, '')
    .replace(/AAEAA\S+|\/tmp\/\S*|\d{3,}/g, '')
    .slice(0, 200);

async function work(): Promise<void> {
  do {
    const seed = next++;
    const scene = sceneOf(seed);
    const broken = await play(scene, seen);
    if (broken === undefined) continue;
    const kind = kindOf(broken);
    found.set(kind, (found.get(kind) ?? 0) + 1);
    if (found.get(kind) === 1) await report(seed, scene, broken);
  } while (performance.now() < end);
}

async function report(seed: number, scene: Scene, broken: string): Promise<void> {
  console.log(`\nseed ${seed}: ${broken}`);
  const small = await smaller(scene, kindOf(broken));
  console.log(`the smallest scene that shows it, ${small.isRoot ? 'as root' : 'as an ordinary user'}:`);
  for (const [path, text] of Object.entries(small.files)) console.log(`  ${path}: ${JSON.stringify(text)}`);
  for (const { argv, stdin, redirect, isUnread, signal } of small.steps)
    console.log(`  $ ${JSON.stringify({ argv, stdin, redirect, isUnread, signal })}`);
}

/** Drops whatever the scene does not need in order to break the promise. */
async function smaller(scene: Scene, kind: string): Promise<Scene> {
  const limit = performance.now() + SMALLER_MS;
  let best = scene;
  for (let isSmaller = true; isSmaller && performance.now() < limit; ) {
    isSmaller = false;
    for (const candidate of dropping(best)) {
      if (performance.now() > limit || kindOf((await play(candidate)) ?? '') !== kind) continue;
      [best, isSmaller] = [candidate, true];
      break;
    }
  }
  return best;
}

const without = <T>(items: readonly T[], index: number) => items.filter((_, i) => i !== index);

/** @returns the scenes with one thing less */
function* dropping(scene: Scene): Generator<Scene> {
  const { steps, files } = scene;
  for (const i of steps.keys()) yield { ...scene, steps: without(steps, i) };
  for (const path of Object.keys(files)) {
    const { [path]: text = '', ...others } = files;
    yield { ...scene, files: others };
    const lines = text.split('\n');
    for (const i of lines.length > 1 ? lines.keys() : [])
      yield { ...scene, files: { ...files, [path]: without(lines, i).join('\n') } };
  }
  for (const [i, step] of steps.entries()) {
    const put = (change: Partial<Step>): Scene => ({
      ...scene,
      steps: steps.with(i, { ...step, ...change }),
    });
    if (step.signal !== undefined) yield put({ signal: undefined });
    if (step.redirect !== '') yield put({ redirect: '' });
    if (step.isUnread) yield put({ isUnread: false });
    if (step.stdin !== '') yield put({ stdin: '' });
    for (const j of step.argv.keys()) yield put({ argv: without(step.argv, j) });
  }
}

await Promise.all(Array.from({ length: seconds > 0 ? WIDTH : 1 }, work));
const failures = [...found.values()].reduce((sum, count) => sum + count, 0);
const statuses = [...seen].sort().map(([status, count]) => `${status}: ${count}`);
console.log(`${next - first} scenes from seed ${first}: ${failures} broke a promise`);
console.log(`commands by their status: ${statuses.join(', ')}`);
process.exitCode = failures === 0 ? 0 : 1;

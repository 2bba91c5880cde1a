/** Timing in pairs: one run of a thing, one of its peer, and so on, so that a ratio holds when the machine's speed drifts. */

export interface Pairs {
  /** The medians, in seconds. */
  readonly seconds: number;
  readonly peerSeconds: number;
  /** The median of the ratios of each pair. */
  readonly ratio: number;
}

/** A thing that is timed; it is given the number of the run, which is below 0 before the first that counts. */
export type Work = (run: number) => unknown;

/** @param count how many pairs count; one more comes before them */
export async function inPairs(count: number, work: Work, peer: Work): Promise<Pairs> {
  const [own, others, ratios]: [number[], number[], number[]] = [[], [], []];
  for (let run = -1; run < count; run++) {
    const [a, b] = [await secondsOf(work, run), await secondsOf(peer, run)];
    if (run < 0) continue;
    own.push(a);
    others.push(b);
    ratios.push(a / b);
  }
  return { seconds: median(own), peerSeconds: median(others), ratio: median(ratios) };
}

export async function secondsOf(work: Work, run: number): Promise<number> {
  const start = performance.now();
  await work(run);
  return (performance.now() - start) / 1_000;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

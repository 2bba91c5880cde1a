import type { ServiceTokensError } from '../errors.js';
import type { Loaded } from './tokens-loader.js';
import type { Pause } from './turns.js';

/**
 * The effect of a change on the tokens. Each list contains qualified names, in the order of their UTF-16 code units.
 */
export interface Reload {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The tokens whose stored hash has changed. */
  readonly changed: readonly string[];
  /** Set if the server could not read the file: it then drops every token, and `removed` contains them. */
  readonly error?: ServiceTokensError;
}

/** The number of names to look up or merge in a slice, which takes a few milliseconds. */
export const LOOKUPS_A_SLICE = 10_000;
/** The number of names to sort in a slice. */
export const SORTED_A_SLICE = 5_000;

/**
 * Compares two states of the file, in slices.
 *
 * @param pause waits between two slices
 * @returns undefined if the tokens are the same
 */
export async function compare(before: Loaded, after: Loaded, pause: Pause): Promise<Reload | undefined> {
  const [old, now] = [before.entries, after.entries];
  const [added, removed, changed] = [[], [], []] as [string[], string[], string[]];
  let looked = 0;
  for (const [name, hash] of now) {
    const oldHash = old.get(name);
    if (oldHash === undefined) added.push(name);
    else if (oldHash !== hash) changed.push(name);
    if (++looked % LOOKUPS_A_SLICE === 0) await pause();
  }
  for (const name of old.keys()) {
    if (!now.has(name)) removed.push(name);
    if (++looked % LOOKUPS_A_SLICE === 0) await pause();
  }
  const sameError =
    before.error?.code === after.error?.code && before.error?.message === after.error?.message;
  if (added.length + removed.length + changed.length === 0 && sameError) return undefined;
  return {
    added: await sort(added, pause),
    removed: await sort(removed, pause),
    changed: await sort(changed, pause),
    ...(after.error && { error: after.error }),
  };
}

/** Sorts by code units: sorts short runs, then merges them in pairs. */
async function sort(names: readonly string[], pause: Pause): Promise<string[]> {
  let runs: string[][] = [];
  for (let at = 0; at < names.length; at += SORTED_A_SLICE) {
    if (at > 0) await pause();
    runs.push(names.slice(at, at + SORTED_A_SLICE).sort());
  }
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let i = 0; i < runs.length; i += 2)
      merged.push(await merge(runs[i] ?? [], runs[i + 1] ?? [], pause));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge(left: readonly string[], right: readonly string[], pause: Pause): Promise<string[]> {
  const merged: string[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [a, b] = [left[i], right[j]];
    if (b === undefined || (a !== undefined && a < b)) {
      merged.push(a as string);
      i++;
    } else {
      merged.push(b);
      j++;
    }
    if (merged.length % LOOKUPS_A_SLICE === 0) await pause();
  }
  return merged;
}

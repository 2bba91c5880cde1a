/**
 * Finds the candidate that a word was probably meant to be: the only one that begins with the word; else the nearest,
 * if at most two letters, and at most a third of its letters, differ.
 */
export function closest<T extends string>(word: string, candidates: readonly T[]): T | undefined {
  const longer = candidates.filter((candidate) => word !== '' && candidate.startsWith(word));
  if (longer.length === 1) return longer[0];
  return nearest(word, candidates, (candidate) => Math.min(2, Math.floor(candidate.length / 3)));
}

/**
 * Finds the setting that a dotted name was probably meant to be, if it is none: one that ends in the name (of at least
 * two parts); else the nearest, if at most a tenth of its letters differ. Letter case, and `-` for `_`, are ignored.
 */
export function closestSetting(name: string, settings: readonly string[]): string | undefined {
  if (settings.includes(name)) return undefined;
  const plain = name.toLowerCase().replaceAll('-', '_');
  const whole = settings.find((setting) => plain.includes('.') && setting.endsWith(`.${plain}`));
  return whole ?? nearest(plain, settings, (setting) => Math.floor(setting.length / 10));
}

function nearest<T extends string>(
  word: string,
  candidates: readonly T[],
  limitOf: (candidate: T) => number,
): T | undefined {
  const near = candidates
    .filter((candidate) => Math.abs(candidate.length - word.length) <= limitOf(candidate)) // spares the computation
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= limitOf(candidate))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate;
}

/** The Levenshtein distance: how many letters must be inserted, removed or changed. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

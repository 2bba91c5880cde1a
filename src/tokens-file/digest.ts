import { createHash } from 'node:crypto';

/** How much text is hashed in one call: fewer calls are faster, but a string has a maximum length. */
const TEXT_LENGTH = 64 * 1024;

/**
 * A digest of the entries that the server loads: nodes with the same tokens have the same digest, regardless of the
 * order, comments and line ends of their files. It is the SHA-256 of a line `key:hash` with LF for each entry, sorted by
 * UTF-16 code units, so `sort` and `sha256sum` give the same result for an ASCII file of entries.
 */
export function digestOf(entries: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  let text = '';
  for (const key of [...entries.keys()].sort()) {
    text += `${key}:${entries.get(key)}\n`;
    if (text.length < TEXT_LENGTH) continue;
    hash.update(text);
    text = '';
  }
  return `sha256:${hash.update(text).digest('hex')}`;
}

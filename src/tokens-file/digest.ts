import { createHash } from 'node:crypto';

/** So much is hashed in one call: fewer calls are quicker, and all at once may be more than a string can hold. */
const TEXT_LENGTH = 64 * 1024;

/**
 * Gives a short name to what the server loads: equal on nodes that hold the same tokens, whatever the order, comments
 * and line ends of their files. It is the SHA-256 of one `key:hash` and LF an entry, sorted by UTF-16 code units, so
 * that `sort` and `sha256sum` give the same for a plain file of ASCII.
 *
 * @param entries stored hashes by qualified name, as TokensText reads them
 *
 * @example digestOf(new ServiceTokensFile(path).entries()) // 'sha256:9f86d0...'
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

import type { EntryStore } from './entry-store.js';
import { FileContent } from './file-content.js';

/**
 * A tokens file that is read from one stream and written to another. An update without changes writes the old one.
 *
 * @param path its name in messages
 * @throws MALFORMED_FILE
 */
export function streamedTokens(
  bytes: Uint8Array,
  path: string,
  write: (chunks: readonly Uint8Array[]) => Promise<void>,
): EntryStore {
  const before = FileContent.parse(bytes, path);
  before.refuseForeign(path);
  return {
    isStream: true,
    read: () => before,
    // Writes the stream, then delivers: a token is not handed over if its entry could not be written.
    async update(edit, { deliver, signal, dryRun = false } = {}) {
      const { content = [bytes], result } = await edit(before);
      signal?.throwIfAborted();
      if (dryRun) return { result };
      await write(content);
      await deliver?.(result);
      return { result };
    },
  };
}

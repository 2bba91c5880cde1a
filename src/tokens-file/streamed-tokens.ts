import type { Edit, EntryStore, Updated, UpdateOptions } from './entry-store.js';
import { FileContent } from './file-content.js';
import { refuseForeignFile } from './foreign-file.js';

/** A tokens file that is read from one stream and written to another, if no file can be changed. */
export class StreamedTokens implements EntryStore {
  readonly path: string;
  readonly isStream = true;
  readonly #bytes: Uint8Array;
  readonly #content: FileContent;
  readonly #write: (chunks: readonly Uint8Array[]) => Promise<void>;

  /**
   * @param bytes the whole file
   * @param path its name in messages
   * @param write writes the new file, once; an update without changes writes the old one
   * @throws MALFORMED_FILE
   */
  constructor(bytes: Uint8Array, path: string, write: (chunks: readonly Uint8Array[]) => Promise<void>) {
    this.path = path;
    this.#bytes = bytes;
    this.#content = FileContent.parse(bytes, path);
    refuseForeignFile(this.#content, path);
    this.#write = write;
  }

  read(): FileContent {
    return this.#content;
  }

  /** Writes the stream, then delivers: a token is not handed over if its entry could not be written. */
  async update<R>(
    edit: Edit<R>,
    { deliver, signal, dryRun = false }: UpdateOptions<R> = {},
  ): Promise<Updated<R>> {
    const { content = [this.#bytes], result } = await edit(this.#content);
    signal?.throwIfAborted();
    if (dryRun) return { result };
    await this.#write(content);
    await deliver?.(result);
    return { result };
  }
}

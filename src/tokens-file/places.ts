const PLACES_IN_BLOCK = 2 ** 14;

/**
 * Where the keys of a tokens file begin, those of plain text too: four bytes each, in a list that grows by blocks, so
 * that growing copies nothing.
 */
export class Places {
  readonly #blocks: Uint32Array[] = [];
  #length = 0;
  #entries = 0;

  get length(): number {
    return this.#length;
  }

  /** How many of them are of entries, which the server loads. */
  get entries(): number {
    return this.#entries;
  }

  /** @param place an offset in the file, below 2^31 */
  push(place: number, isEntry: boolean): void {
    const at = this.#length++ % PLACES_IN_BLOCK;
    if (at === 0) this.#blocks.push(new Uint32Array(PLACES_IN_BLOCK));
    (this.#blocks.at(-1) as Uint32Array)[at] = place * 2 + Number(isEntry);
    if (isEntry) this.#entries++;
  }

  at(index: number): number {
    return this.#valueAt(index) >>> 1;
  }

  isEntry(index: number): boolean {
    return (this.#valueAt(index) & 1) === 1;
  }

  #valueAt(index: number): number {
    return this.#blocks[Math.floor(index / PLACES_IN_BLOCK)]?.[index % PLACES_IN_BLOCK] ?? 0;
  }

  /** A copy of those of entries. */
  toEntries(): Uint32Array {
    const entries = new Uint32Array(this.#entries);
    let length = 0;
    for (let i = 0; i < this.#length; i++) if (this.isEntry(i)) entries[length++] = this.at(i);
    return entries;
  }
}

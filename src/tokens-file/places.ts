const PLACES_IN_BLOCK = 2 ** 14;

/**
 * Collects the offsets of the entries of a tokens file, four bytes each. The list grows in blocks, so that growing does
 * not copy it.
 */
export class Places {
  readonly #blocks: Int32Array[] = [];
  #length = 0;

  /** @param place an offset in the file, below 2^31 */
  push(place: number): void {
    const at = this.#length++ % PLACES_IN_BLOCK;
    if (at === 0) this.#blocks.push(new Int32Array(PLACES_IN_BLOCK));
    (this.#blocks.at(-1) as Int32Array)[at] = place;
  }

  toArray(): Int32Array {
    const places = new Int32Array(this.#length);
    for (const [i, block] of this.#blocks.entries()) {
      places.set(block.subarray(0, this.#length - i * PLACES_IN_BLOCK), i * PLACES_IN_BLOCK);
    }
    return places;
  }
}

import type { Bytes } from '../base/bytes.ts';
import type { Slab } from '../base/slab.ts';
import { type DerPart, InnerElement, putPart } from './der-writer.ts';

/**
 * A structure of which many are made that differ in a few parts: laid out once, then copied with the parts of each in
 * their places. Parts of other lengths move what lies behind them, so they need a mould of their own.
 */
export class DerMould {
  readonly #whole: Bytes;
  readonly #places: readonly number[];
  readonly #lengths: readonly number[];

  /** @param parts those that differ: each is one of the very objects that `whole` is made of. */
  constructor(whole: InnerElement, parts: readonly DerPart[]) {
    this.#whole = new Uint8Array(whole.length);
    putPart(this.#whole, 0, whole);
    const found = new Map<DerPart, number>();
    findParts(whole, 0, found);
    this.#places = parts.map((part) => {
      const place = found.get(part);
      if (place === undefined) throw new RangeError('mould: expected parts of the structure');
      return place;
    });
    this.#lengths = parts.map(({ length }) => length);
  }

  /** Whether parts of these lengths have their places in it. */
  fits(parts: readonly DerPart[]): boolean {
    const lengths = this.#lengths;
    if (parts.length !== lengths.length) return false;
    for (let i = 0; i < lengths.length; i++) if (parts[i]?.length !== lengths[i]) return false;
    return true;
  }

  /** The structure with these parts, which have to fit, in the order of the first ones. @param slab where it is put. */
  cast(parts: readonly DerPart[], slab: Slab): Bytes {
    const out = slab.take(this.#whole.length);
    out.set(this.#whole);
    for (let i = 0; i < parts.length; i++) putPart(out, this.#places[i] as number, parts[i] as DerPart);
    return out;
  }
}

/** Where each part begins; `at` is where the element itself does. */
function findParts(element: InnerElement, at: number, found: Map<DerPart, number>): void {
  let place = at + element.length - element.contentBytes;
  for (const part of element.parts) {
    found.set(part, place);
    if (part instanceof InnerElement) findParts(part, place, found);
    place += part.length;
  }
}

import type { Bytes } from '../base/bytes.ts';

/** Where chance comes from: the operating system in the field, a seed in the simulator. */
export interface Random {
  /** Unpredictable bytes, fit for keys, tokens and serials. */
  bytes(length: number): Bytes;
  /** A whole number in `[0, bound)`, for choices that need not be secret. */
  below(bound: number): number;
}

/** Picks up to `count` different items, in random order. Does not change `items`. */
export function sample<T>(random: Random, items: readonly T[], count: number): T[] {
  const pool = items.slice();
  const picked: T[] = [];
  while (picked.length < count && pool.length > 0) {
    const at = random.below(pool.length);
    picked.push(pool[at] as T);
    pool[at] = pool[pool.length - 1] as T;
    pool.pop();
  }
  return picked;
}

/** `spanMs` made longer or shorter by up to `fraction` of itself, so that many nodes do not act in step. */
export function jittered(random: Random, spanMs: number, fraction: number): number {
  return spanMs * (1 - fraction + (2 * fraction * random.below(1_000)) / 1_000);
}

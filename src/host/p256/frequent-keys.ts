import type { Bytes } from '../../base/bytes.ts';
import { putSha256 } from '../../crypto/hash.ts';
import { type PublicKey, SIGNATURE_BYTES } from '../../crypto/public-key.ts';
import type { CheckSignature } from '../../ports/signature-check.ts';
import { loadP256Addon, type P256Addon, type P256Table } from './addon.ts';

/** Keys that have a table at a time. 128 × 32 KiB = 4 MiB; who comes later is checked as without tables. */
export const KEY_TABLES_MAX = 128;

/**
 * Good signatures of a key in a period before it is given a table. A table costs 200 µs and spares 28 with each check, so
 * that no key costs twice what it had to. @tuning
 */
export const CHECKS_BEFORE_TABLE = 8;

/**
 * Good signatures, of all keys together, after which tables of keys that made fewer than {@link CHECKS_BEFORE_TABLE} of
 * them are given up: 128 tables in 8,192 checks are 3 µs a check, whoever signs in what order. @tuning
 */
export const CHECKS_IN_PERIOD = 8_192;

/** One good signature of a table in so many, the first among them, is checked by node:crypto as well. @tuning */
const CONFIRMED_EVERY = 128;

interface KeyTable {
  readonly table: P256Table;
  good: number;
}

/**
 * Signature checks for who hears the same keys again and again. What the addon refuses, node:crypto judges; so it decides
 * alone only that a signature holds, and one that is refused was refused by OpenSSL.
 */
export class FrequentKeys {
  #addon: P256Addon | undefined;
  readonly #onFault: (error: Error) => void;
  readonly #tables = new Map<PublicKey, KeyTable>();
  /** Good signatures of this period. */
  readonly #counts = new Map<PublicKey, number>();
  #countedAll = 0;
  readonly #digest = new Uint8Array(32);

  /** @param onFault told once, where the addon took a signature that node:crypto refuses; it is not asked again. */
  constructor(addon: P256Addon, onFault: (error: Error) => void) {
    this.#addon = addon;
    this.#onFault = onFault;
  }

  get tableCount(): number {
    return this.#tables.size;
  }

  readonly check: CheckSignature = (key, algorithm, data, signature) => {
    if (this.#addon === undefined || algorithm !== 'ES256' || key.algorithm !== 'P-256')
      return key.verify(algorithm, data, signature);
    const known = this.#tables.get(key);
    const isConfirmed = known !== undefined && this.#holds(this.#addon, known.table, data, signature);
    const isTaken = isConfirmed && known.good % CONFIRMED_EVERY !== 0;
    if (!isTaken && !key.verify(algorithm, data, signature)) {
      if (isConfirmed) this.#giveUp();
      return false;
    }
    if (isConfirmed) known.good++;
    this.#count(this.#addon, key);
    return true;
  };

  #holds(addon: P256Addon, table: P256Table, data: Bytes, signature: Bytes): boolean {
    if (signature.length !== SIGNATURE_BYTES) return false;
    putSha256(data, this.#digest, 0);
    return addon.verify(table, this.#digest, signature);
  }

  #count(addon: P256Addon, key: PublicKey): void {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count === CHECKS_BEFORE_TABLE && !this.#tables.has(key) && this.#tables.size < KEY_TABLES_MAX) {
      const table = createTable(addon, key);
      if (table !== undefined) this.#tables.set(key, { table, good: 0 });
    }
    if (++this.#countedAll < CHECKS_IN_PERIOD) return;
    for (const key of this.#tables.keys())
      if ((this.#counts.get(key) ?? 0) < CHECKS_BEFORE_TABLE) this.#tables.delete(key);
    this.#counts.clear();
    this.#countedAll = 0;
  }

  #giveUp(): void {
    this.#addon = undefined;
    this.#tables.clear();
    this.#counts.clear();
    this.#onFault(new Error('addon p256-checker took a signature that node:crypto refuses; it is not asked again'));
  }
}

/** The cheapest checks that this machine has: see {@link FrequentKeys}; `undefined` where the addon is not there. */
export function frequentKeys(onFault: (error: Error) => void): CheckSignature | undefined {
  try {
    return new FrequentKeys(loadP256Addon(), onFault).check;
  } catch {
    return undefined; // not built here: `chainmail doctor` says so
  }
}

/** `undefined` where memory is short. */
function createTable(addon: P256Addon, { spki }: PublicKey): P256Table | undefined {
  try {
    return addon.createTable(spki.slice(-64));
  } catch {
    return undefined;
  }
}

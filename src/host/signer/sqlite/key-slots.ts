import { type Bytes, toHex } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { SignerStatements } from './statements.ts';

/** Two octets name a key in each signature's row, in place of its 65. */
export const KEY_SLOTS_MAX = 65_536;

/** Short names of public keys in `signer.db`. Each call is part of a transaction, which is the caller's. */
export class KeySlots {
  readonly #statements: SignerStatements;
  readonly #known = new Map<string, Bytes>();

  constructor(statements: SignerStatements) {
    this.#statements = statements;
  }

  /** The slot of a key, given out where it has none yet. @throws ERR_STORE where there are none left. */
  of(publicKey: Bytes): Bytes {
    const name = toHex(publicKey);
    const slot = this.#known.get(name) ?? this.#find(publicKey) ?? this.#insert(publicKey);
    this.#known.set(name, slot);
    return slot;
  }

  /** What was given out in a transaction that is undone was never given out. */
  forget(): void {
    this.#known.clear();
  }

  #find(publicKey: Bytes): Bytes | undefined {
    return this.#statements.findSlot.get(publicKey)?.['slot'] as Bytes | undefined;
  }

  #insert(publicKey: Bytes): Bytes {
    const next = Number(this.#statements.countKeys.get()?.['n']);
    if (next >= KEY_SLOTS_MAX)
      throw new MeshError('ERR_STORE', `the store has signatures of ${KEY_SLOTS_MAX} keys`, 'begin a new store');
    const slot = Uint8Array.of(next >> 8, next & 0xff);
    this.#statements.insertKey.run(slot, publicKey);
    return slot;
  }
}

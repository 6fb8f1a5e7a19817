import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { AddScalarToPoint } from '../../ports/point-adder.ts';
import { ckdPub } from '../key-tree/child-key.ts';
import { HARDENED } from '../key-tree/derivation-path.ts';
import { ExtendedPublicKey, MASTER_PLACE } from '../key-tree/extended-key.ts';
import { parseExtendedKey } from '../key-tree/extended-key-text.ts';
import { type DelegateKey, openDelegateKey } from './delegate-key.ts';

/**
 * The key of a subtree that a device holds, from its `xpub…`: a statement for it vouches for every child of it.
 *
 * The device keeps the private half, so it must be worth nothing above itself. A child that is not hardened gives the
 * private key above it away to whoever has that one's public half (T1).
 *
 * @throws ERR_KEY_... for what is no extended key; ERR_DELEGATE_KEY for a private one, and one that is not hardened.
 */
export function subtreeKeyOf(xpub: string): DelegateKey {
  const key = parseExtendedKey(xpub);
  if (!(key instanceof ExtendedPublicKey)) {
    key[Symbol.dispose]();
    throw new MeshError(
      'ERR_DELEGATE_KEY',
      'the extended key is a private one: it stays on the device',
      'give its public half: chainmail key import XPRV shows it',
    );
  }
  const { depth, index } = key.place;
  if (depth > 0 && index < HARDENED)
    throw new MeshError(
      'ERR_DELEGATE_KEY',
      `the subtree is child ${index} of another key, not hardened: its private half gives that of the other away`,
      'take a hardened one: chainmail key subtree',
    );
  return { curve: 'secp256k1', bytes: key.publicKey, chainCode: key.chainCode };
}

/** Which child of a subtree signs a stream: each start of a device has a key of its own. */
export function subtreeIndexOf(incarnation: number): number {
  return incarnation % HARDENED;
}

/** The key or keys that one statement vouches for. */
export class DelegateKeys {
  readonly #single: PublicKey | undefined;
  readonly #subtree: ExtendedPublicKey | undefined;
  readonly #add: AddScalarToPoint | undefined;
  /** Of the subtree: streams come one after another, and a batch is known by its very key. */
  #last: { readonly index: number; readonly key: PublicKey } | undefined;

  /** @param add see `ports/point-adder.ts`. @throws ERR_DELEGATE_KEY */
  constructor(key: DelegateKey, add?: AddScalarToPoint) {
    const opened = openDelegateKey(key);
    this.#single = key.chainCode === undefined ? opened : undefined;
    this.#subtree = key.chainCode === undefined ? undefined : extendedKeyOf(key.bytes, key.chainCode);
    this.#add = add;
  }

  /** The key of the stream of this incarnation. @throws ERR_KEY_INDEX: there is none, which happens once in 2^127. */
  of(incarnation: number): PublicKey {
    if (this.#subtree === undefined) return this.#single as PublicKey;
    const index = subtreeIndexOf(incarnation);
    if (this.#last?.index !== index) {
      const bytes = ckdPub(this.#subtree, index, this.#add).publicKey;
      this.#last = { index, key: openDelegateKey({ curve: 'secp256k1', bytes }) };
    }
    return this.#last.key;
  }
}

/** Where it lies in its tree is not said, and nothing below it depends on that. */
function extendedKeyOf(point: Bytes, chainCode: Bytes): ExtendedPublicKey {
  return new ExtendedPublicKey('secp256k1', MASTER_PLACE, chainCode, point);
}

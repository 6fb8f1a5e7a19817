import { type Bytes } from '../../base/bytes.ts';
import { uncompressPoint } from '../../crypto/curve/curve-point.ts';
import { hash160 } from '../../crypto/hash.ts';
import { Secret } from '../../crypto/secret.ts';
import { publicKeyOf, serializePublicKey, type TreeCurve } from './tree-curve.ts';

export const FINGERPRINT_BYTES = 4;

/** The parent's fingerprint of a key that has no parent. */
const NO_PARENT: Bytes = new Uint8Array(FINGERPRINT_BYTES);

/** Where a key lies in its tree. */
export interface TreePlace {
  /** 0 for a master key. */
  readonly depth: number;
  /** First 4 bytes of the parent's identifier; zeros for a master key. */
  readonly parentFingerprint: Bytes;
  /** Its index under its parent; 0 for a master key. */
  readonly index: number;
}

export const MASTER_PLACE: TreePlace = { depth: 0, parentFingerprint: NO_PARENT, index: 0 };

/**
 * A public key and its chain code (BIP-32, «Extended keys»). Who has it can derive the public keys of all children that
 * are not hardened, and with the private key of any one of them its own private key (T1).
 */
export class ExtendedPublicKey {
  readonly curve: TreeCurve;
  readonly place: TreePlace;
  /** 32 bytes. */
  readonly chainCode: Bytes;
  /** A compressed point; 32 bytes of Ed25519. */
  readonly publicKey: Bytes;
  #fingerprint: Bytes | undefined;
  #point: Bytes | undefined;

  /** @param publicKey on its curve: checked where it came in. */
  constructor(curve: TreeCurve, place: TreePlace, chainCode: Bytes, publicKey: Bytes) {
    this.curve = curve;
    this.place = place;
    this.chainCode = chainCode;
    this.publicKey = publicKey;
  }

  /** First 4 bytes of HASH160 of the public key. */
  get fingerprint(): Bytes {
    this.#fingerprint ??= hash160(serializePublicKey(this.curve, this.publicKey)).subarray(0, FINGERPRINT_BYTES);
    return this.#fingerprint;
  }

  /** The point uncompressed, worked out once: many children are derived from one parent. @throws RangeError: Ed25519. */
  get point(): Bytes {
    if (this.curve === 'Ed25519') throw new RangeError('a key of Ed25519 has no children to be derived from it');
    this.#point ??= uncompressPoint(this.curve, this.publicKey);
    return this.#point;
  }
}

/** A private key and its chain code. Dispose of it as soon as it has done its work. */
export class ExtendedPrivateKey implements Disposable {
  readonly privateKey: Secret;
  /** Its public half. */
  readonly public: ExtendedPublicKey;

  private constructor(privateKey: Secret, publicKey: ExtendedPublicKey) {
    this.privateKey = privateKey;
    this.public = publicKey;
  }

  /** @param privateKey 32 bytes; copied, so the caller wipes its own. @throws ERR_KEY_RANGE */
  static of(curve: TreeCurve, place: TreePlace, chainCode: Bytes, privateKey: Bytes): ExtendedPrivateKey {
    const publicKey = new ExtendedPublicKey(curve, place, chainCode, publicKeyOf(curve, privateKey));
    return new ExtendedPrivateKey(new Secret(privateKey), publicKey);
  }

  [Symbol.dispose](): void {
    this.privateKey[Symbol.dispose]();
  }
}

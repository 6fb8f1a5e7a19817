import { type Bytes, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { PublicKey } from '../../crypto/keys/public-key.ts';

/** Curves of delegate keys, by their COSE numbers (RFC 9053 section 7.1, RFC 8812 section 3.1). */
const COSE_CURVE = { 'P-256': 1, Ed25519: 6, secp256k1: 8 } as const;
export type DelegateCurve = keyof typeof COSE_CURVE;

/** A device's own public key, that somebody vouches for, or the root of a tree of them. */
export interface DelegateKey {
  readonly curve: DelegateCurve;
  /** A compressed point, or the 32 bytes of Ed25519. */
  readonly bytes: Bytes;
  /**
   * Present for a subtree, of secp256k1: the children of the key sign, and never the key itself (`subtree.ts`). 32 bytes.
   */
  readonly chainCode?: Bytes | undefined;
}

/** Of an extended key (BIP-32). */
export const CHAIN_CODE_BYTES = 32;

/** Octets of the longer of the forms. */
export const DELEGATE_KEY_BYTES_MAX = 33;

export function coseCurveOf(curve: DelegateCurve): number {
  return COSE_CURVE[curve];
}

/** @throws ERR_DELEGATE_KEY */
export function curveOfCose(number: number): DelegateCurve {
  const found = (Object.keys(COSE_CURVE) as DelegateCurve[]).find((curve) => COSE_CURVE[curve] === number);
  if (found === undefined) throw new MeshError('ERR_DELEGATE_KEY', `curve ${number} of a delegate key is unknown`);
  return found;
}

export function isSameKey(a: DelegateKey, b: DelegateKey): boolean {
  const text = ({ curve, bytes, chainCode }: DelegateKey): string =>
    `${curve}:${toHex(bytes)}:${chainCode === undefined ? '' : toHex(chainCode)}`;
  return text(a) === text(b);
}

/** The key as it checks signatures. @throws ERR_DELEGATE_KEY for what is no key of its curve. */
export function openDelegateKey({ curve, bytes }: DelegateKey): PublicKey {
  try {
    return PublicKey.fromRaw(curve, bytes);
  } catch (error) {
    throw new MeshError('ERR_DELEGATE_KEY', `delegate key is not a key of ${curve} in its one form`, undefined, {
      cause: error,
    });
  }
}

import { type Bytes, bytesEqual, concatBytes, toHex, utf8 } from '../../base/bytes.ts';
import { keccak256 } from '../../crypto/keccak.ts';
import { secp256k1PublicKey } from '../../crypto/secp256k1/key.ts';
import { recoverSecp256k1, signRecoverable } from '../../crypto/secp256k1/recover.ts';
import type { Secret } from '../../crypto/secret.ts';
import { WALLET_ADDRESS_BYTES, walletAddressOf } from '../../crypto/secp256k1/wallet-address.ts';

/** What wallets add to the recovery id (27 or 28), from Bitcoin's first message format. */
const WALLET_V_OFFSET = 27;

/** `0x` and 40 hex digits, in lower case. */
export function addressText(address: Bytes): string {
  return `0x${toHex(address)}`;
}

/** The digest that a wallet signs for a message of EIP-191, version 0x45 (`personal_sign`). */
export function personalMessageHash(message: Bytes): Bytes {
  return keccak256(concatBytes(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
}

/**
 * The key that signed the message as a wallet does, v 27 or 28; the 0 and 1 of other signers are taken too.
 * @returns `undefined` where none did.
 */
export function recoverPersonalMessage(message: Bytes, signature: Bytes): Bytes | undefined {
  const v = signature[64] ?? 0;
  const plain = v >= WALLET_V_OFFSET ? withV(signature, v - WALLET_V_OFFSET) : signature;
  return recoverSecp256k1(personalMessageHash(message), plain);
}

/** A key of an Ethereum kind: a user's, or a node's own with which it makes events (S3.12). */
export interface Wallet {
  readonly address: Bytes;
  /** `04 ‖ x ‖ y` */
  readonly publicKey: Bytes;
  /** Signs a hash itself; v is 0 or 1. */
  signHash(hash: Bytes): Bytes;
  /** Signs a message of EIP-191; v is 27 or 28. */
  signPersonal(message: Bytes): Bytes;
}

/** @throws ERR_KEY where the secret is no key of secp256k1. */
export function walletOf(key: Secret): Wallet {
  const publicKey = secp256k1PublicKey(key);
  return {
    address: walletAddressOf(publicKey),
    publicKey,
    signHash: (hash) => signRecoverable(key, hash),
    signPersonal: (message) => {
      const signature = signRecoverable(key, personalMessageHash(message));
      return withV(signature, (signature[64] as number) + WALLET_V_OFFSET);
    },
  };
}

/** Whether two addresses are one. */
export function isSameAddress(a: Bytes, b: Bytes): boolean {
  return a.length === WALLET_ADDRESS_BYTES && bytesEqual(a, b);
}

function withV(signature: Bytes, v: number): Bytes {
  const out = new Uint8Array(signature);
  out[64] = v;
  return out;
}

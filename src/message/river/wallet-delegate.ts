import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { isSecp256k1Point, RECOVERABLE_SIGNATURE_BYTES, recoverSecp256k1 } from '../../crypto/secp256k1/recover.ts';
import { walletAddressOf } from '../../crypto/secp256k1/wallet-address.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../identity/delegate/statement.ts';
import { riverHash } from './river-hash.ts';
import { addressText, isSameAddress, recoverPersonalMessage, type Wallet } from './wallet.ts';

const HASH_SOURCE_HEADER = utf8('RIVERSIG');

/** «A wallet lets this device sign for it until then»: `delegate_sig` and what it covers (S3.10, S3.14). */
export interface WalletDelegate {
  /** Address of the wallet, 20 bytes. */
  readonly creator: Bytes;
  /** Public key of the device: `04 ‖ x ‖ y`, or `x ‖ y`, which gives other bytes to sign. */
  readonly deviceKey: Bytes;
  /** Milliseconds since 1970; 0 for ever. A signed 64-bit integer. */
  readonly expiresAtMs: bigint;
  /** 65 bytes; v 27 or 28, or 0 or 1. */
  readonly signature: Bytes;
}

/**
 * What the wallet signs: `"RIVERSIG" ‖ device key(64 or 65) ‖ expiry(8, LE, signed)`.
 *
 * @throws ERR_WALLET_EXPIRY for a negative expiry, or one beyond 64 bits.
 * @throws ERR_WALLET_KEY for anything but a point of secp256k1 in one of the two forms.
 */
export function delegateHashSource(deviceKey: Bytes, expiresAtMs: bigint): Bytes {
  if (expiresAtMs < 0n || BigInt.asIntN(64, expiresAtMs) !== expiresAtMs)
    throw new MeshError('ERR_WALLET_EXPIRY', `expiry of the delegate is ${expiresAtMs}, expected 0 to 2^63 - 1`);
  const point = deviceKey.length === 64 ? concatBytes(Uint8Array.of(4), deviceKey) : deviceKey;
  if (!isSecp256k1Point(point))
    throw new MeshError('ERR_WALLET_KEY', `device key of ${deviceKey.length} bytes is no point of secp256k1`);
  const expiry = new Uint8Array(8);
  new DataView(expiry.buffer).setBigInt64(0, expiresAtMs, true);
  return concatBytes(HASH_SOURCE_HEADER, deviceKey, expiry);
}

/** Has the wallet let a device sign. @throws as {@link delegateHashSource}. */
export function signWalletDelegate(wallet: Wallet, deviceKey: Bytes, expiresAtMs: bigint): WalletDelegate {
  const signature = wallet.signPersonal(delegateHashSource(deviceKey, expiresAtMs));
  return { creator: wallet.address, deviceKey, expiresAtMs, signature };
}

/**
 * That the creator's wallet signed this delegate. Whether it has expired is another question, which needs a clock:
 * {@link judgeDelegateExpiry}.
 *
 * @throws ERR_WALLET_EXPIRY, ERR_WALLET_KEY, ERR_WALLET_ENCODING (length or v), ERR_WALLET_LEGACY (one of the old forms
 *   that bind no expiry), ERR_WALLET_SIGNATURE (another wallet, device or expiry), asked in this order.
 */
export function verifyWalletDelegate({ creator, deviceKey, expiresAtMs, signature }: WalletDelegate): void {
  // 1. What is signed must be expressible at all: a negative expiry would be one in the far future, read unsigned.
  const source = delegateHashSource(deviceKey, expiresAtMs);
  // 2. One form of the signature: the compact one of EIP-2098 is a second signature of the same statement.
  if (signature.length !== RECOVERABLE_SIGNATURE_BYTES)
    throw new MeshError('ERR_WALLET_ENCODING', `delegate signature has ${signature.length} bytes, expected 65`);
  const v = signature[64] as number;
  if (v !== 0 && v !== 1 && v !== 27 && v !== 28)
    throw new MeshError('ERR_WALLET_ENCODING', `delegate signature has v = ${v}, expected 27 or 28, or 0 or 1`);
  // 3. Forgery: another wallet's signature, or one for another device or another expiry.
  const signer = recoverPersonalMessage(source, signature);
  if (signer !== undefined && isSameAddress(walletAddressOf(signer), creator)) return;
  // 4. A statement from before there was an expiry would live for ever: told apart, so that the remedy is clear.
  if (isLegacy(creator, deviceKey, signature))
    throw new MeshError(
      'ERR_WALLET_LEGACY',
      `delegate of ${addressText(creator)} is signed in a form without an expiry`,
    );
  throw new MeshError(
    'ERR_WALLET_SIGNATURE',
    `delegate is not signed by ${addressText(creator)} for this device and expiry`,
  );
}

/**
 * That the delegate still holds at `now`: equal to the expiry is too late.
 *
 * @param forever whether an expiry of 0 is taken, as River does. Else every delegate must end.
 * @throws ERR_WALLET_EXPIRED or ERR_WALLET_FOREVER
 */
export function judgeDelegateExpiry(expiresAtMs: bigint, now: UnixMs, forever: 'refused' | 'allowed'): void {
  if (expiresAtMs === 0n) {
    if (forever === 'allowed') return;
    throw new MeshError('ERR_WALLET_FOREVER', 'delegate has no expiry, expected one');
  }
  if (BigInt(now) >= expiresAtMs)
    throw new MeshError('ERR_WALLET_EXPIRED', `event delegate has expired: its time was ${expiresAtMs}, it is ${now}`);
}

/**
 * That a delegate ends soon enough (S3.14, T10), asked where what it signs is taken: who finds a device has this long at
 * most. River bounds nothing, so with `forever` allowed this is not asked.
 *
 * @throws ERR_WALLET_LIFETIME
 */
export function judgeDelegateLife(expiresAtMs: bigint, now: UnixMs, forever: 'refused' | 'allowed'): void {
  if (forever === 'refused' && expiresAtMs - BigInt(now) > BigInt(WALLET_DELEGATE_MS_MAX))
    throw new MeshError(
      'ERR_WALLET_LIFETIME',
      `event delegate ends at ${expiresAtMs}, it is ${now}: expected at most ${WALLET_DELEGATE_MS_MAX} ms from now`,
    );
}

/** A signature over RiverHash of the key alone, either over the hash itself or as a wallet's message: River before 2024. */
function isLegacy(creator: Bytes, deviceKey: Bytes, signature: Bytes): boolean {
  const hash = riverHash(deviceKey);
  const signers = [recoverSecp256k1(hash, signature), recoverPersonalMessage(hash, signature)];
  return signers.some((signer) => signer !== undefined && isSameAddress(walletAddressOf(signer), creator));
}

import { type Bytes, bytesEqual, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { recoverSecp256k1 } from '../../crypto/secp256k1/recover.ts';
import { walletAddressOf } from '../../crypto/secp256k1/wallet-address.ts';
import { type Envelope, STREAM_EVENT, type StreamEvent } from './envelope.ts';
import { checkEventShape } from './event-shape.ts';
import { riverHash } from './river-hash.ts';
import { addressText, isSameAddress, type Wallet } from './wallet.ts';
import { judgeDelegateExpiry, verifyWalletDelegate } from './wallet-delegate.ts';

/** Octets of an event. River's own largest are media chunks of 1.2 MB; what is around them needs less than the rest. */
export const EVENT_BYTES_MAX = 1_300_000;

/** An event whose hash and signatures hold. */
export interface RiverEvent {
  /** Its identity: the hash of the bytes that were signed. */
  readonly hash: Bytes;
  readonly envelope: Envelope;
  readonly event: StreamEvent;
  /** Public key of the device or wallet that signed the envelope, `04 ‖ x ‖ y`. */
  readonly signerKey: Bytes;
  /** Its address. */
  readonly signer: Bytes;
  /** Whether the signer speaks for the creator by a delegate, not with the creator's own key. */
  readonly isDelegated: boolean;
}

/**
 * Judges an envelope in the order of River's nodes (`ParseEvent`), so that each fault gives River's code. Its delegate
 * may have expired: {@link judgeEventExpiry}.
 *
 * @throws ERR_EVENT_MISSING, ERR_EVENT_HASH, ERR_EVENT_RECOVERY, ERR_PROTOBUF, ERR_EVENT_SIGNATURE, or what
 *   {@link verifyWalletDelegate} throws.
 */
export function parseEvent(envelope: Envelope | undefined): RiverEvent {
  // 1. Nothing to judge.
  if (envelope === undefined) throw new MeshError('ERR_EVENT_MISSING', 'no envelope given');
  if (envelope.event.length > EVENT_BYTES_MAX)
    throw new MeshError(
      'ERR_PROTOBUF',
      `event has ${envelope.event.length} bytes, expected at most ${EVENT_BYTES_MAX}`,
    );
  // 2. Tampering: the hash is over the bytes as they came, unknown fields and all.
  const hash = riverHash(envelope.event);
  if (!bytesEqual(hash, envelope.hash))
    throw new MeshError('ERR_EVENT_HASH', `hash of the event is ${toHex(hash)}, not what the envelope says`);
  // 3. Garbage for a signature.
  const signerKey = recoverSecp256k1(hash, envelope.signature);
  if (signerKey === undefined) throw new MeshError('ERR_EVENT_RECOVERY', recoveryFault(envelope.signature));
  // 4. An event that others could not read would make its whole stream unreadable.
  checkEventShape(envelope.event);
  const event = STREAM_EVENT.decode(envelope.event);
  // 5. Impersonation. A delegate that is there must be for the signer, even where the signer is the creator.
  const signer = walletAddressOf(signerKey);
  const isDelegated = event.delegateSig.length > 0;
  if (isDelegated) {
    verifyWalletDelegate({
      creator: event.creatorAddress,
      deviceKey: signerKey,
      expiresAtMs: event.delegateExpiryEpochMs,
      signature: event.delegateSig,
    });
  } else if (!isSameAddress(signer, event.creatorAddress)) {
    throw new MeshError(
      'ERR_EVENT_SIGNATURE',
      `event is signed by ${addressText(signer)}, its creator is ${toHex(event.creatorAddress.subarray(0, 32))}`,
    );
  }
  return { hash, envelope, event, signerKey, signer, isDelegated };
}

/**
 * That the event's delegate holds at `now`. As in River an expiry that is set counts without a delegate too.
 *
 * @throws ERR_WALLET_EXPIRED, ERR_WALLET_FOREVER
 */
export function judgeEventExpiry(
  { event, isDelegated }: RiverEvent,
  now: UnixMs,
  forever: 'refused' | 'allowed',
): void {
  const { delegateExpiryEpochMs } = event;
  if (isDelegated || delegateExpiryEpochMs > 0n) judgeDelegateExpiry(delegateExpiryEpochMs, now, forever);
}

/** Signs an event as its creator, or with a delegate's device. @param event as it will be stored for ever. */
export function sealEvent(wallet: Wallet, event: Partial<StreamEvent>): Envelope {
  const bytes = STREAM_EVENT.encode(event);
  const hash = riverHash(bytes);
  return { hash, signature: wallet.signHash(hash), event: bytes };
}

function recoveryFault(signature: Bytes): string {
  if (signature.length !== 65) return `signature of the envelope has ${signature.length} bytes, expected 65`;
  const v = signature[64] as number;
  if (v > 1) return `signature of the envelope has v = ${v}, expected 0 or 1`;
  return 'signature of the envelope belongs to no key';
}

import { type Bytes, concatBytes, fromHex, utf8 } from '../../src/base/bytes.ts';
import { bytesField } from '../../src/codec/protobuf-wire.ts';
import { Secret } from '../../src/crypto/secret.ts';
import { type Envelope, PAYLOAD, STREAM_EVENT, type StreamEvent } from '../../src/message/river/envelope.ts';
import { riverHash } from '../../src/message/river/river-hash.ts';
import { type Wallet, walletOf } from '../../src/message/river/wallet.ts';
import { signWalletDelegate } from '../../src/message/river/wallet-delegate.ts';

export function walletFrom(hex: string): Wallet {
  return walletOf(new Secret(fromHex(hex)));
}

/** Three wallets that are nobody's: the creator, its device, and another one's device. */
export const ALICE = walletFrom('a1'.repeat(32));
export const DEVICE = walletFrom('d1'.repeat(32));
export const MALLORY = walletFrom('bad0'.repeat(16));

/** 2033-05-18, so that no test depends on today. */
export const LATER_MS = 2_000_000_000_000n;

/** `ChannelPayload { message: EncryptedData { ciphertext: text } }` */
export function channelMessage(text: string): StreamEvent['payload'] {
  return { number: PAYLOAD.channel, parts: [bytesField(2, bytesField(1, utf8(text)))] };
}

/** An event as its bytes, before anybody has signed it. */
export function eventBytes(members: Partial<StreamEvent> = {}): Bytes {
  return STREAM_EVENT.encode({
    creatorAddress: ALICE.address,
    salt: utf8('salt'),
    prevMiniblockHash: new Uint8Array(32).fill(0xab),
    createdAtEpochMs: 1_700_000_000_000n,
    payload: channelMessage('hello'),
    ...members,
  });
}

/** An event of Alice that her device signs under a delegate. */
export function delegatedBytes(expiresAtMs: bigint = LATER_MS, members: Partial<StreamEvent> = {}): Bytes {
  const { signature } = signWalletDelegate(ALICE, DEVICE.publicKey, expiresAtMs);
  return eventBytes({ delegateSig: signature, delegateExpiryEpochMs: expiresAtMs, ...members });
}

/** Any bytes as an event that is correctly hashed and signed. */
export function seal(wallet: Wallet, event: Bytes): Envelope {
  const hash = riverHash(event);
  return { hash, signature: wallet.signHash(hash), event };
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The other signature of the same message: n - s, and the other v. */
export function highTwin(signature: Bytes): Bytes {
  const s = ORDER - BigInt(`0x${signature.subarray(32, 64).toHex()}`);
  return concatBytes(
    signature.subarray(0, 32),
    fromHex(s.toString(16).padStart(64, '0')),
    Uint8Array.of(flipped(signature[64] as number)),
  );
}

function flipped(v: number): number {
  return v >= 27 ? 55 - v : 1 - v;
}

export function withV(signature: Bytes, v: number): Bytes {
  const out = new Uint8Array(signature);
  out[64] = v;
  return out;
}

/** The 64 bytes of EIP-2098: v in the highest bit of s. */
export function compactOf(signature: Bytes): Bytes {
  const out = new Uint8Array(signature.subarray(0, 64));
  if (((signature[64] as number) - 27) % 2 !== 0) out[32] = (out[32] as number) | 0x80;
  return out;
}

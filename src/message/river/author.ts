import type { Bytes } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import type { OneOf } from '../../codec/protobuf-message.ts';
import type { DelegatedSigner } from './bearer-token.ts';
import type { Envelope } from './envelope.ts';
import { sealEvent } from './parse-event.ts';
import type { Wallet } from './wallet.ts';
import type { WalletDelegate } from './wallet-delegate.ts';

/** Who makes events: a wallet, or a device in the name of one. */
export interface Author {
  /** Address in whose name. */
  readonly creator: Bytes;
  /** Whose key signs. */
  readonly signer: Wallet;
  /** Present where that is a device's. */
  readonly delegate: WalletDelegate | undefined;
}

export function walletAuthor(wallet: Wallet): Author {
  return { creator: wallet.address, signer: wallet, delegate: undefined };
}

export function deviceAuthor({ device, delegate }: DelegatedSigner): Author {
  return { creator: delegate.creator, signer: device, delegate };
}

/** What an event says, and where. */
export interface EventWish {
  readonly payload: OneOf;
  /** So that the same said twice is two events. */
  readonly salt: Bytes;
  readonly at: UnixMs;
  /** The last block of the stream; absent in the events that a stream begins with. */
  readonly previous?: { readonly hash: Bytes; readonly number: bigint } | undefined;
}

export function makeEvent({ creator, signer, delegate }: Author, { payload, salt, at, previous }: EventWish): Envelope {
  return sealEvent(signer, {
    creatorAddress: creator,
    salt,
    createdAtEpochMs: BigInt(at),
    payload,
    ...(previous === undefined ? {} : { prevMiniblockHash: previous.hash, prevMiniblockNum: previous.number }),
    ...(delegate === undefined ? {} : { delegateSig: delegate.signature, delegateExpiryEpochMs: delegate.expiresAtMs }),
  });
}

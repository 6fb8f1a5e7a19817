import { type Bytes, concatBytes, EMPTY } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import {
  bool,
  bytesOf,
  int64,
  MessageSchema,
  messageOf,
  type OneOf,
  optionalBytes,
  repeatedBytes,
  repeatedMessage,
} from '../../codec/protobuf-message.ts';
import { timestampOf } from '../../codec/protobuf-timestamp.ts';
import { bytesField, varintField } from '../../codec/protobuf-wire.ts';
import { ENVELOPE, type Envelope, PAYLOAD } from './envelope.ts';
import { sealEvent } from './parse-event.ts';
import type { StreamId } from './stream-id.ts';
import type { Wallet } from './wallet.ts';

/** A block of a stream: events in their order, and a header event by the node that made it. */
export interface Miniblock {
  readonly events: readonly Envelope[];
  readonly header: Envelope | undefined;
  /** Whether events were left out. */
  readonly partial: boolean;
}

export const MINIBLOCK = new MessageSchema<Miniblock>({
  events: repeatedMessage(1, ENVELOPE),
  header: messageOf(2, ENVELOPE),
  partial: bool(3),
});

export interface MiniblockHeader {
  readonly miniblockNum: bigint;
  /** Of the block before; empty in the first. */
  readonly prevMiniblockHash: Bytes;
  readonly timestamp: UnixMs | undefined;
  readonly eventHashes: readonly Bytes[];
  /** State of the stream after the first block, which clients begin from; absent in later ones. */
  readonly snapshot: Bytes | undefined;
  /** Events in all blocks before, their headers included. */
  readonly eventNumOffset: bigint;
  readonly prevSnapshotMiniblockNum: bigint;
  /** `none`, the one content that a header has. */
  readonly none: Bytes | undefined;
}

export const MINIBLOCK_HEADER = new MessageSchema<MiniblockHeader>({
  miniblockNum: int64(1),
  prevMiniblockHash: bytesOf(2),
  timestamp: timestampOf(3),
  eventHashes: repeatedBytes(4),
  snapshot: optionalBytes(5),
  eventNumOffset: int64(6),
  prevSnapshotMiniblockNum: int64(7),
  none: optionalBytes(100),
});

/** The version of snapshots that River's nodes wrote when this was written. */
const SNAPSHOT_VERSION = 2n;

/** The block that comes next, as the node's own event (S3.12). */
export function sealMiniblock(
  wallet: Wallet,
  salt: Bytes,
  header: Omit<MiniblockHeader, 'prevSnapshotMiniblockNum' | 'none'>,
): Envelope {
  const payload: OneOf = {
    number: PAYLOAD.miniblockHeader,
    parts: [MINIBLOCK_HEADER.encode({ ...header, none: EMPTY })],
  };
  const { prevMiniblockHash, miniblockNum, timestamp } = header;
  return sealEvent(wallet, {
    creatorAddress: wallet.address,
    salt,
    createdAtEpochMs: BigInt(timestamp ?? 0),
    payload,
    ...(prevMiniblockHash.length === 0 ? {} : { prevMiniblockHash, prevMiniblockNum: miniblockNum - 1n }),
  });
}

/** What a stream is when it begins: its inception, and who its members are. @param inception the first payload. */
export function genesisSnapshot(id: StreamId, inception: OneOf, members: readonly Bytes[]): Bytes {
  const joined = members.map((address) => bytesField(1, bytesField(1, address)));
  return concatBytes(
    bytesField(1, concatBytes(...joined)),
    varintField(2, SNAPSHOT_VERSION),
    bytesField(id.kind.snapshot, concatBytes(...inception.parts)), // the payload and the snapshot both have it as field 1
  );
}

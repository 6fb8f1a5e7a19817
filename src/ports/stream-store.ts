import type { Bytes } from '../base/bytes.ts';
import type { UnixMs } from '../base/time.ts';

/** An event as it is kept: its bytes as received. */
export interface StoredEvent {
  readonly hash: Bytes;
  readonly signature: Bytes;
  readonly event: Bytes;
  /** Number of its payload in the oneof. */
  readonly payload: number;
}

/** The header of a block: an event of the node's own. */
export interface StoredBlock {
  readonly number: number;
  readonly header: StoredEvent;
  readonly timestamp: UnixMs;
}

/** What is kept of a stream beside its events and blocks. */
export interface StoredStream {
  readonly id: Bytes;
  readonly creator: Bytes;
  readonly events: number;
  readonly bytes: number;
}

/** A block with the hashes of its events, for the rules; the events themselves stay on the disk. */
export interface BlockSummary {
  readonly number: number;
  readonly hash: Bytes;
  readonly timestamp: UnixMs;
}

/**
 * Keeps streams of River. What a promise of it has resolved is on the disk: killed afterwards, nothing of it is lost.
 * Nothing is ever changed or deleted, but a wallet's statement by its next.
 */
export interface StreamStore {
  /** All streams, and the octets of all their events. */
  totals(): Promise<{ readonly streams: number; readonly bytes: number }>;
  find(id: Bytes): Promise<StoredStream | undefined>;
  /** @returns `false` where the stream exists; then nothing was changed. */
  create(id: Bytes, creator: Bytes, events: readonly StoredEvent[], block: StoredBlock): Promise<boolean>;
  /** Adds an event to no block yet. @returns `false` where the stream has it. */
  add(id: Bytes, event: StoredEvent, at: UnixMs): Promise<boolean>;
  /** Whether the stream has an event of this hash. */
  has(id: Bytes, hash: Bytes): Promise<boolean>;
  /** Adds a block of the events that are in none, in their order. @param count how many the header names. */
  addBlock(id: Bytes, block: StoredBlock, count: number): Promise<void>;
  /** The last blocks, oldest first. */
  lastBlocks(id: Bytes, max: number): Promise<readonly BlockSummary[]>;
  /** Blocks from this number on with their events, oldest first. */
  blocks(
    id: Bytes,
    from: number,
  ): Promise<readonly { readonly block: StoredBlock; readonly events: readonly StoredEvent[] }[]>;
  /** Events that are in no block yet, in their order. */
  pool(id: Bytes): Promise<readonly StoredEvent[]>;
  /** The event with which the stream began. */
  firstEvent(id: Bytes): Promise<StoredEvent | undefined>;
  /** All events of a payload, in their order. */
  eventsOf(id: Bytes, payload: number): Promise<readonly StoredEvent[]>;
  /** Whether this creator has begun a stream. */
  hasStreamOf(creator: Bytes): Promise<boolean>;
  /** What wallets have said of their epochs, one statement each. */
  walletEpochs(): Promise<readonly Bytes[]>;
  /** Keeps a wallet's statement in place of an earlier one; of a later one it leaves that. */
  putWalletEpoch(address: Bytes, below: UnixMs, statement: Bytes): Promise<void>;
  /** Streams that have events in no block yet. */
  pooled(): Promise<readonly Bytes[]>;
  close(): Promise<void>;
}

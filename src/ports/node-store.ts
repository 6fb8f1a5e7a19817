import type { Bytes } from '../base/bytes.ts';
import type { UnixMs } from '../base/time.ts';

/** A message as it is kept. */
export interface StoredMessage {
  /**
   * Place in the order of arrival, rising by one for each message that this node keeps. The store knows it by this alone:
   * what comes together then lies together, while hashes would scatter it over the whole file.
   */
  readonly arrival: number;
  readonly receivedAt: UnixMs;
  /** The COSE_Sign1 as it was received. */
  readonly bytes: Bytes;
}

/**
 * A revocation that the newest list of its issuer does not repeat. It stays in force: no list takes back what an earlier
 * one said.
 */
export interface KeptRevocation {
  /** Hex of the SHA-256 of the issuer's SubjectPublicKeyInfo. */
  readonly issuerKeyHash: string;
  /** Lower-case hex without leading zeros. */
  readonly serial: string;
  readonly revokedAt: UnixMs;
  /** RFC 5280 reason. */
  readonly reason: string;
  /** After this nothing can be accepted any more that it would keep out. */
  readonly keepUntil: UnixMs;
}

/** Delegates of this wallet that end before this are void. */
export interface WalletFloorRow {
  /** 20 bytes. */
  readonly address: Bytes;
  readonly below: UnixMs;
}

/** One change of what is kept. A list of them is applied whole or not at all. */
export type NodeChange =
  | { readonly tag: 'put-message'; readonly message: StoredMessage }
  | { readonly tag: 'drop-message'; readonly arrival: number }
  | {
      readonly tag: 'put-chain';
      readonly voucherId: string;
      readonly chain: readonly Bytes[];
      readonly keepUntil: UnixMs;
    }
  | { readonly tag: 'drop-chain'; readonly voucherId: string }
  | {
      readonly tag: 'put-crl';
      readonly issuerKeyHash: string;
      readonly der: Bytes;
      /** What the list before had and this one has not: kept with it, in one step. */
      readonly kept: readonly KeptRevocation[];
    }
  | { readonly tag: 'drop-revocations'; readonly issuerKeyHash: string; readonly serials: readonly string[] }
  | { readonly tag: 'put-epoch-floor'; readonly epochFloor: number }
  /** All of them, in place of those before. */
  | { readonly tag: 'put-wallet-floors'; readonly walletFloors: readonly WalletFloorRow[] }
  /** Never lower than before. */
  | { readonly tag: 'put-time-floor'; readonly timeFloor: UnixMs }
  | { readonly tag: 'put-incarnation'; readonly incarnation: number }
  /** Places up to here are given, or will never be. */
  | { readonly tag: 'put-arrivals'; readonly arrivals: number };

/** What a node finds when it starts again. */
export interface RestoredNode {
  /** Of the last start; 0 on the first. */
  readonly incarnation: number;
  /** The newest time that the authority has signed, as far as that was believed; 0 for none. */
  readonly timeFloor: UnixMs;
  /** The highest floor of delegate epochs ever seen; 0 for none. */
  readonly epochFloor: number;
  /** The highest epoch of each wallet ever seen. */
  readonly walletFloors: readonly WalletFloorRow[];
  /** Places given so far, to messages that are dropped by now too: no place is given twice, so programs can go on behind one. */
  readonly arrivals: number;
  /** In order of arrival. */
  readonly messages: Iterable<StoredMessage>;
  /** What vouches for keys that sign: chains of certificates, and delegate statements, each as a list of one. */
  readonly chains: readonly (readonly Bytes[])[];
  readonly crls: readonly Bytes[];
  readonly revocations: readonly KeptRevocation[];
}

/** A node's memory beyond its process. */
export interface NodeStore {
  /** Everything kept, as of the last change that was answered or later. */
  load(): RestoredNode;
  /** The bytes of one kept message; read now, so that an engine can answer a peer in the same step. */
  read(arrival: number): Bytes | undefined;
  /** Applies all changes or none; durable (fsync) when it resolves. */
  apply(changes: readonly NodeChange[]): Promise<void>;
  /** Waits for what was begun, then lets go. Nothing is asked of it afterwards. */
  close(): Promise<void>;
}

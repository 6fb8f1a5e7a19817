import type { BucketRate } from '../base/token-bucket.ts';
import type { GossipConfig } from '../engine/gossip/gossip.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { Address } from '../message/address.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { Trust } from '../pki/mesh/judge.ts';
import type { NodeStore, RestoredNode } from '../ports/node-store.ts';
import type { AddScalarToPoint } from '../ports/point-adder.ts';
import type { Random } from '../ports/random.ts';
import type { ReadCertificate } from './chain-exchange.ts';
import type { NodeOutbox } from './node-outbox.ts';
import type { SigningIdentity } from './publisher.ts';
import type { WalletPolicy } from './wallet-policy.ts';

/** What a node is made of. */
export interface MeshNodeOptions {
  readonly mesh: MeshName;
  readonly identity: SigningIdentity;
  /** Leaf first. */
  readonly chain: readonly Certificate[];
  readonly roles: readonly string[];
  /** A name for people. */
  readonly name: string;
  readonly software: string;
  /** Where others reach us; may be set later. */
  readonly addresses: readonly Address[];
  /** As `startOf` gave it, durable already. */
  readonly incarnation: number;
  readonly trust: Trust;
  readonly store: NodeStore;
  readonly restored: RestoredNode;
  readonly random: Random;
  readonly outbox: NodeOutbox;
  /** Where many nodes share one process, so that each certificate is read once. By default `readMeshCertificate`. */
  readonly readCertificate?: ReadCertificate;
  /** The fastest addition of points that the machine has. By default what needs no library. */
  readonly addScalarToPoint?: AddScalarToPoint;
  readonly gossip?: Partial<GossipConfig>;
  /** What each author is allowed. By default `AUTHOR_RATE`. */
  readonly authorRate?: BucketRate;
  /** What each who hands messages over may have checked. By default `NEIGHBOUR_RATE`. */
  readonly neighbourRate?: BucketRate;
  /** Whether the node tells the mesh its addresses. Off only where a fleet's places are fixed and known. */
  readonly announce?: boolean;
  /** Which wallets have effect here. By default all that the mesh lets speak. */
  readonly wallets?: WalletPolicy;
  /** Whether what this node says in haste may share a signature: less work for everybody, up to 200 bytes more each. */
  readonly batches?: boolean;
}

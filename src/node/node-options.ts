import type { BucketRate } from '../base/token-bucket.ts';
import { AUTHOR_RATE, NEIGHBOUR_RATE } from '../engine/gate/budgets.ts';
import type { GossipConfig } from '../engine/gossip/gossip.ts';
import type { Address } from '../message/payloads/address.ts';
import type { Trust } from '../pki/mesh/judge.ts';
import type { Certificate } from '../pki/x509/certificate/certificate.ts';
import type { NodeStore } from '../ports/node-store.ts';
import type { AddScalarToPoint } from '../ports/point-adder.ts';
import type { Random } from '../ports/random.ts';
import type { ReadCertificate } from './peers/chain-exchange.ts';
import type { NodeOutbox } from './node-outbox.ts';
import type { NodeStart } from './node-start.ts';
import type { SigningIdentity } from './publishing/publisher.ts';
import { HEAR_ALL_WALLETS, type WalletPolicy } from './wallet-policy.ts';

/**
 * What can be set of a node. Each setting has its default below, so whoever makes a node names only what differs; it is
 * read where {@link NodeParts} makes the part that it is for.
 */
export interface NodeSettings {
  /** What differs from `GOSSIP_DEFAULTS`. */
  readonly gossip: Partial<GossipConfig>;
  /** What each author is allowed. */
  readonly authorRate: BucketRate;
  /** What each who hands messages over may have checked. */
  readonly neighbourRate: BucketRate;
  /** Whether the node tells the mesh its addresses. Off only where a fleet's places are fixed and known. */
  readonly announces: boolean;
  /** Which wallets have effect here, of those that the mesh lets speak. */
  readonly wallets: WalletPolicy;
  /** Whether what this node says in haste may share a signature: less work for everybody, up to 200 bytes more each. */
  readonly batches: boolean;
}

export const NODE_SETTINGS: NodeSettings = Object.freeze({
  gossip: {},
  authorRate: AUTHOR_RATE,
  neighbourRate: NEIGHBOUR_RATE,
  announces: true,
  wallets: HEAR_ALL_WALLETS,
  batches: true,
});

/** Who a node is, in which mesh, and what is set of it: the same whether it runs or is only looked into. */
export interface NodeProfile {
  /** Names the mesh too. */
  readonly trust: Trust;
  readonly identity: SigningIdentity;
  /** Leaf first. */
  readonly chain: readonly Certificate[];
  readonly roles: readonly string[];
  /** A name for people. */
  readonly name: string;
  readonly software: string;
  readonly settings?: Partial<NodeSettings>;
}

/** What a node is made of: who it is, and its world. */
export interface MeshNodeOptions extends NodeProfile {
  readonly store: NodeStore;
  /** What the store kept, and the incarnation that this start has there. */
  readonly start: Pick<NodeStart, 'incarnation' | 'restored'>;
  readonly random: Random;
  readonly outbox: NodeOutbox;
  /** Where others reach us, where that is known before the node listens. */
  readonly addresses?: readonly Address[];
  /** Where many nodes share one process, so that each certificate is read once. By default `readMeshCertificate`. */
  readonly readCertificate?: ReadCertificate;
  /** The fastest addition of points that the machine has. By default what needs no library. */
  readonly addScalarToPoint?: AddScalarToPoint;
}

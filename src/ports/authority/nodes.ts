import type { UnixMs } from '../../base/time.ts';
import type { CertificateRow } from './certificates.ts';

/** A node and the identity key that its id is bound to, for good. */
export interface NodeRow {
  readonly nodeId: string;
  readonly identitySpkiHash: string;
  readonly boundAt: UnixMs;
  readonly revokedAt: UnixMs | undefined;
}

/** What a node said of itself when it last checked in. Not worth an audit entry; may be lost in a crash. */
export interface SightingRow {
  readonly nodeId: string;
  readonly seenAt: UnixMs;
  readonly address: string | undefined;
  /** Number of the newest CRL that the node enforces. */
  readonly crlNumber: number;
  readonly version: string;
}

/** A node with what the operator wants to see of it. */
export interface NodeOverviewRow {
  readonly node: NodeRow;
  /** Its newest certificate. */
  readonly newest: Pick<CertificateRow, 'serial' | 'notAfter' | 'roles' | 'revokedAt'>;
  readonly sighting: SightingRow | undefined;
}

export interface NodeRows {
  findNode(nodeId: string): Promise<NodeRow | undefined>;
  /** Nodes that have a certificate, in order of `nodeId`, from the first one after `after`. */
  listNodes(after: string | undefined, limit: number): Promise<readonly NodeOverviewRow[]>;
  /** All that were ever bound to a key; quick, and at least as many as are active. */
  countNodes(): Promise<number>;
  /** Nodes that are not revoked and hold a certificate that ends after `now`. */
  countActiveNodes(now: UnixMs): Promise<number>;
  /** Adds the node, or replaces the one with the same id. */
  putNode(row: NodeRow): Promise<void>;

  findSighting(nodeId: string): Promise<SightingRow | undefined>;
  /**
   * Sightings after `seenAfter` that tell an address, of nodes that are not revoked and whose newest certificate is
   * good at `now`; latest first.
   */
  listReachable(seenAfter: UnixMs, now: UnixMs, limit: number): Promise<readonly SightingRow[]>;
  putSighting(row: SightingRow): Promise<void>;
}

import type { FastifyRequest } from 'fastify';
import type { UnixMs } from '../../base/time.ts';
import type { Candidate } from '../../engine/links/connector.ts';
import type { PeerIdentity } from '../../engine/links/link-end.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/payloads/address.ts';
import type { Message } from '../../message/message.ts';
import type { MessageId } from '../../message/message-id.ts';
import type { MeshNode } from '../../node/mesh-node.ts';
import type { NodeEvent } from '../../node/node-outbox.ts';
import type { PublishRequest } from '../../node/publishing/publisher.ts';
import type { PathJudgement } from '../../pki/mesh/judge.ts';
import type { Instant } from '../../base/time.ts';

/** The running node that the endpoints stand on: questions go to `node`, everything that changes it to the others. */
export interface NodeService {
  readonly node: MeshNode;
  now(): Instant;
  /** @returns the id once the message is durable. */
  publish(what: PublishRequest): Promise<MessageId>;
  submit(message: Message, client: NodeId): Promise<MessageId>;
  keepChain(chain: PeerIdentity['chain']): void;
  handleCandidate(candidate: Candidate): void;
  judge(chain: PeerIdentity['chain'], purpose: 'tls-client'): PathJudgement;
  /** @returns ends the calls. */
  onEvent(listener: (event: NodeEvent) => void): () => void;
}

/** What {@link NodeService} does not know of the process around it. */
export interface NodeFacts {
  readonly name: string;
  readonly version: string;
  readonly startedAt: UnixMs;
  readonly certificate: { readonly serial: string; readonly notBefore: UnixMs; readonly notAfter: UnixMs };
  readonly addresses: () => readonly Address[];
  /** Whether the node has heard that its own certificate is revoked. */
  readonly isRevoked: () => boolean;
  /** How far the machine's clock lies behind what the authority has signed. */
  readonly clockBehindMs: () => number;
}

/** What the endpoints for members stand on. */
export interface MemberDeps {
  readonly service: NodeService;
  /** The member whose certificate opened the connection. */
  readonly memberOf: (request: FastifyRequest) => PeerIdentity | undefined;
  /** Hosts, lower case, for which requests are taken that a member signed itself; none: no such request is. */
  readonly signedHosts: readonly string[];
}

/** What the endpoints for programs on this machine stand on. */
export interface ProgramDeps {
  readonly service: NodeService;
  readonly facts: NodeFacts;
  /** The node says goodbye and its process ends. */
  readonly leave: () => void;
}

import { SECOND_MS } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** What a node knows for so long is on its disk. @tuning */
const DURABLE_MS_MAX = SECOND_MS;

/**
 * Revocation as an effect (spec 07 section 5). A node that knows a list accepts no message of whom it revokes, has no
 * link with them, holds nothing of theirs, and remembers neither their record nor where they were. Nor does it forget the
 * list when it is killed.
 */
export class ShutOut implements Checker {
  readonly #revoked = new Set<NodeId>();
  /** With the time when they learned it. */
  readonly #knowing = new Map<SimulatedNode, number>();
  /** Killed when the list must have been durable. */
  readonly #durable = new Set<SimulatedNode>();
  /** With the time when they came up. */
  readonly #upHonest = new Map<SimulatedNode, number>();
  readonly #violations = new Violations();
  #crlNumber = Number.POSITIVE_INFINITY;
  #revokedAtMs = 0;
  #slowestMs = 0;

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** True once every node that is up and not revoked knows the newest list. */
  get isKnownToAll(): boolean {
    for (const node of this.#upHonest.keys()) if (!this.#knowing.has(node)) return false;
    return true;
  }

  /** The longest that it took any of them to learn it, from the revocation or its own start, whichever was later. */
  get slowestMs(): number {
    return this.#slowestMs;
  }

  handle(nowMs: number, event: WorldEvent): void {
    switch (event.tag) {
      case 'started':
        if (this.#revoked.has(event.node.nodeId)) return;
        this.#upHonest.set(event.node, nowMs);
        this.#learned(nowMs, event.node, Math.max(0, ...event.node.node.crls().map(({ number }) => number)));
        if (this.#durable.has(event.node) && !this.#knowing.has(event.node))
          this.#violations.add(`${event.node.name} knew of the revocation and has forgotten it at ${nowMs} ms`);
        return;
      case 'stopped':
        this.#upHonest.delete(event.node);
        if (nowMs - (this.#knowing.get(event.node) ?? nowMs) >= DURABLE_MS_MAX) this.#durable.add(event.node);
        this.#knowing.delete(event.node);
        return;
      case 'revoked':
        for (const nodeId of event.nodeIds) this.#revoked.add(nodeId);
        for (const node of this.#upHonest.keys()) if (this.#revoked.has(node.nodeId)) this.#upHonest.delete(node);
        this.#crlNumber = event.crlNumber;
        this.#revokedAtMs = nowMs;
        this.#knowing.clear();
        this.#durable.clear();
        return;
      case 'node':
        return this.#nodeSaid(nowMs, event);
      default:
        return;
    }
  }

  turnEnded(nowMs: number, node: SimulatedNode): void {
    if (!this.#knowing.has(node)) return;
    const fault = (what: string): void =>
      this.#violations.add(`${node.name} knows of the revocation and ${what} at ${nowMs} ms`);
    for (const { peer } of node.node.links) if (this.#revoked.has(peer)) fault(`has a link with ${peer}`);
    for (const nodeId of this.#revoked) {
      if (node.node.holdings.records.get(nodeId) !== undefined) fault(`keeps the record of ${nodeId}`);
      for (const _ of node.node.holdings.messages.ofOrigin(nodeId)) return fault(`holds a message of ${nodeId}`);
    }
    for (const [nodeId] of node.node.peersSeen.entries())
      if (this.#revoked.has(nodeId)) fault(`lists ${nodeId} among its peers`);
  }

  finish(): void {
    for (const node of this.#upHonest.keys())
      if (!this.#knowing.has(node) && Number.isFinite(this.#crlNumber))
        this.#violations.add(`${node.name} never learned of the revocation`);
  }

  #nodeSaid(nowMs: number, { node, event }: Extract<WorldEvent, { tag: 'node' }>): void {
    if (event.tag === 'crl') return this.#learned(nowMs, node, event.number);
    if (!this.#knowing.has(node)) return;
    if (event.tag === 'message' && this.#revoked.has(event.held.origin))
      this.#violations.add(`${node.name} knows of the revocation and accepted ${event.held.id} at ${nowMs} ms`);
    if (event.tag === 'link-up' && this.#revoked.has(event.peer))
      this.#violations.add(`${node.name} knows of the revocation and opened a link with ${event.peer} at ${nowMs} ms`);
  }

  #learned(nowMs: number, node: SimulatedNode, crlNumber: number): void {
    const upSinceMs = this.#upHonest.get(node);
    if (crlNumber < this.#crlNumber || upSinceMs === undefined) return;
    if (!this.#knowing.has(node)) this.#knowing.set(node, nowMs);
    this.#slowestMs = Math.max(this.#slowestMs, nowMs - Math.max(this.#revokedAtMs, upSinceMs));
  }
}

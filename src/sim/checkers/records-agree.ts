import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** In the end every node has the record of every other that is up, the one of its last start. */
export class RecordsAgree implements Checker {
  readonly #up = new Set<SimulatedNode>();
  readonly #revoked = new Set<NodeId>();
  readonly #violations = new Violations();

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  get agree(): boolean {
    for (const node of this.#up) if (this.#lacking(node) !== undefined) return false;
    return true;
  }

  handle(_nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started' && !this.#revoked.has(event.node.nodeId)) this.#up.add(event.node);
    if (event.tag === 'stopped') this.#up.delete(event.node);
    if (event.tag !== 'revoked') return;
    for (const nodeId of event.nodeIds) this.#revoked.add(nodeId);
    for (const node of this.#up) if (this.#revoked.has(node.nodeId)) this.#up.delete(node);
  }

  finish(): void {
    for (const node of this.#up) {
      const lacking = this.#lacking(node);
      if (lacking !== undefined)
        this.#violations.add(`${node.name} does not have the newest record of ${lacking.name}`);
    }
  }

  /** The first node whose newest record this one lacks. */
  #lacking({ node }: SimulatedNode): SimulatedNode | undefined {
    for (const other of this.#up)
      if (node.holdings.records.get(other.nodeId)?.incarnation !== other.node.incarnation) return other;
    return undefined;
  }
}

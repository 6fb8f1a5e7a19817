import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** Links with honest nodes that each is to have, as far as there are so many others. @tuning */
const HONEST_LINKS_MIN = 2;

/** In the end every node has links with honest ones, whoever else wants to be its neighbour (T4). */
export class NotEclipsed implements Checker {
  readonly #nodes: readonly SimulatedNode[];
  readonly #honest: ReadonlySet<NodeId>;
  readonly #violations = new Violations();

  constructor(honest: readonly SimulatedNode[]) {
    this.#nodes = honest;
    this.#honest = new Set(honest.map(({ nodeId }) => nodeId));
  }

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** True while nobody is short of honest neighbours. */
  get isNobody(): boolean {
    const wanted = this.#wanted();
    return this.#nodes.every((node) => this.#lacking(node, wanted) <= 0);
  }

  handle(_nowMs: number, _event: WorldEvent): void {
    // Links come and go; what counts is who has them in the end.
  }

  finish(nowMs: number): void {
    const wanted = this.#wanted();
    for (const node of this.#nodes) {
      const lacking = this.#lacking(node, wanted);
      if (lacking > 0) this.#violations.add(`${node.name} lacks ${lacking} links with honest nodes at ${nowMs} ms`);
    }
  }

  #wanted(): number {
    return Math.min(HONEST_LINKS_MIN, this.#nodes.filter(({ isUp }) => isUp).length - 1);
  }

  #lacking(node: SimulatedNode, wanted: number): number {
    return node.isUp ? wanted - node.node.links.filter(({ peer }) => this.#honest.has(peer)).length : 0;
  }
}

import { MINUTE_MS } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** Links with honest nodes that each is to have, as far as there are so many others. @tuning */
const HONEST_LINKS_MIN = 2;

/** Who has met nobody honest seeks on every half minute. @tuning */
const ALONE_MS_MAX = MINUTE_MS;

/**
 * In the end every node has links with honest ones, whoever else wants to be its neighbour (T4), and none is long without
 * on the way there.
 */
export class NotEclipsed implements Checker {
  readonly #nodes: readonly SimulatedNode[];
  readonly #honest: ReadonlySet<NodeId>;
  readonly #among: ReadonlySet<SimulatedNode>;
  /** Who has no honest neighbour now, and since when. */
  readonly #aloneSinceMs = new Map<SimulatedNode, number>();
  readonly #violations = new Violations();

  constructor(honest: readonly SimulatedNode[]) {
    this.#nodes = honest;
    this.#among = new Set(honest);
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

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started' && this.#among.has(event.node)) this.#aloneSinceMs.set(event.node, nowMs);
    if (event.tag === 'stopped') this.#aloneSinceMs.delete(event.node);
  }

  turnEnded(nowMs: number, node: SimulatedNode): void {
    if (!this.#among.has(node)) return;
    const sinceMs = this.#aloneSinceMs.get(node);
    if (this.#lacking(node, 1) > 0) {
      if (sinceMs === undefined) this.#aloneSinceMs.set(node, nowMs);
      return;
    }
    if (sinceMs === undefined) return;
    this.#expectNotAlone(node, nowMs - sinceMs);
    this.#aloneSinceMs.delete(node);
  }

  finish(nowMs: number): void {
    for (const [node, sinceMs] of this.#aloneSinceMs) this.#expectNotAlone(node, nowMs - sinceMs);
    const wanted = this.#wanted();
    for (const node of this.#nodes) {
      const lacking = this.#lacking(node, wanted);
      if (lacking > 0) this.#violations.add(`${node.name} lacks ${lacking} links with honest nodes at ${nowMs} ms`);
    }
  }

  #expectNotAlone({ name }: SimulatedNode, forMs: number): void {
    if (forMs > ALONE_MS_MAX)
      this.#violations.add(`${name} had no honest neighbour for ${forMs} ms, expected at most ${ALONE_MS_MAX}`);
  }

  #wanted(): number {
    return Math.min(HONEST_LINKS_MIN, this.#nodes.filter(({ isUp }) => isUp).length - 1);
  }

  #lacking(node: SimulatedNode, wanted: number): number {
    return node.isUp ? wanted - node.node.links.filter(({ peer }) => this.#honest.has(peer)).length : 0;
  }
}

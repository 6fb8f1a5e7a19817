import { MINUTE_MS } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** Links with honest nodes that each is to have, as far as there are so many others. @tuning */
const HONEST_LINKS_MIN = 2;

/** Who has met nobody honest seeks on every 20 seconds. @tuning */
const ALONE_MS_MAX = MINUTE_MS;
/**
 * Links come and go as nodes seek on, so that some node is between two of them at any instant. Fewer than it is to have
 * it has for seconds, sometimes for a minute; who lacks them for longer does not find them. @tuning
 */
const LACKING_MS_MAX = 2 * MINUTE_MS;

/** No node is long without links with honest ones, nor with fewer than it is to have, whoever wants to be its neighbour (T4). */
export class NotEclipsed implements Checker {
  readonly #nodes: readonly SimulatedNode[];
  readonly #honest: ReadonlySet<NodeId>;
  readonly #among: ReadonlySet<SimulatedNode>;
  /** Who has no honest neighbour now, and since when. */
  readonly #aloneSinceMs = new Map<SimulatedNode, number>();
  /** Who has fewer than it is to have, and since when. */
  readonly #lackingSinceMs = new Map<SimulatedNode, number>();
  readonly #wanted: number;
  readonly #violations = new Violations();

  constructor(honest: readonly SimulatedNode[]) {
    this.#nodes = honest;
    this.#among = new Set(honest);
    this.#honest = new Set(honest.map(({ nodeId }) => nodeId));
    this.#wanted = Math.min(HONEST_LINKS_MIN, honest.length - 1);
  }

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** True while nobody is short of honest neighbours. */
  get isNobody(): boolean {
    return this.#nodes.every((node) => !node.isUp || this.#honestLinks(node) >= this.#wanted);
  }

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started' && this.#among.has(event.node)) {
      this.#aloneSinceMs.set(event.node, nowMs);
      this.#lackingSinceMs.set(event.node, nowMs);
    }
    if (event.tag === 'stopped') {
      this.#aloneSinceMs.delete(event.node);
      this.#lackingSinceMs.delete(event.node);
    }
  }

  turnEnded(nowMs: number, node: SimulatedNode): void {
    if (!this.#among.has(node)) return;
    const honest = this.#honestLinks(node);
    const aloneMs = spanOf(this.#aloneSinceMs, node, nowMs, honest < Math.min(1, this.#wanted));
    if (aloneMs !== undefined) this.#expectNotAlone(node, aloneMs);
    const lackingMs = spanOf(this.#lackingSinceMs, node, nowMs, honest < this.#wanted);
    if (lackingMs !== undefined) this.#expectNotLacking(node, lackingMs);
  }

  finish(nowMs: number): void {
    for (const [node, sinceMs] of this.#aloneSinceMs) this.#expectNotAlone(node, nowMs - sinceMs);
    for (const [node, sinceMs] of this.#lackingSinceMs) this.#expectNotLacking(node, nowMs - sinceMs);
  }

  #expectNotAlone({ name }: SimulatedNode, forMs: number): void {
    if (forMs > ALONE_MS_MAX)
      this.#violations.add(`${name} had no honest neighbour for ${forMs} ms, expected at most ${ALONE_MS_MAX}`);
  }

  #expectNotLacking({ name }: SimulatedNode, forMs: number): void {
    if (forMs > LACKING_MS_MAX)
      this.#violations.add(
        `${name} lacked links with honest nodes for ${forMs} ms, expected at most ${LACKING_MS_MAX}`,
      );
  }

  #honestLinks({ node }: SimulatedNode): number {
    return node.links.filter(({ peer }) => this.#honest.has(peer)).length;
  }
}

/** @returns how long it was so, where it is over; else keeps since when it is. */
function spanOf(
  since: Map<SimulatedNode, number>,
  node: SimulatedNode,
  nowMs: number,
  isSo: boolean,
): number | undefined {
  const sinceMs = since.get(node);
  if (isSo) {
    if (sinceMs === undefined) since.set(node, nowMs);
    return undefined;
  }
  since.delete(node);
  return sinceMs === undefined ? undefined : nowMs - sinceMs;
}

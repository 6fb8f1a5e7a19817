import { SECOND_MS } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** A reproach stands for ten seconds at least: so often each node is looked at. @tuning */
const LOOK_MS = 5 * SECOND_MS;

interface Named {
  readonly nodeId: NodeId;
}

/**
 * Whatever hostile members say and do, no node holds anything against an honest one, let alone ends its link with it for
 * misbehaviour, and none refuses what its own programs want said.
 */
export class NonePunished implements Checker {
  readonly #honest: ReadonlySet<NodeId>;
  readonly #violations = new Violations();
  readonly #lookAtMs = new Map<SimulatedNode, number>();
  #heard: ReadonlySet<NodeId>;

  /** @param heard whose programs must be let say what they want; by default all the honest. */
  constructor(honest: Iterable<Named>, heard: Iterable<Named> = honest) {
    this.#honest = idsOf(honest);
    this.#heard = idsOf(heard);
  }

  /** From here on the programs of these must be let say what they want. */
  expectAll(heard: Iterable<Named>): void {
    this.#heard = idsOf(heard);
  }

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  turnEnded(nowMs: number, node: SimulatedNode): void {
    if (nowMs < (this.#lookAtMs.get(node) ?? 0)) return;
    this.#lookAtMs.set(node, nowMs + LOOK_MS);
    const now = node.instant();
    for (const link of node.node.links)
      if (this.#honest.has(link.peer) && link.isReproached(now))
        this.#violations.add(`${node.name} holds something against the honest ${link.peer} at ${nowMs} ms`);
  }

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag === 'refused' && !event.isUnlawful && this.#heard.has(event.node.nodeId))
      this.#violations.add(`${event.node.name} was not let say something at ${nowMs} ms: ${event.code}`);
    if (event.tag !== 'node' || event.event.tag !== 'link-down') return;
    const { peer, why } = event.event;
    // Who is revoked hears so from those who know of it.
    const isUnjust =
      why === 'misbehaved' || why === 'malformed' || (why === 'revoked' && this.#honest.has(event.node.nodeId));
    if (isUnjust && this.#honest.has(peer))
      this.#violations.add(`${event.node.name} and the honest ${peer} parted as ${why} at ${nowMs} ms`);
  }
}

function idsOf(members: Iterable<Named>): ReadonlySet<NodeId> {
  return new Set(Array.from(members, ({ nodeId }) => nodeId));
}

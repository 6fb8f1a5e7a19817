import type { MessageId } from '../../message/message-id.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

interface Tracked {
  readonly id: MessageId;
  readonly origin: NodeId;
  /** When it was published; `undefined` until it is durable at its origin. */
  askedAtMs: number | undefined;
  /** Nodes that hold it now, the origin apart. */
  readonly reached: Set<SimulatedNode>;
}

/** Nodes named in one violation. */
const NAMES_MAX = 5;

/** Every message that its origin was promised for durable reaches every node that is up and not revoked. */
export class Delivery implements Checker {
  readonly #messages = new Map<MessageId, Tracked>();
  readonly #upSinceMs = new Map<SimulatedNode, number>();
  readonly #upIds = new Set<NodeId>();
  readonly #revoked = new Set<NodeId>();
  readonly #violations = new Violations();
  #incomplete = 0;
  #healedAtMs = 0;
  #worstDelayMs = 0;
  #deliveries = 0;
  #lastAtMs = 0;

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** True while no message is missing anywhere. */
  get isComplete(): boolean {
    return this.#incomplete === 0;
  }

  /** Messages of which delivery is expected. */
  get expectedMessages(): number {
    return this.#due().length;
  }

  /** Acceptances so far, origins apart. */
  get deliveries(): number {
    return this.#deliveries;
  }

  /** When the last of them was. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  /**
   * The longest that any message took to any node, counted from when it was published, when the node came up, or when
   * the last partition healed, whichever was latest.
   */
  get worstDelayMs(): number {
    return this.#worstDelayMs;
  }

  /** Pairs of message and node that are as they should be, of all; 1 where there are none. */
  get ratio(): number {
    let reached = 0;
    let expected = 0;
    for (const message of this.#due()) {
      reached += message.reached.size;
      expected += this.#expectedOf(message);
    }
    return expected === 0 ? 1 : reached / expected;
  }

  handle(nowMs: number, event: WorldEvent): void {
    switch (event.tag) {
      case 'node':
        if (event.event.tag === 'message' && event.event.held.type !== 'record')
          this.#accepted(nowMs, event.node, event.event.held.id, event.event.held.origin);
        return;
      case 'acknowledged':
        this.#track(event.messageId, event.node.nodeId).askedAtMs = event.askedAtMs;
        return this.#recount();
      case 'started':
        return this.#started(nowMs, event.node);
      case 'stopped':
        this.#leave(event.node);
        return this.#recount();
      case 'revoked':
        for (const nodeId of event.nodeIds) this.#revoked.add(nodeId);
        for (const node of this.#upSinceMs.keys()) if (event.nodeIds.has(node.nodeId)) this.#leave(node);
        return this.#recount();
      case 'healed':
        this.#healedAtMs = nowMs;
        return;
      default:
        return;
    }
  }

  finish(): void {
    for (const message of this.#due()) {
      const missing = this.#missing(message);
      if (missing.length === 0) continue;
      const names = missing.slice(0, NAMES_MAX).map(({ name }) => name);
      const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : '';
      this.#violations.add(`message ${message.id} did not reach ${names.join(', ')}${more}`);
    }
  }

  /** Whether every message that one of these nodes published has reached all of them that are up. */
  isCompleteAmong(nodes: ReadonlySet<SimulatedNode>): boolean {
    const ids = new Set([...nodes].map(({ nodeId }) => nodeId));
    return this.#due().every(
      (message) => !ids.has(message.origin) || !this.#missing(message).some((node) => nodes.has(node)),
    );
  }

  #accepted(nowMs: number, node: SimulatedNode, id: MessageId, origin: NodeId): void {
    if (node.nodeId === origin || !this.#upSinceMs.has(node)) return;
    const message = this.#track(id, origin);
    if (message.reached.has(node)) return; // twice: for another checker to say
    message.reached.add(node);
    this.#deliveries++;
    this.#lastAtMs = nowMs;
    if (this.#revoked.has(origin)) return;
    const since = Math.max(message.askedAtMs ?? nowMs, this.#upSinceMs.get(node) ?? 0, this.#healedAtMs);
    this.#worstDelayMs = Math.max(this.#worstDelayMs, nowMs - since);
    if (message.askedAtMs !== undefined && message.reached.size === this.#expectedOf(message)) this.#incomplete--;
  }

  #started(nowMs: number, node: SimulatedNode): void {
    if (this.#revoked.has(node.nodeId)) return;
    this.#upSinceMs.set(node, nowMs);
    this.#upIds.add(node.nodeId);
    for (const { id, origin } of node.node.holdings.messages.values())
      if (origin !== node.nodeId) this.#messages.get(id)?.reached.add(node);
    this.#recount();
  }

  #leave(node: SimulatedNode): void {
    this.#upSinceMs.delete(node);
    this.#upIds.delete(node.nodeId);
    for (const { reached } of this.#messages.values()) reached.delete(node);
  }

  #track(id: MessageId, origin: NodeId): Tracked {
    let tracked = this.#messages.get(id);
    if (tracked === undefined) {
      tracked = { id, origin, askedAtMs: undefined, reached: new Set() };
      this.#messages.set(id, tracked);
    }
    return tracked;
  }

  #due(): Tracked[] {
    return [...this.#messages.values()].filter(
      ({ askedAtMs, origin }) => askedAtMs !== undefined && !this.#revoked.has(origin),
    );
  }

  #expectedOf({ origin }: Tracked): number {
    return this.#upSinceMs.size - (this.#upIds.has(origin) ? 1 : 0);
  }

  #missing(message: Tracked): SimulatedNode[] {
    return [...this.#upSinceMs.keys()].filter((node) => node.nodeId !== message.origin && !message.reached.has(node));
  }

  #recount(): void {
    this.#incomplete = this.#due().filter((message) => message.reached.size < this.#expectedOf(message)).length;
  }
}

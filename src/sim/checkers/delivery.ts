import type { HeldMessage } from '../../engine/held/held-message.ts';
import type { MessageId } from '../../message/message-id.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

interface Tracked {
  readonly id: MessageId;
  readonly origin: NodeId;
  /** When it was published; `undefined` until it is durable at its origin. */
  askedAtMs: number | undefined;
  isPardoned: boolean;
  /** Nodes that hold it now, the origin apart. */
  readonly reached: Set<SimulatedNode>;
}

/** Nodes named in one violation. @tuning */
const NAMES_MAX = 5;

/** Every message that its origin was promised for durable reaches every node that is up and not revoked. */
export class Delivery implements Checker {
  /** By content key: two that share an identity may say two things under one id. */
  readonly #messages = new Map<string, Tracked>();
  /** Content key of what a machine, or a program of it, has itself said under an id. */
  readonly #said = new Map<SimulatedNode, Map<MessageId, string>>();
  /** In whose names, besides its own, programs of a machine have spoken: wallets. */
  readonly #voices = new Map<SimulatedNode, Set<NodeId>>();
  readonly #upSinceMs = new Map<SimulatedNode, number>();
  /** Machines that are up, by the identity that they have: a clone makes two of one. */
  readonly #upIds = new Map<NodeId, number>();
  readonly #revoked = new Set<NodeId>();
  readonly #violations = new Violations();
  #incomplete = 0;
  #healedAtMs = 0;
  #worstDelayMs = 0;
  #delaysMs = 0;
  #delays = 0;
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
   * the last partition healed or clock was set, whichever was latest.
   */
  get worstDelayMs(): number {
    return this.#worstDelayMs;
  }

  /** Deliveries since {@link startMeasuring} whose delay is known. */
  get delays(): number {
    return this.#delays;
  }

  /** As {@link worstDelayMs}, on average. */
  get meanDelayMs(): number {
    return this.#delays === 0 ? 0 : this.#delaysMs / this.#delays;
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

  /** From here on {@link worstDelayMs} is of what comes. */
  startMeasuring(): void {
    this.#worstDelayMs = 0;
    this.#delaysMs = 0;
    this.#delays = 0;
  }

  handle(nowMs: number, event: WorldEvent): void {
    switch (event.tag) {
      case 'node':
        if (event.event.tag === 'message' && event.event.held.type !== 'record')
          this.#accepted(nowMs, event.node, event.event.held);
        return;
      case 'asked': {
        const voices = this.#voices.get(event.node);
        if (voices !== undefined) voices.add(event.origin);
        else if (event.origin !== event.node.nodeId) this.#voices.set(event.node, new Set([event.origin]));
        return;
      }
      case 'acknowledged': {
        const contentKey = this.#said.get(event.node)?.get(event.messageId);
        const message = contentKey === undefined ? undefined : this.#messages.get(contentKey);
        if (message !== undefined) message.askedAtMs = event.askedAtMs;
        return this.#recount();
      }
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
      case 'clock':
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

  /** Of what this origin has said so far nothing is expected: it is not clear who said it. */
  pardon(origin: NodeId): void {
    for (const message of this.#messages.values()) if (message.origin === origin) message.isPardoned = true;
    this.#recount();
  }

  #accepted(nowMs: number, node: SimulatedNode, { id, contentKey, origin }: HeldMessage): void {
    if (node.nodeId === origin || this.#voices.get(node)?.has(origin) === true) {
      const said = this.#said.get(node);
      if (said === undefined) this.#said.set(node, new Map([[id, contentKey]]));
      else said.set(id, contentKey);
    }
    if (node.nodeId === origin) {
      this.#track(contentKey, id, origin);
      return;
    }
    if (!this.#upSinceMs.has(node)) return;
    const message = this.#track(contentKey, id, origin);
    if (message.reached.has(node)) return; // twice: for another checker to say
    message.reached.add(node);
    this.#deliveries++;
    this.#lastAtMs = nowMs;
    if (this.#revoked.has(origin) || message.isPardoned) return;
    const since = Math.max(message.askedAtMs ?? nowMs, this.#upSinceMs.get(node) ?? 0, this.#healedAtMs);
    this.#worstDelayMs = Math.max(this.#worstDelayMs, nowMs - since);
    if (message.askedAtMs === undefined) return;
    this.#delaysMs += nowMs - since;
    this.#delays++;
    if (message.reached.size === this.#expectedOf(message)) this.#incomplete--;
  }

  #started(nowMs: number, node: SimulatedNode): void {
    if (this.#revoked.has(node.nodeId)) return;
    this.#upSinceMs.set(node, nowMs);
    this.#upIds.set(node.nodeId, (this.#upIds.get(node.nodeId) ?? 0) + 1);
    for (const { contentKey, origin } of node.node.holdings.messages.values())
      if (origin !== node.nodeId) this.#messages.get(contentKey)?.reached.add(node);
    this.#recount();
  }

  #leave(node: SimulatedNode): void {
    if (this.#upSinceMs.delete(node)) this.#upIds.set(node.nodeId, (this.#upIds.get(node.nodeId) ?? 0) - 1);
    for (const { reached } of this.#messages.values()) reached.delete(node);
  }

  #track(contentKey: string, id: MessageId, origin: NodeId): Tracked {
    let tracked = this.#messages.get(contentKey);
    if (tracked === undefined) {
      tracked = { id, origin, askedAtMs: undefined, isPardoned: false, reached: new Set() };
      this.#messages.set(contentKey, tracked);
    }
    return tracked;
  }

  #due(): Tracked[] {
    return [...this.#messages.values()].filter(
      ({ askedAtMs, isPardoned, origin }) => askedAtMs !== undefined && !isPardoned && !this.#revoked.has(origin),
    );
  }

  #expectedOf({ origin }: Tracked): number {
    return this.#upSinceMs.size - (this.#upIds.get(origin) ?? 0);
  }

  #missing(message: Tracked): SimulatedNode[] {
    return [...this.#upSinceMs.keys()].filter((node) => node.nodeId !== message.origin && !message.reached.has(node));
  }

  #recount(): void {
    this.#incomplete = this.#due().filter((message) => message.reached.size < this.#expectedOf(message)).length;
  }
}

import { SECOND_MS } from '../../base/time.ts';
import type { BucketRate } from '../../base/token-bucket.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** Found at 1,000 nodes: 1.3 at most. @tuning */
const EXCUSED_PER_ACCEPTED = 3;

export interface Allowances {
  /** Messages that a node takes of one author. */
  readonly author: BucketRate;
  /** Signature checks that one neighbour may cost it. */
  readonly neighbour: BucketRate;
}

/** What a node has taken since its start. */
interface Taken {
  readonly checksBefore: number;
  accepted: number;
  readonly ofAuthor: Map<NodeId, { readonly sinceMs: number; messages: number }>;
  /** When each hostile neighbour came first. */
  readonly hostileSinceMs: Map<NodeId, number>;
}

/**
 * No node takes more of an author than it allows, nor checks more signatures for nothing than its hostile neighbours may
 * cost it: whoever shouts spends his own share, and nobody's time (T3).
 */
export class WithinAllowance implements Checker {
  readonly #allowed: Allowances;
  readonly #hostile: ReadonlySet<NodeId>;
  readonly #taken = new Map<SimulatedNode, Taken>();
  readonly #violations = new Violations();

  constructor(allowed: Allowances, hostile: Iterable<{ readonly nodeId: NodeId }>) {
    this.#allowed = allowed;
    this.#hostile = new Set(Array.from(hostile, ({ nodeId }) => nodeId));
  }

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started')
      this.#taken.set(event.node, {
        checksBefore: event.node.checksAsked,
        accepted: 0,
        ofAuthor: new Map(),
        hostileSinceMs: new Map(),
      });
    if (event.tag !== 'node') return;
    const taken = this.#taken.get(event.node);
    if (taken === undefined) return;
    if (event.event.tag === 'message') this.#accepted(nowMs, event.node, taken, event.event.held.origin);
    if (event.event.tag !== 'link-up' || !this.#hostile.has(event.event.peer)) return;
    const { hostileSinceMs } = taken;
    if (!hostileSinceMs.has(event.event.peer)) hostileSinceMs.set(event.event.peer, nowMs);
  }

  finish(nowMs: number): void {
    for (const [node, { checksBefore, accepted, hostileSinceMs }] of this.#taken) {
      let allowed = 0;
      for (const sinceMs of hostileSinceMs.values()) allowed += within(this.#allowed.neighbour, nowMs - sinceMs);
      // Honest neighbours bring in vain what comes too late for an author's last token, and the other content of a counter,
      // where each has taken another first.
      const excused = EXCUSED_PER_ACCEPTED * accepted;
      const inVain = node.checksAsked - checksBefore - accepted;
      if (inVain > allowed + excused)
        this.#violations.add(
          `${node.name} checked ${inVain} signatures in vain, expected at most ${allowed + excused}`,
        );
    }
  }

  #accepted(nowMs: number, { name }: SimulatedNode, taken: Taken, author: NodeId): void {
    taken.accepted++;
    let of = taken.ofAuthor.get(author);
    if (of === undefined) taken.ofAuthor.set(author, (of = { sinceMs: nowMs, messages: 0 }));
    of.messages++;
    const allowed = within(this.#allowed.author, nowMs - of.sinceMs);
    if (of.messages > allowed)
      this.#violations.add(
        `${name} took ${of.messages} messages of ${author} by ${nowMs} ms, expected at most ${allowed}`,
      );
  }
}

/** What a full bucket gives in that time. */
function within({ tokensPerSecond, burstTokens }: BucketRate, spanMs: number): number {
  return burstTokens + Math.ceil((tokensPerSecond * spanMs) / SECOND_MS);
}

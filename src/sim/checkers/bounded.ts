import { CHAINS_MAX } from '../../engine/chain-book.ts';
import { CANDIDATES_PER_SOURCE_MAX, LINKS_MAX } from '../../engine/connector.ts';
import { CHECKS_MAX } from '../../engine/gate.ts';
import { HELD_MESSAGES_MAX } from '../../engine/held-messages.ts';
import { OUTGOING_BYTES_MAX } from '../../engine/outgoing-queue.ts';
import { PARKED_MAX } from '../../engine/parking.ts';
import { BACKLOG_CHANGES_MAX } from '../../node/journal.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** Bootstrap, authority, record, multicast. */
const CANDIDATE_SOURCES = 4;

/** What a node holds stays within its limits, and within what was ever said in its world. */
export class Bounded implements Checker {
  readonly #contents = new Set<string>();
  readonly #violations = new Violations();
  #heldMost = 0;

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** Messages that the fullest node has held at any time. */
  get heldMost(): number {
    return this.#heldMost;
  }

  handle(_nowMs: number, event: WorldEvent): void {
    if (event.tag === 'node' && event.event.tag === 'message') this.#contents.add(event.event.held.contentKey);
  }

  turnEnded(nowMs: number, node: SimulatedNode): void {
    const { holdings, links, backlog } = node.node;
    const held = holdings.messages.size;
    if (held > this.#heldMost) this.#heldMost = held;
    this.#expect(nowMs, node, 'messages held', held, Math.min(HELD_MESSAGES_MAX, this.#contents.size));
    this.#expect(nowMs, node, 'links', links.length, LINKS_MAX);
    this.#expect(nowMs, node, 'checks under way', backlog.checking, CHECKS_MAX);
    this.#expect(nowMs, node, 'messages that wait for certificates', backlog.parked, PARKED_MAX);
    this.#expect(nowMs, node, 'changes not durable', backlog.journal, BACKLOG_CHANGES_MAX + CHECKS_MAX);
    this.#expect(nowMs, node, 'chains', backlog.chains, CHAINS_MAX);
    this.#expect(nowMs, node, 'candidates', backlog.candidates, CANDIDATE_SOURCES * CANDIDATES_PER_SOURCE_MAX);
    for (const { queuedBytes } of links)
      this.#expect(nowMs, node, 'bytes queued on a link', queuedBytes, OUTGOING_BYTES_MAX);
  }

  #expect(nowMs: number, { name }: SimulatedNode, what: string, value: number, max: number): void {
    if (value > max) this.#violations.add(`${name}: ${value} ${what} at ${nowMs} ms, expected at most ${max}`);
  }
}

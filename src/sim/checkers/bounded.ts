import { SECOND_MS } from '../../base/time.ts';
import { CHAINS_MAX } from '../../engine/gate/chain-book.ts';
import { CANDIDATES_PER_SOURCE_MAX, INBOUND_MAX, LINKS_MAX } from '../../engine/links/connector.ts';
import { CHECKS_MAX } from '../../engine/gate/pending-checks.ts';
import { RANGES_MAX } from '../../engine/held/counter-ranges.ts';
import { HELD_MESSAGES_MAX } from '../../engine/held/held-messages.ts';
import { STREAMS_PER_ORIGIN_MAX } from '../../engine/held/held-streams.ts';
import { OUTGOING_BYTES_MAX } from '../../engine/links/outgoing-queue.ts';
import { PARKED_MAX } from '../../engine/held/parking.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { BACKLOG_CHANGES_MAX } from '../../node/keeping/journal.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** Bootstrap, authority, record, multicast. */
const CANDIDATE_SOURCES = 4;

/**
 * Nodes of which each is looked at after each of its turns. Of ten times as many, one turn in ten is: looking at all that
 * a node holds costs as much as the turn, and what has passed its limit is seldom below it a moment later. At the end
 * every node is looked at. @tuning
 */
const WATCHED_CLOSELY_MAX = 1_000;

/** What has ended is forgotten within this time. @tuning */
const ENDED_MS_MAX = SECOND_MS;

/** What a node holds stays within its limits, and within what was ever said in its world. */
export class Bounded implements Checker {
  readonly #contents = new Set<string>();
  readonly #origins = new Set<NodeId>();
  readonly #violations = new Violations();
  readonly #nodes = new Set<SimulatedNode>();
  #turns = 0;
  #heldMost = 0;

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** Messages that the fullest node has held at any time. */
  get heldMost(): number {
    return this.#heldMost;
  }

  handle(_nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started') this.#nodes.add(event.node);
    if (event.tag !== 'node' || event.event.tag !== 'message') return;
    this.#contents.add(event.event.held.contentKey);
    this.#origins.add(event.event.held.origin);
  }

  turnEnded(nowMs: number, node: SimulatedNode): void {
    const held = node.node.holdings.messages.size;
    if (held > this.#heldMost) this.#heldMost = held;
    const oneIn = Math.max(1, Math.ceil(this.#nodes.size / WATCHED_CLOSELY_MAX));
    if (this.#turns++ % oneIn === 0) this.#look(nowMs, node);
  }

  finish(nowMs: number): void {
    for (const node of this.#nodes) if (node.isUp) this.#lookThrough(nowMs, node);
  }

  #look(nowMs: number, node: SimulatedNode): void {
    const { holdings, links, backlog } = node.node;
    const held = holdings.messages.size;
    this.#expect(nowMs, node, 'messages held', held, Math.min(HELD_MESSAGES_MAX, this.#contents.size));
    this.#expect(nowMs, node, 'links', links.length, LINKS_MAX);
    const dialled = links.filter(({ end }) => end.direction === 'inbound').length;
    this.#expect(nowMs, node, 'links that others dialled', dialled, INBOUND_MAX);
    this.#expect(nowMs, node, 'checks under way', backlog.checking, CHECKS_MAX);
    this.#expect(nowMs, node, 'messages that wait for certificates', backlog.parked, PARKED_MAX);
    this.#expect(nowMs, node, 'changes not durable', backlog.journal, BACKLOG_CHANGES_MAX + CHECKS_MAX);
    this.#expect(nowMs, node, 'chains', backlog.chains, CHAINS_MAX);
    this.#expect(nowMs, node, 'candidates', backlog.candidates, CANDIDATE_SOURCES * CANDIDATES_PER_SOURCE_MAX);
    for (const { queuedBytes } of links)
      this.#expect(nowMs, node, 'bytes queued on a link', queuedBytes, OUTGOING_BYTES_MAX);
  }

  /** What it costs too much to look at more than once. */
  #lookThrough(nowMs: number, node: SimulatedNode): void {
    this.#look(nowMs, node);
    const { wall } = node.instant();
    const { messages, records } = node.node.holdings;
    const ended = Array.from(messages.values()).filter(({ expiresAt }) => expiresAt + ENDED_MS_MAX < wall);
    this.#expect(nowMs, node, 'messages held that have ended', ended.length, 0);
    const streamsOf = new Map<NodeId, number>();
    for (const { origin, ranges } of messages.streams.values()) {
      streamsOf.set(origin, (streamsOf.get(origin) ?? 0) + 1);
      this.#expect(nowMs, node, `ranges of counters in a stream of ${origin}`, ranges.count, RANGES_MAX);
    }
    for (const [origin, streams] of streamsOf)
      this.#expect(nowMs, node, `streams of ${origin}`, streams, STREAMS_PER_ORIGIN_MAX);
    this.#expect(nowMs, node, 'records', records.size, this.#origins.size);
  }

  #expect(nowMs: number, { name }: SimulatedNode, what: string, value: number, max: number): void {
    if (value > max) this.#violations.add(`${name}: ${value} ${what} at ${nowMs} ms, expected at most ${max}`);
  }
}

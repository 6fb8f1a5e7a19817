import type { UnixMs } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Message } from '../../message/message.ts';
import type { StreamKey } from '../../message/message-id.ts';
import { RANGES_MAX } from './counter-ranges.ts';
import { ExpiryQueue } from './expiry-queue.ts';
import { HeldMessage } from './held-message.ts';
import { HeldRows, wordOf } from './held-rows.ts';
import { type HeldStream, HeldStreams, kindOf, noteInStream, STREAMS_PER_ORIGIN_MAX } from './held-streams.ts';

/**
 * Live messages kept at once. 100,000 × some 400 bytes, half of them for its indicator, = 40 MiB, and 1.5 s to read them
 * back at a start; an honest node of 1,000 origins needs a tenth.
 */
export const HELD_MESSAGES_MAX = 100_000;
/** Live messages kept of one origin, so that one author cannot push out all others. */
export const HELD_PER_ORIGIN_MAX = 20_000;

export type CounterState =
  | { readonly tag: 'free' }
  | { readonly tag: 'live'; readonly contentKey: string }
  | { readonly tag: 'settled' };

/** The messages that a node holds, and which counters of each stream it has had. Only the gate adds to it. */
export class HeldMessages {
  readonly #rows = new HeldRows();
  readonly #streams = new HeldStreams();
  readonly #perOrigin = new Map<NodeId, number>();
  /** By row. */
  readonly #expiries = new ExpiryQueue<number>();
  #arrivals = 0;
  #drops = 0;
  #digestHigh = 0;
  #digestLow = 0;

  get size(): number {
    return this.#rows.size;
  }

  /** Rises whenever something that was held is no more. */
  get drops(): number {
    return this.#drops;
  }

  get streams(): ReadonlyMap<StreamKey, HeldStream> {
    return this.#streams.all;
  }

  /** XOR of the first eight bytes of all content keys: equal on two nodes that hold the same. */
  get summary(): string {
    return hex8(this.#digestHigh) + hex8(this.#digestLow);
  }

  has(contentKey: string): boolean {
    return this.#rows.find(contentKey) >= 0;
  }

  get(contentKey: string): HeldMessage | undefined {
    const row = this.#rows.find(contentKey);
    return row < 0 ? undefined : this.#rows.at(row);
  }

  /**
   * In order of arrival.
   *
   * @param after a place of arrival: only what came behind it.
   */
  *values(after = -1): Generator<HeldMessage, undefined> {
    for (const row of this.#rows.rows()) if (this.#rows.arrivalOf(row) > after) yield this.#rows.at(row);
  }

  /** The place of arrival of what {@link HeldStream.live} names. */
  arrivalOf(row: number): number {
    return this.#rows.arrivalOf(row);
  }

  receivedAtOf(row: number): UnixMs {
    return this.#rows.receivedAtOf(row);
  }

  countOf(origin: NodeId): number {
    return this.#perOrigin.get(origin) ?? 0;
  }

  /** Whether nothing would be kept of what a pull brings of this origin: as much is held of it as may be. */
  isFullOf(origin: NodeId): boolean {
    return this.countOf(origin) >= HELD_PER_ORIGIN_MAX || this.#streams.isFullOf(origin);
  }

  /** In order of arrival. */
  ofOrigin(origin: NodeId): readonly HeldMessage[] {
    const messages: HeldMessage[] = [];
    for (const stream of this.#streams.all.values())
      if (stream.origin === origin) for (const row of stream.live.values()) messages.push(this.#rows.at(row));
    return messages.sort((a, b) => a.arrival - b.arrival);
  }

  /** The next message kept gets this place, or a later one. */
  startArrivals(arrivals: number): void {
    this.#arrivals = Math.max(this.#arrivals, arrivals);
  }

  counterState(stream: StreamKey, counter: number): CounterState {
    const held = this.#streams.get(stream);
    if (held?.ranges.has(counter) !== true) return { tag: 'free' };
    const row = held.live.get(counter);
    return row === undefined ? { tag: 'settled' } : { tag: 'live', contentKey: this.#rows.contentKeyOf(row) };
  }

  /**
   * Why one more of this origin does not fit, or its stream, or its counter among the stream's ranges; `undefined` where
   * it fits. Room comes: as messages end, and as gaps are filled, for which there always is room.
   */
  whyNoRoomFor({ origin, stream, counter }: Pick<Message, 'origin' | 'stream' | 'counter'>): string | undefined {
    if (this.countOf(origin) >= HELD_PER_ORIGIN_MAX)
      return `${HELD_PER_ORIGIN_MAX} messages of this author are held, the most there may be; room comes as they end`;
    const ranges = this.#streams.get(stream)?.ranges;
    if (ranges === undefined && this.#streams.isFullOf(origin))
      return `${STREAMS_PER_ORIGIN_MAX} streams of this author are held, the most there may be; go on in one of them`;
    if (ranges === undefined || ranges.hasRoomFor(counter)) return undefined;
    return `its stream has ${RANGES_MAX - 1} gaps; send what is missing first, from counter ${ranges.firstGap} on, or begin a new incarnation`;
  }

  /**
   * Keeps a message that the gate accepted. Where all places are taken, the oldest message of the origin
   * that holds most gives way.
   *
   * @param arrival given when a message comes back from the store; else the next.
   * @returns the entry, and the one that gave way.
   */
  put(
    message: Message,
    receivedAt: UnixMs,
    arrival = this.#arrivals,
  ): { held: HeldMessage; evicted: HeldMessage | undefined } {
    const { contentKey, origin, expiresAt } = message;
    const stream = this.#streams.of(message);
    const kind = kindOf(message, stream);
    const held = new HeldMessage(contentKey, kind, message, receivedAt, arrival, message.bytes.length);
    const row = this.#rows.add(held, kind);
    this.#arrivals = Math.max(this.#arrivals, arrival + 1);
    this.#expiries.add(row, expiresAt);
    this.#perOrigin.set(origin, this.countOf(origin) + 1);
    this.#toggleDigest(contentKey);
    noteInStream(stream, row, message);
    const evicted = this.#rows.size > HELD_MESSAGES_MAX ? this.#evict() : undefined;
    return { held, evicted };
  }

  /** Forgets a message; its counter stays settled, so that it is not fetched again. */
  drop(contentKey: string): HeldMessage | undefined {
    const row = this.#rows.find(contentKey);
    return row < 0 ? undefined : this.#dropRow(row);
  }

  /**
   * Forgets a message and that its counter was ever had, so that the same message may come again.
   * @returns `undefined` where it stays, because its counter cannot be taken out of the ranges.
   */
  takeBack(contentKey: string): HeldMessage | undefined {
    const row = this.#rows.find(contentKey);
    if (row < 0) return undefined;
    const { stream, counter } = this.#rows.at(row);
    return this.#streams.get(stream)?.ranges.remove(counter) === true ? this.#dropRow(row) : undefined;
  }

  /** Counters of `stream` below `firstLive` have all ended, says its author: they need not be fetched. */
  settleBelow(stream: StreamKey, firstLive: number): void {
    this.#streams.get(stream)?.ranges.settleBelow(firstLive);
  }

  /** When {@link expire} next has work. */
  get nextExpiryAt(): UnixMs | undefined {
    return this.#expiries.nextAt;
  }

  /** Drops what has ended. @returns it. */
  expire(wall: UnixMs): HeldMessage[] {
    const ended: HeldMessage[] = [];
    for (const row of this.#expiries.takeExpired(wall)) {
      const held = this.#dropRow(row);
      ended.push(held);
      this.#streams.raiseFloor(held.stream, wall);
    }
    this.#streams.expire(wall);
    return ended;
  }

  #dropRow(row: number): HeldMessage {
    const held = this.#rows.at(row);
    const { contentKey, origin, counter, expiresAt } = held;
    this.#drops++;
    this.#rows.remove(row);
    this.#expiries.delete(row, expiresAt);
    this.#streams.get(held.stream)?.live.delete(counter);
    const left = this.countOf(origin) - 1;
    if (left > 0) this.#perOrigin.set(origin, left);
    else this.#perOrigin.delete(origin);
    this.#toggleDigest(contentKey);
    return held;
  }

  #evict(): HeldMessage | undefined {
    let most: NodeId | undefined;
    for (const [origin, count] of this.#perOrigin) if (most === undefined || count > this.countOf(most)) most = origin;
    let oldest: number | undefined;
    for (const { origin, live } of this.#streams.all.values()) {
      const row = origin === most ? live.values().next().value : undefined; // what came first of a stream stands first
      if (row !== undefined && (oldest === undefined || this.arrivalOf(row) < this.arrivalOf(oldest))) oldest = row;
    }
    return oldest === undefined ? undefined : this.#dropRow(oldest);
  }

  #toggleDigest(contentKey: string): void {
    this.#digestHigh ^= wordOf(contentKey, 0);
    this.#digestLow ^= wordOf(contentKey, 1);
  }
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

import { HOUR_MS, type UnixMs } from '../base/time.ts';
import type { NodeId } from '../identity/node-id.ts';
import { LIFETIME_MAX_MS } from '../message/limits.ts';
import type { Message } from '../message/message.ts';
import { type MessageId, messageIdOf, type StreamKey } from '../message/message-id.ts';
import { CounterRanges, RANGES_MAX } from './counter-ranges.ts';
import { ExpiryQueue } from './expiry-queue.ts';

/**
 * Live messages kept at once. 100,000 × some 880 bytes of index = 84 MiB, and 1.5 s to read them back at a start; an honest
 * node of 1,000 origins needs a tenth.
 */
export const HELD_MESSAGES_MAX = 100_000;
/** Live messages kept of one origin, so that one author cannot push out all others. */
export const HELD_PER_ORIGIN_MAX = 20_000;
/**
 * Streams remembered of one origin: that of a node which starts anew every ten minutes for the longest lifetime, 7 × 144.
 * Each costs every digest of every node a hundred bytes, whatever little was said in it.
 */
export const STREAMS_PER_ORIGIN_MAX = 1_024;

/**
 * A stream with gaps remembers for one counter in this time when it was signed: 170 in a lifetime at most, whatever the
 * number of messages. Gaps so close an hour later than they could.
 */
const ISSUED_SAMPLE_MS = HOUR_MS;

/** What is known of a kept message without reading its bytes. */
export class HeldMessage {
  readonly contentKey: string;
  readonly origin: NodeId;
  readonly stream: StreamKey;
  readonly incarnation: number;
  readonly counter: number;
  readonly type: string;
  readonly audience: string | undefined;
  readonly leafKey: string;
  readonly issuedAt: UnixMs;
  readonly expiresAt: UnixMs;
  readonly receivedAt: UnixMs;
  /** Rises by one with each message kept. */
  readonly arrival: number;
  readonly bytesLength: number;

  constructor(message: Message, receivedAt: UnixMs, arrival: number) {
    this.contentKey = message.contentKey;
    this.origin = message.origin;
    this.stream = message.stream;
    this.incarnation = message.incarnation;
    this.counter = message.counter;
    this.type = message.type.text;
    this.audience = message.audience?.text;
    this.leafKey = message.leafKey;
    this.issuedAt = message.issuedAt;
    this.expiresAt = message.expiresAt;
    this.receivedAt = receivedAt;
    this.arrival = arrival;
    this.bytesLength = message.bytes.length;
  }

  /** Made when it is asked for: a text of a hundred characters for each message would be a good part of what is kept. */
  get id(): MessageId {
    return messageIdOf(this.origin, this.incarnation, this.counter);
  }
}

/** What is held of one stream. */
export interface HeldStream {
  readonly key: StreamKey;
  readonly origin: NodeId;
  readonly incarnation: number;
  readonly ranges: CounterRanges;
  /** Content keys of the live messages, by counter. */
  readonly live: Map<number, string>;
}

interface Stream extends HeldStream {
  /** After this nothing of the stream can be accepted that we have seen: it may be forgotten. */
  keepUntil: UnixMs;
  /**
   * When some of the counters held were signed, while there are gaps: nothing before a counter outlives its
   * `issuedAt + LIFETIME_MAX`. One for each {@link ISSUED_SAMPLE_MS}.
   */
  readonly issued: Map<number, UnixMs>;
  /** The latest of them. */
  sampledAt: UnixMs | undefined;
}

export type CounterState =
  | { readonly tag: 'free' }
  | { readonly tag: 'live'; readonly contentKey: string }
  | { readonly tag: 'settled' };

/** The messages that a node holds, and which counters of each stream it has had. Only the gate adds to it. */
export class HeldMessages {
  readonly #messages = new Map<string, HeldMessage>();
  readonly #streams = new Map<StreamKey, Stream>();
  readonly #perOrigin = new Map<NodeId, Set<string>>();
  readonly #streamsPerOrigin = new Map<NodeId, number>();
  readonly #expiries = new ExpiryQueue<string>();
  readonly #streamExpiries = new ExpiryQueue<StreamKey>();
  #arrivals = 0;
  #drops = 0;
  #digestHigh = 0;
  #digestLow = 0;

  get size(): number {
    return this.#messages.size;
  }

  /** Rises whenever something that was held is no more. */
  get drops(): number {
    return this.#drops;
  }

  get streams(): ReadonlyMap<StreamKey, HeldStream> {
    return this.#streams;
  }

  /** XOR of the first eight bytes of all content keys: equal on two nodes that hold the same. */
  get summary(): string {
    return hex8(this.#digestHigh) + hex8(this.#digestLow);
  }

  get(contentKey: string): HeldMessage | undefined {
    return this.#messages.get(contentKey);
  }

  /** In order of arrival. */
  values(): IterableIterator<HeldMessage> {
    return this.#messages.values();
  }

  countOf(origin: NodeId): number {
    return this.#perOrigin.get(origin)?.size ?? 0;
  }

  /** Whether nothing would be kept of what a pull brings of this origin: as much is held of it as may be. */
  isFullOf(origin: NodeId): boolean {
    return this.countOf(origin) >= HELD_PER_ORIGIN_MAX || this.#streamsOf(origin) >= STREAMS_PER_ORIGIN_MAX;
  }

  ofOrigin(origin: NodeId): Iterable<HeldMessage> {
    const keys = this.#perOrigin.get(origin) ?? [];
    return Array.from(keys, (key) => this.#messages.get(key) as HeldMessage);
  }

  /** The next message kept gets this place, or a later one. */
  startArrivals(arrivals: number): void {
    this.#arrivals = Math.max(this.#arrivals, arrivals);
  }

  counterState(stream: StreamKey, counter: number): CounterState {
    const held = this.#streams.get(stream);
    if (held?.ranges.has(counter) !== true) return { tag: 'free' };
    const contentKey = held.live.get(counter);
    return contentKey === undefined ? { tag: 'settled' } : { tag: 'live', contentKey };
  }

  /**
   * Why one more of this origin does not fit, or its stream, or its counter among the stream's ranges; `undefined` where
   * it fits. Room comes: as messages end, and as gaps are filled, for which there always is room.
   */
  whyNoRoomFor({ origin, stream, counter }: Pick<Message, 'origin' | 'stream' | 'counter'>): string | undefined {
    if (this.countOf(origin) >= HELD_PER_ORIGIN_MAX)
      return `${HELD_PER_ORIGIN_MAX} messages of this author are held, the most there may be; room comes as they end`;
    const ranges = this.#streams.get(stream)?.ranges;
    if (ranges === undefined && this.#streamsOf(origin) >= STREAMS_PER_ORIGIN_MAX)
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
    const held = new HeldMessage(message, receivedAt, arrival);
    this.#arrivals = Math.max(this.#arrivals, arrival + 1);
    this.#messages.set(contentKey, held);
    this.#expiries.add(contentKey, expiresAt);
    const ofOrigin = this.#perOrigin.get(origin);
    if (ofOrigin === undefined) this.#perOrigin.set(origin, new Set([contentKey]));
    else ofOrigin.add(contentKey);
    this.#toggleDigest(contentKey);
    this.#putInStream(message);
    const evicted = this.#messages.size > HELD_MESSAGES_MAX ? this.#evict() : undefined;
    return { held, evicted };
  }

  /** Forgets a message; its counter stays settled, so that it is not fetched again. */
  drop(contentKey: string): HeldMessage | undefined {
    const held = this.#messages.get(contentKey);
    if (held === undefined) return undefined;
    this.#drops++;
    this.#messages.delete(contentKey);
    this.#expiries.delete(contentKey, held.expiresAt);
    this.#streams.get(held.stream)?.live.delete(held.counter);
    const ofOrigin = this.#perOrigin.get(held.origin);
    if (ofOrigin?.delete(contentKey) === true && ofOrigin.size === 0) this.#perOrigin.delete(held.origin);
    this.#toggleDigest(contentKey);
    return held;
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
    for (const contentKey of this.#expiries.takeExpired(wall)) {
      const held = this.drop(contentKey);
      if (held === undefined) continue;
      ended.push(held);
      this.#raiseFloor(held.stream, wall);
    }
    for (const key of this.#streamExpiries.takeExpired(wall)) {
      const stream = this.#streams.get(key);
      if (stream === undefined) continue;
      if (stream.live.size === 0 && stream.keepUntil <= wall) this.#forgetStream(stream);
      else this.#streamExpiries.add(key, stream.keepUntil > wall ? stream.keepUntil : ((wall + 1_000) as UnixMs));
    }
    return ended;
  }

  #putInStream({ stream: key, origin, incarnation, counter, contentKey, issuedAt, expiresAt }: Message): void {
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = {
        key,
        origin,
        incarnation,
        ranges: new CounterRanges(),
        live: new Map(),
        keepUntil: expiresAt,
        issued: new Map(),
        sampledAt: undefined,
      };
      this.#streams.set(key, stream);
      this.#streamsPerOrigin.set(origin, this.#streamsOf(origin) + 1);
      this.#streamExpiries.add(key, expiresAt);
    }
    stream.ranges.add(counter);
    stream.live.set(counter, contentKey);
    if (!hasGap(stream.ranges)) {
      stream.issued.clear();
      stream.sampledAt = undefined;
    } else if (stream.sampledAt === undefined || issuedAt >= stream.sampledAt + ISSUED_SAMPLE_MS) {
      stream.issued.set(counter, issuedAt);
      stream.sampledAt = issuedAt;
    }
    if (expiresAt > stream.keepUntil) stream.keepUntil = expiresAt;
  }

  #streamsOf(origin: NodeId): number {
    return this.#streamsPerOrigin.get(origin) ?? 0;
  }

  #forgetStream({ key, origin }: Stream): void {
    this.#streams.delete(key);
    const left = this.#streamsOf(origin) - 1;
    if (left > 0) this.#streamsPerOrigin.set(origin, left);
    else this.#streamsPerOrigin.delete(origin);
  }

  /** The lowest gap closes when a later message was signed so long ago that nothing before it can still live. */
  #raiseFloor(key: StreamKey, wall: UnixMs): void {
    const stream = this.#streams.get(key);
    if (stream === undefined || !hasGap(stream.ranges)) return;
    let floor = 0;
    for (const [counter, issuedAt] of stream.issued) {
      if (issuedAt + LIFETIME_MAX_MS > wall) continue;
      floor = Math.max(floor, counter);
      stream.issued.delete(counter);
    }
    stream.ranges.settleBelow(floor);
  }

  #evict(): HeldMessage | undefined {
    let most: Set<string> | undefined;
    for (const keys of this.#perOrigin.values()) if (most === undefined || keys.size > most.size) most = keys;
    const oldest = most?.keys().next().value;
    return oldest === undefined ? undefined : this.drop(oldest);
  }

  #toggleDigest(contentKey: string): void {
    this.#digestHigh ^= Number.parseInt(contentKey.slice(0, 8), 16);
    this.#digestLow ^= Number.parseInt(contentKey.slice(8, 16), 16);
  }
}

function hasGap(ranges: CounterRanges): boolean {
  return ranges.count > 1 || ranges.flat[0] !== 0;
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

import { HOUR_MS, type UnixMs } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { LIFETIME_MAX_MS } from '../../message/limits.ts';
import type { Message } from '../../message/message.ts';
import type { StreamKey } from '../../message/message-id.ts';
import { CounterRanges } from './counter-ranges.ts';
import { ExpiryQueue } from './expiry-queue.ts';
import type { HeldKind } from './held-message.ts';

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

/** What is held of one stream. */
export interface HeldStream {
  readonly key: StreamKey;
  readonly origin: NodeId;
  readonly incarnation: number;
  readonly ranges: CounterRanges;
  /** The live messages, by counter: where each has its row. */
  readonly live: Map<number, number>;
}

export interface Stream extends HeldStream {
  /** What the last message of it has in common with the next, most likely. */
  kind: HeldKind;
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

/** Which counters of each stream a node has had, whether their messages still live or not. */
export class HeldStreams {
  readonly #streams = new Map<StreamKey, Stream>();
  readonly #perOrigin = new Map<NodeId, number>();
  readonly #expiries = new ExpiryQueue<StreamKey>();

  get all(): ReadonlyMap<StreamKey, HeldStream> {
    return this.#streams;
  }

  get(key: StreamKey): HeldStream | undefined {
    return this.#streams.get(key);
  }

  /** Whether as many are remembered of this origin as may be. */
  isFullOf(origin: NodeId): boolean {
    return this.#countOf(origin) >= STREAMS_PER_ORIGIN_MAX;
  }

  /** The stream of a message; made where this is the first of it. */
  of(message: Message): Stream {
    const { stream: key, origin, incarnation, expiresAt } = message;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const stream: Stream = {
      key,
      origin,
      incarnation,
      kind: kindOf(message, undefined),
      ranges: new CounterRanges(),
      live: new Map(),
      keepUntil: expiresAt,
      issued: new Map(),
      sampledAt: undefined,
    };
    this.#streams.set(key, stream);
    this.#perOrigin.set(origin, this.#countOf(origin) + 1);
    this.#expiries.add(key, expiresAt);
    return stream;
  }

  /** The lowest gap closes when a later message was signed so long ago that nothing before it can still live. */
  raiseFloor(key: StreamKey, wall: UnixMs): void {
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

  /** Forgets the streams of which nothing can come any more. */
  expire(wall: UnixMs): void {
    for (const key of this.#expiries.takeExpired(wall)) {
      const stream = this.#streams.get(key);
      if (stream === undefined) continue;
      if (stream.live.size === 0 && stream.keepUntil <= wall) this.#forget(stream);
      else this.#expiries.add(key, stream.keepUntil > wall ? stream.keepUntil : ((wall + 1_000) as UnixMs));
    }
  }

  #countOf(origin: NodeId): number {
    return this.#perOrigin.get(origin) ?? 0;
  }

  #forget({ key, origin }: Stream): void {
    this.#streams.delete(key);
    const left = this.#countOf(origin) - 1;
    if (left > 0) this.#perOrigin.set(origin, left);
    else this.#perOrigin.delete(origin);
  }
}

/** What a message has in common with others of its stream: one object for all that differ in nothing of it. */
export function kindOf(
  { origin, stream, incarnation, type, audience, voucherId }: Message,
  of: Stream | undefined,
): HeldKind {
  const last = of?.kind;
  if (last?.type === type.text && last.audience === audience?.text && last.voucherId === voucherId) return last;
  const kind = { origin, stream, incarnation, type: type.text, audience: audience?.text, voucherId };
  if (of !== undefined) of.kind = kind;
  return kind;
}

/** A message of this stream is held in this row from now on. */
export function noteInStream(stream: Stream, row: number, { counter, issuedAt, expiresAt }: Message): void {
  stream.ranges.add(counter);
  stream.live.set(counter, row);
  if (!hasGap(stream.ranges)) {
    stream.issued.clear();
    stream.sampledAt = undefined;
  } else if (stream.sampledAt === undefined || issuedAt >= stream.sampledAt + ISSUED_SAMPLE_MS) {
    stream.issued.set(counter, issuedAt);
    stream.sampledAt = issuedAt;
  }
  if (expiresAt > stream.keepUntil) stream.keepUntil = expiresAt;
}

function hasGap(ranges: CounterRanges): boolean {
  return ranges.count > 1 || ranges.flat[0] !== 0;
}

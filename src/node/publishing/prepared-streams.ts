import { BoundedMap } from '../../base/bounded.ts';
import { type UnixMs, unixSeconds } from '../../base/time.ts';
import type { HeldStream } from '../../engine/held/held-streams.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type StreamKey, streamKeyOf } from '../../message/message-id.ts';
import type { Random } from '../../ports/random.ts';

/** Clients whose stream is remembered: about 100 bytes each. One that is forgotten gets a new stream, and loses nothing. */
export const PREPARED_CLIENTS_MAX = 4_096;

/**
 * Messages of one stream that were laid out and have not come. Each leaves a gap among its counters, and 64 ranges are
 * held of a stream: so every message that was laid out has room, whatever the order in which they come and however many
 * never do, also where two nodes lay out in one stream.
 */
export const UNPOSTED_MAX = 31;

/** The counters of a stream begin at a random place of 48 bits, so that two nodes that serve one client never meet. */
const BASE_HALF = 2 ** 24;

interface PreparedStream {
  readonly incarnation: number;
  readonly base: number;
  next: number;
}

/** Gives messages their places that members sign themselves: consecutive in a stream of each client. */
export class PreparedStreams {
  readonly #random: Random;
  readonly #streams: ReadonlyMap<StreamKey, HeldStream>;
  readonly #byClient = new BoundedMap<NodeId, PreparedStream>(PREPARED_CLIENTS_MAX);

  /** @param streams what is held: tells which of the laid-out messages have come, here or by way of another node. */
  constructor(random: Random, streams: ReadonlyMap<StreamKey, HeldStream>) {
    this.#random = random;
    this.#streams = streams;
  }

  /** A place that was never given before. */
  nextPlace(wall: UnixMs, client: NodeId): { readonly incarnation: number; readonly counter: number } {
    const last = this.#byClient.get(client);
    if (last !== undefined && this.#unposted(client, last) < UNPOSTED_MAX)
      return { incarnation: last.incarnation, counter: last.next++ };
    const base = this.#random.below(BASE_HALF) * BASE_HALF + this.#random.below(BASE_HALF);
    const incarnation = Math.max(unixSeconds(wall), (last?.incarnation ?? 0) + 1);
    this.#byClient.set(client, { incarnation, base, next: base + 1 });
    return { incarnation, counter: base };
  }

  #unposted(client: NodeId, { incarnation, base, next }: PreparedStream): number {
    const held = this.#streams.get(streamKeyOf(client, incarnation));
    return next - base - (held?.ranges.countWithin(base, next) ?? 0);
  }
}

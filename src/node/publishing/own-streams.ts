import { BoundedMap } from '../../base/bounded.ts';
import type { HeldStream } from '../../engine/held/held-streams.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type StreamKey, streamKeyOf } from '../../message/message-id.ts';
import { RECORD_STREAMS_MAX, type StreamExtent } from '../../message/payloads/node-record.ts';

/**
 * The streams that this very node has opened: of this start, and the last one of the start before. Only of these does its
 * record speak. Others may say something with its key as well, laid out at another node or composed by a program: of
 * those streams it has seen what came by, and what it never saw may live elsewhere.
 */
export class OwnStreams {
  readonly #nodeId: NodeId;
  /** From which counter on this node knows what became of each, by incarnation. */
  readonly #knownFrom = new BoundedMap<number, number>(RECORD_STREAMS_MAX);

  constructor(nodeId: NodeId) {
    this.#nodeId = nodeId;
  }

  /** A stream begins. */
  open(incarnation: number): void {
    this.#knownFrom.set(incarnation, 0);
  }

  /** The stream of the start before, as far as the store had kept it. What had ended by then is gone from there. */
  reopen(incarnation: number, streams: ReadonlyMap<StreamKey, HeldStream>): void {
    const stream = streams.get(streamKeyOf(this.#nodeId, incarnation));
    if (stream !== undefined && stream.live.size > 0) this.#knownFrom.set(incarnation, Math.min(...stream.live.keys()));
  }

  /**
   * Those with live messages, oldest first. `firstLive` never lies behind a counter that is not held here: that may be
   * waiting for its signature, or have been said just before a loss of power.
   */
  extents(streams: ReadonlyMap<StreamKey, HeldStream>): StreamExtent[] {
    const extents: StreamExtent[] = [];
    for (const [incarnation, from] of this.#knownFrom.entries()) {
      const stream = streams.get(streamKeyOf(this.#nodeId, incarnation));
      if (stream === undefined || stream.live.size === 0) continue;
      let firstLive = stream.ranges.gapFrom(from);
      let last = 0;
      for (const counter of stream.live.keys()) {
        firstLive = Math.min(firstLive, counter);
        last = Math.max(last, counter);
      }
      extents.push({ incarnation, firstLive, next: last + 1 });
    }
    return extents.sort((a, b) => a.incarnation - b.incarnation);
  }
}

import { isMeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { FUTURE_MAX_MS, LIFETIME_MAX_MS } from '../../message/limits.ts';
import type { Message } from '../../message/message.ts';
import type { StreamKey } from '../../message/message-id.ts';
import type { CounterState } from '../held/held-messages.ts';
import type { Origins, Speaker } from './origins.ts';
import { ignore, reject, type Verdict } from './verdict.ts';

/*
 * Steps of the gate that look at one thing each (spec 03 section 6): nothing is counted, charged or kept by them. Their
 * order, and what they cost whom, is the gate's.
 */

/** What the gate asks of the memory of messages: a node's are its `HeldMessages`. */
export interface GateMemory {
  /** Rises whenever something that was held is no more. */
  readonly drops: number;
  has(contentKey: string): boolean;
  counterState(stream: StreamKey, counter: number): CounterState;
  countOf(origin: NodeId): number;
  isFullOf(origin: NodeId): boolean;
  whyNoRoomFor(message: Pick<Message, 'origin' | 'stream' | 'counter'>): string | undefined;
}

/** Where the gate looks whether a newer record of the same node is known. */
export interface RecordSequences {
  isSuperseded(message: Message): boolean;
}

/** What the gate looks at of a message that has no counter and no signature yet. */
export type Draft = Pick<Message, 'origin' | 'voucherId' | 'issuedAt' | 'delegate' | 'type' | 'content'>;

/** Step 2: no life without an end, none that is over, and none that has yet to begin. */
export function judgeLifetime({ issuedAt, expiresAt }: Message, wall: UnixMs): Verdict | undefined {
  const lifetimeMs = expiresAt - issuedAt;
  if (lifetimeMs <= 0 || lifetimeMs > LIFETIME_MAX_MS) return reject('lifetime');
  if (expiresAt <= wall) return ignore('expired');
  if (issuedAt > wall + FUTURE_MAX_MS) return ignore('future');
  return undefined;
}

/** Step 4: whether the origin is known and believed, and may say such a thing. */
export function judgeOrigin(
  origins: Origins,
  message: Draft,
): Speaker | { readonly tag: 'no'; readonly verdict: Verdict | 'missing-chain' } {
  const origin = origins.judge(message);
  switch (origin.tag) {
    case 'unknown':
      return { tag: 'no', verdict: 'missing-chain' };
    case 'revoked':
      return { tag: 'no', verdict: ignore('revoked-origin', origin.why) };
    case 'unpublished':
      return { tag: 'no', verdict: ignore('unpublished-origin', origin.why) };
    case 'refused':
      return { tag: 'no', verdict: reject('wrong-origin', origin.why) };
    case 'ok': {
      const needed = origin.lacks(message.type);
      if (needed !== undefined) {
        const detail = `${message.type.text} needs the capability ${needed}`;
        // A later version may permit a family that we do not know by another rule: that is no fault of who passes it on.
        const verdict =
          message.type.family === 'other' ? ignore('unknown-family', detail) : reject('not-permitted', detail);
        return { tag: 'no', verdict };
      }
      return origin;
    }
  }
}

/** Step 5: whether the counter is free, and there is room for it. */
export function judgeCounter(held: GateMemory, records: RecordSequences, message: Message): Verdict | undefined {
  const state = held.counterState(message.stream, message.counter);
  if (state.tag === 'settled') return ignore('duplicate');
  if (state.tag === 'live') return ignore('conflict');
  if (records.isSuperseded(message)) return ignore('superseded');
  const full = held.whyNoRoomFor(message);
  return full === undefined ? undefined : ignore('no-room', full);
}

/** What is said follows the schema of its type, where that has one. */
export function judgePayload(message: Draft): Verdict | undefined {
  try {
    void message.content;
    return undefined;
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return reject('payload', error.message);
  }
}

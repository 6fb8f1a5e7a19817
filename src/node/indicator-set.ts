import type { UnixMs } from '../base/time.ts';
import type { HeldMessage } from '../engine/held-messages.ts';
import type { NodeId } from '../identity/node-id.ts';
import { type Indicator, parseIndicator } from '../message/indicator.ts';
import type { MessageId } from '../message/message-id.ts';

/** An indicator that is valid now, and who says so. */
export interface ValidIndicator extends Indicator {
  readonly origin: NodeId;
  readonly messageId: MessageId;
  readonly validUntil: UnixMs;
}

/** The indicators of all held messages: the local set that programs on the node list and follow (seed 001, 6.1). */
export class IndicatorSet {
  readonly #byContent = new Map<string, ValidIndicator>();

  /** A message was accepted; what is no indicator is passed over. */
  put(held: HeldMessage, payload: Uint8Array): void {
    if (held.type !== 'indicator') return;
    const indicator = parseIndicator(payload);
    const validUntil = Math.min(indicator.validUntil ?? held.expiresAt, held.expiresAt) as UnixMs;
    this.#byContent.set(held.contentKey, { ...indicator, origin: held.origin, messageId: held.id, validUntil });
  }

  drop(contentKey: string): void {
    this.#byContent.delete(contentKey);
  }

  /** Oldest first. */
  valid(wall: UnixMs): ValidIndicator[] {
    return Array.from(this.#byContent.values()).filter(({ validUntil }) => validUntil > wall);
  }
}

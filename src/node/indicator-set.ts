import type { UnixMs } from '../base/time.ts';
import type { HeldMessage } from '../engine/held-messages.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Indicator } from '../message/indicator.ts';
import type { PayloadContent } from '../message/payload.ts';
import type { MessageId } from '../message/message-id.ts';

/** An indicator that is valid now, and who says so. */
export interface ValidIndicator extends Indicator {
  readonly origin: NodeId;
  readonly messageId: MessageId;
  readonly validUntil: UnixMs;
}

/** The indicators of all held messages: the local set that programs on the node list and follow (seed 001, 6.1). */
export class IndicatorSet {
  readonly #byContent = new Map<string, HeldIndicator>();

  /** A message was accepted; what is no indicator is passed over. */
  put(held: HeldMessage, content: PayloadContent): void {
    if (content.tag === 'indicator') this.#byContent.set(held.contentKey, { held, indicator: content.indicator });
  }

  drop(contentKey: string): void {
    this.#byContent.delete(contentKey);
  }

  /** Oldest first. */
  valid(wall: UnixMs): ValidIndicator[] {
    const valid: ValidIndicator[] = [];
    for (const { held, indicator } of this.#byContent.values()) {
      const validUntil = Math.min(indicator.validUntil ?? held.expiresAt, held.expiresAt) as UnixMs;
      if (validUntil > wall) valid.push({ ...indicator, origin: held.origin, messageId: held.id, validUntil });
    }
    return valid;
  }
}

interface HeldIndicator {
  readonly held: HeldMessage;
  readonly indicator: Indicator;
}

import type { UnixMs } from '../../base/time.ts';
import type { HeldMessage } from '../../engine/held/held-message.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Indicator } from '../../message/payloads/indicator.ts';
import type { PayloadContent } from '../../message/payloads/payload.ts';
import type { MessageId } from '../../message/message-id.ts';

/** An indicator that is valid now, and who says so. */
export interface ValidIndicator extends Indicator {
  readonly origin: NodeId;
  readonly messageId: MessageId;
  readonly validUntil: UnixMs;
}

/** The indicators of all held messages: the local set that programs on the node list and follow (seed 001, 6.1). */
export class IndicatorSet {
  /** By the place of arrival of the message that says so. */
  readonly #byArrival = new Map<number, Indicator>();

  /** A message was accepted; what is no indicator is passed over. */
  put({ arrival }: Pick<HeldMessage, 'arrival'>, content: PayloadContent): void {
    if (content.tag === 'indicator') this.#byArrival.set(arrival, content.indicator);
  }

  drop(arrival: number): void {
    this.#byArrival.delete(arrival);
  }

  /** @param messages all that is held. @returns those that are valid, in the order of their messages. */
  valid(messages: Iterable<HeldMessage>, wall: UnixMs): ValidIndicator[] {
    const valid: ValidIndicator[] = [];
    for (const held of messages) {
      const indicator = this.#byArrival.get(held.arrival);
      if (indicator === undefined) continue;
      const { expiresAt, origin, id } = held;
      const validUntil = Math.min(indicator.validUntil ?? expiresAt, expiresAt) as UnixMs;
      if (validUntil > wall) valid.push({ ...indicator, origin, messageId: id, validUntil });
    }
    return valid;
  }
}

import type { UnixMs } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Message } from '../../message/message.ts';
import { type MessageId, messageIdOf, type StreamKey } from '../../message/message-id.ts';

/** What messages of one author and one kind have in common: held once for all of them. */
export interface HeldKind {
  readonly origin: NodeId;
  readonly stream: StreamKey;
  readonly incarnation: number;
  readonly type: string;
  readonly audience: string | undefined;
  readonly voucherId: string;
}

/** Where a message stands in its stream, and in time. */
export type HeldPlace = Pick<Message, 'counter' | 'issuedAt' | 'expiresAt'>;

/** What is known of a kept message without reading its bytes. Made for who asks; the table has no such objects. */
export class HeldMessage {
  readonly contentKey: string;
  readonly origin: NodeId;
  readonly stream: StreamKey;
  readonly incarnation: number;
  readonly counter: number;
  readonly type: string;
  readonly audience: string | undefined;
  readonly voucherId: string;
  readonly issuedAt: UnixMs;
  readonly expiresAt: UnixMs;
  readonly receivedAt: UnixMs;
  /** Rises by one with each message kept. */
  readonly arrival: number;
  readonly bytesLength: number;

  constructor(
    contentKey: string,
    kind: HeldKind,
    place: HeldPlace,
    receivedAt: UnixMs,
    arrival: number,
    bytesLength: number,
  ) {
    this.contentKey = contentKey;
    this.origin = kind.origin;
    this.stream = kind.stream;
    this.incarnation = kind.incarnation;
    this.counter = place.counter;
    this.type = kind.type;
    this.audience = kind.audience;
    this.voucherId = kind.voucherId;
    this.issuedAt = place.issuedAt;
    this.expiresAt = place.expiresAt;
    this.receivedAt = receivedAt;
    this.arrival = arrival;
    this.bytesLength = bytesLength;
  }

  get id(): MessageId {
    return messageIdOf(this.origin, this.incarnation, this.counter);
  }
}

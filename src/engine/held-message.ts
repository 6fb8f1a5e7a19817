import type { UnixMs } from '../base/time.ts';
import type { NodeId } from '../identity/node-id.ts';
import { type MessageId, messageIdOf, type StreamKey } from '../message/message-id.ts';

/** What messages of one author and one kind have in common: held once for all of them. */
export interface HeldKind {
  readonly origin: NodeId;
  readonly stream: StreamKey;
  readonly incarnation: number;
  readonly type: string;
  readonly audience: string | undefined;
  readonly leafKey: string;
}

/** What else is held of a message. */
export interface HeldNumbers {
  readonly counter: number;
  readonly issuedAt: UnixMs;
  readonly expiresAt: UnixMs;
  readonly receivedAt: UnixMs;
  readonly arrival: number;
  readonly bytesLength: number;
}

/** What is known of a kept message without reading its bytes. Made for who asks; the table has no such objects. */
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

  constructor(contentKey: string, kind: HeldKind, numbers: HeldNumbers) {
    this.contentKey = contentKey;
    this.origin = kind.origin;
    this.stream = kind.stream;
    this.incarnation = kind.incarnation;
    this.counter = numbers.counter;
    this.type = kind.type;
    this.audience = kind.audience;
    this.leafKey = kind.leafKey;
    this.issuedAt = numbers.issuedAt;
    this.expiresAt = numbers.expiresAt;
    this.receivedAt = numbers.receivedAt;
    this.arrival = numbers.arrival;
    this.bytesLength = numbers.bytesLength;
  }

  get id(): MessageId {
    return messageIdOf(this.origin, this.incarnation, this.counter);
  }
}

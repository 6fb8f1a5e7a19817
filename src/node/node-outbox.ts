import type { Bytes } from '../base/bytes.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import type { PublicKey } from '../crypto/keys/public-key.ts';
import type { ByeReason } from '../engine/links/frame.ts';
import type { HeldMessage } from '../engine/held/held-message.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Address } from '../message/payloads/address.ts';
import type { Message } from '../message/message.ts';
import type { MessageId } from '../message/message-id.ts';
import type { NodeChange } from '../ports/node-store.ts';

/** What becomes of a message that a program handed in. */
export type RequestAnswer =
  | { readonly tag: 'ok'; readonly messageId: MessageId }
  | { readonly tag: 'refused'; readonly code: ErrorCode; readonly detail: string; readonly hint?: string | undefined };

/** What a node tells those who watch it. */
export type NodeEvent =
  | {
      readonly tag: 'link-up';
      /** As `handleLinkOpen` numbered it. */
      readonly link: number;
      readonly peer: NodeId;
      readonly direction: 'inbound' | 'outbound';
      readonly address: string;
    }
  | { readonly tag: 'link-down'; readonly peer: NodeId; readonly why: ByeReason }
  | { readonly tag: 'message'; readonly held: HeldMessage; readonly message: Message }
  | {
      readonly tag: 'crl';
      readonly issuerKeyHash: string;
      readonly number: number;
      /** Serials that the list before revoked and this one should still name. They stay revoked here. */
      readonly droppedLive: readonly string[];
    }
  | {
      readonly tag: 'conflict';
      readonly origin: NodeId;
      readonly messageId: MessageId;
      /**
       * The message that is held, and the one that was refused for it; or our own record, and one that somebody else signed
       * in our name while we ran. Both are to be shown to the authority (T24).
       */
      readonly kept: Message;
      readonly refused: Message;
    };

/**
 * What a node asks of the world. Each asking with a ticket is answered exactly once, at any later time, by the
 * `handle*` of the same name; nothing is awaited.
 */
export interface NodeOutbox {
  /** Open a TLS link. Answered by `handleLinkOpen` with this dial, or `handleDialFailed`. */
  dial(dial: number, address: Address, expected: NodeId | undefined): void;
  /** Write to a link; in order, best effort. */
  write(link: number, bytes: Bytes): void;
  /** Close a link once what was written before has gone out. No `handleLinkClosed` need follow. */
  close(link: number): void;
  /** Something waits for `flush`: call it soon, once for all that happens in this turn. */
  wake(): void;
  /** Answered by `handleVerified`. */
  verify(ticket: number, key: PublicKey, message: Message): void;
  /** Sign with the node's certificate key. Answered by `handleSigned`. */
  sign(ticket: number, toBeSigned: Bytes): void;
  /** Make durable, whole or not at all. Answered by `handlePersisted`. */
  persist(ticket: number, changes: readonly NodeChange[]): void;
  /** The answer to `publish` or `submit`. */
  answer(request: number, answer: RequestAnswer): void;
  event(event: NodeEvent): void;
}

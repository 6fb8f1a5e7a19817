import type { Bytes } from '../base/bytes.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { MessageId } from '../message/message-id.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import type { NodeEvent } from '../node/node-outbox.ts';
import type { SimulatedNode } from './members/simulated-node.ts';

/** Everything that happens in a world and that a checker may look at; the trace has a line for each. */
export type WorldEvent =
  | { readonly tag: 'started'; readonly node: SimulatedNode }
  | { readonly tag: 'stopped'; readonly node: SimulatedNode }
  /** A node says that something happened to it. */
  | { readonly tag: 'node'; readonly node: SimulatedNode; readonly event: NodeEvent }
  /** A program wants something said there. It is answered by one of the next two, unless the node is killed before. */
  | {
      readonly tag: 'asked';
      readonly node: SimulatedNode;
      readonly request: number;
      /** In whose name, and what: nobody else has said it. */
      readonly origin: NodeId;
      readonly payload: Bytes;
      /** It must not be let say that. */
      readonly isUnlawful: boolean;
    }
  /** A message is durable at its origin: from here on it has to reach everybody. */
  | {
      readonly tag: 'acknowledged';
      readonly node: SimulatedNode;
      readonly request: number;
      readonly isUnlawful: boolean;
      readonly messageId: MessageId;
      readonly askedAtMs: number;
    }
  | {
      readonly tag: 'refused';
      readonly node: SimulatedNode;
      readonly request: number;
      readonly isUnlawful: boolean;
      readonly code: ErrorCode;
    }
  | { readonly tag: 'revoked'; readonly nodeIds: ReadonlySet<NodeId>; readonly crlNumber: number }
  /** The clock on the wall of a machine was set; how far ahead of the right time. */
  | { readonly tag: 'clock'; readonly node: SimulatedNode; readonly aheadMs: number }
  | { readonly tag: 'partitioned'; readonly islands: number }
  | { readonly tag: 'healed' };

/**
 * Watches a world while it runs and says what must not be. Each is told of every event, looks at what the event can
 * have changed and nothing more, so that a world of ten thousand nodes is checked as it goes.
 */
export interface Checker {
  handle(nowMs: number, event: WorldEvent): void;
  /** A node has done all that it does in this millisecond. */
  turnEnded?(nowMs: number, node: SimulatedNode): void;
  /** The world has stopped. */
  finish?(nowMs: number): void;
  /** What was found, in words for people; the first {@link VIOLATIONS_MAX}. */
  readonly violations: readonly string[];
}

/** Violations kept of one checker: the first few say what is wrong, ten thousand more say nothing else. */
export const VIOLATIONS_MAX = 10;

/** A list that takes no more than {@link VIOLATIONS_MAX} texts. */
export class Violations {
  readonly texts: string[] = [];

  add(text: string): void {
    if (this.texts.length < VIOLATIONS_MAX) this.texts.push(text);
  }
}

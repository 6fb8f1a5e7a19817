import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Message } from '../../message/message.ts';
import { BatchChecks, type BatchState } from './batch-checks.ts';
import type { Speaker } from './origins.ts';
import type { Source } from './source.ts';

/** Signature checks under way at once; the thread pool is busy long before, and each holds one message. */
export const CHECKS_MAX = 4_096;

/** A message whose signature is being checked. */
export interface PendingCheck {
  readonly message: Message;
  readonly source: Source;
  readonly key: PublicKey;
  /** Neighbours that have handed over the very same since: each once, so no more than there are links. */
  alsoFrom: NodeId[] | undefined;
}

/** Signature checks that were asked for and are not answered: by ticket, by content, and those that wait for another's. */
export class PendingChecks {
  readonly #checks = new Map<number, PendingCheck>();
  /** The same by content key; of two with one content the first. */
  readonly #byContent = new Map<string, PendingCheck>();
  readonly #batches = new BatchChecks();
  #nextTicket = 0;

  get size(): number {
    return this.#checks.size;
  }

  get isFull(): boolean {
    return this.#checks.size >= CHECKS_MAX;
  }

  ofContent(contentKey: string): PendingCheck | undefined {
    return this.#byContent.get(contentKey);
  }

  /** What is known of the signature of this message's batch. */
  batchOf(speaker: Pick<Speaker, 'keyOf'>, message: Message): BatchState {
    return this.#batches.stateOf(speaker, message);
  }

  /** @returns the ticket. Where its batch is under way, the answer to that is the answer to it. */
  begin(message: Message, source: Source, key: PublicKey, batch: Exclude<BatchState, 'good'>): number {
    const ticket = this.#nextTicket++;
    const check: PendingCheck = { message, source, key, alsoFrom: undefined };
    this.#checks.set(ticket, check);
    if (!this.#byContent.has(message.contentKey)) this.#byContent.set(message.contentKey, check);
    if (batch === 'under-way') this.#batches.follow(message, ticket);
    else this.#batches.begin(key, message);
    return ticket;
  }

  /** The check of this ticket, which is answered; `undefined` where it was before. */
  take(ticket: number): PendingCheck | undefined {
    const check = this.#checks.get(ticket);
    this.#checks.delete(ticket);
    return check;
  }

  /** The answer to a check is there. @returns the tickets of all who waited for the same. */
  end({ key, message }: PendingCheck, ok: boolean): readonly number[] {
    return this.#batches.end(key, message, ok);
  }

  /** From now on its content is under check no more, unless another copy's is. */
  settle(check: PendingCheck): void {
    const { contentKey } = check.message;
    if (this.#byContent.get(contentKey) === check) this.#byContent.delete(contentKey);
  }
}

/** The very same message came once more, maybe from another neighbour. */
export function noteCopy(check: PendingCheck, source: Source): void {
  if (source.tag !== 'link') return;
  check.alsoFrom ??= [];
  if (!check.alsoFrom.includes(source.peer)) check.alsoFrom.push(source.peer);
}

import { BoundedMap } from '../../base/bounded.ts';
import { type Bytes, bytesEqual } from '../../base/bytes.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { Message } from '../../message/message.ts';
import type { Speaker } from './origins.ts';

/** Batches whose signature was found good: some seconds of the busiest mesh. 1,024 × ~250 B = 256 KB. */
export const CHECKED_BATCHES_MAX = 1_024;

/** What is known of the signature of a batch. */
export type BatchState = 'good' | 'under-way' | 'unknown';

interface BatchCheck {
  readonly key: PublicKey;
  readonly signature: Bytes;
  /** Tickets of messages that wait for the answer to the first one's. */
  readonly followers: number[];
}

/**
 * One check of a signature serves all messages of a batch, whether they come after it or while it is under way. A
 * message is in the batch if its path leads to the root; that was computed when it was read.
 */
export class BatchChecks {
  readonly #good = new BoundedMap<string, Pick<BatchCheck, 'key' | 'signature'>>(CHECKED_BATCHES_MAX);
  /** By batch key; bounded with the checks under way. */
  readonly #underWay = new Map<string, BatchCheck>();

  /**
   * What is known of this very signature, over the root of this message's batch, under its signer's key. That is asked for
   * only where the batch is known: a stranger's message cannot be in it.
   */
  stateOf(speaker: Pick<Speaker, 'keyOf'>, { batchKey, signature, incarnation }: Message): BatchState {
    if (batchKey === undefined) return 'unknown';
    const good = this.#good.get(batchKey);
    const underWay = this.#underWay.get(batchKey);
    if (good === undefined && underWay === undefined) return 'unknown';
    const key = speaker.keyOf(incarnation);
    if (isOf(good, key, signature)) return 'good';
    return isOf(underWay, key, signature) ? 'under-way' : 'unknown';
  }

  /** A check is asked for. One of another signature over the same root is nobody's to wait for. */
  begin(key: PublicKey, { batchKey, signature }: Message): void {
    if (batchKey !== undefined && !this.#underWay.has(batchKey))
      this.#underWay.set(batchKey, { key, signature, followers: [] });
  }

  /** The message of this ticket waits for the check that is under way. */
  follow({ batchKey }: Message, ticket: number): void {
    if (batchKey !== undefined) this.#underWay.get(batchKey)?.followers.push(ticket);
  }

  /** The answer to a check. @returns the tickets of all who waited for it. */
  end(key: PublicKey, { batchKey, signature }: Message, ok: boolean): readonly number[] {
    if (batchKey === undefined) return [];
    if (ok) this.#good.set(batchKey, { key, signature });
    const check = this.#underWay.get(batchKey);
    if (!isOf(check, key, signature)) return [];
    this.#underWay.delete(batchKey);
    return check.followers;
  }
}

function isOf<C extends Pick<BatchCheck, 'key' | 'signature'>>(
  check: C | undefined,
  key: PublicKey,
  signature: Bytes,
): check is C {
  return check !== undefined && check.key === key && bytesEqual(check.signature, signature);
}

import { MeshError } from '../../base/errors.ts';
import type { MessageId } from '../../message/message-id.ts';
import type { RequestAnswer } from '../../node/node-outbox.ts';

/** Programs' messages on their way to the disk. One waits for a signature or a commit, so more only pile up. */
export const REQUESTS_MAX = 4_096;

interface Waiting {
  readonly resolve: (messageId: MessageId) => void;
  readonly reject: (error: unknown) => void;
}

/** What programs have handed in and wait to hear of, by the number under which the node was asked. */
export class OpenRequests {
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #isClosed = false;

  /**
   * @param ask hands the request to the node; what it throws is the answer.
   * @returns the id once the message is durable. Rejects with ERR_OVERLOADED, ERR_NOT_READY and what the node refuses.
   */
  ask(ask: (request: number) => void): Promise<MessageId> {
    const { promise, resolve, reject } = Promise.withResolvers<MessageId>();
    if (this.#isClosed) reject(leaving());
    else if (this.#waiting.size >= REQUESTS_MAX)
      reject(new MeshError('ERR_OVERLOADED', `${REQUESTS_MAX} messages wait for the disk`));
    else {
      const request = this.#next++;
      this.#waiting.set(request, { resolve, reject });
      try {
        ask(request);
      } catch (error) {
        this.#waiting.delete(request);
        reject(error);
      }
    }
    return promise;
  }

  /** An answer to nobody is no error: the node's own record has one. */
  answer(request: number, answer: RequestAnswer): void {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    if (answer.tag === 'ok') waiting?.resolve(answer.messageId);
    else waiting?.reject(new MeshError(answer.code, answer.detail, answer.hint));
  }

  /** Refuses those who wait and those who still come. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values()) reject(leaving());
    this.#waiting.clear();
  }
}

function leaving(): MeshError {
  return new MeshError('ERR_NOT_READY', 'the node is leaving');
}

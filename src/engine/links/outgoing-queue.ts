import type { NodeId } from '../../identity/node-id.ts';
import type { Frame } from './frame.ts';

/** Messages that wait for one peer to grant more. What is shed comes again by pull. */
export const OUTGOING_BYTES_MAX = 1024 * 1024;
export const OUTGOING_MESSAGES_MAX = 2_048;

/** A frame in line: a message with what it costs and whose it is, or a frame that must not overtake messages. */
interface Item {
  readonly frame: Frame;
  readonly costBytes: number;
  readonly author: NodeId | undefined;
}

/**
 * What one peer's flow control holds back. When full, it sheds from the author with most of it, newest first, so
 * that one loud author does not crowd out the others.
 */
export class OutgoingQueue {
  readonly #items: Item[] = [];
  readonly #bytesByAuthor = new Map<NodeId, number>();
  #bytes = 0;
  #shed = 0;

  get length(): number {
    return this.#items.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Messages shed since the start. */
  get shed(): number {
    return this.#shed;
  }

  pushMessage(bytes: Uint8Array, author: NodeId): void {
    this.#items.push({ frame: { tag: 'message', bytes }, costBytes: bytes.length, author });
    this.#account(author, bytes.length);
    while (this.#bytes > OUTGOING_BYTES_MAX || this.#items.length > OUTGOING_MESSAGES_MAX) if (!this.#shedOne()) return;
  }

  /** A frame that goes out after the messages before it, and costs nothing. Left out where the queue is full. */
  pushMarker(frame: Frame): void {
    if (this.#items.length < OUTGOING_MESSAGES_MAX) this.#items.push({ frame, costBytes: 0, author: undefined });
  }

  /** Takes the first item where it fits into what is granted. */
  shiftWithin(grantedBytes: number): { readonly frame: Frame; readonly costBytes: number } | undefined {
    const first = this.#items[0];
    if (first === undefined || first.costBytes > grantedBytes) return undefined;
    this.#items.shift();
    if (first.author !== undefined) this.#account(first.author, -first.costBytes);
    return first;
  }

  #shedOne(): boolean {
    let loudest: NodeId | undefined;
    let most = 0;
    for (const [author, bytes] of this.#bytesByAuthor) {
      if (bytes <= most) continue;
      most = bytes;
      loudest = author;
    }
    if (loudest === undefined) return false;
    const at = this.#items.findLastIndex((item) => item.author === loudest);
    const [item] = this.#items.splice(at, 1);
    if (item !== undefined) this.#account(loudest, -item.costBytes);
    this.#shed++;
    return true;
  }

  #account(author: NodeId, bytes: number): void {
    this.#bytes += bytes;
    const left = (this.#bytesByAuthor.get(author) ?? 0) + bytes;
    if (left === 0) this.#bytesByAuthor.delete(author);
    else this.#bytesByAuthor.set(author, left);
  }
}

import type { StreamKey } from '../message/message-id.ts';
import { CounterRanges } from './counter-ranges.ts';
import type { DigestStream, Frame } from './frame.ts';
import type { HeldMessages, HeldStream } from './held-messages.ts';
import type { Link } from './link.ts';
import { isInPage } from './pull-digest.ts';

/** Bytes of messages in answer to one pull; what does not fit is asked for again at once. Half of the peer's window. */
export const PULL_ANSWER_BYTES_MAX = 128 * 1024;

interface Answer {
  readonly id: number;
  bytes: number;
  more: boolean;
  behind: boolean;
}

/** The answering side of pulls: compares a peer's digest with what is held and sends the difference. */
export class PullAnswers {
  readonly #held: HeldMessages;
  readonly #read: (contentKey: string) => Uint8Array | undefined;
  readonly #open = new Map<number, Answer>();

  constructor(held: HeldMessages, read: (contentKey: string) => Uint8Array | undefined) {
    this.#held = held;
    this.#read = read;
  }

  /** A peer asked and was told that something differs: its digest follows. One at a time a link. */
  begin(linkId: number, id: number): void {
    this.#open.set(linkId, { id, bytes: 0, more: false, behind: false });
  }

  forget(linkId: number): void {
    this.#open.delete(linkId);
  }

  /**
   * Sends what the page shows to be missing at the peer.
   *
   * @returns what has been sent and seen so far, or `undefined` for a digest that answers nothing of ours.
   */
  answer(
    link: Link,
    page: Extract<Frame, { tag: 'digest' }>,
  ): { readonly more: boolean; readonly behind: boolean } | undefined {
    const answer = this.#open.get(link.end.id);
    if (answer === undefined || answer.id !== page.id) return undefined;
    if (page.last) this.#open.delete(link.end.id);
    const theirs = new Map<StreamKey, DigestStream>(page.streams.map((stream) => [stream.key, stream]));
    for (const [key, stream] of this.#held.streams)
      if (isInPage(key, page)) this.#sendMissing(link, answer, stream, theirs.get(key));
    for (const stream of page.streams) if (this.#lacks(stream)) answer.behind = true;
    return answer;
  }

  #sendMissing(link: Link, answer: Answer, stream: HeldStream, theirs: DigestStream | undefined): void {
    if (stream.live.size === 0) return;
    const have = CounterRanges.fromFlat(theirs?.ranges ?? []);
    for (const [counter, contentKey] of stream.live) {
      if (have.has(counter)) continue;
      const bytes = answer.bytes < PULL_ANSWER_BYTES_MAX ? this.#read(contentKey) : undefined;
      if (answer.bytes >= PULL_ANSWER_BYTES_MAX) {
        answer.more = true;
        return;
      }
      if (bytes === undefined) continue;
      answer.bytes += bytes.length;
      link.sendMessage(bytes, stream.origin);
    }
  }

  #lacks({ key, ranges }: DigestStream): boolean {
    const ours = this.#held.streams.get(key)?.ranges;
    const last = ranges.at(-1);
    return last !== undefined && (ours === undefined || !ours.has(last - 1));
  }
}

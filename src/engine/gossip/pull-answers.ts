import type { Instant, UnixMs } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { StreamKey } from '../../message/message-id.ts';
import { CounterRanges } from '../held/counter-ranges.ts';
import type { DigestStream, Frame } from '../links/frame.ts';
import type { HeldMessages } from '../held/held-messages.ts';
import type { HeldStream } from '../held/held-streams.ts';
import type { Link } from '../links/link.ts';
import { isInPage, isUnwanted } from './pull-digest.ts';

/** Bytes of messages in answer to one pull; what does not fit is asked for again at once. Half of the peer's window. */
export const PULL_ANSWER_BYTES_MAX = 128 * 1024;

/**
 * What has come since is still on its way by pushes, most likely to the asker too: an answer leaves it out. In a busy mesh
 * it would be half of what pulls bring, and most of it a second copy. Too low: these copies; too high: a message that all
 * pushes have missed waits so much longer for a pull. @tuning
 */
export const PUSHED_MS = 250;

/** Messages of one author that are looked at for one answer; of 300 bytes, more would not fit into it. */
export const ANSWER_OF_AUTHOR_MAX = 512;

interface Answer {
  readonly id: number;
  /** Places of arrival of what the peer lacks, by author. */
  readonly missing: Map<NodeId, number[]>;
  /** What came after this and until now is left out. */
  since: UnixMs;
  now: UnixMs;
  /** The pages so far speak for all keys up to this one. */
  upTo: string;
  more: boolean;
  behind: boolean;
}

/**
 * The answering side of pulls: compares a peer's digest with what is held and sends the difference. Authors take turns,
 * so that one who has said much does not hold up the others, whom the peer may believe when it refuses more of that one.
 */
export class PullAnswers {
  readonly #held: HeldMessages;
  readonly #read: (arrival: number) => Uint8Array | undefined;
  readonly #open = new Map<number, Answer>();

  constructor(held: HeldMessages, read: (arrival: number) => Uint8Array | undefined) {
    this.#held = held;
    this.#read = read;
  }

  /** A peer asked and was told that something differs: its digest follows. One at a time a link. */
  begin(linkId: number, id: number): void {
    const none = 0 as UnixMs;
    this.#open.set(linkId, { id, missing: new Map(), since: none, now: none, upTo: '', more: false, behind: false });
  }

  forget(linkId: number): void {
    this.#open.delete(linkId);
  }

  /**
   * Notes what the page shows to be missing at the peer, and sends it after the last page.
   *
   * @param isWanted false for authors of whom nothing would be taken now.
   * @returns what has been seen so far, or `undefined` for a digest that answers nothing of ours, or has pages out of order: the answer ends then.
   */
  answer(
    { mono, wall }: Instant,
    link: Link,
    page: Extract<Frame, { tag: 'digest' }>,
    isWanted: (author: NodeId) => boolean,
  ): { readonly more: boolean; readonly behind: boolean } | undefined {
    const answer = this.#open.get(link.end.id);
    if (answer === undefined || answer.id !== page.id) return undefined;
    if (!follows(answer.upTo, page)) {
      this.#open.delete(link.end.id);
      return undefined;
    }
    answer.upTo = page.to;
    answer.now = wall;
    // Nobody has pushed to the asker what came before this link stood.
    answer.since = (wall - Math.min(PUSHED_MS, link.standsForMs(mono))) as UnixMs;
    const theirs = new Map<StreamKey, DigestStream>(page.streams.map((stream) => [stream.key, stream]));
    for (const [key, stream] of this.#held.streams)
      if (isInPage(key, page)) this.#noteMissing(answer, stream, theirs.get(key));
    for (const stream of page.streams) if (this.#lacks(stream, isWanted)) answer.behind = true;
    if (page.last) {
      this.#open.delete(link.end.id);
      this.#send(link, answer);
    }
    return answer;
  }

  /** A message of each author in turn, until there is enough for one answer. Another author begins each time. */
  #send(link: Link, answer: Answer): void {
    const authors = Array.from(answer.missing);
    const first = authors.length === 0 ? 0 : answer.id % authors.length;
    let bytesLeft = PULL_ANSWER_BYTES_MAX;
    for (let turn = 0, isAnyLeft = authors.length > 0; isAnyLeft; turn++) {
      isAnyLeft = false;
      for (let i = 0; i < authors.length; i++) {
        const [author, arrivals] = authors[(first + i) % authors.length] as (typeof authors)[number];
        const arrival = arrivals[turn];
        if (arrival === undefined) continue;
        isAnyLeft = true;
        if (bytesLeft <= 0) {
          answer.more = true;
          return;
        }
        const bytes = this.#read(arrival);
        if (bytes === undefined) continue;
        bytesLeft -= bytes.length;
        link.sendMessage(bytes, author);
      }
    }
  }

  #noteMissing(answer: Answer, { ranges, live, origin }: HeldStream, theirs: DigestStream | undefined): void {
    if (live.size === 0) return;
    let missing = answer.missing.get(origin);
    /** @returns false where no more are looked at. */
    const note = (row: number): boolean => {
      const receivedAt = this.#held.receivedAtOf(row);
      if (receivedAt > answer.since && receivedAt <= answer.now) return true;
      if (missing === undefined) answer.missing.set(origin, (missing = []));
      else if (missing.length >= ANSWER_OF_AUTHOR_MAX) {
        answer.more = true;
        return false;
      }
      missing.push(this.#held.arrivalOf(row));
      return true;
    };
    const have = CounterRanges.fromFlat(theirs?.ranges ?? []);
    const lacking = ranges.without(have);
    if (countOf(lacking) > live.size) {
      // Most of what they have not has ended here too.
      for (const [counter, row] of live) if (!have.has(counter) && !note(row)) return;
      return;
    }
    for (let i = 0; i < lacking.length; i += 2)
      for (let counter = lacking[i] as number; counter < (lacking[i + 1] as number); counter++) {
        const row = live.get(counter);
        if (row !== undefined && !note(row)) return;
      }
  }

  #lacks(stream: DigestStream, isWanted: (author: NodeId) => boolean): boolean {
    const last = stream.ranges.at(-1);
    if (last === undefined || isUnwanted(stream)) return false;
    const ours = this.#held.streams.get(stream.key);
    return ours === undefined || (!ours.ranges.has(last - 1) && isWanted(ours.origin));
  }
}

/** Each page begins where the last one ended and goes on: no key is compared twice, however many pages there are. */
function follows(upTo: string, { from, to, last, streams }: Extract<Frame, { tag: 'digest' }>): boolean {
  return from === upTo && (last || (to > from && streams.length > 0));
}

function countOf(flat: readonly number[]): number {
  let count = 0;
  for (let i = 0; i < flat.length; i += 2) count += (flat[i + 1] as number) - (flat[i] as number);
  return count;
}

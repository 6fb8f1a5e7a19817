import { Budgets } from '../../base/budgets.ts';
import { bytesEqual } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import type { Instant } from '../../base/time.ts';
import type { BucketRate } from '../../base/token-bucket.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { isSameCopy, type Message } from '../../message/message.ts';
import { MessageReader } from '../../message/message-reader.ts';
import { AUTHOR_RATE, BUCKETS_MAX, NEIGHBOUR_RATE } from './budgets.ts';
import { Echoes, NO_ECHO } from './echoes.ts';
import { HELD_PER_ORIGIN_MAX } from '../held/held-messages.ts';
import type { KnownDelegate } from './delegate-book.ts';
import type { Origins } from './origins.ts';
import { noteCopy, type PendingCheck, PendingChecks } from './pending-checks.ts';
import type { Source } from './source.ts';
import {
  type Draft,
  type GateMemory,
  judgeCounter,
  judgeLifetime,
  judgeOrigin,
  judgePayload,
  type RecordSequences,
} from './steps.ts';
import { ACCEPT, ignore, reject, type Verdict } from './verdict.ts';

export interface GateOutbox {
  /** True while nothing more can be taken in, whoever says it: the store does not keep up. */
  isFull(): boolean;
  /** Ask for a signature check. Exactly one {@link Gate.handleVerified} follows, at any later time. */
  verify(ticket: number, key: PublicKey, message: Message): void;
  /**
   * The verdict on what a source handed over; `message` is absent where it could not be read. `alsoFrom`: the neighbours
   * that have handed over the very same while its signature was checked.
   */
  judged(
    now: Instant,
    source: Source,
    message: Message | undefined,
    verdict: Verdict,
    alsoFrom?: readonly NodeId[],
  ): void;
  /** The certificate of this message is unknown: keep it aside and ask the source. Comes instead of a verdict. */
  missingChain(now: Instant, source: Source, message: Message): void;
  /** A message brought the statement of its delegate, and it holds: keep it for those who ask. */
  newDelegate(delegate: KnownDelegate, forgotten: readonly string[]): void;
  /** One stream and counter with two contents, both signed: a clone (T24). */
  conflict(now: Instant, keptContentKey: string, message: Message): void;
}

/** What the gate judges by. */
export interface GateOptions {
  readonly mesh: MeshName;
  readonly origins: Origins;
  readonly held: GateMemory;
  readonly records: RecordSequences;
  /** What each author is allowed. By default {@link AUTHOR_RATE}. */
  readonly authorRate?: BucketRate;
  /** What each who hands messages over may have checked. By default {@link NEIGHBOUR_RATE}. */
  readonly neighbourRate?: BucketRate;
}

/** Most verdicts by far. */
const DUPLICATE = Object.freeze(ignore('duplicate'));

/**
 * The one way in. Before a message is stored, counted or forwarded, the gate judges it, in order of cost
 * (spec 03 section 6): 1 size and shape, 2 lifetime, 3 seen, 4 origin, 5 counter, 6 the neighbour's budget,
 * 7 the author's budget (looked at, not debited: a forger must not spend another's, T3), 8 signature. When the
 * answer to 8 comes, 3 to 5 are asked again, and the author pays.
 *
 * What this node itself says is judged before it gets its counter, and pays then: a counter that is given and then
 * refused leaves a gap in the stream for as long as its neighbours live.
 */
export class Gate {
  readonly #reader: MessageReader;
  readonly #origins: Origins;
  readonly #held: GateMemory;
  readonly #records: RecordSequences;
  readonly #outbox: GateOutbox;
  readonly #neighbours: Budgets<NodeId>;
  readonly #authors: Budgets<NodeId>;
  readonly #checks = new PendingChecks();
  /** Messages that went on to 8 lately: only to tell their echoes cheaply. */
  readonly #echoes = new Echoes();

  constructor(options: GateOptions, outbox: GateOutbox) {
    const { mesh, origins, held, records, authorRate = AUTHOR_RATE, neighbourRate = NEIGHBOUR_RATE } = options;
    this.#neighbours = new Budgets(neighbourRate, BUCKETS_MAX);
    this.#authors = new Budgets(authorRate, BUCKETS_MAX);
    this.#reader = new MessageReader(mesh);
    this.#origins = origins;
    this.#held = held;
    this.#records = records;
    this.#outbox = outbox;
  }

  /** Signature checks under way. */
  get checking(): number {
    return this.#checks.size;
  }

  /** Whether a message of this author could be let in now: there is room, and its budget is not spent. */
  isWanted(now: Instant, author: NodeId): boolean {
    return !this.#held.isFullOf(author) && this.#authors.has(now.mono, author);
  }

  handleBytes(now: Instant, bytes: Uint8Array, source: Source): void {
    if (this.#isEcho(bytes, source)) return this.#outbox.judged(now, source, undefined, DUPLICATE);
    let message: Message;
    try {
      message = this.#reader.read(bytes);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      this.#outbox.judged(now, source, undefined, reject('malformed', error.message));
      return;
    }
    this.handleMessage(now, message, source);
  }

  handleMessage(now: Instant, message: Message, source: Source): void {
    const verdict = this.#judgeBeforeCheck(now, message, source);
    if (verdict === 'missing-chain') this.#outbox.missingChain(now, source, message);
    else if (verdict !== 'check') this.#outbox.judged(now, source, message, verdict);
  }

  /** Takes the price of one signature check from what a neighbour may cost us; `false` where it has no more. */
  charge(now: Instant, neighbour: NodeId): boolean {
    return this.#neighbours.take(now.mono, neighbour);
  }

  /** Whether a message that this node is about to sign will be let in, as {@link judgeDraft}; takes its price. */
  admitOwn(now: Instant, draft: Draft, underWay: number): Verdict {
    const verdict = this.judgeDraft(now, draft, underWay);
    if (verdict.tag !== 'accept') return verdict;
    return this.#authors.take(now.mono, draft.origin) ? ACCEPT : ignore('over-budget');
  }

  /**
   * Whether a message would be let in if it were signed now, as far as that can be told without its signature.
   *
   * @param underWay messages of this origin that were let in and are not held yet.
   */
  judgeDraft(now: Instant, draft: Draft, underWay: number): Verdict {
    const origin = judgeOrigin(this.#origins, draft);
    if (origin.tag !== 'ok') return origin.verdict === 'missing-chain' ? ignore('unknown-origin') : origin.verdict;
    const shape = judgePayload(draft);
    if (shape !== undefined) return shape;
    if (this.#held.countOf(draft.origin) + underWay >= HELD_PER_ORIGIN_MAX)
      return ignore('no-room', `${HELD_PER_ORIGIN_MAX} messages of this node are held; room comes as they end`);
    if (this.#outbox.isFull()) return ignore('over-budget');
    return this.#authors.has(now.mono, draft.origin) ? ACCEPT : ignore('over-budget');
  }

  handleVerified(now: Instant, ticket: number, ok: boolean): void {
    const check = this.#checks.take(ticket);
    if (check === undefined) return; // answered twice: not an error
    const followers = this.#checks.end(check, ok);
    this.#settle(now, check, ok);
    for (const follower of followers) this.handleVerified(now, follower, ok);
  }

  #settle(now: Instant, check: PendingCheck, ok: boolean): void {
    const { message, source } = check;
    this.#checks.settle(check);
    const verdict = ok ? this.#judgeAfterCheck(now, message, source) : reject('bad-signature');
    this.#outbox.judged(now, source, message, verdict, check.alsoFrom);
  }

  #judgeBeforeCheck(now: Instant, message: Message, source: Source): Verdict | 'check' | 'missing-chain' {
    // 1. Memory and bandwidth: larger than its family may be.
    const { payload, type } = message;
    if (payload.length > type.payloadBytesMax)
      return reject('payload', `${payload.length} bytes, expected at most ${type.payloadBytesMax}`);
    // 2. Messages that live for ever, or were kept past their time by a partition, or come from a wrong clock.
    const lifetime = judgeLifetime(message, now.wall);
    if (lifetime !== undefined) return lifetime;
    // 3. Echoes: most of what arrives. A client waits for an answer that is true of its own copy, so it goes on to 8.
    const underCheck = this.#checks.ofContent(message.contentKey);
    if (source.tag !== 'client') {
      if (this.#held.has(message.contentKey)) return ignore('duplicate');
      if (underCheck !== undefined && isSameCopy(underCheck.message, message)) {
        noteCopy(underCheck, source);
        return ignore('duplicate');
      }
    }
    // 4. Impersonation, revoked nodes, and members who say what they may not.
    const statement = this.#learnDelegate(now, message, source);
    if (statement !== undefined) return statement;
    const origin = judgeOrigin(this.#origins, message);
    if (origin.tag !== 'ok') return origin.verdict;
    // 5. Replays, and clones: the second content for a counter goes on to 8 only to raise the alarm.
    const counter = judgeCounter(this.#held, this.#records, message);
    if (counter !== undefined && counter.tag === 'ignore' && counter.reason !== 'conflict') return counter;
    const shape = judgePayload(message);
    if (shape !== undefined) return shape;
    const batch = this.#checks.batchOf(origin, message);
    if (source.tag !== 'self') {
      // 6. A neighbour that makes us verify; it is authenticated, so only its own budget is spent.
      if (this.#checks.isFull || this.#outbox.isFull()) return ignore('over-budget');
      if (batch === 'unknown' && !this.#neighbours.take(now.mono, source.peer)) return ignore('over-budget');
      // 7. An author that floods. Leaves no trace, so a pull brings the message again.
      if (!this.#authors.has(now.mono, message.origin)) return ignore('over-budget');
    }
    // 8. Tampering. Last, because it is the only step that costs more than a look-up, once for each batch.
    this.#echoes.add(message);
    if (batch === 'good') return this.#judgeAfterCheck(now, message, source);
    const key = origin.keyOf(message.incarnation);
    const ticket = this.#checks.begin(message, source, key, batch);
    if (batch === 'unknown') this.#outbox.verify(ticket, key, message);
    return 'check';
  }

  /**
   * Step 3 before anything is read: the very bytes of a message that is held, or whose check is under way. What is
   * neither any more is judged as if it had never come.
   */
  #isEcho(bytes: Uint8Array, source: Source): boolean {
    const echo = this.#echoes.find(bytes);
    if (echo === NO_ECHO) return false;
    const { drops } = this.#held;
    if (this.#echoes.heldAt(echo) === drops) return true;
    const contentKey = this.#echoes.contentKeyOf(echo);
    if (this.#held.has(contentKey)) {
      this.#echoes.noteHeld(echo, drops);
      return true;
    }
    const underCheck = this.#checks.ofContent(contentKey);
    if (underCheck === undefined || !bytesEqual(underCheck.message.bytes, bytes)) return false;
    noteCopy(underCheck, source);
    return true;
  }

  /** What may have changed while the signature was checked. */
  #judgeAfterCheck(now: Instant, message: Message, source: Source): Verdict {
    if (this.#held.has(message.contentKey)) return ignore('duplicate');
    const origin = judgeOrigin(this.#origins, message);
    if (origin.tag !== 'ok') return origin.verdict === 'missing-chain' ? ignore('unknown-origin') : origin.verdict;
    const counter = judgeCounter(this.#held, this.#records, message);
    if (counter !== undefined) {
      const kept = this.#held.counterState(message.stream, message.counter);
      if (kept.tag === 'live' && counter.tag === 'ignore' && counter.reason === 'conflict')
        this.#outbox.conflict(now, kept.contentKey, message);
      return counter;
    }
    return source.tag === 'self' || this.#authors.take(now.mono, message.origin) ? ACCEPT : ignore('over-budget');
  }

  /**
   * Takes the statement that the first message of a delegate brings. To check one costs as much as a message, and that is
   * the neighbour's to pay, before anything is looked at.
   */
  #learnDelegate(now: Instant, { delegate, voucherId }: Message, source: Source): Verdict | undefined {
    if (delegate?.statement === undefined || this.#origins.delegates.get(voucherId) !== undefined) return undefined;
    if (source.tag !== 'self' && !this.#neighbours.take(now.mono, source.peer)) return ignore('over-budget');
    const added = this.#origins.delegates.add(delegate.statement, now.wall);
    switch (added.tag) {
      case 'known':
        if (added.isNew) this.#outbox.newDelegate(added.delegate, added.forgotten);
        return undefined;
      case 'unpublished':
        return ignore('unpublished-origin', added.why);
      case 'refused':
        return reject('wrong-origin', added.why);
    }
  }
}

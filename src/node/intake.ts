import type { Instant } from '../base/time.ts';
import type { CrlSync } from '../engine/gossip/crl-sync.ts';
import type { Source } from '../engine/gate/source.ts';
import type { Gossip } from '../engine/gossip/gossip.ts';
import type { HeldMessage } from '../engine/held/held-message.ts';
import type { Link } from '../engine/links/link.ts';
import { type IgnoreReason, refusalOf, type Verdict } from '../engine/gate/verdict.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Message } from '../message/message.ts';
import type { Holdings } from './keeping/holdings.ts';
import type { Journal } from './keeping/journal.ts';
import type { Neighbourhood } from './peers/neighbourhood.ts';
import type { NodeOutbox } from './node-outbox.ts';
import { type OwnMessages, RECORD_REQUEST } from './publishing/own-messages.ts';
import type { Statistics } from './statistics.ts';

export interface IntakeParts {
  readonly self: NodeId;
  readonly statistics: Statistics;
  readonly neighbourhood: Neighbourhood;
  readonly holdings: Holdings;
  readonly journal: Journal;
  readonly gossip: Gossip;
  readonly crls: CrlSync;
  readonly outbox: NodeOutbox;
  readonly own: OwnMessages;
}

/** What is told of a message that could not be made durable and may be known to others all the same. */
const SAME_AGAIN =
  'make room on the disk (df), then hand in this very message again: it may have gone out, and under another id it would be a second one';

const NOBODY: readonly NodeId[] = Object.freeze([]);

/** What becomes of a message once the gate has judged it: held, journalled, passed on, told, and answered for. */
export class Intake {
  readonly #parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** @param alsoFrom neighbours that have handed over the same message meanwhile. */
  handleJudged(
    now: Instant,
    source: Source,
    message: Message | undefined,
    verdict: Verdict,
    alsoFrom: readonly NodeId[] = NOBODY,
  ): void {
    const { statistics, neighbourhood, own } = this.#parts;
    statistics.countVerdict(verdict);
    const link = neighbourhood.linkOf(source);
    if (link !== undefined && source.tag === 'link') {
      link.handleConsumed(source.bytesLength);
      if (verdict.tag === 'reject') link.handleReject(now);
      if (verdict.tag === 'ignore') this.#ignored(now, link, verdict.reason);
      if (verdict.tag === 'accept') link.handleNews(now);
    }
    const isWaitedFor = message !== undefined && isWithheld(message, source);
    if (verdict.tag === 'accept' && message !== undefined) this.#accept(now, message, source, isWaitedFor, alsoFrom);
    if (verdict.tag === 'accept' && isWaitedFor) return; // answered with what becomes of it in the store
    if (source.tag === 'self' && source.request === RECORD_REQUEST && verdict.tag !== 'accept')
      own.handleRecordRefused(now);
    else if (source.tag !== 'link' && message !== undefined) this.#answer(source.request, message, verdict);
  }

  /** One stream and counter with two contents: the first is kept, both are told (T24). */
  handleConflict(keptContentKey: string, message: Message): void {
    const { self, statistics, neighbourhood, holdings, outbox, own } = this.#parts;
    if (message.origin !== self) statistics.conflicts++;
    const kept = holdings.read(keptContentKey);
    if (kept === undefined) return;
    if (message.origin === self) own.handleClone(message.incarnation);
    else neighbourhood.tellConflict(message.origin, kept.bytes, message.bytes);
    outbox.event({ tag: 'conflict', origin: message.origin, messageId: message.id, kept, refused: message });
  }

  /** A node's record says where it can be dialled. */
  learnAddresses(now: Instant, nodeId: NodeId): void {
    const { neighbourhood, holdings } = this.#parts;
    neighbourhood.handleRecord(now, nodeId, holdings.records.get(nodeId)?.record.addresses ?? []);
  }

  #ignored(now: Instant, link: Link, reason: IgnoreReason): void {
    if (reason === 'revoked-origin' || reason === 'unpublished-origin') this.#parts.crls.remind(now, link);
    if (reason === 'over-budget' || reason === 'no-room') this.#parts.gossip.handleRefused(link);
  }

  #accept(now: Instant, message: Message, source: Source, isWaitedFor: boolean, alsoFrom: readonly NodeId[]): void {
    const { self, holdings, outbox, own } = this.#parts;
    const ownRecord = source.tag === 'self' ? undefined : this.#ownRecordBefore(message);
    const held = holdings.keep(now, message, isWaitedFor);
    if (source.tag !== 'self' && message.origin === self) own.handleClone(message.incarnation);
    if (ownRecord !== undefined && own.isSaidElsewhere(message)) this.#cloneRuns(ownRecord, message);
    if (message.type.family === 'record') this.learnAddresses(now, message.origin);
    if (isWaitedFor && source.tag !== 'link') this.#passOnceDurable(now, held, message, source);
    else this.#pass(now, held, message, source, alsoFrom);
    outbox.event({ tag: 'message', held, message });
  }

  #pass(now: Instant, held: HeldMessage, message: Message, source: Source, alsoFrom: readonly NodeId[]): void {
    const { statistics, gossip } = this.#parts;
    if (source.tag === 'self') statistics.published++;
    gossip.handleAccepted(now, held, message.bytes, source.tag === 'self' ? undefined : source.peer, alsoFrom);
  }

  /** Whoever is refused tries again: what was refused must be nowhere, or there are two of it everywhere. */
  #passOnceDurable(now: Instant, held: HeldMessage, message: Message, source: Exclude<Source, { tag: 'link' }>): void {
    const { journal, holdings, outbox, own } = this.#parts;
    const isOwn = source.tag === 'self';
    journal.whenDurable((ok) => {
      const isTakenBack = !ok && holdings.takeBack(held, isOwn);
      if (!isTakenBack && holdings.release(held)) this.#pass(now, held, message, source, NOBODY);
      if (isTakenBack && isOwn) own.handleTakenBack(message);
      if (ok) outbox.answer(source.request, { tag: 'ok', messageId: message.id });
      else this.#notDurable(source.request, isTakenBack ? undefined : SAME_AGAIN);
    });
  }

  #notDurable(request: number, hint: string | undefined): void {
    this.#parts.outbox.answer(request, {
      tag: 'refused',
      code: 'ERR_STORAGE',
      detail: 'the store could not write',
      hint,
    });
  }

  /** Our own record, which one that comes from outside is about to replace. */
  #ownRecordBefore({ origin, type }: Message): Message | undefined {
    const { self, holdings } = this.#parts;
    const known = origin === self && type.family === 'record' ? holdings.records.get(self) : undefined;
    return known === undefined ? undefined : holdings.read(known.contentKey);
  }

  /**
   * Programs may say this and that with our certificate, but only a node that runs says where it listens: our directory was
   * copied, and the copy runs too. It opened a stream of its own, so the two collide nowhere else (T24).
   */
  #cloneRuns(kept: Message, record: Message): void {
    this.#parts.statistics.conflicts++;
    this.#parts.outbox.event({ tag: 'conflict', origin: record.origin, messageId: record.id, kept, refused: record });
  }

  #answer(request: number, message: Message, verdict: Verdict): void {
    const { journal, outbox } = this.#parts;
    if (verdict.tag !== 'accept' && verdict.reason !== 'duplicate' && verdict.reason !== 'superseded') {
      const { code, message: detail, hint } = refusalOf(verdict);
      outbox.answer(request, { tag: 'refused', code, detail, hint });
      return;
    }
    journal.whenDurable((ok) => {
      if (ok) outbox.answer(request, { tag: 'ok', messageId: message.id });
      else this.#notDurable(request, SAME_AGAIN);
    });
  }
}

/**
 * What somebody waits for goes to no peer before it is durable. Of records the newest counts, however often they are said:
 * they go out at once, and one that was replaced could not be brought back.
 */
function isWithheld({ type }: Message, source: Source): boolean {
  return source.tag !== 'link' && type.family !== 'record';
}

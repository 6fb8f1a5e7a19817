import type { Bytes } from '../../base/bytes.ts';
import type { Instant, UnixMs } from '../../base/time.ts';
import type { HeldMessage } from '../../engine/held/held-message.ts';
import { HeldMessages } from '../../engine/held/held-messages.ts';
import type { HeldStream } from '../../engine/held/held-streams.ts';
import type { Origins } from '../../engine/gate/origins.ts';
import { RecordBook } from '../../engine/held/record-book.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { isAddressedTo } from '../../message/audience.ts';
import type { Message } from '../../message/message.ts';
import { MessageReader } from '../../message/message-reader.ts';
import { isDelegateStream, streamKeyOf } from '../../message/message-id.ts';
import type { RestoredNode } from '../../ports/node-store.ts';
import { IndicatorSet, type ValidIndicator } from './indicator-set.ts';
import type { Journal } from './journal.ts';
import type { WalletPolicy } from '../wallet-policy.ts';

/** Whom messages may be addressed to, so that they take effect here. */
export interface HoldingsOwner {
  readonly self: NodeId;
  readonly roles: readonly string[];
  readonly wallets: WalletPolicy;
}

/**
 * Everything a node holds of messages: which are live, where they are journalled, and what is known by them
 * (records, indicators). What enters here has passed the gate.
 */
export class Holdings {
  readonly messages = new HeldMessages();
  readonly records = new RecordBook();
  readonly #indicators = new IndicatorSet();
  /** Arrivals of messages that no peer may see before they are durable: no more than the journal's backlog. */
  readonly #withheld = new Set<number>();
  readonly #reader: MessageReader;
  readonly #journal: Journal;
  readonly #owner: HoldingsOwner;

  constructor(mesh: MeshName, journal: Journal, owner: HoldingsOwner) {
    this.#reader = new MessageReader(mesh);
    this.#journal = journal;
    this.#owner = owner;
  }

  /**
   * Keeps a message that the gate accepted. It is durable once the journal says so.
   *
   * @param isWithheld no peer sees it until {@link release}.
   */
  keep(now: Instant, message: Message, isWithheld = false): HeldMessage {
    const { held, evicted } = this.messages.put(message, now.wall);
    const { arrival, receivedAt } = held;
    if (isWithheld) this.#withheld.add(arrival);
    this.#journal.add({ tag: 'put-message', message: { arrival, receivedAt, bytes: message.bytes } });
    if (evicted !== undefined) this.#forget(evicted);
    this.#index(held, message);
    return held;
  }

  /** Takes back what the store kept, as far as it has not ended and its origin is still believed. */
  restore(wall: UnixMs, { arrivals, messages }: Pick<RestoredNode, 'arrivals' | 'messages'>, origins: Origins): void {
    this.messages.startArrivals(arrivals);
    for (const { arrival, receivedAt, bytes } of messages) {
      const message = this.#reader.read(bytes);
      const isTwice = this.messages.has(message.contentKey); // in a file that was changed by hand
      if (isTwice || message.expiresAt <= wall || origins.judge(message).tag !== 'ok') {
        this.#journal.add({ tag: 'drop-message', arrival });
        continue;
      }
      const { held, evicted } = this.messages.put(message, receivedAt, arrival);
      if (evicted !== undefined) this.#forget(evicted);
      this.#index(held, message);
    }
  }

  /** The message itself; `undefined` where it is not held any more. */
  read(contentKey: string): Message | undefined {
    const bytes = this.bytesOf(contentKey);
    return bytes === undefined ? undefined : this.#reader.read(bytes);
  }

  bytesOf(contentKey: string): Bytes | undefined {
    const held = this.messages.get(contentKey);
    return held === undefined ? undefined : this.#journal.read(held.arrival);
  }

  /** The bytes of a message for a peer; `undefined` while it is withheld. */
  readForPeers(arrival: number): Bytes | undefined {
    return this.#withheld.has(arrival) ? undefined : this.#journal.read(arrival);
  }

  /** A withheld message is durable. @returns false where it has ended meanwhile. */
  release({ arrival }: HeldMessage): boolean {
    return this.#withheld.delete(arrival);
  }

  /**
   * A withheld message could not be made durable: it is held no more. The counter of one that this node signed stays used,
   * because it signs no second message with it; whoever hands in a signed message may hand it in again.
   *
   * @returns false where it stays, because its counter cannot be had again.
   */
  takeBack({ arrival, contentKey }: HeldMessage, isOwn: boolean): boolean {
    if (!this.#withheld.has(arrival)) return true; // ended meanwhile
    const held = isOwn ? this.messages.drop(contentKey) : this.messages.takeBack(contentKey);
    if (held !== undefined) this.#forget(held);
    return held !== undefined;
  }

  /** Whether programs on this node hear of it: what wallets say that it does not obey is for others. */
  isHeard({ origin, type }: Pick<Message, 'origin' | 'type'>): boolean {
    return this.#owner.wallets.hears(origin, type);
  }

  /** Indicators that are valid now, oldest first. */
  validIndicators(wall: UnixMs): ValidIndicator[] {
    return this.#indicators.valid(this.messages.values(), wall);
  }

  /** Forgets what has ended. */
  expire(wall: UnixMs): void {
    for (const held of this.messages.expire(wall)) this.#forget(held);
  }

  /**
   * Forgets what revoked nodes and delegates have said, their records too. What is held was let in while something that
   * the authority publishes spoke for it, so where nothing does any more, that was taken back: a wallet's grant.
   */
  dropRevoked(origins: Origins): void {
    for (const { contentKey, origin, voucherId, issuedAt, stream } of Array.from(this.messages.values())) {
      const { tag } = origins.judgeHeld({ origin, voucherId, issuedAt });
      // Of a delegate whose statement had to go nobody can say any more whether it is revoked.
      const isForgotten = tag === 'unknown' && isDelegateStream(stream);
      if (tag !== 'revoked' && tag !== 'unpublished' && !isForgotten) continue;
      this.#drop(contentKey);
      this.records.drop(contentKey, origin);
    }
  }

  /** The message of a node's newest stream that came last; `undefined` where none is held. */
  lastOf(nodeId: NodeId): Bytes | undefined {
    let newest: HeldStream | undefined;
    for (const stream of this.messages.streams.values())
      if (stream.origin === nodeId && stream.live.size > 0 && stream.incarnation > (newest?.incarnation ?? 0))
        newest = stream;
    let last: number | undefined;
    for (const row of newest?.live.values() ?? []) if (!this.#withheld.has(this.messages.arrivalOf(row))) last = row;
    return last === undefined ? undefined : this.#journal.read(this.messages.arrivalOf(last));
  }

  /** The highest incarnation held of a node; 0 for none. */
  incarnationOf(nodeId: NodeId): number {
    let highest = 0;
    for (const { key, origin, incarnation } of this.messages.streams.values())
      if (origin === nodeId && incarnation > highest && key === streamKeyOf(origin, incarnation)) highest = incarnation;
    return highest;
  }

  /** What else the node knows by a message. */
  #index(held: HeldMessage, message: Message): void {
    // What is meant for others is held for them and passed on, and has no effect here.
    const { self, roles } = this.#owner;
    if (isAddressedTo(message.audience, self, roles) && this.isHeard(message))
      this.#indicators.put(held, message.content);
    if (message.type.family !== 'record') return;
    const older = this.records.put(message);
    if (older !== undefined) this.#drop(older.contentKey);
    for (const { incarnation, firstLive } of this.records.get(message.origin)?.record.streams ?? [])
      this.messages.settleBelow(streamKeyOf(message.origin, incarnation), firstLive);
  }

  #drop(contentKey: string): void {
    const held = this.messages.drop(contentKey);
    if (held !== undefined) this.#forget(held);
  }

  /** A message is no longer held: out of the store and of what was known by it. */
  #forget({ arrival }: HeldMessage): void {
    this.#withheld.delete(arrival);
    this.#indicators.drop(arrival);
    this.#journal.add({ tag: 'drop-message', arrival });
  }
}

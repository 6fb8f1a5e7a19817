import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { Instant, MonotonicMs, UnixMs } from '../../base/time.ts';
import type { ChainBook } from '../../engine/gate/chain-book.ts';
import type { Gate } from '../../engine/gate/gate.ts';
import { refusalOf } from '../../engine/gate/verdict.ts';
import type { Address } from '../../message/payloads/address.ts';
import type { Message } from '../../message/message.ts';
import type { ChainExchange } from '../peers/chain-exchange.ts';
import type { Holdings } from '../keeping/holdings.ts';
import type { Journal } from '../keeping/journal.ts';
import type { MeshNodeOptions, NodeSettings } from '../node-options.ts';
import { OwnStreams } from './own-streams.ts';
import { Publisher, type PublishRequest } from './publisher.ts';
import { SelfRecord } from './self-record.ts';
import type { Statistics } from '../statistics.ts';

/** No program asked for a node's own record; those who do have other numbers. */
export const RECORD_REQUEST = 0;

/** How far a node and its clone may leap when both leave the stream that they share: seldom to the same place. @tuning */
const CLONE_LEAP_MAX = 64;

/** A node's own record is part of being a node. */
const NO_PRICE = (): void => undefined;

/** What a node's own messages go through. */
export interface OwnMessagesParts {
  readonly statistics: Statistics;
  readonly chains: ChainBook;
  readonly journal: Journal;
  readonly holdings: Holdings;
  readonly gate: Gate;
  readonly exchange: ChainExchange;
}

/** What this very node says: messages of its programs and its own record, in streams of its own. */
export class OwnMessages {
  readonly #options: MeshNodeOptions;
  readonly #parts: OwnMessagesParts;
  readonly #publisher: Publisher;
  readonly #streams: OwnStreams;
  readonly #record: SelfRecord;
  readonly #startedAt: UnixMs;

  constructor(now: Instant, options: MeshNodeOptions, settings: NodeSettings, parts: OwnMessagesParts) {
    const { trust, identity, start, outbox, addresses = [] } = options;
    const { incarnation } = start;
    this.#options = options;
    this.#parts = parts;
    this.#startedAt = now.wall;
    this.#publisher = new Publisher({
      mesh: trust.mesh,
      identity,
      incarnation,
      batches: settings.batches,
      sign: (ticket, data) => outbox.sign(ticket, data),
    });
    this.#streams = new OwnStreams(identity.nodeId);
    this.#streams.open(incarnation);
    this.#record = new SelfRecord(now, {
      name: options.name,
      version: options.software,
      addresses,
      isTold: settings.announces,
      streams: () => this.#streams.extents(parts.holdings.messages.streams),
      publish: (at, what) => {
        this.#keepOwnChain(at);
        this.#publisher.publish(at.wall, RECORD_REQUEST, what, NO_PRICE);
      },
    });
  }

  /** Of the stream that is open now. */
  get incarnation(): number {
    return this.#publisher.incarnation;
  }

  /** Where this node says that it listens. */
  get addresses(): readonly Address[] {
    return this.#record.addresses;
  }

  setAddresses(now: Instant, addresses: readonly Address[]): void {
    this.#record.setAddresses(now, addresses);
  }

  /** The stream of the start before; what is held of it must be there. */
  reopen(incarnation: number): void {
    this.#streams.reopen(incarnation, this.#parts.holdings.messages.streams);
  }

  /**
   * Answered by `outbox.answer` once it is durable.
   * @throws what `composeRequest` throws, and what the gate refuses.
   */
  publish(now: Instant, request: number, what: PublishRequest): void {
    const { gate } = this.#parts;
    this.#keepOwnChain(now);
    this.#publisher.publish(now.wall, request, what, (draft, underWay) => {
      const verdict = gate.admitOwn(now, draft, underWay + gate.checking);
      if (verdict.tag === 'accept') return;
      if (verdict.reason === 'wrong-origin') this.#requireOwnCertificate(now);
      throw refusalOf(verdict);
    });
  }

  /** `signature` is absent where the key store failed. */
  handleSigned(now: Instant, ticket: number, signature: Bytes | undefined): void {
    const detail = 'the key store could not sign';
    for (const { request, message } of this.#publisher.handleSigned(ticket, signature))
      if (message !== undefined) this.#parts.gate.handleMessage(now, message, { tag: 'self', request });
      else this.#options.outbox.answer(request, { tag: 'refused', code: 'ERR_INTERNAL', detail });
  }

  /** See {@link SelfRecord.handleRefused}. */
  handleRecordRefused(now: Instant): void {
    this.#record.handleRefused(now);
  }

  /** See {@link Publisher.handleHeldIncarnation}. */
  handleHeldIncarnation(now: Instant, held: number): void {
    this.#opened(this.#publisher.handleHeldIncarnation(now, held));
  }

  /** Whether a message in our name was signed after this start, by another holder of our key than a delegate. */
  isSaidElsewhere({ origin, issuedAt, delegate }: Message): boolean {
    return origin === this.#options.identity.nodeId && delegate === undefined && issuedAt > this.#startedAt;
  }

  /** Something was said in our name that was not said here (T24). See {@link Publisher.handleClone}. */
  handleClone(incarnation: number): void {
    if (incarnation === this.incarnation) this.#parts.statistics.conflicts++;
    this.#opened(this.#publisher.handleClone(incarnation, this.#options.random.below(CLONE_LEAP_MAX)));
  }

  /** A message of ours could not be made durable: nobody gets it. See {@link Publisher.handleTakenBack}. */
  handleTakenBack({ incarnation, counter }: Message): void {
    this.#opened(this.#publisher.handleTakenBack(incarnation, counter));
  }

  deadline(): MonotonicMs | undefined {
    return this.#record.deadline();
  }

  handleTimeout(now: Instant): void {
    this.#record.handleTimeout(now);
  }

  /** Has signed what this turn has gathered. */
  flush(): void {
    this.#publisher.flush();
  }

  #opened(incarnation: number | undefined): void {
    if (incarnation === undefined) return;
    this.#streams.open(incarnation);
    this.#parts.journal.add({ tag: 'put-incarnation', incarnation });
  }

  /** What is wrong with this node itself comes before what is wrong with what it says. */
  #requireOwnCertificate({ wall }: Instant): void {
    const own = this.#parts.chains.judgePeer(this.#options.chain, wall, 'tls-client');
    if (own.tag === 'ok') return;
    throw new MeshError(
      own.code,
      `this node can publish nothing any more, because of its own certificate: ${own.message}`,
      'check the clock of this machine; else stop the node, enrol it again with a new ticket and start it: chainmail node enroll --dir DIR --ticket FILE',
    );
  }

  /** It is not there where the clock was far ahead at the start: then it had expired long ago. */
  #keepOwnChain(now: Instant): void {
    const { identity, chain } = this.#options;
    if (this.#parts.chains.get(identity.voucherId) === undefined) this.#parts.exchange.take(now, chain);
  }
}

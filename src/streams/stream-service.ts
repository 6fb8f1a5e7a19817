import { type Bytes, bytesEqual, fromHex, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { after, earliest, type Instant, type MonotonicMs, SECOND_MS, type UnixMs } from '../base/time.ts';
import { type Envelope, PAYLOAD } from '../message/river/envelope.ts';
import { genesisSnapshot, type Miniblock, sealMiniblock } from '../message/river/miniblock.ts';
import { judgeDelegateLife } from '../message/river/wallet-delegate.ts';
import { judgeEventExpiry, parseEvent, type RiverEvent } from '../message/river/parse-event.ts';
import { parseStreamId, type StreamId } from '../message/river/stream-id.ts';
import type { Wallet } from '../message/river/wallet.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { BlockSummary, StoredBlock, StoredEvent, StreamStore } from '../ports/stream-store.ts';
import { Lanes } from './lanes.ts';
import type { EventRef, StreamAndCookie, SyncCookie } from './rpc-messages.ts';
import { sizeOf, StoreRoom } from './store-room.ts';
import { GENESIS_EVENTS_MAX, judgeGenesis, judgeNext, judgeReader, requirePrevious } from './stream-rules.ts';
import type { WalletEpochs } from './wallet-epochs.ts';
import { followBlock, lastBlockOf, notFound, StreamStates } from './stream-states.ts';

/** Events in one block; the rest go into the next at once. The header names each with 32 bytes. */
export const BLOCK_EVENTS_MAX = 256;

/** An event waits so long for others to share a block with. As River's nodes do. */
export const BLOCK_MS = 2 * SECOND_MS;

const SALT_BYTES = 32;

export interface StreamServiceDeps {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  /** The node's own: it signs the blocks (S3.12). */
  readonly wallet: Wallet;
  /** Whether delegates that never expire are taken, as River does. */
  readonly forever: 'refused' | 'allowed';
  /** What wallets have revoked. */
  readonly epochs: Pick<WalletEpochs, 'judge'>;
  /** Called when {@link StreamService.deadline} has come nearer. */
  readonly onDeadline: () => void;
}

/**
 * Streams of River in one store: every check before anything is kept, and kept before anything is answered.
 *
 * Changes of one stream are made one after another; nothing of it changes between a judgement and the change.
 */
export class StreamService {
  readonly #deps: StreamServiceDeps;
  readonly #states: StreamStates;
  readonly #room: StoreRoom;
  readonly #lanes = new Lanes();
  /** Streams with events in no block, and when they shall get one. */
  readonly #due = new Map<string, MonotonicMs>();

  private constructor(deps: StreamServiceDeps, room: StoreRoom) {
    this.#deps = deps;
    this.#states = new StreamStates(deps.store);
    this.#room = room;
  }

  /** Goes on with what the store holds: events that were in no block yet are due at once. */
  static async open(deps: StreamServiceDeps): Promise<StreamService> {
    const service = new StreamService(deps, new StoreRoom(await deps.store.totals()));
    const now = deps.clock.monotonic();
    for (const id of await deps.store.pooled()) service.#due.set(toHex(id), now);
    return service;
  }

  /**
   * @throws ERR_STREAM_ID, ERR_STREAM_PARAMETERS, ERR_STREAM_EXISTS, ERR_STREAM_FULL; what parseEvent and
   *   judgeEventExpiry throw of any of the events; ERR_STREAM_PRIVATE where the stream exists, and is not the reader's.
   */
  async createStream(
    streamId: Bytes,
    envelopes: readonly Envelope[],
    reader: Bytes | undefined,
  ): Promise<StreamAndCookie> {
    const id = parseStreamId(streamId);
    if (envelopes.length > GENESIS_EVENTS_MAX)
      throw new MeshError('ERR_STREAM_PARAMETERS', `a stream begins with at most ${GENESIS_EVENTS_MAX} events`);
    const events = envelopes.map(parseEvent);
    const members = judgeGenesis(id, events);
    return this.#lanes.run(id.text, async () => {
      const now = this.#deps.clock.wall();
      for (const event of events) this.#judgeDelegate(event, now);
      const [first] = events as [RiverEvent];
      const stored = events.map(storedOf);
      const bytes = stored.reduce((sum, event) => sum + sizeOf(event), 0);
      this.#room.checkStream(bytes);
      const inception = first.event.payload;
      const snapshot = inception === undefined ? undefined : genesisSnapshot(id, inception, members.addresses());
      const block = this.#sealBlock(undefined, stored, 0, snapshot, now);
      const { creatorAddress } = first.event;
      if (!(await this.#deps.store.create(id.bytes, creatorAddress, stored, block)))
        return this.#sameStream(id, stored, reader);
      this.#room.addStream(bytes);
      return this.#whole(id);
    });
  }

  /**
   * @returns the event that was added; none where the stream has it already, under whichever signature.
   * @throws ERR_STREAM_ID, ERR_STREAM_NOT_FOUND, ERR_STREAM_FULL; what parseEvent, judgeEventExpiry, requirePrevious and
   *   judgeNext throw, in this order.
   */
  async addEvent(streamId: Bytes, envelope: Envelope | undefined): Promise<readonly EventRef[]> {
    const id = parseStreamId(streamId);
    return this.#lanes.run(id.text, async () => {
      const { store, clock } = this.#deps;
      const state = await this.#states.require(id);
      const event = parseEvent(envelope);
      this.#judgeDelegate(event, clock.wall());
      requirePrevious(event);
      if (await store.has(id.bytes, event.hash)) return [];
      const now = clock.now();
      const membership = judgeNext(state, event, now.wall);
      const ref = { streamId: id.bytes, hash: event.hash, signature: event.envelope.signature };
      if (event.event.ephemeral) return [ref]; // judged, and meant for those who listen: it is not kept
      const stored = storedOf(event);
      this.#room.checkEvent(state, sizeOf(stored));
      try {
        await store.add(id.bytes, stored, now.wall);
      } catch (error) {
        this.#states.forget(id); // whether it was stored is not known
        throw error;
      }
      state.events++;
      state.bytes += sizeOf(stored);
      this.#room.addEvent(sizeOf(stored));
      if (membership !== undefined) state.members.apply(membership);
      this.#expectBlock(id, now.mono);
      return [ref];
    });
  }

  /**
   * @param cookie how far the client knows the stream: it gets what came since.
   * @param reader the user who asks; `undefined`: whoever asks may read.
   * @returns `undefined` where there is none and `isOptional` allows for it.
   * @throws ERR_STREAM_ID, ERR_STREAM_NOT_FOUND, ERR_STREAM_PRIVATE
   */
  async getStream(
    streamId: Bytes,
    cookie: SyncCookie | undefined,
    isOptional: boolean,
    reader: Bytes | undefined,
  ): Promise<StreamAndCookie | undefined> {
    const id = parseStreamId(streamId);
    return this.#lanes.run(id.text, async () => {
      const state = await this.#states.find(id);
      if (state === undefined && isOptional) return undefined;
      if (state === undefined) return notFound(id);
      judgeReader(state, reader);
      const last = lastBlockOf(state);
      const from = Number(cookie?.minipoolGen ?? 0n);
      if (from < 1 || from > last.number + 1) return this.#whole(id);
      const blocks = await this.#deps.store.blocks(id.bytes, from);
      const between = blocks.flatMap(({ block, events }) => [...events, block.header].map(envelopeOf));
      const events = [...between, ...(await this.#deps.store.pool(id.bytes)).map(envelopeOf)];
      return { events, nextSyncCookie: this.#cookie(id, last), miniblocks: [], syncReset: false };
    });
  }

  /** The block that the next event of a stream names: for all, as whoever leaves something in an inbox must know it. @throws ERR_STREAM_ID, ERR_STREAM_NOT_FOUND */
  async lastBlock(streamId: Bytes): Promise<BlockSummary> {
    const id = parseStreamId(streamId);
    return this.#lanes.run(id.text, async () => lastBlockOf(await this.#states.require(id)));
  }

  /** When {@link handleTimeout} next has blocks to make. */
  deadline(): MonotonicMs | undefined {
    return earliest(...this.#due.values());
  }

  /** Makes the blocks that are due. */
  async handleTimeout({ mono }: Instant): Promise<void> {
    const due = [...this.#due].filter(([, at]) => at <= mono).map(([text]) => parseStreamId(fromHex(text)));
    const done = await Promise.allSettled(due.map((id) => this.#makeBlock(id)));
    for (const each of done) if (each.status === 'rejected') throw each.reason;
  }

  /** What needs a clock, or the wallet's later word. @throws as judgeEventExpiry; ERR_WALLET_LIFETIME, ERR_WALLET_REVOKED */
  #judgeDelegate(event: RiverEvent, now: UnixMs): void {
    const { forever, epochs } = this.#deps;
    judgeEventExpiry(event, now, forever);
    if (!event.isDelegated) return;
    const { creatorAddress, delegateExpiryEpochMs } = event.event;
    judgeDelegateLife(delegateExpiryEpochMs, now, forever);
    epochs.judge(creatorAddress, delegateExpiryEpochMs);
  }

  #expectBlock(id: StreamId, now: MonotonicMs): void {
    if (this.#due.has(id.text)) return;
    this.#due.set(id.text, after(now, BLOCK_MS));
    this.#deps.onDeadline();
  }

  async #makeBlock(id: StreamId): Promise<void> {
    await this.#lanes.run(id.text, async () => {
      const { store, clock } = this.#deps;
      this.#due.delete(id.text);
      const state = await this.#states.require(id);
      const pool = await store.pool(id.bytes);
      const events = pool.slice(0, BLOCK_EVENTS_MAX);
      if (events.length === 0) return;
      if (pool.length > events.length) this.#due.set(id.text, clock.monotonic());
      const before = state.events - pool.length + lastBlockOf(state).number + 1;
      const block = this.#sealBlock(lastBlockOf(state), events, before, undefined, clock.wall());
      try {
        await store.addBlock(id.bytes, block, events.length);
      } catch (error) {
        this.#states.forget(id);
        this.#due.set(id.text, after(clock.monotonic(), BLOCK_MS)); // the events are safe; the block is tried again
        throw error;
      }
      followBlock(state, block);
    });
  }

  #sealBlock(
    last: BlockSummary | undefined,
    events: readonly StoredEvent[],
    eventsBefore: number,
    snapshot: Bytes | undefined,
    now: UnixMs,
  ): StoredBlock {
    const { wallet, random } = this.#deps;
    const number = last === undefined ? 0 : last.number + 1;
    const timestamp = Math.max(now, (last?.timestamp ?? 0) + 1) as UnixMs; // rises, whatever the clock does
    const header = sealMiniblock(wallet, random.bytes(SALT_BYTES), {
      miniblockNum: BigInt(number),
      prevMiniblockHash: last?.hash ?? new Uint8Array(0),
      timestamp,
      eventHashes: events.map(({ hash }) => hash),
      snapshot,
      eventNumOffset: BigInt(eventsBefore),
    });
    return { number, header: { ...header, payload: PAYLOAD.miniblockHeader }, timestamp };
  }

  /** The stream that exists already, where it began with these very events: the caller did not hear our first answer. */
  async #sameStream(id: StreamId, events: readonly StoredEvent[], reader: Bytes | undefined): Promise<StreamAndCookie> {
    const [genesis] = await this.#deps.store.blocks(id.bytes, 0);
    const isSame =
      genesis?.events.length === events.length &&
      genesis.events.every(({ hash }, i) => bytesEqual(hash, (events[i] as StoredEvent).hash));
    if (!isSame) throw new MeshError('ERR_STREAM_EXISTS', `stream ${id.text} exists, and began otherwise`);
    judgeReader(await this.#states.require(id), reader);
    return this.#whole(id);
  }

  async #whole(id: StreamId): Promise<StreamAndCookie> {
    const { store } = this.#deps;
    const state = await this.#states.require(id);
    const miniblocks = (await store.blocks(id.bytes, 0)).map(
      ({ block, events }): Miniblock => ({
        events: events.map(envelopeOf),
        header: envelopeOf(block.header),
        partial: false,
      }),
    );
    const events = (await store.pool(id.bytes)).map(envelopeOf);
    return { events, nextSyncCookie: this.#cookie(id, lastBlockOf(state)), miniblocks, syncReset: true };
  }

  #cookie(id: StreamId, last: BlockSummary): SyncCookie {
    return {
      nodeAddress: this.#deps.wallet.address,
      streamId: id.bytes,
      minipoolGen: BigInt(last.number + 1),
      prevMiniblockHash: last.hash,
    };
  }
}

function storedOf({ hash, envelope, event }: RiverEvent): StoredEvent {
  return { hash, signature: envelope.signature, event: envelope.event, payload: event.payload?.number ?? 0 };
}

function envelopeOf({ hash, signature, event }: StoredEvent): Envelope {
  return { hash, signature, event };
}

import { BoundedMap } from '../base/bounded.ts';
import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { PAYLOAD, STREAM_EVENT } from '../message/river/envelope.ts';
import { inceptionOf, membershipOf } from '../message/river/payload.ts';
import type { StreamId } from '../message/river/stream-id.ts';
import type { BlockSummary, StoredBlock, StoredEvent, StreamStore } from '../ports/stream-store.ts';
import { Members, type StreamState } from './stream-rules.ts';

/** Blocks that an event may follow, if they are recent: one each `BLOCK_MS` for a minute, and as many more. */
export const RECENT_BLOCKS_MAX = 64;

/** Streams whose members and recent blocks are in memory: some kB each, 200 kB with as many members as may be. */
export const STATES_MAX = 500;

/** A stream as it is now; who changes the store changes this too, in the stream's lane. */
export interface MutableState extends StreamState {
  blocks: readonly BlockSummary[];
  events: number;
  bytes: number;
}

/**
 * What the rules need to know of streams, read from the store when asked for and kept as long as there is room. Only for
 * use within a stream's lane: what is read must not be half changed.
 */
export class StreamStates {
  readonly #store: StreamStore;
  readonly #states = new BoundedMap<string, MutableState>(STATES_MAX);

  constructor(store: StreamStore) {
    this.#store = store;
  }

  /** @throws ERR_STREAM_NOT_FOUND */
  async require(id: StreamId): Promise<MutableState> {
    return (await this.find(id)) ?? notFound(id);
  }

  async find(id: StreamId): Promise<MutableState | undefined> {
    const known = this.#states.get(id.text);
    if (known !== undefined) return known;
    const store = this.#store;
    const stream = await store.find(id.bytes);
    if (stream === undefined) return undefined;
    const genesis = await store.firstEvent(id.bytes);
    const state = {
      id,
      creator: stream.creator,
      members: membersAfter(stream.creator, genesis, await store.eventsOf(id.bytes, PAYLOAD.member)),
      blocks: await store.lastBlocks(id.bytes, RECENT_BLOCKS_MAX),
      events: stream.events,
      bytes: stream.bytes,
    };
    this.#states.set(id.text, state);
    return state;
  }

  /** Where it is not known what the store holds: it is read anew. */
  forget(id: StreamId): void {
    this.#states.delete(id.text);
  }
}

/** The state goes on with a block that has been kept. */
export function followBlock(state: MutableState, { number, header, timestamp }: StoredBlock): void {
  state.blocks = [...state.blocks, { number, hash: header.hash, timestamp }].slice(-RECENT_BLOCKS_MAX);
}

/** The newest block: what the next events build on. */
export function lastBlockOf({ blocks }: StreamState): BlockSummary {
  return blocks.at(-1) as BlockSummary; // a stream begins with one
}

/** @throws ERR_STREAM_NOT_FOUND, always. */
export function notFound(id: StreamId): never {
  throw new MeshError('ERR_STREAM_NOT_FOUND', `there is no stream ${id.text}`);
}

/** Who the members are after all that was said of it. */
function membersAfter(creator: Bytes, genesis: StoredEvent | undefined, events: readonly StoredEvent[]): Members {
  const payload = genesis === undefined ? undefined : STREAM_EVENT.decode(genesis.event).payload;
  const members = new Members([creator, ...((payload && inceptionOf(payload)?.parties) ?? [])]);
  for (const { event } of events) {
    const { payload: said } = STREAM_EVENT.decode(event);
    const membership = said === undefined ? undefined : membershipOf(said);
    if (membership !== undefined) members.apply(membership);
  }
  return members;
}

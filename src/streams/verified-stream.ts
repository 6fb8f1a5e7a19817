import { type Bytes, EMPTY, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { HOUR_MS, type UnixMs } from '../base/time.ts';
import { type Envelope, PAYLOAD } from '../message/river/envelope.ts';
import { MINIBLOCK_HEADER, type Miniblock, type MiniblockHeader } from '../message/river/miniblock.ts';
import { parseEvent, type RiverEvent } from '../message/river/parse-event.ts';
import type { StreamId } from '../message/river/stream-id.ts';
import { addressText } from '../message/river/wallet.ts';
import { judgeDelegateExpiry, judgeDelegateLife } from '../message/river/wallet-delegate.ts';
import type { StreamAndCookie } from './rpc-messages.ts';
import { judgeContent, judgeGenesis, type Members } from './stream-rules.ts';

/** A stream as a server gave it, every signature, hash and membership in it checked. */
export interface VerifiedStream {
  readonly id: StreamId;
  /** In their order; those of the last block's successor, which is not made yet, come last. */
  readonly events: readonly RiverEvent[];
  readonly blocks: number;
  /** Addresses of the nodes that made the blocks. */
  readonly nodes: readonly string[];
  /** Hash of the last block: who has two of the same stream can tell whether one continues the other. */
  readonly lastBlock: Bytes;
}

/** A server's clock may have been set back so far between a block and the event behind it. */
const CLOCK_BACK_MS = HOUR_MS;

/**
 * Checks a whole stream: its blocks follow each other from the first on, each names its events, and every event was made
 * by somebody who might, with the rules by which servers take events. That the end was left out nobody can tell.
 *
 * @param forever whether delegates that never end are believed, and such that end later than any server should take. Those
 *   that have ended meanwhile are: they were in time, unless their event follows a block that is younger than their end.
 * @throws ERR_STREAM_ALTERED, and what parseEvent, judgeGenesis and judgeContent throw.
 */
export function verifyStream(
  id: StreamId,
  { miniblocks, events, nextSyncCookie }: StreamAndCookie,
  forever: 'refused' | 'allowed',
  now: UnixMs,
): VerifiedStream {
  const reader = new Reader(id, forever);
  for (const block of miniblocks) reader.block(block);
  for (const envelope of events) reader.add(parseEvent(envelope), reader.after(now));
  return reader.end(nextSyncCookie?.prevMiniblockHash);
}

class Reader {
  readonly #id: StreamId;
  readonly #forever: 'refused' | 'allowed';
  readonly #events: RiverEvent[] = [];
  readonly #seen = new Set<string>();
  /** When each of the blocks so far was made, by its hash. */
  readonly #blocks = new Map<string, UnixMs>();
  readonly #nodes = new Set<string>();
  #last: { readonly hash: Bytes; readonly timestamp: UnixMs } = { hash: EMPTY, timestamp: 0 as UnixMs };
  #state: { readonly id: StreamId; readonly creator: Bytes; readonly members: Members } | undefined;

  constructor(id: StreamId, forever: 'refused' | 'allowed') {
    this.#id = id;
    this.#forever = forever;
  }

  block({ header, events, partial }: Miniblock): void {
    const { sealed, content } = headerOf(header);
    const number = BigInt(this.#blocks.size);
    if (content.miniblockNum !== number)
      throw altered(`block ${content.miniblockNum} stands where block ${number} is expected`);
    if (toHex(content.prevMiniblockHash) !== toHex(this.#last.hash))
      throw altered(`block ${number} does not follow the one before it`);
    const { timestamp = this.#last.timestamp } = content;
    if (timestamp <= this.#last.timestamp) throw altered(`block ${number} is not later than the one before it`);
    const parsed = events.map(parseEvent);
    const named = content.eventHashes.map(toHex);
    if (partial || parsed.length !== named.length || parsed.some(({ hash }, i) => toHex(hash) !== named[i]))
      throw altered(`block ${number} does not have the events that it names`);
    if (this.#state === undefined) this.#begin(parsed, timestamp);
    else for (const event of parsed) this.add(event, timestamp);
    this.#last = { hash: sealed.hash, timestamp };
    this.#blocks.set(toHex(sealed.hash), timestamp);
    this.#nodes.add(addressText(sealed.signer));
  }

  /** @param by when the server had it at the latest. */
  add(event: RiverEvent, by: UnixMs): void {
    if (this.#state === undefined) throw altered('an event comes before the first block');
    const previous = event.event.prevMiniblockHash;
    const from = this.#blocks.get(toHex(previous ?? EMPTY));
    if (from === undefined) throw altered(`event ${toHex(event.hash)} follows no block of this stream`);
    const membership = judgeContent(this.#state, event);
    if (membership !== undefined) this.#state.members.apply(membership);
    this.#take(event, from, by);
  }

  /** Now, or when the last block was made where our clock is behind. */
  after(now: UnixMs): UnixMs {
    return Math.max(now, this.#last.timestamp) as UnixMs;
  }

  end(claimed: Bytes | undefined): VerifiedStream {
    const { hash } = this.#last;
    if (this.#state === undefined) throw altered('it has no block');
    if (claimed !== undefined && toHex(claimed) !== toHex(hash)) throw altered('its last block is not there');
    return {
      id: this.#id,
      events: this.#events,
      blocks: this.#blocks.size,
      nodes: [...this.#nodes],
      lastBlock: hash,
    };
  }

  #begin(events: readonly RiverEvent[], at: UnixMs): void {
    const members = judgeGenesis(this.#id, events);
    const [first] = events as readonly [RiverEvent];
    this.#state = { id: this.#id, creator: first.event.creatorAddress, members };
    for (const event of events) this.#take(event, at, at);
  }

  /** @param from,by between which the server took it. */
  #take(event: RiverEvent, from: UnixMs, by: UnixMs): void {
    const { delegateExpiryEpochMs } = event.event;
    if (event.isDelegated) {
      judgeDelegateExpiry(delegateExpiryEpochMs, (from - CLOCK_BACK_MS) as UnixMs, this.#forever);
      judgeDelegateLife(delegateExpiryEpochMs, by, this.#forever);
    }
    const hash = toHex(event.hash);
    if (this.#seen.has(hash)) throw altered(`event ${hash} is there twice`);
    this.#seen.add(hash);
    this.#events.push(event);
  }
}

function headerOf(envelope: Envelope | undefined): { readonly sealed: RiverEvent; readonly content: MiniblockHeader } {
  const sealed = parseEvent(envelope);
  const { payload } = sealed.event;
  if (payload?.number !== PAYLOAD.miniblockHeader || sealed.isDelegated)
    throw altered('a block is headed by what is no header of one');
  return { sealed, content: MINIBLOCK_HEADER.decodeParts(payload.parts) };
}

function altered(what: string): MeshError {
  return new MeshError('ERR_STREAM_ALTERED', `stream: ${what}`);
}

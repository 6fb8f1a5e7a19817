import { type Bytes, EMPTY, fromHex, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { MINUTE_MS, type UnixMs } from '../base/time.ts';
import { WALLET_ADDRESS_BYTES } from '../crypto/secp256k1/wallet-address.ts';
import { PAYLOAD } from '../message/river/envelope.ts';
import type { RiverEvent } from '../message/river/parse-event.ts';
import { contentOf, inceptionOf, MEMBERSHIP, type Membership, membershipOf } from '../message/river/payload.ts';
import type { StreamId } from '../message/river/stream-id.ts';
import { addressText, isSameAddress } from '../message/river/wallet.ts';
import type { BlockSummary } from '../ports/stream-store.ts';

/**
 * Events with which a stream begins: one or two, in a group of direct messages one more than its first members. Each costs
 * two key recoveries before anything else is known: with 32 a request costs 60 ms.
 */
export const GENESIS_EVENTS_MAX = 32;

/** Members of a stream, invited ones included. 1,000 × ~200 B = 200 kB for the largest stream in memory. */
export const EVENT_STREAM_MEMBERS_MAX = 1_000;

/**
 * How long a block may still be named as the one before an event after the next block was made. River's nodes grant 11 s;
 * a minute suits slower links, and an event cannot be held back for longer.
 */
export const PREV_BLOCK_MS_MAX = MINUTE_MS;

/** In an inbox others leave what only its owner can read: sessions of encryption. */
const INBOX_SESSIONS = 3;

/** Who may write into a stream: its members, and where it is a user's, that user. */
export class Members {
  readonly #joined = new Set<string>();
  readonly #invited = new Set<string>();

  constructor(first: readonly Bytes[]) {
    for (const address of first) this.#joined.add(toHex(address));
  }

  has(address: Bytes): boolean {
    return this.#joined.has(toHex(address));
  }

  isInvited(address: Bytes): boolean {
    return this.#invited.has(toHex(address));
  }

  /** Addresses of those who have joined. */
  addresses(): readonly Bytes[] {
    return [...this.#joined].map((hex) => fromHex(hex));
  }

  get size(): number {
    return this.#joined.size + this.#invited.size;
  }

  apply({ op, userAddress }: Membership): void {
    const user = toHex(userAddress);
    this.#invited.delete(user);
    if (op === MEMBERSHIP.join) this.#joined.add(user);
    else if (op === MEMBERSHIP.leave) this.#joined.delete(user);
    else if (!this.#joined.has(user)) this.#invited.add(user);
  }
}

/** What the rules need to know of a stream. */
export interface StreamState {
  readonly id: StreamId;
  readonly creator: Bytes;
  readonly members: Members;
  /** Recent ones, oldest first; never empty. */
  readonly blocks: readonly BlockSummary[];
}

/**
 * Whether a stream may begin with these events, each of which holds by itself.
 *
 * @returns its first members.
 * @throws ERR_STREAM_PARAMETERS
 */
export function judgeGenesis(id: StreamId, events: readonly RiverEvent[]): Members {
  const [first] = events;
  if (first === undefined) throw parameters('no events');
  const { creatorAddress, payload } = first.event;
  const inception = payload === undefined ? undefined : inceptionOf(payload);
  if (payload === undefined || inception === undefined) throw parameters('the first event is no inception');
  if (payload.number !== id.kind.payload) throw parameters('the inception is of another kind than the stream id');
  if (toHex(inception.streamId) !== id.text) throw parameters('the inception names another stream');
  if (id.owner !== undefined && !isSameAddress(creatorAddress, id.owner))
    throw parameters("the stream is another user's than the creator's");
  if (new Set(events.map(({ hash }) => toHex(hash))).size < events.length) throw parameters('an event is there twice');
  const parties = inception.parties.filter((address) => address.length === WALLET_ADDRESS_BYTES);
  const members = new Members([creatorAddress, ...parties]);
  for (const { event } of events) {
    if (event.prevMiniblockHash !== undefined) throw parameters('an event names a block before it');
    if (!isSameAddress(event.creatorAddress, creatorAddress)) throw parameters('the events have different creators');
  }
  for (const event of events.slice(1)) {
    const { payload: next } = event.event;
    if (next === undefined || inceptionOf(next) !== undefined || !belongs(id, next.number))
      throw parameters('an event after the first does not belong into the stream');
    const membership = membershipOf(next);
    if (membership === undefined) continue;
    if (id.owner !== undefined) throw parameters("a user's stream has no other members");
    checkMembership(members, membership);
    members.apply(membership);
  }
  return members;
}

/**
 * Whether the event, which holds by itself and names a block before it, may be added now. Steps in the order of River's nodes; each throws its code.
 *
 * @returns the change of membership that it brings.
 */
export function judgeNext(state: StreamState, event: RiverEvent, now: UnixMs): Membership | undefined {
  judgePrevious(state.blocks, event, now);
  return judgeContent(state, event);
}

/** What of {@link judgeNext} does not change with time: whether this creator may say this in this stream. */
export function judgeContent(
  state: Pick<StreamState, 'id' | 'creator' | 'members'>,
  event: RiverEvent,
): Membership | undefined {
  const { payload, creatorAddress } = event.event;
  if (payload === undefined || contentOf(payload) === undefined)
    throw new MeshError('ERR_STREAM_PAYLOAD', 'event says nothing: its payload is empty');
  if (!belongs(state.id, payload.number) || inceptionOf(payload) !== undefined)
    throw new MeshError(
      'ERR_STREAM_PAYLOAD',
      `event of payload ${payload.number} does not belong into ${state.id.text}`,
    );
  const membership = membershipOf(payload);
  if (membership !== undefined) {
    judgeMembership(state, membership, creatorAddress);
    return membership;
  }
  const isLeftInInbox = payload.number === PAYLOAD.userInbox && contentOf(payload) === INBOX_SESSIONS;
  if (!state.members.has(creatorAddress) && !isLeftInInbox)
    throw new MeshError(
      'ERR_STREAM_FORBIDDEN',
      `${addressText(creatorAddress)} is no member of stream ${state.id.text}`,
    );
  return undefined;
}

/**
 * Whether a user may read a stream: its members, who is invited, and its creator. What a user tells of
 * the own devices (`ad`) is for all who write to that user.
 *
 * @param reader `undefined`: whoever asks may read.
 * @throws ERR_STREAM_PRIVATE
 */
export function judgeReader({ id, creator, members }: StreamState, reader: Bytes | undefined): void {
  if (reader === undefined || id.kind.payload === PAYLOAD.userMetadata) return;
  if (isSameAddress(creator, reader) || members.has(reader) || members.isInvited(reader)) return;
  throw new MeshError('ERR_STREAM_PRIVATE', `${addressText(reader)} is no member of stream ${id.text}`);
}

/** That the event names a block before it. @throws ERR_STREAM_PREV_MISSING, ERR_STREAM_PREV_FORMAT */
export function requirePrevious({ event: { prevMiniblockHash: hash } }: RiverEvent): void {
  if (hash === undefined) throw new MeshError('ERR_STREAM_PREV_MISSING', 'event has no prev_miniblock_hash');
  if (hash.length !== 32)
    throw new MeshError('ERR_STREAM_PREV_FORMAT', `prev_miniblock_hash has ${hash.length} bytes, expected 32`);
}

/** That the event was made in knowledge of the stream as it is: it names a block that is, or was moments ago, the last. */
function judgePrevious(blocks: readonly BlockSummary[], { event }: RiverEvent, now: UnixMs): void {
  const { prevMiniblockHash: hash = EMPTY, prevMiniblockNum: number } = event;
  const last = blocks.at(-1) as BlockSummary;
  if (number !== undefined && number >= 0n && number > last.number)
    throw new MeshError('ERR_STREAM_PREV_NEW', `event follows block ${number}, the last is ${expectation(last)}`);
  const found = blocks.findIndex((block) => toHex(block.hash) === toHex(hash));
  if (number !== undefined && number >= 0n) {
    const named = blocks.find((block) => BigInt(block.number) === number);
    if (named !== undefined && named !== blocks[found])
      throw new MeshError('ERR_STREAM_PREV_MISMATCH', `block ${number} has another hash than the event says`);
  }
  if (found < 0) throw new MeshError('ERR_STREAM_PREV_UNKNOWN', `event follows no recent block; ${expectation(last)}`);
  const next = blocks[found + 1];
  if (next !== undefined && now - next.timestamp > PREV_BLOCK_MS_MAX)
    throw new MeshError('ERR_STREAM_PREV_UNKNOWN', `event follows a block that is not recent; ${expectation(last)}`);
}

/** The words in which River's clients look for the block to sign with instead. */
function expectation(last: BlockSummary): string {
  return `expNum = ${last.number} expected = ${toHex(last.hash)}`;
}

function judgeMembership(
  { id, creator, members }: Pick<StreamState, 'id' | 'creator' | 'members'>,
  membership: Membership,
  by: Bytes,
): void {
  const { op, userAddress: user } = membership;
  const isSelf = isSameAddress(user, by);
  if (id.owner !== undefined) throw new MeshError('ERR_STREAM_PAYLOAD', "a user's stream has no other members");
  const isAllowed =
    op === MEMBERSHIP.leave
      ? (isSelf && members.has(by)) || isSameAddress(creator, by)
      : members.has(by) || (op === MEMBERSHIP.join && isSelf && members.isInvited(by));
  if (!isAllowed)
    throw new MeshError(
      'ERR_STREAM_FORBIDDEN',
      `${addressText(by)} may not change who is a member of stream ${id.text}`,
      'a member invites, an invited user joins, members and the creator of the stream let go',
    );
  checkMembership(members, membership);
}

function checkMembership(members: Members, { op, userAddress }: Membership): void {
  if (
    userAddress.length !== WALLET_ADDRESS_BYTES ||
    (op !== MEMBERSHIP.invite && op !== MEMBERSHIP.join && op !== MEMBERSHIP.leave)
  )
    throw new MeshError('ERR_STREAM_PAYLOAD', 'change of membership names no user, or is none');
  if (op !== MEMBERSHIP.leave && members.size >= EVENT_STREAM_MEMBERS_MAX)
    throw new MeshError('ERR_STREAM_FULL', `stream has ${EVENT_STREAM_MEMBERS_MAX} members`);
}

function belongs({ kind }: StreamId, payload: number): boolean {
  return payload === kind.payload || payload === PAYLOAD.member;
}

function parameters(what: string): MeshError {
  return new MeshError('ERR_STREAM_PARAMETERS', `a stream cannot begin like this: ${what}`);
}

import type { Bytes } from '../base/bytes.ts';
import type { UnixMs } from '../base/time.ts';
import {
  bool,
  bytesOf,
  int64,
  type MessageOf,
  MessageSchema,
  messageOf,
  repeatedMessage,
  textOf,
} from '../codec/protobuf-message.ts';
import { timestampOf } from '../codec/protobuf-timestamp.ts';
import { ENVELOPE, type Envelope } from '../message/river/envelope.ts';
import { MINIBLOCK, type Miniblock } from '../message/river/miniblock.ts';

/** The methods of `river.StreamService` and `river.AuthenticationService` that are served here, and their bodies. */

const EVENT_REF = new MessageSchema<{ readonly streamId: Bytes; readonly hash: Bytes; readonly signature: Bytes }>({
  streamId: bytesOf(1),
  hash: bytesOf(2),
  signature: bytesOf(3),
});

/** Names an event of a stream. */
export type EventRef = MessageOf<typeof EVENT_REF>;

const SYNC_COOKIE = new MessageSchema<{
  readonly nodeAddress: Bytes;
  readonly streamId: Bytes;
  /** Number that the next block will have. */
  readonly minipoolGen: bigint;
  readonly prevMiniblockHash: Bytes;
}>({ nodeAddress: bytesOf(1), streamId: bytesOf(2), minipoolGen: int64(3), prevMiniblockHash: bytesOf(5) });

/** How far a client knows a stream. */
export type SyncCookie = MessageOf<typeof SYNC_COOKIE>;

const STREAM_AND_COOKIE = new MessageSchema<{
  readonly events: readonly Envelope[];
  readonly nextSyncCookie: SyncCookie | undefined;
  readonly miniblocks: readonly Miniblock[];
  readonly syncReset: boolean;
}>({
  events: repeatedMessage(1, ENVELOPE),
  nextSyncCookie: messageOf(2, SYNC_COOKIE),
  miniblocks: repeatedMessage(3, MINIBLOCK),
  syncReset: bool(4),
});

/** A stream, or what is new of it. */
export type StreamAndCookie = MessageOf<typeof STREAM_AND_COOKIE>;

/** A call: what is sent, and what is answered. */
export interface RpcMethod<Request, Response> {
  /** Below `/river.` */
  readonly path: string;
  readonly request: MessageSchema<Request>;
  readonly response: MessageSchema<Response>;
}

export const INFO = method(
  'StreamService/Info',
  new MessageSchema<Record<never, never>>({}),
  new MessageSchema<{
    readonly graffiti: string;
    readonly startTime: UnixMs | undefined;
    readonly version: string;
  }>({ graffiti: textOf(1), startTime: timestampOf(2), version: textOf(3) }),
);

export const CREATE_STREAM = method(
  'StreamService/CreateStream',
  new MessageSchema<{
    readonly events: readonly Envelope[];
    readonly streamId: Bytes;
  }>({ events: repeatedMessage(1, ENVELOPE), streamId: bytesOf(2) }),
  new MessageSchema<{
    readonly stream: StreamAndCookie | undefined;
    readonly derivedEvents: readonly EventRef[];
  }>({ stream: messageOf(1, STREAM_AND_COOKIE), derivedEvents: repeatedMessage(2, EVENT_REF) }),
);

export const ADD_EVENT = method(
  'StreamService/AddEvent',
  new MessageSchema<{
    readonly streamId: Bytes;
    readonly event: Envelope | undefined;
  }>({ streamId: bytesOf(1), event: messageOf(2, ENVELOPE) }),
  new MessageSchema<{ readonly newEvents: readonly EventRef[] }>({
    newEvents: repeatedMessage(2, EVENT_REF),
  }),
);

export const GET_STREAM = method(
  'StreamService/GetStream',
  new MessageSchema<{
    readonly streamId: Bytes;
    /** Whether a stream that is not there is no error. */
    readonly optional: boolean;
    readonly syncCookie: SyncCookie | undefined;
  }>({ streamId: bytesOf(1), optional: bool(2), syncCookie: messageOf(3, SYNC_COOKIE) }),
  new MessageSchema<{ readonly stream: StreamAndCookie | undefined }>({
    stream: messageOf(1, STREAM_AND_COOKIE),
  }),
);

export const LAST_MINIBLOCK = method(
  'StreamService/GetLastMiniblockHash',
  new MessageSchema<{ readonly streamId: Bytes }>({ streamId: bytesOf(1) }),
  new MessageSchema<{ readonly hash: Bytes; readonly miniblockNum: bigint }>({
    hash: bytesOf(1),
    miniblockNum: int64(2),
  }),
);

export const START_AUTHENTICATION = method(
  'AuthenticationService/StartAuthentication',
  new MessageSchema<{ readonly userId: Bytes }>({ userId: bytesOf(1) }),
  new MessageSchema<{
    readonly userId: Bytes;
    readonly challenge: Bytes;
    readonly expiration: UnixMs | undefined;
  }>({ userId: bytesOf(1), challenge: bytesOf(2), expiration: timestampOf(3) }),
);

export const FINISH_AUTHENTICATION = method(
  'AuthenticationService/FinishAuthentication',
  new MessageSchema<{
    readonly userId: Bytes;
    readonly signature: Bytes;
    readonly delegateSig: Bytes;
    readonly delegateExpiryEpochMs: bigint;
    readonly challenge: Bytes;
  }>({
    userId: bytesOf(1),
    signature: bytesOf(2),
    delegateSig: bytesOf(3),
    delegateExpiryEpochMs: int64(4),
    challenge: bytesOf(5),
  }),
  new MessageSchema<{ readonly sessionToken: string }>({
    sessionToken: textOf(1),
  }),
);

function method<Request, Response>(
  path: string,
  request: MessageSchema<Request>,
  response: MessageSchema<Response>,
): RpcMethod<Request, Response> {
  return { path, request, response };
}

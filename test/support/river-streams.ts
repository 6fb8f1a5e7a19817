import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { StreamService } from '@towns-protocol/proto/dist/gen/protocol_pb.js';
import { type Bytes, concatBytes, utf8 } from '../../src/base/bytes.ts';
import { bytesField } from '../../src/codec/protobuf-wire.ts';
import { type Envelope, PAYLOAD, type StreamEvent } from '../../src/message/river/envelope.ts';
import type { Wallet } from '../../src/message/river/wallet.ts';
import { ALICE, channelMessage, delegatedBytes, DEVICE, eventBytes, seal } from './river.ts';

/** A client of Connect itself, with River's own descriptors: protobuf over HTTP/2, as River's SDK, or JSON over HTTP/1.1. */
export function connectClient(baseUrl: string, useBinaryFormat: boolean, token?: string): Client<typeof StreamService> {
  const interceptors = token === undefined ? [] : [bearer(token)];
  return createClient(
    StreamService,
    createConnectTransport({ baseUrl, httpVersion: useBinaryFormat ? '2' : '1.1', useBinaryFormat, interceptors }),
  );
}

function bearer(token: string) {
  return <Request extends { readonly header: Headers }, Response>(next: (request: Request) => Promise<Response>) =>
    (request: Request): Promise<Response> => {
      request.header.set('authorization', token);
      return next(request);
    };
}

/** A channel of its own for each name. */
export function channelId(name: string): Bytes {
  const id = new Uint8Array(32);
  id[0] = 0x20;
  id.set(utf8(name).subarray(0, 31), 1);
  return id;
}

/** The stream of a user, of the kind that the first octet says. */
export function userStreamId(kind: number, { address }: Wallet): Bytes {
  return concatBytes(Uint8Array.of(kind), address, new Uint8Array(11));
}

/** `{ inception: { stream_id } }` of a payload. */
export function inception(streamId: Bytes, payload: number = PAYLOAD.channel): StreamEvent['payload'] {
  return { number: payload, parts: [bytesField(1, bytesField(1, streamId))] };
}

/** The first event of a stream. @param delegate the expiry of the device that signs for Alice, where one does */
export function genesis(
  streamId: Bytes,
  {
    wallet = ALICE,
    payload = PAYLOAD.channel,
    delegate,
    ...members
  }: { wallet?: Wallet; payload?: number; delegate?: bigint } & Partial<Omit<StreamEvent, 'payload'>> = {},
): Envelope {
  const event = { prevMiniblockHash: undefined, payload: inception(streamId, payload), creatorAddress: wallet.address };
  if (delegate !== undefined) return seal(DEVICE, delegatedBytes(delegate, { ...event, ...members }));
  return seal(wallet, eventBytes({ ...event, ...members }));
}

/** A message into a channel that follows a block. */
export function message(prevMiniblockHash: Bytes, text: string, wallet: Wallet = ALICE): Envelope {
  return seal(wallet, eventBytes({ prevMiniblockHash, payload: channelMessage(text), creatorAddress: wallet.address }));
}

/** A change of membership that follows a block: 1 invite, 2 join, 3 leave. */
export function membership(prevMiniblockHash: Bytes, op: number, user: Wallet, by: Wallet = ALICE): Envelope {
  const content = concatBytes(Uint8Array.of(0x08, op), bytesField(2, user.address), bytesField(3, by.address));
  const payload = { number: PAYLOAD.member, parts: [bytesField(1, content)] };
  return seal(by, eventBytes({ prevMiniblockHash, payload, creatorAddress: by.address }));
}

/** `chainmail/streams`: what a program imports that writes and reads streams of River. docs/STREAMS.md shows it at work. */

import { fromHex, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { Secret } from '../crypto/secret.ts';
import { StreamsDesk } from '../daemon/streams/desk.ts';
import { ConnectCaller } from '../host/http/connect-caller.ts';
import { systemClock } from '../host/machine/system-clock.ts';
import { systemRandom } from '../host/machine/system-random.ts';
import { type Author, deviceAuthor, walletAuthor } from '../message/river/author.ts';
import { openBearerToken } from '../message/river/bearer-token.ts';
import { membershipPayload, messagePayload, messageTextOf, type NewStreamKind } from '../message/river/content.ts';
import { ENVELOPE } from '../message/river/envelope.ts';
import { parseStreamId, type StreamId } from '../message/river/stream-id.ts';
import { addressText, walletOf } from '../message/river/wallet.ts';

export { MeshError } from '../base/errors.ts';
export type { NewStreamKind } from '../message/river/content.ts';

export interface StreamsOptions {
  /** `https://HOST[:PORT]`, or `http://` at a loopback address. */
  readonly server: string;
  /** Who signs: a wallet's private key, 32 bytes. */
  readonly walletKey?: Uint8Array;
  /** Or a device for a wallet: River's bearer token, as `chainmail stream token` makes it. */
  readonly token?: string;
  /** Whether delegates that never end are believed, as River does. By default they are not. */
  readonly forever?: 'allowed' | 'refused';
  /** Milliseconds since 1970; by default this machine’s clock. */
  readonly now?: () => number;
}

/** An event of a stream that was checked. */
export interface StreamEvent {
  /** 0x and hex. */
  readonly hash: string;
  /** Address of the wallet in whose name it was made. */
  readonly creator: string;
  /** Address of who signed: the creator, or a device that it let sign. */
  readonly signer: string;
  readonly isDelegated: boolean;
  /** The text of a message; `undefined` for everything else. */
  readonly text: string | undefined;
  /** The Envelope, protobuf. */
  readonly bytes: Uint8Array;
}

/** A whole stream: every block, signature, hash and membership in it checked. */
export interface CheckedStream {
  readonly events: readonly StreamEvent[];
  readonly blocks: number;
  /** Addresses of the nodes that made the blocks. */
  readonly nodes: readonly string[];
  /** Hash of the last block, 0x and hex. */
  readonly lastBlock: string;
}

/** A server of streams. Events are signed here, and what comes back is checked here. */
export class Streams {
  /** Address of who signs; `undefined` where nobody does. */
  readonly address: string | undefined;
  readonly #desk: StreamsDesk;
  readonly #author: Author | undefined;

  /** @throws ERR_INPUT, ERR_KEY, ERR_BEARER_TOKEN, ERR_USAGE */
  constructor(options: StreamsOptions) {
    const { server, forever = 'refused', now } = options;
    this.#author = authorOf(options);
    this.address = this.#author === undefined ? undefined : addressText(this.#author.creator);
    this.#desk = new StreamsDesk({
      caller: new ConnectCaller(server),
      author: this.#author,
      now: now === undefined ? () => systemClock.wall() : () => now() as UnixMs,
      random: systemRandom,
      forever,
    });
  }

  /** Begins a stream; a user's own are named after the wallet. @returns its id, hex. */
  async create(kind: NewStreamKind): Promise<string> {
    return (await this.#desk.create(kind)).text;
  }

  /** Adds a message to a channel. Nothing is encrypted. @returns the hash of the event, 0x and hex. */
  async say(streamId: string, text: string): Promise<string> {
    const id = idOf(streamId);
    return this.#hashOf(await this.#desk.add(id, messagePayload(id, text)));
  }

  /** Changes who is a member. @param address of a wallet, hex. @returns the hash of the event, 0x and hex. */
  async changeMember(streamId: string, op: 'invite' | 'join' | 'leave', address: string): Promise<string> {
    const user = bytesOf(address);
    const by = this.#author?.creator ?? user;
    return this.#hashOf(await this.#desk.add(idOf(streamId), membershipPayload(op, user, by)));
  }

  /** @throws ERR_STREAM_ALTERED, ERR_EVENT_..., ERR_WALLET_... for a stream that does not hold. */
  async read(streamId: string): Promise<CheckedStream> {
    const { events, blocks, nodes, lastBlock } = await this.#desk.get(idOf(streamId));
    return {
      events: events.map(({ hash, event, signer, isDelegated, envelope }) => ({
        hash: `0x${toHex(hash)}`,
        creator: addressText(event.creatorAddress),
        signer: addressText(signer),
        isDelegated,
        text: event.payload === undefined ? undefined : messageTextOf(event.payload),
        bytes: ENVELOPE.encode(envelope),
      })),
      blocks,
      nodes,
      lastBlock: `0x${toHex(lastBlock)}`,
    };
  }

  #hashOf({ hash }: { readonly hash: Uint8Array }): string {
    return `0x${toHex(hash)}`;
  }
}

function authorOf({ walletKey, token }: StreamsOptions): Author | undefined {
  if (walletKey !== undefined && token !== undefined)
    throw new MeshError('ERR_USAGE', 'walletKey and token exclude each other');
  if (walletKey !== undefined) return walletAuthor(walletOf(new Secret(walletKey)));
  return token === undefined ? undefined : deviceAuthor(openBearerToken(token));
}

function idOf(text: string): StreamId {
  return parseStreamId(bytesOf(text));
}

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex.replace(/^0x/i, ''));
}

import type { Bytes } from '../../base/bytes.ts';
import { isMeshError, MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { OneOf } from '../../codec/protobuf-message.ts';
import type { ConnectCaller } from '../../host/http/connect-caller.ts';
import { type Author, makeEvent } from '../../message/river/author.ts';
import { CHALLENGE_BYTES, challengeHash } from '../../message/river/challenge.ts';
import { inceptionPayload, type NewStreamKind, newStreamId, STREAM_NAME_BYTES } from '../../message/river/content.ts';
import type { Envelope } from '../../message/river/envelope.ts';
import type { StreamId } from '../../message/river/stream-id.ts';
import type { Random } from '../../ports/random.ts';
import {
  ADD_EVENT,
  CREATE_STREAM,
  FINISH_AUTHENTICATION,
  GET_STREAM,
  LAST_MINIBLOCK,
  START_AUTHENTICATION,
} from '../../streams/rpc-messages.ts';
import { type VerifiedStream, verifyStream } from '../../streams/verified-stream.ts';

const SALT_BYTES = 32;

/** How often an event is signed anew because its stream has gone on meanwhile. Once in a minute it may. @tuning */
const ATTEMPTS_MAX = 3;

export interface StreamsDeskDeps {
  readonly caller: ConnectCaller;
  /** Who makes events, and reads. Left out: nobody in particular, who reads what all may. */
  readonly author: Author | undefined;
  readonly now: () => UnixMs;
  readonly random: Random;
  /** Whether delegates that never end are believed. */
  readonly forever: 'refused' | 'allowed';
}

/** A server of streams, for commands and programs: events are signed here, and what comes back is checked here. */
export class StreamsDesk {
  readonly #deps: StreamsDeskDeps;

  constructor(deps: StreamsDeskDeps) {
    this.#deps = deps;
  }

  /**
   * Begins a stream; one of the author's own that is there already and began otherwise is refused by the server.
   * @throws ERR_USAGE without an author; what the server refuses.
   */
  async create(kind: NewStreamKind): Promise<StreamId> {
    const author = this.#author();
    const id = newStreamId(kind, author.creator, this.#deps.random.bytes(STREAM_NAME_BYTES));
    const events = [this.#event(author, inceptionPayload(id), undefined)];
    await this.#call(() =>
      this.#deps.caller.call(CREATE_STREAM, {
        streamId: id.bytes,
        events,
      }),
    );
    return id;
  }

  /** Adds an event of the author. @returns it, as it was signed. @throws ERR_USAGE; what the server refuses. */
  async add({ bytes: streamId }: StreamId, payload: OneOf): Promise<Envelope> {
    const author = this.#author();
    const { caller } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      const last = await this.#call(() =>
        caller.call(LAST_MINIBLOCK, {
          streamId,
        }),
      );
      const event = this.#event(author, payload, { hash: last.hash, number: last.miniblockNum });
      try {
        await this.#call(() => caller.call(ADD_EVENT, { streamId, event }));
        return event;
      } catch (error) {
        const isLate = isMeshError(error) && error.code === 'ERR_STREAM_PREV_UNKNOWN';
        if (!isLate || attempt >= ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** A whole stream. @throws what the server refuses, and what {@link verifyStream} does. */
  async get(id: StreamId): Promise<VerifiedStream> {
    const { stream } = await this.#call(() =>
      this.#deps.caller.call(GET_STREAM, {
        streamId: id.bytes,
      }),
    );
    if (stream === undefined) throw new MeshError('ERR_STREAM_NOT_FOUND', `the server gave no stream ${id.text}`);
    return verifyStream(id, stream, this.#deps.forever, this.#deps.now());
  }

  /** Once more with a session, where the server wants one. */
  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const { author } = this.#deps;
      if (author === undefined || !isMeshError(error) || error.code !== 'ERR_SESSION') throw error;
      await this.#authenticate(author);
      return call();
    }
  }

  async #authenticate({ creator: user, signer, delegate }: Author): Promise<void> {
    const { caller } = this.#deps;
    const start = await caller.call(START_AUTHENTICATION, { userId: user });
    const { challenge, expiration } = start;
    if (challenge.length !== CHALLENGE_BYTES || expiration === undefined)
      throw new MeshError('ERR_REMOTE', 'the server’s challenge is none');
    const hash = challengeHash('NS_AUTH:', { bytes: challenge, user, expiresAt: expiration });
    const { sessionToken } = await caller.call(FINISH_AUTHENTICATION, {
      userId: user,
      challenge,
      signature: signer.signPersonal(hash),
      ...(delegate === undefined
        ? {}
        : { delegateSig: delegate.signature, delegateExpiryEpochMs: delegate.expiresAtMs }),
    });
    if (!/^[\x21-\x7e]{1,1024}$/.test(sessionToken)) throw new MeshError('ERR_REMOTE', 'the server’s session is none');
    caller.token = `Bearer ${sessionToken}`;
  }

  #event(author: Author, payload: OneOf, previous: { readonly hash: Bytes; readonly number: bigint } | undefined) {
    const { random, now } = this.#deps;
    return makeEvent(author, { payload, salt: random.bytes(SALT_BYTES), at: now(), previous });
  }

  #author(): Author {
    if (this.#deps.author !== undefined) return this.#deps.author;
    throw new MeshError('ERR_USAGE', 'events must be signed', 'give a wallet’s key, or the token of a device');
  }
}

import { type Bytes, fromHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { type Instant, SECOND_MS, type UnixMs, unixMsFromSeconds, unixSeconds } from '../base/time.ts';
import type { MessageAlgorithm } from '../crypto/public-key.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Audience } from '../message/audience.ts';
import type { MessageType } from '../message/family.ts';
import { CONTENT_TYPE_BYTES_MAX, FUTURE_MAX_MS, LIFETIME_MAX_MS } from '../message/limits.ts';
import { assembleMessage, type ComposedMessage, composeMessage, type Message } from '../message/message.ts';

/** Messages of this node that wait for their signature. */
export const SIGNING_MAX = 1_024;

/** What a program wants said. */
export interface PublishRequest {
  readonly type: MessageType;
  readonly payload: Bytes;
  readonly ttlMs: number;
  readonly audience?: Audience | undefined;
  readonly contentType?: string | undefined;
}

/** With what a message is signed: the node's certificate, as messages name it. */
export interface SigningIdentity {
  readonly nodeId: NodeId;
  readonly algorithm: MessageAlgorithm;
  /** SHA-256 of the leaf certificate's DER, hex. */
  readonly leafKey: string;
}

/** @throws ERR_MESSAGE_LIFETIME, ERR_MESSAGE_PAYLOAD, ERR_MESSAGE_MALFORMED: what the gate of every node would refuse. */
export function composeRequest(
  mesh: MeshName,
  identity: SigningIdentity,
  place: { readonly incarnation: number; readonly counter: number },
  request: PublishRequest,
  wall: UnixMs,
): ComposedMessage {
  const { type, payload, ttlMs, audience, contentType = type.contentType } = request;
  if (!Number.isInteger(ttlMs / SECOND_MS) || ttlMs < SECOND_MS || ttlMs > LIFETIME_MAX_MS)
    throw new MeshError(
      'ERR_MESSAGE_LIFETIME',
      `lifetime of ${ttlMs / SECOND_MS} s, expected 1 to ${LIFETIME_MAX_MS / SECOND_MS} whole seconds`,
    );
  if (payload.length > type.payloadBytesMax)
    throw new MeshError(
      'ERR_MESSAGE_PAYLOAD',
      `payload of ${payload.length} bytes, expected at most ${type.payloadBytesMax} for ${type.text}`,
    );
  if (contentType.length < 1 || contentType.length > CONTENT_TYPE_BYTES_MAX)
    throw new MeshError('ERR_MESSAGE_MALFORMED', `content type: expected 1 to ${CONTENT_TYPE_BYTES_MAX} characters`);
  const issuedAt = unixMsFromSeconds(unixSeconds(wall));
  const expiresAt = (issuedAt + ttlMs) as UnixMs;
  const { nodeId: origin, algorithm, leafKey } = identity;
  return composeMessage(mesh, {
    algorithm,
    type,
    contentType,
    origin,
    audience,
    ...place,
    issuedAt,
    expiresAt,
    leafHash: fromHex(leafKey),
    payload,
  });
}

/** @param underWay messages that were admitted and wait for their signature. */
export type Admit = (draft: ComposedMessage, underWay: number) => void;

interface Signing {
  readonly composed: ComposedMessage;
  readonly request: number;
}

/**
 * Gives this node's messages their place in its stream and has them signed. A stream is one start of one node:
 * its incarnation is durable before its first message, so a restored snapshot or a clone collides with nothing.
 */
export class Publisher {
  readonly #mesh: MeshName;
  readonly #sign: (ticket: number, toBeSigned: Bytes) => void;
  readonly #signing = new Map<number, Signing>();
  #identity: SigningIdentity;
  #incarnation: number;
  #counter = 0;
  #nextTicket = 1;

  constructor(
    mesh: MeshName,
    identity: SigningIdentity,
    incarnation: number,
    sign: (ticket: number, toBeSigned: Bytes) => void,
  ) {
    this.#mesh = mesh;
    this.#identity = identity;
    this.#incarnation = incarnation;
    this.#sign = sign;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** The counter that the next message gets. */
  get nextCounter(): number {
    return this.#counter;
  }

  /**
   * @param admit throws where the gate would not let the message in: it has no counter then.
   * @throws what {@link composeRequest} and `admit` throw, and ERR_OVERLOADED.
   */
  publish(wall: UnixMs, request: number, what: PublishRequest, admit: Admit): void {
    if (this.#signing.size >= SIGNING_MAX)
      throw new MeshError('ERR_OVERLOADED', `${SIGNING_MAX} messages wait for their signature`);
    const composed = composeRequest(
      this.#mesh,
      this.#identity,
      { incarnation: this.#incarnation, counter: this.#counter },
      what,
      wall,
    );
    admit(composed, this.#signing.size);
    this.#counter++;
    const ticket = this.#nextTicket++;
    this.#signing.set(ticket, { composed, request });
    this.#sign(ticket, composed.toBeSigned);
  }

  /** @returns the signed message for the gate, or `undefined` where the key store could not sign. */
  handleSigned(
    ticket: number,
    signature: Bytes | undefined,
  ): { readonly request: number; readonly message: Message | undefined } | undefined {
    const signing = this.#signing.get(ticket);
    if (signing === undefined) return undefined;
    this.#signing.delete(ticket);
    const message = signature === undefined ? undefined : assembleMessage(signing.composed, signature);
    return { request: signing.request, message };
  }

  /**
   * A peer holds a later stream of ours than this one: we were restored from an older state. A new stream is
   * opened above it. A claim far in the future is a lie: incarnations are Unix seconds.
   *
   * @returns the new incarnation, to be made durable before the next start.
   */
  handleHeldIncarnation(now: Instant, held: number): number | undefined {
    if (held <= this.#incarnation || held > unixSeconds((now.wall + FUTURE_MAX_MS) as UnixMs)) return undefined;
    this.#incarnation = held + 1;
    this.#counter = 0;
    return this.#incarnation;
  }
}

/** The incarnation of a start: above the last one, and about the time of day, so that a lost state cannot repeat one. */
export function nextIncarnation(stored: number, wall: UnixMs): number {
  return Math.max(stored + 1, unixSeconds(wall));
}

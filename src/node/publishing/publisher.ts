import { type Bytes, fromHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { type BucketRate, TokenBucket } from '../../base/token-bucket.ts';
import { type Instant, SECOND_MS, type UnixMs, unixMsFromSeconds, unixSeconds } from '../../base/time.ts';
import { RANGES_MAX } from '../../engine/held/counter-ranges.ts';
import { type MessageAlgorithm, messageAlgorithmOf } from '../../crypto/keys/public-key.ts';
import { keyAlgorithmOf } from '../../crypto/keys/spki.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Audience } from '../../message/audience.ts';
import { BATCH_MESSAGES_MAX, composeBatch } from '../../message/batch.ts';
import type { MessageType } from '../../message/family.ts';
import { CONTENT_TYPE_BYTES_MAX, FUTURE_MAX_MS, LIFETIME_MAX_MS } from '../../message/limits.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import { assembleMessage, type ComposedMessage, composeMessage, type Message } from '../../message/message.ts';

/** Messages of this node that wait for their signature. */
export const SIGNING_MAX = 1_024;

/** Gaps that a failing store may leave in a stream of this node: half of the ranges that nodes hold of one. */
export const OWN_GAPS_MAX = RANGES_MAX / 2;

/** What a program wants said. */
export interface PublishRequest {
  readonly type: MessageType;
  readonly payload: Bytes;
  readonly ttlMs: number;
  readonly audience?: Audience | undefined;
  readonly contentType?: string | undefined;
}

/** With what a message is signed: the node's certificate, or the statement of a delegate, as messages name it. */
export interface SigningIdentity {
  readonly nodeId: NodeId;
  readonly algorithm: MessageAlgorithm;
  /** SHA-256 of the leaf certificate's DER, or of the statement, hex. */
  readonly voucherId: string;
  /** Present where a delegate signs. */
  readonly statement?: Bytes | undefined;
}

/** The holder of a certificate, who signs with its key. @throws ERR_KEY */
export function signingIdentityOf(nodeId: NodeId, leaf: Certificate): SigningIdentity {
  const algorithm = messageAlgorithmOf(keyAlgorithmOf(leaf.spki));
  if (algorithm === undefined) throw new MeshError('ERR_KEY', 'a key of this kind signs no messages');
  return { nodeId, algorithm, voucherId: leaf.fingerprintHex };
}

/** @throws ERR_MESSAGE_LIFETIME, ERR_MESSAGE_PAYLOAD, ERR_MESSAGE_MALFORMED: what the gate of every node would refuse. */
export function composeRequest(
  mesh: MeshName,
  identity: SigningIdentity,
  place: { readonly incarnation: number; readonly counter: number; readonly isFirst?: boolean },
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
  const { nodeId: origin, algorithm, voucherId, statement } = identity;
  return composeMessage(mesh, {
    algorithm,
    type,
    contentType,
    origin,
    audience,
    incarnation: place.incarnation,
    counter: place.counter,
    issuedAt,
    expiresAt,
    voucherHash: fromHex(voucherId),
    // The first message of a stream brings the statement, the others name it.
    delegate:
      statement === undefined
        ? undefined
        : { statement: (place.isFirst ?? place.counter === 0) ? statement : undefined },
    payload,
  });
}

/** @param underWay messages that were admitted and wait for their signature. */
export type Admit = (draft: ComposedMessage, underWay: number) => void;

/** Fewer messages than this are signed one by one: a batch costs each of them up to 200 bytes. @tuning */
const BATCH_MESSAGES_MIN = 4;

interface Signing {
  readonly composed: ComposedMessage;
  readonly request: number;
}

/** What one signature is asked for: one message, or a batch. */
interface SigningTask {
  readonly signings: readonly Signing[];
  assemble(signature: Bytes): readonly Message[];
}

/** A message with its signature, for the gate; without it where the key store could not sign. */
export interface SigningAnswer {
  readonly request: number;
  readonly message: Message | undefined;
}

/**
 * Times that a peer is believed that it holds a later stream of ours. A node restored from an older state hears it once, or
 * from a few peers in turn; a liar could else have us open stream after stream, until nobody has room for another.
 */
export const RESTORED_RATE: BucketRate = Object.freeze({ tokensPerSecond: 1 / 3_600, burstTokens: 8 });

export interface PublisherOptions {
  readonly mesh: MeshName;
  readonly identity: SigningIdentity;
  readonly incarnation: number;
  /** Whether messages of one turn may share a signature. */
  readonly batches: boolean;
  readonly sign: (ticket: number, toBeSigned: Bytes) => void;
}

/**
 * Gives this node's messages their place in its stream and has them signed. A stream is one start of one node:
 * its incarnation is durable before its first message, so a restored snapshot or a clone collides with nothing.
 *
 * What is said in one turn is signed at its end, as a batch where that pays: who says much pays one signature for many.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #tasks = new Map<number, SigningTask>();
  #gathered: Signing[] = [];
  /** Messages that have no signature yet. */
  #unsigned = 0;
  #incarnation: number;
  #counter = 0;
  #nextTicket = 1;
  #restored: TokenBucket | undefined;
  /** Runs of counters in this stream that were given and reach nobody, and the last such counter. */
  #gaps = 0;
  #takenBack = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#incarnation = options.incarnation;
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
    if (this.#unsigned >= SIGNING_MAX)
      throw new MeshError('ERR_OVERLOADED', `${SIGNING_MAX} messages wait for their signature`);
    const { mesh, identity } = this.#options;
    const place = { incarnation: this.#incarnation, counter: this.#counter };
    const composed = composeRequest(mesh, identity, place, what, wall);
    admit(composed, this.#unsigned);
    this.#counter++;
    this.#unsigned++;
    this.#gathered.push({ composed, request });
  }

  /** Has signed what this turn has gathered. */
  flush(): void {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    this.#gathered = [];
    for (let from = 0; from < gathered.length; from += BATCH_MESSAGES_MAX) {
      const signings = gathered.slice(from, from + BATCH_MESSAGES_MAX);
      if (this.#options.batches && signings.length >= BATCH_MESSAGES_MIN) this.#signTogether(signings);
      else for (const signing of signings) this.#signAlone(signing);
    }
  }

  /** @returns the signed messages, in the order in which they were published. */
  handleSigned(ticket: number, signature: Bytes | undefined): readonly SigningAnswer[] {
    const task = this.#tasks.get(ticket);
    if (task === undefined) return [];
    this.#tasks.delete(ticket);
    this.#unsigned -= task.signings.length;
    const messages = signature === undefined ? [] : task.assemble(signature);
    return task.signings.map(({ request }, i) => ({ request, message: messages[i] }));
  }

  /**
   * A peer holds a later stream of ours than this one: we were restored from an older state. A new stream is
   * opened above it. A claim far in the future is a lie: incarnations are Unix seconds. So are many claims; where one of
   * them is true all the same, the clone that it speaks of is met by what it says ({@link handleClone}).
   *
   * @returns the new incarnation, to be made durable before the next start.
   */
  handleHeldIncarnation(now: Instant, held: number): number | undefined {
    if (held <= this.#incarnation || held > unixSeconds((now.wall + FUTURE_MAX_MS) as UnixMs)) return undefined;
    this.#restored ??= new TokenBucket(RESTORED_RATE, now.mono);
    return this.#restored.take(now.mono) ? this.#open(held + 1) : undefined;
  }

  /**
   * Somebody else speaks in our stream with our key: a clone (T24). A new stream is opened, so that what is said here
   * from now on collides with nothing.
   *
   * @param leap by chance, because the clone does the same.
   * @returns as {@link handleHeldIncarnation}; `undefined` where it was another stream.
   */
  handleClone(incarnation: number, leap: number): number | undefined {
    return incarnation === this.#incarnation ? this.#open(incarnation + 1 + leap) : undefined;
  }

  /**
   * A message of the stream that is open reaches nobody: a gap among its counters at every other node. Before there are so
   * many that nodes take no more of the stream, a new one is opened.
   *
   * @returns as {@link handleHeldIncarnation}.
   */
  handleTakenBack(incarnation: number, counter: number): number | undefined {
    if (incarnation !== this.#incarnation) return undefined;
    if (counter !== this.#takenBack + 1 || this.#gaps === 0) this.#gaps++;
    this.#takenBack = counter;
    return this.#gaps > OWN_GAPS_MAX ? this.#open(incarnation + 1) : undefined;
  }

  #open(incarnation: number): number {
    this.#gaps = 0;
    this.#incarnation = incarnation;
    this.#counter = 0;
    return incarnation;
  }

  #signTogether(signings: readonly Signing[]): void {
    const batch = composeBatch(
      this.#options.mesh,
      signings.map(({ composed }) => composed),
    );
    this.#ask({ signings, assemble: (signature) => batch.assemble(signature) }, batch.toBeSigned);
  }

  #signAlone(signing: Signing): void {
    const { composed } = signing;
    const assemble = (signature: Bytes): readonly Message[] => [assembleMessage(composed, signature)];
    this.#ask({ signings: [signing], assemble }, composed.toBeSigned);
  }

  #ask(task: SigningTask, toBeSigned: Bytes): void {
    const ticket = this.#nextTicket++;
    this.#tasks.set(ticket, task);
    this.#options.sign(ticket, toBeSigned);
  }
}

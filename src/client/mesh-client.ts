import { messageIdResponseSchema } from '../api/node-gossip.ts';
import {
  crlResponseSchema,
  type HeldMessageJson,
  heldMessageSchema,
  type MessagesResponse,
  messagesResponseSchema,
  statusResponseSchema,
  voucherResponseSchema,
} from '../api/node-programs.ts';
import { BoundedMap } from '../base/bounded.ts';
import { type Bytes, fromBase64, toBase64, toHex, utf8 } from '../base/bytes.ts';
import { isMeshError, MeshError } from '../base/errors.ts';
import { HOUR_MS, SECOND_MS, type UnixMs } from '../base/time.ts';
import { delegateSignerOf } from '../daemon/delegate/signer.ts';
import { parseStatementPem } from '../message/statement-pem.ts';
import { signAsDelegate } from '../daemon/delegate/sign.ts';
import type { NodeDesk } from '../daemon/node/desk.ts';
import { type MessageVerifier, PLACES_MAX } from '../engine/gate/message-verifier.ts';
import { systemRandom } from '../host/machine/system-random.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import { isAddressedTo, parseAudience } from '../message/audience.ts';
import { parseMessageType } from '../message/family.ts';
import { parseIndicator } from '../message/payloads/indicator.ts';
import type { Message } from '../message/message.ts';
import type { Refusal, VerifiedIndicator, VerifiedMessage } from './verified.ts';
import { verifiedOf } from './verified.ts';

/** How old what is known of revocations may be when a message is judged, where the node has newer lists. */
const LISTS_AGE_MS = 5 * SECOND_MS;

/** What to say. */
export interface Saying {
  /** `indicator`, `sensor/TOPIC`, `command/NAME`, … */
  readonly type: string;
  readonly payload: Uint8Array | string;
  /** 1 s to 7 days; by default an hour. */
  readonly ttlSeconds?: number;
  /** A node id or `role:NAME`; left out: everybody. */
  readonly audience?: string;
  readonly contentType?: string;
}

/** In whose name: as `chainmail delegate issue` and `delegate key` write them. */
export interface Delegate {
  /** The statement, PEM. */
  readonly statement: string;
  /** The device's private key, PEM, or the xprv of its subtree. It does not leave this process. */
  readonly key: string;
}

/** Which messages. */
export interface Wish {
  /** `indicator`, `sensor/TOPIC`, or `sensor/*` for all below; left out: all but node records. */
  readonly type?: string;
  /** Leaves out what is addressed to other nodes, and to roles that this one has not. */
  readonly forMe?: boolean;
  /**
   * Told of each message that does not hold. Left out: what is a fault of the node ends the call with its error, and
   * what is nobody's fault (it expired meanwhile, its author was revoked) is passed over.
   */
  readonly onRefused?: (refusal: Refusal) => void;
}

export interface FollowWish extends Wish {
  /** The `cursor` of the message behind which to go on; `start`: all that is held first. Left out: only what is new. */
  readonly after?: string;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** What a client stands on; `connect` puts it together. @internal */
export interface ClientParts {
  readonly desk: NodeDesk;
  readonly verifier: MessageVerifier;
  readonly mesh: MeshName;
  readonly nodeId: NodeId;
  readonly roles: readonly string[];
  readonly now: () => UnixMs;
  /** Fetches the newest list by another road than the node: from the authority. */
  readonly listsElsewhere: (() => Promise<Bytes>) | undefined;
}

/**
 * A program beside a node: says things through it, and takes nothing on its word. Each message that the node hands over
 * is checked here again, by the same gate, against the trust anchor that the program has brought along.
 */
export class MeshClient {
  /** The mesh of the node. */
  readonly mesh: string;
  /** The node's own id, as it says. */
  readonly nodeId: string;
  readonly #parts: ClientParts;
  #listsAt = Number.NEGATIVE_INFINITY;

  /** Programs call `connect`. @internal */
  constructor(parts: ClientParts) {
    this.mesh = parts.mesh;
    this.nodeId = parts.nodeId;
    this.#parts = parts;
  }

  /** Says something in the node's name. @returns the message id, once it is on the node's disk. */
  async publish({ type, payload, ttlSeconds, audience, contentType }: Saying): Promise<string> {
    const body = {
      type,
      payload: toBase64(bytesOf(payload)),
      ...(ttlSeconds === undefined ? {} : { ttl_sec: ttlSeconds }),
      ...(audience === undefined ? {} : { audience }),
      ...(contentType === undefined ? {} : { content_type: contentType }),
    };
    return this.#post('/v1/messages', body);
  }

  /** Says something as a delegate; it is signed here. @throws ERR_DELEGATE_... and what the node's gate refuses. */
  async publishAs({ statement, key }: Delegate, saying: Saying): Promise<string> {
    const { type, payload, ttlSeconds, audience, contentType } = saying;
    const what = {
      type: parseMessageType(type),
      payload: bytesOf(payload),
      ttlMs: ttlSeconds === undefined ? HOUR_MS : ttlSeconds * SECOND_MS,
      audience: audience === undefined ? undefined : parseAudience(audience),
      contentType,
    };
    const at = { wall: this.#parts.now(), random: systemRandom };
    const { mesh } = this.#parts;
    const message = signAsDelegate(mesh, delegateSignerOf(key), parseStatementPem(statement), what, at);
    return this.#post('/v1/messages/signed', { message: toBase64(message) });
  }

  /** All that is live and held, oldest first, each checked. */
  async *messages(wish: Wish = {}): AsyncGenerator<VerifiedMessage, void, undefined> {
    const { desk } = this.#parts;
    await this.refreshLists();
    for (let after: string | null = 'start'; after !== null; ) {
      const path: string = `/v1/messages?${queryOf(wish, { after })}`;
      const page: MessagesResponse = await desk.call(messagesResponseSchema, { method: 'GET', path });
      if (page.next === after) throw new MeshError('ERR_REMOTE', 'the node’s answer has no end');
      for (const json of page.messages) yield* this.#taken(wish, json, undefined);
      after = page.next;
    }
  }

  /**
   * What comes from now on, each checked and each once. @throws ERR_NOT_RUNNING when the node ends: connect again, and go
   * on with `after`.
   */
  async *follow(wish: FollowWish = {}): AsyncGenerator<VerifiedMessage, void, undefined> {
    const { desk } = this.#parts;
    const { after, signal = new AbortController().signal } = wish;
    const had = new BoundedMap<string, true>(PLACES_MAX);
    await this.refreshLists();
    const path = `/v1/messages?${queryOf(wish, { follow: '1', ...(after === undefined ? {} : { after }) })}`;
    try {
      for await (const { id, value } of desk.followed(heldMessageSchema, path, signal))
        for await (const message of this.#taken(wish, value, id)) {
          if (had.has(message.contentHash)) continue;
          had.set(message.contentHash, true);
          yield message;
        }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    if (!signal.aborted) throw new MeshError('ERR_NOT_RUNNING', 'the node has ended', 'connect again, with after');
  }

  /** The indicators that are valid now and concern this node, each from a message that was checked. */
  async indicators(wish: Pick<Wish, 'onRefused'> = {}): Promise<readonly VerifiedIndicator[]> {
    const now = this.#parts.now();
    const valid: VerifiedIndicator[] = [];
    for await (const message of this.messages({ ...wish, type: 'indicator', forMe: true })) {
      const { kind, value, risk, labels, validUntil } = parseIndicator(message.payload);
      const until = Math.min(validUntil ?? Number.POSITIVE_INFINITY, message.expiresAt.getTime());
      if (until > now) valid.push({ kind, value, risk, labels: [...labels], validUntil: new Date(until), message });
    }
    return valid;
  }

  /**
   * Whether a message, COSE_Sign1, holds; what vouches for its signer is asked of the node.
   * @throws ERR_MESSAGE_..., ERR_DELEGATE_..., ERR_CRL_STALE
   */
  async verify(message: Uint8Array): Promise<VerifiedMessage> {
    const judged = await this.#judge(message);
    if (judged.tag === 'refused') throw judged.error;
    return verifiedOf(judged.message, undefined);
  }

  /** A revocation list that came by another road, DER. @throws ERR_CRL */
  addList(der: Uint8Array): void {
    this.#parts.verifier.addList(der);
  }

  /** Takes the lists that the node has and we have not, and the authority's where that is to be asked. */
  async refreshLists(): Promise<void> {
    const { desk, verifier, now, listsElsewhere } = this.#parts;
    const { crls } = await desk.call(statusResponseSchema, { method: 'GET', path: '/v1/status' });
    const held = verifier.lists;
    for (const { issuer_key_hash: issuer, number } of crls) {
      if (number <= (held.get(issuer) ?? -1)) continue;
      const path = `/v1/crls/${encodeURIComponent(issuer)}`;
      const answer = await desk.call(crlResponseSchema, { method: 'GET', path });
      verifier.addIssuer(fromBase64(answer.issuer), now());
      verifier.addList(fromBase64(answer.crl));
    }
    if (listsElsewhere !== undefined) verifier.addList(await listsElsewhere());
    this.#listsAt = now();
  }

  async #post(path: string, body: object): Promise<string> {
    const answer = await this.#parts.desk.call(messageIdResponseSchema, { method: 'POST', path, body });
    return answer.message_id;
  }

  /** What the node handed over, where it holds and was asked for. */
  async *#taken(wish: Wish, json: HeldMessageJson, cursor: string | undefined): AsyncIterable<VerifiedMessage> {
    const judged = json.message === undefined ? UNSIGNED : await this.#judge(fromBase64(json.message));
    const refused = judged.tag === 'refused' ? judged : this.#whyNotAsked(wish, judged.message);
    if (refused === undefined) {
      if (judged.tag === 'ok') yield verifiedOf(judged.message, cursor);
      return;
    }
    const { error, isFault } = refused;
    if (wish.onRefused !== undefined) wish.onRefused({ error, isFault, claimedId: json.message_id });
    else if (isFault) throw error;
  }

  #whyNotAsked({ type, forMe }: Wish, message: Message): Refused | undefined {
    const { text } = message.type;
    const isWanted =
      type === undefined ? text !== 'record' : type.endsWith('/*') ? text.startsWith(type.slice(0, -1)) : text === type;
    if (!isWanted) return fault(new MeshError('ERR_REMOTE', `the node handed over ${text}, which was not asked for`));
    if (forMe !== true || isAddressedTo(message.audience, this.#parts.nodeId, this.#parts.roles)) return undefined;
    return fault(new MeshError('ERR_REMOTE', 'the node handed over what is addressed elsewhere'));
  }

  /** By lists that are not old; where something is missing, what the node has is fetched, once. */
  async #judge(bytes: Bytes): Promise<Judged> {
    const { verifier, now } = this.#parts;
    if (now() - this.#listsAt > LISTS_AGE_MS) await this.refreshLists();
    let answer = verifier.verify(bytes, now());
    if (answer.tag === 'refused' && AGED.includes(answer.error.code)) {
      await this.refreshLists();
      answer = verifier.verify(bytes, now());
    }
    if (answer.tag === 'missing' || (answer.tag === 'ok' && answer.isNodeUnknown)) {
      const refused = await this.#fetchVoucher(toHex(answer.message.voucherHash));
      if (refused !== undefined && (answer.tag === 'missing' || refused.isFault)) return refused;
      answer = verifier.verify(bytes, now());
    }
    if (answer.tag !== 'missing') return answer;
    return fault(
      new MeshError('ERR_MESSAGE_UNKNOWN_ORIGIN', 'the node vouches for another signer than the message names'),
    );
  }

  async #fetchVoucher(voucherId: string): Promise<Refused | undefined> {
    const { desk, verifier, now } = this.#parts;
    try {
      const path = `/v1/vouchers/${voucherId}`;
      const { certificates, statement } = await desk.call(voucherResponseSchema, { method: 'GET', path });
      if (certificates.length > 0) verifier.addChain(certificates.map(fromBase64), now());
      if (statement !== undefined) verifier.addStatement(fromBase64(statement), now());
      return undefined;
    } catch (error) {
      if (!isMeshError(error)) throw error;
      if (error.code !== 'ERR_NOT_FOUND') return fault(error);
      // It may have forgotten what it no longer needs: nobody's fault.
      const message = 'the node has nothing that vouches for the signer of this message';
      return { tag: 'refused', isFault: false, error: new MeshError('ERR_MESSAGE_UNKNOWN_ORIGIN', message) };
    }
  }
}

type Refused = { readonly tag: 'refused'; readonly isFault: boolean; readonly error: MeshError };
type Judged = Refused | { readonly tag: 'ok'; readonly message: Message };

function fault(error: MeshError): Refused {
  return { tag: 'refused', isFault: true, error };
}

const UNSIGNED = fault(
  new MeshError('ERR_REMOTE', 'the node handed over a message without what its author signed', 'update the node'),
);

/** What newer lists may change. */
const AGED: readonly string[] = ['ERR_CRL_STALE', 'ERR_DELEGATE_BRANCH'];

function queryOf({ type, forMe }: Wish, more: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({ signed: '1', for: forMe === true ? 'me' : 'all', ...more });
  if (type !== undefined) query.set('type', type);
  return query.toString();
}

function bytesOf(payload: Uint8Array | string): Bytes {
  return typeof payload === 'string' ? utf8(payload) : payload;
}

/** `chainmail/verify`: checks without a node, a file or a clock. docs/CLIENT.md shows them at work. */

import { type Bytes, EMPTY, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { parsePem } from '../codec/pem.ts';
import { parseStatementPem } from '../message/statement-pem.ts';
import { readP256PublicKey } from '../crypto/keys/p256-key.ts';
import type { MessageVerifier } from '../engine/gate/message-verifier.ts';
import { parseMeshName } from '../identity/mesh-name.ts';
import { ENVELOPE } from '../message/river/envelope.ts';
import { judgeEventExpiry, parseEvent } from '../message/river/parse-event.ts';
import { judgeDelegateLife } from '../message/river/wallet-delegate.ts';
import { addressText } from '../message/river/wallet.ts';
import { readSignedRequest } from '../message/request/signed-request.ts';
import { judgeSignedRequest, SKEW_MS_DEFAULT, verifySignature } from '../message/request/verify-request.ts';
import { REQUEST_SERVICE, requireHost } from '../message/request/mesh-request.ts';
import { parseCertificatesPem } from '../pki/x509/certificate/certificate.ts';
import { verifierOf } from './trust.ts';
import { type VerifiedMessage, verifiedOf } from './verified.ts';

export { MeshError } from '../base/errors.ts';
export type { VerifiedMessage } from './verified.ts';

export interface MessageCheckOptions {
  readonly mesh: string;
  /** PEM: the root certificate, and intermediates below it as a `ca.pem` has them. */
  readonly trustAnchor: string;
  /** Milliseconds since 1970, as of which the trust anchor is read. */
  readonly now: number;
  /** Whether revocation lists count that are overdue; by default they do. */
  readonly staleLists?: 'accepted' | 'refused';
}

/** The gate of a mesh by itself: whether messages hold, by what it has been given. */
export class MessageCheck {
  readonly #verifier: MessageVerifier;

  /** @throws ERR_CERTIFICATE, ERR_PATH_..., ERR_MESH_NAME */
  constructor({ mesh, trustAnchor, now, staleLists = 'accepted' }: MessageCheckOptions) {
    this.#verifier = verifierOf({ mesh: parseMeshName(mesh), trustAnchor, staleLists }, now as UnixMs);
  }

  /** A revocation list, DER or PEM. It must come before any message: without it nothing is believed. @throws ERR_CRL */
  addList(list: Uint8Array | string): void {
    const [der = EMPTY] = typeof list === 'string' ? parsePem(list, 'X509 CRL') : [list];
    this.#verifier.addList(der);
  }

  /** The chain of a signer as `node.pem` has it: PEM, leaf first. @throws ERR_CERTIFICATE, ERR_PATH_NO_ANCHOR */
  addChain(pem: string, now: number): void {
    this.#verifier.addChain(
      parseCertificatesPem(pem).map(({ der }) => der),
      now as UnixMs,
    );
  }

  /** The statement of a delegate, PEM. @throws ERR_DELEGATE_... */
  addStatement(pem: string, now: number): void {
    this.#verifier.addStatement(parseStatementPem(pem), now as UnixMs);
  }

  /**
   * @param message COSE_Sign1
   * @param now milliseconds since 1970.
   * @throws ERR_MESSAGE_..., ERR_DELEGATE_..., ERR_CRL_STALE
   */
  verify(message: Uint8Array, now: number): VerifiedMessage {
    const answer = this.#verifier.verify(message, now as UnixMs);
    if (answer.tag === 'ok') return verifiedOf(answer.message, undefined);
    if (answer.tag === 'refused') throw answer.error;
    throw new MeshError(
      'ERR_MESSAGE_UNKNOWN_ORIGIN',
      `nothing is at hand that vouches for the signer, ${toHex(answer.message.voucherHash)}`,
      'add its chain or its statement',
    );
  }
}

/** An HTTP request as it came. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query as they stood in the request line. */
  readonly target: string;
  /** All header lines, in order; `rawHeaders` of Node.js in pairs. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export interface RequestRules {
  /** Of the access key: PEM. Nothing that could sign. */
  readonly publicKey: string;
  /** The name that the region set must cover: that of the mesh. */
  readonly region: string;
  /** By default `chainmail`. */
  readonly service?: string;
  /** Names and addresses under which the server is reached, without ports: a request for another is refused. */
  readonly hosts: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How far clocks may be apart; by default 15 minutes, as at AWS. */
  readonly skewMs?: number;
}

export interface VerifiedRequest {
  readonly accessKeyId: string;
  /** Until when it may be taken. */
  readonly expiresAt: Date;
  /** Hex. To be remembered until then, with the access key id: the same again is a replay. */
  readonly replayKey: string;
}

/**
 * A request that was signed with AWS SigV4A. @throws ERR_REQUEST_...
 *
 * Nothing is remembered here: whoever must not do a thing twice keeps `replayKey`.
 */
export function verifyRequest(request: ReceivedRequest, rules: RequestRules): VerifiedRequest {
  const { method, target, headers, body } = request;
  const { publicKey, region, service = REQUEST_SERVICE, hosts, now, skewMs = SKEW_MS_DEFAULT } = rules;
  const head = { method, target, headers: headers.map(([name, value]) => ({ name, value })) };
  const signed = readSignedRequest(head);
  const expiresAt = judgeSignedRequest(signed, { now: now as UnixMs, region, service, skewMs });
  requireHost(
    signed,
    hosts.map((host) => host.toLowerCase()),
  );
  const key = { algorithm: 'sigv4a', publicKey: readP256PublicKey(publicKey) } as const;
  const replayKey = verifySignature(signed, key, body, false);
  return { accessKeyId: signed.accessKeyId, expiresAt: new Date(expiresAt), replayKey };
}

export interface RiverRules {
  /** Milliseconds since 1970; `undefined`: the expiry of a delegate is not judged, of events that were taken in time. */
  readonly now: number | undefined;
  /** Whether delegates that never end, or in more than 30 days, are taken, as River takes them. By default they are not. */
  readonly forever?: 'allowed' | 'refused';
}

export interface VerifiedRiverEvent {
  /** RiverHash of the event, 0x and hex: what it is known by. */
  readonly hash: string;
  /** Wallet in whose name it was made, 0x and hex. */
  readonly creator: string;
  /** Wallet of whoever signed it: the creator, or a device that it lets sign. */
  readonly signer: string;
  readonly isDelegated: boolean;
  /** When the leave of the device ends, milliseconds since 1970; 0 is never, or no device. */
  readonly expiresAtMs: bigint;
  /** The StreamEvent as it was signed, protobuf. */
  readonly event: Uint8Array;
}

/** An event of River. @param envelope protobuf @throws ERR_PROTOBUF, ERR_EVENT_..., ERR_WALLET_... */
export function verifyRiverEvent(envelope: Uint8Array, rules: RiverRules): VerifiedRiverEvent {
  const read = envelope.length === 0 ? undefined : ENVELOPE.decode(envelope);
  const parsed = parseEvent(read);
  const { event, hash, signer, isDelegated } = parsed;
  const { now, forever = 'refused' } = rules;
  if (now !== undefined) {
    judgeEventExpiry(parsed, now as UnixMs, forever);
    if (isDelegated) judgeDelegateLife(event.delegateExpiryEpochMs, now as UnixMs, forever);
  }
  return {
    hash: `0x${toHex(hash)}`,
    creator: addressText(event.creatorAddress),
    signer: addressText(signer),
    isDelegated,
    expiresAtMs: event.delegateExpiryEpochMs,
    event: (read as { readonly event: Bytes }).event,
  };
}

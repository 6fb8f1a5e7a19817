import { type GossipRequest, gossipRequestSchema, type MessageIdResponse } from '../../../api/node-gossip.ts';
import { parseBody } from '../../../api/schema.ts';
import { type Bytes, fromBase64, toBase64 } from '../../../base/bytes.ts';
import { MeshError, quoted } from '../../../base/errors.ts';
import { SECOND_MS, toRfc3339, type UnixMs } from '../../../base/time.ts';
import { ecdsaDerToRaw } from '../../../crypto/curve/ecdsa-signature.ts';
import { plainBytes } from '../../../crypto/plain-bytes.ts';
import { SIGNATURE_BYTES } from '../../../crypto/keys/public-key.ts';
import type { MeshName } from '../../../identity/mesh-name.ts';
import { MESSAGE_BYTES_MAX } from '../../../message/limits.ts';
import { assembleMessage, type ComposedMessage, type Message, parseComposed } from '../../../message/message.ts';
import { parseMessage } from '../../../message/message-reader.ts';
import type { HttpApp } from '../../server.ts';
import { requireMember } from './member.ts';
import type { MemberDeps } from '../deps.ts';

const COSE_MEDIA_TYPE = 'application/cose';

/**
 * `POST /v1/mesh/gossip` (seed 001 section 7.5): a member hands in a signed message, its own or another's. 202 once
 * it is on this node's disk; what the gate refuses is refused with its reason.
 */
export function postGossip(app: HttpApp, deps: MemberDeps): void {
  app.addContentTypeParser(
    COSE_MEDIA_TYPE,
    { parseAs: 'buffer', bodyLimit: MESSAGE_BYTES_MAX },
    (_request, body, done) => {
      done(null, plainBytes(body as Buffer));
    },
  );
  app.post('/v1/mesh/gossip', async (request, reply) => {
    const { service } = deps;
    const member = requireMember(deps, request);
    const { mesh } = service.node;
    const { body } = request;
    const message =
      body instanceof Uint8Array ? parseMessage(mesh, body) : messageOf(mesh, parseBody(gossipRequestSchema, body));
    service.keepChain(member.chain); // so that peers can fetch it
    const answer: MessageIdResponse = { message_id: await service.submit(message, member.nodeId) };
    return reply.code(202).send(answer);
  });
}

/** `protected` and `payload` are what was signed; readable members may repeat it, not contradict it. */
function messageOf(mesh: MeshName, body: GossipRequest): Message {
  const composed = parseComposed(mesh, fromBase64(body.protected), fromBase64(body.payload));
  for (const [member, told, signed] of readableMembers(body, composed))
    if (told !== undefined && told !== signed)
      throw new MeshError(
        'ERR_MESSAGE_MALFORMED',
        `${member} disagrees with protected, which says ${signed === undefined ? 'nothing' : quoted(String(signed))}`,
      );
  return assembleMessage(composed, signatureOf(composed, fromBase64(body.signature)));
}

function readableMembers(
  body: GossipRequest,
  composed: ComposedMessage,
): readonly (readonly [member: string, told: string | number | undefined, signed: string | number | undefined])[] {
  return [
    ['message_id', body.message_id, composed.id],
    ['origin', body.origin, composed.origin],
    ['timestamp', instantOf(body.timestamp), toRfc3339(composed.issuedAt)],
    ['expires_at', instantOf(body.expires_at), toRfc3339(composed.expiresAt)],
    ['ttl_sec', body.ttl_sec, (composed.expiresAt - composed.issuedAt) / SECOND_MS],
    ['type', body.type, composed.type.text],
    ['content_type', body.content_type, composed.contentType],
    ['audience', body.audience, composed.audience?.text],
    ['to_be_signed', body.to_be_signed, toBase64(composed.toBeSigned)],
  ];
}

/** The one spelling of an instant; text that is none stays as it is, and agrees with nothing. */
function instantOf(text: string | undefined): string | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? text : toRfc3339(at as UnixMs);
}

/** 64 bytes are `r ‖ s`, or an Ed25519 signature; anything else is DER as `openssl dgst -sign` writes it. */
function signatureOf({ algorithm }: ComposedMessage, signature: Bytes): Bytes {
  if (signature.length === SIGNATURE_BYTES) return signature;
  if (algorithm !== 'ES256')
    throw new MeshError('ERR_MESSAGE_MALFORMED', `signature of ${signature.length} bytes, expected ${SIGNATURE_BYTES}`);
  try {
    return ecdsaDerToRaw(signature);
  } catch {
    throw new MeshError('ERR_MESSAGE_MALFORMED', 'signature is neither 64 bytes nor a DER sequence of r and s');
  }
}

import { bytesEqual, fromHex, toBase64 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import { grants } from '../../identity/capability.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { FUTURE_MAX_MS, LIFETIME_MAX_MS } from '../../message/limits.ts';
import type { Message } from '../../message/message.ts';
import { parseMessage } from '../../message/message-reader.ts';
import { judgeNode, meshOf } from './certificate.ts';
import { requireDelegate } from './delegate.ts';
import type { Recognised } from './recognise.ts';
import { type FileVerdict, pathError, type VerifyContext, verdictOf } from './verdict.ts';

/** Stands in where no mesh is named: what a message says of itself does not depend on it, only its signature does. */
const NO_MESH = parseMeshName('unknown');

/** The gate's rules (spec 03 section 3) for one message alone; duplicates, clones and budgets are for a running node. */
export function verifyMessage({ bytes }: Recognised, context: VerifyContext): FileVerdict {
  const [leaf] = context.chain;
  const mesh = context.mesh ?? (leaf === undefined ? undefined : meshOf(leaf));
  let message: Message | undefined;
  const parsed = verdictOf('message', {}, () => {
    message = parseMessage(mesh ?? NO_MESH, bytes);
  });
  if (message === undefined) return parsed;
  const known = message;
  return verdictOf('message', { ...(mesh === undefined ? {} : { mesh }), ...factsOf(known) }, () => {
    void known.content;
    requireLife(known, context.now);
    if (mesh === undefined)
      throw new MeshError(
        'ERR_MESSAGE_SIGNATURE',
        'the mesh is not named, so nobody can say what was signed',
        'give --mesh NAME',
      );
    requireOrigin(known, mesh, context);
  });
}

function requireLife({ issuedAt, expiresAt }: Message, now: number): void {
  const lifetimeMs = expiresAt - issuedAt;
  if (lifetimeMs <= 0 || lifetimeMs > LIFETIME_MAX_MS)
    throw new MeshError('ERR_MESSAGE_LIFETIME', `the message lives ${lifetimeMs / 1_000} s`);
  if (expiresAt <= now) throw new MeshError('ERR_MESSAGE_EXPIRED', `the message expired at ${toRfc3339(expiresAt)}`);
  if (issuedAt > now + FUTURE_MAX_MS)
    throw new MeshError('ERR_MESSAGE_FUTURE', `the message is dated ${toRfc3339(issuedAt)}`);
}

function requireOrigin(message: Message, mesh: ReturnType<typeof parseMeshName>, context: VerifyContext): void {
  if (message.delegate !== undefined) return requireDelegate(message, mesh, context);
  const { chain, anchors } = context;
  const [leaf] = chain;
  if (leaf === undefined)
    throw new MeshError(
      'ERR_MESSAGE_UNKNOWN_ORIGIN',
      `the certificate of ${message.origin} is not at hand`,
      'give the chain of its signer: --chain node.pem',
    );
  if (!bytesEqual(leaf.fingerprint, message.leafHash))
    throw new MeshError(
      'ERR_MESSAGE_UNKNOWN_ORIGIN',
      'the message was signed under another certificate than that of --chain',
    );
  if (!leaf.publicKey.verify(message.algorithm, message.signedBytes, message.signature))
    throw new MeshError('ERR_MESSAGE_SIGNATURE', `the signature does not hold in mesh ${mesh}`);
  if (anchors.length === 0)
    throw new MeshError(
      'ERR_PATH_NO_ANCHOR',
      'nobody is named who would vouch for its signer',
      'give the trust anchor: --ca FILE',
    );
  const judged = judgeNode(chain, mesh, context, message.issuedAt, 'message');
  if (judged.tag === 'refused') throw pathError(judged);
  if (judged.nodeId !== message.origin)
    throw new MeshError('ERR_MESSAGE_UNKNOWN_ORIGIN', `node ${judged.nodeId} signed in the name of ${message.origin}`);
  const needed = message.type.capability(message.type.text);
  if (needed !== undefined && !grants(judged.capabilities, needed))
    throw new MeshError('ERR_MESSAGE_NOT_PERMITTED', `${message.type.text} needs the capability ${needed}`);
}

function factsOf(message: Message): object {
  return {
    message_id: message.id,
    origin: message.origin,
    type: message.type.text,
    content_type: message.contentType,
    ...(message.audience === undefined ? {} : { audience: message.audience.text }),
    timestamp: toRfc3339(message.issuedAt),
    expires_at: toRfc3339(message.expiresAt),
    algorithm: message.algorithm,
    [message.delegate === undefined ? 'certificate_sha256' : 'delegate_sha256']: message.leafHash.toHex(),
    content_sha256: fromHex(message.contentKey).toHex(),
    payload: toBase64(message.payload),
  };
}

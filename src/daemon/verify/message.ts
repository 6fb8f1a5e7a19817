import { bytesEqual, fromHex, toBase64 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import { type MeshName, parseMeshName } from '../../identity/mesh-name.ts';
import type { Message } from '../../message/message.ts';
import { parseMessage } from '../../message/message-reader.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import { meshOf } from './certificate.ts';
import type { Recognised } from './recognise.ts';
import { type FileVerdict, type VerifyContext, verdictOf } from './verdict.ts';
import { requireLists, verifierIn } from './verifier.ts';

/** Stands in where no mesh is named: what a message says of itself does not depend on it, only its signature does. */
const NO_MESH = parseMeshName('unknown');

/** What the gate says of one message alone (spec 03 section 6); clones and budgets are for a running node. */
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
    if (mesh === undefined)
      throw new MeshError(
        'ERR_MESSAGE_SIGNATURE',
        'the mesh is not named, so nobody can say what was signed',
        'give --mesh NAME',
      );
    requireMessage(known, mesh, context);
  });
}

/** @throws what the gate has against it, or what is not at hand that the gate would ask for. */
function requireMessage(message: Message, mesh: MeshName, context: VerifyContext): void {
  if (message.delegate !== undefined) requireLists(context);
  const verifier = verifierIn(mesh, context);
  let answer = verifier.verify(message.bytes, context.now);
  if (answer.tag === 'missing') {
    const chain = chainOf(message, mesh, context);
    verifier.addChain(
      chain.map(({ der }) => der),
      context.now,
    );
    answer = verifier.verify(message.bytes, context.now);
  }
  if (answer.tag === 'refused') throw answer.error;
}

/** The chain of its signer, each certificate once. @throws ERR_MESSAGE_..., ERR_PATH_NO_ANCHOR where that is not at hand. */
function chainOf(message: Message, mesh: MeshName, context: VerifyContext): readonly Certificate[] {
  const { chain, others, anchors } = context;
  const [leaf] = chain;
  if (message.delegate !== undefined)
    throw new MeshError(
      'ERR_MESSAGE_UNKNOWN_ORIGIN',
      'the message names the statement of its delegate and does not bring it',
      'the first message of the stream does',
    );
  if (leaf === undefined)
    throw new MeshError(
      'ERR_MESSAGE_UNKNOWN_ORIGIN',
      `the certificate of ${message.origin} is not at hand`,
      'give the chain of its signer: --chain node.pem',
    );
  if (!bytesEqual(leaf.fingerprint, message.voucherHash))
    throw new MeshError(
      'ERR_MESSAGE_UNKNOWN_ORIGIN',
      'the message was signed under another certificate than that of --chain',
    );
  if (meshOf(leaf) !== mesh)
    throw new MeshError(
      'ERR_MESSAGE_SIGNATURE',
      `its signer is no member of mesh ${mesh}, and signs for its own alone`,
    );
  if (anchors.length === 0)
    throw new MeshError(
      'ERR_PATH_NO_ANCHOR',
      'nobody is named who would vouch for its signer',
      'give the trust anchor: --ca FILE',
    );
  return [...new Map([...chain, ...others].map((one) => [one.fingerprintHex, one])).values()];
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
    [message.delegate === undefined ? 'certificate_sha256' : 'delegate_sha256']: message.voucherHash.toHex(),
    content_sha256: fromHex(message.contentKey).toHex(),
    payload: toBase64(message.payload),
  };
}

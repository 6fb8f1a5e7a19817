import { type Bytes, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { messageAlgorithmOf } from '../../crypto/keys/public-key.ts';
import { sha256 } from '../../crypto/hash.ts';
import { parseStatement } from '../../message/delegate-statement.ts';
import { assembleMessage } from '../../message/message.ts';
import { isSameKey } from '../../identity/delegate/delegate-key.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { composeRequest, type PublishRequest } from '../../node/publishing/publisher.ts';
import type { Random } from '../../ports/random.ts';
import type { DelegateSigner } from './signer.ts';

/**
 * A message signed with a delegate's key, as COSE_Sign1. Each is a stream of its own for this second, as those that
 * clients compose, and so brings its statement with it.
 *
 * @throws ERR_DELEGATE_... where the statement is none, or of another key; and what `composeRequest` throws.
 */
export function signAsDelegate(
  mesh: MeshName,
  signer: DelegateSigner,
  statement: Bytes,
  what: PublishRequest,
  at: { readonly wall: UnixMs; readonly random: Random },
): Bytes {
  const { nodeId, key } = parseStatement(mesh, statement);
  if (!isSameKey(key, signer.key))
    throw new MeshError('ERR_DELEGATE_KEY', 'the statement is of another key', 'give the key that it was issued for');
  const algorithm = messageAlgorithmOf(key.curve);
  if (algorithm === undefined) throw new MeshError('ERR_DELEGATE_KEY', `a key of ${key.curve} signs no messages`);
  const place = { incarnation: Math.floor(at.wall / 1_000), counter: at.random.below(2 ** 31), isFirst: true };
  const identity = { nodeId, algorithm, voucherId: toHex(sha256(statement)), statement };
  const composed = composeRequest(mesh, identity, place, what, at.wall);
  return assembleMessage(composed, signer.sign(composed.toBeSigned, place.incarnation)).bytes;
}

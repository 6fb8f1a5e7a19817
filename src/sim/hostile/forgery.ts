import { type Bytes, fromHex, utf8 } from '../../base/bytes.ts';
import { MINUTE_MS, type UnixMs, unixMsFromSeconds, unixSeconds } from '../../base/time.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { parseMessageType } from '../../message/family.ts';
import { assembleMessage, composeMessage } from '../../message/message.ts';
import type { SimulatedIdentity } from '../members/simulated-authority.ts';

/** What a message says that somebody made by hand. */
export interface HandMade {
  readonly mesh: MeshName;
  /** In whose name it is said. */
  readonly author: SimulatedIdentity;
  /** Whose key signs; by default the author's own. */
  readonly signedBy?: SimulatedIdentity;
  /** Under whose certificate; by default the author's. */
  readonly under?: SimulatedIdentity;
  /** Or by the hash of a certificate that nobody has. */
  readonly voucherHash?: Bytes;
  readonly incarnation: number;
  readonly counter: number;
  readonly wall: UnixMs;
  readonly ttlMs?: number;
  readonly type?: string;
  /** By default an indicator of this text. */
  readonly payload?: Bytes;
  readonly text?: string;
}

/** The bytes of a message that is well formed, whoever signs it in whose name. */
export function handMade(what: HandMade): Bytes {
  const { mesh, author, signedBy = author, under = author, incarnation, counter, wall } = what;
  const { ttlMs = 10 * MINUTE_MS, type: typeText = 'indicator', text = '' } = what;
  const type = parseMessageType(typeText);
  const [leaf] = under.chain;
  if (leaf === undefined) throw new Error('no certificate to name');
  const issuedAt = unixMsFromSeconds(unixSeconds(wall));
  const composed = composeMessage(mesh, {
    algorithm: under.signer.algorithm,
    type,
    contentType: type.contentType,
    origin: author.nodeId,
    incarnation,
    counter,
    issuedAt,
    expiresAt: (issuedAt + ttlMs) as UnixMs,
    voucherHash: what.voucherHash ?? fromHex(leaf.fingerprintHex),
    payload: what.payload ?? utf8(JSON.stringify({ kind: 'hash', value: text, risk: 50 })),
  });
  return assembleMessage(composed, signedBy.signer.signSync(composed.toBeSigned)).bytes;
}

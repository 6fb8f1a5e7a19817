import { createPrivateKey, randomBytes, sign, X509Certificate } from 'node:crypto';
import { encode, head, joined, Raw } from './cbor-by-hand.ts';
import { type Member, sha256 } from './hostile-link.ts';

/** What a message says, and what may be wrong with it. */
export interface Saying {
  readonly incarnation: number;
  readonly counter: number;
  /** What it says, or the bytes of a payload. */
  readonly text: string | Uint8Array;
  readonly contentType?: string;
  readonly type?: string;
  readonly issuedAtSec?: number;
  readonly lifeSec?: number;
  /** In whose name; by default its own. */
  readonly origin?: string;
  /** Which certificate it names; by default its own. */
  readonly voucherHash?: Uint8Array;
  /** By default of its own key. */
  readonly signature?: Uint8Array;
}

/** A message as spec 03 section 1 says it, in a hostile member's hands. */
export function messageByHand(member: Member, what: Saying): Uint8Array {
  const { incarnation, counter, text, type = 'sensor/test', issuedAtSec = Math.floor(Date.now() / 1_000) } = what;
  const {
    contentType = 'application/octet-stream',
    lifeSec = 600,
    origin = member.nodeId,
    voucherHash = leafHashOf(member),
  } = what;
  const place = new DataView(new ArrayBuffer(16));
  place.setBigUint64(0, BigInt(incarnation));
  place.setBigUint64(8, BigInt(counter));
  const claims = map([1, origin], [4, issuedAtSec + lifeSec], [6, issuedAtSec], [7, new Uint8Array(place.buffer)]);
  const protectedHeader = encode(
    map([1, ES256], [3, contentType], [15, claims], [34, [SHA_256, voucherHash]], ['type', type]),
  );
  const payload = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const aad = encode(['chainmail message v1', member.mesh]);
  const signed = encode(['Signature1', protectedHeader, aad, payload]);
  const signature =
    what.signature ?? sign('sha256', signed, { key: createPrivateKey(member.key), dsaEncoding: 'ieee-p1363' });
  const emptyMap = new Raw(head(5, 0));
  return joined([head(6, 18), encode([protectedHeader, emptyMap, payload, new Uint8Array(signature)])]);
}

export function leafHashOf({ certificate }: Member): Uint8Array {
  return sha256(new X509Certificate(certificate).raw);
}

/** A hash of nothing that there is. */
export function strangeHash(): Uint8Array {
  return new Uint8Array(randomBytes(32));
}

/** -7 and -16, as CBOR writes negative integers. */
const ES256 = new Raw(head(1, 6));
const SHA_256 = new Raw(head(1, 15));

function map(...members: readonly (readonly [number | string, Parameters<typeof encode>[0]])[]): Raw {
  return new Raw(head(5, members.length), ...members.flatMap(([key, value]) => [encode(key), encode(value)]));
}

/** What a node says of itself (spec 05 section 4). */
export function recordByHand(addresses: readonly string[]): Pick<Saying, 'text' | 'type' | 'contentType'> {
  const text = encode(map(['name', 'by hand'], ['addrs', addresses], ['streams', []], ['version', '1']));
  return { type: 'record', contentType: 'application/cbor', text };
}

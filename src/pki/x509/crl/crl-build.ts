import { type Bytes, concatBytes, fromHex } from '../../../base/bytes.ts';
import type { UnixMs } from '../../../base/time.ts';
import { TAG } from '../../../codec/der-tag.ts';
import {
  context,
  contextPrimitive,
  element,
  headerBytes,
  octetString,
  oid,
  sequence,
  time,
  unsignedInteger,
  writeHeader,
} from '../../../codec/der-writer.ts';
import { OID } from '../../../codec/oid.ts';
import type { Signer } from '../../../crypto/keys/signer.ts';
import { x509AlgorithmIdentifier } from '../../../crypto/signatures/x509-signature.ts';
import type { Delegations } from '../../../identity/delegate/delegations.ts';
import type { Certificate } from '../certificate/certificate.ts';
import { encodeDelegations } from './delegations-extension.ts';
import { numberOfReason, type Revocation, type RevocationReason } from './revocation-reason.ts';
import { signStructure } from '../sign-structure.ts';

export interface CrlTemplate {
  /** Whose certificates are revoked, and whose key the signer holds. */
  readonly issuer: Certificate;
  /** max(last + 1, Unix seconds), so that a restored authority does not fall behind its own lists. */
  readonly number: number;
  readonly thisUpdate: UnixMs;
  readonly nextUpdate: UnixMs;
  readonly entries: Iterable<Revocation>;
  /** What is published of delegates beside it. */
  readonly delegations?: Delegations | undefined;
}

/** Signs a complete CRL of version 2 (RFC 5280 section 5). Some 0.3 microseconds an entry, beside the signature. DER. */
export async function buildCrl(template: CrlTemplate, signer: Signer): Promise<Bytes> {
  const { issuer, number, thisUpdate, nextUpdate, delegations } = template;
  const keyId = issuer.extensions.subjectKeyIdentifier;
  const extensions = [
    ...(keyId === undefined
      ? []
      : [sequence(oid(OID.authorityKeyIdentifier), octetString(sequence(contextPrimitive(0, fromHex(keyId)))))]),
    sequence(oid(OID.crlNumber), octetString(unsignedInteger(number))),
    ...(delegations === undefined
      ? []
      : [sequence(oid(OID.meshDelegations), octetString(encodeDelegations(delegations)))]),
  ];
  const entries = encodeEntries(template.entries);
  const tbs = sequence(
    unsignedInteger(1),
    x509AlgorithmIdentifier(signer.algorithm),
    issuer.subject.der,
    time(thisUpdate),
    time(nextUpdate),
    ...entries,
    context(0, sequence(...extensions)),
  );
  return signStructure(signer, tbs);
}

/** The list as one element, or nothing where there is none to write (RFC 5280 section 5.1.2.6). */
function encodeEntries(revocations: Iterable<Revocation>): Bytes[] {
  const reasons = new Map<RevocationReason, Bytes>();
  // Most entries share few instants; a date is worth remembering.
  let lastAt: UnixMs | undefined;
  let lastTime: Bytes = new Uint8Array(0);
  let out: Bytes = new Uint8Array(64 * 1024);
  let length = 0;
  for (const { serial, revokedAt, reason } of revocations) {
    if (revokedAt !== lastAt) {
      lastAt = revokedAt;
      lastTime = time(revokedAt);
    }
    let suffix = reasons.get(reason);
    if (suffix === undefined) {
      suffix = encodeReason(reason);
      reasons.set(reason, suffix);
    }
    const serialBytes = (serial.length + 1) >> 1;
    const pad = serial.length % 2 === 0 && serial.charCodeAt(0) >= HEX_8 ? 1 : 0;
    const content = 2 + pad + serialBytes + lastTime.length + suffix.length;
    const needed = length + headerBytes(content) + content;
    if (needed > out.length) out = concatBytes(out, new Uint8Array(Math.max(out.length, needed)));
    let at = writeHeader(out, length, TAG.sequence, content);
    at = writeHeader(out, at, TAG.integer, pad + serialBytes);
    if (pad === 1) out[at++] = 0;
    out.subarray(at, at + serialBytes).setFromHex(serial.length % 2 === 0 ? serial : `0${serial}`);
    at += serialBytes;
    out.set(lastTime, at);
    out.set(suffix, at + lastTime.length);
    length = needed;
  }
  return length === 0 ? [] : [element(TAG.sequence, out.subarray(0, length))];
}

/** `8`: from this hex digit on, the first octet has its high bit set. Lower-case letters come after it. */
const HEX_8 = 0x38;

/** `unspecified` is said by leaving the reason out (RFC 5280 section 5.3.1). */
function encodeReason(reason: RevocationReason): Bytes {
  if (reason === 'unspecified') return new Uint8Array(0);
  return sequence(sequence(oid(OID.crlReason), octetString(unsignedInteger(numberOfReason(reason), TAG.enumerated))));
}

import type { Bytes } from '../base/bytes.ts';
import { CborReader } from '../codec/cbor-reader.ts';
import { CborWriter, headBytes } from '../codec/cbor-writer.ts';

/** CBOR tag of COSE_Sign1 (RFC 9052 section 4.2). */
const TAG_SIGN1 = 18;

/** Largest protected header that a profile of this project makes; an inline delegate statement fits. */
const PROTECTED_BYTES_MAX = 1_024;
/** ES256 and Ed25519 signatures are 64 bytes; nothing longer is used. */
const SIGNATURE_BYTES_MAX = 64;

/** The parts of a COSE_Sign1 with an empty unprotected header (RFC 9052 section 4.2). */
export interface Sign1 {
  /** The serialised protected header map. */
  readonly protectedBytes: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/** `18([ bstr protected, {}, bstr payload, bstr signature ])`. */
export function encodeSign1({ protectedBytes, payload, signature }: Sign1): Bytes {
  return new CborWriter(3 + stringBytes(protectedBytes) + stringBytes(payload) + stringBytes(signature))
    .tag(TAG_SIGN1)
    .array(4)
    .bytes(protectedBytes)
    .map(0)
    .bytes(payload)
    .bytes(signature)
    .finish();
}

/** @throws ERR_CBOR for anything but the one encoding of such an object; `payloadBytesMax` bounds the payload. */
export function decodeSign1(bytes: Bytes, payloadBytesMax: number): Sign1 {
  const reader = new CborReader(bytes);
  reader.tag(TAG_SIGN1);
  reader.arrayOf(4);
  const protectedBytes = reader.bytes(PROTECTED_BYTES_MAX);
  reader.map(0);
  const payload = reader.bytes(payloadBytesMax);
  const signature = reader.bytes(SIGNATURE_BYTES_MAX);
  reader.end();
  return { protectedBytes, payload, signature };
}

/** What is signed: `["Signature1", protected, external_aad, payload]` (RFC 9052 section 4.4). */
export function sigStructure(protectedBytes: Bytes, externalAad: Bytes, payload: Bytes): Bytes {
  return new CborWriter(12 + stringBytes(protectedBytes) + stringBytes(externalAad) + stringBytes(payload))
    .array(4)
    .text('Signature1')
    .bytes(protectedBytes)
    .bytes(externalAad)
    .bytes(payload)
    .finish();
}

/** What a byte string takes, its head included. Exact lengths spare a copy: a busy node does this for every message. */
function stringBytes({ length }: Bytes): number {
  return headBytes(length) + length;
}

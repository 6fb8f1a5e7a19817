import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { CborReader } from '../codec/cbor-reader.ts';
import { CborWriter, headBytes } from '../codec/cbor-writer.ts';
import { type MerklePath, pathLength, TREE_LEAVES_MAX } from '../crypto/merkle-tree.ts';

/** CBOR tag of COSE_Sign1 (RFC 9052 section 4.2). */
const TAG_SIGN1 = 18;

/** Largest protected header that a profile of this project makes; an inline delegate statement fits. */
export const PROTECTED_BYTES_MAX = 1_024;
/** ES256 and Ed25519 signatures are 64 bytes; nothing longer is used. */
export const SIGNATURE_BYTES_MAX = 64;

/** The one unprotected header there is: how the content leads to the root that was signed for a whole batch. */
const LABEL_BATCH = 'batch';
/** `{"batch": [size, index, path]}` with a path of six hashes. @tuning */
const BATCH_BYTES_MAX = 206;

/** The parts of a COSE_Sign1 whose unprotected header is empty, or holds the Merkle path of a batch (RFC 9052 section 4.2). */
export interface Sign1 {
  /** The serialised protected header map. */
  readonly protectedBytes: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
  /** Where a batch was signed and not this alone. */
  readonly path?: MerklePath | undefined;
}

/** `18([ bstr protected, {}, bstr payload, bstr signature ])`, or with `{"batch": [size, index, bstr path]}`. */
export function encodeSign1({ protectedBytes, payload, signature, path }: Sign1): Bytes {
  const bytesMax =
    3 +
    stringBytes(protectedBytes) +
    (path === undefined ? 0 : BATCH_BYTES_MAX) +
    stringBytes(payload) +
    stringBytes(signature);
  const writer = new CborWriter(bytesMax).tag(TAG_SIGN1).array(4).bytes(protectedBytes);
  if (path === undefined) writer.map(0);
  else writer.map(1).text(LABEL_BATCH).array(3).uint(path.treeSize).uint(path.leafIndex).bytes(path.siblings);
  return writer.bytes(payload).bytes(signature).finish();
}

/** @throws ERR_CBOR for anything but the one encoding of such an object; `payloadBytesMax` bounds the payload. */
export function decodeSign1(bytes: Bytes, payloadBytesMax: number): Sign1 {
  const reader = new CborReader(bytes);
  reader.tag(TAG_SIGN1);
  reader.arrayOf(4);
  const protectedBytes = reader.bytes(PROTECTED_BYTES_MAX);
  const path = reader.map(1) === 0 ? undefined : readPath(reader);
  const payload = reader.bytes(payloadBytesMax);
  const signature = reader.bytes(SIGNATURE_BYTES_MAX);
  reader.end();
  return { protectedBytes, payload, signature, path };
}

function readPath(reader: CborReader): MerklePath {
  if (reader.text(16) !== LABEL_BATCH) throw new MeshError('ERR_CBOR', 'unprotected header: expected "batch"');
  reader.arrayOf(3);
  const [treeSize, leafIndex] = [reader.uint(), reader.uint()];
  const length = treeSize === 1 ? undefined : pathLength(leafIndex, treeSize);
  if (length === undefined) throw new MeshError('ERR_CBOR', `batch: expected a leaf of 2 to ${TREE_LEAVES_MAX}`);
  return { treeSize, leafIndex, siblings: reader.bytesOf(length * 32) };
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

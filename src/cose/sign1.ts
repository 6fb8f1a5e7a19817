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

/** Bytes in which structures are laid out together: some forty of usual size, where there are so many. @tuning */
const SLAB_BYTES = 16 * 1024;
/** The first slab; each is twice as large as the one before, because ten thousand simulated nodes read one message each. @tuning */
const SLAB_BYTES_FIRST = 1024;

/**
 * Lays out many {@link sigStructure}s of one context. They stand in slabs, because an array of its own for each costs a
 * busy node more than its hash does. A 0x00 stands before each, for who hashes it as the leaf of a tree.
 */
export class SigStructures {
  readonly #aad: Bytes;
  #slab: Bytes = new Uint8Array(0);
  #slabBytes = SLAB_BYTES_FIRST;
  #used = 0;

  constructor(externalAad: Bytes) {
    this.#aad = new CborWriter(stringBytes(externalAad)).bytes(externalAad).finish();
  }

  write(protectedBytes: Bytes, payload: Bytes): Bytes {
    const length = CONTEXT.length + stringBytes(protectedBytes) + this.#aad.length + stringBytes(payload);
    if (this.#used + 1 + length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(this.#slabBytes, 1 + length));
      this.#slabBytes = Math.min(SLAB_BYTES, 2 * this.#slabBytes);
      this.#used = 0;
    }
    const slab = this.#slab;
    const start = this.#used + 1;
    slab.set(CONTEXT, start);
    let at = putString(slab, start + CONTEXT.length, protectedBytes);
    slab.set(this.#aad, at);
    at = putString(slab, at + this.#aad.length, payload);
    this.#used = at;
    return slab.subarray(start, at);
  }

  /** What {@link write} gave, with the 0x00 before it. */
  static asLeaf(structure: Bytes): Bytes {
    return new Uint8Array(structure.buffer, structure.byteOffset - 1, structure.length + 1);
  }
}

/** `[ "Signature1", ...`: an array of four, and its first item. */
const CONTEXT: Bytes = new CborWriter(12).array(4).text('Signature1').finish();

/** @returns where the next item goes. */
function putString(out: Bytes, at: number, bytes: Bytes): number {
  const { length } = bytes;
  let next = at;
  if (length < 24) out[next++] = 0x40 | length;
  else if (length < 0x100) {
    out[next++] = 0x58;
    out[next++] = length;
  } else {
    out[next++] = 0x59; // neither header nor payload has 64 KiB
    out[next++] = length >>> 8;
    out[next++] = length & 0xff;
  }
  out.set(bytes, next);
  return next + length;
}

/** What a byte string takes, its head included. Exact lengths spare a copy: a busy node does this for every message. */
function stringBytes({ length }: Bytes): number {
  return headBytes(length) + length;
}

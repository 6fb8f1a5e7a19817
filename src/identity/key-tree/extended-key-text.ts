import { type Bytes, bytesEqual, concatBytes, fromHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { decodeBase58, encodeBase58 } from '../../codec/base58.ts';
import { compressPoint } from '../../crypto/curve/curve-point.ts';
import { sha256 } from '../../crypto/hash.ts';
import { isPrivateScalar } from '../../crypto/curve/scalar.ts';
import { ExtendedPrivateKey, ExtendedPublicKey, type TreePlace } from './extended-key.ts';

/** `version(4) ‖ depth(1) ‖ parent's fingerprint(4) ‖ index u32 BE ‖ chain code(32) ‖ key(33)`, then 4 of checksum. */
const PAYLOAD_BYTES = 78;
const CHECKSUM_BYTES = 4;

/** Bitcoin's main network: the texts begin with xprv and xpub. Other networks' keys are not taken for ours. */
const VERSION_PRIVATE = fromHex('0488ade4');
const VERSION_PUBLIC = fromHex('0488b21e');

/** Whether a text is meant as an extended key, good or not. */
export function isExtendedKey(text: string): boolean {
  return /^xp(?:rv|ub)[1-9A-HJ-NP-Za-km-z]+$/.test(text);
}

/** `xprv…`: a secret. @throws ERR_KEY_CURVE: the text is defined for secp256k1 only. */
export function formatXprv(key: ExtendedPrivateKey): string {
  return key.privateKey.use((bytes) => format(VERSION_PRIVATE, key.public, concatBytes(Uint8Array.of(0), bytes)));
}

/** `xpub…`. @throws ERR_KEY_CURVE: the text is defined for secp256k1 only. */
export function formatXpub(key: ExtendedPublicKey): string {
  return format(VERSION_PUBLIC, key, key.publicKey);
}

/**
 * Reads the text of an extended key (BIP-32, «Serialization format»). Every rule that BIP-32's test vector 5 breaks has
 * a code of its own.
 *
 * @throws ERR_KEY_ENCODING, ERR_KEY_CHECKSUM, ERR_KEY_VERSION, ERR_KEY_PREFIX, ERR_KEY_DEPTH, ERR_KEY_RANGE,
 *   ERR_KEY_POINT
 */
export function parseExtendedKey(text: string): ExtendedPrivateKey | ExtendedPublicKey {
  const bytes = decodeBase58(text);
  try {
    return readPayload(checkedPayload(bytes));
  } finally {
    bytes.fill(0);
  }
}

function checkedPayload(bytes: Bytes): Bytes {
  if (bytes.length !== PAYLOAD_BYTES + CHECKSUM_BYTES)
    throw new MeshError(
      'ERR_KEY_ENCODING',
      `extended key of ${bytes.length} bytes, expected ${PAYLOAD_BYTES + CHECKSUM_BYTES}`,
    );
  const payload = bytes.subarray(0, PAYLOAD_BYTES);
  if (!bytesEqual(checksumOf(payload), bytes.subarray(PAYLOAD_BYTES)))
    throw new MeshError('ERR_KEY_CHECKSUM', 'extended key does not have the checksum that it ends in');
  return payload;
}

function readPayload(payload: Bytes): ExtendedPrivateKey | ExtendedPublicKey {
  const version = payload.subarray(0, 4);
  const isPrivate = bytesEqual(version, VERSION_PRIVATE);
  if (!isPrivate && !bytesEqual(version, VERSION_PUBLIC))
    throw new MeshError(
      'ERR_KEY_VERSION',
      `extended key has the version ${version.toHex()}, expected 0488ade4 or 0488b21e`,
    );
  const place = readPlace(payload);
  const chainCode = payload.slice(13, 45);
  const key = payload.subarray(45);
  const prefix = key[0] as number;
  if (isPrivate ? prefix !== 0x00 : prefix !== 0x02 && prefix !== 0x03)
    throw new MeshError(
      'ERR_KEY_PREFIX',
      `extended ${isPrivate ? 'private key: its key must begin with 00' : 'public key: its key must begin with 02 or 03'}`,
    );
  if (!isPrivate) return new ExtendedPublicKey('secp256k1', place, chainCode, compressPoint('secp256k1', key));
  const scalar = key.subarray(1);
  if (!isPrivateScalar('secp256k1', scalar))
    throw new MeshError('ERR_KEY_RANGE', 'extended private key: its key is zero, or not below the order of the group');
  return ExtendedPrivateKey.of('secp256k1', place, chainCode, scalar);
}

function readPlace(payload: Bytes): TreePlace {
  const depth = payload[4] as number;
  const parentFingerprint = payload.slice(5, 9);
  const index = new DataView(payload.buffer, payload.byteOffset).getUint32(9);
  if (depth === 0 && parentFingerprint.some((byte) => byte !== 0))
    throw new MeshError('ERR_KEY_DEPTH', 'extended key of depth 0 names a parent: a master key has none');
  if (depth === 0 && index !== 0)
    throw new MeshError('ERR_KEY_DEPTH', `extended key of depth 0 has the index ${index}: a master key has 0`);
  return { depth, parentFingerprint, index };
}

function format(version: Bytes, { curve, place, chainCode }: ExtendedPublicKey, key: Bytes): string {
  if (curve !== 'secp256k1') throw new MeshError('ERR_KEY_CURVE', `a key of ${curve} has no xprv or xpub form`);
  const payload = concatBytes(
    version,
    Uint8Array.of(place.depth),
    place.parentFingerprint,
    u32(place.index),
    chainCode,
    key,
  );
  const text = encodeBase58(concatBytes(payload, checksumOf(payload)));
  payload.fill(0);
  return text;
}

function checksumOf(payload: Bytes): Bytes {
  return sha256(sha256(payload)).subarray(0, CHECKSUM_BYTES);
}

function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

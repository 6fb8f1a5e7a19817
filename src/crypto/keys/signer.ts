import {
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  generateKeyPairSync,
  type KeyObject,
  type SignKeyObjectInput,
} from 'node:crypto';
import { type Bytes, concatBytes, fromHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { plainBytes } from '../plain-bytes.ts';
import { type MessageAlgorithm, messageAlgorithmOf } from './public-key.ts';
import { keyAlgorithmOf } from './spki.ts';

/** A private key that signs and shows its public half. Where it lies (file, TPM, token) is not to be seen from here. */
export interface Signer {
  readonly algorithm: MessageAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes;
  /** 64 bytes: `r ‖ s` for ES256 (randomised, either half of s), RFC 8032 for Ed25519 (deterministic). */
  sign(data: Bytes): Promise<Bytes>;
}

/** A signer that can also answer at once. In the field a key may lie in slow hardware, so only few may ask for it. */
export interface SyncSigner extends Signer {
  signSync(data: Bytes): Bytes;
}

/** Whether a signature is there at once, so that nothing else can happen meanwhile. */
export function isSyncSigner(signer: Signer): signer is SyncSigner {
  return 'signSync' in signer;
}

/**
 * Signs with a key in memory, on the caller's time: a signature takes 20 microseconds, the way to another thread and
 * back as many again.
 * @throws ERR_KEY unless `pkcs8` holds a P-256 or Ed25519 key.
 */
export function softwareSigner(pkcs8: Bytes): SyncSigner {
  const { algorithm, spki, digest, input } = openPkcs8(pkcs8);
  const signSync = (data: Bytes): Bytes => plainBytes(cryptoSign(digest, data, input));
  return { algorithm, spki, signSync, sign: async (data) => signSync(data) };
}

/** A new private key, PKCS#8 DER. It is a secret: whoever keeps it encrypts it. */
export function generatePkcs8(kind: 'P-256' | 'Ed25519'): Bytes {
  const { privateKey } =
    kind === 'P-256' ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }) : generateKeyPairSync('ed25519');
  return plainBytes(privateKey.export({ format: 'der', type: 'pkcs8' }));
}

/** `SEQUENCE { 0, AlgorithmIdentifier Ed25519, OCTET STRING { OCTET STRING seed } }` up to the seed (RFC 8410 section 7). */
const ED25519_PKCS8_PREFIX = '302e020100300506032b657004220420';

/** The Ed25519 private key of a seed, PKCS#8 DER: equal seeds give equal keys. */
export function ed25519Pkcs8FromSeed(seed: Bytes): Bytes {
  if (seed.length !== 32) throw new RangeError('Ed25519 seed: expected 32 bytes');
  return concatBytes(fromHex(ED25519_PKCS8_PREFIX), seed);
}

/** The 32 bytes of the public key that belongs to a seed of Ed25519. */
export function ed25519PublicKeyOfSeed(seed: Bytes): Bytes {
  const pkcs8 = ed25519Pkcs8FromSeed(seed);
  try {
    const key = createPrivateKey({ key: pkcs8 as Buffer, format: 'der', type: 'pkcs8' });
    return plainBytes(createPublicKey(key).export({ format: 'der', type: 'spki' })).slice(-32);
  } finally {
    pkcs8.fill(0);
  }
}

interface OpenKey {
  readonly algorithm: MessageAlgorithm;
  readonly spki: Bytes;
  readonly digest: 'sha256' | null;
  readonly input: KeyObject | SignKeyObjectInput;
}

function openPkcs8(pkcs8: Bytes): OpenKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pkcs8 as Buffer, format: 'der', type: 'pkcs8' });
  } catch {
    // The cause is left out: it may quote key bytes.
    throw new MeshError('ERR_KEY', 'private key is not PKCS#8 DER');
  }
  const spki = plainBytes(createPublicKey(key).export({ format: 'der', type: 'spki' }));
  const algorithm = messageAlgorithmOf(keyAlgorithmOf(spki));
  if (algorithm === undefined) throw new MeshError('ERR_KEY', 'private key is neither P-256 nor Ed25519');
  if (algorithm === 'Ed25519') return { algorithm, spki, digest: null, input: key };
  return { algorithm, spki, digest: 'sha256', input: { key, dsaEncoding: 'ieee-p1363' } };
}

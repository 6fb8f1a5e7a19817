import { constants, createPublicKey, verify as cryptoVerify, type VerifyKeyObjectInput } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { type DerReader, readOnly } from '../codec/der-reader.ts';
import { oid as oidElement, sequence } from '../codec/der-writer.ts';
import { OID } from '../codec/oid.ts';
import type { MessageAlgorithm } from './public-key.ts';
import { type KeyAlgorithm, keyAlgorithmOf } from './spki.ts';

/**
 * Checks one signature of a certificate, CRL or certification request. A pure function of its four arguments, so
 * callers may remember answers, keyed on all of them.
 */
export type CheckX509Signature = (algorithmIdentifier: Bytes, spki: Bytes, signed: Bytes, signature: Bytes) => boolean;

type Digest = 'sha256' | 'sha384' | 'sha512';

interface Scheme {
  readonly keys: readonly KeyAlgorithm[];
  readonly digest: Digest | null;
  /** Set for RSA-PSS. */
  readonly saltBytes?: number;
}

const EC_KEYS: readonly KeyAlgorithm[] = ['P-256', 'P-384', 'P-521'];

/** Schemes whose AlgorithmIdentifier has no parameters (RFC 5758 section 3.2, RFC 8410 section 3). */
const BARE_SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  [OID.ecdsaWithSha256, { keys: EC_KEYS, digest: 'sha256' }],
  [OID.ecdsaWithSha384, { keys: EC_KEYS, digest: 'sha384' }],
  [OID.ecdsaWithSha512, { keys: EC_KEYS, digest: 'sha512' }],
  [OID.ed25519, { keys: ['Ed25519'], digest: null }],
]);

/** Schemes whose parameters are NULL, or absent (RFC 4055 section 5: both must be accepted). */
const RSA_SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  [OID.sha256WithRsa, { keys: ['RSA'], digest: 'sha256' }],
  [OID.sha384WithRsa, { keys: ['RSA'], digest: 'sha384' }],
  [OID.sha512WithRsa, { keys: ['RSA'], digest: 'sha512' }],
]);

const DIGESTS: ReadonlyMap<string, Digest> = new Map<string, Digest>([
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
]);

/** Longest salt that RSA-PSS may use here; signers take the digest's length. */
const PSS_SALT_BYTES_MAX = 64;

/** The AlgorithmIdentifier that certificates signed with this algorithm carry, DER. */
export function x509AlgorithmIdentifier(algorithm: MessageAlgorithm): Bytes {
  return algorithm === 'ES256' ? ES256_IDENTIFIER : ED25519_IDENTIFIER;
}

const ES256_IDENTIFIER = sequence(oidElement(OID.ecdsaWithSha256));
const ED25519_IDENTIFIER = sequence(oidElement(OID.ed25519));

/**
 * ECDSA with P-256, P-384 or P-521 and SHA-2, Ed25519, RSA PKCS#1 v1.5 and RSA-PSS with SHA-2.
 *
 * @returns false for a wrong signature and for everything this program does not trust: SHA-1, MD5, RSA below 2,048
 *   bits, unknown algorithms, an algorithm that does not fit the key, malformed keys.
 */
export const checkX509Signature: CheckX509Signature = (algorithmIdentifier, spki, signed, signature) => {
  try {
    const scheme = readOnly(algorithmIdentifier, readScheme);
    if (scheme === undefined || !scheme.keys.includes(keyAlgorithmOf(spki))) return false;
    const key = createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' });
    if (scheme.saltBytes === undefined) return cryptoVerify(scheme.digest, signed, key, signature);
    const input: VerifyKeyObjectInput = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltBytes };
    return cryptoVerify(scheme.digest, signed, input, signature);
  } catch {
    return false;
  }
};

function readScheme(reader: DerReader): Scheme | undefined {
  const body = reader.sequence();
  const oid = body.oid();
  if (oid === OID.rsaPss) return readPss(body);
  const rsa = RSA_SCHEMES.get(oid);
  if (rsa !== undefined && !body.isAtEnd) body.null();
  body.end();
  return rsa ?? BARE_SCHEMES.get(oid);
}

/** `RSASSA-PSS-params` (RFC 4055 section 3.1). Its defaults are SHA-1, so hash, mask and salt must all be written out. */
function readPss(body: DerReader): Scheme | undefined {
  const parameters = body.sequence();
  body.end();
  const hash = parameters.optionalContext(0);
  const mask = parameters.optionalContext(1);
  const salt = parameters.optionalContext(2);
  parameters.end();
  if (hash === undefined || mask === undefined || salt === undefined) return undefined;
  const hashOid = readDigestOid(hash.sequence());
  hash.end();
  const maskBody = mask.sequence();
  mask.end();
  const isMgf1 = maskBody.oid() === OID.mgf1;
  const maskHashOid = readDigestOid(maskBody.sequence());
  maskBody.end();
  const saltBytes = salt.smallInteger();
  salt.end();
  const digest = DIGESTS.get(hashOid);
  if (digest === undefined || !isMgf1 || maskHashOid !== hashOid || saltBytes > PSS_SALT_BYTES_MAX) return undefined;
  return { keys: ['RSA', 'RSA-PSS'], digest, saltBytes };
}

function readDigestOid(body: DerReader): string {
  const oid = body.oid();
  if (!body.isAtEnd) body.null();
  body.end();
  return oid;
}

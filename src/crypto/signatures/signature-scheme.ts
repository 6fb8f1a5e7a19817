import { type Bytes, bytesEqual, fromHex } from '../../base/bytes.ts';
import { type DerReader, readOnly } from '../../codec/der-reader.ts';
import { OID } from '../../codec/oid.ts';
import type { KeyAlgorithm } from '../keys/spki.ts';

type Digest = 'sha256' | 'sha384' | 'sha512';

/** How a signature in X.509 is made, as its AlgorithmIdentifier says. */
export interface SignatureScheme {
  /** Keys that may sign so. */
  readonly keys: readonly KeyAlgorithm[];
  readonly digest: Digest | null;
  /** Set for RSA-PSS. */
  readonly saltBytes?: number;
}

const EC_KEYS: readonly KeyAlgorithm[] = ['P-256', 'P-384', 'P-521'];

/** `SEQUENCE { ecdsa-with-SHA256 }`, which nearly everything here is signed with, and how it is read. */
const ES256_IDENTIFIER = fromHex('300a06082a8648ce3d040302');
const ES256_SCHEME: SignatureScheme = { keys: EC_KEYS, digest: 'sha256' };

/** Schemes whose AlgorithmIdentifier has no parameters (RFC 5758 section 3.2, RFC 8410 section 3). */
const BARE_SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map<string, SignatureScheme>([
  [OID.ecdsaWithSha256, ES256_SCHEME],
  [OID.ecdsaWithSha384, { keys: EC_KEYS, digest: 'sha384' }],
  [OID.ecdsaWithSha512, { keys: EC_KEYS, digest: 'sha512' }],
  [OID.ed25519, { keys: ['Ed25519'], digest: null }],
]);

/** Schemes whose parameters are NULL, or absent (RFC 4055 section 5: both must be accepted). */
const RSA_SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map<string, SignatureScheme>([
  [OID.sha256WithRsa, { keys: ['RSA'], digest: 'sha256' }],
  [OID.sha384WithRsa, { keys: ['RSA'], digest: 'sha384' }],
  [OID.sha512WithRsa, { keys: ['RSA'], digest: 'sha512' }],
]);

const DIGESTS: ReadonlyMap<string, Digest> = new Map<string, Digest>([
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
]);

/** Salt of RSA-PSS where nothing is said of it (RFC 4055 section 3.1). */
export const PSS_SALT_BYTES_DEFAULT = 20;
/** Longest salt of RSA-PSS. Most signers take the digest's length, some what fits: 2,014 octets in 16,384 bits. */
export const PSS_SALT_BYTES_MAX = 2_048;

/**
 * Reads an AlgorithmIdentifier; `undefined` for what is unknown or weak (SHA-1, MD5, RSA-PSS with its defaults).
 * @throws ERR_DER for anything malformed.
 */
export function signatureSchemeOf(algorithmIdentifier: Bytes): SignatureScheme | undefined {
  if (bytesEqual(algorithmIdentifier, ES256_IDENTIFIER)) return ES256_SCHEME;
  return readOnly(algorithmIdentifier, readScheme);
}

function readScheme(reader: DerReader): SignatureScheme | undefined {
  const body = reader.sequence();
  const oid = body.oid();
  if (oid === OID.rsaPss) return readPss(body);
  const rsa = RSA_SCHEMES.get(oid);
  if (rsa !== undefined && !body.isAtEnd) body.null();
  body.end();
  return rsa ?? BARE_SCHEMES.get(oid);
}

/** `RSASSA-PSS-params` (RFC 4055 section 3.1). Its defaults are SHA-1, so hash and mask must be written out. */
function readPss(body: DerReader): SignatureScheme | undefined {
  const parameters = body.sequence();
  body.end();
  const hash = parameters.optionalContext(0);
  const mask = parameters.optionalContext(1);
  const salt = parameters.optionalContext(2);
  parameters.end();
  if (hash === undefined || mask === undefined) return undefined;
  const hashOid = readDigestOid(hash.sequence());
  hash.end();
  const maskBody = mask.sequence();
  mask.end();
  const isMgf1 = maskBody.oid() === OID.mgf1;
  const maskHashOid = readDigestOid(maskBody.sequence());
  maskBody.end();
  const saltBytes = salt?.smallInteger() ?? PSS_SALT_BYTES_DEFAULT;
  salt?.end();
  if (salt !== undefined && saltBytes === PSS_SALT_BYTES_DEFAULT) return undefined; // DER leaves out what is default
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

import { type Bytes, fromBase64 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { type DerReader, readOnly } from '../../../codec/der-reader.ts';
import { contextTag, TAG } from '../../../codec/der-tag.ts';
import { context, sequence, unsignedInteger } from '../../../codec/der-writer.ts';
import { parsePem } from '../../../codec/pem.ts';
import { PublicKey } from '../../../crypto/keys/public-key.ts';
import type { Signer } from '../../../crypto/keys/signer.ts';
import { keyAlgorithmOf } from '../../../crypto/keys/spki.ts';
import { checkX509Signature } from '../../../crypto/signatures/x509-signature.ts';
import { readSignedStructure } from '../sign-structure.ts';
import { readName } from '../name/distinguished-name.ts';
import { signStructure } from '../sign-structure.ts';

/** Characters of a certification request as it is sent: room for every tool's extras, far below the body cap. */
export const CSR_CHARS_MAX = 24 * 1024;

/** A PKCS#10 certification request (RFC 2986) whose sender has proved to hold the key. */
export interface Csr {
  readonly der: Bytes;
  /** SubjectPublicKeyInfo, DER: all that is taken from a request. Names come from tickets and policy (T15). */
  readonly spki: Bytes;
  readonly algorithm: 'P-256' | 'Ed25519';
}

/**
 * Parses a request, PEM or base64 DER, and checks its signature.
 *
 * @throws ERR_CSR_MALFORMED, ERR_CSR_KEY for a key that is not a valid P-256 or Ed25519 key, ERR_CSR_SIGNATURE.
 */
export function parseCsr(text: string): Csr {
  const der = decodeText(text);
  const { info, spki, signatureAlgorithm, signature } = parseShape(der);
  const algorithm = acceptedAlgorithmOf(spki);
  if (checkX509Signature(signatureAlgorithm, spki, info, signature)) return { der, spki, algorithm };
  requireKey(spki);
  throw new MeshError('ERR_CSR_SIGNATURE', 'the signature of the certification request is wrong');
}

/** A request with an empty subject: the authority takes nothing from it but the key. DER. */
export function buildCsr(signer: Signer): Promise<Bytes> {
  const info = sequence(unsignedInteger(0), sequence(), signer.spki, context(0));
  return signStructure(signer, info);
}

function decodeText(text: string): Bytes {
  if (text.length > CSR_CHARS_MAX)
    throw new MeshError('ERR_CSR_MALFORMED', `certification request is longer than ${CSR_CHARS_MAX} characters`);
  try {
    if (!text.includes('-----BEGIN')) return fromBase64(text.replace(/\s+/g, ''));
    // Some tools still write the label of the 1990s.
    const label = text.includes('-----BEGIN NEW CERTIFICATE REQUEST-----')
      ? 'NEW CERTIFICATE REQUEST'
      : 'CERTIFICATE REQUEST';
    const [der, ...more] = parsePem(text, label);
    if (der !== undefined && more.length === 0) return der;
  } catch (error) {
    throw new MeshError('ERR_CSR_MALFORMED', 'certification request is neither PEM nor base64', undefined, {
      cause: error,
    });
  }
  throw new MeshError('ERR_CSR_MALFORMED', 'more than one certification request');
}

function parseShape(der: Bytes) {
  try {
    return readOnly(der, (reader) => {
      const { signed: info, body, signatureAlgorithm, signature } = readSignedStructure(reader);
      if (body.smallInteger() !== 0) throw new MeshError('ERR_DER', 'unknown version');
      readName(body);
      const spki = body.raw();
      skipAttributes(body);
      body.end();
      return { info, spki, signatureAlgorithm, signature };
    });
  } catch (error) {
    throw new MeshError('ERR_CSR_MALFORMED', 'certification request is not PKCS#10', undefined, { cause: error });
  }
}

/** `[0] IMPLICIT SET OF SEQUENCE { oid, SET }`; some tools leave an empty one out. What they ask for is not granted here. */
function skipAttributes(body: DerReader): void {
  if (body.isAtEnd) return;
  const attributes = body.nested(contextTag(0, 'constructed'));
  while (!attributes.isAtEnd) {
    const attribute = attributes.sequence();
    attribute.oid();
    attribute.nested(TAG.set);
    attribute.end();
  }
}

function acceptedAlgorithmOf(spki: Bytes): Csr['algorithm'] {
  const algorithm = asKeyOfCsr(() => keyAlgorithmOf(spki));
  if (algorithm === 'P-256' || algorithm === 'Ed25519') return algorithm;
  throw new MeshError('ERR_CSR_KEY', `a ${algorithm} key is not accepted`);
}

/** A signature fails also for a point off its curve, which is worth another word. */
function requireKey(spki: Bytes): void {
  asKeyOfCsr(() => PublicKey.fromSpki(spki));
}

function asKeyOfCsr<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const message = 'the key of the certification request is not a valid P-256 or Ed25519 key';
    throw new MeshError('ERR_CSR_KEY', message, undefined, { cause: error });
  }
}

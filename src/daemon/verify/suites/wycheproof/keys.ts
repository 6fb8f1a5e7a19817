import { type Bytes, concatBytes, fromHex, toBase64Url } from '../../../../base/bytes.ts';
import { MeshError } from '../../../../base/errors.ts';
import { type DerReader, readOnly } from '../../../../codec/der-reader.ts';
import { bitString, NULL, oid, sequence, unsignedInteger } from '../../../../codec/der-writer.ts';
import { OID } from '../../../../codec/oid.ts';
import { parsePem } from '../../../../codec/pem.ts';
import { type AgreementGroup, agreementScalarOf } from '../../../../crypto/curve/key-agreement.ts';
import { text, type VectorMembers } from './vector.ts';

interface Curve {
  readonly oid: string;
  readonly coordinateBytes: number;
  /** Names of it in a JSON Web Key. */
  readonly jwk: readonly string[];
}

/** Curves by the names of Wycheproof. */
export const CURVES: ReadonlyMap<string, Curve> = new Map([
  ['secp256r1', { oid: OID.p256, coordinateBytes: 32, jwk: ['P-256'] }],
  ['secp256k1', { oid: OID.secp256k1, coordinateBytes: 32, jwk: ['secp256k1', 'P-256K'] }],
  ['secp384r1', { oid: OID.p384, coordinateBytes: 48, jwk: ['P-384'] }],
  ['secp521r1', { oid: OID.p521, coordinateBytes: 66, jwk: ['P-521'] }],
]);

/** A curve's name of Wycheproof, where `name` may be that of JSON Web Keys, as the files of webcrypto have it. */
export function curveNameOf(name: string): string {
  for (const [curveName, { jwk }] of CURVES) if (jwk.includes(name)) return curveName;
  return name;
}

/** The members of the public key of a group, under its newer or its older name. */
export function publicKeyOfGroup(group: VectorMembers): VectorMembers {
  return membersOf(group['publicKey'] ?? group['key']);
}

export function membersOf(value: unknown): VectorMembers {
  return typeof value === 'object' && value !== null ? (value as VectorMembers) : {};
}

/**
 * The SubjectPublicKeyInfo of a group that signatures are checked with: as DER or PEM under one of their names, or made of
 * what the group says of the key besides. `undefined` where it says nothing that is read here.
 *
 * @throws ERR_INPUT, ERR_PEM where what it says is malformed.
 */
export function spkiOf(group: VectorMembers): Bytes | undefined {
  const der = text(group, 'publicKeyDer') || text(group, 'keyDer');
  if (der !== '') return fromHex(der);
  const pem = text(group, 'publicKeyPem') || text(group, 'keyPem');
  if (pem !== '') return parsePem(pem, 'PUBLIC KEY')[0];
  const key = publicKeyOfGroup(group);
  const jwk = membersOf(group['publicKeyJwk'] ?? group['jwk'] ?? group['keyJwk']);
  const curve =
    CURVES.get(curveNameOf(text(key, 'curve'))) ??
    [...CURVES.values()].find((each) => each.jwk.includes(text(jwk, 'crv')));
  if (curve !== undefined) {
    const point = text(key, 'uncompressed') === '' ? pointOfJwk(jwk, curve) : fromHex(text(key, 'uncompressed'));
    return sequence(sequence(oid(OID.ecPublicKey), oid(curve.oid)), bitString(point));
  }
  if (text(key, 'pk') !== '') return ed25519Spki(fromHex(text(key, 'pk')));
  if (text(jwk, 'crv') === 'Ed25519') return ed25519Spki(base64Url(text(jwk, 'x')));
  // Older files have the numbers in the group itself.
  const [modulus, exponent] = [
    text(key, 'modulus') || text(group, 'n'),
    text(key, 'publicExponent') || text(group, 'e'),
  ];
  if (modulus !== '' && exponent !== '') return rsaSpki(fromHex(modulus), fromHex(exponent));
  return text(jwk, 'kty') === 'RSA' ? rsaSpki(base64Url(text(jwk, 'n')), base64Url(text(jwk, 'e'))) : undefined;
}

function rsaSpki(modulus: Bytes, exponent: Bytes): Bytes {
  const numbers = sequence(unsignedInteger(modulus), unsignedInteger(exponent));
  return sequence(sequence(oid(OID.rsaEncryption), NULL), bitString(numbers));
}

/** The two keys of an agreement as JSON Web Keys: the private scalar, and the other's public key as `agree` takes it. */
export function agreementKeysOfJwk(
  group: AgreementGroup,
  curveName: string,
  test: VectorMembers,
): { readonly scalar: Bytes; readonly publicKey: Bytes } {
  const [own, other] = [membersOf(test['private']), membersOf(test['public'])];
  const scalar = base64Url(text(own, 'd'));
  if (group === 'X25519') {
    for (const key of [own, other])
      if (text(key, 'kty') !== 'OKP' || text(key, 'crv') !== 'X25519') refuse('JSON Web Key of another kind');
    return { scalar, publicKey: base64Url(text(other, 'x')) };
  }
  const curve = CURVES.get(curveName);
  if (curve === undefined) return refuse('curve that JSON Web Keys have no name for');
  for (const key of [own, other])
    if (text(key, 'kty') !== 'EC' || !curve.jwk.includes(text(key, 'crv')))
      refuse('JSON Web Key of another kind or curve');
  return { scalar, publicKey: pointOfJwk(other, curve) };
}

/** The private scalar of a PKCS#8 key (RFC 5208, RFC 5915, RFC 8410). @throws ERR_DER, ERR_KEY */
export function scalarOfPkcs8(group: AgreementGroup, curveName: string, pkcs8: Bytes): Bytes {
  if (group === 'X25519') return agreementScalarOf(pkcs8);
  return readOnly(pkcs8, (reader) => {
    const body = reader.sequence();
    if (body.smallInteger() !== 0) refuse('PKCS#8 of another version');
    const identifier = body.sequence();
    if (identifier.oid() !== OID.ecPublicKey || identifier.oid() !== CURVES.get(curveName)?.oid)
      refuse('PKCS#8 key of another algorithm or curve');
    identifier.end();
    const scalar = readOnly(body.octetString(), readEcPrivateKey);
    body.end();
    return scalar;
  });
}

/** `ECPrivateKey` (RFC 5915 section 3). */
function readEcPrivateKey(reader: DerReader): Bytes {
  const body = reader.sequence();
  if (body.smallInteger() !== 1) refuse('private key of a curve of another version');
  const scalar = body.octetString();
  body.optionalContext(0);
  body.optionalContext(1);
  body.end();
  return scalar;
}

function pointOfJwk(jwk: VectorMembers, { coordinateBytes }: Curve): Bytes {
  const [x, y] = [base64Url(text(jwk, 'x')), base64Url(text(jwk, 'y'))];
  // RFC 7518 section 6.2.1.2: the octets of the curve, no more and no fewer.
  if (x.length !== coordinateBytes || y.length !== coordinateBytes) refuse('coordinate of another length');
  return concatBytes(Uint8Array.of(0x04), x, y);
}

function ed25519Spki(key: Bytes): Bytes {
  return sequence(sequence(oid(OID.ed25519)), bitString(key));
}

/** Base64url without padding, in its one form (RFC 7515 section 2). */
function base64Url(encoded: string): Bytes {
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) refuse('member of a JSON Web Key is not base64url');
  const bytes = Uint8Array.fromBase64(encoded, { alphabet: 'base64url' });
  if (toBase64Url(bytes) !== encoded) refuse('member of a JSON Web Key is not base64url');
  return bytes;
}

function refuse(message: string): never {
  throw new MeshError('ERR_KEY', message);
}

import { type Bytes, fromHex } from '../../base/bytes.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { bitString, context, NULL, oid, sequence, unsignedInteger } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import { ecdsaDerToRaw, ecdsaRawToDer } from '../ecdsa-signature.ts';
import { type Digest, DIGEST_BYTES } from '../mac.ts';
import { PublicKey } from '../public-key.ts';
import { verifySecp256k1Sha256 } from '../secp256k1-verify.ts';
import { RSA_BITS_MIN } from '../spki.ts';
import { checkX509Signature } from '../x509-signature.ts';
import { hex, type JudgeCase, type Members, text } from './vector.ts';

/** Octets of a coordinate of each curve that signatures are checked on, by the names of Wycheproof. */
const COORDINATE_BYTES: ReadonlyMap<string, number> = new Map([
  ['secp256r1', 32],
  ['secp256k1', 32],
  ['secp384r1', 48],
  ['secp521r1', 66],
]);

const ECDSA: Readonly<Record<Digest, Bytes>> = {
  sha256: sequence(oid(OID.ecdsaWithSha256)),
  sha384: sequence(oid(OID.ecdsaWithSha384)),
  sha512: sequence(oid(OID.ecdsaWithSha512)),
};

const RSA: Readonly<Record<Digest, Bytes>> = {
  sha256: sequence(oid(OID.sha256WithRsa), NULL),
  sha384: sequence(oid(OID.sha384WithRsa), NULL),
  sha512: sequence(oid(OID.sha512WithRsa), NULL),
};

const DIGEST_OIDS: Readonly<Record<Digest, string>> = { sha256: OID.sha256, sha384: OID.sha384, sha512: OID.sha512 };

/** The digest that Wycheproof calls `SHA-256` and so on; `undefined` for those that nothing is signed with here. */
export function digestOf(name: string): Digest | undefined {
  const digest = name.toLowerCase().replace('-', '');
  return Object.hasOwn(DIGEST_BYTES, digest) ? (digest as Digest) : undefined;
}

/** DER signatures: as certificates carry them, and for secp256k1 either half of s, or the low one alone for Bitcoin. */
export const judgeEcdsa: JudgeCase = (group, test) => {
  const curve = curveOf(group);
  const digest = digestOf(text(group, 'sha'));
  if (curve === undefined || digest === undefined) return notUsed(group);
  const signature = hex(test, 'sig');
  if (curve.name === 'secp256k1')
    return digest === 'sha256' ? secp256k1(group, test, ecdsaDerToRaw(signature)) : notUsed(group);
  return checkX509Signature(ECDSA[digest], spkiOf(group), hex(test, 'msg'), signature);
};

/** Signatures of fixed length, `r ‖ s`: as COSE carries them. */
export const judgeEcdsaP1363: JudgeCase = (group, test) => {
  const curve = curveOf(group);
  const digest = digestOf(text(group, 'sha'));
  if (curve === undefined || digest === undefined) return notUsed(group);
  const signature = hex(test, 'sig');
  if (signature.length !== 2 * curve.coordinateBytes) return false;
  if (curve.name === 'secp256k1') return digest === 'sha256' ? secp256k1(group, test, signature) : notUsed(group);
  if (curve.name === 'secp256r1' && digest === 'sha256')
    return PublicKey.fromSpki(spkiOf(group)).verify('ES256', hex(test, 'msg'), signature);
  return checkX509Signature(ECDSA[digest], spkiOf(group), hex(test, 'msg'), ecdsaRawToDer(signature));
};

export const judgeEddsa: JudgeCase = (group, test) => {
  const key = (group['publicKey'] ?? group['key']) as Members | undefined;
  if (key?.['curve'] !== 'edwards25519') return `curve ${JSON.stringify(key?.['curve'])} is not used here`;
  return PublicKey.fromSpki(spkiOf(group)).verify('Ed25519', hex(test, 'msg'), hex(test, 'sig'));
};

export const judgeRsaPkcs1: JudgeCase = (group, test) => {
  const digest = digestOf(text(group, 'sha'));
  const reason = weakness(group);
  if (digest === undefined || reason !== undefined) return reason ?? notUsed(group);
  return checkX509Signature(RSA[digest], rsaSpkiOf(group), hex(test, 'msg'), hex(test, 'sig'));
};

export const judgeRsaPss: JudgeCase = (group, test) => {
  const digest = digestOf(text(group, 'sha'));
  const saltBytes = group['sLen'];
  const reason = weakness(group);
  if (reason !== undefined) return reason;
  if (digest === undefined || group['mgfSha'] !== group['sha'] || typeof saltBytes !== 'number' || saltBytes > 64)
    return `PSS with ${text(group, 'sha')}, ${text(group, 'mgfSha')} and a salt of ${String(saltBytes)} is not used here`;
  const hash = sequence(oid(DIGEST_OIDS[digest]), NULL);
  const mask = sequence(oid(OID.mgf1), hash);
  const parameters = sequence(context(0, hash), context(1, mask), context(2, unsignedInteger(saltBytes)));
  const identifier = sequence(oid(OID.rsaPss), parameters);
  return checkX509Signature(identifier, rsaSpkiOf(group), hex(test, 'msg'), hex(test, 'sig'));
};

function secp256k1(group: Members, test: Members, raw: Bytes): boolean {
  const point = readOnly(spkiOf(group), (reader) => {
    const body = reader.sequence();
    body.raw();
    return body.bitStringOctets();
  });
  const halves = text(group, 'type').startsWith('EcdsaBitcoin') ? 'low' : 'both';
  return verifySecp256k1Sha256(point, hex(test, 'msg'), raw, halves);
}

function curveOf(group: Members): { readonly name: string; readonly coordinateBytes: number } | undefined {
  const name = text((group['publicKey'] ?? group['key'] ?? {}) as Members, 'curve');
  const coordinateBytes = COORDINATE_BYTES.get(name);
  return coordinateBytes === undefined ? undefined : { name, coordinateBytes };
}

/** Older files have another name for it. */
function spkiOf(group: Members): Bytes {
  return fromHex(text(group, 'publicKeyDer') || text(group, 'keyDer'));
}

/** A key restricted to RSA-PSS is tried without its restriction: the case says what the signature is made with. */
function rsaSpkiOf(group: Members): Bytes {
  const pkcs1 = text(group, 'publicKeyAsn') || text(group, 'keyAsn');
  if (pkcs1 === '') return spkiOf(group);
  return sequence(sequence(oid(OID.rsaEncryption), NULL), bitString(fromHex(pkcs1)));
}

function weakness(group: Members): string | undefined {
  const bits = group['keySize'];
  return typeof bits === 'number' && bits < RSA_BITS_MIN ? `RSA of ${bits} bits is not trusted here` : undefined;
}

function notUsed(group: Members): string {
  const curve = text((group['publicKey'] ?? group['key'] ?? {}) as Members, 'curve');
  return `${curve} with ${text(group, 'sha')} is not used here`.trim();
}

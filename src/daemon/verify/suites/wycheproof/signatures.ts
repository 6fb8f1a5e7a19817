import { type Bytes, fromHex } from '../../../../base/bytes.ts';
import { readOnly } from '../../../../codec/der-reader.ts';
import { bitString, context, NULL, oid, sequence, unsignedInteger } from '../../../../codec/der-writer.ts';
import { OID } from '../../../../codec/oid.ts';
import { ecdsaDerToRaw, ecdsaRawToDer } from '../../../../crypto/curve/ecdsa-signature.ts';
import { type Digest, DIGEST_BYTES } from '../../../../crypto/symmetric/mac.ts';
import { PublicKey } from '../../../../crypto/keys/public-key.ts';
import { verifySecp256k1 } from '../../../../crypto/secp256k1/verify.ts';
import { PSS_SALT_BYTES_DEFAULT, PSS_SALT_BYTES_MAX } from '../../../../crypto/signatures/signature-scheme.ts';
import { RSA_BITS_MIN } from '../../../../crypto/keys/spki.ts';
import { checkX509Signature } from '../../../../crypto/signatures/x509-signature.ts';
import { CURVES, curveNameOf, publicKeyOfGroup, spkiOf } from './keys.ts';
import { hex, type JudgeCase, type Outcome, text, type VectorMembers } from './vector.ts';

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

const NO_KEY = 'the group has no key in a form that is read here';

/** The digest that Wycheproof calls `SHA-256` and so on; `undefined` for those that nothing is signed with here. */
export function digestOf(name: string): Digest | undefined {
  const digest = name.toLowerCase().replace('-', '');
  return Object.hasOwn(DIGEST_BYTES, digest) ? (digest as Digest) : undefined;
}

/** DER signatures: as certificates carry them, and for secp256k1 either half of s, or the low one alone for Bitcoin. */
export const judgeEcdsa: JudgeCase = (group, test) =>
  withEcKey(group, ({ curve, digest, spki }) => {
    const signature = hex(test, 'sig');
    if (curve === 'secp256k1') return secp256k1(group, digest, spki, test, ecdsaDerToRaw(signature));
    return checkX509Signature(ECDSA[digest], spki, hex(test, 'msg'), signature);
  });

/** Signatures of fixed length, `r ‖ s`: as COSE carries them. */
export const judgeEcdsaP1363: JudgeCase = (group, test) =>
  withEcKey(group, ({ curve, coordinateBytes, digest, spki }) => {
    const signature = hex(test, 'sig');
    if (signature.length !== 2 * coordinateBytes) return false;
    if (curve === 'secp256k1') return secp256k1(group, digest, spki, test, signature);
    if (curve === 'secp256r1' && digest === 'sha256')
      return PublicKey.fromSpki(spki).verify('ES256', hex(test, 'msg'), signature);
    return checkX509Signature(ECDSA[digest], spki, hex(test, 'msg'), ecdsaRawToDer(signature));
  });

interface EcKey {
  readonly curve: string;
  readonly coordinateBytes: number;
  readonly digest: Digest;
  readonly spki: Bytes;
}

function withEcKey(group: VectorMembers, judge: (key: EcKey) => Outcome): Outcome {
  const curve = curveNameOf(text(publicKeyOfGroup(group), 'curve'));
  const digest = digestOf(text(group, 'sha'));
  const known = CURVES.get(curve);
  const spki = spkiOf(group);
  if (known === undefined || digest === undefined) return notUsed(group);
  if (spki === undefined) return NO_KEY;
  return judge({ curve, coordinateBytes: known.coordinateBytes, digest, spki });
}

export const judgeEddsa: JudgeCase = (group, test) => {
  const curve = text(publicKeyOfGroup(group), 'curve');
  if (curve !== 'edwards25519') return `curve ${JSON.stringify(curve)} is not used here`;
  const spki = spkiOf(group);
  if (spki === undefined) return NO_KEY;
  return PublicKey.fromSpki(spki).verify('Ed25519', hex(test, 'msg'), hex(test, 'sig'));
};

export const judgeRsaPkcs1: JudgeCase = (group, test) => {
  const digest = digestOf(text(group, 'sha'));
  const reason = weakness(group);
  if (digest === undefined || reason !== undefined) return reason ?? notUsed(group);
  const spki = rsaSpkiOf(group);
  if (spki === undefined) return NO_KEY;
  return checkX509Signature(RSA[digest], spki, hex(test, 'msg'), hex(test, 'sig'));
};

export const judgeRsaPss: JudgeCase = (group, test) => {
  const digest = digestOf(text(group, 'sha'));
  const saltBytes = group['sLen'];
  const reason = weakness(group);
  if (reason !== undefined) return reason;
  if (
    digest === undefined ||
    group['mgfSha'] !== group['sha'] ||
    typeof saltBytes !== 'number' ||
    saltBytes > PSS_SALT_BYTES_MAX
  )
    return `PSS with ${text(group, 'sha')}, ${text(group, 'mgfSha')} and a salt of ${String(saltBytes)} is not used here`;
  const spki = rsaSpkiOf(group);
  if (spki === undefined) return NO_KEY;
  const hash = sequence(oid(DIGEST_OIDS[digest]), NULL);
  const mask = sequence(oid(OID.mgf1), hash);
  const salt = saltBytes === PSS_SALT_BYTES_DEFAULT ? [] : [context(2, unsignedInteger(saltBytes))];
  const parameters = sequence(context(0, hash), context(1, mask), ...salt);
  const identifier = sequence(oid(OID.rsaPss), parameters);
  return checkX509Signature(identifier, spki, hex(test, 'msg'), hex(test, 'sig'));
};

function secp256k1(group: VectorMembers, digest: Digest, spki: Bytes, test: VectorMembers, raw: Bytes): boolean {
  const point = readOnly(spki, (reader) => {
    const body = reader.sequence();
    body.raw();
    return body.bitStringOctets();
  });
  const halves = text(group, 'type').startsWith('EcdsaBitcoin') ? 'low' : 'both';
  return verifySecp256k1(point, digest, hex(test, 'msg'), raw, halves);
}

/** A key restricted to RSA-PSS is tried without its restriction: the case says what the signature is made with. */
function rsaSpkiOf(group: VectorMembers): Bytes | undefined {
  const pkcs1 = text(group, 'publicKeyAsn') || text(group, 'keyAsn');
  if (pkcs1 === '') return spkiOf(group);
  return sequence(sequence(oid(OID.rsaEncryption), NULL), bitString(fromHex(pkcs1)));
}

function weakness(group: VectorMembers): string | undefined {
  const bits = group['keySize'] ?? group['keysize'];
  return typeof bits === 'number' && bits < RSA_BITS_MIN ? `RSA of ${bits} bits is not trusted here` : undefined;
}

function notUsed(group: VectorMembers): string {
  return `${text(publicKeyOfGroup(group), 'curve')} with ${text(group, 'sha')} is not used here`.trim();
}

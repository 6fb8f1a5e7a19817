import { bytesEqual, concatBytes } from '../../../../base/bytes.ts';
import { parsePem } from '../../../../codec/pem.ts';
import { type AeadName, GCM_NONCE_BYTES_MAX, openAead, sealAead } from '../../../../crypto/symmetric/aead.ts';
import { hkdf, pbkdf2 } from '../../../../crypto/symmetric/kdf.ts';
import {
  type AgreementGroup,
  agree,
  agreementKeyOf,
  agreementScalarOf,
} from '../../../../crypto/curve/key-agreement.ts';
import { type KeyWrap, unwrapKey, wrapKey } from '../../../../crypto/symmetric/key-wrap.ts';
import { DIGEST_BYTES, verifyHmac } from '../../../../crypto/symmetric/mac.ts';
import { agreementKeysOfJwk, curveNameOf, scalarOfPkcs8 } from './keys.ts';
import { digestOf } from './signatures.ts';
import { count, hex, type JudgeCase, text } from './vector.ts';

/** Rounds of PBKDF2 that a case may ask for: some seconds of work. */
export const PBKDF2_ROUNDS_MAX = 4_000_000;

const GROUPS: ReadonlyMap<string, AgreementGroup> = new Map([
  ['secp256r1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
  ['secp256k1', 'secp256k1'],
  ['curve25519', 'X25519'],
]);

/** Seals and opens; both must say what the case says. */
export const judgeAead: JudgeCase = (group, test, file) => {
  const name = aeadOf(text(file, 'algorithm'), count(group, 'keySize'));
  if (name === undefined) return `${text(file, 'algorithm')} is not offered by this program`;
  if (count(group, 'tagSize') !== 128) return 'tags are never cut here';
  const [key, nonce, aad, message] = [hex(test, 'key'), hex(test, 'iv'), hex(test, 'aad'), hex(test, 'msg')];
  if (nonce.length > GCM_NONCE_BYTES_MAX && name !== 'chacha20-poly1305')
    return `OpenSSL takes nonces of up to ${GCM_NONCE_BYTES_MAX} bytes`;
  const sealed = concatBytes(hex(test, 'ct'), hex(test, 'tag'));
  const opened = openAead(name, key, nonce, aad, sealed);
  return (
    opened !== undefined && bytesEqual(opened, message) && bytesEqual(sealAead(name, key, nonce, aad, message), sealed)
  );
};

export const judgeKeyWrap: JudgeCase = (_group, test, file) => {
  const kind = (
    { 'AES-WRAP': 'kw', 'AES-KW': 'kw', KW: 'kw', 'AES-KWP': 'kwp', KWP: 'kwp' } as Readonly<Record<string, KeyWrap>>
  )[text(file, 'algorithm')];
  if (kind === undefined) return `${text(file, 'algorithm')} is not offered by this program`;
  const [wrappingKey, key, wrapped] = [hex(test, 'key'), hex(test, 'msg'), hex(test, 'ct')];
  const unwrapped = unwrapKey(kind, wrappingKey, wrapped);
  return unwrapped !== undefined && bytesEqual(unwrapped, key) && bytesEqual(wrapKey(kind, wrappingKey, key), wrapped);
};

export const judgeMac: JudgeCase = (group, test, file) => {
  const digest = digestOf(/^HMAC-?(SHA-?\d+)$/.exec(text(file, 'algorithm'))?.[1] ?? '');
  if (digest === undefined) return `${text(file, 'algorithm')} is not offered by this program`;
  return verifyHmac(digest, hex(test, 'key'), hex(test, 'msg'), hex(test, 'tag'), count(group, 'tagSize') / 8);
};

export const judgeHkdf: JudgeCase = (_group, test, file) => {
  const digest = digestOf(/^HKDF-(SHA-\d+)$/.exec(text(file, 'algorithm'))?.[1] ?? '');
  if (digest === undefined) return `${text(file, 'algorithm')} is not offered by this program`;
  const okm = hkdf(digest, hex(test, 'ikm'), hex(test, 'salt'), hex(test, 'info'), count(test, 'size'));
  return bytesEqual(okm, hex(test, 'okm'));
};

export const judgePbkdf: JudgeCase = (_group, test, file) => {
  const digest = digestOf(/^PBKDF2-HMAC-?(SHA-?\d+)$/.exec(text(file, 'algorithm'))?.[1] ?? '');
  if (digest === undefined) return `${text(file, 'algorithm')} is not offered by this program`;
  const rounds = count(test, 'iterationCount');
  const length = count(test, 'dkLen');
  if (rounds > PBKDF2_ROUNDS_MAX || length > 64 * DIGEST_BYTES[digest]) return 'it takes too long';
  return bytesEqual(pbkdf2(digest, hex(test, 'password'), hex(test, 'salt'), rounds, length), hex(test, 'dk'));
};

/** Points, SubjectPublicKeyInfo, PEM and JSON Web Keys; scalars and PKCS#8. */
export const judgeAgreement: JudgeCase = (group, test) => {
  const curveName = curveNameOf(text(group, 'curve'));
  const agreement = GROUPS.get(curveName);
  if (agreement === undefined) return `curve ${text(group, 'curve')} is not offered by this program`;
  switch (text(group, 'encoding') || ENCODING_OF_TYPE.get(text(group, 'type'))) {
    case 'ecpoint':
    case 'raw':
      return gives(agree(agreement, hex(test, 'private'), hex(test, 'public')));
    case 'asn': {
      const key = agreementKeyOf(agreement, hex(test, 'public'));
      const isPkcs8 = agreement === 'X25519';
      return gives(agree(agreement, isPkcs8 ? agreementScalarOf(hex(test, 'private')) : hex(test, 'private'), key));
    }
    case 'pem': {
      const [publicKey = new Uint8Array(0)] = parsePem(text(test, 'public'), 'PUBLIC KEY');
      const [privateKey = new Uint8Array(0)] = parsePem(text(test, 'private'), 'PRIVATE KEY');
      const scalar = scalarOfPkcs8(agreement, curveName, privateKey);
      return gives(agree(agreement, scalar, agreementKeyOf(agreement, publicKey)));
    }
    case 'webcrypto':
    case 'jwk': {
      const { scalar, publicKey } = agreementKeysOfJwk(agreement, curveName, test);
      return gives(agree(agreement, scalar, publicKey));
    }
    default:
      return 'keys in this form are read nowhere here';
  }

  function gives(secret: Uint8Array): boolean {
    return bytesEqual(secret, hex(test, 'shared'));
  }
};

const ENCODING_OF_TYPE: ReadonlyMap<string, string> = new Map([
  ['EcdhTest', 'asn'],
  ['EcdhEcpointTest', 'ecpoint'],
  ['XdhComp', 'raw'],
  ['XdhAsnComp', 'asn'],
  ['XdhPemComp', 'pem'],
  ['XdhJwkComp', 'jwk'],
  ['EcdhPemTest', 'pem'],
  ['EcdhWebcryptoTest', 'webcrypto'],
]);

function aeadOf(algorithm: string, keyBits: number): AeadName | undefined {
  if (algorithm === 'CHACHA20-POLY1305') return 'chacha20-poly1305';
  if (algorithm !== 'AES-GCM') return undefined;
  return keyBits === 128 || keyBits === 192 || keyBits === 256 ? `aes-${keyBits}-gcm` : undefined;
}

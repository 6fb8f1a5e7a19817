import { toBase32, toBase64 } from '../../base/bytes.ts';
import { encodePem } from '../../codec/pem.ts';
import { p256Spki } from '../../crypto/keys/p256-key.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import { type AccessKey, sigV4aPublicPoint } from '../../message/request/signing-key.ts';

/** Tells these ids from AWS's, whose first letters name the kind of key as well. */
const ID_PREFIX = 'CMAK';
/** 16 characters of base32: 80 bits, so that no two are ever the same. */
const ID_BYTES = 10;
/** 40 characters of base64, as the secrets of AWS have: 240 bits. */
const SECRET_BYTES = 30;

/** A new access key, made where the command runs: the authority hears of the public key only. */
export function makeAccessKey(): AccessKey & { readonly publicKeyPem: string } {
  const accessKeyId = `${ID_PREFIX}${toBase32(systemRandom.bytes(ID_BYTES)).toUpperCase()}`;
  const secretAccessKey = toBase64(systemRandom.bytes(SECRET_BYTES));
  const point = sigV4aPublicPoint({ accessKeyId, secretAccessKey });
  return { accessKeyId, secretAccessKey, publicKeyPem: encodePem('PUBLIC KEY', p256Spki(point)) };
}

import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { hmac } from '../../crypto/symmetric/mac.ts';
import { p256Pkcs8, p256PublicPoint, p256Spki } from '../../crypto/keys/p256-key.ts';
import { PublicKey } from '../../crypto/keys/public-key.ts';
import { addScalars, isBelowOrder, isPrivateScalar, SCALAR_BYTES } from '../../crypto/curve/scalar.ts';
import { Secret } from '../../crypto/secret.ts';
import { type Signer, softwareSigner } from '../../crypto/keys/signer.ts';
import { ALGORITHM_NAMES } from './algorithm.ts';
import { SCOPE_TERMINATOR } from './credential-scope.ts';

/** An access key as it was given out: whoever has the secret can sign. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The key of SigV4 for one day, region and service: `HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request")`. */
export function sigV4Key(secretAccessKey: string, date: string, region: string, service: string): Secret {
  let key = utf8(`AWS4${secretAccessKey}`);
  for (const step of [date, region, service, SCOPE_TERMINATOR]) {
    const next = hmac('sha256', key, utf8(step));
    key.fill(0);
    key = next;
  }
  const secret = new Secret(key);
  key.fill(0);
  return secret;
}

/**
 * The private key of SigV4A that belongs to an access key: NIST SP 800-108 in counter mode over HMAC-SHA-256.
 *
 * For c = 1 to 254: `k = HMAC("AWS4A" secret, 00000001 ‖ "AWS4-ECDSA-P256-SHA256" ‖ 00 ‖ access key id ‖ c(1) ‖
 * 00000100)`; the first `k <= n - 2` gives the key `k + 1`.
 *
 * @throws ERR_KEY where no counter gives one: never, in the life of the universe.
 */
export function sigV4aPrivateKey({ accessKeyId, secretAccessKey }: AccessKey): Secret {
  const key = utf8(`AWS4A${secretAccessKey}`);
  const label = concatBytes(Uint8Array.of(0, 0, 0, 1), utf8(ALGORITHM_NAMES.sigv4a), Uint8Array.of(0));
  const id = utf8(accessKeyId);
  for (let counter = 1; counter <= LAST_COUNTER; counter++) {
    const candidate = hmac('sha256', key, concatBytes(label, id, Uint8Array.of(counter, 0, 0, 1, 0)));
    const scalar = scalarAfter(candidate);
    candidate.fill(0);
    if (scalar === undefined) continue;
    key.fill(0);
    const secret = new Secret(scalar);
    scalar.fill(0);
    return secret;
  }
  throw new MeshError('ERR_KEY', 'this access key gives no key of P-256');
}

/** One octet, of which AWS leaves 0 and 255 out. */
const LAST_COUNTER = 254;

const ONE = new Uint8Array(SCALAR_BYTES).fill(1, -1);

/** `candidate + 1` where the candidate is not above n - 2, so that it is a private key. */
export function scalarAfter(candidate: Bytes): Bytes | undefined {
  if (!isBelowOrder('P-256', candidate)) return undefined;
  const scalar = addScalars('P-256', candidate, ONE);
  return isPrivateScalar('P-256', scalar) ? scalar : undefined;
}

/** `04 ‖ x ‖ y`: all that a verifier needs of an access key. */
export function sigV4aPublicPoint(accessKey: AccessKey): Bytes {
  using secret = sigV4aPrivateKey(accessKey);
  return secret.use(p256PublicPoint);
}

/** What a verifier of SigV4A needs. Who has it cannot sign. */
export function sigV4aPublicKey(accessKey: AccessKey): PublicKey {
  return PublicKey.fromSpki(p256Spki(sigV4aPublicPoint(accessKey)));
}

/** Signs SigV4A with the key that the secret stands for; the scalar is wiped from memory on the way. */
export function sigV4aSigner(accessKey: AccessKey): Signer {
  using secret = sigV4aPrivateKey(accessKey);
  return secret.use((scalar) => {
    const pkcs8 = p256Pkcs8(scalar);
    try {
      return softwareSigner(pkcs8);
    } finally {
      pkcs8.fill(0);
    }
  });
}

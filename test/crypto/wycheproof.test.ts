import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex } from '../../src/base/bytes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { context, NULL, oid, sequence, unsignedInteger } from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import { ecdsaDerToRaw } from '../../src/crypto/curve/ecdsa-signature.ts';
import { PublicKey } from '../../src/crypto/keys/public-key.ts';
import { checkX509Signature } from '../../src/crypto/signatures/x509-signature.ts';
import { missingVectors, readVectors } from '../support/vectors.ts';

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg: string;
      readonly sig: string;
      readonly result: 'valid' | 'invalid' | 'acceptable';
    }[];
  }[];
}

type Check = (spki: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** `acceptable` cases leave the choice open; here they are not looked at. */
function run(name: string, file: string, check: Check): void {
  it(`${name}: ${file}`, { skip: missingVectors(`wycheproof/${file}`) }, () => {
    for (const { publicKeyDer, tests } of readVectors<Wycheproof>(`wycheproof/${file}`).testGroups)
      for (const { tcId, comment, msg, sig, result } of tests) {
        if (result === 'acceptable') continue;
        const isValid = check(fromHex(publicKeyDer), fromHex(msg), fromHex(sig));
        assert.equal(isValid, result === 'valid', `case ${tcId}: ${comment}`);
      }
  });
}

const x509 =
  (identifier: Uint8Array): Check =>
  (spki, message, signature) =>
    checkX509Signature(identifier, spki, message, signature);

const SHA256 = sequence(oid(OID.sha256), NULL);
const PSS_SHA256 = sequence(
  oid(OID.rsaPss),
  sequence(context(0, SHA256), context(1, sequence(oid(OID.mgf1), SHA256)), context(2, unsignedInteger(32))),
);

/** As the HTTP edge takes a signature that openssl wrote: DER to raw, then the message's own check. */
const es256FromDer: Check = (spki, message, signature) => {
  try {
    return PublicKey.fromSpki(spki).verify('ES256', message, ecdsaDerToRaw(signature));
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === 'ERR_KEY', String(error));
    return false;
  }
};

describe('signatures after Wycheproof (T11)', () => {
  run('X.509 ECDSA P-256', 'ecdsa_secp256r1_sha256_test.json', x509(sequence(oid(OID.ecdsaWithSha256))));
  run('X.509 ECDSA P-384', 'ecdsa_secp384r1_sha384_test.json', x509(sequence(oid(OID.ecdsaWithSha384))));
  run('X.509 Ed25519', 'ed25519_test.json', x509(sequence(oid(OID.ed25519))));
  run('X.509 RSA', 'rsa_signature_2048_sha256_test.json', x509(sequence(oid(OID.sha256WithRsa), NULL)));
  run('X.509 RSA-PSS', 'rsa_pss_2048_sha256_mgf1_32_test.json', x509(PSS_SHA256));
  run('message ES256 from DER', 'ecdsa_secp256r1_sha256_test.json', es256FromDer);
  run('message Ed25519', 'ed25519_test.json', (spki, message, signature) =>
    PublicKey.fromSpki(spki).verify('Ed25519', message, signature),
  );
});

import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { context, NULL, oid, sequence, unsignedInteger } from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import { checkX509Signature } from '../../src/crypto/signatures/x509-signature.ts';

const data = utf8('to be signed');
const SHA1_WITH_RSA = '1.2.840.113549.1.1.5';
const MD5_WITH_RSA = '1.2.840.113549.1.1.4';
const ECDSA_WITH_SHA1 = '1.2.840.10045.4.1';
const SHA1 = '1.3.14.3.2.26';

const spkiOf = (key: KeyObject) => new Uint8Array(key.export({ format: 'der', type: 'spki' }));

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const rsaPss = generateKeyPairSync('rsa-pss', { modulusLength: 2_048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

function pss(hash: string, mask: string, saltBytes: number): Uint8Array {
  const digest = (dotted: string) => sequence(oid(dotted), NULL);
  return sequence(
    oid(OID.rsaPss),
    sequence(
      context(0, digest(hash)),
      context(1, sequence(oid(OID.mgf1), digest(mask))),
      context(2, unsignedInteger(saltBytes)),
    ),
  );
}

const signPss = (key: KeyObject, digest: string, saltLength: number) =>
  sign(digest, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

describe('checkX509Signature', () => {
  for (const [curve, digest, name] of [
    ['prime256v1', 'sha256', OID.ecdsaWithSha256],
    ['secp384r1', 'sha384', OID.ecdsaWithSha384],
    ['secp521r1', 'sha512', OID.ecdsaWithSha512],
    ['secp384r1', 'sha256', OID.ecdsaWithSha256],
  ] as const)
    it(`accepts ECDSA with ${curve} and ${digest}, and only so`, () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
      const signature = sign(digest, data, privateKey);
      const identifier = sequence(oid(name));
      assert.equal(checkX509Signature(identifier, spkiOf(publicKey), data, signature), true);
      assert.equal(checkX509Signature(identifier, spkiOf(publicKey), utf8('other'), signature), false);
      assert.equal(checkX509Signature(identifier, spkiOf(p256.publicKey), data, signature), false);
      // RFC 5758 section 3.2: parameters are absent, NULL is another encoding.
      assert.equal(checkX509Signature(sequence(oid(name), NULL), spkiOf(publicKey), data, signature), false);
    });

  it('accepts RSA PKCS#1 v1.5 with NULL parameters or none (RFC 4055 section 5)', () => {
    for (const [digest, name] of [
      ['sha256', OID.sha256WithRsa],
      ['sha384', OID.sha384WithRsa],
      ['sha512', OID.sha512WithRsa],
    ] as const)
      for (const identifier of [sequence(oid(name), NULL), sequence(oid(name))])
        assert.equal(
          checkX509Signature(identifier, spkiOf(rsa.publicKey), data, sign(digest, data, rsa.privateKey)),
          true,
        );
  });

  it('accepts RSA-PSS with the parameters written out, under both kinds of key', () => {
    for (const { privateKey, publicKey } of [rsa, rsaPss]) {
      const signature = signPss(privateKey, 'sha256', 32);
      assert.equal(checkX509Signature(pss(OID.sha256, OID.sha256, 32), spkiOf(publicKey), data, signature), true);
      assert.equal(checkX509Signature(pss(OID.sha256, OID.sha256, 20), spkiOf(publicKey), data, signature), false);
      assert.equal(checkX509Signature(pss(OID.sha256, OID.sha512, 32), spkiOf(publicKey), data, signature), false);
    }
  });

  it('takes a salt of RSA-PSS that is not written out for 20 octets, and one as long as fits', () => {
    const digest = sequence(oid(OID.sha256), NULL);
    const hashes = [context(0, digest), context(1, sequence(oid(OID.mgf1), digest))];
    const spki = spkiOf(rsa.publicKey);
    const short = signPss(rsa.privateKey, 'sha256', 20);
    assert.equal(checkX509Signature(sequence(oid(OID.rsaPss), sequence(...hashes)), spki, data, short), true);
    assert.equal(checkX509Signature(pss(OID.sha256, OID.sha256, 20), spki, data, short), false, 'not DER');
    const long = signPss(rsa.privateKey, 'sha256', 222);
    assert.equal(checkX509Signature(pss(OID.sha256, OID.sha256, 222), spki, data, long), true);
    assert.equal(checkX509Signature(pss(OID.sha256, OID.sha256, 223), spki, data, long), false);
  });

  it('refuses SHA-1 and MD5, however correct', () => {
    const spki = spkiOf(rsa.publicKey);
    assert.equal(
      checkX509Signature(sequence(oid(SHA1_WITH_RSA), NULL), spki, data, sign('sha1', data, rsa.privateKey)),
      false,
    );
    assert.equal(
      checkX509Signature(sequence(oid(MD5_WITH_RSA), NULL), spki, data, sign('md5', data, rsa.privateKey)),
      false,
    );
    assert.equal(
      checkX509Signature(
        sequence(oid(ECDSA_WITH_SHA1)),
        spkiOf(p256.publicKey),
        data,
        sign('sha1', data, p256.privateKey),
      ),
      false,
    );
    assert.equal(checkX509Signature(pss(SHA1, SHA1, 20), spki, data, signPss(rsa.privateKey, 'sha1', 20)), false);
    // The defaults of RSASSA-PSS-params are SHA-1: an empty sequence says so without saying it.
    assert.equal(
      checkX509Signature(sequence(oid(OID.rsaPss), sequence()), spki, data, signPss(rsa.privateKey, 'sha1', 20)),
      false,
    );
  });

  it('refuses RSA of 1,024 bits', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const signature = sign('sha256', data, weak.privateKey);
    assert.equal(
      checkX509Signature(sequence(oid(OID.sha256WithRsa), NULL), spkiOf(weak.publicKey), data, signature),
      false,
    );
  });

  it('answers false, not an error, for what cannot be read', () => {
    const spki = spkiOf(p256.publicKey);
    const signature = sign('sha256', data, p256.privateKey);
    for (const identifier of [
      new Uint8Array(0),
      Uint8Array.of(0x30),
      sequence(),
      sequence(NULL),
      sequence(oid('1.2.3')),
    ])
      assert.equal(checkX509Signature(identifier, spki, data, signature), false);
    const identifier = sequence(oid(OID.ecdsaWithSha256));
    for (const garbage of [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(4_000)]) {
      assert.equal(checkX509Signature(identifier, garbage, data, signature), false);
      assert.equal(checkX509Signature(identifier, spki, data, garbage), false);
    }
  });
});

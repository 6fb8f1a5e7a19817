import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY, utf8 } from '../../src/base/bytes.ts';
import { bitString, context, NULL, oid, sequence, unsignedInteger } from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import { GCM_NONCE_BYTES_MAX, openAead, sealAead } from '../../src/crypto/symmetric/aead.ts';
import { HKDF_BLOCKS_MAX, hkdf } from '../../src/crypto/symmetric/kdf.ts';
import { unwrapKey, WRAPPED_BYTES_MAX, wrapKey } from '../../src/crypto/symmetric/key-wrap.ts';
import { PSS_SALT_BYTES_MAX, signatureSchemeOf } from '../../src/crypto/signatures/signature-scheme.ts';
import { keyAlgorithmOf, RSA_BITS_MAX, RSA_BITS_MIN, SPKI_BYTES_MAX } from '../../src/crypto/keys/spki.ts';
import { judgePbkdf, PBKDF2_ROUNDS_MAX } from '../../src/daemon/verify/suites/wycheproof/secrets.ts';

const KEY = new Uint8Array(32).fill(7);

describe('bounds of what is encrypted and derived', () => {
  it('a nonce of AES-GCM', () => {
    const nonce = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(1);
    const sealed = sealAead('aes-256-gcm', KEY, nonce(GCM_NONCE_BYTES_MAX), EMPTY, utf8('x'));
    assert.deepEqual(openAead('aes-256-gcm', KEY, nonce(GCM_NONCE_BYTES_MAX), EMPTY, sealed), utf8('x'));
    for (const bytes of [0, GCM_NONCE_BYTES_MAX + 1]) {
      assert.throws(() => sealAead('aes-256-gcm', KEY, nonce(bytes), EMPTY, utf8('x')), { code: 'ERR_INPUT' });
      assert.throws(() => openAead('aes-256-gcm', KEY, nonce(bytes), EMPTY, sealed), { code: 'ERR_INPUT' });
    }
  });

  it('what HKDF expands to', () => {
    const bytesMax = HKDF_BLOCKS_MAX * 32;
    assert.equal(hkdf('sha256', KEY, EMPTY, EMPTY, bytesMax).length, bytesMax);
    assert.throws(() => hkdf('sha256', KEY, EMPTY, EMPTY, bytesMax + 1), RangeError);
  });

  it('a key that is wrapped', () => {
    const key = new Uint8Array(WRAPPED_BYTES_MAX).fill(3);
    for (const kind of ['kw', 'kwp'] as const) {
      const wrapped = wrapKey(kind, KEY, key);
      assert.deepEqual(unwrapKey(kind, KEY, wrapped), key);
      assert.throws(() => wrapKey(kind, KEY, new Uint8Array(WRAPPED_BYTES_MAX + 8)), { code: 'ERR_INPUT' });
      assert.equal(unwrapKey(kind, KEY, new Uint8Array(WRAPPED_BYTES_MAX + 24)), undefined);
    }
  });

  it('the rounds that a published case may ask for', () => {
    const test = {
      iterationCount: PBKDF2_ROUNDS_MAX + 1,
      dkLen: 32,
      password: '',
      salt: '',
      dk: '',
    };
    assert.equal(judgePbkdf({}, test, { algorithm: 'PBKDF2-HMACSHA256' }), 'it takes too long');
  });
});

describe('bounds of public keys and signatures', () => {
  /** A key of RSA whose modulus has so many bits. */
  const rsa = (bits: number): Uint8Array => {
    const modulus = new Uint8Array(Math.ceil(bits / 8)).fill(0xff);
    if (bits % 8 !== 0) modulus[0] = (1 << (bits % 8)) - 1;
    const key = sequence(unsignedInteger(modulus), unsignedInteger(65_537));
    return sequence(sequence(oid(OID.rsaEncryption), NULL), bitString(key));
  };

  it('a modulus of RSA', () => {
    for (const bits of [RSA_BITS_MIN, RSA_BITS_MAX]) assert.equal(keyAlgorithmOf(rsa(bits)), 'RSA');
    for (const bits of [RSA_BITS_MIN - 1, RSA_BITS_MAX + 1]) {
      assert.ok(rsa(bits).length <= SPKI_BYTES_MAX);
      assert.throws(() => keyAlgorithmOf(rsa(bits)), { code: 'ERR_KEY', message: /size/ });
    }
  });

  it('a public key', () => {
    assert.throws(() => keyAlgorithmOf(new Uint8Array(SPKI_BYTES_MAX + 1)), { code: 'ERR_KEY', message: /longer/ });
  });

  it('a salt of RSA-PSS', () => {
    const hash = sequence(oid(OID.sha256));
    const pss = (saltBytes: number): Uint8Array =>
      sequence(
        oid(OID.rsaPss),
        sequence(context(0, hash), context(1, sequence(oid(OID.mgf1), hash)), context(2, unsignedInteger(saltBytes))),
      );
    assert.equal(signatureSchemeOf(pss(PSS_SALT_BYTES_MAX))?.saltBytes, PSS_SALT_BYTES_MAX);
    assert.equal(signatureSchemeOf(pss(PSS_SALT_BYTES_MAX + 1)), undefined);
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { bitString, NULL, oid, sequence, unsignedInteger } from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import { ecdsaDerToRaw, ecdsaRawToDer } from '../../src/crypto/curve/ecdsa-signature.ts';
import { PublicKey } from '../../src/crypto/keys/public-key.ts';
import { ed25519Pkcs8FromSeed, generatePkcs8, softwareSigner } from '../../src/crypto/keys/signer.ts';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const data = utf8('to be signed');

function spkiOf(type: 'ec', options: { namedCurve: string; paramEncoding?: 'explicit' }): Uint8Array {
  return new Uint8Array(generateKeyPairSync(type, options).publicKey.export({ format: 'der', type: 'spki' }));
}

function rsaSpki(bits: number): Uint8Array {
  return new Uint8Array(
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'der', type: 'spki' }),
  );
}

const p256 = softwareSigner(generatePkcs8('P-256')).spki;

function compressed(): Uint8Array {
  const point = p256.subarray(p256.length - 65);
  const prefix = Uint8Array.of(2 + ((point[64] as number) & 1));
  return sequence(
    sequence(oid(OID.ecPublicKey), oid(OID.p256)),
    bitString(new Uint8Array([...prefix, ...point.subarray(1, 33)])),
  );
}

function offCurve(): Uint8Array {
  const spki = p256.slice();
  spki[spki.length - 1] = (spki[spki.length - 1] as number) ^ 1;
  return spki;
}

const refused: readonly (readonly [name: string, spki: () => Uint8Array])[] = [
  ['nothing', () => new Uint8Array(0)],
  ['a point off the curve', offCurve],
  ['the point at infinity', () => sequence(sequence(oid(OID.ecPublicKey), oid(OID.p256)), bitString(Uint8Array.of(0)))],
  ['a compressed point: one key has one encoding, or it had two node ids', compressed],
  ['explicit curve parameters', () => spkiOf('ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' })],
  ['secp256k1, which is for wallets', () => spkiOf('ec', { namedCurve: 'secp256k1' })],
  ['RSA of 1,024 bits', () => rsaSpki(1_024)],
  [
    'RSA of more bits than anyone has',
    () =>
      sequence(
        sequence(oid(OID.rsaEncryption), NULL),
        bitString(sequence(unsignedInteger(2n ** 17_000n), unsignedInteger(65_537))),
      ),
  ],
  [
    'RSA with an even exponent',
    () =>
      sequence(
        sequence(oid(OID.rsaEncryption), NULL),
        bitString(sequence(unsignedInteger(2n ** 2_047n + 1n), unsignedInteger(4))),
      ),
  ],
  ['X25519', () => new Uint8Array(generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }))],
  ['an Ed25519 key with parameters', () => sequence(sequence(oid(OID.ed25519), NULL), bitString(new Uint8Array(32)))],
  ['an Ed25519 key that is too short', () => sequence(sequence(oid(OID.ed25519)), bitString(new Uint8Array(31)))],
  ['trailing bytes', () => new Uint8Array([...p256, 0])],
  ['a private key', () => generatePkcs8('P-256')],
];

describe('PublicKey', () => {
  for (const [name, spki] of refused)
    it(`refuses ${name}`, () => {
      assert.throws(() => PublicKey.fromSpki(spki()), { code: 'ERR_KEY' });
    });

  it('never throws anything but ERR_KEY for changed bytes of a key', () => {
    fc.assert(
      fc.property(fc.nat(p256.length - 1), fc.nat(255), (at, value) => {
        const spki = p256.slice();
        spki[at] = value;
        try {
          PublicKey.fromSpki(spki);
        } catch (error) {
          assert.ok(isMeshError(error) && error.code === 'ERR_KEY', String(error));
        }
      }),
    );
  });

  it('knows the kinds of key that X.509 signatures need', () => {
    assert.equal(PublicKey.fromSpki(p256).algorithm, 'P-256');
    assert.equal(PublicKey.fromSpki(spkiOf('ec', { namedCurve: 'secp384r1' })).algorithm, 'P-384');
    assert.equal(PublicKey.fromSpki(spkiOf('ec', { namedCurve: 'secp521r1' })).algorithm, 'P-521');
    assert.equal(PublicKey.fromSpki(rsaSpki(2_048)).algorithm, 'RSA');
    assert.equal(PublicKey.fromSpki(softwareSigner(generatePkcs8('Ed25519')).spki).algorithm, 'Ed25519');
  });

  for (const kind of ['P-256', 'Ed25519'] as const)
    it(`verifies what a ${kind} signer signed, on and off the event loop, and nothing else`, async () => {
      const pkcs8 = generatePkcs8(kind);
      const signer = softwareSigner(pkcs8);
      const key = PublicKey.fromSpki(signer.spki);
      const other = signer.algorithm === 'ES256' ? 'Ed25519' : 'ES256';
      for (const signature of [await signer.sign(data), softwareSigner(pkcs8).signSync(data)]) {
        assert.equal(signature.length, 64);
        assert.equal(key.verify(signer.algorithm, data, signature), true);
        assert.equal(await key.verifyAsync(signer.algorithm, data, signature), true);
        const wrong = signature.slice();
        wrong[5] = (wrong[5] as number) ^ 1;
        for (const [algorithm, signed, candidate] of [
          [signer.algorithm, utf8('other'), signature],
          [signer.algorithm, data, wrong],
          [signer.algorithm, data, signature.subarray(0, 63)],
          [signer.algorithm, data, new Uint8Array(0)],
          [signer.algorithm, data, new Uint8Array(64)],
          [other, data, signature],
        ] as const) {
          assert.equal(key.verify(algorithm, signed, candidate), false);
          assert.equal(await key.verifyAsync(algorithm, signed, candidate), false);
        }
      }
    });

  it('accepts both halves of s for ES256: nothing may be keyed on a signature (T11)', async () => {
    const signer = softwareSigner(generatePkcs8('P-256'));
    const key = PublicKey.fromSpki(signer.spki);
    const signature = await signer.sign(data);
    const s = BigInt(`0x${toHex(signature.subarray(32))}`);
    const twin = new Uint8Array([...signature.subarray(0, 32), ...fromHex((ORDER - s).toString(16).padStart(64, '0'))]);
    assert.notDeepEqual(twin, signature);
    assert.equal(key.verify('ES256', data, twin), true);
    assert.equal(await key.verifyAsync('ES256', data, twin), true);
    // s plus the order is the same number to careless code, and another signature to everybody else.
    if (s + ORDER < 2n ** 256n) {
      const beyond = fromHex((s + ORDER).toString(16).padStart(64, '0'));
      assert.equal(key.verify('ES256', data, new Uint8Array([...signature.subarray(0, 32), ...beyond])), false);
    }
  });
});

describe('signers', () => {
  it('derive equal Ed25519 keys and signatures from equal seeds (RFC 8032 section 7.1, test 1)', () => {
    const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    const signer = softwareSigner(ed25519Pkcs8FromSeed(seed));
    assert.equal(toHex(signer.spki.subarray(12)), 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    assert.equal(
      toHex(signer.signSync(new Uint8Array(0))),
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
    assert.throws(() => ed25519Pkcs8FromSeed(new Uint8Array(31)), RangeError);
  });

  it('refuse what is no private key of theirs, and never quote it', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({
      format: 'der',
      type: 'pkcs8',
    });
    for (const pkcs8 of [new Uint8Array(0), utf8('secret words'), p256, new Uint8Array(rsa)])
      assert.throws(
        () => softwareSigner(pkcs8),
        (error) => isMeshError(error) && error.code === 'ERR_KEY' && error.cause === undefined,
      );
  });
});

describe('ECDSA signature forms', () => {
  it('round-trip between raw and DER', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (raw) => {
        raw[31] = 1; // neither number is zero
        raw[63] = 1;
        assert.deepEqual(ecdsaDerToRaw(ecdsaRawToDer(raw)), raw);
      }),
    );
  });

  const wrong: readonly (readonly [name: string, hex: string])[] = [
    ['nothing', ''],
    ['one number', '3003020101'],
    ['three numbers', '3009020101020101020101'],
    ['zero', '3006020100020101'],
    ['a negative number', '30060201ff020101'],
    ['a number longer than the curve', `3026 0221 01${'00'.repeat(32)} 020101`.replaceAll(' ', '')],
    ['a padded number', '300702020001020101'],
    ['trailing bytes', '300602010102010100'],
    ['a long length', '30810602010102010 1'.replaceAll(' ', '')],
  ];
  for (const [name, hex] of wrong)
    it(`refuse ${name}`, () => {
      assert.throws(() => ecdsaDerToRaw(fromHex(hex)), { code: 'ERR_KEY' });
    });
});

import assert from 'node:assert/strict';
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { utf8 } from '../../../../src/base/bytes.ts';
import { judgeWycheproof } from '../../../../src/daemon/verify/suites/wycheproof/judge.ts';

type Members = Readonly<Record<string, unknown>>;
interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const MESSAGE = utf8('message');
const DIGESTS = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;
const CURVES = { secp256r1: 'prime256v1', secp256k1: 'secp256k1', secp384r1: 'secp384r1', secp521r1: 'secp521r1' };

const JWK_CURVES = { 'P-256': 'prime256v1', 'P-256K': 'secp256k1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };

const der = (key: KeyObject) => key.export({ format: 'der', type: 'spki' }).toString('hex');
const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' });
const jwk = (key: KeyObject) => key.export({ format: 'jwk' });
const hexOf = (encoded: string | undefined) => Buffer.from(encoded ?? '', 'base64url').toString('hex');
const jwkNameOf = (curve: string) => Object.entries(JWK_CURVES).find(([, each]) => each === curve)?.[0];
const uncompressed = (key: KeyObject) => `04${hexOf(jwk(key).x)}${hexOf(jwk(key).y)}`;

function results(group: Members, tests: readonly Members[], algorithm?: string): string[] {
  const numbered = tests.map((test, tcId) => ({ tcId, ...test }));
  return Array.from(
    judgeWycheproof({ algorithm, testGroups: [{ ...group, tests: numbered }] }),
    ({ actual_result }) => actual_result,
  );
}

/** The same key in every form in which a group may have it. */
function forms(curve: string, key: KeyObject): readonly (readonly [name: string, group: Members])[] {
  const members = { curve, uncompressed: uncompressed(key) };
  return [
    ['publicKeyDer', { publicKey: { curve }, publicKeyDer: der(key) }],
    ['keyDer', { key: { curve }, keyDer: der(key) }],
    ['publicKeyPem', { publicKey: { curve }, publicKeyPem: pem(key) }],
    ['keyPem', { key: { curve }, keyPem: pem(key) }],
    ['publicKey', { publicKey: members }],
    ['key', { key: members }],
    ['publicKeyJwk', { publicKey: { curve }, publicKeyJwk: jwk(key) }],
    ['jwk', { key: { curve }, jwk: jwk(key) }],
  ];
}

describe('keys that signatures are checked with, in every form of Wycheproof', () => {
  for (const [curve, namedCurve] of Object.entries(CURVES))
    for (const [digest, sha] of Object.entries(DIGESTS)) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
      for (const [type, dsaEncoding] of [
        ['EcdsaVerify', 'der'],
        ['EcdsaP1363Verify', 'ieee-p1363'],
      ] as const)
        it(`${type}, ${curve}, ${sha}`, () => {
          const sig = sign(digest, MESSAGE, { key: privateKey, dsaEncoding }).toString('hex');
          const good = { msg: Buffer.from(MESSAGE).toString('hex'), sig };
          const tests = [good, { ...good, msg: '00' }, { ...good, sig: sig.slice(2) }, { ...good, sig: '' }];
          const named = { publicKey: { curve: jwkNameOf(namedCurve) }, publicKeyJwk: jwk(publicKey) };
          for (const [name, group] of [...forms(curve, publicKey), ['name of webcrypto', named] as const])
            assert.deepEqual(results({ type, sha, ...group }, tests), ['valid', 'invalid', 'invalid', 'invalid'], name);
        });
    }

  it('EddsaVerify', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const good = { msg: '6d', sig: sign(null, utf8('m'), privateKey).toString('hex') };
    const curve = 'edwards25519';
    for (const group of [
      { publicKey: { curve }, publicKeyDer: der(publicKey) },
      { publicKey: { curve, pk: hexOf(jwk(publicKey).x) } },
      { key: { curve, pk: hexOf(jwk(publicKey).x) } },
      { key: { curve }, jwk: jwk(publicKey) },
    ])
      assert.deepEqual(results({ type: 'EddsaVerify', ...group }, [good, { ...good, msg: '' }]), ['valid', 'invalid']);
    assert.deepEqual(results({ type: 'EddsaVerify', key: { curve } }, [good]), ['SKIPPED']);
    assert.deepEqual(results({ type: 'EddsaVerify', key: { curve: 'edwards448' } }, [good]), ['SKIPPED']);
  });

  it('RsassaPkcs1Verify', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const good = { msg: '6d', sig: sign('sha256', utf8('m'), privateKey).toString('hex') };
    const group = { type: 'RsassaPkcs1Verify', sha: 'SHA-256' };
    assert.deepEqual(results({ ...group, keysize: 2048, keyPem: pem(publicKey) }, [good]), ['valid']);
    assert.deepEqual(results({ ...group, keySize: 2048, keyJwk: jwk(publicKey) }, [good]), ['valid']);
    const [modulus, publicExponent] = [`00${hexOf(jwk(publicKey).n)}`, hexOf(jwk(publicKey).e)];
    for (const key of [{ publicKey: { modulus, publicExponent } }, { n: modulus, e: publicExponent }])
      assert.deepEqual(results({ ...group, keySize: 2048, ...key }, [good, { ...good, msg: '' }]), [
        'valid',
        'invalid',
      ]);
    assert.deepEqual(results({ ...group, keysize: 1024, keyPem: pem(publicKey) }, [good]), ['SKIPPED']);
  });

  it('skips groups that have no key', () => {
    const skipped = { actual_result: 'SKIPPED', context: 'the group has no key in a form that is read here' };
    const test = { tcId: 1, msg: '', sig: '' };
    for (const group of [
      { type: 'RsassaPkcs1Verify', sha: 'SHA-256', keySize: 2048 },
      { type: 'RsassaPssVerify', sha: 'SHA-256', mgfSha: 'SHA-256', sLen: 32, publicKey: { modulus: '' } },
      { type: 'EddsaVerify', publicKey: { curve: 'edwards25519' } },
    ])
      assert.deepEqual(Array.from(judgeWycheproof({ testGroups: [{ ...group, tests: [test] }] })), [
        { id: 1, ...skipped },
      ]);
  });

  it('skips curves, digests and forms that are not used here', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const test = { msg: '', sig: '' };
    const type = 'EcdsaVerify';
    assert.deepEqual(
      results({ type, sha: 'SHA-224', publicKeyDer: der(publicKey), publicKey: { curve: 'secp256r1' } }, [test]),
      ['SKIPPED'],
    );
    assert.deepEqual(
      results({ type, sha: 'SHA3-256', publicKeyDer: der(publicKey), publicKey: { curve: 'secp256r1' } }, [test]),
      ['SKIPPED'],
    );
    assert.deepEqual(
      results({ type, sha: 'SHA-256', publicKeyDer: der(publicKey), publicKey: { curve: 'brainpoolP256r1' } }, [test]),
      ['SKIPPED'],
    );
    assert.deepEqual(results({ type, sha: 'SHA-256' }, [test]), ['SKIPPED']);
  });
});

describe('keys that agree on a secret, in every form of Wycheproof', () => {
  /** The case in each form; `tamper` changes what it says of the other's key. */
  function agreements(curve: string, own: Pair, other: Pair) {
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey: other.publicKey }).toString('hex');
    const pkcs8 = own.privateKey.export({ format: 'pem', type: 'pkcs8' });
    const isCurve = curve !== 'curve25519';
    const point = isCurve ? uncompressed(other.publicKey) : hexOf(jwk(other.publicKey).x);
    const scalar = hexOf(jwk(own.privateKey).d);
    const asn = isCurve ? scalar : own.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('hex');
    return [
      [isCurve ? 'EcdhEcpointTest' : 'XdhComp', { private: scalar, public: point, shared }],
      [isCurve ? 'EcdhTest' : 'XdhAsnComp', { private: asn, public: der(other.publicKey), shared }],
      [isCurve ? 'EcdhPemTest' : 'XdhPemComp', { private: pkcs8, public: pem(other.publicKey), shared }],
      [
        isCurve ? 'EcdhWebcryptoTest' : 'XdhJwkComp',
        { private: jwk(own.privateKey), public: jwk(other.publicKey), shared },
      ],
    ] as const;
  }

  for (const [curve, namedCurve] of Object.entries(CURVES))
    it(curve, () => {
      const [own, other] = [generateKeyPairSync('ec', { namedCurve }), generateKeyPairSync('ec', { namedCurve })];
      for (const [type, test] of agreements(curve, own, other))
        assert.deepEqual(
          results({ type, curve }, [
            test,
            { ...test, shared: '00' },
            { ...test, public: '' },
            { ...test, private: {} },
          ]),
          ['valid', 'invalid', 'invalid', 'invalid'],
          type,
        );
    });

  for (const [name, namedCurve] of Object.entries(JWK_CURVES))
    it(`${name}, as the files of webcrypto name it`, () => {
      const [own, other] = [generateKeyPairSync('ec', { namedCurve }), generateKeyPairSync('ec', { namedCurve })];
      const [, test] = agreements(name, own, other)[3];
      const named = { ...test, private: { ...test.private, crv: name }, public: { ...test.public, crv: name } };
      const wrong = [
        { ...named, shared: '00' },
        { ...named, public: { ...named.public, y: named.public.x } },
        { ...named, public: { ...named.public, crv: 'P-192' } },
        { ...named, private: { ...named.private, crv: 'P-192' } },
        { ...named, private: { ...named.private, kty: 'OKP' } },
      ];
      assert.deepEqual(
        results({ type: 'EcdhWebcryptoTest', curve: name, encoding: 'webcrypto' }, [named, ...wrong]),
        ['valid', ...wrong.map(() => 'invalid')],
        name,
      );
    });

  it('curve25519 takes no private key of another kind', () => {
    const [own, other] = [generateKeyPairSync('x25519'), generateKeyPairSync('x25519')];
    const [, test] = agreements('curve25519', own, other)[3];
    const wrong = { ...test, private: { ...test.private, kty: 'EC', crv: 'P-256' } };
    assert.deepEqual(results({ type: 'XdhJwkComp', curve: 'curve25519' }, [test, wrong]), ['valid', 'invalid']);
  });

  it('curve25519', () => {
    const [own, other] = [generateKeyPairSync('x25519'), generateKeyPairSync('x25519')];
    for (const [type, test] of agreements('curve25519', own, other))
      assert.deepEqual(
        results({ type, curve: 'curve25519' }, [test, { ...test, shared: '00' }]),
        ['valid', 'invalid'],
        type,
      );
  });

  it('a JSON Web Key has its curve, and coordinates of full length in their one form', () => {
    const [own, other] = [
      generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
      generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    ];
    const [, test] = agreements('secp256r1', own, other)[3];
    const { x = '', ...rest } = jwk(other.publicKey);
    const wrong = [
      { ...rest, x: `${x}=` },
      { ...rest, x: `AA${x}` },
      { ...rest, x, crv: 'P-384' },
      { ...rest, x, kty: 'oct' },
      rest,
    ];
    const tests = wrong.map((key) => ({ ...test, public: key }));
    assert.deepEqual(
      results({ type: 'EcdhWebcryptoTest', curve: 'secp256r1' }, tests),
      wrong.map(() => 'invalid'),
    );
    assert.ok(createPublicKey({ key: { ...rest, x }, format: 'jwk' }));
  });

  it('curves that are not used here are skipped', () => {
    for (const type of ['EcdhTest', 'EcdhWebcryptoTest', 'XdhComp'])
      assert.deepEqual(results({ type, curve: 'curve448' }, [{}]), ['SKIPPED']);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HDKey } from '@scure/bip32';
import fc from 'fast-check';
import { type Bytes, concatBytes, fromHex, toHex } from '../../../src/base/bytes.ts';
import { BASE58_CHARS_MAX, decodeBase58, encodeBase58 } from '../../../src/codec/base58.ts';
import {
  addScalarToPoint,
  compressPoint,
  pointOfScalar,
  uncompressPoint,
} from '../../../src/crypto/curve/curve-point.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { addScalars, isPrivateScalar, negateScalar, type PointCurve } from '../../../src/crypto/curve/scalar.ts';
import { walletAddressOf } from '../../../src/crypto/secp256k1/wallet-address.ts';
import { openPointAdder } from '../../../src/host/secp256k1/point-adder.ts';
import {
  ckdPriv,
  ckdPub,
  derivePrivate,
  derivePublic,
  masterKeyOf,
  SEED_BYTES_MAX,
  SEED_BYTES_MIN,
} from '../../../src/identity/key-tree/child-key.ts';
import {
  DERIVATION_STEPS_MAX,
  formatPath,
  HARDENED,
  parsePath,
} from '../../../src/identity/key-tree/derivation-path.ts';
import { ExtendedPrivateKey, ExtendedPublicKey } from '../../../src/identity/key-tree/extended-key.ts';
import { formatXprv, formatXpub, parseExtendedKey } from '../../../src/identity/key-tree/extended-key-text.ts';
import {
  entropyOfMnemonic,
  MNEMONIC_CHARS_MAX,
  MNEMONIC_WORDS,
  entropyBytesOf,
  mnemonicOf,
  seedOfMnemonic,
} from '../../../src/identity/key-tree/mnemonic.ts';

const SEED = fromHex('000102030405060708090a0b0c0d0e0f');
const ORDER = fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
const CURVES: readonly PointCurve[] = ['secp256k1', 'P-256'];
const ORDERS: Readonly<Record<PointCurve, bigint>> = {
  secp256k1: BigInt(`0x${toHex(ORDER)}`),
  'P-256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
};

function scalarOf(value: bigint): Bytes {
  return fromHex(value.toString(16).padStart(64, '0'));
}

/** The text of an extended key with any payload, its checksum right. */
function textOf(payload: Bytes): string {
  return encodeBase58(concatBytes(payload, sha256(sha256(payload)).subarray(0, 4)));
}

interface PayloadParts {
  readonly version?: string;
  readonly depth?: number;
  readonly fingerprint?: string;
  readonly index?: string;
  readonly key: string;
}

function payload({ version = '0488b21e', depth = 0, fingerprint, index, key }: PayloadParts): Bytes {
  return concatBytes(
    fromHex(version),
    Uint8Array.of(depth),
    fromHex(fingerprint ?? '00000000'),
    fromHex(index ?? '00000000'),
    new Uint8Array(32).fill(7),
    fromHex(key),
  );
}

const XPRV = '0488ade4';
const SCALAR = '07'.repeat(32);
const POINT = toHex(pointOfScalar('secp256k1', fromHex(SCALAR)));

/** The classes of BIP-32's test vector 5, each with what it must be refused as. */
const INVALID_KEYS: readonly (readonly [string, PayloadParts, string])[] = [
  ['public version with a private key', { key: `00${SCALAR}` }, 'ERR_KEY_PREFIX'],
  ['private version with a public key', { version: XPRV, key: POINT }, 'ERR_KEY_PREFIX'],
  ['public key that begins with 04', { key: `04${POINT.slice(2)}` }, 'ERR_KEY_PREFIX'],
  ['private key that begins with 04', { version: XPRV, key: `04${SCALAR}` }, 'ERR_KEY_PREFIX'],
  ['public key that begins with 01', { key: `01${POINT.slice(2)}` }, 'ERR_KEY_PREFIX'],
  ['private key that begins with 01', { version: XPRV, key: `01${SCALAR}` }, 'ERR_KEY_PREFIX'],
  ['master public key with a parent', { fingerprint: '00000001', key: POINT }, 'ERR_KEY_DEPTH'],
  ['master private key with a parent', { version: XPRV, fingerprint: '01000000', key: `00${SCALAR}` }, 'ERR_KEY_DEPTH'],
  ['master public key with an index', { index: '00000001', key: POINT }, 'ERR_KEY_DEPTH'],
  ['master private key with an index', { version: XPRV, index: '80000000', key: `00${SCALAR}` }, 'ERR_KEY_DEPTH'],
  ['version of the test network', { version: '043587cf', key: POINT }, 'ERR_KEY_VERSION'],
  ['version of nobody, private', { version: '00000000', key: `00${SCALAR}` }, 'ERR_KEY_VERSION'],
  ['private key 0', { version: XPRV, key: '00'.repeat(33) }, 'ERR_KEY_RANGE'],
  ['private key n', { version: XPRV, key: `00${toHex(ORDER)}` }, 'ERR_KEY_RANGE'],
  ['private key above n', { version: XPRV, key: `00${'ff'.repeat(32)}` }, 'ERR_KEY_RANGE'],
  ['point off the curve', { key: `02${'00'.repeat(31)}07` }, 'ERR_KEY_POINT'],
  ['x beyond the field', { key: `02${'ff'.repeat(32)}` }, 'ERR_KEY_POINT'],
];

describe('texts of extended keys', () => {
  for (const [name, parts, code] of INVALID_KEYS)
    it(`refuse a ${name}`, () => {
      assert.throws(() => parseExtendedKey(textOf(payload(parts))), { code });
    });

  it('refuse a wrong checksum, character and length', () => {
    const text = textOf(payload({ key: POINT }));
    assert.ok(parseExtendedKey(text) instanceof ExtendedPublicKey);
    const wrong = text.endsWith('1') ? `${text.slice(0, -1)}2` : `${text.slice(0, -1)}1`;
    assert.throws(() => parseExtendedKey(wrong), { code: 'ERR_KEY_CHECKSUM' });
    for (const other of ['', '0', `${text}1`, `1${text}`, text.slice(0, -1), `${text} `, text.replace('x', 'O')])
      assert.throws(() => parseExtendedKey(other), /ERR_KEY_(ENCODING|CHECKSUM)|base58|bytes|checksum/, other);
    assert.throws(() => parseExtendedKey(`${text.slice(0, -1)}l`), { code: 'ERR_KEY_ENCODING' });
    assert.throws(() => decodeBase58('1'.repeat(BASE58_CHARS_MAX + 1)), { code: 'ERR_KEY_ENCODING' });
    assert.equal(decodeBase58('1'.repeat(BASE58_CHARS_MAX)).length, BASE58_CHARS_MAX);
  });

  it('have one text a key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
        assert.deepEqual(decodeBase58(encodeBase58(bytes)), bytes);
      }),
    );
  });

  it('exist for secp256k1 only', () => {
    const key = masterKeyOf('P-256', SEED);
    assert.throws(() => formatXpub(key.public), { code: 'ERR_KEY_CURVE' });
    assert.throws(() => formatXprv(key), { code: 'ERR_KEY_CURVE' });
  });
});

describe('derivation', () => {
  it('agrees with another implementation on every kind of path', () => {
    const index = fc.oneof(fc.nat({ max: HARDENED - 1 }), fc.integer({ min: HARDENED, max: 2 ** 32 - 1 }));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 64 }), fc.array(index, { maxLength: 5 }), (seed, path) => {
        const ours = derivePrivate(masterKeyOf('secp256k1', seed), path);
        const theirs = HDKey.fromMasterSeed(seed).derive(formatPath(path));
        assert.equal(formatXprv(ours), theirs.privateExtendedKey);
        assert.equal(formatXpub(ours.public), theirs.publicExtendedKey);
      }),
      { numRuns: 50 },
    );
  });

  it('gives the same public child from either half of the parent', async () => {
    const native = await openPointAdder();
    for (const curve of CURVES) {
      const parent = derivePrivate(masterKeyOf(curve, SEED), [44 + HARDENED]);
      for (const index of [0, 1, 0x7fff_ffff]) {
        const child = ckdPriv(parent, index).public;
        for (const add of [undefined, native]) {
          const derived = ckdPub(parent.public, index, add);
          assert.deepEqual(derived.publicKey, child.publicKey);
          assert.deepEqual(derived.chainCode, child.chainCode);
          assert.deepEqual(derived.place, child.place);
        }
      }
    }
  });

  // SLIP-10, «Test derivation retry for nist256p1»: at both steps the first hash is no key.
  it('hashes again where P-256 has no key (SLIP-10)', () => {
    const branch = derivePrivate(masterKeyOf('P-256', SEED), parsePath("m/28578'"));
    assert.equal(
      branch.privateKey.use((key) => toHex(key)),
      '06f0db126f023755d0b8d86d4591718a5210dd8d024e3e14b6159d63f53aa669',
    );
    const child = ckdPriv(branch, 33_941);
    assert.equal(
      child.privateKey.use((key) => toHex(key)),
      '092154eed4af83e078ff9b84322015aefe5769e31270f62c3f66c33888335f3a',
    );
    assert.equal(toHex(child.public.chainCode), '9e87fe95031f14736774cd82f25fd885065cb7c358c1edf813c72af535e83071');
    assert.deepEqual(ckdPub(branch.public, 33_941).publicKey, child.public.publicKey);
  });

  // SLIP-10, «Test seed retry for nist256p1».
  it('hashes a seed again where P-256 has no master key (SLIP-10)', () => {
    const key = masterKeyOf('P-256', fromHex('a7305bc8df8d0951f0cb224c0e95d7707cbdf2c6ce7e8d481fec69c7ff5e9446'));
    assert.equal(
      key.privateKey.use((bytes) => toHex(bytes)),
      '3b8c18469a4634517d6d0b65448f8e6c62091b45540a1743c5846be55d47d88f',
    );
  });

  it('refuses an index that has no key, of secp256k1', () => {
    const parent = masterKeyOf('secp256k1', SEED).public;
    assert.throws(() => ckdPub(parent, 3, () => undefined), { code: 'ERR_KEY_INDEX' });
  });

  it('needs the private key for hardened children, and has only those of Ed25519', () => {
    assert.throws(() => ckdPub(masterKeyOf('secp256k1', SEED).public, HARDENED), { code: 'ERR_KEY_HARDENED' });
    const edwards = masterKeyOf('Ed25519', SEED);
    assert.throws(() => ckdPriv(edwards, 0), { code: 'ERR_KEY_CURVE' });
    assert.throws(() => ckdPub(edwards.public, 0), { code: 'ERR_KEY_CURVE' });
    assert.ok(ckdPriv(edwards, HARDENED).public.publicKey.length === 32);
  });

  it('ends at the deepest key', () => {
    const key = masterKeyOf('secp256k1', SEED).public;
    const deepest = new ExtendedPublicKey(
      'secp256k1',
      { ...key.place, depth: DERIVATION_STEPS_MAX, parentFingerprint: key.fingerprint },
      key.chainCode,
      key.publicKey,
    );
    assert.throws(() => ckdPub(deepest, 0), { code: 'ERR_KEY_DEPTH' });
    const read = parseExtendedKey(formatXpub(deepest));
    assert.ok(read instanceof ExtendedPublicKey);
    assert.throws(() => derivePublic(read, [1]), { code: 'ERR_KEY_DEPTH' });
  });

  it('takes seeds of 16 to 64 bytes', () => {
    for (const length of [SEED_BYTES_MIN, SEED_BYTES_MAX]) masterKeyOf('secp256k1', new Uint8Array(length));
    for (const length of [0, SEED_BYTES_MIN - 1, SEED_BYTES_MAX + 1])
      assert.throws(() => masterKeyOf('secp256k1', new Uint8Array(length)), { code: 'ERR_KEY_SEED' });
  });

  it('leaves nothing of the keys on the way', () => {
    const master = masterKeyOf('secp256k1', SEED);
    const kept: Bytes[] = [];
    {
      using child = ckdPriv(master, 1);
      child.privateKey.use((bytes) => kept.push(bytes));
    }
    assert.ok((kept[0] as Bytes).every((byte) => byte === 0));
    assert.ok(master.privateKey.use((bytes) => bytes.some((byte) => byte !== 0)));
  });

  // T1: why no child key ever leaves the authority, and why a published branch's child is never exported.
  it('gives the parent away to whoever has its public half and one child that is not hardened (T1)', () => {
    const branch = derivePrivate(masterKeyOf('secp256k1', SEED), parsePath("m/9'/1'/1'"));
    const stolen = ckdPriv(branch, 17).privateKey.use((key) => key.slice());
    const published = branch.public;
    const left = leftOf(published, 17);
    const recovered = addScalars('secp256k1', stolen, negateScalar('secp256k1', left));
    assert.equal(
      toHex(recovered),
      branch.privateKey.use((key) => toHex(key)),
    );
  });
});

/** The left half of the HMAC of a child that is not hardened, as anybody with the xpub works it out. */
function leftOf(parent: ExtendedPublicKey, index: number): Bytes {
  let left: Bytes | undefined;
  ckdPub(parent, index, (curve, point, scalar) => {
    left = scalar.slice();
    return addScalarToPoint(curve, point, scalar);
  });
  return left as Bytes;
}

describe('paths', () => {
  it('have steps that may be hardened', () => {
    assert.deepEqual(parsePath('m'), []);
    assert.deepEqual(parsePath("m/0'/1h/2H/2147483647"), [HARDENED, HARDENED + 1, HARDENED + 2, 0x7fff_ffff]);
    assert.equal(formatPath(parsePath('m/0h/1')), "m/0'/1");
    assert.equal(parsePath(`m${'/1'.repeat(DERIVATION_STEPS_MAX)}`).length, DERIVATION_STEPS_MAX);
  });

  for (const text of [
    '',
    '/',
    'm/',
    'M/0',
    '0/1',
    'm//1',
    'm/-1',
    'm/01',
    'm/1.0',
    "m/1''",
    'm/2147483648',
    'm/x',
    'm/1 ',
  ])
    it(`refuse ${JSON.stringify(text)}`, () => {
      assert.throws(() => parsePath(text), { code: 'ERR_KEY_PATH' });
    });

  it(`have at most ${DERIVATION_STEPS_MAX} steps`, () => {
    assert.throws(() => parsePath(`m${'/1'.repeat(DERIVATION_STEPS_MAX + 1)}`), { code: 'ERR_KEY_PATH' });
  });
});

describe('mnemonics', () => {
  it('stand for their random bytes, in any case and white space', () => {
    for (const words of MNEMONIC_WORDS) {
      const entropy = sha256(Uint8Array.of(words)).subarray(0, entropyBytesOf(words));
      const text = mnemonicOf(entropy);
      assert.equal(text.split(' ').length, words);
      const shouted = ` ${text.toUpperCase().replaceAll(' ', '\n\t ')}\n`;
      assert.deepEqual(
        entropyOfMnemonic(shouted).use((bytes) => bytes.slice()),
        entropy.slice(),
      );
      assert.deepEqual(
        seedOfMnemonic(shouted).use((bytes) => bytes.slice()),
        seedOfMnemonic(text).use((bytes) => bytes.slice()),
      );
    }
  });

  it('refuse a wrong count, word, order and checksum, and say no word of it', () => {
    const text = mnemonicOf(new Uint8Array(16).fill(9));
    const words = text.split(' ');
    const bad = [
      '',
      words.slice(1).join(' '),
      [...words, 'abandon'].join(' '),
      [...words.slice(0, -1), 'notaword'].join(' '),
      [...words.slice(0, -1), words[0] === 'zoo' ? 'zone' : 'zoo'].join(' '),
      `${text}${' '.repeat(MNEMONIC_CHARS_MAX)}`,
    ];
    for (const wrong of bad)
      assert.throws(
        () => entropyOfMnemonic(wrong),
        (error: Error & { code?: string }) =>
          error.code === 'ERR_KEY_MNEMONIC' &&
          !error.message.includes('notaword') &&
          !error.message.includes(words[3] as string),
      );
  });

  it('make another seed with another passphrase', () => {
    const text = mnemonicOf(new Uint8Array(16));
    const seeds = ['', 'TREZOR', 'trezor'].map((passphrase) => seedOfMnemonic(text, passphrase).use((b) => toHex(b)));
    assert.equal(new Set(seeds).size, 3);
    // U+00E9 and U+0065 U+0301 are the same letter: both are written apart first (NFKD).
    assert.deepEqual(
      seedOfMnemonic(text, '\u00e9').use((b) => toHex(b)),
      seedOfMnemonic(text, 'e\u0301').use((b) => toHex(b)),
    );
  });
});

describe('arithmetic of keys', () => {
  it('adds and negates modulo the order', () => {
    for (const curve of CURVES) {
      const n = ORDERS[curve];
      const some = fc.bigInt({ min: 0n, max: n - 1n });
      const edges = fc.constantFrom(0n, 1n, n - 1n, n - 2n, n / 2n, 2n ** 256n - n - 1n);
      const scalar = fc.oneof(some, edges);
      fc.assert(
        fc.property(scalar, scalar, (a, b) => {
          assert.equal(toHex(addScalars(curve, scalarOf(a), scalarOf(b))), toHex(scalarOf((a + b) % n)));
          if (a > 0n) assert.equal(toHex(negateScalar(curve, scalarOf(a))), toHex(scalarOf(n - a)));
        }),
      );
      for (const [value, is] of [
        [0n, false],
        [1n, true],
        [n - 1n, true],
        [n, false],
        [2n ** 256n - 1n, false],
      ] as const)
        assert.equal(isPrivateScalar(curve, scalarOf(value)), is);
      assert.equal(isPrivateScalar(curve, new Uint8Array(31).fill(1)), false);
    }
  });

  it('adds points, doubles them, and meets infinity', () => {
    for (const curve of CURVES) {
      const n = ORDERS[curve];
      const fc1 = fc.bigInt({ min: 1n, max: n - 1n });
      fc.assert(
        fc.property(fc1, fc1, (a, b) => {
          const sum = (a + b) % n;
          const expected = sum === 0n ? undefined : pointOfScalar(curve, scalarOf(sum));
          assert.deepEqual(addScalarToPoint(curve, pointOfScalar(curve, scalarOf(a)), scalarOf(b)), expected);
        }),
        { numRuns: 25 },
      );
      const seven = pointOfScalar(curve, scalarOf(7n));
      assert.deepEqual(addScalarToPoint(curve, seven, scalarOf(7n)), pointOfScalar(curve, scalarOf(14n)));
      assert.equal(addScalarToPoint(curve, seven, scalarOf(n - 7n)), undefined);
      assert.deepEqual(addScalarToPoint(curve, seven, scalarOf(0n)), seven);
      assert.equal(addScalarToPoint(curve, seven, scalarOf(n)), undefined);
    }
  });

  it('takes a point in two forms only', () => {
    const point = pointOfScalar('P-256', scalarOf(5n));
    const whole = uncompressPoint('P-256', point);
    assert.deepEqual(compressPoint('P-256', whole), point);
    const hybrid = concatBytes(Uint8Array.of(0x06 | ((whole[64] as number) & 1)), whole.subarray(1));
    const offCurve = whole.slice();
    offCurve[64] = (offCurve[64] as number) ^ 1;
    const wrongLength = concatBytes(Uint8Array.of(0x04), point.subarray(1));
    for (const bad of [hybrid, offCurve, wrongLength, new Uint8Array(1), new Uint8Array(0), new Uint8Array(33)])
      assert.throws(() => compressPoint('P-256', bad), { code: 'ERR_KEY_POINT' });
  });

  it('finds the address of a wallet', () => {
    // The address of the private key 1, known to every Ethereum tool.
    assert.equal(
      toHex(walletAddressOf(pointOfScalar('secp256k1', scalarOf(1n)))),
      '7e5f4552091a69125d5dfcb7b8c2659029395bdf',
    );
  });

  it('makes no key of zero', () => {
    assert.throws(
      () => ExtendedPrivateKey.of('secp256k1', masterKeyOf('secp256k1', SEED).public.place, SEED, new Uint8Array(32)),
      {
        code: 'ERR_KEY_RANGE',
      },
    );
  });
});

import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { p256 } from '@noble/curves/nist.js';
import { type Bytes, concatBytes, fromHex } from '../../../src/base/bytes.ts';
import { isMeshError } from '../../../src/base/errors.ts';
import { ecdsaDerToRaw } from '../../../src/crypto/ecdsa-signature.ts';
import { PublicKey } from '../../../src/crypto/public-key.ts';
import { loadP256Addon, type P256Addon } from '../../../src/host/p256/addon.ts';
import { missingP256Addon } from '../../support/p256-addon.ts';
import { missingVectors, readVectors } from '../../support/vectors.ts';

const { Fn, Fp } = p256.Point;
const ORDER = Fn.ORDER;
const G = p256.Point.BASE;

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tests: readonly { readonly tcId: number; readonly msg: string; readonly sig: string }[];
  }[];
}

function sha256(data: Bytes): Bytes {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

function octets(number: bigint): Bytes {
  return fromHex(number.toString(16).padStart(64, '0'));
}

function numberOf(bytes: Bytes): bigint {
  return BigInt(`0x${bytes.toHex()}`);
}

/** `x ‖ y` */
function pointOf(point: typeof G): Bytes {
  return point.toBytes(false).slice(1);
}

/** Third opinion, in BigInts: whether `r ‖ s` signs this digest for that key. */
function holds(key: typeof G, digest: Bytes, signature: Bytes): boolean {
  const [r, s] = [numberOf(signature.subarray(0, 32)), numberOf(signature.subarray(32))];
  if (r === 0n || s === 0n || r >= ORDER || s >= ORDER) return false;
  const inverse = Fn.inv(s);
  const [u1, u2] = [Fn.mul(Fn.create(numberOf(digest)), inverse), Fn.mul(r, inverse)];
  const sum = G.multiplyUnsafe(u1).add(key.multiplyUnsafe(u2));
  return !sum.is0() && sum.toAffine().x % ORDER === r;
}

/** A signature that holds for this key, made without its private half: R is chosen, and the digest follows. */
function chosen(key: typeof G, a: bigint, b: bigint): { digest: Bytes; signature: Bytes } {
  const R = G.multiplyUnsafe(a).add(key.multiplyUnsafe(b));
  const r = R.toAffine().x % ORDER;
  const s = Fn.div(r, b); // u2 = r / s = b
  return { digest: octets(Fn.mul(a, s)), signature: concatBytes(octets(r), octets(s)) };
}

describe('addon p256-checker', { skip: missingP256Addon() }, () => {
  const addon = missingP256Addon() === false ? loadP256Addon() : (undefined as unknown as P256Addon);

  it('agrees with node:crypto on Wycheproof', {
    skip: missingVectors('wycheproof/ecdsa_secp256r1_sha256_test.json'),
  }, () => {
    const { testGroups } = readVectors<Wycheproof>('wycheproof/ecdsa_secp256r1_sha256_test.json');
    let [taken, refused] = [0, 0];
    for (const { publicKeyDer, tests } of testGroups) {
      const key = PublicKey.fromSpki(fromHex(publicKeyDer));
      const table = addon.createTable(key.spki.slice(-64));
      for (const { tcId, msg, sig } of tests) {
        const signature = rawOf(fromHex(sig));
        if (signature === undefined) continue;
        const expected = key.verify('ES256', fromHex(msg), signature);
        assert.equal(addon.verify(table, sha256(fromHex(msg)), signature), expected, `case ${tcId}`);
        if (expected) taken++;
        else refused++;
      }
    }
    assert.ok(taken > 100 && refused > 50, `${taken} taken, ${refused} refused`);
  });

  it('agrees with node:crypto on random keys, messages, and signatures changed anywhere', () => {
    for (let k = 0; k < 10; k++) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const key = PublicKey.fromSpki(new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })));
      const table = addon.createTable(key.spki.slice(-64));
      for (let i = 0; i < 64; i++) {
        const data = new Uint8Array(randomBytes(i));
        const good = new Uint8Array(sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
        const changed = good.slice();
        changed[i] = (changed[i] as number) ^ (1 << (k % 8));
        const twin = concatBytes(good.subarray(0, 32), octets(ORDER - numberOf(good.subarray(32))));
        assert.equal(addon.verify(table, sha256(data), good), true);
        assert.equal(addon.verify(table, sha256(data), twin), true, 'either half of s');
        for (const signature of [changed, new Uint8Array(randomBytes(64))])
          assert.equal(
            addon.verify(table, sha256(data), signature),
            key.verify('ES256', data, signature),
            signature.toHex(),
          );
        assert.equal(addon.verify(table, sha256(randomBytes(9)), good), false);
      }
    }
  });

  it('takes no number that is zero or not below the order', () => {
    const { digest, signature } = chosen(G.multiply(7n), 5n, 11n);
    const table = addon.createTable(pointOf(G.multiply(7n)));
    const [r, s] = [numberOf(signature.subarray(0, 32)), numberOf(signature.subarray(32))];
    assert.equal(addon.verify(table, digest, signature), true);
    const strange = [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, Fp.ORDER, 2n ** 256n - 1n];
    for (const number of [...strange, r, s, r + ORDER, s + ORDER].filter((each) => each < 2n ** 256n))
      for (const other of [...strange, r, s]) {
        const candidate = concatBytes(octets(number), octets(other));
        assert.equal(
          addon.verify(table, digest, candidate),
          holds(G.multiply(7n), digest, candidate),
          candidate.toHex(),
        );
      }
  });

  it('adds equal points, opposite ones and infinity as others do: keys that are small multiples of the generator', () => {
    const scalars = [1n, 2n, 3n, 2n ** 16n, 2n ** 32n, 2n ** 224n, ORDER - 1n, ORDER - 2n, ORDER - 2n ** 16n];
    for (const d of scalars) {
      const key = G.multiply(d);
      const table = addon.createTable(pointOf(key));
      for (const a of [1n, 2n, 3n, 255n, 2n ** 16n, 2n ** 255n, ORDER - 1n, ORDER - 3n])
        for (const b of [1n, 2n, 2n ** 16n, 2n ** 32n + 1n, Fn.inv(d), ORDER - 1n]) {
          if (Fn.create(a + b * d) === 0n) continue; // R is infinity: no r to choose, see below
          const { digest, signature } = chosen(key, a, b);
          assert.equal(addon.verify(table, digest, signature), true, `${d} ${a} ${b}`);
          digest[31] = (digest[31] as number) ^ 1;
          assert.equal(addon.verify(table, digest, signature), holds(key, digest, signature), `${d} ${a} ${b}`);
        }
      // u1 = -u2 d: the sum is infinity, whose x is nothing.
      const [r, s] = [octets(5n), octets(9n)];
      const digest = octets(Fn.neg(Fn.mul(5n, d)));
      assert.equal(addon.verify(table, digest, concatBytes(r, s)), false);
    }
  });

  it('takes r for an x that is not below the order, and only where the field has room for it', () => {
    let x = ORDER;
    while (!isOnCurve(x)) x++;
    const R = p256.Point.fromHex(`02${octets(x).toHex()}`);
    const [a, b] = [5n, 9n];
    const key = R.subtract(G.multiply(a)).multiply(Fn.inv(b)); // a G + b Q = R, whoever holds its private half
    const table = addon.createTable(pointOf(key));
    const r = x - ORDER;
    const s = Fn.div(r, b);
    const digest = octets(Fn.mul(a, s));
    assert.equal(addon.verify(table, digest, concatBytes(octets(r), octets(s))), true);
    assert.equal(addon.verify(table, digest, concatBytes(octets(x), octets(s))), false);
    assert.equal(addon.verify(table, digest, concatBytes(octets(r + 1n), octets(s))), false);
  });

  it('takes a digest that is not below the order modulo the order, and zero', () => {
    const d = 12_345n;
    const key = G.multiply(d);
    const table = addon.createTable(pointOf(key));
    for (const digest of [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, 2n ** 256n - 1n]) {
      const k = 77n;
      const r = G.multiply(k).toAffine().x % ORDER;
      const s = Fn.div(Fn.create(Fn.create(digest) + r * d), k);
      assert.equal(addon.verify(table, octets(digest), concatBytes(octets(r), octets(s))), true, `${digest}`);
    }
  });

  it('makes no table of what is no point of the curve', () => {
    const point = pointOf(G.multiply(3n));
    const [x, y] = [numberOf(point.subarray(0, 32)), numberOf(point.subarray(32))];
    const off = [
      new Uint8Array(64),
      concatBytes(octets(y), octets(x)),
      concatBytes(octets(x), octets(y + 1n)),
      concatBytes(octets(Fp.ORDER), octets(y)),
      concatBytes(octets(x), octets(Fp.ORDER)),
      new Uint8Array(64).fill(0xff),
    ];
    let low = 0n;
    while (!isOnCurve(low)) low++;
    const lowPoint = pointOf(p256.Point.fromHex(`02${octets(low).toHex()}`));
    assert.ok(addon.createTable(lowPoint));
    off.push(concatBytes(octets(low + Fp.ORDER), lowPoint.subarray(32))); // the same number in another form
    for (const bytes of off) assert.throws(() => addon.createTable(bytes), /not one of P-256/);
    assert.ok(addon.createTable(concatBytes(octets(x), octets(Fp.ORDER - y))));
  });

  it('refuses arguments of other kinds and lengths', () => {
    const point = pointOf(G);
    const table = addon.createTable(point);
    const create = addon.createTable as (...args: unknown[]) => unknown;
    const verify = addon.verify as (...args: unknown[]) => unknown;
    for (const args of [
      [],
      [undefined],
      ['x'.repeat(64)],
      [point.subarray(1)],
      [new Uint16Array(64)],
      [new DataView(new ArrayBuffer(64))],
    ])
      assert.throws(() => create(...args), RangeError);
    const [digest, signature] = [new Uint8Array(32), new Uint8Array(64)];
    const gone = new Uint8Array(64);
    structuredClone(gone, { transfer: [gone.buffer] });
    const strange = [[], [table], [table, digest], [{}, digest, signature], [undefined, digest, signature]];
    const lengths = [
      [table, signature, signature],
      [table, digest, digest],
      [table, digest, gone],
    ];
    for (const args of [...strange, ...lengths, [table, digest, new Uint32Array(64)]])
      assert.throws(() => verify(...args), RangeError);
    assert.equal(verify(table, digest, signature), false);
  });
});

function isOnCurve(x: bigint): boolean {
  const square = Fp.create(x ** 3n - 3n * x + p256.Point.CURVE().b);
  return Fp.pow(square, (Fp.ORDER - 1n) / 2n) === 1n;
}

/** `undefined` for what is refused before a key is asked: DER in another form, numbers of more than 32 octets. */
function rawOf(der: Bytes): Bytes | undefined {
  try {
    return ecdsaDerToRaw(der);
  } catch (error) {
    assert.ok(isMeshError(error), String(error));
    return undefined;
  }
}

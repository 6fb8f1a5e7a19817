import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, toHex } from '../../../src/base/bytes.ts';
import { openPointAdder, pointAdderOnDemand } from '../../../src/host/secp256k1/point-adder.ts';
import { ckdPub, derivePrivate, masterKeyOf } from '../../../src/identity/key-tree/child-key.ts';
import { HARDENED, parsePath } from '../../../src/identity/key-tree/derivation-path.ts';
import { ExtendedPublicKey } from '../../../src/identity/key-tree/extended-key.ts';
import { formatXprv, formatXpub, parseExtendedKey } from '../../../src/identity/key-tree/extended-key-text.ts';
import { entropyOfMnemonic, mnemonicOf, seedOfMnemonic } from '../../../src/identity/key-tree/mnemonic.ts';
import { serializePublicKey, type TreeCurve } from '../../../src/identity/key-tree/tree-curve.ts';
import { missingVectors, readVectors } from '../../support/vectors.ts';

interface Bip32 {
  readonly valid: readonly {
    readonly vector: number;
    readonly seed: string;
    readonly chains: readonly { readonly path: string; readonly xpub: string; readonly xprv: string }[];
  }[];
}

interface Slip10 {
  readonly vectors: readonly {
    readonly title: string;
    readonly curve: string;
    readonly seed: string;
    readonly chains: readonly {
      readonly path: string;
      readonly fingerprint: string;
      readonly chain_code: string;
      readonly private: string;
      readonly public: string;
    }[];
  }[];
}

const CURVES: Readonly<Record<string, TreeCurve>> = { secp256k1: 'secp256k1', nist256p1: 'P-256', ed25519: 'Ed25519' };

describe('BIP-32 vectors (S0.08)', { skip: missingVectors('hd/bip32.json') }, () => {
  for (const { vector, seed, chains } of readVectors<Bip32>('hd/bip32.json').valid)
    for (const { path, xpub, xprv } of chains)
      it(`vector ${vector}, ${path}`, async () => {
        const key = derivePrivate(masterKeyOf('secp256k1', fromHex(seed)), parsePath(path));
        assert.equal(formatXprv(key), xprv);
        assert.equal(formatXpub(key.public), xpub);
        const read = parseExtendedKey(xprv);
        assert.ok(!(read instanceof ExtendedPublicKey));
        assert.equal(formatXprv(read), xprv);
        const readPublic = parseExtendedKey(xpub);
        assert.ok(readPublic instanceof ExtendedPublicKey);
        assert.equal(formatXpub(readPublic), xpub);
      });

  it('lead to the same children from the public key, by every library (S0.09)', async () => {
    const libraries = [
      undefined,
      await openPointAdder(),
      await openPointAdder(['wasm']),
      await openPointAdder([]),
      pointAdderOnDemand(),
    ];
    let count = 0;
    for (const { seed, chains } of readVectors<Bip32>('hd/bip32.json').valid)
      for (const { path, xpub } of chains) {
        const steps = parsePath(path);
        const last = steps.at(-1);
        if (last === undefined || last >= HARDENED) continue;
        const parent = derivePrivate(masterKeyOf('secp256k1', fromHex(seed)), steps.slice(0, -1)).public;
        for (const add of libraries) assert.equal(formatXpub(ckdPub(parent, last, add)), xpub);
        count++;
      }
    assert.ok(count >= 6, `only ${count} chains end in a step that is not hardened`);
  });
});

describe('SLIP-10 vectors (S0.08)', { skip: missingVectors('hd/slip10.json') }, () => {
  for (const { title, curve: name, seed, chains } of readVectors<Slip10>('hd/slip10.json').vectors) {
    const curve = CURVES[name];
    if (curve === undefined) continue; // curve25519 agrees on keys and signs nothing
    for (const chain of chains)
      it(`${title}, ${chain.path}`, () => {
        const steps = parsePath(chain.path);
        const key = derivePrivate(masterKeyOf(curve, fromHex(seed)), steps);
        assert.equal(toHex(key.public.place.parentFingerprint), chain.fingerprint);
        assert.equal(toHex(key.public.chainCode), chain.chain_code);
        assert.equal(
          key.privateKey.use((bytes) => toHex(bytes)),
          chain.private,
        );
        assert.equal(toHex(serializePublicKey(curve, key.public.publicKey)), chain.public);
        const last = steps.at(-1);
        if (last === undefined || last >= HARDENED || curve === 'Ed25519') return;
        const parent = derivePrivate(masterKeyOf(curve, fromHex(seed)), steps.slice(0, -1)).public;
        assert.equal(toHex(ckdPub(parent, last).publicKey), chain.public);
        assert.equal(toHex(ckdPub(parent, last).chainCode), chain.chain_code);
      });
  }
});

describe('BIP-39 vectors', { skip: missingVectors('hd/bip39-vectors.json') }, () => {
  const { english } = readVectors<{ english: readonly (readonly [string, string, string, string])[] }>(
    'hd/bip39-vectors.json',
  );
  for (const [entropy, mnemonic, seed, xprv] of english)
    it(`entropy ${entropy}`, () => {
      assert.equal(mnemonicOf(fromHex(entropy)), mnemonic);
      assert.equal(
        entropyOfMnemonic(mnemonic).use((bytes) => toHex(bytes)),
        entropy,
      );
      seedOfMnemonic(mnemonic, 'TREZOR').use((bytes) => {
        assert.equal(toHex(bytes), seed);
        assert.equal(formatXprv(masterKeyOf('secp256k1', bytes)), xprv);
      });
    });
});

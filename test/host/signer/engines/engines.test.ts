import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { recoverAddress, SigningKey } from 'ethers';
import { recoverPublicKey } from 'viem';
import { bytesEqual } from '../../../../src/base/bytes.ts';
import { keccak256 } from '../../../../src/crypto/keccak.ts';
import { Secret } from '../../../../src/crypto/secret.ts';
import { secp256k1PublicKey } from '../../../../src/crypto/secp256k1/key.ts';
import { isLowS } from '../../../../src/crypto/secp256k1/signature.ts';
import { ENGINES, engineProblem, openChecker, openSigner } from '../../../../src/host/signer/engines/engines.ts';
import type { BatchSigner, RecoveryBatch, SigningBatch } from '../../../../src/ports/batch-signer.ts';
import { markSalts, saltText } from '../../../../src/signer/salt.ts';
import { parseSignedRecord, preimageOf } from '../../../../src/signer/signed-line.ts';
import { SEED_RECORD } from '../../../support/seed-record.ts';

/** Lengths around the 136 bytes that Keccak-256 absorbs at once, the salt's 36 included. */
const MESSAGE_LENGTHS = [1, 2, 27, 28, 99, 100, 101, 235, 236, 237, 1_000, 70_000];
const RECORDS = 150;
const KEYS = Array.from({ length: 5 }, () => new Secret(randomBytes(32)));

const BATCH = batchOf(
  Array.from({ length: RECORDS }, (_, i) => randomBytes(MESSAGE_LENGTHS[i % MESSAGE_LENGTHS.length] as number)),
);

function batchOf(messages: readonly Uint8Array[]): SigningBatch {
  const offsets = new Uint32Array(messages.length + 1);
  for (const [i, message] of messages.entries()) offsets[i + 1] = (offsets[i] as number) + message.length;
  return {
    messages: new Uint8Array(Buffer.concat(messages)),
    offsets,
    salts: markSalts(new Uint8Array(randomBytes(16 * messages.length))),
    keyIndexes: Uint16Array.from(messages, (_, i) => i % KEYS.length),
  };
}

function preimage(batch: SigningBatch, i: number): Uint8Array {
  return new Uint8Array(
    Buffer.concat([
      Buffer.from(saltText(batch.salts.subarray(16 * i, 16 * i + 16))),
      batch.messages.subarray(batch.offsets[i], batch.offsets[i + 1]),
    ]),
  );
}

function recoveryOf(
  items: readonly { readonly preimage: Uint8Array; readonly signature: Uint8Array }[],
): RecoveryBatch {
  const offsets = new Uint32Array(items.length + 1);
  for (const [i, item] of items.entries()) offsets[i + 1] = (offsets[i] as number) + item.preimage.length;
  return {
    preimages: new Uint8Array(Buffer.concat(items.map((item) => item.preimage))),
    offsets,
    signatures: new Uint8Array(Buffer.concat(items.map((item) => item.signature))),
  };
}

const SEED = parseSignedRecord(SEED_RECORD);
const reference: Promise<Uint8Array> = signWithWasm();

async function signWithWasm(): Promise<Uint8Array> {
  const signer = await openSigner(KEYS, 'wasm');
  try {
    return await signer.sign(BATCH);
  } finally {
    await signer.close();
  }
}

for (const engine of ENGINES) {
  const problem = await engineProblem(engine);
  describe(`signing engine: ${engine}`, { skip: problem === undefined ? false : problem.message }, () => {
    let signer: BatchSigner;
    before(async () => {
      signer = await openSigner(KEYS, engine);
    });
    after(() => signer.close());

    it('has the public keys that node:crypto derives, in the order of the ring', () => {
      assert.deepEqual(signer.publicKeys, KEYS.map(secp256k1PublicKey));
    });

    it('signs byte for byte like every other engine (RFC 6979, low s, T11)', async () => {
      const signatures = await signer.sign(BATCH);
      assert.ok(bytesEqual(signatures, await reference));
      for (let i = 0; i < RECORDS; i++) {
        const signature = signatures.subarray(65 * i, 65 * i + 65);
        assert.ok(isLowS(signature) && (signature[64] as number) < 2);
      }
    });

    it('signs what ethers and viem recover to the stated key', async () => {
      const signatures = await signer.sign(BATCH);
      for (let i = 0; i < MESSAGE_LENGTHS.length; i++) {
        const hash = `0x${keccak256(preimage(BATCH, i)).toHex()}` as const;
        const signature = `0x${signatures.subarray(65 * i, 65 * i + 65).toHex()}` as const;
        const key = `0x${(signer.publicKeys[i % KEYS.length] as Uint8Array).toHex()}`;
        const forEthers = {
          r: signature.slice(0, 66),
          s: `0x${signature.slice(66, 130)}`,
          v: 27 + Number(signature.slice(-1)),
        };
        assert.equal(SigningKey.recoverPublicKey(hash, forEthers), key);
        assert.match(recoverAddress(hash, forEthers), /^0x/);
        assert.equal(await recoverPublicKey({ hash, signature }), key);
      }
    });

    it('recovers the sample record of the seed to its key', async () => {
      const checker = await openChecker(engine);
      const [point] = [await checker.recover(recoveryOf([{ preimage: preimageOf(SEED), signature: SEED.signature }]))];
      await checker.close();
      assert.equal(`0x${point.toHex()}`, SEED_RECORD.key);
    });

    it('recovers nothing from a high s, a v of 27, zero r or s, or r beyond the order (T11)', async () => {
      const order = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
      const s = BigInt(`0x${SEED.signature.subarray(32, 64).toHex()}`);
      const highS = Uint8Array.fromHex((order - s).toString(16).padStart(64, '0'));
      const changed = (at: number, bytes: Uint8Array): Uint8Array => {
        const copy = SEED.signature.slice();
        copy.set(bytes, at);
        return copy;
      };
      const malformed = [
        new Uint8Array(Buffer.concat([SEED.signature.subarray(0, 32), highS, Uint8Array.of(0)])),
        changed(64, Uint8Array.of(27)),
        changed(64, Uint8Array.of(28)),
        changed(0, new Uint8Array(32)),
        changed(32, new Uint8Array(32)),
        changed(0, new Uint8Array(32).fill(0xff)),
      ];
      const checker = await openChecker(engine);
      const points = await checker.recover(
        recoveryOf(malformed.map((signature) => ({ preimage: preimageOf(SEED), signature }))),
      );
      await checker.close();
      assert.ok(bytesEqual(points, new Uint8Array(points.length)));
    });

    it('takes several batches at once and an empty one', async () => {
      const results = await Promise.all(Array.from({ length: 6 }, () => signer.sign(BATCH)));
      for (const result of results) assert.ok(bytesEqual(result, await reference));
      assert.equal((await signer.sign(batchOf([]))).length, 0);
    });

    it('refuses a batch that names a key outside the ring', async () => {
      const batch = { ...BATCH, keyIndexes: BATCH.keyIndexes.slice().fill(KEYS.length) };
      await assert.rejects(signer.sign(batch), { code: 'ERR_ENGINE' });
    });

    it('refuses zero, and the order of the group, as keys', async () => {
      const order = Uint8Array.fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
      for (const bytes of [new Uint8Array(32), order])
        await assert.rejects(openSigner([new Secret(bytes)], engine), /not a private key|ERR_ENGINE/);
    });
  });
}

describe('the native addon', { skip: (await engineProblem('native'))?.message ?? false }, () => {
  it('signs nothing after it was closed, and finishes what was under way', async () => {
    const signer = await openSigner(KEYS, 'native');
    const underWay = signer.sign(BATCH);
    await signer.close();
    assert.ok(bytesEqual(await underWay, await reference));
    await assert.rejects(signer.sign(BATCH), { code: 'ERR_ENGINE' });
  });

  it('refuses arrays that disagree, so that nothing is read beyond its end', async () => {
    const signer = await openSigner(KEYS, 'native');
    const wrong: SigningBatch[] = [
      { ...BATCH, salts: BATCH.salts.subarray(1) },
      { ...BATCH, offsets: BATCH.offsets.subarray(1) },
      { ...BATCH, messages: BATCH.messages.subarray(1) },
      { ...BATCH, offsets: BATCH.offsets.slice().reverse() },
    ];
    for (const batch of wrong) await assert.rejects(signer.sign(batch), { code: 'ERR_ENGINE' });
    await signer.close();
  });
});

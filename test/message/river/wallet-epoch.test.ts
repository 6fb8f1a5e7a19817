import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnixMs } from '../../../src/base/time.ts';
import { CborWriter } from '../../../src/codec/cbor-writer.ts';
import { signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import {
  encodeWalletEpoch,
  parseWalletEpoch,
  signWalletEpoch,
  WALLET_EPOCH_BYTES_MAX,
  WALLET_EPOCH_HEAD,
  WALLET_EPOCH_MS_MAX,
} from '../../../src/message/river/wallet-epoch.ts';
import { ALICE, DEVICE, highTwin, MALLORY, withV } from '../../support/river.ts';

const BELOW = Date.UTC(2027, 0, 15) as UnixMs;
const EPOCH = signWalletEpoch(ALICE, BELOW);
const BYTES = encodeWalletEpoch(EPOCH);

describe('a wallet’s word that its delegates are void (S3.15)', () => {
  it('is read as it was written, whichever v the wallet writes', () => {
    assert.equal(BYTES[0], WALLET_EPOCH_HEAD);
    assert.deepEqual(parseWalletEpoch(BYTES), EPOCH);
    const v = (EPOCH.signature[64] as number) - 27;
    assert.equal(parseWalletEpoch(encodeWalletEpoch({ ...EPOCH, signature: withV(EPOCH.signature, v) })).below, BELOW);
  });

  const delegate = signWalletDelegate(ALICE, DEVICE.publicKey, BigInt(BELOW));
  const fields = (below: number): CborWriter => new CborWriter(256).array(3).bytes(ALICE.address).uint(below);
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['another wallet', encodeWalletEpoch({ ...EPOCH, address: MALLORY.address }), 'ERR_EPOCH_SIGNATURE'],
    ['another epoch', encodeWalletEpoch({ ...EPOCH, below: (BELOW + 1) as UnixMs }), 'ERR_EPOCH_SIGNATURE'],
    [
      'the signature of a delegate of that expiry',
      encodeWalletEpoch({ ...EPOCH, signature: delegate.signature }),
      'ERR_EPOCH_SIGNATURE',
    ],
    ['the high s', encodeWalletEpoch({ ...EPOCH, signature: highTwin(EPOCH.signature) }), 'ERR_EPOCH_MALFORMED'],
    ['a v of 29', encodeWalletEpoch({ ...EPOCH, signature: withV(EPOCH.signature, 29) }), 'ERR_EPOCH_MALFORMED'],
    ['64 bytes for a signature', fields(BELOW).bytes(EPOCH.signature.subarray(0, 64)).finish(), 'ERR_EPOCH_MALFORMED'],
    ['the epoch 0', fields(0).bytes(EPOCH.signature).finish(), 'ERR_EPOCH_MALFORMED'],
    [
      'an epoch after 9999',
      fields(WALLET_EPOCH_MS_MAX + 1)
        .bytes(EPOCH.signature)
        .finish(),
      'ERR_EPOCH_MALFORMED',
    ],
    ['a byte behind it', Uint8Array.of(...BYTES, 0), 'ERR_EPOCH_MALFORMED'],
    ['a byte too few', BYTES.subarray(0, -1), 'ERR_EPOCH_MALFORMED'],
    ['more bytes than any', new Uint8Array(WALLET_EPOCH_BYTES_MAX + 1).fill(0x83), 'ERR_EPOCH_MALFORMED'],
    ['nothing', new Uint8Array(0), 'ERR_EPOCH_MALFORMED'],
  ];
  for (const [name, bytes, code] of cases)
    it(`is refused with ${name}`, () => assert.throws(() => parseWalletEpoch(bytes), { code }));

  it('is not the wallet’s word for a delegate either', () => {
    assert.notDeepEqual(EPOCH.signature, delegate.signature);
  });
});

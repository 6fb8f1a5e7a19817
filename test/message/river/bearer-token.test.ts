import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import { bytesField } from '../../../src/codec/protobuf-wire.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { encodeBearerToken, openBearerToken, TOKEN_DIGITS_MAX } from '../../../src/message/river/bearer-token.ts';
import { walletOf } from '../../../src/message/river/wallet.ts';
import { signWalletDelegate, verifyWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import { ALICE, LATER_MS } from '../../support/river.ts';

const KEY = '5e'.repeat(32);
const key = new Secret(Uint8Array.fromHex(KEY));
const delegate = signWalletDelegate(ALICE, walletOf(key).publicKey, LATER_MS);

describe('bearer tokens of River', () => {
  it('are the key of a device, the delegate for it and its expiry, in hex', () => {
    const token = encodeBearerToken(key, delegate);
    const opened = openBearerToken(`0x${token.toUpperCase()}\n`);
    assert.deepEqual(opened.delegate, delegate);
    assert.deepEqual(opened.device.address, walletOf(key).address);
    verifyWalletDelegate(opened.delegate);
  });

  it('changed, name another creator or none', () => {
    const later = encodeBearerToken(key, { ...delegate, expiresAtMs: LATER_MS + 1n });
    assert.notDeepEqual(openBearerToken(later).delegate.creator, ALICE.address);
  });

  it('are refused without a word of what was in them', () => {
    const noKey = bytesField(1, utf8(`0x${'00'.repeat(32)}`)).toHex();
    const noSignature = bytesField(1, utf8(`0x${KEY}`)).toHex();
    for (const text of ['', 'zz', '0a', noKey, noSignature, KEY, '0'.repeat(TOKEN_DIGITS_MAX + 2)]) {
      assert.throws(
        () => openBearerToken(text),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'ERR_BEARER_TOKEN');
          assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /5e5e/);
          return true;
        },
      );
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, toHex, utf8 } from '../../../src/base/bytes.ts';
import { p256PublicPoint } from '../../../src/crypto/keys/p256-key.ts';
import { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import {
  scalarAfter,
  sigV4aPrivateKey,
  sigV4aPublicPoint,
  sigV4aSigner,
} from '../../../src/message/request/signing-key.ts';

/** The documented one (spec 09 requests). */
const DOCUMENTED = {
  accessKeyId: 'AKISORANDOMAASORANDOM',
  secretAccessKey: 'q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom',
};
const ORDER = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';

function plus(n: bigint): string {
  return (BigInt(`0x${ORDER}`) + n).toString(16);
}

describe('the key of SigV4A', () => {
  it('is derived as documented', () => {
    using secret = sigV4aPrivateKey(DOCUMENTED);
    assert.equal(secret.use(toHex), '7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd');
    assert.equal(toHex(sigV4aPublicPoint(DOCUMENTED)), toHex(secret.use(p256PublicPoint)));
  });

  it('signs what its public half verifies', async () => {
    const signer = sigV4aSigner(DOCUMENTED);
    const key = PublicKey.fromSpki(signer.spki);
    assert.equal(key.verify('ES256', utf8('a'), await signer.sign(utf8('a'))), true);
    assert.equal(toHex(signer.spki).endsWith(toHex(sigV4aPublicPoint(DOCUMENTED))), true);
  });

  it('is taken from candidates up to the order less 2, and no others', () => {
    const next = (hex: string): string | undefined => scalarAfter(fromHex(hex))?.toHex();
    assert.equal(next('00'.repeat(32)), `${'00'.repeat(31)}01`);
    assert.equal(next(`${'00'.repeat(31)}ff`), `${'00'.repeat(30)}0100`);
    assert.equal(next(plus(-3n)), plus(-2n));
    assert.equal(next(plus(-2n)), plus(-1n));
    assert.equal(next(plus(-1n)), undefined);
    assert.equal(next(ORDER), undefined);
    assert.equal(next('ff'.repeat(32)), undefined);
  });

  it('is none outside the group', () => {
    for (const hex of ['00'.repeat(32), ORDER, 'ff'.repeat(32), '01'])
      assert.throws(() => p256PublicPoint(fromHex(hex)), { code: 'ERR_KEY_RANGE' }, hex);
  });
});

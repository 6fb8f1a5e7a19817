import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAY_MS } from '../../src/base/time.ts';
import { verifyRiverEvent } from '../../src/client/verify.ts';
import { ENVELOPE } from '../../src/message/river/envelope.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../src/identity/delegate/statement.ts';
import { ALICE, DEVICE, delegatedBytes, eventBytes, seal } from '../support/river.ts';

const NOW = Date.UTC(2026, 0, 1);

describe('verifyRiverEvent', () => {
  const by = (expiresAtMs: number): Uint8Array => ENVELOPE.encode(seal(DEVICE, delegatedBytes(BigInt(expiresAtMs))));

  it('judges the leave of a device as a store does before it keeps an event: it ends, soon enough, and not yet', () => {
    const cases: readonly (readonly [expiry: number, code: string | undefined])[] = [
      [NOW + DAY_MS, undefined],
      [NOW + WALLET_DELEGATE_MS_MAX, undefined],
      [NOW + WALLET_DELEGATE_MS_MAX + 1, 'ERR_WALLET_LIFETIME'],
      [NOW, 'ERR_WALLET_EXPIRED'],
      [0, 'ERR_WALLET_FOREVER'],
    ];
    for (const [expiry, code] of cases) {
      const verify = () => verifyRiverEvent(by(expiry), { now: NOW });
      if (code === undefined) assert.equal(verify().isDelegated, true);
      else assert.throws(verify, { code }, String(expiry));
      assert.equal(
        verifyRiverEvent(by(expiry), { now: undefined }).expiresAtMs,
        BigInt(expiry),
        'it was taken in time',
      );
    }
    for (const expiry of [0, NOW + 10 * WALLET_DELEGATE_MS_MAX])
      assert.equal(verifyRiverEvent(by(expiry), { now: NOW, forever: 'allowed' }).isDelegated, true, 'as River does');
  });

  it('asks nothing of the kind of what the wallet itself signed', () => {
    assert.equal(verifyRiverEvent(ENVELOPE.encode(seal(ALICE, eventBytes())), { now: NOW }).isDelegated, false);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNodeId } from '../../src/identity/node-id.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { HEAR_ALL_WALLETS, WalletPolicy } from '../../src/node/wallet-policy.ts';

const [ONE, TWO] = [parseNodeId(`0x${'11'.repeat(20)}`), parseNodeId(`0x${'22'.repeat(20)}`)];
const TYPES = ['command/stop', 'command/start', 'indicator', 'camera/door'];

/** What this policy hears of the origin. */
function heard(texts: readonly string[], origin = ONE): readonly string[] {
  const policy = WalletPolicy.parse(texts);
  return TYPES.filter((type) => policy.hears(origin, parseMessageType(type)));
}

describe('which wallets a node obeys', () => {
  it('all where nobody said otherwise, and none where it is told so', () => {
    for (const type of TYPES) assert.equal(HEAR_ALL_WALLETS.hears(ONE, parseMessageType(type)), true);
    assert.deepEqual(heard([]), []);
    assert.deepEqual(heard(['*']), TYPES);
  });

  it('as its own entry says, else as that of all others', () => {
    const policy = [
      `${ONE.toUpperCase().replace('X', 'x')}  command:issue/stop publish:camera/*`,
      '* publish:indicator',
    ];
    assert.deepEqual(heard(policy, ONE), ['command/stop', 'camera/door']);
    assert.deepEqual(heard(policy, TWO), ['indicator']);
    assert.deepEqual(heard([ONE], TWO), []);
    assert.deepEqual(heard([`${ONE} command:issue`]), ['command/stop', 'command/start']);
  });

  it('says nothing of nodes and their devices', () => {
    assert.deepEqual(heard([], parseNodeId('gate-7')), TYPES);
    assert.deepEqual(heard([], parseNodeId(`0x${'11'.repeat(19)}`)), TYPES, 'no wallet has so short a name');
  });

  it('never lets a wallet speak for a node: its record', () => {
    assert.equal(WalletPolicy.parse([`${ONE} relay`]).hears(ONE, parseMessageType('record')), false);
  });

  for (const texts of [['gate-7'], ['0x11'], [''], [ONE, ONE], ['* Command']])
    it(`refuses ${JSON.stringify(texts).slice(0, 60)}`, () => {
      assert.throws(() => WalletPolicy.parse(texts), { code: /^ERR_(?:INPUT|DELEGATE_SCOPE)$/ });
    });
});

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Bytes, utf8 } from '../../../src/base/bytes.ts';
import type { MonotonicMs } from '../../../src/base/time.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import {
  ASK_AGAIN_MS,
  type LinkSource,
  PARKED_CHAINS_MAX,
  PARKED_MAX,
  PARKED_MS_MAX,
  PARKED_PER_PEER_MAX,
  Parking,
} from '../../../src/engine/held/parking.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { assembleMessage, composeMessage, type Message } from '../../../src/message/message.ts';
import { MESH, MeshFixture } from '../../support/mesh/mesh-fixture.ts';

const mono = (ms: number): MonotonicMs => ms as MonotonicMs;
const from = (name: string): LinkSource => ({ tag: 'link', link: 1, peer: parseNodeId(name), bytesLength: 1 });

describe('parking', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann');
  });
  const message = (counter: number, certificate?: number): Message => {
    const made = fixture.message('ann', { counter });
    return certificate === undefined ? made : under(made, new Uint8Array(32).fill(certificate));
  };
  /** What the message says, under another certificate. */
  const under = (made: Message, voucherHash: Bytes): Message =>
    assembleMessage(composeMessage(MESH, { ...made, voucherHash }), made.signature);
  /** A message under a certificate that nobody has. */
  const strange = (name: string, number: number, counter = 0): Message =>
    under(message(counter), sha256(utf8(`${name} ${number}`)));
  const voucherId = (): string => message(0).voucherHash.toHex();

  it('asks the first time, waits with the second, gives back both', () => {
    const parking = new Parking();
    assert.equal(parking.park(mono(0), { message: message(0), source: from('bob') }), 'ask');
    assert.equal(parking.park(mono(0), { message: message(1), source: from('eve') }), 'wait');
    assert.equal(parking.expects(voucherId()), true);
    assert.equal(parking.expects('00'), false);
    assert.deepEqual(
      parking.release(voucherId()).map(({ message: { counter } }) => counter),
      [0, 1],
    );
    assert.equal(parking.expects(voucherId()), false);
    assert.deepEqual(parking.release(voucherId()), []);
    assert.equal(parking.deadline(), undefined);
  });

  it('keeps one copy, but a twin with another signature beside it (T11)', () => {
    const parking = new Parking();
    parking.park(mono(0), { message: fixture.message('ann', { forged: true }), source: from('bob') });
    assert.equal(parking.park(mono(0), { message: fixture.message('ann'), source: from('eve') }), 'wait');
    assert.equal(parking.park(mono(0), { message: fixture.message('ann'), source: from('bob') }), 'copy');
    assert.equal(parking.release(voucherId()).length, 2);
  });

  it('asks every neighbour that has the message in turn: one that does not answer holds nothing up', () => {
    const parking = new Parking();
    for (const name of ['mute', 'bob', 'eve']) parking.park(mono(0), { message: message(0), source: from(name) });
    assert.equal(parking.deadline(), ASK_AGAIN_MS);
    assert.deepEqual(parking.takeAskings(mono(ASK_AGAIN_MS - 1)), []);
    const asked: string[] = [];
    for (let turn = 1; turn <= 4; turn++)
      for (const { source } of parking.takeAskings(mono(turn * ASK_AGAIN_MS))) asked.push(source.peer);
    assert.deepEqual(asked.toSorted(), ['bob', 'eve', 'eve', 'mute'].toSorted());
    assert.notEqual(asked[0], 'mute', 'it has been asked at once');
  });

  it('gives up after ten seconds', () => {
    const parking = new Parking();
    parking.park(mono(0), { message: message(0), source: from('bob') });
    parking.park(mono(5), { message: message(0, 9), source: from('bob') });
    assert.deepEqual(parking.takeOverdue(mono(PARKED_MS_MAX - 1)), []);
    assert.equal(parking.takeOverdue(mono(PARKED_MS_MAX)).length, 1);
    assert.equal(parking.takeOverdue(mono(PARKED_MS_MAX + 5)).length, 1);
  });

  it('is full for one neighbour before it is full for all (T3)', () => {
    const parking = new Parking();
    for (let i = 0; i < PARKED_PER_PEER_MAX; i++) parking.park(mono(0), { message: message(i), source: from('eve') });
    assert.equal(parking.park(mono(0), { message: message(1_000), source: from('eve') }), 'full');
    assert.equal(parking.park(mono(0), { message: message(1_000), source: from('bob') }), 'wait');
    parking.release(voucherId());
    assert.equal(parking.park(mono(0), { message: message(1_001), source: from('eve') }), 'ask');
  });

  it('keeps no more messages, and no more certificates, than it may (T17)', () => {
    const parking = new Parking();
    for (let i = 0; i < 2 * PARKED_MAX; i++) parking.park(mono(0), { message: message(i), source: from(`n${i % 20}`) });
    assert.equal(parking.release(voucherId()).length, PARKED_MAX);
    const outcomes = Array.from({ length: PARKED_CHAINS_MAX + 1 }, (_, i) =>
      parking.park(mono(0), { message: message(0, i), source: from(`n${i % 16}`) }),
    );
    assert.deepEqual([outcomes.at(-2), outcomes.at(-1)], ['ask', 'full']);
  });

  it('gives every neighbour its share of the certificates, whatever two who lie ask for (T3)', () => {
    const parking = new Parking();
    for (let i = 0; i < PARKED_CHAINS_MAX / 2; i++)
      for (const name of ['eve', 'mallory'])
        assert.equal(parking.park(mono(0), { message: strange(name, i), source: from(name) }), 'ask');
    const asked = new Set<string>();
    for (let i = 0; i < 20; i++)
      for (const name of ['bob', 'cid', 'dan']) {
        assert.equal(parking.park(mono(1), { message: strange(name, i), source: from(name) }), 'ask');
        assert.equal(parking.takeDisplaced().length, 1);
        asked.add(strange(name, i).voucherHash.toHex());
        for (const liar of ['eve', 'mallory'])
          assert.equal(parking.park(mono(1), { message: strange(liar, 200 + i), source: from(liar) }), 'full');
      }
    for (const leafHex of asked) assert.equal(parking.expects(leafHex), true);
    assert.equal(parking.size, PARKED_CHAINS_MAX);
  });

  it('does not drop what honest neighbours wait for because one who lies asked first (T3)', () => {
    const parking = new Parking();
    parking.park(mono(0), { message: strange('eve', 0), source: from('mallory') });
    for (let i = 1; i < PARKED_CHAINS_MAX; i++)
      parking.park(mono(0), { message: strange('eve', i), source: from(i < 64 ? 'eve' : 'mallory') });
    parking.park(mono(0), { message: strange('eve', 127, 1), source: from('bob') });
    assert.equal(parking.park(mono(0), { message: strange('cid', 0), source: from('cid') }), 'ask');
    assert.equal(parking.expects(strange('eve', 127).voucherHash.toHex()), true, 'now it counts as that of bob');
    assert.deepEqual(
      parking.takeDisplaced().map(({ message: { voucherHash } }) => voucherHash.toHex()),
      [strange('eve', 126).voucherHash.toHex()],
    );
  });
});

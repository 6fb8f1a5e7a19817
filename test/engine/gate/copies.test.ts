import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ECHO_BYTES_MAX, ECHOES_MAX } from '../../../src/engine/gate/echoes.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import type { Message } from '../../../src/message/message.ts';
import type { MeshFixture } from '../../support/mesh/mesh-fixture.ts';
import { at } from '../../support/mesh/mesh-fixture.ts';
import { BOB, CAROL, DAVE, EVE, gateFixture, GateBench } from './gate-bench.ts';

describe('gate: what comes more than once', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await gateFixture();
  });
  const bench = (...known: readonly string[]): GateBench => new GateBench(fixture, ...known);

  it('ignores what is held, without a signature check', () => {
    const world = bench();
    const message = fixture.message('ann');
    world.judge(message);
    world.gate.handleBytes(at(0), message.bytes, CAROL);
    assert.deepEqual(world.verdicts, ['accept', 'ignore duplicate']);
    assert.equal(world.pending.length, 0);
  });

  it('ignores a copy of what is being checked, without a second check', () => {
    const world = bench();
    const message = fixture.message('ann');
    world.gate.handleBytes(at(0), message.bytes, BOB);
    world.gate.handleBytes(at(0), message.bytes, CAROL);
    assert.equal(world.pending.length, 1);
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['ignore duplicate', 'accept']);
  });

  it('tells who has handed over the same while it was checked: each once, and no other signature for it', () => {
    const world = bench();
    const [message, next] = [fixture.message('ann'), fixture.message('ann', { counter: 1 })];
    world.gate.handleBytes(at(0), message.bytes, BOB);
    for (const source of [CAROL, CAROL, DAVE]) world.gate.handleBytes(at(0), message.bytes, source);
    world.gate.handleBytes(at(0), fixture.message('ann', { forged: true }).bytes, EVE);
    world.answer(at(0));
    world.gate.handleBytes(at(0), next.bytes, BOB);
    world.answer(at(0));
    world.gate.handleBytes(at(0), next.bytes, CAROL);
    assert.deepEqual(world.alsoFrom, [['carol', 'dave'], undefined]);
  });

  it('tells who has handed over the same while it was checked, of copies that are too large to be told by their bytes', () => {
    const world = bench();
    const message = fixture.message('ann', { payload: new Uint8Array(ECHO_BYTES_MAX), type: 'sensor/t' });
    for (const source of [BOB, CAROL]) world.gate.handleBytes(at(0), message.bytes, source);
    world.answer(at(0));
    assert.deepEqual(world.alsoFrom, [['carol']]);
  });

  it('is not blocked by a forged twin in flight: same content, other signature (T11)', () => {
    const world = bench();
    world.gate.handleBytes(at(0), fixture.message('ann', { forged: true }).bytes, BOB);
    world.gate.handleBytes(at(0), fixture.message('ann').bytes, CAROL);
    assert.equal(world.pending.length, 2);
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['reject bad-signature', 'accept']);
    assert.deepEqual(world.rejects, [BOB]);
  });

  it('takes the genuine twin once, whichever answer comes first', () => {
    const world = bench();
    world.gate.handleBytes(at(0), fixture.message('ann').bytes, CAROL);
    world.gate.handleBytes(at(0), fixture.message('ann', { forged: true }).bytes, BOB);
    world.gate.handleBytes(at(0), fixture.message('ann').bytes, BOB);
    world.pending.reverse();
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['ignore duplicate', 'reject bad-signature', 'accept']);
    assert.equal(world.held.size, 1);
  });

  it('tells echoes of the latest messages by their bytes, and reads those of earlier ones once more', () => {
    const world = bench();
    const messages = Array.from({ length: ECHOES_MAX + 1 }, (_, counter) => fixture.message('ann', { counter }));
    for (const [i, { bytes }] of messages.entries())
      world.gate.handleBytes(at(0), bytes, { ...BOB, peer: parseNodeId(`n${i}`) });
    assert.equal(world.pending.length, ECHOES_MAX + 1);
    for (const [i, unread] of [
      [0, 0],
      [1, 1],
      [ECHOES_MAX, 2],
    ] as const) {
      world.gate.handleBytes(at(0), (messages[i] as Message).bytes, CAROL);
      assert.equal(world.unread, unread);
    }
    assert.deepEqual(world.verdicts, Array<string>(3).fill('ignore duplicate'));
  });

  it('keeps no large messages for their echoes, which are read once more', () => {
    const world = bench();
    const message = fixture.message('ann', { type: 'sensor/t', payload: new Uint8Array(ECHO_BYTES_MAX) });
    world.gate.handleBytes(at(0), message.bytes, BOB);
    world.gate.handleBytes(at(0), message.bytes, CAROL);
    assert.deepEqual(world.verdicts, ['ignore duplicate']);
    assert.equal(world.unread, 0);
  });

  // 4. origin
});

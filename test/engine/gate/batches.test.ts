import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { decodeSign1, encodeSign1 } from '../../../src/cose/sign1.ts';
import { CHECKED_BATCHES_MAX } from '../../../src/engine/gate/batch-checks.ts';
import type { Source } from '../../../src/engine/gate/source.ts';
import type { Message } from '../../../src/message/message.ts';
import { at, MeshFixture } from '../../support/mesh/mesh-fixture.ts';
import { BOB, CAROL, gateFixture, GateBench } from './gate-bench.ts';

describe('gate: batches under one signature', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await gateFixture();
  });
  const bench = (...known: readonly string[]): GateBench => new GateBench(fixture, ...known);

  // batches
  const batchOf = (count: number, forged?: boolean): readonly Message[] =>
    fixture.batch(
      'ann',
      Array.from({ length: count }, (_, counter) => ({ counter })),
      forged,
    );

  it('checks one signature for all messages of a batch, whether they come meanwhile or afterwards', () => {
    const world = bench();
    const messages = batchOf(64);
    for (const { bytes } of messages.slice(0, 40)) world.gate.handleBytes(at(0), bytes, BOB);
    assert.equal(world.pending.length, 1);
    assert.equal(world.gate.checking, 40);
    world.answer(at(0));
    for (const { bytes } of messages.slice(40)) world.gate.handleBytes(at(0), bytes, BOB);
    assert.equal(world.pending.length, 0);
    assert.deepEqual(world.verdicts, Array<string>(64).fill('accept'));
    for (const { bytes } of messages) world.gate.handleBytes(at(0), bytes, CAROL);
    assert.deepEqual(world.verdicts.slice(64), Array<string>(64).fill('ignore duplicate'));
  });

  it('rejects all messages of a forged batch, and lets the genuine one in beside it (T3)', () => {
    const world = bench();
    const [forged, genuine] = [batchOf(8, true), batchOf(8)];
    for (const [i, { bytes }] of forged.entries()) {
      world.gate.handleBytes(at(0), bytes, BOB);
      world.gate.handleBytes(at(0), (genuine[i] as Message).bytes, CAROL);
    }
    world.answer(at(0));
    assert.deepEqual(world.rejects, Array<Source>(8).fill(BOB));
    assert.equal(world.verdicts.filter((verdict) => verdict === 'accept').length, 8);
  });

  it('asks again for what only looks like a known batch: another content, another signature', () => {
    const world = bench();
    const [first, second] = batchOf(2) as [Message, Message];
    assert.equal(world.judge(first), 'accept');
    const { path } = decodeSign1(second.bytes, 20_000);
    const { protectedBytes, payload, signature } = fixture.message('ann', { counter: 7 });
    const alien = encodeSign1({ protectedBytes, payload, signature: second.signature, path });
    world.gate.handleBytes(at(0), alien, BOB);
    world.answer(at(0));
    const resigned = encodeSign1({ ...decodeSign1(second.bytes, 20_000), signature });
    world.gate.handleBytes(at(0), resigned, BOB);
    world.answer(at(0));
    assert.deepEqual(world.verdicts.slice(1), ['reject bad-signature', 'reject bad-signature']);
    assert.equal(world.judge(second), 'accept');
  });

  it(`remembers ${CHECKED_BATCHES_MAX} batches, and checks the signature of one that it forgot again`, () => {
    const world = bench();
    const early = fixture.batch('ann', [{ counter: 0 }, { counter: 1 }]);
    assert.equal(world.judge(early[0] as Message), 'accept');
    for (let i = 0; i < CHECKED_BATCHES_MAX; i++) {
      const others = fixture.batch('eve', [{ counter: 2 * i }, { counter: 2 * i + 1 }]);
      for (const { bytes } of others) world.gate.handleBytes(at(6 * i), bytes, BOB);
      world.answer(at(6 * i));
    }
    world.gate.handleBytes(at(10_000), (early[1] as Message).bytes, BOB);
    assert.equal(world.pending.length, 1, world.verdicts.join(' '));
    world.answer(at(10_000));
    assert.equal(world.verdicts.at(-1), 'accept');
  });

  it('drops what is left of a batch when its author is revoked in between', async () => {
    const own = await MeshFixture.create('revoking', 'ann');
    const world = new GateBench(own, 'ann');
    const [first, second] = own.batch('ann', [{ counter: 0 }, { counter: 1 }]) as [Message, Message];
    assert.equal(world.judge(first), 'accept');
    world.revocations.install(await own.authority.revoke([own.member('ann').chain], at(0).wall));
    assert.equal(world.judge(second), 'ignore revoked-origin');
  });
});

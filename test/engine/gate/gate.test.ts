import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { concatBytes, utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/base/time.ts';
import { AUTHOR_RATE, NEIGHBOUR_RATE } from '../../../src/engine/gate/budgets.ts';
import { RANGES_MAX } from '../../../src/engine/held/counter-ranges.ts';
import { CHECKS_MAX } from '../../../src/engine/gate/pending-checks.ts';
import type { Source } from '../../../src/engine/gate/source.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { FUTURE_MAX_MS, INDICATOR_BYTES_MAX, LIFETIME_MAX_MS, RECORD_BYTES_MAX } from '../../../src/message/limits.ts';
import type { Message } from '../../../src/message/message.ts';
import { encodeNodeRecord } from '../../../src/message/payloads/node-record.ts';
import { at, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';
import { BOB, CAROL, gateFixture, GateBench, type Pending } from './gate-bench.ts';

const record = (address: string): Uint8Array =>
  encodeNodeRecord({ addresses: [address as never], name: 'n', version: '1', streams: [] });
describe('gate', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await gateFixture();
  });
  const bench = (...known: readonly string[]): GateBench => new GateBench(fixture, ...known);

  it('lets a good message in', () => {
    const world = bench();
    assert.equal(world.judge(fixture.message('ann')), 'accept');
    assert.equal(world.gate.checking, 0);
  });

  // 1. size and shape
  for (const [name, bytes] of [
    ['random bytes', utf8('no message at all')],
    ['nothing', new Uint8Array(0)],
  ] as const)
    it(`step 1: rejects ${name}`, () => {
      const world = bench();
      world.gate.handleBytes(at(0), bytes, BOB);
      assert.deepEqual(world.verdicts, ['reject malformed']);
    });

  it('step 1: rejects a cut message and one with a byte behind it', () => {
    const world = bench();
    const { bytes } = fixture.message('ann');
    world.gate.handleBytes(at(0), bytes.slice(0, -1), BOB);
    world.gate.handleBytes(at(0), concatBytes(bytes, Uint8Array.of(0)), BOB);
    assert.deepEqual(world.verdicts, ['reject malformed', 'reject malformed']);
  });

  it('step 1: rejects a message of another mesh, whose signature does not hold here', async () => {
    const other = await MeshFixture.create('other', 'ann');
    const world = bench();
    assert.equal(world.judge(other.message('ann')), '');
    assert.deepEqual(world.missing.length, 1, 'its certificate is unknown, and will be refused when it comes');
    assert.match(JSON.stringify(world.chains.add(other.member('ann').chain, NOW_MS)), /refused/);
  });

  for (const [type, size] of [
    ['indicator', INDICATOR_BYTES_MAX],
    ['record', RECORD_BYTES_MAX],
  ] as const)
    it(`step 1: rejects ${type} payloads above ${size} bytes (S1.15)`, () =>
      assert.equal(
        bench().judge(fixture.message('ann', { type, payload: new Uint8Array(size + 1) })),
        'reject payload',
      ));

  // 2. lifetime
  for (const [name, said, verdict] of [
    ['rejects a life of more than seven days', { expiresAt: NOW_MS + LIFETIME_MAX_MS + 1_000 }, 'reject lifetime'],
    ['rejects a life that ends when it begins', { expiresAt: NOW_MS }, 'reject lifetime'],
    ['rejects a life that ends before it begins', { expiresAt: NOW_MS - 1_000 }, 'reject lifetime'],
    [
      'ignores what has just expired: a partition held it',
      { issuedAt: NOW_MS - HOUR_MS, expiresAt: NOW_MS },
      'ignore expired',
    ],
    ['ignores the future: a clock is wrong (T6)', { issuedAt: NOW_MS + FUTURE_MAX_MS + 1_000 }, 'ignore future'],
    ['accepts what is ten minutes ahead', { issuedAt: NOW_MS + FUTURE_MAX_MS }, 'accept'],
    ['accepts the last second of a life', { issuedAt: NOW_MS - 10 * MINUTE_MS, expiresAt: NOW_MS + 1_000 }, 'accept'],
    ['accepts seven days', { issuedAt: NOW_MS, expiresAt: NOW_MS + LIFETIME_MAX_MS }, 'accept'],
  ] as const)
    it(`step 2: ${name}`, () => assert.equal(bench().judge(fixture.message('ann', said)), verdict));

  // 3. seen
  it('step 4: asks for a certificate that it does not know, and says nothing yet', () => {
    const world = bench('eve');
    const message = fixture.message('ann');
    assert.equal(world.judge(message), '');
    assert.deepEqual(
      world.missing.map(({ id }) => id),
      [message.id],
    );
  });

  it('step 4: rejects a member who speaks in the name of another', () => {
    const origin = fixture.member('ann').nodeId;
    assert.equal(bench().judge(fixture.message('eve', { origin })), 'reject wrong-origin');
  });

  it('step 4: rejects what was signed before the certificate began or after it ended', () => {
    const world = bench();
    assert.equal(world.judge(fixture.message('ann', { issuedAt: NOW_MS - 11 * MINUTE_MS })), 'reject wrong-origin');
    const late = 8 * DAY_MS;
    assert.equal(
      world.judge(fixture.message('ann', { issuedAt: NOW_MS + late }), BOB, at(late)),
      'reject wrong-origin',
    );
  });

  it('step 4: accepts mail that outlives the certificate under which it was signed', () => {
    const issuedAt = NOW_MS + 6 * DAY_MS;
    const message = fixture.message('ann', { issuedAt, expiresAt: issuedAt + 3 * DAY_MS });
    assert.equal(bench().judge(message, BOB, at(8 * DAY_MS)), 'accept');
  });

  it('step 4: ignores a revoked origin, whatever its message says of its time', async () => {
    const own = await MeshFixture.create('revoking', 'ann');
    const world = new GateBench(own, 'ann');
    world.revocations.install(await own.authority.revoke([own.member('ann').chain], at(HOUR_MS).wall));
    const message = own.message('ann', { expiresAt: NOW_MS + DAY_MS });
    assert.equal(world.judge(message, BOB, at(HOUR_MS)), 'ignore revoked-origin');
    assert.equal(world.pending.length, 0);
  });

  it('step 4: of a superseded certificate accepts what was signed before', async () => {
    const own = await MeshFixture.create('superseding', 'ann');
    const world = new GateBench(own, 'ann');
    world.revocations.install(await own.authority.revoke([own.member('ann').chain], at(HOUR_MS).wall, 'superseded'));
    const later = own.message('ann', { counter: 1, issuedAt: NOW_MS + HOUR_MS, expiresAt: NOW_MS + DAY_MS });
    assert.equal(world.judge(own.message('ann', { expiresAt: NOW_MS + DAY_MS }), BOB, at(HOUR_MS)), 'accept');
    assert.equal(world.judge(later, BOB, at(HOUR_MS)), 'ignore revoked-origin');
  });

  it('step 4: rejects commands of a member that may not give any (authentication is not permission)', () => {
    const world = bench();
    const payload = utf8('reboot');
    assert.equal(world.judge(fixture.message('ann', { type: 'command/reboot', payload })), 'reject not-permitted');
    assert.equal(world.judge(fixture.message('chief', { type: 'command/reboot', payload })), 'accept');
  });

  it('step 4: ignores a family that nobody granted: a later version may permit it by another rule', () => {
    const world = bench();
    assert.equal(
      world.judge(fixture.message('ann', { type: 'photo/front', payload: utf8('x') })),
      'ignore unknown-family',
    );
    assert.deepEqual(world.rejects, [], 'who passes it on is not blamed');
  });

  // 5. counter
  it('step 5: keeps the first of two contents for one counter and raises the alarm (T24)', () => {
    const world = bench();
    const first = fixture.message('ann', { type: 'sensor/t', payload: utf8('first') });
    const second = fixture.message('ann', { type: 'sensor/t', payload: utf8('second') });
    assert.equal(world.judge(first), 'accept');
    assert.equal(world.judge(second), 'ignore conflict');
    assert.deepEqual(world.conflicts, [[first.contentKey, second.contentKey]]);
    assert.notEqual(world.held.get(first.contentKey), undefined);
    assert.equal(world.held.get(second.contentKey), undefined);
    assert.deepEqual(world.rejects, [], 'nobody is punished for a clone');
  });

  it('step 5: raises no alarm for a second content that nobody signed', () => {
    const world = bench();
    world.judge(fixture.message('ann', { type: 'sensor/t', payload: utf8('first') }));
    const forged = fixture.message('ann', { type: 'sensor/t', payload: utf8('second'), forged: true });
    assert.equal(world.judge(forged), 'reject bad-signature');
    assert.deepEqual(world.conflicts, []);
  });

  it('step 5: takes the same counter of another incarnation: a restored snapshot collides with nothing (T24)', () => {
    const world = bench();
    assert.equal(world.judge(fixture.message('ann', { incarnation: 1 })), 'accept');
    assert.equal(world.judge(fixture.message('ann', { incarnation: 2 })), 'accept');
    assert.deepEqual(world.conflicts, []);
  });

  it('step 5: takes old mail after new: there is no window that slides', () => {
    const world = bench();
    assert.equal(world.judge(fixture.message('ann', { counter: 1_000_000 })), 'accept');
    assert.equal(world.judge(fixture.message('ann', { counter: 3 })), 'accept');
  });

  it('step 5: ignores a counter that was held and has been dropped', () => {
    const world = bench();
    const message = fixture.message('ann');
    world.judge(message);
    world.held.drop(message.contentKey);
    assert.equal(world.judge(message), 'ignore duplicate');
  });

  it('step 5: has no room for a 65th gap', () => {
    const world = bench();
    for (let i = 0; i < RANGES_MAX; i++)
      assert.equal(world.judge(fixture.message('ann', { counter: 2 * i })), 'accept');
    assert.equal(world.judge(fixture.message('ann', { counter: 1_000 })), 'ignore no-room');
    assert.equal(world.judge(fixture.message('ann', { counter: 1 })), 'accept', 'what closes a gap fits');
  });

  it('step 5: ignores a record older than the one it knows', () => {
    const world = bench();
    const said = { type: 'record', payload: record('10.0.0.1:1') } as const;
    assert.equal(world.judge(fixture.message('ann', { ...said, counter: 5 })), 'accept');
    assert.equal(world.judge(fixture.message('ann', { ...said, counter: 4 })), 'ignore superseded');
    assert.equal(world.judge(fixture.message('ann', { ...said, incarnation: 0, counter: 9 })), 'ignore superseded');
    assert.equal(world.judge(fixture.message('ann', { ...said, counter: 6 })), 'accept');
  });

  for (const [name, type, payload] of [
    ['an indicator that is a log', 'indicator', utf8('{"kind":"hash","value":"2026-01-01 10:00 login","risk":1}')],
    ['an indicator that is no JSON', 'indicator', utf8('x')],
    ['a record that is none', 'record', utf8('x')],
  ] as const)
    it(`step 5: rejects ${name}, before its signature is looked at`, () => {
      const world = bench();
      world.gate.handleBytes(at(0), fixture.message('ann', { type, payload }).bytes, BOB);
      assert.deepEqual(world.verdicts, ['reject payload']);
    });

  // 6. the neighbour's budget
  it('step 6: a neighbour over its budget is ignored, and another neighbour is not (T3)', () => {
    const world = bench();
    const forged = fixture.message('ann', { forged: true });
    for (let i = 0; i < NEIGHBOUR_RATE.burstTokens; i++) {
      world.gate.handleBytes(at(0), forged.bytes, BOB);
      world.answer(at(0));
    }
    assert.equal(new Set(world.verdicts).size, 1);
    assert.equal(world.judge(forged, BOB), 'ignore over-budget');
    assert.equal(world.judge(fixture.message('ann'), BOB), 'ignore over-budget');
    assert.equal(world.judge(fixture.message('ann'), CAROL), 'accept', 'over budget left no trace');
    assert.equal(world.judge(fixture.message('ann', { counter: 1 }), BOB, at(1_000)), 'accept', 'and time heals');
  });

  it('step 6: starts no more checks than it may have under way', () => {
    const world = bench();
    const forged = Array.from({ length: 2 }, (_, i) => fixture.message('ann', { counter: i, forged: true }));
    for (let i = 0; i < CHECKS_MAX; i++) {
      const source: Source = { ...BOB, peer: parseNodeId(`n${i % 4}`) };
      // Twins that differ in the signature are no copies of each other.
      const message = forged[i % 2] as Message;
      const bytes = message.bytes.slice();
      new DataView(bytes.buffer).setUint32(bytes.length - 8, i);
      world.gate.handleBytes(at(0), bytes, source);
    }
    assert.equal(world.gate.checking, CHECKS_MAX);
    world.gate.handleBytes(at(0), fixture.message('ann', { counter: 2 }).bytes, CAROL);
    assert.equal(world.verdicts.at(-1), 'ignore over-budget');
    world.answer(at(0));
    assert.equal(world.gate.checking, 0);
    assert.equal(world.judge(fixture.message('ann', { counter: 2 }), CAROL, at(60_000)), 'accept');
  });

  it('step 6: takes nothing in while the store does not keep up, and leaves no trace', () => {
    const world = bench();
    world.isFull = true;
    assert.equal(world.judge(fixture.message('ann')), 'ignore over-budget');
    world.isFull = false;
    assert.equal(world.judge(fixture.message('ann')), 'accept');
  });

  // 7. the author's budget
  it('step 7: forged messages do not spend the author\u2019s budget (T3)', () => {
    const world = bench();
    for (let i = 0; i < 2 * AUTHOR_RATE.burstTokens; i++) {
      const forged = fixture.message('ann', { counter: i, forged: true });
      world.gate.handleMessage(at(0), forged, i % 2 === 0 ? BOB : CAROL);
      world.answer(at(0));
    }
    assert.equal(world.judge(fixture.message('ann'), { ...BOB, peer: parseNodeId('dan') }), 'accept');
  });

  it('step 7: an author over its budget is ignored, leaves no trace, and others are heard', () => {
    const world = bench();
    for (let counter = 0; counter < AUTHOR_RATE.burstTokens; counter++) {
      world.gate.handleMessage(at(0), fixture.message('ann', { counter }), BOB);
      world.answer(at(0));
    }
    assert.equal(world.held.size, AUTHOR_RATE.burstTokens);
    const next = fixture.message('ann', { counter: AUTHOR_RATE.burstTokens });
    assert.equal(world.judge(next), 'ignore over-budget');
    assert.equal(world.judge(fixture.message('eve')), 'accept');
    assert.equal(world.held.counterState(next.stream, next.counter).tag, 'free');
    assert.equal(world.judge(next, BOB, at(1_000)), 'accept', 'a pull brings it again');
  });

  // 8. signature
  it('step 8: rejects a signature that does not hold, and keeps nothing of it', () => {
    const world = bench();
    const forged = fixture.message('ann', { forged: true });
    assert.equal(world.judge(forged), 'reject bad-signature');
    assert.equal(world.held.counterState(forged.stream, 0).tag, 'free');
    assert.equal(world.judge(fixture.message('ann')), 'accept');
  });

  it('step 8: rejects a signature by another member\u2019s key', () => {
    const world = bench();
    const message = fixture.message('ann');
    const { signature } = fixture.message('eve');
    const bytes = concatBytes(message.bytes.slice(0, -64), signature);
    world.gate.handleBytes(at(0), bytes, BOB);
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['reject bad-signature']);
  });

  // again, when the answer comes
  it('judges again when the check ends: revoked meanwhile', async () => {
    const own = await MeshFixture.create('meanwhile', 'ann');
    const world = new GateBench(own, 'ann');
    world.gate.handleBytes(at(0), own.message('ann').bytes, BOB);
    world.revocations.install(await own.authority.revoke([own.member('ann').chain], at(0).wall));
    world.answer(at(5));
    assert.deepEqual(world.verdicts, ['ignore revoked-origin']);
  });

  it('judges again when the check ends: another content was accepted first', () => {
    const world = bench();
    const [first, second] = ['first', 'second'].map((text) =>
      fixture.message('ann', { type: 'sensor/t', payload: utf8(text) }),
    ) as [Message, Message];
    world.gate.handleBytes(at(0), first.bytes, BOB);
    world.gate.handleBytes(at(0), second.bytes, CAROL);
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['accept', 'ignore conflict']);
    assert.deepEqual(world.conflicts, [[first.contentKey, second.contentKey]]);
  });

  it('judges again when the check ends: a newer record was accepted first', () => {
    const world = bench();
    const said = { type: 'record', payload: record('10.0.0.1:1') } as const;
    world.gate.handleBytes(at(0), fixture.message('ann', { ...said, counter: 1 }).bytes, BOB);
    world.gate.handleBytes(at(0), fixture.message('ann', { ...said, counter: 2 }).bytes, BOB);
    world.pending.reverse();
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['accept', 'ignore superseded']);
  });

  it('takes no notice of an answer that comes twice, or to a question it never asked', () => {
    const world = bench();
    world.gate.handleBytes(at(0), fixture.message('ann').bytes, BOB);
    const [check] = world.pending;
    world.answer(at(0));
    world.gate.handleVerified(at(0), (check as Pending).ticket, true);
    world.gate.handleVerified(at(0), 4_711, true);
    assert.deepEqual(world.verdicts, ['accept']);
  });

  // who asks
  it('answers a client truthfully of its own copy: a forged twin of a held message is refused', () => {
    const world = bench();
    const client: Source = { tag: 'client', peer: fixture.member('ann').nodeId, request: 1 };
    assert.equal(world.judge(fixture.message('ann')), 'accept');
    assert.equal(world.judge(fixture.message('ann'), client), 'ignore duplicate');
    assert.equal(world.judge(fixture.message('ann', { forged: true }), client), 'reject bad-signature');
  });

  it('lets the node itself in without a neighbour\u2019s budget', () => {
    const world = bench();
    assert.equal(world.judge(fixture.message('ann'), { tag: 'self', request: 7 }), 'accept');
  });
});

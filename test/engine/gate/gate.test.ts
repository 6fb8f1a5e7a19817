import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { concatBytes, utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS } from '../../../src/base/time.ts';
import { decodeSign1, encodeSign1 } from '../../../src/cose/sign1.ts';
import { CHECKED_BATCHES_MAX } from '../../../src/engine/gate/batch-checks.ts';
import { AUTHOR_RATE, NEIGHBOUR_RATE } from '../../../src/engine/gate/budgets.ts';
import { DelegateBook, type KnownDelegate } from '../../../src/engine/gate/delegate-book.ts';
import { Origins } from '../../../src/engine/gate/origins.ts';
import { ChainBook } from '../../../src/engine/gate/chain-book.ts';
import { RANGES_MAX } from '../../../src/engine/held/counter-ranges.ts';
import { ECHO_BYTES_MAX, ECHOES_MAX } from '../../../src/engine/gate/echoes.ts';
import { Gate } from '../../../src/engine/gate/gate.ts';
import { CHECKS_MAX } from '../../../src/engine/gate/pending-checks.ts';
import type { Source } from '../../../src/engine/gate/source.ts';
import { HeldMessages } from '../../../src/engine/held/held-messages.ts';
import { RecordBook } from '../../../src/engine/held/record-book.ts';
import { Revocations } from '../../../src/engine/gate/revocations.ts';
import type { Verdict } from '../../../src/engine/gate/verdict.ts';
import type { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import { parseRole } from '../../../src/identity/capability.ts';
import { type NodeId, parseNodeId } from '../../../src/identity/node-id.ts';
import { FUTURE_MAX_MS, INDICATOR_BYTES_MAX, LIFETIME_MAX_MS, RECORD_BYTES_MAX } from '../../../src/message/limits.ts';
import type { Message } from '../../../src/message/message.ts';
import { encodeNodeRecord } from '../../../src/message/payloads/node-record.ts';
import { at, MESH, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

interface Pending {
  readonly ticket: number;
  readonly key: PublicKey;
  readonly message: Message;
}

const BOB: Source = { tag: 'link', link: 1, peer: parseNodeId('bob'), bytesLength: 100 };
const CAROL: Source = { tag: 'link', link: 2, peer: parseNodeId('carol'), bytesLength: 100 };
const DAVE: Source = { tag: 'link', link: 3, peer: parseNodeId('dave'), bytesLength: 100 };
const EVE: Source = { tag: 'link', link: 4, peer: parseNodeId('eve'), bytesLength: 100 };

/** A gate with what it asks, and a world that answers when it is told to. */
class Bench {
  readonly held = new HeldMessages();
  readonly records = new RecordBook();
  readonly revocations: Revocations;
  readonly chains: ChainBook;
  readonly pending: Pending[] = [];
  readonly verdicts: string[] = [];
  /** Verdicts on bytes that were not even read. */
  unread = 0;
  readonly rejects: Source[] = [];
  /** Who had handed over the same while it was checked, for each message that was accepted. */
  readonly alsoFrom: (readonly NodeId[] | undefined)[] = [];
  readonly missing: Message[] = [];
  readonly newDelegates: KnownDelegate[] = [];
  readonly conflicts: (readonly [kept: string, other: string])[] = [];
  readonly gate: Gate;
  /** The store does not keep up. */
  isFull = false;

  constructor(fixture: MeshFixture, ...known: readonly string[]) {
    const { trust } = fixture.authority;
    this.revocations = new Revocations(trust);
    this.chains = new ChainBook(trust, this.revocations);
    for (const name of known) this.chains.add(fixture.member(name).chain, NOW_MS);
    const delegates = new DelegateBook(MESH, this.revocations, (nodeId) => this.chains.isRevoked(nodeId), undefined);
    const origins = new Origins(this.chains, delegates);
    this.gate = new Gate(
      { mesh: MESH, origins, held: this.held, records: this.records },
      {
        isFull: () => this.isFull,
        verify: (ticket, key, message) => this.pending.push({ ticket, key, message }),
        judged: (now, source, message, verdict, alsoFrom) => {
          if (verdict.tag === 'accept') this.alsoFrom.push(alsoFrom);
          this.#judged(now, source, message, verdict);
        },
        missingChain: (_now, _source, message) => this.missing.push(message),
        newDelegate: (delegate) => this.newDelegates.push(delegate),
        conflict: (_now, kept, message) => this.conflicts.push([kept, message.contentKey]),
      },
    );
  }

  /** Answers all signature checks with the truth. */
  answer(now: Instant): void {
    for (const { ticket, key, message } of this.pending.splice(0))
      this.gate.handleVerified(now, ticket, key.verify(message.algorithm, message.signedBytes, message.signature));
  }

  /** Hands a message over and answers. @returns the verdict in words. */
  judge(message: Message, source: Source = BOB, now: Instant = at(0)): string {
    const before = this.verdicts.length;
    this.gate.handleBytes(now, message.bytes, source);
    this.answer(now);
    return this.verdicts.slice(before).join(', ');
  }

  #judged(now: Instant, source: Source, message: Message | undefined, verdict: Verdict): void {
    this.verdicts.push(verdict.tag === 'accept' ? 'accept' : `${verdict.tag} ${verdict.reason}`);
    if (message === undefined) this.unread++;
    if (verdict.tag === 'reject') this.rejects.push(source);
    if (verdict.tag !== 'accept' || message === undefined) return;
    this.held.put(message, now.wall);
    if (message.type.family === 'record') this.records.put(message);
  }
}

const record = (address: string): Uint8Array =>
  encodeNodeRecord({ addresses: [address as never], name: 'n', version: '1', streams: [] });

describe('gate', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'eve');
    await fixture.enroll('chief', [parseRole('operator')]);
  });
  const bench = (...known: readonly string[]): Bench =>
    new Bench(fixture, ...(known.length === 0 ? ['ann', 'eve', 'chief'] : known));

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
  it('step 3: ignores what is held, without a signature check', () => {
    const world = bench();
    const message = fixture.message('ann');
    world.judge(message);
    world.gate.handleBytes(at(0), message.bytes, CAROL);
    assert.deepEqual(world.verdicts, ['accept', 'ignore duplicate']);
    assert.equal(world.pending.length, 0);
  });

  it('step 3: ignores a copy of what is being checked, without a second check', () => {
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

  it('step 3: is not blocked by a forged twin in flight: same content, other signature (T11)', () => {
    const world = bench();
    world.gate.handleBytes(at(0), fixture.message('ann', { forged: true }).bytes, BOB);
    world.gate.handleBytes(at(0), fixture.message('ann').bytes, CAROL);
    assert.equal(world.pending.length, 2);
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['reject bad-signature', 'accept']);
    assert.deepEqual(world.rejects, [BOB]);
  });

  it('step 3: takes the genuine twin once, whichever answer comes first', () => {
    const world = bench();
    world.gate.handleBytes(at(0), fixture.message('ann').bytes, CAROL);
    world.gate.handleBytes(at(0), fixture.message('ann', { forged: true }).bytes, BOB);
    world.gate.handleBytes(at(0), fixture.message('ann').bytes, BOB);
    world.pending.reverse();
    world.answer(at(0));
    assert.deepEqual(world.verdicts, ['ignore duplicate', 'reject bad-signature', 'accept']);
    assert.equal(world.held.size, 1);
  });

  it('step 3: tells echoes of the latest messages by their bytes, and reads those of earlier ones once more', () => {
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

  it('step 3: keeps no large messages for their echoes, which are read once more', () => {
    const world = bench();
    const message = fixture.message('ann', { type: 'sensor/t', payload: new Uint8Array(ECHO_BYTES_MAX) });
    world.gate.handleBytes(at(0), message.bytes, BOB);
    world.gate.handleBytes(at(0), message.bytes, CAROL);
    assert.deepEqual(world.verdicts, ['ignore duplicate']);
    assert.equal(world.unread, 0);
  });

  // 4. origin
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
    const world = new Bench(own, 'ann');
    world.revocations.install(await own.authority.revoke([own.member('ann').chain], at(HOUR_MS).wall));
    const message = own.message('ann', { expiresAt: NOW_MS + DAY_MS });
    assert.equal(world.judge(message, BOB, at(HOUR_MS)), 'ignore revoked-origin');
    assert.equal(world.pending.length, 0);
  });

  it('step 4: of a superseded certificate accepts what was signed before', async () => {
    const own = await MeshFixture.create('superseding', 'ann');
    const world = new Bench(own, 'ann');
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
    const world = new Bench(own, 'ann');
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
    const world = new Bench(own, 'ann');
    const [first, second] = own.batch('ann', [{ counter: 0 }, { counter: 1 }]) as [Message, Message];
    assert.equal(world.judge(first), 'accept');
    world.revocations.install(await own.authority.revoke([own.member('ann').chain], at(0).wall));
    assert.equal(world.judge(second), 'ignore revoked-origin');
  });
});

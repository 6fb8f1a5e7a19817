import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import { HOUR_MS, SECOND_MS, type UnixMs } from '../../../src/base/time.ts';
import { sha256Hex } from '../../../src/crypto/hash.ts';
import { parseRole } from '../../../src/identity/capability.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { parseStatement } from '../../../src/message/delegate-statement.ts';
import { encodeNodeRecord } from '../../../src/message/payloads/node-record.ts';
import { addScalarToPoint } from '../../../src/crypto/curve/curve-point.ts';
import { signSecp256k1Sha256 } from '../../../src/crypto/secp256k1/sign.ts';
import { assembleStatement, composeStatement, parseTreeStatement } from '../../../src/identity/delegate/statement.ts';
import { ckdPriv } from '../../../src/identity/key-tree/child-key.ts';
import { HARDENED } from '../../../src/identity/key-tree/derivation-path.ts';
import { formatXprv } from '../../../src/identity/key-tree/extended-key-text.ts';
import type { AddScalarToPoint } from '../../../src/ports/point-adder.ts';
import { at, type DelegateFixture, INDICATOR, MESH, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';
import { DelegateBench } from './delegate-bench.ts';
import { BOB } from './gate-bench.ts';

describe('gate: what delegates say', () => {
  let fixture: MeshFixture;
  let list: Uint8Array;
  let temperature: DelegateFixture;
  before(async () => {
    fixture = await MeshFixture.create('delegates', 'ann');
    await fixture.enroll('chief', [parseRole('operator')]);
    list = await fixture.publish();
    temperature = fixture.delegate('ann', { scope: scopeOf(['publish:sensor/temperature']) });
  });
  const bench = (...lists: readonly Uint8Array[]): DelegateBench =>
    new DelegateBench(fixture, lists.length === 0 ? [list] : lists);

  for (const curve of ['P-256', 'Ed25519', 'secp256k1'] as const)
    it(`passes like what a certificate signed, with a key of ${curve}`, () => {
      const world = bench();
      const delegate = fixture.delegate('ann', { curve });
      assert.equal(world.judge(fixture.delegated(delegate)), 'accept');
      assert.equal(world.judge(fixture.delegated(delegate, { counter: 1, byHash: true })), 'accept');
      assert.equal(world.judge(fixture.delegated(delegate, { counter: 2, forged: true })), 'reject bad-signature');
      assert.deepEqual(
        world.kept.map(({ hash }) => hash),
        [sha256Hex(delegate.statement)],
        'kept once, for those who ask',
      );
    });

  it('passes the children of a subtree, one a stream, under the statement of the subtree alone', () => {
    const world = bench();
    using subtree = fixture.authority.tree.below(1, HARDENED + 5);
    const sensor = fixture.delegate('ann', { keyFile: formatXprv(subtree) });
    assert.equal(world.judge(fixture.delegated(sensor, { incarnation: 7 })), 'accept');
    assert.equal(world.judge(fixture.delegated(sensor, { incarnation: 8, byHash: true })), 'accept', 'after a restart');
    assert.equal(world.judge(fixture.delegated(sensor, { incarnation: 7, counter: 1, byHash: true })), 'accept');
    const signedBy = (incarnation: number): DelegateFixture => ({
      ...sensor,
      signer: { key: sensor.signer.key, sign: (data) => sensor.signer.sign(data, incarnation) },
    });
    assert.equal(
      world.judge(fixture.delegated(signedBy(8), { incarnation: 7, counter: 2 })),
      'reject bad-signature',
      'another child’s key is not this stream’s',
    );
    const root = { key: sensor.signer.key, sign: (data: Uint8Array) => signSecp256k1Sha256(subtree.privateKey, data) };
    assert.equal(
      world.judge(fixture.delegated({ ...sensor, signer: root }, { incarnation: 9 })),
      'reject bad-signature',
      'nor is the key above it',
    );
  });

  it('a captured subtree signs what its statement says, until it has ended or a list says so, and nothing more', async () => {
    const own = await MeshFixture.create('captured', 'ann');
    await own.enroll('chief', [parseRole('operator')]);
    const world = new DelegateBench(own, [await own.publish()]);
    // All that lies on the device: the private key of its subtree, and the statement.
    using stolen = own.authority.tree.below(1, HARDENED + 5);
    const notAfter = (NOW_MS + HOUR_MS) as UnixMs;
    const device = own.delegate('ann', { keyFile: formatXprv(stolen), notAfter });
    const say = (said: object, now = at(0)): string => world.judge(own.delegated(device, said), BOB, now);
    assert.equal(say({ incarnation: 1 }), 'accept');
    assert.equal(say({ incarnation: 2, type: 'command/stop' }), 'reject not-permitted');
    assert.equal(say({ incarnation: 3, origin: own.member('chief').nodeId }), 'reject wrong-origin');
    const late = { incarnation: 4, issuedAt: notAfter };
    assert.equal(say(late, at(HOUR_MS)), 'reject wrong-origin', 'equal to its end is over');
    // With the branch's public key, which everybody has, it vouches for nobody: its key is no child of the branch's.
    const forgedFor = own.delegate('chief', { scope: scopeOf(['command:issue']), index: 5 });
    const { tag: _, ...fields } = parseTreeStatement(MESH, forgedFor.statement);
    const composed = composeStatement(MESH, fields);
    using child = ckdPriv(stolen, 5);
    for (const key of [stolen, child]) {
      const statement = assembleStatement(composed, signSecp256k1Sha256(key.privateKey, composed.toBeSigned));
      assert.equal(
        world.judge(own.delegated({ ...forgedFor, statement }, { type: 'command/stop' })),
        'reject wrong-origin',
      );
    }
    // One list ends it: for what comes, for every child, and for what is held.
    const { id } = parseStatement(MESH, device.statement);
    world.revocations.install(await own.authority.revokeDelegates([id], NOW_MS));
    assert.equal(say({ incarnation: 5 }), 'ignore revoked-origin');
    assert.equal(say({ incarnation: 1, counter: 1, byHash: true }), 'ignore revoked-origin');
    const held = { origin: own.member('ann').nodeId, voucherId: sha256Hex(device.statement), issuedAt: NOW_MS };
    assert.equal(world.origins.judgeHeld(held).tag, 'revoked');
  });

  it('derives a child’s key only where the neighbour pays for the check (T3)', () => {
    let derived = 0;
    const count: AddScalarToPoint = (...args) => (derived++, addScalarToPoint(...args));
    const world = new DelegateBench(fixture, [list], ['ann', 'chief'], count);
    using subtree = fixture.authority.tree.below(1, HARDENED + 6);
    const sensor = fixture.delegate('ann', { keyFile: formatXprv(subtree) });
    assert.equal(world.judge(fixture.delegated(sensor)), 'accept');
    let verdict = '';
    for (let i = 2; i < 100_000 && verdict !== 'ignore over-budget'; i++)
      verdict = world.judge(fixture.delegated(sensor, { incarnation: i, byHash: true, forged: true }));
    assert.equal(verdict, 'ignore over-budget');
    const paid = derived;
    for (let i = 0; i < 10; i++)
      world.judge(fixture.delegated(sensor, { incarnation: 200_000 + i, byHash: true, forged: true }));
    assert.equal(derived, paid);
  });

  it('asks for a statement that it has not seen', () => {
    const world = bench();
    assert.equal(world.judge(fixture.delegated(temperature, { counter: 1, byHash: true })), 'missing');
    assert.equal(world.delegates.add(temperature.statement, NOW_MS).tag, 'known');
    assert.equal(world.judge(fixture.delegated(temperature, { counter: 1, byHash: true })), 'accept');
  });

  it('keeps to the scope of the statement, whatever the certificate of its node may', () => {
    const world = bench();
    assert.equal(world.judge(fixture.delegated(temperature)), 'accept');
    const say = (said: object): string => world.judge(fixture.delegated(temperature, { counter: 9, ...said }));
    assert.equal(say({ type: 'sensor/humidity' }), 'reject not-permitted');
    assert.equal(say({ type: 'indicator', payload: INDICATOR }), 'reject not-permitted');
    assert.equal(say({ type: 'command/stop' }), 'reject not-permitted');
    const record = encodeNodeRecord({ addresses: [], name: '', version: '', streams: [] });
    assert.equal(
      say({ type: 'record', payload: record }),
      'reject not-permitted',
      'a record is the node’s own to give',
    );
  });

  it('lets one command through where the scope names it', () => {
    const world = bench();
    const delegate = fixture.delegate('chief', { scope: scopeOf(['command:issue/stop']) });
    assert.equal(world.judge(fixture.delegated(delegate, { type: 'command/stop' })), 'accept');
    assert.equal(
      world.judge(fixture.delegated(delegate, { type: 'command/start', counter: 1 })),
      'reject not-permitted',
    );
  });

  it('rejects a statement that permits more than its branch (escalation)', () => {
    const delegate = fixture.delegate('ann', { scope: scopeOf(['publish:secrets']) });
    assert.equal(bench().judge(fixture.delegated(delegate, { type: 'secrets' })), 'reject wrong-origin');
  });

  it('rejects what speaks in the name of another node', () => {
    const said = { origin: fixture.member('chief').nodeId };
    assert.equal(bench().judge(fixture.delegated(temperature, said)), 'reject wrong-origin');
  });

  it('rejects a statement that another key of the tree, or no key of it, signed', async () => {
    const stranger = await MeshFixture.create('stranger', 'ann');
    assert.equal(bench().judge(stranger.delegated(stranger.delegate('ann'))), 'reject wrong-origin');
    const otherIndex = fixture.delegate('ann', { index: 5 });
    const forged = otherIndex.statement.slice();
    // The index is the second of two small numbers behind the id: 82 epoch index.
    const place = forged.findIndex((byte, i) => byte === 0x82 && forged[i + 1] === 1 && forged[i + 2] === 5);
    forged[place + 2] = 6;
    assert.equal(bench().judge(fixture.delegated({ ...otherIndex, statement: forged })), 'reject wrong-origin');
  });

  it('judges a delegate at the time of signing; equal to its end is over', () => {
    const delegate = fixture.delegate('ann', {
      notAfter: (NOW_MS + HOUR_MS) as UnixMs,
    });
    const judgedAt = (issuedAt: number): string =>
      bench().judge(fixture.delegated(delegate, { issuedAt }), BOB, at(issuedAt - NOW_MS));
    assert.equal(judgedAt(NOW_MS + HOUR_MS - SECOND_MS), 'accept');
    assert.equal(judgedAt(NOW_MS + HOUR_MS), 'reject wrong-origin');
    assert.equal(judgedAt(NOW_MS + 2 * HOUR_MS), 'reject wrong-origin');
  });

  it('takes nothing of a delegate from before its time, and nothing at all while the clock shows 1970', () => {
    const early = fixture.delegated(temperature, { issuedAt: NOW_MS - SECOND_MS });
    assert.equal(bench().judge(early), 'reject wrong-origin');
    const clock1970 = { ...at(0), wall: 5_000 as UnixMs };
    assert.equal(bench().judge(fixture.delegated(temperature), BOB, clock1970), 'ignore future');
  });

  it('ignores what stands on a branch that is not published here: our list may be the older one', async () => {
    const other = fixture.delegate('ann', { epoch: 2 });
    const world = bench();
    assert.equal(world.judge(fixture.delegated(other)), 'ignore unpublished-origin');
    world.revocations.install(await fixture.publish({}, [1, 2]));
    assert.equal(world.judge(fixture.delegated(other)), 'accept');
  });

  it('voids everything below an epoch, and no later list brings it back (roll-back)', async () => {
    const world = bench();
    assert.equal(world.judge(fixture.delegated(temperature)), 'accept');
    world.revocations.install(await fixture.publish({ epochFloor: 2 }, [2]));
    assert.equal(world.judge(fixture.delegated(temperature, { counter: 1 })), 'ignore revoked-origin');
    const held = {
      origin: fixture.member('ann').nodeId,
      voucherId: sha256Hex(temperature.statement),
      issuedAt: NOW_MS,
    };
    assert.equal(world.origins.judgeHeld(held).tag, 'revoked', 'what was held of it is to go');
    world.revocations.install(await fixture.publish({ epochFloor: 0 }, [1, 2]));
    assert.equal(world.judge(fixture.delegated(temperature, { counter: 2 })), 'ignore revoked-origin');
    const fresh = fixture.delegate('ann', { epoch: 2 });
    assert.equal(world.judge(fixture.delegated(fresh)), 'accept');
  });

  it('voids one statement by its id, and stays so when a later list leaves it out', async () => {
    const world = bench();
    const [one, two] = [fixture.delegate('ann'), fixture.delegate('ann')];
    await fixture.publish();
    const { id } = parseStatement(MESH, one.statement);
    world.revocations.install(await fixture.authority.revokeDelegates([id], NOW_MS));
    assert.equal(world.judge(fixture.delegated(one)), 'ignore revoked-origin');
    assert.equal(world.judge(fixture.delegated(two)), 'accept');
  });

  it('voids the delegates of a node that is revoked', async () => {
    const own = await MeshFixture.create('own', 'ann');
    await own.enroll('chief');
    const world = new DelegateBench(own, [await own.publish()]);
    const delegate = own.delegate('ann');
    assert.equal(world.judge(own.delegated(delegate)), 'accept');
    world.revocations.install(await own.authority.revoke([own.member('ann').chain], NOW_MS));
    assert.equal(world.judge(own.delegated(delegate, { counter: 1 })), 'ignore revoked-origin');
  });

  it('narrows with the newest certificate of its node, where that is known', async () => {
    const own = await MeshFixture.create('narrowed', 'ann');
    await own.enroll('chief', [parseRole('operator')]);
    const [wide, sensor] = [
      own.delegate('chief', { scope: scopeOf(['command:issue/stop']) }),
      own.delegate('chief', { scope: scopeOf(['publish:sensor/temperature']) }),
    ];
    const list = await own.publish();
    const stop = { type: 'command/stop' };
    const world = new DelegateBench(own, [list], ['ann']);
    assert.equal(world.judge(own.delegated(wide, stop)), 'accept', 'on the authority’s word: no certificate is known');
    world.chains.add(own.member('chief').chain, NOW_MS);
    assert.equal(world.judge(own.delegated(wide, { ...stop, counter: 1 })), 'accept');
    await own.enroll('chief', [], (NOW_MS + HOUR_MS) as UnixMs);
    world.chains.add(own.member('chief').chain, NOW_MS);
    assert.equal(world.judge(own.delegated(wide, { ...stop, counter: 2 })), 'ignore unpublished-origin');
    assert.equal(world.judge(own.delegated(sensor)), 'accept', 'what it may still do, its devices may');
  });

  it('keeps streams of different keys apart, though node, incarnation and counter are the same', () => {
    const world = bench();
    const other = fixture.delegate('ann');
    assert.equal(world.judge(fixture.delegated(temperature)), 'accept');
    assert.equal(world.judge(fixture.delegated(other)), 'accept');
    assert.equal(world.judge(fixture.message('ann', { type: 'sensor/temperature', payload: utf8('21') })), 'accept');
    assert.equal(
      world.judge(fixture.delegated(other, { payload: utf8('other') })),
      'conflict, ignore conflict',
      'a clone',
    );
  });

  it('has the neighbour pay for each statement that it brings (T3)', () => {
    const world = bench();
    let verdict = '';
    for (let i = 0; i < 100_000 && verdict !== 'ignore over-budget'; i++) {
      const statement = new Uint8Array(80).fill(i >> 8);
      statement.set([0xd2, i & 0xff]);
      verdict = world.judge(fixture.delegated({ ...temperature, statement }, { origin: fixture.member('ann').nodeId }));
    }
    assert.equal(verdict, 'ignore over-budget');
    assert.equal(world.kept.length, 0);
  });
});

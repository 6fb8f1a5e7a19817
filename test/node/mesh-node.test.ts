import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/base/time.ts';
import type { HeldCrl } from '../../src/engine/gossip/crl-sync.ts';
import { INBOUND_MAX, LINKS_MAX, OUTBOUND_TARGET } from '../../src/engine/links/connector.ts';
import { CROSSING_MS_MAX, type Link, PROBATION_MS } from '../../src/engine/links/link.ts';
import { parseAddress } from '../../src/message/payloads/address.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { assembleMessage, type Message } from '../../src/message/message.ts';
import { streamKeyOf } from '../../src/message/message-id.ts';
import { encodeNodeRecord } from '../../src/message/payloads/node-record.ts';
import { ChainExchange, SPOKEN_MAX } from '../../src/node/peers/chain-exchange.ts';
import { ARRIVALS_LEFT_FREE } from '../../src/node/node-start.ts';
import type { Certificate } from '../../src/pki/x509/certificate/certificate.ts';
import type { StoredMessage } from '../../src/ports/node-store.ts';
import { MemoryNodeStore } from '../../src/sim/members/memory-node-store.ts';
import { MeshFixture, NOW_MS } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';

describe('mesh node', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create(
      'fixture',
      'ann',
      'bob',
      'eve',
      ...Array.from({ length: 14 }, (_, i) => `n${i}`),
    );
  });

  /** Nodes in a row, each linked with the next. */
  const row = (
    own: MeshFixture,
    ...names: readonly string[]
  ): { readonly net: NodeNet; readonly nodes: HandNode[] } => {
    const net = new NodeNet(own);
    const nodes = names.map((name) => net.start(name));
    for (const [i, node] of nodes.slice(1).entries()) net.connect(nodes[i] as HandNode, node);
    net.settle();
    return { net, nodes };
  };

  describe('a message', () => {
    it('reaches every node, also those that have to ask for the certificate of who said it', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob', 'eve');
      const [ann, , eve] = nodes as [HandNode, HandNode, HandNode];
      const request = ann.publish();
      net.settle();
      assert.equal(ann.answerTo(request), 'ok');
      assert.deepEqual(eve.heldIds, [`${ann.id}.${ann.node.incarnation}.0`]);
      assert.equal(eve.said('message').length, 1);
      assert.equal(eve.node.statistics.accepted, 1);
      assert.equal(eve.node.holdings.validIndicators(net.now.wall).length, 1);
    });

    it('brings along what vouches for its signer where that is new, so that nobody has to ask', (t) => {
      const { net, nodes } = row(fixture, 'ann', 'bob', 'eve', 'n0', 'n1');
      const [ann, bob, , , last] = nodes as [HandNode, HandNode, HandNode, HandNode, HandNode];
      const asked = t.mock.method(ChainExchange.prototype, 'handleWantChains');
      ann.publish();
      net.settle();
      assert.deepEqual(last.heldIds, [`${ann.id}.${ann.node.incarnation}.0`]);
      assert.equal(asked.mock.callCount(), 0);
      net.pass(MINUTE_MS);
      const shown = t.mock.method(ChainExchange.prototype, 'handleChain');
      bob.publish();
      net.settle();
      assert.deepEqual(last.heldIds.length, 2);
      assert.equal(asked.mock.callCount(), 0, 'eve has known bob for a minute, but he has not spoken before');
      const shownOnce = shown.mock.callCount();
      net.pass(MINUTE_MS);
      bob.publish();
      net.settle();
      assert.deepEqual(last.heldIds.length, 3);
      assert.equal(shown.mock.callCount(), shownOnce, 'by now they know him');
    });

    it('brings them along again where more signers have spoken since than are remembered', (t) => {
      const vouch = t.mock.method(ChainExchange.prototype, 'vouch');
      const { net, nodes } = row(fixture, 'ann', 'bob', 'eve');
      const [ann, bob] = nodes as [HandNode, HandNode];
      ann.publish();
      net.settle();
      const exchange = vouch.mock.calls[0]?.this as ChainExchange;
      const [link] = bob.node.links;
      const shown = t.mock.method(ChainExchange.prototype, 'voucherOf');
      const leafKey = fixture.member('ann').chain[0]?.fingerprintHex ?? '';
      const showsAnn = (): boolean => {
        const before = shown.mock.callCount();
        exchange.vouch(net.now, link as Link, leafKey);
        return shown.mock.callCount() > before;
      };
      net.pass(MINUTE_MS);
      for (let i = 0; i < SPOKEN_MAX - 1; i++) exchange.vouch(net.now, link as Link, `${i}`);
      assert.equal(showsAnn(), false);
      for (let i = 0; i < SPOKEN_MAX; i++) exchange.vouch(net.now, link as Link, `other ${i}`);
      assert.equal(showsAnn(), true);
    });

    it('is acknowledged when it is durable, and not before', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      ann.isStoreSlow = true;
      const request = ann.publish();
      net.settle();
      assert.equal(ann.answerTo(request), undefined);
      assert.equal(ann.heldIds.length, 1);
      ann.isStoreSlow = false;
      net.settle();
      assert.equal(ann.answerTo(request), 'ok');
    });

    it('waits for a peer that is away', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      ann.publish();
      net.pass(10 * MINUTE_MS);
      net.connect(bob, ann);
      net.settle();
      assert.deepEqual(bob.heldIds, ann.heldIds);
      assert.equal(bob.heldIds.length, 1);
    });

    it('is gone everywhere when its time is over', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      ann.publish();
      net.settle();
      net.pass(HOUR_MS + SECOND_MS);
      for (const { heldIds, node, store } of [ann, bob]) {
        assert.deepEqual(heldIds, []);
        assert.deepEqual(node.holdings.validIndicators(net.now.wall), []);
        assert.deepEqual([...store.load().messages], []);
      }
    });

    it('that a store could not write is refused and taken back, and what is said later is written', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      net.settle();
      ann.doesStoreFail = true;
      const request = ann.publish();
      net.settle();
      assert.equal(ann.answerTo(request), 'ERR_STORAGE');
      assert.deepEqual(ann.heldIds, []);
      ann.doesStoreFail = false;
      net.pass(2 * SECOND_MS);
      assert.deepEqual([...ann.store.load().messages], []);
      ann.publish();
      net.pass(2 * SECOND_MS);
      assert.equal([...ann.store.load().messages].length, 1);
      assert.equal(ann.node.backlog.journal, 0);
    });
  });

  describe('its record', () => {
    const streamsOf = ({ node }: HandNode, of: HandNode) =>
      node.holdings.records.get(of.id)?.record.streams.map(({ firstLive, next }) => [firstLive, next]);
    const tellAgain = (net: NodeNet, node: HandNode) => {
      node.node.setAddresses(net.now, [parseAddress(`10.0.0.1:${4_001 + (net.now.wall % 1_000)}`)]);
      net.pass(SECOND_MS + 1);
    };
    const announcing = (...names: readonly string[]) => {
      const net = new NodeNet(fixture);
      const nodes = names.map((name) => net.start(name, { announces: true }));
      for (const [i, node] of nodes.slice(1).entries()) net.connect(nodes[i] as HandNode, node);
      net.settle();
      return { net, nodes };
    };

    it('states the streams that the node opened: of this start, and the last of the one before', () => {
      const { net, nodes } = announcing('ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      tellAgain(net, ann);
      for (let i = 0; i < 3; i++) ann.publish();
      net.settle();
      tellAgain(net, ann);
      const [[, next] = []] = streamsOf(bob, ann) ?? [];
      assert.ok(next !== undefined && next >= 3);
      ann.restart();
      net.connect(ann, bob);
      ann.publish();
      net.settle();
      tellAgain(net, ann);
      assert.equal(streamsOf(bob, ann)?.length, 2);
      net.pass(HOUR_MS);
      ann.publish();
      net.settle();
      tellAgain(net, ann);
      // The publication before the older record has ended.
      assert.deepEqual(streamsOf(bob, ann), [[1, 3]]);
    });

    it('says nothing of a stream that somebody else composed with its key: what it never saw is still fetched', () => {
      const { net, nodes } = announcing('ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      // A program with ann's certificate speaks elsewhere: of its three messages ann and bob have heard the last.
      const incarnation = 77;
      const said = [0, 1, 2].map((counter) => fixture.message('ann', { incarnation, counter, issuedAt: net.now.wall }));
      ann.submit(said[2] as Message, ann.id);
      net.settle();
      tellAgain(net, ann);
      assert.deepEqual(
        bob.node.holdings.records.get(ann.id)?.record.streams.map((stream) => stream.incarnation),
        [],
      );
      bob.submit(said[0] as Message, bob.id);
      net.settle();
      assert.equal(bob.node.holdings.messages.streams.get(streamKeyOf(ann.id, incarnation))?.live.size, 2);
    });
  });

  describe('a restart', () => {
    it('keeps what was acknowledged, and says nothing new under an old number (T24)', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      ann.publish();
      net.settle();
      const [first] = ann.heldIds;
      ann.restart();
      assert.deepEqual(ann.heldIds, [first]);
      ann.publish('{"kind":"hash","value":"other","risk":1}');
      net.connect(ann, bob);
      net.settle();
      assert.equal(ann.heldIds.length, 2);
      assert.deepEqual(bob.heldIds, ann.heldIds);
      assert.equal(bob.node.statistics.conflicts, 0);
      assert.equal(bob.said('message').length, 2, 'nothing was accepted twice');
    });

    it('takes a message that the file has twice once, and forgets the second', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      ann.publish();
      net.settle();
      const { summary } = ann.node.holdings.messages;
      const [kept] = Array.from(ann.store.load().messages) as [StoredMessage];
      ann.store.applyNow([{ tag: 'put-message', message: { ...kept, arrival: kept.arrival + 1 } }]);
      ann.restart();
      net.settle();
      assert.equal(ann.node.holdings.messages.summary, summary);
      assert.deepEqual(Array.from(ann.store.load().messages), [kept]);
      ann.publish('{"kind":"hash","value":"other","risk":1}');
      net.settle();
      assert.deepEqual(
        Array.from(ann.store.load().messages, ({ arrival }) => arrival),
        [kept.arrival, kept.arrival + 2 + ARRIVALS_LEFT_FREE],
      );
    });

    it('loses what was not durable, and nothing is acknowledged of it', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      ann.isStoreSlow = true;
      const request = ann.publish();
      net.settle();
      ann.isStoreSlow = false;
      ann.restart();
      net.settle();
      assert.equal(ann.answerTo(request), undefined);
      assert.deepEqual(ann.heldIds, []);
    });

    it('of a restored snapshot opens a stream above the one that a peer holds (T24)', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      for (let i = 0; i < 3; i++) ann.restart();
      net.connect(ann, bob);
      ann.publish();
      net.settle();
      const { incarnation } = ann.node;
      ann.restart(new MemoryNodeStore());
      assert.ok(ann.node.incarnation < incarnation);
      net.connect(ann, bob);
      net.settle();
      assert.equal(ann.node.incarnation, incarnation + 1);
      assert.equal(ann.store.load().incarnation, incarnation + 1);
      ann.publish('{"kind":"hash","value":"other","risk":1}');
      net.settle();
      assert.equal(bob.heldIds.length, 2);
      assert.equal(bob.node.statistics.conflicts, 0);
    });

    it('with a clock years ahead says nothing, and is heard once its clock is right', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann', { announces: true });
      const { now } = net;
      let aheadMs = 3_652 * DAY_MS;
      Object.defineProperty(net, 'now', {
        get: () => ({ mono: now.mono + passedMs, wall: now.wall + passedMs + aheadMs }),
      });
      let passedMs = 0;
      ann.restart();
      assert.throws(() => ann.publish(), { code: 'ERR_MESSAGE_UNKNOWN_ORIGIN' });
      ann.node.handleTimeout(net.now);
      net.settle();
      aheadMs = 0;
      const request = ann.publish();
      net.settle();
      assert.equal(ann.answerTo(request), 'ok');
      passedMs = 2 * MINUTE_MS;
      ann.node.handleTimeout(net.now);
      net.settle();
      assert.equal(ann.node.holdings.records.get(ann.id)?.incarnation, ann.node.incarnation, 'its record is told too');
    });

    it('as a clone shares its stream with the other for no longer than it takes to meet what that said (T24)', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob', 'eve');
      const [ann, bob] = nodes as [HandNode, HandNode, HandNode];
      const { incarnation } = ann.node;
      const request = ann.publish('{"kind":"hash","value":"of ann","risk":1}');
      net.settle();
      assert.equal(ann.answerTo(request), 'ok');
      // What the clone said under the same counter comes to bob by another way.
      const other = fixture.message('ann', { incarnation });
      bob.submit(other, bob.id);
      net.settle();
      assert.equal(bob.said('conflict').length, 1);
      assert.equal(ann.said('conflict').length, 1, 'ann was told');
      assert.ok(ann.node.incarnation > incarnation);
      // What the clone says under a counter that ann has not come to collides with nothing.
      bob.submit(fixture.message('ann', { incarnation, counter: 1 }), bob.id);
      net.pass(MINUTE_MS);
      const next = ann.publish();
      net.settle();
      assert.equal(ann.answerTo(next), 'ok');
      assert.equal(ann.store.load().incarnation, ann.node.incarnation);
    });

    it('as a clone that has said less leaves the stream to the other when it hears more of it (T24)', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      const { incarnation } = ann.node;
      for (let counter = 0; counter < 5; counter++)
        bob.submit(fixture.message('ann', { incarnation, counter }), bob.id);
      net.pass(MINUTE_MS);
      assert.ok(ann.node.incarnation > incarnation);
      const request = ann.publish();
      net.settle();
      assert.equal(ann.answerTo(request), 'ok');
      assert.equal(bob.heldIds.length, 6);
    });

    it('as a clone that runs in a stream of its own is told by its record, and by nothing else (T24)', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann', { announces: true }), net.start('bob')];
      net.connect(ann, bob);
      net.settle();
      const { incarnation } = ann.node;
      const alarms = (): number => ann.said('conflict').length;
      const say = (more: object, issuedAt: number): void => {
        bob.submit(fixture.message('ann', { incarnation: incarnation + 1, issuedAt, ...more }), bob.id);
        net.pass(MINUTE_MS);
      };
      const record = (name: string): object => ({
        type: 'record',
        payload: encodeNodeRecord({ name, version: '0.1.0', addresses: [], streams: [] }),
      });
      say({ counter: 0 }, NOW_MS + SECOND_MS);
      assert.equal(alarms(), 0, 'a program may have our certificate');
      say({ counter: 1, ...record('before this start') }, NOW_MS - MINUTE_MS);
      assert.equal(alarms(), 0, 'we said it ourselves, before a restart that lost it');
      say({ counter: 2, ...record('now') }, NOW_MS + SECOND_MS);
      assert.equal(alarms(), 1);
      assert.equal(ann.node.statistics.conflicts, 1);
      assert.equal(bob.said('conflict').length, 0, 'nobody else can tell');
    });

    it('remembers chains and lists: the revoked stay out', async () => {
      const own = await MeshFixture.create('restart', 'ann', 'bob', 'eve');
      const { net, nodes } = row(own, 'ann', 'bob');
      const [ann] = nodes as [HandNode];
      ann.node.installCrl(net.now, await own.authority.revoke([own.member('eve').chain], net.now.wall));
      net.settle();
      ann.restart();
      assert.equal(ann.node.crls().length, 1);
      assert.equal(net.connect(net.start('eve'), ann), false);
    });

    it('remembers what a newer and emptier list left out, and says that it did (T5)', async () => {
      const own = await MeshFixture.create('rollback', 'ann', 'bob', 'eve');
      const restored = await MeshFixture.create('rollback'); // the same issuer, and nothing revoked
      const { net, nodes } = row(own, 'ann', 'bob');
      const [ann] = nodes as [HandNode];
      const eve = net.start('eve');
      net.connect(eve, ann);
      net.settle();
      ann.node.installCrl(net.now, await own.authority.revoke([own.member('eve').chain], net.now.wall));
      net.pass(MINUTE_MS);
      const emptier = await restored.authority.revoke([], net.now.wall);
      assert.equal(ann.node.installCrl(net.now, emptier), true);
      net.settle();
      for (const { node } of [ann, ...nodes]) {
        const [{ number, issuerKeyHash }] = node.crls() as [HeldCrl];
        assert.equal(number, net.now.wall / 1_000);
        assert.equal(node.keptRevocations(issuerKeyHash), 1);
      }
      const serial = own.member('eve').chain[0]?.serial;
      assert.deepEqual(
        ann.said('crl').map((event) => event.tag === 'crl' && event.droppedLive),
        [[], [serial]],
      );
      for (let starts = 0; starts < 2; starts++) {
        ann.restart();
        assert.equal(net.connect(eve, ann), false);
        assert.equal(ann.node.keptRevocations(ann.node.crls()[0]?.issuerKeyHash ?? ''), 1);
      }
      // Nothing that eve has signed can live any longer than this, and the list need not be told of it again.
      net.pass(15 * DAY_MS + 2 * HOUR_MS);
      net.settle();
      assert.deepEqual(ann.store.load().revocations, []);
    });

    it('remembers why a node was revoked where a newer list softens that: what a thief signed stays out', async () => {
      const own = await MeshFixture.create('softened', 'ann', 'bob', 'eve');
      const softer = await MeshFixture.create('softened');
      const { net, nodes } = row(own, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      const { chain } = own.member('eve');
      ann.node.installCrl(net.now, await own.authority.revoke([chain], net.now.wall));
      net.pass(MINUTE_MS);
      const stolen = own.message('eve', { issuedAt: net.now.wall });
      net.pass(MINUTE_MS);
      const list = await softer.authority.revoke([chain], net.now.wall, 'superseded');
      assert.equal(ann.node.installCrl(net.now, list), true);
      assert.equal(ann.said('crl').length, 2);
      for (let starts = 0; starts < 2; starts++) {
        ann.node.keepChain(net.now, chain);
        const request = ann.submit(stolen, bob.id);
        net.settle();
        assert.equal(ann.answerTo(request), 'ERR_MESSAGE_REVOKED_ORIGIN');
        ann.restart();
      }
    });

    it('lets go of what it took under a weaker reason when a newer list says a stricter one, and takes no more', async () => {
      const own = await MeshFixture.create('stricter', 'ann', 'bob', 'eve');
      const stricter = await MeshFixture.create('stricter');
      const { net, nodes } = row(own, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      const { chain } = own.member('eve');
      for (const { node } of nodes) node.keepChain(net.now, chain);
      const before = own.message('eve', { issuedAt: net.now.wall });
      const backdated = own.message('eve', { issuedAt: net.now.wall, counter: 1 });
      net.pass(MINUTE_MS);
      for (const { node } of nodes)
        node.installCrl(net.now, await own.authority.revoke([chain], net.now.wall, 'cessationOfOperation'));
      for (const hand of [ann, bob]) {
        const request = hand.submit(before, bob.id);
        net.settle();
        assert.equal(hand.answerTo(request), 'ok');
      }
      assert.deepEqual([ann.heldIds.length, bob.heldIds.length], [1, 1]);
      net.pass(MINUTE_MS);
      ann.node.installCrl(net.now, await stricter.authority.revoke([chain], net.now.wall, 'keyCompromise'));
      net.settle();
      assert.deepEqual([ann.heldIds, bob.heldIds], [[], []]);
      for (const message of [before, backdated]) {
        const again = ann.submit(message, bob.id);
        net.settle();
        assert.equal(ann.answerTo(again), 'ERR_MESSAGE_REVOKED_ORIGIN');
      }
      ann.restart();
      assert.deepEqual(ann.heldIds, []);
    });

    it('forgets what ended, and what was revoked, while it was down', async () => {
      const own = await MeshFixture.create('away', 'ann', 'bob', 'eve');
      const { net, nodes } = row(own, 'ann', 'bob', 'eve');
      const [ann, bob, eve] = nodes as [HandNode, HandNode, HandNode];
      eve.publish();
      bob.publish();
      net.settle();
      assert.equal(ann.heldIds.length, 2);
      const list = await own.authority.revoke([own.member('eve').chain], net.now.wall);
      ann.node.installCrl(net.now, list);
      net.settle();
      ann.restart();
      assert.deepEqual(ann.heldIds, [`${bob.id}.${bob.node.incarnation}.0`]);
      net.pass(2 * HOUR_MS);
      ann.restart();
      assert.deepEqual(ann.heldIds, []);
      net.settle();
      assert.deepEqual([...ann.store.load().messages], []);
    });
  });

  describe('links', () => {
    it('with itself or with nobody new are not held', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      net.connect(ann, ann);
      net.settle();
      assert.deepEqual(ann.linkedNames, []);
    });

    it('are one between two nodes, the same at both ends, also when both dial', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      net.connect(bob, ann);
      net.settle();
      assert.deepEqual([ann.linkedNames, bob.linkedNames], [['bob'], ['ann']]);
      const dialler = ann.id < bob.id ? ann : bob;
      assert.equal(
        dialler.node.links[0]?.end.direction,
        'outbound',
        'of twins the one that the lower id dialled stays',
      );
      net.pass(MINUTE_MS);
      ann.publish();
      net.settle();
      assert.deepEqual(bob.heldIds, ann.heldIds);
    });

    it('give way to a newer one with the same peer once they have stood, whoever dialled: it has lost them, or a clone (T24)', () => {
      for (const [first, second] of [
        ['ann', 'bob'],
        ['bob', 'ann'],
      ] as const) {
        const net = new NodeNet(fixture);
        const [old, anew] = [net.start(first), net.start(second)];
        net.connect(old, anew);
        net.pass(CROSSING_MS_MAX);
        net.connect(anew, old);
        net.settle();
        assert.deepEqual([old.linkedNames, anew.linkedNames], [[second], [first]]);
        assert.equal(anew.node.links[0]?.end.direction, 'outbound', `${second}, which dialled last`);
      }
    });

    it('with a peer that we dialled and that dials us take no place that is kept for our choice (T4)', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      const chosen = net.start('bob');
      net.connect(ann, chosen);
      for (let i = 0; i < INBOUND_MAX; i++) net.connect(net.start(`n${i}`), ann);
      net.pass(CROSSING_MS_MAX);
      assert.equal(ann.linkedNames.length, INBOUND_MAX + 1);
      net.connect(chosen, ann);
      net.settle();
      const inbound = ann.node.links.filter(({ end }) => end.direction === 'inbound');
      assert.equal(inbound.length, INBOUND_MAX);
      assert.ok(!ann.linkedNames.includes('bob'));
    });

    it('dialled by others take only so many places (T4)', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      const others = Array.from({ length: INBOUND_MAX + 2 }, (_, i) => net.start(`n${i}`));
      for (const other of others) net.connect(other, ann);
      net.settle();
      assert.equal(ann.linkedNames.length, INBOUND_MAX);
      assert.equal(others.filter((other) => other.linkedNames.length === 0).length, 2);
      const chosen = net.start('bob');
      net.connect(ann, chosen);
      net.settle();
      assert.equal(ann.linkedNames.length, INBOUND_MAX + 1, 'there is room for those of its own choice');
    });

    describe('of our choice, when one more than wanted is dialled', () => {
      const chosenBy = (net: NodeNet, ann: HandNode): HandNode[] => {
        const chosen = Array.from({ length: OUTBOUND_TARGET }, (_, i) => net.start(`n${i}`));
        for (const other of chosen) net.connect(ann, other);
        net.settle();
        assert.equal(ann.linkedNames.length, OUTBOUND_TARGET);
        return chosen;
      };

      it('one gives way to it', () => {
        const net = new NodeNet(fixture);
        const [ann, bob] = [net.start('ann'), net.start('bob')];
        chosenBy(net, ann);
        net.connect(ann, bob);
        net.settle();
        assert.equal(ann.linkedNames.length, OUTBOUND_TARGET);
        assert.ok(ann.linkedNames.includes('bob'));
      });

      it('none gives way to a peer that has no place for us', () => {
        const net = new NodeNet(fixture);
        const [ann, bob] = [net.start('ann'), net.start('bob')];
        const chosen = chosenBy(net, ann);
        for (let i = 0; i < INBOUND_MAX; i++) net.connect(net.start(`n${OUTBOUND_TARGET + i}`), bob);
        net.settle();
        net.connect(ann, bob);
        net.settle();
        assert.deepEqual(ann.linkedNames, chosen.map(({ name }) => name).toSorted());
      });

      it('none gives way to a peer that says no more than hello, and that one does to the next', (t) => {
        const net = new NodeNet(fixture);
        const [ann, bob, eve] = [net.start('ann'), net.start('bob'), net.start('eve')];
        const chosen = chosenBy(net, ann).map(({ name }) => name);
        t.mock.method(bob.node, 'handleLinkBytes', () => undefined);
        net.connect(ann, bob);
        net.settle();
        assert.deepEqual(ann.linkedNames, ['bob', ...chosen].toSorted());
        net.connect(ann, eve);
        net.settle();
        assert.equal(ann.linkedNames.length, OUTBOUND_TARGET);
        assert.ok(ann.linkedNames.includes('eve') && !ann.linkedNames.includes('bob'));
      });

      it('one gives way at once where there is no place for both', (t) => {
        const net = new NodeNet(fixture);
        const [ann, bob] = [net.start('ann'), net.start('bob')];
        chosenBy(net, ann);
        for (let i = 0; i < INBOUND_MAX; i++) net.connect(net.start(`n${OUTBOUND_TARGET + i}`), ann);
        net.settle();
        assert.equal(ann.linkedNames.length, LINKS_MAX);
        t.mock.method(bob.node, 'handleLinkBytes', () => undefined);
        net.connect(ann, bob);
        net.settle();
        assert.equal(ann.linkedNames.length, LINKS_MAX);
        assert.ok(ann.linkedNames.includes('bob'));
      });
    });

    it('make room for another where somebody who dialled us brings nothing, and for none where all bring news (T4)', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann');
      const dialling = (i: number): HandNode => net.start(`n${i}`);
      for (let i = 0; i < INBOUND_MAX; i++) net.connect(dialling(i), ann);
      net.pass(PROBATION_MS / 2);
      net.connect(dialling(8), ann);
      net.settle();
      assert.ok(!ann.linkedNames.includes('n8'), 'each has some time to show what it is good for');
      for (let i = 1; i < INBOUND_MAX; i++) net.nodes.get(`n${i}`)?.publish();
      net.pass(PROBATION_MS);
      net.connect(dialling(9), ann);
      net.settle();
      assert.ok(ann.linkedNames.includes('n9'));
      assert.ok(!ann.linkedNames.includes('n0'), 'the one that brought nothing');
      assert.equal(ann.linkedNames.length, INBOUND_MAX);
    });

    it('end with a word when a node leaves', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      ann.node.leave(net.now);
      net.settle();
      assert.deepEqual(bob.said('link-down'), [{ tag: 'link-down', peer: ann.id, why: 'leaving' }]);
      const seen = [...bob.node.peersSeen.entries()];
      assert.deepEqual(
        seen.map(([nodeId]) => nodeId),
        [ann.id],
      );
    });

    it('end when the certificate of the peer does', async () => {
      const own = await MeshFixture.create('ending', 'ann', 'bob');
      const net = new NodeNet(own);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      net.pass(7 * DAY_MS - 2 * MINUTE_MS);
      net.connect(ann, bob);
      net.pass(MINUTE_MS);
      assert.deepEqual(ann.linkedNames, ['bob']);
      net.pass(2 * MINUTE_MS);
      assert.deepEqual(ann.linkedNames, []);
    });

    it('with a peer that misbehaved are refused for a while', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann, bob] = nodes as [HandNode, HandNode];
      const [link] = ann.node.links;
      ann.node.handleLinkBytes(net.now, link?.end.id as number, utf8('GET / HTTP/1.1\r\n\r\n'));
      net.settle();
      assert.deepEqual(ann.linkedNames, []);
      net.connect(bob, ann);
      net.settle();
      assert.deepEqual(ann.linkedNames, []);
      net.pass(11 * MINUTE_MS);
      net.connect(bob, ann);
      net.settle();
      assert.deepEqual(ann.linkedNames, ['bob']);
    });

    it('are tried where somebody is said to listen', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      ann.node.handleCandidate(net.now, { address: parseAddress('bob:1'), source: 'bootstrap', nodeId: bob.id });
      net.pass(1);
      assert.deepEqual(
        ann.dials.map(({ address, expected }) => [address, expected]),
        [['bob:1', bob.id]],
      );
      assert.equal(net.connect(ann, bob, ann.dials[0]?.dial), true);
      net.settle();
      assert.deepEqual(ann.linkedNames, ['bob']);
    });
  });

  describe('a record', () => {
    it('tells where a node is, and the newest counts', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann', { announces: true }), net.start('bob')];
      net.connect(ann, bob);
      net.pass(SECOND_MS);
      assert.deepEqual(bob.node.holdings.records.get(ann.id)?.record.addresses, ['ann:1']);
      ann.node.setAddresses(net.now, [parseAddress('10.0.0.9:1')]);
      net.pass(2 * SECOND_MS);
      assert.deepEqual(bob.node.holdings.records.get(ann.id)?.record.addresses, ['10.0.0.9:1']);
      assert.equal(bob.heldIds.length, 1, 'the older one is not held any more');
      net.cut(bob);
      net.pass(MINUTE_MS);
      assert.ok(bob.dials.some(({ address }) => address === '10.0.0.9:1'));
      assert.ok(!bob.dials.some(({ address }) => address === 'ann:1'));
    });

    it('is signed anew every day', () => {
      const net = new NodeNet(fixture);
      const ann = net.start('ann', { announces: true });
      net.pass(3 * DAY_MS + SECOND_MS);
      assert.deepEqual(ann.heldIds, [`${ann.id}.${ann.node.incarnation}.3`]);
    });
  });

  describe('a revocation', () => {
    it('closes links, drops mail and records, empties tables, refuses handshakes (S1.71 to S1.74)', async () => {
      const own = await MeshFixture.create('out', 'ann', 'bob', 'eve');
      const net = new NodeNet(own);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      const eve = net.start('eve', { announces: true });
      net.connect(ann, bob);
      net.connect(eve, ann);
      eve.publish();
      net.pass(SECOND_MS);
      assert.equal(bob.heldIds.length, 2);
      const list = await own.authority.revoke([own.member('eve').chain], net.now.wall);
      ann.node.installCrl(net.now, list);
      net.settle();
      for (const node of [ann, bob]) {
        assert.deepEqual(node.heldIds, [], node.name);
        assert.equal(node.node.holdings.records.get(eve.id), undefined);
        assert.deepEqual(
          [...node.node.peersSeen.entries()].filter(([nodeId]) => nodeId === eve.id),
          [],
        );
        assert.deepEqual([...node.store.load().messages], []);
        assert.equal(node.said('crl').length, 1);
        assert.equal(net.connect(eve, node), false);
      }
      assert.deepEqual(ann.linkedNames, ['bob']);
      assert.deepEqual(ann.said('link-down'), [{ tag: 'link-down', peer: eve.id, why: 'revoked' }]);
      assert.deepEqual(eve.linkedNames, []);
    });

    it('reaches a peer that passes on mail of the revoked', async () => {
      const own = await MeshFixture.create('late', 'ann', 'bob', 'eve');
      const net = new NodeNet(own);
      const [ann, bob, eve] = [net.start('ann'), net.start('bob'), net.start('eve')];
      ann.node.keepChain(net.now, own.member('eve').chain);
      ann.node.installCrl(net.now, await own.authority.revoke([own.member('eve').chain], net.now.wall));
      net.connect(eve, bob);
      eve.publish();
      net.settle();
      assert.equal(bob.heldIds.length, 1);
      net.connect(bob, ann);
      net.settle();
      assert.deepEqual([ann.heldIds, bob.heldIds], [[], []]);
      assert.equal(bob.said('crl').length, 1);
      assert.deepEqual(bob.linkedNames, ['ann']);
      assert.deepEqual(ann.said('message'), []);
    });

    it('silences the node itself', async () => {
      const own = await MeshFixture.create('self', 'ann');
      const net = new NodeNet(own);
      const ann = net.start('ann');
      ann.node.installCrl(net.now, await own.authority.revoke([own.member('ann').chain], net.now.wall));
      assert.throws(() => ann.publish(), { code: 'ERR_MESSAGE_REVOKED_ORIGIN' });
    });

    it('is taken from a list of this mesh alone', async () => {
      const [own, other] = [await MeshFixture.create('own', 'ann'), await MeshFixture.create('other', 'ann')];
      const net = new NodeNet(own);
      const ann = net.start('ann');
      assert.equal(ann.node.installCrl(net.now, await other.authority.revoke([], net.now.wall)), false);
      assert.equal(ann.node.installCrl(net.now, utf8('no list')), false);
      const list = await own.authority.revoke([], net.now.wall);
      assert.equal(ann.node.installCrl(net.now, list), true);
      assert.equal(ann.node.installCrl(net.now, list), true, 'again is fine and changes nothing');
      assert.equal(ann.said('crl').length, 1);
    });
  });

  describe('a client', () => {
    const stranger = (): { readonly net: NodeNet; readonly ann: HandNode } => {
      const net = new NodeNet(fixture);
      return { net, ann: net.start('ann') };
    };

    it('hands in a message that it signed itself, once its chain is known', () => {
      const { net, ann } = stranger();
      const { nodeId, chain } = fixture.member('eve');
      const message = fixture.message('eve');
      const early = ann.submit(message, nodeId);
      net.settle();
      assert.equal(ann.answerTo(early), 'ERR_MESSAGE_UNKNOWN_ORIGIN');
      ann.node.keepChain(net.now, chain);
      const [first, again] = [ann.submit(message, nodeId), ann.submit(message, nodeId)];
      net.settle();
      assert.deepEqual([ann.answerTo(first), ann.answerTo(again)], ['ok', 'ok']);
      assert.deepEqual(ann.heldIds, [message.id]);
    });

    it('is told that its signature does not hold, that its message expired, and so on', () => {
      const { net, ann } = stranger();
      const { nodeId, chain } = fixture.member('eve');
      ann.node.keepChain(net.now, chain);
      const outcome = (message: ReturnType<MeshFixture['message']>): string | undefined => {
        const request = ann.submit(message, nodeId);
        net.settle();
        return ann.answerTo(request);
      };
      assert.equal(outcome(fixture.message('eve', { forged: true })), 'ERR_MESSAGE_SIGNATURE');
      assert.equal(outcome(fixture.message('eve', { issuedAt: NOW_MS - HOUR_MS })), 'ERR_MESSAGE_EXPIRED');
      assert.equal(outcome(fixture.message('eve', { issuedAt: NOW_MS + HOUR_MS })), 'ERR_MESSAGE_FUTURE');
      assert.equal(outcome(fixture.message('eve', { expiresAt: NOW_MS + 8 * DAY_MS })), 'ERR_MESSAGE_LIFETIME');
      assert.equal(outcome(fixture.message('eve', { payload: utf8('x') })), 'ERR_MESSAGE_PAYLOAD');
      assert.equal(outcome(fixture.message('eve', { type: 'command/go' })), 'ERR_MESSAGE_NOT_PERMITTED');
      assert.equal(outcome(fixture.message('eve', { type: 'sensor/t' })), 'ok');
      assert.equal(
        outcome(fixture.message('eve', { type: 'sensor/t', payload: utf8('other') })),
        'ERR_MESSAGE_CONFLICT',
      );
      assert.equal(ann.node.statistics.conflicts, 1);
      assert.equal(ann.said('conflict').length, 1);
    });

    it('has its message laid out, and signs what it is given', () => {
      const { net, ann } = stranger();
      const { nodeId, signer, chain } = fixture.member('eve');
      const leafKey = (chain[0] as Certificate).fingerprintHex;
      ann.node.keepChain(net.now, chain);
      const what = { type: parseMessageType('sensor/t'), payload: utf8('5'), ttlMs: HOUR_MS };
      const composed = ann.node.prepare(net.now, { nodeId, algorithm: signer.algorithm, leafKey }, what);
      const request = ann.submit(assembleMessage(composed, signer.signSync(composed.toBeSigned)), nodeId);
      net.settle();
      assert.equal(ann.answerTo(request), 'ok');
    });
  });

  describe('time', () => {
    it('wakes an idle node rarely', () => {
      const { net, nodes } = row(fixture, 'ann', 'bob');
      const [ann] = nodes as [HandNode];
      net.pass(5 * MINUTE_MS);
      let wakeUps = 0;
      const { node } = ann;
      const wake = node.handleTimeout.bind(node);
      node.handleTimeout = (now) => {
        wakeUps++;
        wake(now);
      };
      net.pass(10 * MINUTE_MS);
      assert.ok(wakeUps <= 60, `${wakeUps} in ten minutes`);
    });
  });
});

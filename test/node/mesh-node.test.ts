import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/base/time.ts';
import type { Link } from '../../src/engine/links/link.ts';
import { parseAddress } from '../../src/message/payloads/address.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { assembleMessage, type Message } from '../../src/message/message.ts';
import { streamKeyOf } from '../../src/message/message-id.ts';
import { ChainExchange, SPOKEN_MAX } from '../../src/node/peers/chain-exchange.ts';
import type { Certificate } from '../../src/pki/x509/certificate/certificate.ts';
import { MeshFixture, NOW_MS } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';

import { nodesInRow } from './nodes-in-row.ts';

describe('mesh node', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'bob', 'eve', 'n0', 'n1');
  });

  describe('a message', () => {
    it('reaches every node, also those that have to ask for the certificate of who said it', () => {
      const { net, nodes } = nodesInRow(fixture, 'ann', 'bob', 'eve');
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
      const { net, nodes } = nodesInRow(fixture, 'ann', 'bob', 'eve', 'n0', 'n1');
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
      const { net, nodes } = nodesInRow(fixture, 'ann', 'bob', 'eve');
      const [ann, bob] = nodes as [HandNode, HandNode];
      ann.publish();
      net.settle();
      const exchange = vouch.mock.calls[0]?.this as ChainExchange;
      const [link] = bob.node.links;
      const shown = t.mock.method(ChainExchange.prototype, 'voucherOf');
      const voucherId = fixture.member('ann').chain[0]?.fingerprintHex ?? '';
      const showsAnn = (): boolean => {
        const before = shown.mock.callCount();
        exchange.vouch(net.now, link as Link, voucherId);
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
      const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
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
      const voucherId = (chain[0] as Certificate).fingerprintHex;
      ann.node.keepChain(net.now, chain);
      const what = { type: parseMessageType('sensor/t'), payload: utf8('5'), ttlMs: HOUR_MS };
      const composed = ann.node.prepare(net.now, { nodeId, algorithm: signer.algorithm, voucherId }, what);
      const request = ann.submit(assembleMessage(composed, signer.signSync(composed.toBeSigned)), nodeId);
      net.settle();
      assert.equal(ann.answerTo(request), 'ok');
    });
  });

  describe('time', () => {
    it('wakes an idle node rarely', () => {
      const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
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

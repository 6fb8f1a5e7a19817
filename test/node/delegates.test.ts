import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { toHex } from '../../src/base/bytes.ts';
import { DAY_MS, SECOND_MS, type UnixMs } from '../../src/base/time.ts';
import { uncompressPoint } from '../../src/crypto/curve/curve-point.ts';
import { negateScalar } from '../../src/crypto/curve/scalar.ts';
import { Secret } from '../../src/crypto/secret.ts';
import { scopeOf } from '../../src/identity/delegate/scope.ts';
import { encodeWalletStatement, parseStatement } from '../../src/message/delegate-statement.ts';
import { signWalletDelegate } from '../../src/message/river/wallet-delegate.ts';
import { walletOf } from '../../src/message/river/wallet.ts';
import { ChainBook } from '../../src/engine/gate/chain-book.ts';
import { DelegateBook, DELEGATES_OF_WALLET_MAX } from '../../src/engine/gate/delegate-book.ts';
import type { Link } from '../../src/engine/links/link.ts';
import { Origins } from '../../src/engine/gate/origins.ts';
import { Revocations } from '../../src/engine/gate/revocations.ts';
import { ChainExchange, readMeshCertificate } from '../../src/node/peers/chain-exchange.ts';
import type { Journal } from '../../src/node/keeping/journal.ts';
import { sha256 } from '../../src/crypto/hash.ts';
import { WalletPolicy } from '../../src/node/wallet-policy.ts';
import { at, type DelegateFixture, INDICATOR, MESH, MeshFixture, NOW_MS } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';

/** No point of secp256k1 has this abscissa. */
const OFF_CURVE = { curve: 'secp256k1', bytes: Uint8Array.of(2, ...new Uint8Array(31), 7) } as const;

describe('delegates at nodes that only have the list', () => {
  let fixture: MeshFixture;
  let list: Uint8Array;
  let delegate: DelegateFixture;
  before(async () => {
    fixture = await MeshFixture.create('node-delegates', 'ann', 'bob', 'eve');
    list = await fixture.publish();
    delegate = fixture.delegate('ann');
  });

  const started = (...names: readonly string[]): { readonly net: NodeNet; readonly nodes: HandNode[] } => {
    const net = new NodeNet(fixture);
    const nodes = names.map((name) => net.start(name));
    return { net, nodes };
  };
  const keysOf = (node: HandNode): string[] =>
    Array.from(node.node.holdings.messages.values(), (held) => held.voucherId);
  const hash = (): string => toHex(sha256(delegate.statement));

  it('ask the neighbour for a statement that a later message only names', () => {
    const { net, nodes } = started('ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    for (const node of nodes) node.node.installCrl(net.now, list);
    // Ann hears both; Bob is linked only when the first, which brought the statement, has ended.
    const client = fixture.member('ann').nodeId;
    const short = { issuedAt: net.now.wall, expiresAt: net.now.wall + 10_000 };
    ann.submit(fixture.delegated(delegate, short), client);
    net.settle();
    const later = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000, counter: 1, byHash: true };
    ann.submit(fixture.delegated(delegate, later), client);
    net.settle();
    net.pass(11_000);
    assert.deepEqual(keysOf(ann), [hash()], 'the first has ended');
    net.connect(ann, bob);
    net.settle();
    net.pass(5_000);
    assert.deepEqual(keysOf(bob), [hash()]);
  });

  it('say of each bad statement what is wrong with it', async () => {
    const own = await MeshFixture.create('told', 'ann', 'bob');
    const net = new NodeNet(own);
    const ann = net.start('ann');
    const now = net.now.wall;
    const { nodeId } = own.member('ann');
    const [good, other, revoked] = [own.delegate('ann'), own.delegate('ann'), own.delegate('ann')];
    await own.publish({ epochFloor: 1 }, [1, 2]);
    const list = await own.authority.revokeDelegates([parseStatement(MESH, revoked.statement).id], NOW_MS);
    ann.node.installCrl(net.now, list);
    const changed = (change: (statement: Uint8Array) => void): DelegateFixture => {
      const statement = good.statement.slice();
      change(statement);
      return { ...good, statement };
    };
    let counter = 0;
    const told = (of: DelegateFixture, said: object = {}): string | undefined => {
      const times = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000, counter: counter++ };
      const request = ann.submit(own.delegated(of, { ...times, origin: nodeId, ...said }), nodeId);
      net.settle();
      return ann.answerTo(request);
    };
    const highS = (s: Uint8Array): void => s.set(negateScalar('secp256k1', s.slice(-32)), s.length - 32);
    const ended = { notAfter: (now + SECOND_MS) as UnixMs };
    const cases: readonly (readonly [string, DelegateFixture, object, string])[] = [
      ['nothing wrong', good, {}, 'ok'],
      ['ended', own.delegate('ann', ended), { issuedAt: now + SECOND_MS }, 'ERR_DELEGATE_EXPIRED'],
      ['not begun', own.delegate('ann'), { issuedAt: now - SECOND_MS }, 'ERR_DELEGATE_NOT_YET_VALID'],
      ['changed', changed((s) => void (s[16] = (s[16] as number) ^ 1)), {}, 'ERR_DELEGATE_SIGNATURE'],
      ['with the other s', changed(highS), {}, 'ERR_DELEGATE_HIGH_S'],
      ['cut', { ...good, statement: good.statement.slice(0, -1) }, {}, 'ERR_DELEGATE_MALFORMED'],
      ['of a key off the curve', own.delegate('ann', { key: OFF_CURVE }), {}, 'ERR_DELEGATE_KEY'],
      ['of another node', good, { origin: own.member('bob').nodeId }, 'ERR_DELEGATE_NODE'],
      ['of another device', { ...other, statement: good.statement }, {}, 'ERR_MESSAGE_SIGNATURE'],
      ['wider than its branch', own.delegate('ann', { scope: scopeOf(['publish:other']) }), {}, 'ERR_DELEGATE_SCOPE'],
      ['wider than its node', own.delegate('ann', { scope: scopeOf(['command:issue']) }), {}, 'ERR_DELEGATE_SCOPE'],
      ['silent about the type', good, { type: 'command/stop' }, 'ERR_MESSAGE_NOT_PERMITTED'],
      ['of a void epoch', own.delegate('ann', { epoch: 0 }), {}, 'ERR_DELEGATE_EPOCH'],
      ['of an epoch to come', own.delegate('ann', { epoch: 3 }), {}, 'ERR_DELEGATE_BRANCH'],
      ['revoked', revoked, {}, 'ERR_DELEGATE_REVOKED'],
    ];
    for (const [name, of, said, code] of cases) assert.equal(told(of, said), code, name);
  });

  it('drop what a wallet’s devices said when the wallet may speak no longer', async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(1)));
    const device = fixture.delegate('ann', { curve: 'secp256k1' }).signer;
    const { net, nodes } = started('ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    const notAfter = (net.now.wall + DAY_MS) as UnixMs;
    const point = uncompressPoint('secp256k1', device.key.bytes);
    const { signature } = signWalletDelegate(wallet, point, BigInt(notAfter));
    const { address } = wallet;
    const statement = encodeWalletStatement({ address, deviceKey: device.key.bytes, notAfter, signature });
    const granted = await fixture.publish({ wallets: [{ address, scope: scopeOf(['command:issue']), notAfter }] });
    for (const node of nodes) node.node.installCrl(net.now, granted);
    net.connect(ann, bob);
    net.settle();
    const at = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000 };
    const order = fixture.delegated({ signer: device, statement }, { ...at, type: 'command/stop' });
    const own = fixture.delegated(delegate, at);
    for (const message of [order, own]) ann.submit(message, fixture.member('ann').nodeId);
    net.settle();
    net.pass(5_000);
    const all = [toHex(sha256(statement)), hash()].toSorted();
    for (const node of nodes) assert.deepEqual(keysOf(node).toSorted(), all);
    ann.node.installCrl(net.now, await fixture.publish());
    net.settle();
    net.pass(5_000);
    for (const node of nodes) assert.deepEqual(keysOf(node), [hash()], 'and nothing else is');
  });

  it('hold and pass on what a wallet says that they do not obey, and it has no effect there', async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(3)));
    const device = fixture.delegate('ann', { curve: 'secp256k1' }).signer;
    const net = new NodeNet(fixture);
    const origin = `0x${toHex(wallet.address)}`;
    const [ann, bob, eve] = [
      net.start('ann'),
      net.start('bob', { wallets: WalletPolicy.parse([`${origin} command:issue/blink`]) }),
      net.start('eve'),
    ];
    const notAfter = (net.now.wall + DAY_MS) as UnixMs;
    const { address } = wallet;
    const point = uncompressPoint('secp256k1', device.key.bytes);
    const { signature } = signWalletDelegate(wallet, point, BigInt(notAfter));
    const statement = encodeWalletStatement({ address, deviceKey: device.key.bytes, notAfter, signature });
    const scope = scopeOf(['command:issue', 'publish:indicator']);
    const granted = await fixture.publish({ wallets: [{ address, scope, notAfter }] });
    for (const { node } of [ann, bob, eve]) node.installCrl(net.now, granted);
    net.connect(ann, bob);
    net.connect(bob, eve); // Eve hears of nothing but through Bob.
    net.settle();
    const said = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000 };
    const orders = ['command/stop', 'command/blink', 'indicator'].map((type, counter) =>
      fixture.delegated({ signer: device, statement }, { ...said, type, counter, payload: INDICATOR }),
    );
    for (const order of orders) ann.submit(order, fixture.member('ann').nodeId);
    net.settle();
    net.pass(5_000);
    const heardBy = ({ node }: HandNode): boolean[] => orders.map((order) => node.holdings.isHeard(order));
    for (const node of [ann, bob, eve]) assert.equal(node.heldIds.length, orders.length, node.name);
    assert.deepEqual(heardBy(eve), [true, true, true]);
    assert.deepEqual(heardBy(bob), [false, true, false]);
    const indicatorsOf = ({ node }: HandNode): number => node.holdings.validIndicators(net.now.wall).length;
    assert.deepEqual([bob, eve].map(indicatorsOf), [0, 1]);
    bob.restart();
    net.settle();
    assert.deepEqual([bob.heldIds.length, indicatorsOf(bob)], [orders.length, 0], 'nor after a restart');
  });

  it('keep the highest epoch of a wallet that they have seen, whatever later lists say, over restarts too', async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(5)));
    const device = fixture.delegate('ann', { curve: 'secp256k1' }).signer;
    const { net, nodes } = started('bob');
    const [bob] = nodes as [HandNode];
    const { address } = wallet;
    const notAfter = (net.now.wall + DAY_MS) as UnixMs;
    const point = uncompressPoint('secp256k1', device.key.bytes);
    const { signature } = signWalletDelegate(wallet, point, BigInt(notAfter));
    const statement = encodeWalletStatement({ address, deviceKey: device.key.bytes, notAfter, signature });
    const grant = { address, scope: scopeOf(['command:issue']), notAfter };
    const install = async (revokedBelow?: number): Promise<void> => {
      const said = revokedBelow === undefined ? {} : { revokedBelow: revokedBelow as UnixMs };
      bob.node.installCrl(net.now, await fixture.publish({ wallets: [{ ...grant, ...said }] }));
    };
    let counter = 0;
    const told = (): string => {
      const at = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000 };
      const said = fixture.delegated(
        { signer: device, statement },
        { ...at, type: 'command/stop', counter: counter++ },
      );
      const request = bob.submit(said, fixture.member('bob').nodeId);
      net.settle();
      return bob.answerTo(request) ?? 'nothing';
    };
    await install();
    assert.equal(told(), 'ok');
    await install(notAfter + 1);
    assert.equal(keysOf(bob).length, 0, 'what it said is dropped');
    assert.equal(told(), 'ERR_DELEGATE_EPOCH');
    // Newer lists of an authority that was put back from an old backup: without the wallet's word, with an earlier one.
    for (const below of [undefined, notAfter - 1]) {
      await install(below);
      assert.equal(told(), 'ERR_DELEGATE_EPOCH');
    }
    bob.node.installCrl(net.now, await fixture.publish()); // and with no wallet at all
    net.settle();
    bob.restart();
    net.settle();
    await install();
    assert.equal(told(), 'ERR_DELEGATE_EPOCH');
  });

  it('keep nothing of wallets that nobody let in, on the disk neither', async () => {
    const { net, nodes } = started('bob');
    const [bob] = nodes as [HandNode];
    bob.node.installCrl(net.now, list);
    net.settle();
    const before = bob.store.load().chains.length;
    const at = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000 };
    const device = fixture.delegate('ann', { curve: 'secp256k1' }).signer;
    const notAfter = (net.now.wall + DAY_MS) as UnixMs;
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(6)));
    const point = uncompressPoint('secp256k1', device.key.bytes);
    const { signature } = signWalletDelegate(wallet, point, BigInt(notAfter));
    const { address } = wallet;
    const stranger = {
      signer: device,
      statement: encodeWalletStatement({ address, deviceKey: device.key.bytes, notAfter, signature }),
    };
    const request = bob.submit(
      fixture.delegated(stranger, { ...at, type: 'command/stop' }),
      fixture.member('ann').nodeId,
    );
    net.settle();
    assert.equal(bob.answerTo(request), 'ERR_DELEGATE_BRANCH');
    assert.equal(bob.store.load().chains.length, before);
  });

  it('have the neighbour pay for each statement that they ask it for, and take none where it cannot (T3)', () => {
    const revocations = new Revocations(fixture.authority.trust);
    const chains = new ChainBook(fixture.authority.trust, revocations);
    chains.add(fixture.member('ann').chain, NOW_MS); // with its issuer
    assert.equal(revocations.install(list).tag, 'installed');
    const delegates = new DelegateBook(MESH, revocations, () => false, undefined);
    const [charged, given]: [string[], string[]] = [[], []];
    const peer = fixture.member('eve').nodeId;
    const link = { peer, send: () => {}, handleReject: () => given.push('reject') } as unknown as Link;
    const journal = { add: () => {} } as unknown as Journal;
    const exchange = new ChainExchange(new Origins(chains, delegates), journal, readMeshCertificate, {
      linkOf: () => link,
      charge: (_now, neighbour) => charged.push(neighbour) < 2,
      resume: () => given.push('resumed'),
      giveUp: (_now, _source, _message, verdict) => given.push(verdict.tag === 'accept' ? '' : verdict.reason),
      signed: () => {},
    });
    const source = { tag: 'link', link: 1, peer, bytesLength: 100 } as const;
    const now = at(0);
    const [one, two] = [fixture.delegate('ann'), fixture.delegate('ann')];
    for (const each of [one, two]) {
      exchange.handleMissing(now, source, fixture.delegated(each, { byHash: true }));
      exchange.handleDelegate(now, link, each.statement);
    }
    exchange.handleDelegate(now, link, one.statement); // that nobody waits for
    assert.deepEqual(given, ['resumed', 'over-budget']);
    assert.deepEqual(charged, [peer, peer]);
    assert.equal(delegates.size, 1);
    assert.equal(exchange.parked, 0);
  });

  it(`keep ${DELEGATES_OF_WALLET_MAX} statements of a wallet, and no mail of those beyond, which nobody could revoke`, async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(9)));
    const device = fixture.delegate('ann', { curve: 'secp256k1' }).signer;
    const { net, nodes } = started('bob');
    const [bob] = nodes as [HandNode];
    const { address } = wallet;
    const end = (net.now.wall + DAY_MS) as UnixMs;
    const publish = async (): Promise<void> => {
      const grant = { address, scope: scopeOf(['command:issue']), notAfter: end };
      bob.node.installCrl(net.now, await fixture.publish({ wallets: [grant] }));
      net.settle();
    };
    await publish();
    const hashes: string[] = [];
    for (let i = 0; i <= DELEGATES_OF_WALLET_MAX; i++) {
      const notAfter = (end + i) as UnixMs;
      const point = uncompressPoint('secp256k1', device.key.bytes);
      const { signature } = signWalletDelegate(wallet, point, BigInt(notAfter));
      const statement = encodeWalletStatement({ address, deviceKey: device.key.bytes, notAfter, signature });
      hashes.push(toHex(sha256(statement)));
      const at = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000 };
      bob.submit(fixture.delegated({ signer: device, statement }, { ...at, type: 'command/stop' }), bob.node.self);
      net.settle();
    }
    const statementsOnDisk = (): number => bob.store.load().chains.filter(([first]) => first?.[0] !== 0x30).length;
    assert.equal(statementsOnDisk(), DELEGATES_OF_WALLET_MAX);
    await publish();
    assert.deepEqual(keysOf(bob).toSorted(), hashes.slice(1).toSorted());
    bob.node.installCrl(net.now, await fixture.publish());
    net.settle();
    bob.restart();
    net.settle();
    assert.equal(statementsOnDisk(), 0, 'nobody needs them any more');
  });

  it('know it after a restart, and its epoch’s end too', async () => {
    const { net, nodes } = started('bob');
    const [bob] = nodes as [HandNode];
    bob.node.installCrl(net.now, list);
    const client = fixture.member('ann').nodeId;
    const at = { issuedAt: net.now.wall, expiresAt: net.now.wall + 600_000 };
    const request = bob.submit(fixture.delegated(delegate, at), client);
    net.settle();
    assert.equal(bob.answerTo(request), 'ok');
    bob.restart();
    net.settle();
    assert.deepEqual(keysOf(bob), [hash()]);
    const named = bob.submit(fixture.delegated(delegate, { ...at, counter: 1, byHash: true }), client);
    net.settle();
    assert.equal(bob.answerTo(named), 'ok', 'the statement was kept');

    bob.node.installCrl(net.now, await fixture.publish({ epochFloor: 2 }, [2]));
    net.settle();
    assert.deepEqual(keysOf(bob), [], 'what it said is dropped');
    // A newer list that is emptier, as of an authority put back from an old backup.
    bob.node.installCrl(net.now, await fixture.publish({ epochFloor: 0 }, [1]));
    net.settle();
    bob.restart();
    net.settle();
    const again = bob.submit(fixture.delegated(delegate, { ...at, counter: 2 }), client);
    net.settle();
    assert.equal(bob.answerTo(again), 'ERR_DELEGATE_EPOCH');
  });
});

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { toHex } from '../../src/base/bytes.ts';
import { DAY_MS, type UnixMs } from '../../src/base/time.ts';
import { uncompressPoint } from '../../src/crypto/curve-point.ts';
import { Secret } from '../../src/crypto/secret.ts';
import { scopeOf } from '../../src/identity/delegate/scope.ts';
import { encodeWalletStatement } from '../../src/message/delegate-statement.ts';
import { signWalletDelegate } from '../../src/message/river/wallet-delegate.ts';
import { walletOf } from '../../src/message/river/wallet.ts';
import { sha256 } from '../../src/crypto/hash.ts';
import { type DelegateFixture, MeshFixture } from '../support/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/node-net.ts';

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
  const keysOf = (node: HandNode): string[] => Array.from(node.node.holdings.messages.values(), (held) => held.leafKey);
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
    assert.match(String(bob.answerTo(again)), /REVOKED_ORIGIN|revoked/);
  });
});

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DAY_MS, HOUR_MS, SECOND_MS, type UnixMs } from '../../../src/base/time.ts';
import { sha256Hex } from '../../../src/crypto/hash.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { DelegateBook, DELEGATES_MAX, DELEGATES_OF_WALLET_MAX } from '../../../src/engine/gate/delegate-book.ts';
import { DelegationsView, WALLET_FLOORS_MAX } from '../../../src/engine/gate/delegations-view.ts';
import { parseRole } from '../../../src/identity/capability.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { encodeWalletStatement, parseStatement } from '../../../src/message/delegate-statement.ts';
import { signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import { walletOf } from '../../../src/message/river/wallet.ts';
import { uncompressPoint } from '../../../src/crypto/curve/curve-point.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../../src/identity/delegate/statement.ts';
import { at, type DelegateFixture, MESH, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';
import { DelegateBench } from './delegate-bench.ts';
import { BOB } from './gate-bench.ts';

describe('gate: delegates of wallets, and how many are kept', () => {
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

  it('passes the simulator’s wallets: what a wallet delegated may speak as far as the mesh lets the wallet', async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(1)));
    const device = fixture.delegate('ann', { curve: 'secp256k1' }).signer;
    const notAfter = (NOW_MS + DAY_MS) as UnixMs;
    const { signature } = signWalletDelegate(wallet, uncompressPoint('secp256k1', device.key.bytes), BigInt(notAfter));
    const statement = encodeWalletStatement({
      address: wallet.address,
      deviceKey: device.key.bytes,
      notAfter,
      signature,
    });
    const operator = { signer: device, statement };
    const stop = { type: 'command/stop' };
    assert.equal(bench().judge(fixture.delegated(operator, stop)), 'ignore unpublished-origin', 'nobody let it in');
    const grant = {
      address: wallet.address,
      scope: scopeOf(['command:issue']),
      notAfter: (NOW_MS + HOUR_MS) as UnixMs,
    };
    const world = bench(await fixture.publish({ wallets: [grant] }));
    const message = fixture.delegated(operator, stop);
    assert.equal(message.origin, `0x${wallet.address.toHex()}`);
    assert.equal(world.judge(message), 'accept');
    assert.equal(world.judge(fixture.delegated(operator, { counter: 1 })), 'reject not-permitted', 'no more than that');
    const late = fixture.delegated(operator, { ...stop, counter: 2, issuedAt: NOW_MS + HOUR_MS });
    assert.equal(world.judge(late, BOB, at(HOUR_MS)), 'ignore unpublished-origin', 'the grant has ended');
    const { id } = parseStatement(MESH, statement);
    world.revocations.install(await fixture.authority.revokeDelegates([id], NOW_MS));
    assert.equal(world.judge(fixture.delegated(operator, { ...stop, counter: 3 })), 'ignore revoked-origin');
  });

  it('takes a wallet’s delegate that ends 30 days and an hour from the message, and none that ends later', async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(2)));
    const { signer } = fixture.delegate('ann', { curve: 'secp256k1' });
    const grant = { address: wallet.address, scope: scopeOf(['command:issue']), notAfter: (NOW_MS + DAY_MS) as UnixMs };
    const world = bench(await fixture.publish({ wallets: [grant] }));
    const said = (leftMs: number): string => {
      const notAfter = (NOW_MS + leftMs) as UnixMs;
      const deviceKey = signer.key.bytes;
      const { signature } = signWalletDelegate(wallet, uncompressPoint('secp256k1', deviceKey), BigInt(notAfter));
      const statement = encodeWalletStatement({ address: wallet.address, deviceKey, notAfter, signature });
      return world.judge(fixture.delegated({ signer, statement }, { type: 'command/stop' }));
    };
    assert.equal(said(WALLET_DELEGATE_MS_MAX), 'accept');
    assert.equal(said(WALLET_DELEGATE_MS_MAX + SECOND_MS), 'reject wrong-origin');
  });

  it('forgets statements that no mail can need any more, and takes none of those', () => {
    const { delegates } = bench();
    const later = (NOW_MS + 9 * DAY_MS) as UnixMs;
    assert.equal(delegates.add(temperature.statement, NOW_MS).tag, 'known');
    assert.deepEqual(delegates.forgetEnded(NOW_MS), []);
    assert.deepEqual(delegates.forgetEnded(later), [sha256Hex(temperature.statement)]);
    assert.equal(delegates.size, 0);
    assert.equal(delegates.add(temperature.statement, later).tag, 'unpublished');
  });

  it(`forgets a wallet’s own oldest beyond ${DELEGATES_OF_WALLET_MAX}, and of a wallet that nobody let in keeps none`, async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(8)));
    const { address } = wallet;
    const device = fixture.delegate('ann', { curve: 'secp256k1' }).signer.key.bytes;
    const statementOf = (i: number): Uint8Array => {
      const notAfter = (NOW_MS + DAY_MS + i) as UnixMs;
      const { signature } = signWalletDelegate(wallet, uncompressPoint('secp256k1', device), BigInt(notAfter));
      return encodeWalletStatement({ address, deviceKey: device, notAfter, signature });
    };
    const { delegates } = bench();
    assert.equal(delegates.add(statementOf(0), NOW_MS).tag, 'unpublished');
    assert.equal(delegates.size, 0);
    const grant = { address, scope: scopeOf(['command:issue']), notAfter: (NOW_MS + DAY_MS) as UnixMs };
    const world = bench(await fixture.publish({ wallets: [grant] }));
    const order = { type: 'command/stop' };
    const signer = fixture.delegate('ann', { curve: 'secp256k1' }).signer;
    assert.equal(world.delegates.add(temperature.statement, NOW_MS).tag, 'known');
    for (let i = 0; i < DELEGATES_OF_WALLET_MAX; i++) world.delegates.add(statementOf(i), NOW_MS);
    assert.deepEqual(world.forgotten, []);
    const last = { signer, statement: statementOf(DELEGATES_OF_WALLET_MAX) };
    world.judge(fixture.delegated(last, order));
    assert.deepEqual(world.forgotten, [sha256Hex(statementOf(0))], 'so that the disk forgets it too');
    assert.equal(world.delegates.size, DELEGATES_OF_WALLET_MAX + 1);
    assert.ok(world.delegates.get(sha256Hex(temperature.statement)) !== undefined, 'those of the tree stay');
    const later = (NOW_MS + 9 * DAY_MS) as UnixMs;
    assert.equal(world.delegates.forgetEnded(later).length, DELEGATES_OF_WALLET_MAX + 1);
    assert.equal(world.delegates.add(statementOf(9 * 86_400_000), later).tag, 'known');
  });

  it(`keeps the epochs of ${WALLET_FLOORS_MAX} wallets, the highest, whatever list comes`, () => {
    const view = new DelegationsView();
    const addressOf = (i: number): Uint8Array => {
      const address = new Uint8Array(20);
      new DataView(address.buffer).setUint32(0, i);
      return address;
    };
    const floor = (i: number, below = i) => ({ address: addressOf(i), below: below as UnixMs });
    const floors = Array.from({ length: WALLET_FLOORS_MAX + 1 }, (_, i) => floor(i + 1));
    assert.equal(view.raise(0, floors).walletFloors, true);
    assert.equal(view.walletFloors.length, WALLET_FLOORS_MAX);
    assert.equal(view.raise(0, [floor(5, 4)]).walletFloors, false);
    const notAfter = (NOW_MS + DAY_MS) as UnixMs;
    const grant = (i: number) => ({ address: addressOf(i), scope: scopeOf(['command:issue']), notAfter });
    view.install('issuer', { epochFloor: 0, branches: [], wallets: [grant(1), grant(2)] });
    assert.deepEqual(view.current.wallets, [grant(1), { ...grant(2), revokedBelow: 2 }], 'the lowest was forgotten');
  });

  it(`forgets the oldest beyond its bound, which is ${DELEGATES_MAX}`, () => {
    const { revocations } = bench();
    const book = new DelegateBook(MESH, revocations, () => false, undefined, 3);
    const statements = [1, 2, 3, 4].map(() => fixture.delegate('ann').statement);
    for (const statement of statements) assert.equal(book.add(statement, NOW_MS).tag, 'known');
    assert.equal(book.size, 3);
    assert.deepEqual(
      statements.map((statement) => book.get(sha256Hex(statement)) !== undefined),
      [false, true, true, true],
    );
  });
});

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { OID } from '../../../src/codec/oid.ts';
import {
  BRANCHES_MAX,
  type Delegations,
  NO_DELEGATIONS,
  WALLETS_MAX,
} from '../../../src/identity/delegate/delegations.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { encodeDelegations, readDelegations } from '../../../src/pki/x509/crl/delegations-extension.ts';
import { MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

const LATER = (NOW_MS + DAY_MS) as UnixMs;

describe('what a revocation list says of delegates', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('delegations', 'ann');
  });
  const branches = (count: number, from = 1) =>
    Array.from({ length: count }, (_, i) => fixture.authority.tree.branch(from + i, NOW_MS, LATER));
  const wallets = (count: number): Delegations['wallets'] =>
    Array.from({ length: count }, (_, i) => {
      const address = new Uint8Array(20);
      address[19] = i;
      const revokedBelow = i % 2 === 0 ? {} : { revokedBelow: (NOW_MS + i) as UnixMs };
      return { address, scope: scopeOf(['command:issue', 'relay']), notAfter: LATER, ...revokedBelow };
    });

  it('is read as it was written, in a list that is a CRL to everybody', async () => {
    const wished = { epochFloor: 1, branches: branches(2), wallets: wallets(2) };
    const crl = parseCrl(await fixture.publish(wished, [1, 2]));
    const read = crl.delegations;
    assert.ok(read !== undefined);
    assert.equal(read.epochFloor, 1);
    assert.deepEqual(read.wallets, wished.wallets);
    assert.deepEqual(
      read.branches.map(({ epoch, key }) => [epoch, key.publicKey, key.chainCode, key.fingerprint]),
      wished.branches.map(({ epoch, key }) => [epoch, key.publicKey, key.chainCode, key.fingerprint]),
    );
    assert.equal(OID.meshDelegations.startsWith('2.25.'), true);
    assert.equal(
      parseCrl(await (await MeshFixture.create('none')).authority.revoke([], NOW_MS)).delegations,
      undefined,
    );
  });

  it(`has at most ${BRANCHES_MAX} branches and ${WALLETS_MAX} wallets`, () => {
    const most = { ...NO_DELEGATIONS, branches: branches(BRANCHES_MAX), wallets: wallets(WALLETS_MAX) };
    assert.equal(readDelegations(encodeDelegations(most)).branches.length, BRANCHES_MAX);
    const more: readonly Partial<Delegations>[] = [
      { branches: branches(BRANCHES_MAX + 1) },
      { wallets: wallets(WALLETS_MAX + 1) },
    ];
    for (const wish of more)
      assert.throws(() => readDelegations(encodeDelegations({ ...NO_DELEGATIONS, ...wish })), { code: 'ERR_DER' });
  });

  it('is refused with a wallet that revokes what ends before 1970', () => {
    const [, second] = wallets(2);
    assert.ok(second !== undefined);
    const bytes = encodeDelegations({ ...NO_DELEGATIONS, wallets: [{ ...second, revokedBelow: 0 as UnixMs }] });
    assert.throws(() => readDelegations(bytes), { code: 'ERR_DER' });
  });

  it('is refused with branches or wallets twice or out of order, and with a key that is none', () => {
    const [one, two] = branches(2);
    const [first, second] = wallets(2);
    assert.ok(one !== undefined && two !== undefined && first !== undefined && second !== undefined);
    for (const wish of [{ branches: [two, one] }, { branches: [one, one] }, { wallets: [second, first] }])
      assert.throws(() => readDelegations(encodeDelegations({ ...NO_DELEGATIONS, ...wish })), { code: 'ERR_DER' });
    const bytes = encodeDelegations({ ...NO_DELEGATIONS, branches: [one] });
    const place = bytes.findIndex((_, at) => one.key.publicKey.every((byte, i) => bytes[at + i] === byte));
    bytes.set([2, ...new Uint8Array(31), 7], place);
    assert.throws(() => readDelegations(bytes), { code: 'ERR_KEY_POINT' });
  });
});

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, toRfc3339, type UnixMs } from '../../../src/base/time.ts';
import { renderStatement } from '../../../src/message/statement-pem.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import type { VerifyContext } from '../../../src/daemon/verify/verdict.ts';
import { verifyFile } from '../../../src/daemon/verify/verify-file.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseStatement } from '../../../src/message/delegate-statement.ts';
import { addressText, walletOf } from '../../../src/message/river/wallet.ts';
import { encodeWalletEpoch, signWalletEpoch } from '../../../src/message/river/wallet-epoch.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { type DelegateFixture, MESH, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

describe('chainmail verify of delegates', () => {
  let fixture: MeshFixture;
  let delegate: DelegateFixture;
  let context: VerifyContext;
  before(async () => {
    fixture = await MeshFixture.create('verify-delegate', 'ann');
    delegate = fixture.delegate('ann', { scope: scopeOf(['publish:sensor/temperature']) });
    const [, intermediate] = fixture.member('ann').chain as [Certificate, Certificate];
    const crls = [parseCrl(await fixture.publish())];
    const anchors = fixture.authority.trust.anchors;
    context = { now: NOW_MS, mesh: MESH, anchors, others: [intermediate], chain: [], crls };
  });

  const ofFile = async (bytes: Uint8Array, change: Partial<VerifyContext> = {}): Promise<string> => {
    const { kind, ok, error } = await verifyFile(bytes, { ...context, ...change });
    return ok ? `${kind} ok` : `${kind} ${error?.code}`;
  };
  const ofStatement = (change?: Partial<VerifyContext>): Promise<string> =>
    ofFile(utf8(renderStatement(delegate.statement)), change);
  const listOf = async (make: Promise<Uint8Array>): Promise<Partial<VerifyContext>> => ({
    crls: [parseCrl(await make)],
  });

  it('says of a statement what it permits, and that it holds', async () => {
    const verdict = await verifyFile(utf8(renderStatement(delegate.statement)), context);
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
    assert.deepEqual(verdict['scope'], ['publish:sensor/temperature']);
    assert.equal(verdict['node_id'], fixture.member('ann').nodeId);
  });

  it('refuses one that is over, of another mesh, void or revoked', async () => {
    assert.equal(await ofStatement({ now: (NOW_MS + DAY_MS) as UnixMs }), 'delegate ERR_DELEGATE_EXPIRED');
    assert.equal(await ofStatement({ mesh: parseMeshName('other') }), 'delegate ERR_DELEGATE_SIGNATURE');
    assert.equal(await ofStatement({ mesh: undefined }), 'delegate ERR_DELEGATE_SIGNATURE');
    assert.equal(await ofStatement({ crls: [] }), 'delegate ERR_DELEGATE_BRANCH');
    assert.equal(await ofStatement({ anchors: [] }), 'delegate ERR_DELEGATE_BRANCH');
    assert.equal(await ofStatement(await listOf(fixture.publish({ epochFloor: 2 }))), 'delegate ERR_DELEGATE_EPOCH');
    await fixture.publish();
    const { id } = parseStatement(MESH, delegate.statement);
    const revoked = await listOf(fixture.authority.revokeDelegates([id], NOW_MS));
    assert.equal(await ofStatement(revoked), 'delegate ERR_DELEGATE_REVOKED');
    const stranger = await MeshFixture.create('verify-stranger', 'ann');
    assert.notEqual(await ofStatement(await listOf(stranger.publish())), 'delegate ok', 'a list of somebody else');
  });

  it('judges a message that a delegate signed, as a node would', async () => {
    const judged = (said: object, by = delegate): Promise<string> => ofFile(fixture.delegated(by, said).bytes);
    assert.equal(await judged({}), 'message ok');
    assert.equal(await judged({ type: 'sensor/humidity' }), 'message ERR_MESSAGE_NOT_PERMITTED');
    assert.equal(await judged({ forged: true }), 'message ERR_MESSAGE_SIGNATURE');
    assert.equal(await judged({ byHash: true, counter: 1 }), 'message ERR_MESSAGE_UNKNOWN_ORIGIN');
    assert.equal(await judged({}, fixture.delegate('ann', { epoch: 3 })), 'message ERR_DELEGATE_BRANCH');
  });

  it('says of a wallet’s epoch whose it is and what it voids', async () => {
    using key = new Secret(new Uint8Array(32).fill(7));
    const wallet = walletOf(key);
    const bytes = encodeWalletEpoch(signWalletEpoch(wallet, NOW_MS));
    const nobody = { ...context, mesh: undefined, anchors: [], crls: [] };
    const verdict = await verifyFile(utf8(renderStatement(bytes)), nobody);
    assert.deepEqual(verdict, {
      kind: 'wallet-epoch',
      ok: true,
      address: addressText(wallet.address),
      below: toRfc3339(NOW_MS),
    });
    const forged = encodeWalletEpoch({ ...signWalletEpoch(wallet, NOW_MS), below: (NOW_MS + 1) as UnixMs });
    assert.equal(await ofFile(utf8(renderStatement(forged))), 'wallet-epoch ERR_EPOCH_SIGNATURE');
    assert.equal(await ofFile(utf8(renderStatement(bytes.slice(0, -1)))), 'wallet-epoch ERR_EPOCH_MALFORMED');
  });

  it('refuses a file that is cut, or is no statement', async () => {
    const text = renderStatement(delegate.statement);
    assert.equal(await ofFile(utf8(text.slice(0, -40))), 'delegate ERR_DELEGATE_MALFORMED');
    assert.equal(await ofFile(utf8(text.replace('\n', '\nAAAA'))), 'delegate ERR_DELEGATE_MALFORMED');
  });
});

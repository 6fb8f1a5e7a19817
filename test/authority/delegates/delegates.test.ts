import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KeyTree } from '../../../src/authority/delegates/key-tree.ts';
import { parseOwnRoles, POLICY_DEFAULTS } from '../../../src/authority/policy.ts';
import { toHex } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, type UnixMs } from '../../../src/base/time.ts';
import { compressPoint } from '../../../src/crypto/curve/curve-point.ts';
import { encodeWalletStatement, parseStatement } from '../../../src/message/delegate-statement.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../../src/identity/delegate/statement.ts';
import { signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import { encodeWalletEpoch, signWalletEpoch } from '../../../src/message/river/wallet-epoch.ts';
import { ALICE, DEVICE } from '../../support/river.ts';
import { sha256Hex } from '../../../src/crypto/hash.ts';
import { DelegateBook } from '../../../src/engine/gate/delegate-book.ts';
import { ChainBook } from '../../../src/engine/gate/chain-book.ts';
import { Revocations } from '../../../src/engine/gate/revocations.ts';
import { parseRole } from '../../../src/identity/capability.ts';
import { parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { readNodeLeaf } from '../../../src/pki/mesh/mesh-profile.ts';
import { judgeStatement, NO_DELEGATIONS, WALLETS_MAX } from '../../../src/identity/delegate/delegations.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { assembleStatement, composeStatement, DELEGATE_LIFE_MS_MAX } from '../../../src/identity/delegate/statement.ts';
import { FileKeyStore } from '../../../src/host/keys/file-key-store.ts';
import { MnemonicKeyTree } from '../../../src/host/keys/mnemonic-key-tree.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { passphrase } from '../../support/processes/authority-process.ts';
import { authorityWorld, enrollmentOf, newToken } from '../../support/mesh/authority-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { delegatesWorld, KEY } from './delegates-world.ts';

describe('the authority’s delegates', () => {
  const folder = tempDir({ after });
  let tree: KeyTree;
  before(async () => {
    tree = new MnemonicKeyTree(await FileKeyStore.open(folder, passphrase()));
  });
  const world = () => delegatesWorld(tree);

  it('are believed by whoever has the newest list, and the branch is published before the answer', async () => {
    const { authority, wish, clock, verifier } = await world();
    assert.equal(
      parseCrl(authority.crl.der).delegations,
      undefined,
      'nothing is said of delegates where there are none',
    );
    const statement = await authority.issueDelegate(wish, 'local');
    const book = verifier();
    assert.equal(book.add(statement.bytes, clock.wall()).tag, 'known');
    const hash = sha256Hex(statement.bytes);
    assert.equal(book.judge(hash, statement.nodeId, clock.wall()).tag, 'ok');
    const next = await authority.issueDelegate(wish, 'local');
    assert.deepEqual([statement.index, next.index], [0, 1], 'each statement has an index of its own');
    assert.notEqual(statement.id, next.id);
    assert.equal((await authority.listDelegates()).branches.length, 1);
  });

  it('may not do more than their node, nor than any delegate', async () => {
    const { authority, wish } = await world();
    const refuse = (scope: string): Promise<void> =>
      assert.rejects(authority.issueDelegate({ ...wish, scope: scopeOf([scope]) }, 'local'), {
        code: 'ERR_DELEGATE_SCOPE',
      });
    await refuse('command:issue');
    await refuse('role:operator');
    await refuse('role:administrator');
    await refuse('role:nothing-like-it');
    await refuse('role:relay'); // what it adds every node may; the role itself this one has not
    const relay = await authority.enroll(
      await enrollmentOf(await newToken(authority, { roles: [parseRole('relay')] })),
    );
    const issued = await authority.issueDelegate(
      { ...wish, nodeId: relay.nodeId, scope: scopeOf(['role:relay']) },
      'local',
    );
    assert.deepEqual(issued.scope, ['role:relay']);
    await refuse('publish:other');
  });

  it('may do what a role and the policy of this mesh permit: types of its own', async () => {
    const ownRoles = parseOwnRoles({ camera: ['publish:camera/*'] });
    const wished = { scope: scopeOf(['publish:camera/door']) };
    const roles = [parseRole('camera')];
    const first = await world();
    const { nodeId } = await first.authority.enroll(await enrollmentOf(await newToken(first.authority, { roles })));
    await assert.rejects(first.authority.issueDelegate({ ...first.wish, ...wished, nodeId }, 'local'), {
      code: 'ERR_DELEGATE_SCOPE',
    });
    const old = await first.authority.issueDelegate(first.wish, 'local');
    assert.equal(old.epoch, 1);

    // The operator changes the policy, and the authority is started again.
    const delegateScope = scopeOf(['publish:camera/*', 'publish:sensor/*']);
    const again = { tree, store: first.store, clock: first.clock, issuer: first.issuer };
    const onlyRole = await authorityWorld({ ...again, policy: { ownRoles } });
    const issue = (at: typeof onlyRole, change: object) =>
      at.authority.issueDelegate({ ...first.wish, nodeId, ...change }, 'local');
    await assert.rejects(issue(onlyRole, wished), { code: 'ERR_DELEGATE_SCOPE' }, 'more than any delegate may');
    const onlyScope = await authorityWorld({ ...again, policy: { delegateScope } });
    await assert.rejects(issue(onlyScope, wished), { code: 'ERR_DELEGATE_SCOPE' }, 'more than its node may');
    const { authority } = await authorityWorld({ ...again, policy: { ownRoles, delegateScope } });
    const both = { authority } as typeof onlyRole;
    await assert.rejects(issue(both, { nodeId: first.nodeId, ...wished }), { code: 'ERR_DELEGATE_SCOPE' }, 'no camera');
    await assert.rejects(issue(both, { scope: scopeOf(['role:camera']) }), {
      code: 'ERR_DELEGATE_SCOPE',
      hint: 'say it: --scope publish:camera/*',
    });
    const enrolled = await authority.enroll(await enrollmentOf(await newToken(authority, { roles })));
    const leaf = readNodeLeaf(parseCertificate(enrolled.certificate.der), authority.issuer.mesh);
    assert.deepEqual(leaf.tag === 'ok' ? leaf.value.capabilities : leaf, [
      'publish:camera/*',
      'publish:indicator',
      'publish:sensor/*',
      'relay',
    ]);
    const camera = await issue(both, wished);
    assert.equal(camera.epoch, 2, 'what is published of a branch does not change');
    const stays = await issue(both, wished);
    assert.equal(stays.epoch, 2);
    const { branches } = parseCrl(authority.crl.der).delegations ?? { branches: [] };
    assert.deepEqual(
      branches.map(({ epoch, scope }) => [epoch, scope]),
      [
        [1, POLICY_DEFAULTS.delegateScope],
        [2, delegateScope],
      ],
    );
    const { root, certificate, mesh } = authority.issuer;
    const revocations = new Revocations({ mesh, anchors: [root], checkSignature: checkX509Signature });
    revocations.learnIssuers([root, certificate]);
    revocations.install(authority.crl.der);
    const book = new DelegateBook(mesh, revocations, () => false, undefined);
    for (const statement of [old, camera]) {
      assert.equal(book.add(statement.bytes, first.clock.wall()).tag, 'known');
      const judged = book.judge(sha256Hex(statement.bytes), statement.nodeId, first.clock.wall());
      assert.deepEqual(judged.tag === 'ok' ? judged.scope : judged.tag, statement.scope);
    }
    const address = '11'.repeat(20);
    await authority.grantWallet({ address, scope: scopeOf(['publish:camera/gate']), lifeMs: DAY_MS }, 'local');
    await assert.rejects(
      authority.grantWallet({ address, scope: scopeOf(['command:issue']), lifeMs: DAY_MS }, 'local'),
      {
        code: 'ERR_DELEGATE_SCOPE',
      },
    );
    const stop = { address, scope: scopeOf(['command:issue']), lifeMs: 0 };
    await authority.grantWallet(stop, 'local');
    assert.deepEqual(
      parseCrl(authority.crl.der).delegations?.wallets,
      [],
      'stopped, whatever the policy lets wallets do',
    );
    await assert.rejects(authority.grantWallet({ ...stop, address: '12'.repeat(20) }, 'local'), {
      code: 'ERR_DELEGATE_UNKNOWN',
    });
  });

  it('of a wallet end with the wallet’s own word, as far as it goes, and no grant brings them back (S3.15)', async () => {
    const { authority, clock } = await world();
    const now = clock.wall();
    const address = toHex(ALICE.address);
    const grant = { address, scope: scopeOf(['command:issue']), lifeMs: 30 * DAY_MS };
    const revoke = (below: number) =>
      authority.revokeDelegate(
        { tag: 'statement', bytes: encodeWalletEpoch(signWalletEpoch(ALICE, below as UnixMs)) },
        'local',
      );
    await assert.rejects(revoke(now), { code: 'ERR_DELEGATE_UNKNOWN' }, 'a wallet that was never let in');
    await authority.grantWallet(grant, 'local');
    const judged = (expiry: number): string => {
      const delegations = parseCrl(authority.crl.der).delegations ?? NO_DELEGATIONS;
      const notAfter = expiry as UnixMs;
      const { signature } = signWalletDelegate(ALICE, DEVICE.publicKey, BigInt(notAfter));
      const deviceKey = compressPoint('secp256k1', DEVICE.publicKey);
      const bytes = encodeWalletStatement({ address: ALICE.address, deviceKey, notAfter, signature });
      const verdict = judgeStatement(parseStatement(authority.issuer.mesh, bytes), delegations, now);
      return verdict.tag === 'ok' ? 'ok' : verdict.error.code;
    };
    const expiry = now + HOUR_MS;
    assert.equal(judged(expiry), 'ok');
    assert.equal(await revoke(expiry + 1), authority.crl.number);
    assert.deepEqual([judged(expiry), judged(expiry + 1)], ['ERR_DELEGATE_EPOCH', 'ok']);
    await revoke(expiry);
    await authority.grantWallet(grant, 'local');
    assert.deepEqual([judged(expiry), judged(expiry + 1)], ['ERR_DELEGATE_EPOCH', 'ok'], 'it never falls');
    await assert.rejects(revoke(now + WALLET_DELEGATE_MS_MAX + 1), { code: 'ERR_DELEGATE_EPOCH' });
    const forged = encodeWalletEpoch({ ...signWalletEpoch(DEVICE, (expiry + 2) as UnixMs), address: ALICE.address });
    await assert.rejects(authority.revokeDelegate({ tag: 'statement', bytes: forged }, 'local'), {
      code: 'ERR_EPOCH_SIGNATURE',
    });
  });

  it('are refused for whom nobody knows, a key that is none, and a life without bounds', async () => {
    const { authority, wish } = await world();
    const issue = (change: object) => authority.issueDelegate({ ...wish, ...change }, 'local');
    await assert.rejects(issue({ nodeId: 'nobody' }), { code: 'ERR_DELEGATE_UNKNOWN' });
    const offCurve = Uint8Array.from([2, ...new Uint8Array(31), 7]);
    await assert.rejects(issue({ key: { curve: 'secp256k1', bytes: offCurve } }), { code: 'ERR_DELEGATE_KEY' });
    await assert.rejects(issue({ lifeMs: DELEGATE_LIFE_MS_MAX + 1_000 }), { code: 'ERR_DELEGATE_LIFETIME' });
    await assert.rejects(issue({ lifeMs: 0 }), { code: 'ERR_DELEGATE_LIFETIME' });
  });

  it('are revoked by their statement where it is genuine, else anybody’s certificate could be meant', async () => {
    const { authority, wish, nodeId, store } = await world();
    const statement = await authority.issueDelegate(wish, 'local');
    const certificate = (await store.transact((tx) => tx.certificatesOf('node', nodeId)))[0]?.serial ?? '';
    assert.match(certificate, /^[1-9a-f]/);
    const composed = composeStatement(authority.issuer.mesh, { ...statement, id: certificate.slice(0, 16) });
    const bytes = assembleStatement(composed, statement.signature);
    await assert.rejects(authority.revokeDelegate({ tag: 'statement', bytes }, 'local'), {
      code: 'ERR_DELEGATE_SIGNATURE',
    });
    const elsewhere = composeStatement(authority.issuer.mesh, { ...statement, epoch: 9 });
    await assert.rejects(
      authority.revokeDelegate({ tag: 'statement', bytes: assembleStatement(elsewhere, statement.signature) }, 'local'),
      { code: 'ERR_DELEGATE_BRANCH' },
    );
    assert.equal(parseCrl(authority.crl.der).size, 0);
    await authority.revokeDelegate({ tag: 'statement', bytes: statement.bytes }, 'local');
    const listed = Array.from(parseCrl(authority.crl.der).revocations(), ({ serial }) => serial);
    assert.deepEqual(listed, [statement.id]);
  });

  it('end by their id, with their node, and by epoch, each with the list that says so', async () => {
    const { authority, wish, clock, verifier } = await world();
    const [one, two] = [await authority.issueDelegate(wish, 'local'), await authority.issueDelegate(wish, 'local')];
    const judged = (): string[] => {
      const book = verifier();
      return [one, two].map(({ bytes, nodeId }) => {
        const added = book.add(bytes, clock.wall());
        return added.tag === 'known' ? book.judge(added.delegate.hash, nodeId, clock.wall()).tag : added.tag;
      });
    };
    assert.deepEqual(judged(), ['ok', 'ok']);
    const number = await authority.revokeDelegate({ tag: 'id', id: one.id.toUpperCase() }, 'local');
    assert.equal(number, authority.crl.number);
    assert.deepEqual(judged(), ['revoked', 'ok']);
    await authority.revoke({ tag: 'node', nodeId: wish.nodeId }, 'keyCompromise', 'local');
    assert.deepEqual(judged(), ['revoked', 'revoked'], 'whether or not the verifier has seen the node’s certificate');
    await assert.rejects(authority.issueDelegate(wish, 'local'), { code: 'ERR_DELEGATE_REVOKED' });
    await assert.rejects(authority.revokeDelegate({ tag: 'id', id: '5f' }, 'local'), { code: 'ERR_DELEGATE_UNKNOWN' });
  });

  it('end when the name of their node goes to another key, also where that one has been seen', async () => {
    const { authority, wish, clock, issuer, mesh } = await world();
    const name = 'gate-7';
    const old = await authority.enroll(await enrollmentOf(await newToken(authority, { nodeId: name })));
    const statement = await authority.issueDelegate({ ...wish, nodeId: name }, 'local');
    const holder = await authority.enroll(
      await enrollmentOf(await newToken(authority, { nodeId: name, rebind: true })),
    );
    const trust = { mesh, anchors: [issuer.root], checkSignature: checkX509Signature };
    const revocations = new Revocations(trust);
    revocations.learnIssuers([issuer.root, issuer.certificate]);
    assert.equal(revocations.install(authority.crl.der).tag, 'installed');
    const chains = new ChainBook(trust, revocations);
    const book = new DelegateBook(mesh, revocations, (nodeId) => chains.isRevoked(nodeId), undefined);
    const hash = sha256Hex(statement.bytes);
    assert.equal(book.add(statement.bytes, clock.wall()).tag, 'known');
    for (const { certificate } of [old, holder])
      chains.add([parseCertificate(certificate.der), issuer.certificate], clock.wall());
    assert.equal(chains.isRevoked(statement.nodeId), false, 'the name has a holder');
    assert.equal(book.judge(hash, statement.nodeId, clock.wall()).tag, 'revoked');
    const fresh = await authority.issueDelegate({ ...wish, nodeId: name }, 'local');
    assert.equal(book.add(fresh.bytes, clock.wall()).tag, 'known');
    assert.equal(book.judge(sha256Hex(fresh.bytes), fresh.nodeId, clock.wall()).tag, 'ok', 'those of the new holder');
  });

  for (const tag of ['serial', 'key'] as const)
    it(`end with the last certificate of their node, also where that is revoked by its ${tag}`, async () => {
      const { authority, clock, verifier } = await world();
      const { nodeId, certificate } = await authority.enroll(await enrollmentOf(await newToken(authority)));
      const wish = { nodeId, key: KEY, scope: scopeOf(['publish:sensor/a']), lifeMs: DAY_MS };
      const { bytes } = await authority.issueDelegate(wish, 'local');
      const { serial, spkiHash } = certificate;
      await authority.revoke(tag === 'serial' ? { tag, serial } : { tag, spkiHash }, 'keyCompromise', 'local');
      const book = verifier(); // which never saw the certificate
      assert.equal(book.add(bytes, clock.wall()).tag, 'known');
      assert.equal(book.judge(sha256Hex(bytes), nodeId, clock.wall()).tag, 'revoked');
    });

  it('are not issued for a name that goes to another key while they are signed', async () => {
    let meanwhile = async (): Promise<unknown> => undefined;
    const slow: KeyTree = {
      branch: (path) => tree.branch(path),
      sign: async (path, data) => (await meanwhile(), tree.sign(path, data)),
      mnemonic: () => tree.mnemonic(),
      restore: (mnemonic) => tree.restore(mnemonic),
      privateKey: (path) => tree.privateKey(path),
    };
    const { authority } = await authorityWorld({ tree: slow });
    const enrol = async (rebind: boolean) =>
      authority.enroll(await enrollmentOf(await newToken(authority, { nodeId: 'gate-7', rebind })));
    await enrol(false);
    const wish = { nodeId: 'gate-7', key: KEY, scope: scopeOf(['publish:sensor/a']), lifeMs: DAY_MS };
    await authority.issueDelegate(wish, 'local');
    meanwhile = () => enrol(true);
    await assert.rejects(authority.issueDelegate(wish, 'local'), { code: 'ERR_DELEGATE_REVOKED' });
    assert.deepEqual(
      (await authority.listDelegates()).delegates.map(({ revokedAt }) => revokedAt !== undefined),
      [true],
      'the one before is void, and no other was kept',
    );
  });

  it('begin a new epoch when everything below it is void; epochs do not fall, nor jump', async () => {
    const { authority, wish, verifier, clock } = await world();
    const old = await authority.issueDelegate(wish, 'local');
    await authority.revokeDelegate({ tag: 'below-epoch', epoch: 2 }, 'local');
    assert.equal(verifier().add(old.bytes, clock.wall()).tag, 'unpublished', 'its branch is not published any more');
    const fresh = await authority.issueDelegate(wish, 'local');
    assert.equal(fresh.epoch, 2);
    assert.equal(verifier().add(fresh.bytes, clock.wall()).tag, 'known');
    for (const epoch of [1, 2, 4])
      await assert.rejects(authority.revokeDelegate({ tag: 'below-epoch', epoch }, 'local'), {
        code: 'ERR_DELEGATE_EPOCH',
      });
  });

  it('are signed by nobody whose clock jumped (T6)', async () => {
    const { authority, wish, clock } = await world();
    await authority.issueDelegate(wish, 'local');
    clock.jump(-2 * HOUR_MS);
    await assert.rejects(authority.issueDelegate(wish, 'local'), { code: 'ERR_CLOCK_JUMPED' });
  });

  it(`let wallets speak, ${WALLETS_MAX} at most, and no longer`, async () => {
    const { authority } = await world();
    const address = (i: number): string => `0x${i.toString(16).padStart(40, '0')}`;
    const grant = (i: number, change: object = {}): Promise<number> =>
      authority.grantWallet(
        { address: address(i), scope: scopeOf(['command:issue']), lifeMs: DAY_MS, ...change },
        'local',
      );
    for (let i = 0; i < WALLETS_MAX; i++) await grant(i);
    const listed = () => parseCrl(authority.crl.der).delegations?.wallets.map((wallet) => toHex(wallet.address)) ?? [];
    assert.equal(listed().length, WALLETS_MAX);
    await assert.rejects(grant(WALLETS_MAX), { code: 'ERR_DELEGATE_SCOPE' });
    await grant(3, { lifeMs: 0 });
    assert.equal(listed().includes(address(3).slice(2)), false);
    await grant(WALLETS_MAX);
    await assert.rejects(grant(0, { scope: scopeOf(['publish:other']) }), { code: 'ERR_DELEGATE_SCOPE' });
    await assert.rejects(grant(0, { address: '0x12' }), { code: 'ERR_INPUT' });
  });

  it('stand in the audit log, each act', async () => {
    const { authority, wish } = await world();
    const { id } = await authority.issueDelegate(wish, 'administrator ann');
    await authority.revokeDelegate({ tag: 'id', id }, 'local');
    await authority.revokeDelegate({ tag: 'below-epoch', epoch: 2 }, 'local');
    const actions = (await authority.listAudit(0, 100)).map(({ action }) => action);
    for (const action of ['branch-published', 'delegate-issued', 'delegate-revoked', 'delegate-epoch-raised'])
      assert.ok(actions.includes(action), action);
  });
});

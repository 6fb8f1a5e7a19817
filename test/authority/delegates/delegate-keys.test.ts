import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KeyTree } from '../../../src/authority/delegates/key-tree.ts';
import { sha256Hex } from '../../../src/crypto/hash.ts';
import { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import { branchPath } from '../../../src/identity/delegate/branch.ts';
import { subtreeKeyOf } from '../../../src/identity/delegate/subtree.ts';
import type { ExtendedPrivateKey, ExtendedPublicKey } from '../../../src/identity/key-tree/extended-key.ts';
import { formatXpub, parseExtendedKey } from '../../../src/identity/key-tree/extended-key-text.ts';
import { formatPath, HARDENED, parsePath } from '../../../src/identity/key-tree/derivation-path.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { FileKeyStore } from '../../../src/host/keys/file-key-store.ts';
import { MnemonicKeyTree } from '../../../src/host/keys/mnemonic-key-tree.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { passphrase } from '../../support/processes/authority-process.ts';
import { authorityWorld } from '../../support/mesh/authority-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { delegatesWorld, KEY } from './delegates-world.ts';

describe('keys of the authority’s delegates', () => {
  const folder = tempDir({ after });
  let tree: KeyTree;
  before(async () => {
    tree = new MnemonicKeyTree(await FileKeyStore.open(folder, passphrase()));
  });
  const world = () => delegatesWorld(tree);

  it('vouch for the subtree of a device that cannot make keys; its private half stays nowhere', async () => {
    const { authority, wish, clock, verifier, store } = await world();
    const { path, xpub, xprv } = await authority.createSubtree('local');
    const other = await authority.createSubtree('local');
    assert.match(path, /^m\/4409421'\/\d+'\/1'\/\d+'$/, 'hardened, below the branch');
    assert.notEqual(path, other.path);
    assert.equal(formatXpub((parseExtendedKey(xprv) as ExtendedPrivateKey).public), xpub);
    assert.equal(
      parseCrl(authority.crl.der).delegations?.branches.length,
      1,
      'the branch is published before a statement stands on it',
    );
    const statement = await authority.issueDelegate({ ...wish, key: subtreeKeyOf(xpub) }, 'local');
    const book = verifier();
    assert.equal(book.add(statement.bytes, clock.wall()).tag, 'known');
    assert.equal(book.judge(sha256Hex(statement.bytes), statement.nodeId, clock.wall()).tag, 'ok');
    const indexes = [path, other.path].map((text) => (parsePath(text).at(-1) as number) - HARDENED);
    assert.equal(new Set([...indexes, statement.index]).size, 3, 'each index is used once, hardened or not');
    const exported = (await store.transact((tx) => tx.listAudit(0, 100))).filter(
      ({ action }) => action === 'key-tree-exported',
    );
    assert.deepEqual(
      exported.map(({ subject }) => subject),
      [path, other.path],
    );
    const { branches } = await authority.listDelegates();
    const key = parseExtendedKey(branches[0]?.xpub ?? '') as ExtendedPublicKey;
    const branchItself = { curve: 'secp256k1', bytes: key.publicKey, chainCode: key.chainCode } as const;
    await assert.rejects(authority.issueDelegate({ ...wish, key: branchItself }, 'local'), {
      code: 'ERR_DELEGATE_KEY',
    });
    await authority.revokeDelegate({ tag: 'below-epoch', epoch: 2 }, 'local');
    await assert.rejects(
      authority.issueDelegate({ ...wish, key: branchItself }, 'local'),
      { code: 'ERR_DELEGATE_KEY' },
      'nor for that of an earlier epoch',
    );
  });

  it('never get the subtree of another device, also after a backup was put back or the words moved house', async () => {
    const { authority, store, issuer, clock } = await world();
    const backup = await store.transact((tx) => tx.getMeta('next-delegate-index'));
    const paths = [await authority.createSubtree('local'), await authority.createSubtree('local')].map(
      ({ path }) => path,
    );
    await store.transact((tx) => tx.setMeta('next-delegate-index', backup ?? '0'));
    await authority.beginEpoch('local');
    paths.push((await authority.createSubtree('local')).path);
    const { key: words } = await authority.exportTree('mnemonic', [], 'local');
    const moved = new MnemonicKeyTree(await FileKeyStore.open(`${folder}/moved`, passphrase()));
    const second = await authorityWorld({ tree: moved, clock, issuer });
    await second.authority.importTree(words, 'local');
    const again = [await second.authority.createSubtree('local'), await second.authority.createSubtree('local')];
    paths.push(...again.map(({ path }) => path));
    assert.equal(new Set(paths).size, 5);
    assert.equal(new Set(paths.map((path) => path.slice(0, path.lastIndexOf('/')))).size, 1, 'all of one branch');
    await store.transact((tx) => tx.setMeta('next-delegate-index', String(HARDENED)));
    await assert.rejects(authority.createSubtree('local'), { code: 'ERR_DELEGATE_EPOCH' }, 'no index is left');
  });

  it('leave the keys that sign them where they are: an exported one is refused (T1)', async () => {
    const { authority, wish } = await world();
    await authority.issueDelegate(wish, 'local');
    const [branch] = (await authority.listDelegates()).branches;
    assert.ok(branch !== undefined);
    const path = branchPath(authority.issuer.mesh, branch.epoch);
    const take = (what: 'xprv' | 'xpub', ...more: readonly number[]) =>
      authority.exportTree(what, [...path, ...more], 'local');
    await assert.rejects(take('xprv', 0), { code: 'ERR_KEY_EXPORT' });
    await assert.rejects(take('xprv', 0, 5), { code: 'ERR_KEY_EXPORT' });
    await assert.rejects(take('xprv', 0x8000_0000, 5), { code: 'ERR_KEY_EXPORT' });
    assert.match((await take('xprv', 0x8000_0000)).key, /^xprv/, 'a hardened subtree, for a device that makes no keys');
    assert.equal((await take('xpub')).key, branch.xpub);
    assert.equal((await authority.exportTree('mnemonic', [], 'local')).key.split(' ').length, 24);
  });

  it('leave no key by which a branch is found that is yet to be published, or another mesh’s (T1)', async () => {
    const { authority } = await world(); // which has published nothing
    const branch = branchPath(authority.issuer.mesh, 2);
    const [purpose = 0, mesh = 0] = branch;
    const refusedPaths = [
      [...branch, 7],
      [...branchPath(parseMeshName('elsewhere'), 1), 7],
      [purpose, mesh, 2],
      [purpose, 5],
      [7],
      branch,
      [purpose, mesh],
      [purpose],
      [],
    ];
    for (const path of refusedPaths)
      await assert.rejects(authority.exportTree('xprv', path, 'local'), { code: 'ERR_KEY_EXPORT' }, formatPath(path));
    for (const path of [
      [...branch, 0x8000_0007],
      [0x8000_002c, 0x8000_0000],
    ])
      assert.match((await authority.exportTree('xprv', path, 'local')).key, /^xprv/, formatPath(path));
  });

  it('are not issued by a master key that is not the branch’s; a new epoch is the new key’s', async () => {
    const first = await world();
    await first.authority.issueDelegate(first.wish, 'local');
    const other = new MnemonicKeyTree(await FileKeyStore.open(`${folder}/other`, passphrase()));
    const swapped: KeyTree = {
      branch: (path) => other.branch(path),
      sign: async (path, data) => (await other.branch([]), other.sign(path, data)),
      mnemonic: () => other.mnemonic(),
      restore: (mnemonic) => other.restore(mnemonic),
      privateKey: (path) => other.privateKey(path),
    };
    const second = await authorityWorld({
      tree: swapped,
      store: first.store,
      clock: first.clock,
      issuer: first.issuer,
    });
    await assert.rejects(second.authority.issueDelegate(first.wish, 'local'), { code: 'ERR_DELEGATE_BRANCH' });
    await second.authority.revokeDelegate({ tag: 'below-epoch', epoch: 2 }, 'local');
    assert.equal((await second.authority.issueDelegate(first.wish, 'local')).epoch, 2);
  });

  it('sign with the key of the branch’s child, and with no other', async () => {
    const { authority, wish } = await world();
    const statement = await authority.issueDelegate(wish, 'local');
    const device = PublicKey.fromRaw('P-256', KEY.bytes);
    assert.equal(device.verify('ES256', statement.toBeSigned, statement.signature), false);
  });
});

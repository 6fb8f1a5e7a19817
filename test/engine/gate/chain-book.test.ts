import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DAY_MS, HOUR_MS } from '../../../src/base/time.ts';
import { ChainBook, CHAINS_MAX, keepChainUntil } from '../../../src/engine/gate/chain-book.ts';
import { MESH_CHAIN_CERTIFICATES_MAX } from '../../../src/pki/mesh/mesh-profile.ts';
import { RecordBook } from '../../../src/engine/held/record-book.ts';
import { ISSUERS_MAX, Revocations } from '../../../src/engine/gate/revocations.ts';
import { LIFETIME_MAX_MS } from '../../../src/message/limits.ts';
import { type Certificate, parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { encodeNodeRecord } from '../../../src/message/payloads/node-record.ts';
import { at, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

function bookOf(fixture: MeshFixture): { readonly book: ChainBook; readonly revocations: Revocations } {
  const revocations = new Revocations(fixture.authority.trust);
  return { book: new ChainBook(fixture.authority.trust, revocations), revocations };
}

describe('chain book', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'bob');
  });

  it('keeps a chain that leads to the anchor, once', () => {
    const { book } = bookOf(fixture);
    const { chain, nodeId } = fixture.member('ann');
    const first = book.add(chain, NOW_MS);
    assert.ok('known' in first && first.isNew && first.known.nodeId === nodeId);
    const again = book.add(chain, NOW_MS);
    assert.ok('known' in again && !again.isNew);
    assert.equal(book.size, 1);
    assert.equal(book.get((chain[0] as Certificate).fingerprintHex)?.nodeId, nodeId);
  });

  for (const [name, chainOf] of [
    ['an empty chain', () => []],
    ['a leaf without its intermediate', (own: MeshFixture) => own.member('ann').chain.slice(0, 1)],
    ['the intermediate for a leaf', (own: MeshFixture) => own.member('ann').chain.slice(1)],
    [
      'a leaf of one node behind that of another (T14)',
      (own: MeshFixture) => [...own.member('bob').chain, own.member('ann').chain[0] as Certificate],
    ],
    [
      'more certificates than are passed on',
      (own: MeshFixture) => [
        ...own.member('ann').chain,
        ...Array.from({ length: MESH_CHAIN_CERTIFICATES_MAX - 1 }, () => own.member('ann').chain[1] as Certificate),
      ],
    ],
  ] as const)
    it(`refuses ${name}`, () => {
      const { book } = bookOf(fixture);
      assert.ok('refused' in book.add(chainOf(fixture), NOW_MS));
      assert.equal(book.size, 0);
    });

  it('refuses a chain of another authority', async () => {
    const other = await MeshFixture.create('other', 'ann');
    assert.ok('refused' in bookOf(fixture).book.add(other.member('ann').chain, NOW_MS));
  });

  it('keeps chains for as long as mail under them may live, and no longer', () => {
    const { book } = bookOf(fixture);
    const { chain } = fixture.member('ann');
    const leaf = chain[0] as Certificate;
    const until = keepChainUntil(leaf);
    assert.equal(until, leaf.notAfter + LIFETIME_MAX_MS + HOUR_MS);
    book.add(chain, NOW_MS);
    assert.deepEqual(book.forgetEnded((until - 1) as typeof until), []);
    assert.deepEqual(book.forgetEnded(until), [leaf.fingerprintHex]);
    assert.equal(book.size, 0);
    assert.ok('refused' in book.add(chain, until));
  });

  it('keeps so many chains, and forgets the one that it has known longest (T17)', () => {
    const trust = { ...fixture.authority.trust, checkSignature: () => true };
    const book = new ChainBook(trust, new Revocations(trust));
    const [leaf, ...issuers] = fixture.member('ann').chain as [Certificate, ...Certificate[]];
    const voucherIds: string[] = [];
    for (let i = 0; i <= CHAINS_MAX; i++) {
      const der = leaf.der.slice();
      new DataView(der.buffer).setUint32(der.length - 4, i);
      const added = book.add([parseCertificate(der), ...issuers], NOW_MS);
      voucherIds.push('known' in added ? added.known.voucherId : added.refused);
    }
    assert.equal(book.size, CHAINS_MAX);
    assert.equal(book.get(voucherIds[0] as string), undefined);
    assert.notEqual(book.get(voucherIds[1] as string), undefined);
    assert.notEqual(book.get(voucherIds[CHAINS_MAX] as string), undefined);
  });

  it('says who may have spoken, at the time of the message', () => {
    const { book } = bookOf(fixture);
    const message = fixture.message('ann');
    assert.equal(book.judgeOrigin(message).tag, 'unknown');
    book.add(fixture.member('ann').chain, NOW_MS);
    const judged = book.judgeOrigin(message);
    assert.ok(judged.tag === 'ok' && judged.capabilities.some((capability) => capability === 'publish:indicator'));
    assert.equal(book.judgeOrigin(fixture.message('ann', { origin: 'somebody' })).tag, 'refused');
    assert.equal(book.judgeOrigin(fixture.message('ann', { issuedAt: NOW_MS + 8 * DAY_MS })).tag, 'refused');
  });

  it('tells revoked from unknown, and a node with a fresh certificate from a revoked one', async () => {
    const own = await MeshFixture.create('revoking', 'ann');
    const { book, revocations } = bookOf(own);
    const { chain, nodeId } = own.member('ann');
    const before = own.message('ann');
    book.add(chain, NOW_MS);
    assert.equal(book.isRevoked(nodeId), false);
    const outcome = revocations.install(await own.authority.revoke([chain], NOW_MS));
    assert.equal(outcome.tag, 'installed');
    assert.equal(book.judgeOrigin(before).tag, 'revoked');
    assert.equal(book.isRevoked(nodeId), true);
    assert.deepEqual(book.revokedNodes(), [nodeId]);
    const fresh = await own.enroll('ann');
    assert.ok('known' in book.add(fresh.chain, NOW_MS));
    assert.equal(book.isRevoked(nodeId), false);
    assert.equal(book.judgeOrigin(own.message('ann', { counter: 1 })).tag, 'ok');
    assert.equal(book.judgeOrigin(before).tag, 'revoked');
  });

  it('judges a peer by now: a superseded certificate still signs old mail, but opens no link', async () => {
    const own = await MeshFixture.create('superseding', 'ann');
    const { book, revocations } = bookOf(own);
    const { chain } = own.member('ann');
    book.add(chain, NOW_MS);
    revocations.install(await own.authority.revoke([chain], at(HOUR_MS).wall, 'superseded'));
    assert.equal(book.judgeOrigin(own.message('ann')).tag, 'ok');
    assert.equal(book.judgePeer(chain, NOW_MS, 'tls-client').tag, 'refused');
  });
});

describe('revocations', () => {
  it('take only newer lists of issuers that are known, and count each', async () => {
    const own = await MeshFixture.create('lists', 'ann', 'bob');
    const { book, revocations } = bookOf(own);
    const first = await own.authority.revoke([own.member('ann').chain], NOW_MS);
    assert.equal(revocations.install(first).tag, 'refused', 'nobody has shown the intermediate yet');
    book.add(own.member('bob').chain, NOW_MS);
    assert.equal(revocations.install(first).tag, 'installed');
    assert.equal(revocations.install(first).tag, 'current');
    const version = revocations.version;
    const second = await own.authority.revoke([own.member('bob').chain], NOW_MS);
    assert.equal(revocations.install(second).tag, 'installed');
    assert.equal(revocations.install(first).tag, 'current', 'a revocation never un-happens');
    assert.equal(revocations.version, version + 1);
    assert.equal(revocations.concerns(own.member('ann').chain), true);
    assert.deepEqual(
      revocations.crls().map(({ der }) => der),
      [second],
    );
    assert.deepEqual(
      revocations.crls().map(({ issuerKeyHash }) => revocations.knowsIssuer(issuerKeyHash)),
      [true],
    );
  });

  it('learn so many issuers, and no lists of more', async () => {
    const own = await MeshFixture.create('many', 'ann');
    const { revocations } = bookOf(own);
    const [leaf] = own.member('ann').chain as [Certificate];
    const room = ISSUERS_MAX - own.authority.trust.anchors.length;
    const issuers = Array.from({ length: room + 1 }, (_, i) => ({ keyHash: `issuer ${i}` }) as Certificate);
    for (const issuer of issuers) revocations.learnIssuers([leaf, issuer]);
    assert.deepEqual(
      issuers.map(({ keyHash }) => revocations.knowsIssuer(keyHash)),
      issuers.map((_, i) => i < room),
    );
    for (const anchor of own.authority.trust.anchors) assert.equal(revocations.knowsIssuer(anchor.keyHash), true);
  });

  it('refuse what is no list, and a list of another authority', async () => {
    const [own, other] = [await MeshFixture.create('own', 'ann'), await MeshFixture.create('other', 'ann')];
    const { book, revocations } = bookOf(own);
    book.add(own.member('ann').chain, NOW_MS);
    assert.equal(revocations.install(new Uint8Array(10)).tag, 'refused');
    const list = await own.authority.revoke([], NOW_MS);
    list[list.length - 1] = (list[list.length - 1] as number) ^ 1;
    assert.equal(revocations.install(list).tag, 'refused');
    assert.equal(revocations.install(await other.authority.revoke([], NOW_MS)).tag, 'refused');
  });
});

describe('record book', () => {
  const payload = encodeNodeRecord({ addresses: [], name: 'a', version: '1', streams: [] });

  it('keeps the newest record of each node, by incarnation and then by counter', async () => {
    const fixture = await MeshFixture.create('fixture', 'ann');
    const said = (incarnation: number, counter: number) =>
      fixture.message('ann', { type: 'record', payload, incarnation, counter });
    const book = new RecordBook();
    assert.equal(book.isSuperseded(said(1, 1)), false);
    assert.equal(book.put(said(2, 5)), undefined);
    for (const [incarnation, counter, superseded] of [
      [1, 9, true],
      [2, 4, true],
      [2, 5, false],
      [2, 6, false],
      [3, 0, false],
    ] as const)
      assert.equal(book.isSuperseded(said(incarnation, counter)), superseded);
    assert.equal(
      book.isSuperseded(fixture.message('ann', { incarnation: 0 })),
      false,
      'other families are not superseded',
    );
    assert.equal(book.put(said(3, 0))?.incarnation, 2);
    assert.equal(book.size, 1);
    const { nodeId } = fixture.member('ann');
    book.drop(said(2, 5).contentKey, nodeId);
    assert.equal(book.get(nodeId)?.incarnation, 3, 'only what is the newest can be dropped');
    book.drop(said(3, 0).contentKey, nodeId);
    assert.equal(book.size, 0);
  });
});

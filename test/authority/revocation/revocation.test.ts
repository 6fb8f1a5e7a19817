import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAY_MS, HOUR_MS, unixSeconds } from '../../../src/base/time.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { type RevocationTarget, readReason } from '../../../src/authority/revocation/revocation.ts';
import { parseCrl, verifyCrl } from '../../../src/pki/x509/crl/crl.ts';
import {
  auditOf,
  authorityWorld,
  csrPem,
  enrollmentOf,
  newSigner,
  newToken,
} from '../../support/mesh/authority-world.ts';

async function worldWithNode() {
  const world = await authorityWorld();
  const signer = newSigner();
  const enrolled = await world.authority.enroll(await enrollmentOf(await newToken(world.authority), signer));
  return { ...world, signer, ...enrolled };
}

describe('revocation', () => {
  it('of a node takes all its serials, and its key never comes back', async () => {
    const { authority, signer, nodeId, certificate, clock } = await worldWithNode();
    clock.pass(HOUR_MS);
    const second = await authority.enroll(await enrollmentOf(await newToken(authority), signer));
    const { serials } = await authority.revoke({ tag: 'node', nodeId }, 'keyCompromise', 'test');
    assert.deepEqual(serials, [second.certificate.serial, certificate.serial]);
    for (const { der } of [certificate, second.certificate]) {
      const judged = authority.judgeNode([der]);
      assert.equal(judged.tag === 'refused' && judged.code, 'ERR_PATH_REVOKED');
    }
    const back = await enrollmentOf(await newToken(authority), signer);
    await assert.rejects(authority.enroll(back), { code: 'ERR_ENROLL_REVOKED' });
    assert.equal((await authority.listNodes())[0]?.status, 'revoked');
  });

  it('is on a signed list with reason and date when it is answered', async () => {
    const { authority, nodeId, certificate, clock, issuer } = await worldWithNode();
    const { crlNumber } = await authority.revoke({ tag: 'node', nodeId }, 'keyCompromise', 'test');
    const crl = parseCrl(authority.crl.der);
    assert.equal(Number(crl.number), crlNumber);
    assert.ok(verifyCrl(crl, issuer.certificate, checkX509Signature));
    assert.deepEqual(crl.revocationOf(certificate.serial), {
      serial: certificate.serial,
      revokedAt: clock.wall(),
      reason: 'keyCompromise',
    });
  });

  it('by serial takes hex as people write it, of any certificate', async () => {
    const { authority, certificate } = await worldWithNode();
    const written = `00:${certificate.serial.toUpperCase().padStart(32, '0').match(/../g)?.join(':')}`;
    const { serials, nodeId } = await authority.revoke({ tag: 'serial', serial: written }, 'unspecified', 'test');
    assert.deepEqual([serials, nodeId], [[certificate.serial], certificate.subject]);
    const admin = await authority.issueAdministrator('alice', await csrPem(newSigner()), 'test');
    assert.equal(authority.judgeAdministrator([admin.der]).tag, 'ok');
    await authority.revoke({ tag: 'serial', serial: admin.serial }, 'unspecified', 'test');
    assert.equal(authority.judgeAdministrator([admin.der]).tag, 'refused');
  });

  it('by key takes everything that was issued for it', async () => {
    const { authority, certificate } = await worldWithNode();
    const { serials } = await authority.revoke(
      { tag: 'key', spkiHash: certificate.spkiHash.toUpperCase() },
      'unspecified',
      'test',
    );
    assert.deepEqual(serials, [certificate.serial]);
  });

  it('again is the same answer, the same list, and no second entry in the log', async () => {
    const { authority, nodeId, clock, store } = await worldWithNode();
    const first = await authority.revoke({ tag: 'node', nodeId }, 'unspecified', 'test');
    clock.pass(1_000);
    const again = await authority.revoke({ tag: 'node', nodeId }, 'keyCompromise', 'test');
    assert.deepEqual(again, first);
    assert.equal((await auditOf(store)).filter(({ action }) => action === 'revoked').length, 1);
  });

  it('for a stricter reason takes what was signed before too, and never gives it back', async () => {
    const { authority, certificate, clock, store } = await worldWithNode();
    const target = { tag: 'serial', serial: certificate.serial } as const;
    const reasonListed = () => parseCrl(authority.crl.der).revocationOf(certificate.serial)?.reason;
    const first = await authority.revoke(target, 'superseded', 'test');
    clock.pass(1_000);
    assert.deepEqual(await authority.revoke(target, 'cessationOfOperation', 'test'), first);
    assert.equal(reasonListed(), 'superseded');
    const stricter = await authority.revoke(target, 'keyCompromise', 'test');
    assert.ok(stricter.crlNumber > first.crlNumber);
    assert.equal(reasonListed(), 'keyCompromise');
    assert.deepEqual(await authority.revoke(target, 'superseded', 'test'), stricter);
    assert.equal(reasonListed(), 'keyCompromise');
    assert.equal((await auditOf(store)).filter(({ action }) => action === 'revoked').length, 2);
  });

  it('for a stricter reason makes a new list, by whatever name the node is called', async () => {
    for (const name of ['node', 'serial', 'key'] as const) {
      const { authority, certificate, clock, nodeId } = await worldWithNode();
      const { serial, spkiHash } = certificate;
      const target = { node: { tag: name, nodeId }, serial: { tag: name, serial }, key: { tag: name, spkiHash } }[name];
      const first = await authority.revoke(target as RevocationTarget, 'cessationOfOperation', 'test');
      clock.pass(1_000);
      const { crlNumber, serials } = await authority.revoke(target as RevocationTarget, 'keyCompromise', 'test');
      assert.deepEqual([serials, crlNumber > first.crlNumber], [[serial], true], name);
      assert.equal(parseCrl(authority.crl.der).revocationOf(serial)?.reason, 'keyCompromise', name);
    }
  });

  it('for a stricter reason is published by the next that asks, where the list could not be signed', async () => {
    const { authority, certificate, clock } = await worldWithNode();
    const target = { tag: 'serial', serial: certificate.serial } as const;
    await authority.revoke(target, 'superseded', 'test');
    clock.jump(-DAY_MS);
    await assert.rejects(authority.revoke(target, 'keyCompromise', 'test'), { code: 'ERR_CLOCK_JUMPED' });
    clock.jump(DAY_MS);
    await authority.revoke(target, 'keyCompromise', 'test');
    assert.equal(parseCrl(authority.crl.der).revocationOf(certificate.serial)?.reason, 'keyCompromise');
  });

  it('of what nobody knows is told as such', async () => {
    const { authority } = await worldWithNode();
    for (const target of [
      { tag: 'node', nodeId: 'nobody' },
      { tag: 'serial', serial: 'abcdef' },
      { tag: 'key', spkiHash: 'ab'.repeat(32) },
    ] as const)
      await assert.rejects(authority.revoke(target, 'unspecified', 'test'), { code: 'ERR_REVOKE_UNKNOWN' });
    for (const target of [
      { tag: 'serial', serial: 'xyz' },
      { tag: 'key', spkiHash: 'ab' },
    ] as const)
      await assert.rejects(authority.revoke(target, 'unspecified', 'test'), { code: 'ERR_INPUT' });
  });

  it('is possible as long as mail signed with the certificate may live, and stays listed so long', async () => {
    const { authority, nodeId, certificate, clock } = await worldWithNode();
    clock.pass(DAY_MS + 7 * DAY_MS);
    await authority.revoke({ tag: 'node', nodeId }, 'unspecified', 'test');
    clock.pass(HOUR_MS);
    await authority.tendCrl('now');
    assert.ok(parseCrl(authority.crl.der).revocationOf(certificate.serial));
    clock.pass(1);
    await authority.tendCrl('now');
    assert.equal(parseCrl(authority.crl.der).revocationOf(certificate.serial), undefined);
    await assert.rejects(authority.revoke({ tag: 'node', nodeId }, 'unspecified', 'test'), {
      code: 'ERR_REVOKE_UNKNOWN',
    });
  });

  it('of many at once shares lists, and every answer is on the list it names', async () => {
    const { authority, clock } = await authorityWorld();
    const token = await newToken(authority, { usesMax: 20 });
    const nodes = [];
    for (let i = 0; i < 20; i++) nodes.push((await authority.enroll(await enrollmentOf(token))).certificate);
    clock.pass(5_000);
    const before = authority.crl.number;
    const outcomes = await Promise.all(
      nodes.map(({ subject }) => authority.revoke({ tag: 'node', nodeId: subject }, 'unspecified', 'test')),
    );
    assert.ok(outcomes.every(({ crlNumber }) => crlNumber > before && crlNumber <= authority.crl.number));
    assert.equal(parseCrl(authority.crl.der).size, 20);
  });

  it('during an enrolment of the same key wins', async () => {
    const { authority, signer, nodeId } = await worldWithNode();
    const token = await newToken(authority);
    const [revoked] = await Promise.all([
      authority.revoke({ tag: 'node', nodeId }, 'unspecified', 'test'),
      authority.enroll(await enrollmentOf(token, signer)).catch(() => undefined),
    ]);
    const good = (await authority.listNodes()).filter(({ status }) => status === 'active');
    assert.deepEqual(good, [], `left after revoking ${revoked.serials.length} serials`);
  });
});

describe('revocation lists', () => {
  it('have numbers that follow the clock and never fall back', async () => {
    const { authority, clock, open } = await authorityWorld();
    assert.equal(authority.crl.number, unixSeconds(clock.wall()));
    await authority.tendCrl('now');
    await authority.tendCrl('now');
    assert.equal(authority.crl.number, unixSeconds(clock.wall()) + 2);
    clock.pass(HOUR_MS);
    await authority.tendCrl('now');
    assert.equal(authority.crl.number, unixSeconds(clock.wall()));
    assert.equal((await open()).crl.number, authority.crl.number);
  });

  it('are renewed at half of their life and not before', async () => {
    const { authority, clock } = await authorityWorld({ policy: { crlLifeMs: 2 * HOUR_MS } });
    const { number } = authority.crl;
    clock.pass(HOUR_MS - 1);
    await authority.tendCrl('if-due');
    assert.equal(authority.crl.number, number);
    clock.pass(1);
    await authority.tendCrl('if-due');
    assert.notEqual(authority.crl.number, number);
    assert.equal(authority.crl.nextUpdate, clock.wall() + 2 * HOUR_MS);
  });

  it('after a crash between the store and the list, have the revocation at the next start', async () => {
    const { store, certificate, open } = await worldWithNode();
    await store.transact((tx) => tx.revokeCertificate(certificate.serial, certificate.notBefore, 'unspecified'));
    const authority = await open();
    await authority.tendCrl('now');
    assert.ok(parseCrl(authority.crl.der).revocationOf(certificate.serial));
  });
});

describe('the clock (T6)', () => {
  it('that jumped by more than an hour stops signing, either way, until it is accepted', async () => {
    for (const jumpMs of [-HOUR_MS - 1, HOUR_MS + 1]) {
      const { authority, clock } = await authorityWorld();
      const token = await newToken(authority, { lifeMs: DAY_MS });
      clock.jump(jumpMs);
      await assert.rejects(authority.enroll(await enrollmentOf(token)), { code: 'ERR_CLOCK_JUMPED' });
      await assert.rejects(authority.tendCrl('now'), { code: 'ERR_CLOCK_JUMPED' });
      await authority.acceptClock('test');
      await authority.enroll(await enrollmentOf(token));
    }
  });

  it('that was set back while the authority was off is noticed at the next start', async () => {
    const { authority, clock, open } = await authorityWorld();
    clock.pass(10 * DAY_MS);
    await authority.tendCrl('now');
    clock.jump(-2 * HOUR_MS);
    const again = await open();
    await assert.rejects(again.tendCrl('now'), { code: 'ERR_CLOCK_JUMPED' });
    clock.jump(90 * DAY_MS); // off for months: nothing wrong with that
    await again.tendCrl('now');
  });
});

describe('reasons', () => {
  it('are read in any spelling; a misspelt one is refused; nothing is revoked for a while only', () => {
    for (const text of ['key-compromise', 'keyCompromise', 'KeyCompromise', 'key_compromise'])
      assert.equal(readReason(text), 'keyCompromise');
    for (const text of ['cACompromise', 'ca-compromise']) assert.equal(readReason(text), 'cACompromise');
    for (const text of [undefined, '']) assert.equal(readReason(text), 'unspecified');
    for (const text of ['keycompromize', 'fell into the sea', '1', ' ', 'certificateHold', 'remove-from-crl'])
      assert.throws(() => readReason(text), {
        code: 'ERR_INPUT',
        hint: /keyCompromise.*superseded.*privilegeWithdrawn/,
      });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { after, DAY_MS } from '../../../src/base/time.ts';
import { buildCrl } from '../../../src/pki/x509/crl/crl-build.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { CRL_ENTRIES_MAX } from '../../../src/pki/x509/crl/crl-entries.ts';
import type { Revocation, RevocationReason } from '../../../src/pki/x509/crl/revocation-reason.ts';
import { CRL_NUMBER_MAX, REVOCATION_ISSUERS_MAX, RevocationView } from '../../../src/pki/mesh/revocation-view.ts';
import { createTestMesh, NOW } from '../../support/mesh/issuers.ts';

const fleet = await createTestMesh();
const { checkSignature } = fleet.trust;
const of = (...serials: readonly string[]): Revocation[] =>
  serials.map((serial) => ({ serial, revokedAt: NOW, reason: 'keyCompromise' }));

async function installed(view: RevocationView, number: number, ...serials: readonly string[]) {
  return view.install(await fleet.crl(number, of(...serials)), fleet.intermediate, checkSignature);
}

/** What most lists do to those before. */
const NOTHING = { dropped: [], forgotten: [] };

const isRevoked = (view: RevocationView, serial: string) =>
  view.statusOf(fleet.intermediate.keyHash, serial) !== undefined;

describe('RevocationView (T5)', () => {
  it('takes the highest number, whatever the order in which lists arrive', async () => {
    const view = new RevocationView();
    assert.deepEqual(await installed(view, 2, 'a'), { tag: 'installed', added: ['a'], ...NOTHING });
    assert.deepEqual(await installed(view, 1, 'b'), { tag: 'ignored', reason: 'not-newer' });
    assert.deepEqual(await installed(view, 2, 'b'), { tag: 'ignored', reason: 'not-newer' });
    assert.deepEqual(await installed(view, 9, 'a', 'c'), { tag: 'installed', added: ['c'], ...NOTHING });
    assert.deepEqual(view.crlNumbers(), [{ issuerKeyHash: fleet.intermediate.keyHash, number: 9 }]);
    assert.equal(view.crlOf(fleet.intermediate.keyHash)?.number, 9n);
    assert.deepEqual(
      ['a', 'b', 'c'].map((serial) => isRevoked(view, serial)),
      [true, false, true],
    );
  });

  it('never forgets a revocation that a later list leaves out', async () => {
    const view = new RevocationView();
    await installed(view, 1, 'a');
    const second = await installed(view, 2, 'b');
    assert.deepEqual(second, { tag: 'installed', added: ['b'], dropped: of('a'), forgotten: [] });
    assert.deepEqual(await installed(view, 3), { tag: 'installed', added: [], dropped: of('b'), forgotten: [] });
    assert.deepEqual(
      ['a', 'b'].map((serial) => isRevoked(view, serial)),
      [true, true],
    );
    assert.deepEqual(await installed(view, 4, 'a'), { tag: 'installed', added: [], ...NOTHING });
  });

  it('stays as strict as it was, however a later list softens the reason or moves the date', async () => {
    const entry = (reason: RevocationReason, days = 0): Revocation => ({
      serial: 'a',
      revokedAt: after(NOW, days * DAY_MS),
      reason,
    });
    for (const [first, later, stays] of [
      [entry('keyCompromise'), entry('superseded'), 'first'],
      [entry('keyCompromise'), entry('cessationOfOperation', -1), 'first'],
      [entry('certificateHold'), entry('superseded'), 'first'],
      [entry('superseded'), entry('superseded', 1), 'first'],
      [entry('superseded'), entry('keyCompromise', 1), 'later'],
      [entry('superseded'), entry('cessationOfOperation', -1), 'later'],
      [entry('unspecified'), entry('keyCompromise'), 'later'],
    ] as const) {
      const view = new RevocationView();
      const { keyHash } = fleet.intermediate;
      const take = async (number: number, ...entries: readonly Revocation[]) =>
        view.install(await fleet.crl(number, entries), fleet.intermediate, checkSignature);
      const expected = stays === 'first' ? first : later;
      const told = `${first.reason}, then ${later.reason}`;
      await take(1, first);
      const second = await take(2, later);
      assert.deepEqual(second, { tag: 'installed', added: [], ...NOTHING, dropped: stays === 'first' ? [first] : [] });
      assert.deepEqual(view.statusOf(keyHash, 'a'), expected, told);
      // Said once is enough, and what it was softened to takes the place of nothing.
      const third = await take(3);
      assert.deepEqual(third.tag === 'installed' && third.dropped, stays === 'first' ? [] : [later], told);
      assert.deepEqual(view.statusOf(keyHash, 'a'), expected, told);

      const restarted = new RevocationView();
      restarted.install(await fleet.crl(2, [later]), fleet.intermediate, checkSignature);
      restarted.keep(keyHash, first);
      restarted.keep(keyHash, later);
      assert.deepEqual(restarted.statusOf(keyHash, 'a'), expected, `${told}, over a restart`);
    }
  });

  it('takes back what was kept, with or without a list, until it is let go', async () => {
    const view = new RevocationView();
    const { keyHash } = fleet.intermediate;
    for (const revocation of of('a', 'b')) assert.equal(view.keep(keyHash, revocation), true);
    assert.equal(isRevoked(view, 'a'), true);
    assert.deepEqual([view.crls(), view.crlNumbers(), view.crlOf(keyHash)], [[], [], undefined]);
    await installed(view, 1, 'b');
    view.forget(keyHash, 'a');
    view.forget(keyHash, 'b');
    assert.deepEqual([isRevoked(view, 'a'), isRevoked(view, 'b')], [false, true], 'the list itself is not touched');
  });

  it('does not ask whether a list is still current: an expired one never re-admits', async () => {
    const dates = { thisUpdate: after(NOW, -9 * DAY_MS), nextUpdate: after(NOW, -8 * DAY_MS) };
    const der = await buildCrl(
      { issuer: fleet.intermediate, number: 1, ...dates, entries: of('a') },
      fleet.intermediateSigner,
    );
    const view = new RevocationView();
    view.install(parseCrl(der), fleet.intermediate, checkSignature);
    assert.equal(isRevoked(view, 'a'), true);
  });

  it('keeps each issuer to its own certificates', async () => {
    const other = await createTestMesh('other');
    const view = new RevocationView();
    view.install(await other.crl(1, of('a')), other.intermediate, checkSignature);
    assert.equal(isRevoked(view, 'a'), false);
    // The root's own list does not speak of what the intermediate issued.
    const template = {
      issuer: fleet.root,
      number: 1,
      thisUpdate: NOW,
      nextUpdate: after(NOW, DAY_MS),
      entries: of('a'),
    };
    view.install(parseCrl(await buildCrl(template, fleet.rootSigner)), fleet.root, checkSignature);
    assert.equal(isRevoked(view, 'a'), false);
    assert.equal(view.statusOf(fleet.root.keyHash, 'a')?.reason, 'keyCompromise');
    assert.equal(view.crls().length, 2);
  });

  it('refuses a forged list, and a number that would shut out all later ones', async () => {
    const view = new RevocationView();
    const impostor = await createTestMesh();
    const template = { thisUpdate: NOW, nextUpdate: after(NOW, DAY_MS), entries: of('a') };
    const forged = parseCrl(
      await buildCrl({ ...template, issuer: fleet.intermediate, number: 1 }, impostor.intermediateSigner),
    );
    assert.deepEqual(view.install(forged, fleet.intermediate, checkSignature), {
      tag: 'refused',
      reason: 'bad-signature',
    });
    assert.deepEqual(await installed(view, CRL_NUMBER_MAX, 'a'), { tag: 'refused', reason: 'number-out-of-range' });
    assert.deepEqual(view.crlNumbers(), []);
  });

  it(`keeps lists of ${REVOCATION_ISSUERS_MAX} issuers`, async () => {
    const view = new RevocationView();
    for (let i = 0; i < REVOCATION_ISSUERS_MAX; i++) {
      const mesh = await createTestMesh();
      assert.equal(view.install(await mesh.crl(1, []), mesh.intermediate, checkSignature).tag, 'installed');
    }
    assert.deepEqual(await installed(view, 1, 'a'), { tag: 'refused', reason: 'too-many-issuers' });
  });

  it(`keeps ${CRL_ENTRIES_MAX} revocations that no list repeats, and lets the oldest go first`, async () => {
    const view = new RevocationView();
    const entries = Array.from({ length: CRL_ENTRIES_MAX }, (_, i): Revocation => {
      const revokedAt = i === 5 ? after(NOW, -DAY_MS) : NOW;
      return { serial: (0x1000_0000 + i).toString(16), revokedAt, reason: 'keyCompromise' };
    });
    view.install(await fleet.crl(1, entries), fleet.intermediate, checkSignature);
    await installed(view, 2, 'a');
    assert.equal(isRevoked(view, '10000005'), true);
    await installed(view, 3);
    assert.deepEqual(
      ['a', '10000004', '10000005'].map((serial) => isRevoked(view, serial)),
      [true, true, false],
    );
  });
});

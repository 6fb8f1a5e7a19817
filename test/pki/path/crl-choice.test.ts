import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { after, DAY_MS } from '../../../src/base/time.ts';
import { sequence, time } from '../../../src/codec/der-writer.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { CRL_SIGNATURE_CHECKS_MAX, revocationFromCrls } from '../../../src/pki/path/crl-revocation.ts';
import { type Crl, parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { commonName, judge, make, NOW, outcome, type Party } from '../../support/make-certificate.ts';
import { crlDer, entry, keyId, number, type Recipe, root, skiOf } from '../x509/crl-recipe.ts';
import { EXAMPLE, keyUsage, leafOf } from './path-table.ts';

const MANY = 3 * CRL_SIGNATURE_CHECKS_MAX;

const ca = make({ issuer: root, isCa: true, subject: commonName('ca') });
const leaf = leafOf(ca, { names: EXAMPLE });
const namesake = make({ issuer: root, isCa: true, subject: commonName('ca') });
const revoking = sequence(entry(leaf.certificate.serial.padStart(40, '0')));

/** A list of this number that names its own key, unless the recipe has it otherwise. */
const list = (by: Party, n: number, more: Recipe = {}): Crl =>
  parseCrl(crlDer({ by, extensions: [keyId(skiOf(by)), number(n)], ...more }));
const many = (of: (i: number) => Crl): Crl[] => Array.from({ length: MANY }, (_, i) => of(i));

/** What is said of the leaf, and how many signatures of lists and their signers were checked for it. */
function judged(crls: readonly Crl[], beside: readonly Party[] = [], of = leaf, issuer = ca) {
  let checks = 0;
  const counted: typeof checkX509Signature = (...args) => {
    checks += 1;
    return checkX509Signature(...args);
  };
  const others = beside.map(({ certificate }) => certificate);
  const checkRevocation = revocationFromCrls(crls, NOW, counted, others);
  const said = outcome(judge(of, [issuer], [root], { checkRevocation }));
  return { said, checks };
}

describe(`one list that counts among ${MANY}`, () => {
  it('among older ones of the same issuer, all still in their time: one check', () => {
    const older = many((i) => list(ca, i + 1));
    assert.deepEqual(judged([...older, list(ca, MANY + 1)]), { said: 'ok', checks: 1 });
    const naming = list(ca, MANY + 1, { entries: revoking });
    assert.deepEqual(judged([...older, naming]), { said: 'ERR_PATH_REVOKED', checks: 1 });
  });

  it('of one number, the newest', () => {
    const dated = (days: number, more: Recipe = {}) =>
      list(ca, 7, { dates: [time(after(NOW, -days * DAY_MS)), time(after(NOW, DAY_MS))], ...more });
    const older = Array.from({ length: 50 }, (_, i) => dated(i + 2));
    assert.deepEqual(judged([...older, dated(1, { entries: revoking })]), { said: 'ERR_PATH_REVOKED', checks: 1 });
    assert.deepEqual(judged([dated(2, { entries: revoking }), dated(1)]), { said: 'ok', checks: 1 });
  });

  it('among newer ones of a namesake with another key: one check', () => {
    const newer = many((i) => list(namesake, i + 2, { entries: revoking }));
    assert.deepEqual(judged([...newer, list(ca, 1)]), { said: 'ok', checks: 1 });
    const naming = list(ca, 1, { entries: revoking });
    assert.deepEqual(judged([...many((i) => list(namesake, i + 2)), naming]), { said: 'ERR_PATH_REVOKED', checks: 1 });
  });

  it('beside as many namesakes, each of whom may have lists of its own: one check', () => {
    const namesakes = Array.from({ length: MANY }, () => make({ issuer: root, isCa: true, subject: commonName('ca') }));
    const older = namesakes.map((by, i) => list(by, i + 1));
    assert.deepEqual(judged([list(ca, 1)], namesakes), { said: 'ok', checks: 1 });
    assert.deepEqual(judged([...older, list(ca, MANY + 1)], namesakes), { said: 'ok', checks: 1 });
  });

  it('signed with a key for lists alone, beside namesakes that sign none', () => {
    const forLists = make({ issuer: root, subject: commonName('ca'), ...keyUsage(1 << 6) });
    const namesakes = Array.from({ length: MANY }, () => make({ issuer: root, isCa: true, subject: commonName('ca') }));
    // The list, and the certificate of its key.
    assert.deepEqual(judged([list(forLists, 1)], [...namesakes, forLists]), { said: 'ok', checks: 2 });
  });
});

describe('lists that name another key than theirs', () => {
  const misnamed = (n: number, more: Recipe = {}) =>
    list(ca, n, { extensions: [keyId('00'.repeat(20)), number(n)], ...more });

  it('are asked where no other tells', () => {
    assert.deepEqual(judged([misnamed(1)]), { said: 'ok', checks: 1 });
    assert.equal(judged([misnamed(1, { entries: revoking })]).said, 'ERR_PATH_REVOKED');
    assert.equal(judged([misnamed(2), misnamed(1, { entries: revoking })]).said, 'ok', 'the highest number');
    const forged = list(make({ subject: commonName('ca') }), 9, { extensions: [keyId(skiOf(ca)), number(9)] });
    assert.equal(judged([forged, misnamed(1)]).said, 'ok');
  });

  it('are not, where one that names its key does', () => {
    assert.deepEqual(judged([misnamed(2, { entries: revoking }), list(ca, 1)]), { said: 'ok', checks: 1 });
    assert.equal(judged([misnamed(2), list(ca, 1, { entries: revoking })]).said, 'ERR_PATH_REVOKED');
  });

  it('cost no more than the bound, and tell nothing beyond it', () => {
    const forger = make({ subject: commonName('ca') });
    const forged = many((i) => list(forger, i + 2));
    assert.deepEqual(judged([...forged, misnamed(1)]), { said: 'ERR_PATH_LIMIT', checks: CRL_SIGNATURE_CHECKS_MAX });
  });
});

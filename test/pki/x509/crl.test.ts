import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHex } from '../../../src/base/bytes.ts';
import { after, DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { TAG } from '../../../src/codec/der-tag.ts';
import { octetString, oid, sequence, time, unsignedInteger } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { buildCrl } from '../../../src/pki/x509/crl/crl-build.ts';
import { CRL_NUMBER_BYTES_MAX, isCrlOf, parseCrl, verifyCrl } from '../../../src/pki/x509/crl/crl.ts';
import {
  isVoidedBy,
  parseRevocationReason,
  type Revocation,
  type RevocationReason,
} from '../../../src/pki/x509/crl/revocation-reason.ts';
import { commonName, extensionOf, make, NOW } from '../../support/make-certificate.ts';
import { keyUsage } from '../path/path-table.ts';
import { root, type Recipe, number, keyId, skiOf, entry, reason, crlDer } from './crl-recipe.ts';

const REASONS: readonly RevocationReason[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
];

/** An INTEGER of so many octets. */
const filled = (octets: number) => unsignedInteger(new Uint8Array(octets).fill(0x7f));

const refused: readonly (readonly [name: string, recipe: Recipe])[] = [
  ['no version', { version: new Uint8Array(0) }],
  ['version 1', { version: unsignedInteger(0) }],
  ['another algorithm inside', { innerAlgorithm: sequence(oid(OID.ecdsaWithSha256)) }],
  ['an issuer without a name', { issuerName: sequence() }],
  ['no next update', { dates: [time(NOW)] }],
  ['a next update before this update', { dates: [time(NOW), time(after(NOW, -1_000))] }],
  ['an empty list of entries', { entries: sequence() }],
  ['a serial number twice', { entries: sequence(entry('05'), entry('05')) }],
  ['a serial number of zero', { entries: sequence(entry('00')) }],
  ['no extensions', { extensions: null }],
  ['no number (section 5.2.3)', { extensions: [keyId(skiOf(root))] }],
  ['a critical number', { extensions: [keyId(skiOf(root)), number(1, true)] }],
  ['a negative number', { extensions: [number(fromHex('0201ff'))] }],
  ['a number that is too long', { extensions: [number(filled(CRL_NUMBER_BYTES_MAX + 1))] }],
  ['an extension twice', { extensions: [number(1), number(1)] }],
  ['a delta CRL', { extensions: [number(2), extensionOf(OID.deltaCrlIndicator, unsignedInteger(1), true)] }],
  ['a delta CRL that hides it', { extensions: [number(2), extensionOf(OID.deltaCrlIndicator, unsignedInteger(1))] }],
  [
    'a CRL for some certificates only',
    { extensions: [number(1), extensionOf(OID.issuingDistributionPoint, sequence(), true)] },
  ],
  ['an unknown critical extension', { extensions: [number(1), extensionOf('1.2.3', unsignedInteger(1), true)] }],
  [
    'an unknown critical extension of an entry',
    { entries: sequence(entry('05', sequence(extensionOf('1.2.3', octetString(new Uint8Array(0)), true)))) },
  ],
  ['a reason that does not exist', { entries: sequence(entry('05', sequence(reason(7)))) }],
  ['removeFromCRL in a complete list', { entries: sequence(entry('05', sequence(reason(8)))) }],
  ['a reason out of range', { entries: sequence(entry('05', sequence(reason(11)))) }],
  [
    'a reason that is no ENUMERATED',
    { entries: sequence(entry('05', sequence(extensionOf(OID.crlReason, unsignedInteger(1))))) },
  ],
  ['an empty list of entry extensions', { entries: sequence(entry('05', sequence())) }],
];

describe('parseCrl (RFC 5280 section 5)', () => {
  for (const [name, recipe] of refused)
    it(`refuses ${name}`, () => {
      assert.throws(() => parseCrl(crlDer(recipe)), { code: 'ERR_CRL' });
    });

  it('reads entries with and without a reason', () => {
    const entries = sequence(
      entry('05'),
      entry('80', sequence(reason(1))),
      entry('0100', sequence(reason(9))),
      entry('06', sequence(reason(1, true))),
    );
    const crl = parseCrl(crlDer({ entries }));
    assert.equal(crl.size, 4);
    assert.deepEqual(crl.revocationOf('5'), { serial: '5', revokedAt: NOW, reason: 'unspecified' });
    assert.equal(crl.revocationOf('80')?.reason, 'keyCompromise');
    assert.equal(crl.revocationOf('100')?.reason, 'privilegeWithdrawn');
    assert.equal(crl.revocationOf('6')?.reason, 'keyCompromise');
    assert.equal(crl.revocationOf('05'), undefined);
    assert.equal(crl.revocationOf('7'), undefined);
  });

  it('reads numbers of up to 20 octets (section 5.2.3)', () => {
    assert.equal(parseCrl(crlDer({ extensions: [number(unsignedInteger(2n ** 159n - 1n))] })).number, 2n ** 159n - 1n);
    const largest = parseCrl(crlDer({ extensions: [number(filled(CRL_NUMBER_BYTES_MAX))] }));
    assert.equal(largest.number, BigInt(`0x${'7f'.repeat(CRL_NUMBER_BYTES_MAX)}`));
  });
});

const serials = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => {
  bytes[0] = ((bytes[0] as number) & 0x7f) | 1;
  return bytes.toHex().replace(/^0+/, '');
});
const revocations = fc.uniqueArray(
  fc.record(
    {
      serial: serials,
      revokedAt: fc.integer({ min: 0, max: 4e9 }).map((seconds) => (seconds * 1_000) as UnixMs),
      reason: fc.constantFrom(...REASONS),
    },
    { noNullPrototype: true },
  ),
  { selector: ({ serial }) => serial, maxLength: 50 },
);

describe('buildCrl', () => {
  it('writes what parseCrl reads, whatever the entries', async () => {
    await fc.assert(
      fc.asyncProperty(revocations, fc.integer({ min: 0, max: 2 ** 40 }), async (entries, n) => {
        const template = {
          issuer: root.certificate,
          number: n,
          thisUpdate: NOW,
          nextUpdate: after(NOW, DAY_MS),
          entries,
        };
        const crl = parseCrl(await buildCrl(template, root.signer));
        assert.deepEqual([...crl.revocations()], entries);
        assert.equal(crl.number, BigInt(n));
        assert.equal(crl.thisUpdate, NOW);
        assert.equal(crl.nextUpdate, after(NOW, DAY_MS));
        assert.equal(verifyCrl(crl, root.certificate, checkX509Signature), true);
      }),
      { numRuns: 40 },
    );
  });

  it('writes and reads a hundred thousand entries', async () => {
    const entries = Array.from(
      { length: 100_000 },
      (_, i): Revocation => ({ serial: (0x8000_0000 + i).toString(16), revokedAt: NOW, reason: 'superseded' }),
    );
    const template = { issuer: root.certificate, number: 1, thisUpdate: NOW, nextUpdate: after(NOW, DAY_MS), entries };
    const crl = parseCrl(await buildCrl(template, root.signer));
    assert.equal(crl.size, 100_000);
    assert.equal(crl.revocationOf('8001869f')?.reason, 'superseded');
    assert.equal(crl.revocationOf('800186a0'), undefined);
  });
});

describe('verifyCrl (RFC 5280 section 6.3.3)', () => {
  it('knows the list of an issuer by name and key', () => {
    const namesake = make({ subject: commonName('root') });
    const crl = parseCrl(crlDer());
    assert.equal(isCrlOf(crl, root.certificate), true);
    assert.equal(isCrlOf(crl, namesake.certificate), false);
    assert.equal(verifyCrl(crl, namesake.certificate, checkX509Signature), false);
    const anonymous = parseCrl(crlDer({ extensions: [number(1)] }));
    assert.equal(isCrlOf(anonymous, namesake.certificate), true);
    assert.equal(verifyCrl(anonymous, namesake.certificate, checkX509Signature), false);
    assert.equal(verifyCrl(anonymous, root.certificate, checkX509Signature), true);
  });

  it('refuses a list under another name, even by the same key', () => {
    const crl = parseCrl(crlDer({ issuerName: commonName('other') }));
    assert.equal(verifyCrl(crl, root.certificate, checkX509Signature), false);
  });

  it('refuses a list from a key that may not sign lists', () => {
    const ca = make({ isCa: true, ...keyUsage(1 << 5) });
    assert.equal(verifyCrl(parseCrl(crlDer({ by: ca })), ca.certificate, checkX509Signature), false);
  });

  it('refuses a changed list', () => {
    const der = crlDer({ entries: sequence(entry('05')) });
    const at = der.findIndex((byte, i) => byte === TAG.integer && der[i + 1] === 1 && der[i + 2] === 5);
    der[at + 2] = 6;
    assert.equal(verifyCrl(parseCrl(der), root.certificate, checkX509Signature), false);
  });
});

describe('revocation reasons', () => {
  it('have the names of RFC 5280', () => {
    for (const name of REASONS) assert.equal(parseRevocationReason(name), name);
    for (const name of ['', 'KeyCompromise', 'removeFromCRL', 'undefined'])
      assert.throws(() => parseRevocationReason(name), { code: 'ERR_INPUT' });
  });

  it('two of them spare what was signed earlier', () => {
    for (const name of REASONS) {
      const sparesEarlier = name === 'superseded' || name === 'cessationOfOperation';
      assert.equal(isVoidedBy({ reason: name, revokedAt: NOW }, after(NOW, -1)), !sparesEarlier, name);
      assert.equal(isVoidedBy({ reason: name, revokedAt: NOW }, NOW), true, name);
    }
  });
});

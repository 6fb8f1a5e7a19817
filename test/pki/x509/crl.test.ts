import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHex } from '../../../src/base/bytes.ts';
import { after, DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { TAG } from '../../../src/codec/der-reader.ts';
import {
  bitString,
  context,
  contextPrimitive,
  octetString,
  oid,
  sequence,
  time,
  unsignedInteger,
  utf8String,
} from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { checkX509Signature, x509AlgorithmIdentifier } from '../../../src/crypto/x509-signature.ts';
import { buildCrl } from '../../../src/pki/x509/crl-build.ts';
import { CRL_ISSUERS_MAX } from '../../../src/pki/x509/crl-entries.ts';
import { CRL_NUMBER_BYTES_MAX, type Crl, isCrlOf, parseCrl, verifyCrl } from '../../../src/pki/x509/crl.ts';
import { ALL_REASONS } from '../../../src/pki/x509/distribution-points.ts';
import { CRL_LOOKS_MAX, CRL_SIGNATURE_CHECKS_MAX, revocationFromCrls } from '../../../src/pki/path/crl-revocation.ts';
import {
  isVoidedBy,
  parseRevocationReason,
  type Revocation,
  type RevocationReason,
} from '../../../src/pki/x509/revocation-reason.ts';
import {
  commonName,
  directory,
  extensionOf,
  judge,
  make,
  nameConstraints,
  NOW,
  outcome,
  type Party,
  testKey,
} from '../../support/make-certificate.ts';
import { EXAMPLE, keyUsage } from '../path/path-table.ts';

const root = make({ subject: commonName('root') });
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

/** What a CRL of a test differs in. */
interface Recipe {
  readonly by?: Party;
  readonly version?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly issuerName?: Uint8Array;
  readonly dates?: readonly Uint8Array[];
  /** The whole list, or nothing. */
  readonly entries?: Uint8Array;
  readonly extensions?: readonly Uint8Array[] | null;
}

/** An INTEGER of so many octets. */
const filled = (octets: number) => unsignedInteger(new Uint8Array(octets).fill(0x7f));
const number = (value: number | Uint8Array, isCritical = false) =>
  extensionOf(OID.crlNumber, value instanceof Uint8Array ? value : unsignedInteger(value), isCritical);
const keyId = (hex: string) => extensionOf(OID.authorityKeyIdentifier, sequence(contextPrimitive(0, fromHex(hex))));
const skiOf = (party: Party) => party.certificate.extensions.subjectKeyIdentifier ?? '';
const entry = (serialHex: string, ...more: readonly Uint8Array[]) =>
  sequence(unsignedInteger(fromHex(serialHex)), time(NOW), ...more);
const reason = (n: number, isCritical = false) =>
  extensionOf(OID.crlReason, unsignedInteger(n, TAG.enumerated), isCritical);

function crlDer(recipe: Recipe = {}): Uint8Array {
  const { by = root, extensions = [keyId(skiOf(by)), number(1)] } = recipe;
  const algorithm = x509AlgorithmIdentifier(by.signer.algorithm);
  const tbs = sequence(
    recipe.version ?? unsignedInteger(1),
    recipe.innerAlgorithm ?? algorithm,
    recipe.issuerName ?? by.certificate.subject.der,
    ...(recipe.dates ?? [time(after(NOW, -DAY_MS)), time(after(NOW, DAY_MS))]),
    ...(recipe.entries === undefined ? [] : [recipe.entries]),
    ...(extensions === null ? [] : [context(0, sequence(...extensions))]),
  );
  return sequence(tbs, algorithm, bitString(by.signer.signSync(tbs)));
}

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

describe('paths and CRLs (RFC 5280 section 6.3)', () => {
  const ca = make({ issuer: root, isCa: true, subject: commonName('ca') });
  const leaf = make({ issuer: ca, names: EXAMPLE });
  const revoking = (party: Party) => sequence(entry(party.certificate.serial.padStart(40, '0')));
  const under = (...crls: readonly Uint8Array[]) =>
    outcome(
      judge(leaf, [ca], [root], {
        checkRevocation: revocationFromCrls(
          crls.map((der) => parseCrl(der)),
          NOW,
          checkX509Signature,
        ),
      }),
    );
  const old = [time(after(NOW, -2 * DAY_MS)), time(after(NOW, -DAY_MS))];
  const tomorrow = [time(after(NOW, 1_000)), time(after(NOW, DAY_MS))];

  it('no list says nothing, and one of somebody else nothing of the leaf', () => {
    const other = make({ subject: commonName('other') });
    assert.equal(under(), 'ok');
    assert.equal(under(crlDer({ by: other, entries: revoking(leaf) })), 'ERR_PATH_CRL');
    assert.equal(under(crlDer({ by: root, entries: revoking(leaf) })), 'ERR_PATH_CRL');
  });

  it('a list of the issuer revokes, leaf and intermediate alike', () => {
    assert.equal(under(crlDer({ by: ca, entries: revoking(leaf) })), 'ERR_PATH_REVOKED');
    assert.equal(under(crlDer({ by: root, entries: revoking(ca) })), 'ERR_PATH_REVOKED');
    assert.equal(under(crlDer({ by: ca, entries: revoking(ca) }), crlDer()), 'ok');
  });

  it('an expired, future or forged list makes its issuer unusable', () => {
    const forger = make({ subject: commonName('ca') });
    assert.equal(under(crlDer({ by: ca, dates: old })), 'ERR_PATH_CRL');
    assert.equal(under(crlDer({ by: ca, dates: tomorrow })), 'ERR_PATH_CRL');
    assert.equal(under(crlDer({ by: forger, extensions: [number(1)] })), 'ERR_PATH_CRL');
  });

  it('so many forged ones that not all signatures can be checked hide nothing: the path is refused', () => {
    const forger = make({ subject: commonName('ca') });
    const forged = Array.from({ length: 5 * CRL_SIGNATURE_CHECKS_MAX }, (_, i) =>
      parseCrl(crlDer({ by: forger, extensions: [keyId(skiOf(ca)), number(i + 2)] })),
    );
    const genuine = parseCrl(crlDer({ by: ca }));
    let checks = 0;
    const among = (count: number): string => {
      const checkSignature: typeof checkX509Signature = (...args) => {
        checks += 1;
        return checkX509Signature(...args);
      };
      const crls = [...forged.slice(0, count), genuine];
      return outcome(judge(leaf, [ca], [root], { checkRevocation: revocationFromCrls(crls, NOW, checkSignature) }));
    };
    assert.equal(among(CRL_SIGNATURE_CHECKS_MAX - 1), 'ok');
    checks = 0;
    assert.equal(among(5 * CRL_SIGNATURE_CHECKS_MAX), 'ERR_PATH_LIMIT');
    assert.equal(checks, CRL_SIGNATURE_CHECKS_MAX);
  });

  it('a signature is checked once a key, however many certificates the issuer has for it', () => {
    const key = testKey();
    const shared = { issuer: root, isCa: true, subject: commonName('ca'), key };
    const narrow = { ...shared, moreExtensions: [nameConstraints([], EXAMPLE)] };
    const issuers = [make(narrow), make(narrow), make(narrow), make(shared)];
    const [issuer] = issuers as [Party];
    const forger = make({ subject: commonName('ca') });
    const forged = Array.from({ length: CRL_SIGNATURE_CHECKS_MAX - 20 }, (_, i) =>
      parseCrl(crlDer({ by: forger, extensions: [keyId(skiOf(issuer)), number(i + 2)] })),
    );
    const crls = [...forged, parseCrl(crlDer({ by: issuer }))];
    const checkRevocation = revocationFromCrls(crls, NOW, checkX509Signature);
    assert.equal(outcome(judge(make({ issuer, names: EXAMPLE }), issuers, [root], { checkRevocation })), 'ok');
  });

  it('so many names of distribution points that not all can be compared tell nothing either', () => {
    const names: readonly string[] = Array.from({ length: CRL_LOOKS_MAX + 1 }, () => 'dns elsewhere.example');
    const genuine = parseCrl(crlDer({ by: ca }));
    const newer = (count: number): Crl => {
      const scope = { names: names.slice(0, count), only: undefined, reasons: ALL_REASONS, isIndirect: false };
      return Object.assign(Object.create(genuine) as Crl, { number: 9n, scope });
    };
    const under = (crls: readonly Crl[]): string =>
      outcome(judge(leaf, [ca], [root], { checkRevocation: revocationFromCrls(crls, NOW, checkX509Signature) }));
    assert.equal(under([newer(9), genuine]), 'ok');
    assert.equal(under([newer(names.length), genuine]), 'ERR_PATH_LIMIT');
  });

  it('a list may be signed with a key that the issuer has for lists alone, unless that is revoked', () => {
    const forLists = make({ issuer: root, subject: commonName('ca'), ...keyUsage(1 << 6) });
    const stranger = make({ subject: commonName('ca'), ...keyUsage(1 << 6) });
    const silent = parseCrl(crlDer({ by: forLists }));
    const naming = parseCrl(crlDer({ by: forLists, entries: revoking(leaf) }));
    const among = (crls: readonly Crl[], others: readonly Party[]): string => {
      const beside = others.map(({ certificate }) => certificate);
      const checkRevocation = revocationFromCrls(crls, NOW, checkX509Signature, beside);
      return outcome(judge(leaf, [ca], [root], { checkRevocation }));
    };
    assert.equal(among([silent], []), 'ERR_PATH_CRL');
    assert.equal(among([silent], [forLists]), 'ok');
    assert.equal(among([naming], [forLists]), 'ERR_PATH_REVOKED');
    assert.equal(among([parseCrl(crlDer({ by: stranger }))], [stranger]), 'ERR_PATH_CRL', 'nobody vouches for it');
    const revoked = parseCrl(crlDer({ by: root, entries: revoking(forLists) }));
    assert.equal(among([silent, revoked], [forLists]), 'ERR_PATH_CRL');
  });

  it('one list tells of what the old and the new key of an issuer have signed', () => {
    const renewed = make({ issuer: ca, isCa: true, subject: commonName('ca') });
    const young = make({ issuer: renewed, names: EXAMPLE });
    const under = (der: Uint8Array): string => {
      const checkRevocation = revocationFromCrls([parseCrl(der)], NOW, checkX509Signature);
      return outcome(judge(young, [ca, renewed], [root], { checkRevocation }));
    };
    assert.equal(under(crlDer({ by: ca })), 'ok');
    assert.equal(under(crlDer({ by: ca, entries: revoking(young) })), 'ERR_PATH_REVOKED');
  });

  it('a CA further down that takes the name of the issuer cannot speak for it', () => {
    const below = make({ issuer: ca, isCa: true, subject: commonName('below') });
    const namesake = make({ issuer: below, isCa: true, subject: commonName('ca') });
    const deep = make({ issuer: namesake, names: EXAMPLE });
    const naming = crlDer({ by: ca, entries: revoking(below) });
    const silent = crlDer({ by: namesake, extensions: [keyId(skiOf(namesake)), number(9)] });
    const crls = [naming, silent].map((der) => parseCrl(der));
    const checkRevocation = revocationFromCrls(crls, NOW, checkX509Signature);
    assert.equal(outcome(judge(deep, [ca, below, namesake], [root], { checkRevocation })), 'ERR_PATH_REVOKED');
  });

  it('numbers of lists with different scopes are not compared: each has its say', () => {
    const forUsers = extensionOf(OID.issuingDistributionPoint, sequence(contextPrimitive(1, fromHex('ff'))), true);
    const scoped = parseCrl(
      crlDer({ by: ca, entries: revoking(leaf), extensions: [keyId(skiOf(ca)), number(1), forUsers] }),
      'any',
    );
    const newer = parseCrl(crlDer({ by: ca, extensions: [keyId(skiOf(ca)), number(9)] }));
    const checkRevocation = revocationFromCrls([newer, scoped], NOW, checkX509Signature);
    assert.equal(outcome(judge(leaf, [ca], [root], { checkRevocation })), 'ERR_PATH_REVOKED');
  });

  it('a negative number in a list of others is nobody’s', () => {
    const odd = crlDer({ by: ca, entries: sequence(sequence(fromHex('0201ff'), time(NOW)), entry('00')) });
    assert.throws(() => parseCrl(odd), { code: 'ERR_CRL' });
    const read = parseCrl(odd, 'any');
    const serial = 'ff' as Parameters<Crl['revocationOf']>[0];
    assert.deepEqual([read.size, read.revocationOf(serial)], [2, undefined]);
  });

  it('a list speaks for so many issuers, and not for more', () => {
    const indirect = extensionOf(OID.issuingDistributionPoint, sequence(contextPrimitive(4, fromHex('ff'))), true);
    const of = (issuers: number): Crl => {
      const entries = Array.from({ length: issuers }, (_, i) => {
        const issuer = sequence(directory(commonName(`issuer ${i}`)));
        return entry('05', sequence(extensionOf(OID.certificateIssuer, issuer, true)));
      });
      const extensions = [keyId(skiOf(ca)), number(1), indirect];
      return parseCrl(crlDer({ by: ca, extensions, entries: sequence(...entries) }), 'any');
    };
    assert.deepEqual(of(CRL_ISSUERS_MAX).size, 0);
    assert.throws(() => of(CRL_ISSUERS_MAX + 1), { code: 'ERR_CRL', message: /more than 1000 issuers/ });
  });

  it('so many points relative to a long name that not all can be made tell nothing', () => {
    const issuer = make({ issuer: root, isCa: true, subject: commonName('c'.repeat(16 * 1024)) });
    const relative = sequence(context(0, context(1, sequence(oid(OID.commonName), utf8String('x')))));
    const among = (points: number): string => {
      const value = sequence(...Array.from({ length: points }, () => relative));
      const extensions = { [OID.crlDistributionPoints]: extensionOf(OID.crlDistributionPoints, value) };
      const checkRevocation = revocationFromCrls([parseCrl(crlDer({ by: issuer }))], NOW, checkX509Signature);
      return outcome(judge(make({ issuer, names: EXAMPLE, extensions }), [issuer], [root], { checkRevocation }));
    };
    assert.equal(among(9), 'ok');
    assert.equal(among(8_000), 'ERR_PATH_LIMIT');
  });

  it('of several, the highest number decides', () => {
    const newer = crlDer({ by: ca, extensions: [keyId(skiOf(ca)), number(2)], entries: revoking(leaf) });
    assert.equal(under(crlDer({ by: ca }), newer), 'ERR_PATH_REVOKED');
    assert.equal(under(newer, crlDer({ by: ca })), 'ERR_PATH_REVOKED');
    assert.equal(under(newer, crlDer({ by: ca, extensions: [keyId(skiOf(ca)), number(3)] })), 'ok');
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

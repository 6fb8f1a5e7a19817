import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex } from '../../../src/base/bytes.ts';
import { after, DAY_MS } from '../../../src/base/time.ts';
import { context, contextPrimitive, oid, sequence, time, utf8String } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { CRL_ISSUERS_MAX } from '../../../src/pki/x509/crl/crl-entries.ts';
import { type Crl, parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { ALL_REASONS } from '../../../src/pki/x509/certificate/distribution-points.ts';
import { CRL_LOOKS_MAX, CRL_SIGNATURE_CHECKS_MAX, revocationFromCrls } from '../../../src/pki/path/crl-revocation.ts';
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
import { EXAMPLE, keyUsage } from './path-table.ts';
import { root, number, keyId, skiOf, entry, crlDer } from '../x509/crl-recipe.ts';

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

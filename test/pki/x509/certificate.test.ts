import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concatBytes, fromHex, utf8 } from '../../../src/base/bytes.ts';
import { contextTag, TAG } from '../../../src/codec/der-tag.ts';
import {
  boolean,
  context,
  contextPrimitive,
  element,
  NULL,
  oid,
  sequence,
  setOf,
  unsignedInteger,
} from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { parseCertificate, parseCertificatesPem, parseSerial } from '../../../src/pki/x509/certificate/certificate.ts';
import { EXTENSIONS_MAX } from '../../../src/pki/x509/certificate/extensions.ts';
import { commonName, dns, extensionOf, make, type Recipe, uri } from '../../support/make-certificate.ts';

const plain = (type: string, value: Uint8Array): Recipe => ({ extensions: { [type]: extensionOf(type, value) } });
const added = (...extensions: readonly Uint8Array[]): Recipe => ({ moreExtensions: extensions });
const x = extensionOf('1.2.3', utf8('x'));
const attribute = (tag: number, value: Uint8Array): Recipe => ({
  subject: sequence(setOf(sequence(oid(OID.commonName), element(tag, value)))),
});
const text = (tag: number, value: string) => element(tag, utf8(value));
const explicitFalse = sequence(oid('1.2.3'), boolean(false), element(TAG.octetString));
const policy = sequence(oid('1.2.3'));
const aki = (...parts: readonly Uint8Array[]) => plain(OID.authorityKeyIdentifier, sequence(...parts));

/** Without any extension. */
const BARE: Recipe = {
  extensions: Object.fromEntries(
    [OID.basicConstraints, OID.keyUsage, OID.subjectKeyIdentifier].map((type) => [type, null]),
  ),
};
const point = (...parts: readonly Uint8Array[]) => plain(OID.crlDistributionPoints, sequence(sequence(...parts)));
const NONE = new Uint8Array(0);
const serialOfIssuer = contextPrimitive(2, fromHex('01'));

const malformed: readonly (readonly [name: string, recipe: Recipe])[] = [
  ['serial number 0', { serial: unsignedInteger(0) }],
  ['a negative serial number', { serial: fromHex('0201ff') }],
  ['a serial number of 21 octets', { serial: unsignedInteger(2n ** 160n) }],
  ['a padded serial number', { serial: fromHex('02020001') }],
  ['version 1 written out', { version: context(0, unsignedInteger(0)) }],
  ['version 4', { version: context(0, unsignedInteger(3)) }],
  ['extensions in version 1', { version: new Uint8Array(0) }],
  ['extensions in version 2', { version: context(0, unsignedInteger(1)) }],
  [
    'a unique identifier in version 1',
    { ...BARE, version: new Uint8Array(0), uniqueIds: [contextPrimitive(1, fromHex('0000'))] },
  ],
  ['another algorithm inside', { innerAlgorithm: sequence(oid(OID.ecdsaWithSha256)) }],
  ['the same algorithm with parameters inside', { innerAlgorithm: sequence(oid(OID.ed25519), NULL) }],
  ['a date without seconds', { notAfter: text(TAG.utcTime, '3001010000Z') }],
  [
    'a date before 2050 in the long form, with a fraction',
    { notAfter: text(TAG.generalizedTime, '20300101000000.5Z') },
  ],
  ['a date with a fraction', { notAfter: text(TAG.generalizedTime, '20600101000000.5Z') }],
  ['an extension that stands twice', added(x, x)],
  ['an extension with critical written out as false', added(explicitFalse)],
  [
    `more than ${EXTENSIONS_MAX} extensions`,
    added(...Array.from({ length: EXTENSIONS_MAX }, (_, i) => extensionOf(`1.2.3.${i}`, NULL))),
  ],
  [
    'an empty list of extensions',
    {
      extensions: Object.fromEntries(
        [OID.basicConstraints, OID.keyUsage, OID.subjectKeyIdentifier].map((type) => [type, null]),
      ),
      moreExtensions: [new Uint8Array(0)],
    },
  ],
  ['an empty subject attribute', attribute(TAG.utf8String, new Uint8Array(0))],
  ['a NUL in the subject', attribute(TAG.utf8String, utf8('good.example\0.evil.example'))],
  ['text that is not UTF-8', attribute(TAG.utf8String, fromHex('c328'))],
  ['an asterisk in a PrintableString', attribute(TAG.printableString, utf8('*'))],
  ['half a character in a BMPString', attribute(TAG.bmpString, fromHex('00'))],
  ['a surrogate in a BMPString', attribute(TAG.bmpString, fromHex('d800'))],
  ['a character beyond Unicode', attribute(TAG.universalString, fromHex('00110000'))],
  ['an empty relative distinguished name', { subject: sequence(element(TAG.set)) }],
  ['an empty list of alternative names', { names: [] }],
  ['an alternative name beyond ASCII', { names: [contextPrimitive(2, utf8('exämple.com'))] }],
  ['a NUL in an alternative name', { names: [dns('example.com\0.evil.net')] }],
  ['an alternative name of an unknown form', { names: [contextPrimitive(9, utf8('x'))] }],
  ['an otherName without a value', { names: [context(0, oid('1.2.3'))] }],
  ['a key usage that permits nothing', plain(OID.keyUsage, fromHex('030100'))],
  ['a key usage with trailing zeros', plain(OID.keyUsage, fromHex('03020080'))],
  ['an empty extended key usage', plain(OID.extendedKeyUsage, sequence())],
  ['a path length without CA', plain(OID.basicConstraints, sequence(unsignedInteger(0)))],
  ['a negative path length', plain(OID.basicConstraints, sequence(boolean(true), fromHex('0201ff')))],
  ['CA FALSE written out', plain(OID.basicConstraints, sequence(boolean(false)))],
  ['trailing bytes in an extension', plain(OID.basicConstraints, concatBytes(sequence(boolean(true)), NULL))],
  ['name constraints that are empty', plain(OID.nameConstraints, sequence())],
  ['a list of constraints that is empty', plain(OID.nameConstraints, sequence(context(0)))],
  ['an authority key identifier with a serial number alone', aki(contextPrimitive(2, fromHex('01')))],
  ['an authority key identifier with an issuer alone', aki(context(1, dns('x')))],
  ['an authority key identifier with an empty issuer', aki(context(1), serialOfIssuer)],
  ['an authority key identifier with an empty serial', aki(context(1, dns('x')), contextPrimitive(2, NONE))],
  ['an authority information access that is no list', plain(OID.authorityInfoAccess, utf8('malformed'))],
  ['an authority information access that is empty', plain(OID.authorityInfoAccess, sequence())],
  ['a CRL distribution point without place', plain(OID.crlDistributionPoints, sequence(sequence()))],
  ['a CRL distribution point with an empty name', point(context(0, context(0)))],
  [
    'a CRL distribution point with malformed reasons',
    point(context(0, context(0, uri('x'))), contextPrimitive(1, NONE)),
  ],
  ['a CRL distribution point with an empty issuer', point(context(2))],
  ['a policy that stands twice', plain(OID.certificatePolicies, sequence(policy, policy))],
  ['policy constraints that are empty', plain(OID.policyConstraints, sequence())],
  ['an issuer alternative name that is none', plain(OID.issuerAltName, utf8('x'))],
];

describe('parseCertificate (RFC 5280 section 4)', () => {
  for (const [name, recipe] of malformed)
    it(`refuses ${name}`, () => {
      assert.throws(() => make(recipe), { code: 'ERR_CERTIFICATE' });
    });

  it('reads what is there', () => {
    const { certificate, signer } = make({
      subject: commonName('n1'),
      names: [dns('a.example'), uri('https://a.example/')],
      pathLenMax: 3,
    });
    assert.equal(certificate.version, 3);
    assert.equal(certificate.subject.text, 'CN=n1');
    assert.deepEqual(certificate.spki, signer.spki);
    assert.deepEqual(certificate.extensions.basicConstraints, { isCa: true, pathLenMax: 3 });
    assert.deepEqual(certificate.extensions.subjectAltName, [
      { tag: 'dns', value: 'a.example' },
      { tag: 'uri', value: 'https://a.example/' },
    ]);
    assert.equal(certificate.fingerprintHex, sha256(certificate.der).toHex());
    assert.equal(certificate.keyHash, sha256(signer.spki).toHex());
    assert.equal(certificate.isSelfIssued, true);
  });

  it('reads the odd but allowed', () => {
    const odd: readonly Recipe[] = [
      attribute(TAG.teletexString, fromHex('e4')),
      attribute(TAG.bmpString, fromHex('00410042')),
      attribute(TAG.universalString, fromHex('0001f600')),
      { subject: sequence(setOf(sequence(oid('2.5.4.45'), element(TAG.bitString, fromHex('00'))))) },
      plain(
        OID.certificatePolicies,
        sequence(
          sequence(oid('1.2.3'), sequence(sequence(oid('1.3.6.1.5.5.7.2.1'), text(TAG.ia5String, 'https://x')))),
        ),
      ),
      plain(OID.crlDistributionPoints, sequence(sequence(context(0, context(0, uri('http://x/crl')))))),
      { notAfter: text(TAG.generalizedTime, '99991231235959Z') },
      { notAfter: text(TAG.generalizedTime, '20300101000000Z') },
      aki(contextPrimitive(0, fromHex('00')), context(1, dns('x')), serialOfIssuer),
      point(context(0, context(0, uri('x'))), contextPrimitive(1, fromHex('0640')), context(2, dns('x'))),
      point(context(2, dns('x'))),
      { uniqueIds: [contextPrimitive(1, fromHex('0000')), contextPrimitive(2, fromHex('0000'))] },
      { ...BARE, version: NONE },
    ];
    for (const recipe of odd) assert.ok(make(recipe).certificate);
  });

  it('owns its bytes: changing the input later changes nothing', () => {
    const original = make().certificate;
    const buffer = Buffer.from(original.der);
    const certificate = parseCertificate(buffer);
    buffer.fill(0);
    assert.deepEqual(certificate.der, original.der);
    assert.deepEqual(certificate.tbs, original.tbs);
    assert.deepEqual(certificate.spki, original.spki);
  });

  it('refuses trailing bytes, cut bytes and more than the caller allows', () => {
    const { der } = make().certificate;
    for (const bytes of [concatBytes(der, NULL), der.subarray(0, -1), new Uint8Array(0)])
      assert.throws(() => parseCertificate(bytes), { code: 'ERR_CERTIFICATE' });
    assert.throws(() => parseCertificate(der, der.length - 1), { code: 'ERR_CERTIFICATE', message: /longer/ });
  });

  it('refuses a key that is no SubjectPublicKeyInfo', () => {
    const { der } = make().certificate;
    const spki = fromHex('302a300506032b6570032100');
    const at = der.findIndex((_, i) => spki.every((byte, j) => der[i + j] === byte));
    const broken = der.slice();
    broken[at + 9] = contextTag(3, 'primitive');
    assert.throws(() => parseCertificate(broken), { code: 'ERR_CERTIFICATE' });
  });

  it('reads chains in PEM, in order', () => {
    const [a, b] = [make().certificate, make().certificate];
    const pem = encodePem('CERTIFICATE', a.der) + encodePem('CERTIFICATE', b.der);
    assert.deepEqual(
      parseCertificatesPem(pem).map(({ serial }) => serial),
      [a.serial, b.serial],
    );
  });
});

describe('serial numbers as people write them', () => {
  it('are compared without case, colons and leading zeros', () => {
    assert.equal(parseSerial('f'.repeat(40)), 'f'.repeat(40));
    for (const written of ['0A:bC:01', 'abc01', '0000ABC01']) assert.equal(parseSerial(written), 'abc01');
    for (const written of ['', '0', '00:00', 'xyz', '-1', 'a'.repeat(41), '0x1'])
      assert.throws(() => parseSerial(written), { code: 'ERR_INPUT' }, written);
  });

  it('are the same as those of the certificate', () => {
    const { certificate } = make({ serial: fromHex('02020080') });
    assert.equal(certificate.serial, '80');
    assert.equal(make({ serial: fromHex('020105') }).certificate.serial, '5');
  });
});

import { fromHex } from '../../../../src/base/bytes.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import {
  context,
  contextPrimitive,
  element,
  ia5String,
  NULL,
  octetString,
  oid,
  sequence,
  unsignedInteger,
  utf8String,
} from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { commonName, directory, dns, extensionOf, uri } from '../../../support/make-certificate.ts';
import { anchored, type Cases, critical, ext, leaf, more, under, without } from './builder.ts';

const keyId = contextPrimitive(0, fromHex('00'.repeat(20)));
const issuerAnd = (...rest: readonly Uint8Array[]) => sequence(context(1, directory(commonName('x'))), ...rest);
const serial = contextPrimitive(2, fromHex('05'));
const { authorityKeyIdentifier: AKI, subjectKeyIdentifier: SKI } = OID;

export const KEY_IDENTIFIERS: Cases = [
  ['AKI absent in the leaf', false, leaf(without(AKI))],
  ['AKI absent in the intermediate', false, under(without(AKI))],
  ['AKI absent in the root', true, anchored(without(AKI))],
  ['AKI of another key', true, leaf(ext(AKI, sequence(keyId)))],
  ['AKI without a key', false, leaf(ext(AKI, sequence()))],
  ['AKI with issuer and serial alone', false, leaf(ext(AKI, issuerAnd(serial)))],
  ['AKI with all', true, leaf(ext(AKI, sequence(keyId, context(1, directory(commonName('x'))), serial)))],
  ['AKI with an issuer and no serial', false, leaf(ext(AKI, sequence(keyId, context(1, directory(commonName('x'))))))],
  ['AKI with a serial and no issuer', false, leaf(ext(AKI, sequence(keyId, serial)))],
  ['AKI critical', false, leaf(critical(AKI, sequence(keyId)))],
  ['AKI malformed', false, leaf(ext(AKI, keyId))],
  ['AKI of itself in the root', true, anchored(ext(AKI, sequence(keyId)))],
  ['AKI critical in the root', false, anchored(critical(AKI, sequence(keyId)))],
  ['SKI absent in the leaf', true, leaf(without(SKI))],
  ['SKI absent in the intermediate', false, under(without(SKI))],
  ['SKI absent in the root', false, anchored(without(SKI))],
  ['SKI critical in the leaf', false, leaf(critical(SKI, octetString(fromHex('00'))))],
  ['SKI critical in the intermediate', false, under(critical(SKI, octetString(fromHex('00'))))],
  ['SKI critical in the root', false, anchored(critical(SKI, octetString(fromHex('00'))))],
  ['SKI malformed', false, leaf(ext(SKI, sequence()))],
  ['SKI of any octets', true, under(ext(SKI, octetString(fromHex('0102'))))],
];

const unknown = (isCritical: boolean) => more(extensionOf('1.3.6.1.4.1.55555.1', NULL, isCritical));
const policy = (...qualifiers: readonly Uint8Array[]) =>
  sequence(sequence(oid('1.2.3.4'), ...(qualifiers.length === 0 ? [] : [sequence(...qualifiers)])));
const cps = sequence(oid('1.3.6.1.5.5.7.2.1'), ia5String('http://example.com/cps'));
const notice = sequence(oid('1.3.6.1.5.5.7.2.2'), sequence(utf8String('hello')));
const strange = sequence(oid('1.2.3.5'), NULL);
const point = (...parts: readonly Uint8Array[]) => ext(OID.crlDistributionPoints, sequence(sequence(...parts)));
const access = (...parts: readonly Uint8Array[]) => sequence(sequence(...parts));
const place = context(0, context(0, uri('http://example.com/crl')));

export const OTHER_EXTENSIONS: Cases = [
  ['unknown', true, leaf(unknown(false))],
  ['unknown and critical', false, leaf(unknown(true))],
  ['unknown and critical in the intermediate', false, under(unknown(true))],
  ['unknown and critical in the root', false, anchored(unknown(true))],
  ['issuer names', true, leaf(ext(OID.issuerAltName, sequence(dns('example.com'))))],
  ['issuer names, none', false, leaf(ext(OID.issuerAltName, sequence()))],
  [
    'information access',
    true,
    leaf(ext(OID.authorityInfoAccess, access(oid('1.3.6.1.5.5.7.48.1'), uri('http://a.example')))),
  ],
  [
    'information access, critical',
    false,
    leaf(critical(OID.authorityInfoAccess, access(oid('1.3.6.1.5.5.7.48.1'), uri('http://a.example')))),
  ],
  ['information access, none', false, leaf(ext(OID.authorityInfoAccess, sequence()))],
  ['information access without a place', false, leaf(ext(OID.authorityInfoAccess, access(oid('1.3.6.1.5.5.7.48.1'))))],
  [
    'subject information access, critical',
    false,
    under(critical(OID.subjectInfoAccess, access(oid('1.3.6.1.5.5.7.48.5'), uri('http://a.example')))),
  ],
  ['distribution points', true, leaf(point(place))],
  ['distribution points, critical', true, leaf(critical(OID.crlDistributionPoints, sequence(sequence(place))))],
  ['a distribution point with reasons alone', false, leaf(point(contextPrimitive(1, fromHex('0640'))))],
  ['a distribution point with nothing', false, leaf(point())],
  ['distribution points, none', false, leaf(ext(OID.crlDistributionPoints, sequence()))],
  ['freshest CRL', true, leaf(ext(OID.freshestCrl, sequence(sequence(place))))],
  ['freshest CRL, critical', false, leaf(critical(OID.freshestCrl, sequence(sequence(place))))],
  ['freshest CRL, malformed', false, leaf(ext(OID.freshestCrl, sequence(NULL)))],
  ['a policy', true, leaf(ext(OID.certificatePolicies, policy()))],
  ['a policy, critical', true, leaf(critical(OID.certificatePolicies, policy()))],
  [
    'a policy twice',
    false,
    leaf(ext(OID.certificatePolicies, sequence(sequence(oid('1.2.3.4')), sequence(oid('1.2.3.4'))))),
  ],
  ['no policy', false, leaf(ext(OID.certificatePolicies, sequence()))],
  ['qualifiers', true, leaf(ext(OID.certificatePolicies, policy(cps, notice)))],
  ['qualifiers, critical', true, leaf(critical(OID.certificatePolicies, policy(cps, notice)))],
  ['an unknown qualifier', true, leaf(ext(OID.certificatePolicies, policy(strange)))],
  ['an unknown qualifier, critical', false, leaf(critical(OID.certificatePolicies, policy(strange)))],
  [
    'an unknown qualifier of anyPolicy',
    false,
    leaf(ext(OID.certificatePolicies, sequence(sequence(oid(OID.anyPolicy), sequence(strange))))),
  ],
  [
    'an empty list of qualifiers',
    false,
    leaf(ext(OID.certificatePolicies, sequence(sequence(oid('1.2.3.4'), sequence())))),
  ],
  ['a malformed qualifier', false, leaf(ext(OID.certificatePolicies, policy(sequence())))],
  [
    'a qualifier that is no URI',
    false,
    leaf(ext(OID.certificatePolicies, policy(sequence(oid('1.3.6.1.5.5.7.2.1'), NULL)))),
  ],
  [
    'directory attributes',
    true,
    leaf(ext(OID.subjectDirectoryAttributes, sequence(sequence(oid('1.2.3.4'), element(TAG.set, NULL))))),
  ],
  [
    'directory attributes, critical',
    false,
    leaf(critical(OID.subjectDirectoryAttributes, sequence(sequence(oid('1.2.3.4'), element(TAG.set, NULL))))),
  ],
  [
    'policy constraints in the leaf, not critical',
    false,
    leaf(ext(OID.policyConstraints, sequence(contextPrimitive(0, fromHex('05'))))),
  ],
  ['policy constraints, empty', false, under(critical(OID.policyConstraints, sequence()))],
  ['inhibit anyPolicy, not critical', false, under(ext(OID.inhibitAnyPolicy, unsignedInteger(0)))],
  ['inhibit anyPolicy, negative', false, under(critical(OID.inhibitAnyPolicy, element(TAG.integer, fromHex('ff'))))],
  [
    'name constraints in the leaf',
    false,
    leaf(critical(OID.nameConstraints, sequence(context(0, sequence(dns('example.com')))))),
  ],
  [
    'a list of extensions twice as long as any',
    true,
    leaf(more(...Array.from({ length: 40 }, (_, i) => extensionOf(`1.2.3.${i}`, NULL)))),
  ],
];

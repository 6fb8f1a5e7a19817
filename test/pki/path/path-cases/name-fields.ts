import { compareBytes, fromHex, utf8 } from '../../../../src/base/bytes.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import { boolean, element, NULL, oid, sequence, setOf, unsignedInteger } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { commonName, directory, dns, extensionOf } from '../../../support/make-certificate.ts';
import { anchored, ca, type Cases, cn, leaf, leafOf, more, org, rdn, root, under, without, NAMES } from './builder.ts';

const san = (isCritical: boolean, ...names: readonly Uint8Array[]) =>
  extensionOf(OID.subjectAltName, sequence(...names), isCritical);
const sans = (isCritical: boolean, ...names: readonly Uint8Array[]) => ({
  extensions: { [OID.subjectAltName]: san(isCritical, ...names) },
});
const nameless = { subject: sequence() };

/** A CA and a leaf that spells its name in another way. */
const spelled = (subject: Uint8Array, issuerName: Uint8Array) => () => {
  const issuer = ca({ subject });
  return { leaf: leafOf(issuer, { issuerName }).der, untrusted: [issuer.der], anchors: [root.der] };
};

const O = sequence(oid(OID.organization), element(TAG.utf8String, utf8('Fleet')));
const CN = sequence(oid(OID.commonName), element(TAG.utf8String, utf8('One')));
/** As {@link setOf}, in the order that DER forbids. */
const reversedSet = (...parts: readonly Uint8Array[]) =>
  element(TAG.set, ...[...parts].sort((a, b) => compareBytes(b, a)));

export const NAME_FIELDS: Cases = [
  ['leaf without a subject, names critical', true, leaf({ ...nameless, ...sans(true, ...NAMES) })],
  ['leaf without a subject, names not critical', false, leaf({ ...nameless, ...sans(false, ...NAMES) })],
  ['leaf without a subject or names', false, leaf({ ...nameless, ...without(OID.subjectAltName) })],
  ['leaf with a subject, names critical', true, leaf(sans(true, ...NAMES))],
  ['leaf without names', true, leaf(without(OID.subjectAltName))],
  ['an empty list of names', false, leaf(sans(false))],
  ['leaf without an issuer', false, leaf({ issuerName: sequence() })],
  ['intermediate without a subject', false, under(nameless)],
  ['intermediate without a subject, names critical', false, under({ ...nameless, ...sans(true, ...NAMES) })],
  ['root without a name', false, anchored(nameless)],
  ['an empty RDN', false, leaf({ subject: sequence(setOf()) })],
  ['an empty value', false, leaf({ subject: commonName('') })],
  ['a NUL in a value', false, leaf({ subject: commonName('a\u0000b') })],
  ['a number for a name', false, leaf({ subject: sequence(setOf(sequence(oid(OID.commonName), unsignedInteger(1)))) })],
  [
    'a number for an attribute that nobody knows',
    true,
    leaf({ subject: sequence(setOf(sequence(oid('1.2.3.4'), unsignedInteger(1)))) }),
  ],
  ['the issuer in other case', true, spelled(sequence(org('Fleet One')), sequence(org('FLEET one')))],
  ['the issuer with more spaces', true, spelled(sequence(org('Fleet One')), sequence(org('  Fleet   One ')))],
  [
    'the issuer as another string type',
    true,
    spelled(sequence(org('Fleet One')), sequence(org('Fleet One', TAG.printableString))),
  ],
  ['the issuer in another order', false, spelled(sequence(org('Fleet'), cn('One')), sequence(cn('One'), org('Fleet')))],
  ['the issuer as another attribute', false, spelled(sequence(org('Fleet')), sequence(cn('Fleet')))],
  ['the issuer with one RDN less', false, spelled(sequence(org('Fleet'), cn('One')), sequence(org('Fleet')))],
  [
    'the issuer as one RDN of two',
    false,
    spelled(
      sequence(org('Fleet'), cn('One')),
      sequence(
        setOf(
          sequence(oid(OID.organization), element(TAG.utf8String, utf8('Fleet'))),
          sequence(oid(OID.commonName), element(TAG.utf8String, utf8('One'))),
        ),
      ),
    ),
  ],
  ['two attributes in one RDN, in order', true, leaf({ subject: sequence(setOf(O, CN)) })],
  ['two attributes in one RDN, out of order', false, leaf({ subject: sequence(reversedSet(O, CN)) })],
  [
    'two attributes in one RDN, out of order, in the intermediate',
    false,
    under({ subject: sequence(reversedSet(O, CN)) }),
  ],
  ['an attribute twice in one RDN', false, leaf({ subject: sequence(setOf(CN, CN)) })],
  ['an RDN out of order among the names', false, leaf({ names: [directory(sequence(reversedSet(O, CN)))] })],
  [
    'a name of many attributes',
    true,
    leaf({ subject: sequence(...Array.from({ length: 20 }, (_, i) => rdn(OID.organizationalUnit, `u${i}`))) }),
  ],
  ['a directory name among the names', true, leaf({ names: [directory(commonName('x')), dns('example.com')] })],
];

export const DUPLICATES: Cases = [
  ['key usage twice', false, leaf(more(extensionOf(OID.keyUsage, element(TAG.bitString, fromHex('0780')), true)))],
  ['names twice', false, leaf(more(san(false, dns('example.com'))))],
  ['an unknown one twice', false, leaf(more(extensionOf('1.2.3.4', NULL), extensionOf('1.2.3.4', NULL)))],
  ['twice in the intermediate', false, under(more(extensionOf('1.2.3.4', NULL), extensionOf('1.2.3.4', NULL)))],
  ['twice in the root', false, anchored(more(extensionOf('1.2.3.4', NULL), extensionOf('1.2.3.4', NULL)))],
  ['critical written as false', false, leaf(more(sequence(oid('1.2.3.4'), boolean(false), element(TAG.octetString))))],
  ['critical as BER true', false, leaf(more(sequence(oid('1.2.3.4'), fromHex('010101'), element(TAG.octetString))))],
];

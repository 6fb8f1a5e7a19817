import { fromHex, utf8 } from '../../../../src/base/bytes.ts';
import { after, type UnixMs } from '../../../../src/base/time.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import {
  bitString,
  context,
  contextPrimitive,
  element,
  NULL,
  oid,
  sequence,
  time,
  unsignedInteger,
} from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { extensionOf } from '../../../support/make-certificate.ts';
import { anchored, AT, type Cases, key, leaf, leafOf, root, under, without } from './builder.ts';

const integer = (hex: string) => element(TAG.integer, fromHex(hex));
const utc = (text: string) => element(TAG.utcTime, utf8(text));
const generalized = (text: string) => element(TAG.generalizedTime, utf8(text));
const second = (n: number) => time(after(AT, n * 1_000));
const atYear = (year: number, month = 0) => ({ at: Date.UTC(year, month, 15) as UnixMs });
const long = { notBefore: utc('500101000000Z'), notAfter: generalized('99991231235959Z') };
const V1 = { version: new Uint8Array(0) };
const V2 = { version: context(0, unsignedInteger(1)) };
const STANDARD = [OID.basicConstraints, OID.keyUsage, OID.subjectKeyIdentifier, OID.authorityKeyIdentifier];
const BARE = without(...STANDARD, OID.subjectAltName);
const SHA256_ECDSA = sequence(oid(OID.ecdsaWithSha256));

export const SERIALS: Cases = [
  ['one', true, leaf({ serial: integer('01') })],
  ['zero', false, leaf({ serial: integer('00') })],
  ['negative', false, leaf({ serial: integer('ff') })],
  ['minus 128', false, leaf({ serial: integer('80') })],
  ['20 octets', true, leaf({ serial: integer(`7f${'ab'.repeat(19)}`) })],
  ['20 octets with a sign octet', false, leaf({ serial: integer(`00${'ab'.repeat(20)}`) })],
  ['21 octets', false, leaf({ serial: integer(`7f${'ab'.repeat(20)}`) })],
  ['padded', false, leaf({ serial: integer('0001') })],
  ['empty', false, leaf({ serial: integer('') })],
  ['zero in the intermediate', false, under({ serial: integer('00') })],
  ['negative in the intermediate', false, under({ serial: integer('80') })],
  ['too long in the intermediate', false, under({ serial: integer('7f'.repeat(21)) })],
  ['zero in the root', false, anchored({ serial: integer('00') })],
  ['too long in the root', false, anchored({ serial: integer('7f'.repeat(21)) })],
  ['the same twice', true, under({ serial: integer('05') }, { serial: integer('05') })],
];

export const DATES: Cases = [
  ['first second', true, leaf({ notBefore: second(0) })],
  ['before the first second', false, leaf({ notBefore: second(1) })],
  ['last second', true, leaf({ notAfter: second(0) })],
  ['behind the last second', false, leaf({ notAfter: second(-1) })],
  ['intermediate expired', false, under({ notAfter: second(-1) })],
  ['intermediate not yet valid', false, under({ notBefore: second(1) })],
  ['root expired', false, anchored({ notAfter: second(-1) })],
  ['root not yet valid', false, anchored({ notBefore: second(1) })],
  ['all outlived by the leaf', true, under({ notAfter: second(0) }, long)],
  ['begins after it ends', false, leaf({ notBefore: second(1), notAfter: second(-1) })],
  ['for ever', true, leaf({ notAfter: generalized('99991231235959Z') })],
  ['GeneralizedTime from 2050', true, leaf({ notAfter: generalized('20500101000000Z') })],
  ['GeneralizedTime before 2050', true, leaf({ notAfter: generalized('20491231235959Z') })],
  ['GeneralizedTime for the beginning (PKITS 4.2.4)', true, leaf({ notBefore: generalized('20020101120100Z') })],
  ['GeneralizedTime of the intermediate', true, under({ notBefore: generalized('20020101120100Z') })],
  ['GeneralizedTime before 2050, begun tomorrow', false, leaf({ notBefore: generalized('20491231000000Z') })],
  ['GeneralizedTime before 2050, over', false, leaf({ notAfter: generalized('20020101120100Z') })],
  ['GeneralizedTime before 2050 with a fraction', false, leaf({ notAfter: generalized('20491231235959.5Z') })],
  ['GeneralizedTime before 2050 with an offset', false, leaf({ notAfter: generalized('20491231235959+0000') })],
  ['GeneralizedTime before 2050 without seconds', false, leaf({ notAfter: generalized('204912312359Z') })],
  ['UTCTime of 49', true, leaf({ notAfter: utc('491231235959Z') })],
  ['UTCTime of 50 is 1950', false, leaf({ notBefore: utc('500101000000Z'), notAfter: utc('501231235959Z') })],
  ['UTCTime of 50 begins', true, leaf({ notBefore: utc('500101000000Z') })],
  ['UTCTime without seconds', false, leaf({ notAfter: utc('3501010000Z') })],
  ['UTCTime with an offset', false, leaf({ notAfter: utc('350101000000+0000') })],
  ['UTCTime without Z', false, leaf({ notAfter: utc('350101000000') })],
  ['GeneralizedTime with a fraction', false, leaf({ notAfter: generalized('20500101000000.5Z') })],
  ['GeneralizedTime with an offset', false, leaf({ notAfter: generalized('20500101000000+0000') })],
  ['GeneralizedTime without seconds', false, leaf({ notAfter: generalized('205001010000Z') })],
  ['a 31st of April', false, leaf({ notAfter: utc('350431000000Z') })],
  ['a 29th of February of a year without', false, leaf({ notAfter: utc('350229000000Z') })],
  ['a 29th of February', true, leaf({ notAfter: utc('360229000000Z') })],
  ['a 13th month', false, leaf({ notAfter: utc('351301000000Z') })],
  ['hour 24', false, leaf({ notAfter: utc('350101240000Z') })],
  ['second 60', false, leaf({ notAfter: utc('350101000060Z') })],
  ['spaces for digits', false, leaf({ notAfter: utc('35 1 1000000Z') })],
  ['empty', false, leaf({ notAfter: utc('') })],
  ['an integer', false, leaf({ notAfter: unsignedInteger(1) })],
  ['in the year 2060', true, () => ({ ...anchored(long, long)(), ...atYear(2060) })],
  ['in the year 9999', true, () => ({ ...anchored(long, long)(), ...atYear(9999) })],
  ['in the year 1990', true, () => ({ ...anchored(long, long)(), ...atYear(1990) })],
];

export const VERSIONS: Cases = [
  ['leaf of version 1', false, leaf({ ...V1, ...BARE })],
  ['leaf of version 1 with extensions', false, leaf(V1)],
  ['leaf of version 2', false, leaf({ ...V2, ...BARE })],
  ['leaf of version 2 with extensions', false, leaf(V2)],
  ['version 1 written out', false, leaf({ version: context(0, unsignedInteger(0)), ...BARE })],
  ['version 4', false, leaf({ version: context(0, unsignedInteger(3)) })],
  ['version -1', false, leaf({ version: context(0, integer('ff')) })],
  ['intermediate of version 1', false, under({ ...V1, ...BARE })],
  ['intermediate of version 2', false, under({ ...V2, ...BARE })],
  ['root of version 1 with extensions', false, anchored(V1)],
  ['version 3 without extensions', false, leaf(BARE)],
  [
    'unique identifiers',
    true,
    leaf({ uniqueIds: [contextPrimitive(1, fromHex('0001')), contextPrimitive(2, fromHex('0002'))] }),
  ],
  [
    'unique identifiers in the wrong order',
    false,
    leaf({ uniqueIds: [contextPrimitive(2, fromHex('0001')), contextPrimitive(1, fromHex('0002'))] }),
  ],
  ['an empty list of extensions', false, leaf({ ...BARE, uniqueIds: [context(3, sequence())] })],
  [
    'something behind the extensions',
    false,
    leaf({
      ...BARE,
      uniqueIds: [
        context(3, sequence(extensionOf(OID.subjectKeyIdentifier, element(TAG.octetString, fromHex('00'))))),
        NULL,
      ],
    }),
  ],
];

const rsaLike = sequence(oid(OID.sha256WithRsa), NULL);
const rsaNumbers = sequence(unsignedInteger(0xf1), unsignedInteger(3));
const explicitCurve = sequence(
  sequence(oid(OID.ecPublicKey), sequence(unsignedInteger(1))),
  bitString(new Uint8Array(65).fill(4)),
);

export const SIGNATURES: Cases = [
  ['the two algorithms differ', false, leaf({ innerAlgorithm: sequence(oid(OID.ecdsaWithSha384)) })],
  ['the outer algorithm differs', false, leaf({ outerAlgorithm: sequence(oid(OID.ecdsaWithSha512)) })],
  ['NULL inside, nothing outside', false, leaf({ innerAlgorithm: sequence(oid(OID.ecdsaWithSha256), NULL) })],
  [
    'NULL in both',
    false,
    leaf({
      innerAlgorithm: sequence(oid(OID.ecdsaWithSha256), NULL),
      outerAlgorithm: sequence(oid(OID.ecdsaWithSha256), NULL),
    }),
  ],
  ['RSA for a key of P-256', false, leaf({ innerAlgorithm: rsaLike, outerAlgorithm: rsaLike })],
  [
    'SHA-384 named, SHA-256 used',
    false,
    leaf({ innerAlgorithm: sequence(oid(OID.ecdsaWithSha384)), outerAlgorithm: sequence(oid(OID.ecdsaWithSha384)) }),
  ],
  [
    'an unknown algorithm',
    false,
    leaf({ innerAlgorithm: sequence(oid('1.2.3.4')), outerAlgorithm: sequence(oid('1.2.3.4')) }),
  ],
  [
    'by another key',
    false,
    () => ({ leaf: leafOf({ subject: root.subject, signer: key() }).der, anchors: [root.der] }),
  ],
  ['one bit of the leaf changed', false, () => ({ leaf: flipped(leafOf(root).der, -70), anchors: [root.der] })],
  ['the signature changed', false, () => ({ leaf: flipped(leafOf(root).der, -1), anchors: [root.der] })],
  ['a signature of odd bits', false, () => ({ leaf: oddBits(leafOf(root).der), anchors: [root.der] })],
  ['root with a broken signature', true, () => ({ leaf: leafOf(root).der, anchors: [flipped(root.der, -1)] })],
  [
    'a key that nobody knows in the leaf',
    true,
    leaf({ spki: sequence(sequence(oid('1.2.3.4')), bitString(fromHex('00'))) }),
  ],
  ['explicit curve parameters in the intermediate', false, under({ spki: explicitCurve })],
  [
    'a key that is no key in the intermediate',
    false,
    under({ spki: sequence(SHA256_ECDSA, bitString(fromHex('00'))) }),
  ],
  [
    'a curve without a name in the leaf',
    false,
    leaf({ spki: sequence(sequence(oid(OID.ecPublicKey)), bitString(fromHex('04'))) }),
  ],
  ['explicit curve parameters in the leaf', false, leaf({ spki: explicitCurve })],
  [
    'an RSA key without NULL in the leaf',
    false,
    leaf({ spki: sequence(sequence(oid(OID.rsaEncryption)), bitString(rsaNumbers)) }),
  ],
  [
    'an RSA key in the leaf, however weak',
    true,
    leaf({ spki: sequence(sequence(oid(OID.rsaEncryption), NULL), bitString(rsaNumbers)) }),
  ],
  [
    'an RSA key that is none in the leaf',
    false,
    leaf({ spki: sequence(sequence(oid(OID.rsaEncryption), NULL), bitString(fromHex('00'))) }),
  ],
  [
    'an Ed25519 key with parameters in the leaf',
    false,
    leaf({ spki: sequence(sequence(oid(OID.ed25519), NULL), bitString(new Uint8Array(32))) }),
  ],
  ['trailing bytes', false, () => ({ leaf: Uint8Array.from([...leafOf(root).der, 0]), anchors: [root.der] })],
  ['cut short', false, () => ({ leaf: leafOf(root).der.slice(0, -1), anchors: [root.der] })],
];

function flipped(der: Uint8Array, at: number): Uint8Array {
  const copy = der.slice();
  const index = copy.length + at;
  copy[index] = (copy[index] as number) ^ 1;
  return copy;
}

/** The BIT STRING of the signature says that one bit of its last octet is unused. */
function oddBits(der: Uint8Array): Uint8Array {
  const copy = der.slice();
  for (let at = copy.length - 60; at > 0; at--)
    if (copy[at] === 0x03 && copy[at + 2] === 0x00 && at + 2 + (copy[at + 1] as number) === copy.length) {
      copy[at + 2] = 1;
      return copy;
    }
  throw new Error('no signature found');
}

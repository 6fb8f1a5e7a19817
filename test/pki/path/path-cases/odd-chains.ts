import { fromHex } from '../../../../src/base/bytes.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import {
  boolean,
  contextPrimitive,
  element,
  NULL,
  octetString,
  oid,
  sequence,
  unsignedInteger,
} from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { commonName, extensionOf, type Recipe, type Unread } from '../../../support/make-certificate.ts';
import {
  anchored,
  ca,
  type Cases,
  chain,
  critical,
  expired,
  ext,
  forge,
  fresh,
  leaf,
  leafOf,
  more,
  named,
  noHint,
  parts,
  root,
  twin,
  under,
} from './builder.ts';

const YES = boolean(true);
const bytes = (n: number, first: number) =>
  element(TAG.integer, Uint8Array.from([first, ...new Array<number>(n - 1).fill(0)]));
const over = (recipe: Recipe): Unread => ca({ ...named('over'), ...recipe });

/** Fields and extensions as no issuer should write them. */
export const ODD_FIELDS: Cases = [
  ['serial number of 20 octets, the first bit set', false, leaf({ serial: bytes(20, 0x80) })],
  ['serial number of 20 octets', true, leaf({ serial: bytes(20, 0x7f) })],
  [
    'serial number of 21 octets, the first empty',
    false,
    leaf({ serial: element(TAG.integer, Uint8Array.from([0, 0xff, ...new Array<number>(19).fill(0)])) }),
  ],
  ['serial number zero in the intermediate', false, under({ serial: unsignedInteger(0) })],
  ['serial number zero in the root', false, anchored({ serial: unsignedInteger(0) })],
  [
    'an extension of the intermediate twice, equal',
    false,
    under(more(extensionOf('1.2.3.4', NULL), extensionOf('1.2.3.4', NULL))),
  ],
  [
    'basic constraints twice, the second no CA',
    false,
    under(more(extensionOf(OID.basicConstraints, sequence(), true))),
  ],
  ['key usage twice', false, leaf(more(extensionOf(OID.keyUsage, fromHex('03020780'), true)))],
  [
    'critical, and that it is said in another type',
    false,
    leaf(more(sequence(oid('1.2.3.4'), unsignedInteger(1), octetString(NULL)))),
  ],
  ['an extension without a value', false, leaf(more(sequence(oid('1.2.3.4'))))],
  ['an extension with two values', false, leaf(more(sequence(oid('1.2.3.4'), octetString(NULL), octetString(NULL))))],
  ['an OID with a padded arc', false, leaf(more(sequence(element(TAG.oid, fromHex('2a800304')), octetString(NULL))))],
  ['mappings, none', false, under(critical(OID.policyMappings, sequence()))],
  ['mappings in the leaf', true, leaf(critical(OID.policyMappings, sequence(sequence(oid('1.2.3'), oid('1.2.4')))))],
  [
    'inhibit anyPolicy of many digits',
    true,
    under(critical(OID.inhibitAnyPolicy, element(TAG.integer, fromHex('01'.repeat(20))))),
  ],
  [
    'policy constraints with a negative count',
    false,
    under(critical(OID.policyConstraints, sequence(contextPrimitive(0, fromHex('ff'))))),
  ],
  [
    'policy constraints out of order',
    false,
    under(
      critical(OID.policyConstraints, sequence(contextPrimitive(1, fromHex('00')), contextPrimitive(0, fromHex('00')))),
    ),
  ],
  [
    'a path length in an implicit tag',
    false,
    under(critical(OID.basicConstraints, sequence(YES, contextPrimitive(0, fromHex('00'))))),
  ],
  [
    'basic constraints with a length in the long form',
    false,
    under(critical(OID.basicConstraints, fromHex('3081030101ff'))),
  ],
  ['keyCertSign alone makes no CA', false, under({ isCa: false, ...critical(OID.keyUsage, fromHex('03020106')) })],
  ['a CA for a leaf that is used as a CA for another', true, chain([{}, {}], { isCa: true })],
];

/** Paths that are found, or not, among certificates that look alike. */
export const ODD_PATHS: Cases = [
  [
    'thirty of one name and many keys, the hint tells',
    true,
    () => {
      const many = Array.from({ length: 30 }, () => over({}));
      return parts(leafOf(many[17] as Unread), many);
    },
  ],
  [
    'eight of one name and many keys, no hint',
    true,
    () => {
      const many = Array.from({ length: 8 }, () => over({}));
      return parts(leafOf(many[5] as Unread, noHint), many);
    },
  ],
  [
    'a hint to a namesake that others forged',
    true,
    () => {
      const real = over({});
      const fake = forge({
        ...named('over'),
        isCa: true,
        ...ext(OID.subjectKeyIdentifier, octetString(fromHex('00'.repeat(20)))),
      });
      return parts(leafOf(real, noHint), [fake, real]);
    },
  ],
  [
    'two that certify each other, and neither a root',
    false,
    () => {
      const [a, b] = [named('a'), named('b')];
      const first = forge(a);
      const second = forge(b);
      return parts(leafOf(first), [twin(first, { issuer: second }), twin(second, { issuer: first })]);
    },
  ],
  [
    'two that certify each other, and one by the root',
    true,
    () => {
      const first = forge(named('a'));
      const second = forge(named('b'));
      return parts(leafOf(first), [twin(first, { issuer: second }), twin(second, { issuer: first }), twin(second)]);
    },
  ],
  [
    'a CA that certified itself beside its certificate',
    true,
    () => {
      const first = ca(named('a'));
      return parts(leafOf(first), [twin(first, { issuer: first }), first]);
    },
  ],
  [
    'the anchor certified by what it certified',
    true,
    () => {
      const first = ca(named('a'));
      return parts(leafOf(first), [twin(root, { issuer: first }), first]);
    },
  ],
  [
    'the way over the expired one first in line',
    true,
    () => {
      const first = ca(named('a'));
      return parts(leafOf(first), [twin(first, expired), twin(first, { pathLenMax: 0 })]);
    },
  ],
  [
    'the same key, another name',
    false,
    () => {
      const key = fresh();
      const real = ca({ subject: commonName('one'), key });
      return parts(leafOf(real), [ca({ subject: commonName('two'), key })]);
    },
  ],
  [
    'an anchor with a key of its own for each of two names',
    true,
    () => {
      const key = fresh();
      const one = forge({ subject: commonName('one'), key });
      return parts(leafOf(one), [], [forge({ subject: commonName('two'), key }), one]);
    },
  ],
  [
    'a renewal below a path length of 0, and a leaf',
    true,
    chain([{ ...named('r'), pathLenMax: 0 }, { subject: commonName('r') }]),
  ],
];

import { utf8 } from '../../../../src/base/bytes.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import { element, ia5String, oid, sequence, setOf } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { directory, dns, email, extensionOf } from '../../../support/make-certificate.ts';
import { type Cases, cn, org, rdn, under, constrained, within } from './builder.ts';

type DirectoryRow = readonly [base: Uint8Array, name: Uint8Array, isWithin: boolean, what: string];
const multi = (...pairs: readonly (readonly [string, string])[]) =>
  setOf(...pairs.map(([type, value]) => sequence(oid(type), element(TAG.utf8String, utf8(value)))));
const DIRECTORY_ROWS: readonly DirectoryRow[] = [
  [sequence(org('Fleet')), sequence(org('Fleet')), true, 'itself'],
  [sequence(org('Fleet')), sequence(org('Fleet'), cn('x')), true, 'below'],
  [sequence(org('Fleet'), cn('x')), sequence(org('Fleet')), false, 'above'],
  [sequence(org('Fleet')), sequence(org('Fleet', TAG.printableString), cn('x')), true, 'other string type'],
  [sequence(org('Fleet One')), sequence(org('FLEET   one '), cn('x')), true, 'case and space'],
  [sequence(org('Fleet')), sequence(cn('x'), org('Fleet')), false, 'other order'],
  [sequence(org('Fleet')), sequence(org('Fleets')), false, 'longer value'],
  [sequence(), sequence(org('Fleet')), true, 'empty'],
  [
    sequence(rdn(OID.country, 'DE', TAG.printableString)),
    sequence(rdn(OID.country, 'de', TAG.printableString), org('x')),
    true,
    'country in other case',
  ],
  [
    sequence(rdn(OID.domainComponent, 'example', TAG.ia5String)),
    sequence(rdn(OID.domainComponent, 'EXAMPLE', TAG.ia5String), cn('x')),
    true,
    'domain component in other case',
  ],
  [
    sequence(multi([OID.organization, 'a'], [OID.commonName, 'b'])),
    sequence(multi([OID.commonName, 'b'], [OID.organization, 'a'])),
    true,
    'RDN of two',
  ],
  [sequence(org('a')), sequence(multi([OID.organization, 'a'], [OID.commonName, 'b'])), false, 'half an RDN'],
  [sequence(org('STRASSE')), sequence(org('Straße')), true, 'sharp s'],
  [sequence(org('ΟΔΟΣ')), sequence(org('οδος')), true, 'final sigma'],
  [sequence(org('ı')), sequence(org('i')), false, 'dotless i'],
  [sequence(org('Fleet')), sequence(org('Fl\u00adeet')), true, 'soft hyphen'],
  [sequence(org('Fleet One')), sequence(org('Fleet\u00a0\u3000One')), true, 'other spaces'],
  [sequence(org('Fleet')), sequence(org('Ｆｌｅｅｔ')), true, 'full width'],
  [sequence(org('é')), sequence(org(`e${String.fromCodePoint(0x301)}`)), true, 'composed and not'],
];

const nameless = { subject: sequence() };
const asAlternative = (base: Uint8Array, name: Uint8Array, isPermitted: boolean) =>
  under(constrained(isPermitted ? [directory(base)] : [], isPermitted ? [] : [directory(base)]), {
    ...nameless,
    extensions: { [OID.subjectAltName]: extensionOf(OID.subjectAltName, sequence(directory(name)), true) },
  });

export const DIRECTORY_CONSTRAINTS: Cases = [
  ...DIRECTORY_ROWS.flatMap(([base, name, isWithin, what]) => [
    [`subject ${what}, permitted`, isWithin, within([directory(base)], [], null, name)] as const,
    [`subject ${what}, excluded`, !isWithin, within([], [directory(base)], null, name)] as const,
    [`alternative ${what}, permitted`, isWithin, asAlternative(base, name, true)] as const,
    [`alternative ${what}, excluded`, !isWithin, asAlternative(base, name, false)] as const,
  ]),
  [
    'subject within, alternative outside',
    false,
    within([directory(sequence(org('a')))], [], [directory(sequence(org('b')))], sequence(org('a'))),
  ],
  [
    'subject outside, alternative within',
    false,
    within([directory(sequence(org('a')))], [], [directory(sequence(org('a')))], sequence(org('b'))),
  ],
  [
    'no subject',
    true,
    under(constrained([directory(sequence(org('a')))]), {
      ...nameless,
      extensions: { [OID.subjectAltName]: extensionOf(OID.subjectAltName, sequence(dns('example.com')), true) },
    }),
  ],
];

const mail = (value: string) => sequence(setOf(sequence(oid(OID.emailAddress), ia5String(value))));
export const SUBJECT_MAIL: Cases = [
  ['within', true, within([email('example.com')], [], null, mail('a@example.com'))],
  ['outside', false, within([email('example.com')], [], null, mail('a@example.net'))],
  ['excluded', false, within([], [email('example.com')], null, mail('a@example.com'))],
  [
    'outside, with alternative names',
    true,
    within([email('example.com')], [], [dns('example.com')], mail('a@example.net')),
  ],
  [
    'beside others',
    false,
    within(
      [email('example.com')],
      [],
      null,
      sequence(org('x'), setOf(sequence(oid(OID.emailAddress), ia5String('a@example.net')))),
    ),
  ],
];

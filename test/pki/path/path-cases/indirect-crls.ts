import { type Bytes, fromHex } from '../../../../src/base/bytes.ts';
import { contextTag, TAG } from '../../../../src/codec/der-tag.ts';
import { context, element, oid, sequence, unsignedInteger, utf8String } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import {
  commonName,
  directory,
  dns,
  extensionOf,
  type Recipe,
  type Unread,
} from '../../../support/make-certificate.ts';
import { ca, type Cases, critical, days, expired, forge, leafOf, named, parts, type Parts, root } from './builder.ts';
import {
  direct,
  entry,
  flag,
  HERE,
  idp,
  type List,
  list,
  place,
  pointed,
  reasons,
  revoked,
  SERIAL,
  SERIAL_OF_CA,
  THERE,
} from './lists.ts';

const crlIssuer = (...names: readonly Bytes[]) => context(2, ...names.map((name) => directory(name)));
const attribute = (text: string) => sequence(oid(OID.commonName), utf8String(text));
/** `nameRelativeToCRLIssuer`. */
const relative = (text: string) => context(0, context(1, attribute(text)));
const below1 = (base: Bytes, text: string) => {
  const rdns = base.subarray(2);
  return context(0, context(0, directory(sequence(rdns, element(TAG.set, attribute(text))))));
};
const issuedBy = (name: Bytes, isCritical = true) =>
  extensionOf(OID.certificateIssuer, sequence(directory(name)), isCritical);
const INDIRECT = idp(flag(4));
const X = commonName('x');

/** A leaf of `by`, whose point names who signs its lists; and lists of theirs. */
interface Setting {
  /** Who signs the lists; a CA under the root where nothing is said. */
  readonly signer?: (by: Unread) => Unread;
  readonly point?: Recipe;
  readonly lists: (x: Unread, by: Unread) => readonly List[];
  readonly beside?: (by: Unread) => readonly Unread[];
}

const delegated =
  ({ signer = () => ca(named('x')), point = pointed(crlIssuer(X)), lists, beside = () => [] }: Setting) =>
  (): Parts => {
    const by = ca(named('by', { serial: SERIAL_OF_CA }));
    const x = signer(by);
    return parts(leafOf(by, { serial: SERIAL, ...point }), [by, x, ...beside(by)], [root], {
      crls: lists(x, by).map(list),
    });
  };
const by = commonName('by');
const silent: Setting['lists'] = (x) => [{ by: x, extensions: INDIRECT }];
const listing =
  (...entries: readonly Bytes[]): Setting['lists'] =>
  (x) => [{ by: x, extensions: INDIRECT, entries }];
const other = unsignedInteger(0x99);
const forLists = critical(OID.keyUsage, element(TAG.bitString, fromHex('0102')));

export const INDIRECT_CRLS: Cases = [
  ['not listed', true, delegated({ lists: silent })],
  ['listed', false, delegated({ lists: listing(entry(SERIAL, issuedBy(by))) })],
  [
    'listed, the name of its issuer in other case',
    false,
    delegated({ lists: listing(entry(SERIAL, issuedBy(commonName('BY')))) }),
  ],
  [
    'the serial number of another issuer',
    true,
    delegated({ lists: listing(entry(SERIAL, issuedBy(commonName('other')))) }),
  ],
  ['the serial number of the issuer of the list', true, delegated({ lists: listing(entry(SERIAL)) })],
  [
    'listed behind another of the same issuer',
    false,
    delegated({ lists: listing(entry(other, issuedBy(by)), entry(SERIAL)) }),
  ],
  [
    'listed behind one of another issuer',
    true,
    delegated({ lists: listing(entry(other, issuedBy(by)), entry(SERIAL, issuedBy(commonName('other')))) }),
  ],
  [
    'listed between those of another issuer',
    false,
    delegated({
      lists: listing(
        entry(SERIAL, issuedBy(commonName('other'))),
        entry(SERIAL, issuedBy(by)),
        entry(SERIAL, issuedBy(X)),
      ),
    }),
  ],
  ['listed twice', false, delegated({ lists: listing(entry(other, issuedBy(by)), entry(other)) })],
  [
    'one serial number of two issuers',
    true,
    delegated({ lists: listing(entry(other, issuedBy(by)), entry(other, issuedBy(X))) }),
  ],
  ['the issuer of an entry not critical', false, delegated({ lists: listing(entry(other, issuedBy(by, false))) })],
  [
    'the issuer of an entry without a directory name',
    false,
    delegated({ lists: listing(entry(other, extensionOf(OID.certificateIssuer, sequence(dns('example.com')), true))) }),
  ],
  [
    'an entry with two issuers',
    false,
    delegated({
      lists: listing(entry(other, extensionOf(OID.certificateIssuer, sequence(directory(by), directory(X)), true))),
    }),
  ],
  ['of whom the point names, and not indirect', false, delegated({ lists: (x) => [{ by: x }] })],
  ['of somebody else', false, delegated({ lists: silent, point: pointed(crlIssuer(commonName('y'))) })],
  ['of whom no point names', false, delegated({ lists: silent, point: pointed(place(HERE)) })],
  [
    'of whom no point names, who lists it',
    false,
    delegated({ lists: listing(entry(SERIAL, issuedBy(by))), point: {} }),
  ],
  [
    'listed by whom no point names, beside a list of its issuer',
    true,
    delegated({
      lists: (x, by) => [{ by }, { by: x, extensions: INDIRECT, entries: [entry(SERIAL, issuedBy(by.subject))] }],
      point: {},
    }),
  ],
  [
    'of whom the point names, who lists it, beside a list of its issuer',
    false,
    delegated({
      lists: (x, by) => [{ by }, { by: x, extensions: INDIRECT, entries: [entry(SERIAL, issuedBy(by.subject))] }],
    }),
  ],
  ['forged', false, delegated({ lists: (x) => [{ by: x, extensions: INDIRECT, signer: forge(named('x')) }] })],
  ['expired', false, delegated({ lists: (x) => [{ by: x, extensions: INDIRECT, dates: [days(-3), days(-2)] }] })],
  [
    'of somebody without a certificate',
    false,
    () => {
      const { untrusted = [], ...rest } = delegated({ lists: silent })();
      return { ...rest, untrusted: untrusted.slice(0, 1) };
    },
  ],
  ['of somebody whom nobody certified', false, delegated({ lists: silent, signer: () => forge(named('x')) })],
  [
    'of somebody whom another key certified',
    false,
    delegated({
      lists: silent,
      signer: () => ca({ issuer: forge(named('x')), issuerName: root.subject, ...named('x') }),
    }),
  ],
  ['of somebody under the root, three below', true, deep()],
  ['of somebody under the root, three below, who lists it', false, deep(entry(SERIAL, issuedBy(by)))],
  ['of two, the newer of which does not list it', false, ofTwo],
  ['of somebody expired', false, delegated({ lists: silent, signer: () => ca(named('x', expired)) })],
  [
    'of somebody who may not sign lists',
    false,
    delegated({
      lists: silent,
      signer: () => ca(named('x', critical(OID.keyUsage, element(TAG.bitString, fromHex('0204'))))),
    }),
  ],
  [
    'of somebody revoked',
    false,
    delegated({
      lists: (x) => [{ by: x, extensions: INDIRECT }, { entries: [entry(unsignedInteger(0x55))] }],
      signer: () => ca(named('x', { serial: unsignedInteger(0x55) })),
    }),
  ],
  [
    'of somebody not revoked',
    true,
    delegated({
      lists: (x) => [{ by: x, extensions: INDIRECT }, {}],
      signer: () => ca(named('x', { serial: unsignedInteger(0x55) })),
    }),
  ],
  [
    'of somebody under the issuer, for lists alone',
    true,
    delegated({
      lists: silent,
      signer: (by) => forge({ issuer: by, ...named('x', forLists) }),
    }),
  ],
  [
    'of somebody under the issuer, of whom an expired list tells nothing',
    false,
    delegated({
      lists: (x, by) => [
        { by: x, extensions: INDIRECT },
        { by, dates: [days(-3), days(-2)] },
      ],
      signer: (by) => forge({ issuer: by, ...named('x', forLists) }),
    }),
  ],
  [
    'of somebody under the issuer, for lists alone, who lists it',
    false,
    delegated({
      lists: listing(entry(SERIAL, issuedBy(by))),
      signer: (by) => forge({ issuer: by, ...named('x', forLists) }),
    }),
  ],
  [
    'of somebody under a CA beside the path',
    false,
    () => {
      const beside = ca(named('beside'));
      return delegated({
        lists: silent,
        signer: () => ca({ issuer: beside, ...named('x') }),
        beside: () => [beside],
      })();
    },
  ],
  [
    'of somebody outside the names that a CA above permits',
    false,
    () => {
      const by = ca(named('by', { moreExtensions: [permitting(commonName('y'))] }));
      const x = forge({ issuer: by, ...named('x', forLists) });
      const leaf = leafOf(by, { subject: commonName('y'), serial: SERIAL, ...pointed(crlIssuer(X)) });
      return parts(leaf, [by, x], [root], { crls: [list({ by: x, extensions: INDIRECT })] });
    },
  ],
  [
    'of the root',
    true,
    delegated({
      lists: () => [{ extensions: INDIRECT }],
      point: pointed(crlIssuer(root.subject)),
      beside: () => [],
    }),
  ],
  [
    'of the root, who lists it',
    false,
    delegated({
      lists: () => [{ extensions: INDIRECT, entries: [entry(SERIAL, issuedBy(by))] }],
      point: pointed(crlIssuer(root.subject)),
    }),
  ],
  [
    'of the root, who lists its number',
    true,
    delegated({
      lists: () => [{ extensions: INDIRECT, entries: [entry(SERIAL)] }],
      point: pointed(crlIssuer(root.subject)),
    }),
  ],
  ['of the issuer itself', true, direct([{ extensions: INDIRECT }])],
  ['of the issuer itself, listed', false, direct([{ extensions: INDIRECT, entries: revoked }])],
  [
    'of the issuer itself, who is named, listed',
    false,
    direct([{ extensions: INDIRECT, entries: [entry(SERIAL, issuedBy(root.subject))] }]),
  ],
  [
    'of the issuer itself, listed, and a newer one that is direct',
    false,
    direct([
      { extensions: idp(flag(1)), number: unsignedInteger(9) },
      { extensions: idp(flag(1), flag(4)), entries: revoked },
    ]),
  ],
  [
    'of the issuer itself, listed of another',
    true,
    direct([{ extensions: INDIRECT, entries: [entry(SERIAL, issuedBy(X))] }]),
  ],
  ['direct, with the issuer of an entry', false, direct([{ entries: [entry(other, issuedBy(X))] }])],
  [
    'some reasons of the issuer, the others of somebody else',
    true,
    delegated({
      lists: (x, by) => [
        { by, extensions: idp(reasons('0560')) },
        { by: x, extensions: idp(reasons('071f80'), flag(4)) },
      ],
    }),
  ],
  [
    'some reasons of somebody else alone',
    false,
    delegated({ lists: (x) => [{ by: x, extensions: idp(reasons('071f80'), flag(4)) }] }),
  ],
  [
    'an authority, listed by whom its point names',
    false,
    authority((x) => [{ by: x, extensions: INDIRECT, entries: [entry(SERIAL_OF_CA, issuedBy(root.subject))] }]),
  ],
  [
    'an authority, not listed by whom its point names',
    true,
    authority((x) => [{ by: x, extensions: INDIRECT, entries: [entry(SERIAL_OF_CA)] }]),
  ],
  [
    'an authority, whose point names somebody with an expired list',
    false,
    authority((x) => [{ by: x, extensions: INDIRECT, dates: [days(-3), days(-2)] }]),
  ],
  ['an authority, whose point names somebody without a list', true, authority(() => [])],
];

function permitting(...names: readonly Bytes[]): Bytes {
  return extensionOf(
    OID.nameConstraints,
    sequence(context(0, ...names.map((name) => sequence(directory(name))))),
    true,
  );
}

/** The issuer below another CA, and whom the point names beside that one. */
function deep(...entries: readonly Bytes[]): () => Parts {
  return () => {
    const upper = ca(named('upper'));
    const lower = ca({ issuer: upper, ...named('by') });
    const x = ca(named('x'));
    const crls = [list({ by: x, extensions: INDIRECT, entries })];
    return parts(leafOf(lower, { serial: SERIAL, ...pointed(crlIssuer(X)) }), [lower, upper, x], [root], { crls });
  };
}

function ofTwo(): Parts {
  const issuer = ca(named('by'));
  const x = ca(named('x'));
  const y = ca(named('y'));
  const crls = [
    list({ by: x, extensions: INDIRECT, entries: [entry(SERIAL, issuedBy(by))] }),
    list({ by: y, extensions: INDIRECT, number: unsignedInteger(9) }),
  ];
  const leaf = leafOf(issuer, { serial: SERIAL, ...pointed(crlIssuer(commonName('y'), X)) });
  return parts(leaf, [issuer, x, y], [root], { crls });
}

/** A CA whose point names who signs the lists about it, and a leaf that its own list does not name. */
function authority(lists: (x: Unread) => readonly List[]): () => Parts {
  return () => {
    const x = ca(named('x'));
    const of = ca(named('of', { serial: SERIAL_OF_CA, ...pointed(crlIssuer(X)) }));
    return parts(leafOf(of, { serial: SERIAL }), [of, x], [root], { crls: [{ by: of }, ...lists(x)].map(list) });
  };
}

const at = (point: Bytes): Recipe => pointed(point);
const own = (point: Bytes): readonly List[] => [{ extensions: idp(point) }];
const foreign =
  (point: Bytes): Setting['lists'] =>
  (x) => [{ by: x, extensions: idp(point, flag(4)) }];

export const RELATIVE_POINTS: Cases = [
  ['both relative', true, direct(own(relative('1')), at(relative('1')))],
  ['both relative, listed', false, direct([{ extensions: idp(relative('1')), entries: revoked }], at(relative('1')))],
  ['both relative, in other case', true, direct(own(relative('A')), at(relative('a')))],
  ['relative, and another', false, direct(own(relative('1')), at(relative('2')))],
  ['relative in the certificate', true, direct(own(below1(root.subject, '1')), at(relative('1')))],
  ['relative in the list', true, direct(own(relative('1')), at(below1(root.subject, '1')))],
  ['relative in the list, below another name', false, direct(own(relative('1')), at(below1(X, '1')))],
  ['relative, and the name of the issuer', false, direct(own(relative('1')))],
  ['an empty relative name', false, direct(own(context(0, context(1))), at(relative('1')))],
  ['an empty relative name in the certificate', false, direct([{}], at(context(0, context(1))))],
  [
    'below whom the point names',
    true,
    delegated({ lists: foreign(relative('1')), point: pointed(relative('1'), crlIssuer(X)) }),
  ],
  [
    'below whom the point names, and in full',
    true,
    delegated({ lists: foreign(below1(X, '1')), point: pointed(relative('1'), crlIssuer(X)) }),
  ],
  [
    'below the issuer, where the point names another',
    false,
    delegated({ lists: foreign(below1(by, '1')), point: pointed(relative('1'), crlIssuer(X)) }),
  ],
  [
    'below one of two',
    false,
    delegated({ lists: foreign(relative('1')), point: pointed(relative('1'), crlIssuer(X, by)) }),
  ],
  [
    'in full, of one of two',
    true,
    delegated({ lists: foreign(below1(X, '1')), point: pointed(below1(X, '1'), crlIssuer(commonName('y'), X)) }),
  ],
  [
    'no place, and the name of whom the point names',
    true,
    delegated({ lists: foreign(context(0, context(0, directory(X)))) }),
  ],
  ['no place, and another', false, delegated({ lists: foreign(place(THERE)) })],
  ['a place, and the list of all', true, delegated({ lists: silent, point: pointed(place(HERE), crlIssuer(X)) })],
  [
    'a place, and another',
    false,
    delegated({ lists: foreign(place(THERE)), point: pointed(place(HERE), crlIssuer(X)) }),
  ],
  [
    'no issuer with a directory name',
    false,
    delegated({ lists: silent, point: pointed(place(HERE), context(2, dns('x'))) }),
  ],
  [
    'reasons of the point',
    false,
    delegated({ lists: silent, point: pointed(element(contextTag(1, 'primitive'), fromHex('0560')), crlIssuer(X)) }),
  ],
];

import { type Bytes, fromHex } from '../../../../src/base/bytes.ts';
import { contextTag, TAG } from '../../../../src/codec/der-reader.ts';
import {
  bitString,
  context,
  contextPrimitive,
  element,
  NULL,
  oid,
  sequence,
  unsignedInteger,
} from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { ecdsaRawToDer } from '../../../../src/crypto/ecdsa-signature.ts';
import { sha256 } from '../../../../src/crypto/hash.ts';
import {
  commonName,
  directory,
  extensionOf,
  type Issuer,
  type Recipe,
  type Unread,
  uri,
} from '../../../support/make-certificate.ts';
import { ca, type Cases, critical, days, ext, forge, leafOf, named, parts, type Parts, root } from './builder.ts';

/** What a CRL differs in. */
interface List {
  readonly by?: Issuer;
  readonly entries?: readonly Bytes[];
  readonly issuerName?: Bytes;
  readonly number?: Bytes | null;
  readonly keyId?: Bytes | null;
  readonly dates?: readonly Bytes[];
  readonly extensions?: readonly Bytes[];
  readonly version?: Bytes;
  readonly signer?: Issuer;
  readonly isEmptyListWritten?: boolean;
}

const ALGORITHM = sequence(oid(OID.ecdsaWithSha256));
const keyIdOf = ({ signer }: Issuer) => sha256(signer.spki).subarray(0, 20);

function list(recipe: List = {}): Bytes {
  const { by = root, entries = [], number = unsignedInteger(1), keyId = keyIdOf(by), signer = by } = recipe;
  const extensions = [
    ...(keyId === null ? [] : [extensionOf(OID.authorityKeyIdentifier, sequence(contextPrimitive(0, keyId)))]),
    ...(number === null ? [] : [extensionOf(OID.crlNumber, number)]),
    ...(recipe.extensions ?? []),
  ];
  const tbs = sequence(
    recipe.version ?? unsignedInteger(1),
    ALGORITHM,
    recipe.issuerName ?? by.subject,
    ...(recipe.dates ?? [days(-1), days(1)]),
    ...(entries.length === 0 && recipe.isEmptyListWritten !== true ? [] : [sequence(...entries)]),
    ...(extensions.length === 0 ? [] : [context(0, sequence(...extensions))]),
  );
  return sequence(tbs, ALGORITHM, bitString(ecdsaRawToDer(signer.signer.signSync(tbs))));
}

const SERIAL = unsignedInteger(0x1234);
const SERIAL_OF_CA = unsignedInteger(0x77);
const entry = (serial: Bytes, ...extensions: readonly Bytes[]) =>
  sequence(serial, days(-1), ...(extensions.length === 0 ? [] : [sequence(...extensions)]));
const reason = (n: number) => extensionOf(OID.crlReason, unsignedInteger(n, TAG.enumerated));
const revoked = [entry(SERIAL)];
const others = [entry(unsignedInteger(0x99))];

/** A leaf right under the root, and these lists. */
const direct =
  (lists: readonly List[], leafRecipe: Recipe = {}) =>
  (): Parts =>
    parts(leafOf(root, { serial: SERIAL, ...leafRecipe }), [], [root], { crls: lists.map(list) });

/** A leaf under an intermediate, and the lists of both. */
const below =
  (lists: (issuer: Unread) => readonly List[], recipe: Recipe = {}) =>
  (): Parts => {
    const issuer = ca({ serial: SERIAL_OF_CA, ...recipe });
    return parts(leafOf(issuer, { serial: SERIAL }), [issuer], [root], { crls: lists(issuer).map(list) });
  };

export const CRLS: Cases = [
  ['not listed', true, direct([{ entries: others }])],
  ['an empty list', true, direct([{}])],
  ['an empty list written out', false, direct([{ isEmptyListWritten: true }])],
  ['listed', false, direct([{ entries: revoked }])],
  ['listed, on hold', false, direct([{ entries: [entry(SERIAL, reason(6))] }])],
  ['listed, removed', false, direct([{ entries: [entry(SERIAL, reason(8))] }])],
  ['listed, compromised', false, direct([{ entries: [entry(SERIAL, reason(1))] }])],
  ['listed twice', false, direct([{ entries: [...revoked, ...revoked] }])],
  ['of another issuer, who lists it, alone', false, direct([{ by: forge(named('other')), entries: revoked }])],
  [
    'of another issuer, who lists it, and of its own',
    true,
    direct([{ by: forge(named('other')), entries: revoked }, {}]),
  ],
  ['of another issuer under the right name', false, direct([{ by: forge(named('root')) }])],
  ['signed by another key', false, direct([{ signer: forge(named('other')) }])],
  [
    'an older one lists it',
    true,
    direct([{ number: unsignedInteger(2) }, { number: unsignedInteger(1), entries: revoked }]),
  ],
  [
    'a newer one lists it',
    false,
    direct([{ number: unsignedInteger(1) }, { number: unsignedInteger(2), entries: revoked }]),
  ],
  [
    'a forged newer one does not list it',
    false,
    direct([
      { number: unsignedInteger(1), entries: revoked },
      { number: unsignedInteger(2), signer: forge(named('other')) },
    ]),
  ],
  [
    'an expired newer one does not list it',
    false,
    direct([
      { number: unsignedInteger(1), entries: revoked },
      { number: unsignedInteger(2), dates: [days(-3), days(-2)] },
    ]),
  ],
  ['expired', false, direct([{ dates: [days(-3), days(-2)] }])],
  ['of tomorrow', false, direct([{ dates: [days(1), days(2)] }])],
  ['ends before it begins', false, direct([{ dates: [days(1), days(-1)] }])],
  ['without an end', false, direct([{ dates: [days(-1)] }])],
  ['without a number', false, direct([{ number: null }])],
  ['a negative number', false, direct([{ number: element(TAG.integer, fromHex('ff')) }])],
  ['a number of 20 octets', true, direct([{ number: unsignedInteger(new Uint8Array(20).fill(0x7f)) }])],
  ['a number of 21 octets', false, direct([{ number: unsignedInteger(new Uint8Array(21).fill(0x7f)) }])],
  [
    'a critical number',
    false,
    direct([{ number: null, extensions: [extensionOf(OID.crlNumber, unsignedInteger(1), true)] }]),
  ],
  ['without the identifier of its key', false, direct([{ keyId: null }])],
  ['with the identifier of another key', true, direct([{ keyId: fromHex('00'.repeat(20)) }])],
  [
    'with the identifier of another key, listed',
    false,
    direct([{ keyId: fromHex('00'.repeat(20)), entries: revoked }]),
  ],
  ['version 1', false, direct([{ version: new Uint8Array(0), number: null, keyId: null }])],
  ['version 3', false, direct([{ version: unsignedInteger(2) }])],
  ['without a name', false, direct([{ issuerName: sequence() }])],
  ['an unknown extension', true, direct([{ extensions: [extensionOf('1.2.3.4', NULL)] }])],
  ['an unknown critical extension', false, direct([{ extensions: [extensionOf('1.2.3.4', NULL, true)] }])],
  ['an extension twice', false, direct([{ extensions: [extensionOf('1.2.3.4', NULL), extensionOf('1.2.3.4', NULL)] }])],
  [
    'an unknown extension of an entry',
    true,
    direct([{ entries: [entry(unsignedInteger(0x99), extensionOf('1.2.3.4', NULL))] }]),
  ],
  [
    'an unknown critical extension of an entry',
    false,
    direct([{ entries: [entry(unsignedInteger(0x99), extensionOf('1.2.3.4', NULL, true))] }]),
  ],
  ['a delta', false, direct([{ extensions: [extensionOf(OID.deltaCrlIndicator, unsignedInteger(1), true)] }])],
  ['the name of its issuer in other case', false, direct([{ issuerName: commonName('ROOT'), entries: revoked }])],
  ['the name of its issuer in other case, not listed', true, direct([{ issuerName: commonName('ROOT') }])],
  [
    'its issuer may not sign lists',
    false,
    below((by) => [{ by }], critical(OID.keyUsage, element(TAG.bitString, fromHex('0204')))),
  ],
  ['its issuer may sign lists', true, below((by) => [{ by }, {}])],
  ['leaf listed below', false, below((by) => [{ by, entries: revoked }, {}])],
  ['intermediate listed', false, below((by) => [{ by }, { entries: [entry(SERIAL_OF_CA)] }])],
  ['the serial of the leaf listed by the root', true, below((by) => [{ by }, { entries: revoked }])],
  [
    'around a revoked intermediate',
    true,
    () => {
      const old = ca(named('ca', { serial: SERIAL_OF_CA }));
      const renewed = ca({ subject: old.subject, key: old.signer });
      const crls = [list({ entries: [entry(SERIAL_OF_CA)] }), list({ by: old })];
      return parts(leafOf(old), [old, renewed], [root], { crls });
    },
  ],
];

const flag = (n: number) => element(contextTag(n, 'primitive'), fromHex('ff'));
const idp = (...content: readonly Bytes[]) => [extensionOf(OID.issuingDistributionPoint, sequence(...content), true)];
const reasons = (bits: string) => contextPrimitive(3, fromHex(bits));
const place = (url: string) => context(0, context(0, uri(url)));
const HERE = 'http://crl.example.com/1';
const THERE = 'http://crl.example.com/2';
const pointed = (...content: readonly Bytes[]) => ext(OID.crlDistributionPoints, sequence(sequence(...content)));
const byName = (name: Bytes) => context(0, context(0, directory(name)));

export const CRL_SCOPES: Cases = [
  ['empty', false, direct([{ extensions: idp() }])],
  ['not critical', false, direct([{ extensions: [extensionOf(OID.issuingDistributionPoint, sequence(flag(1)))] }])],
  ['users, a user', true, direct([{ extensions: idp(flag(1)) }])],
  ['users, a user listed', false, direct([{ extensions: idp(flag(1)), entries: revoked }])],
  ['users, an authority', false, direct([{ extensions: idp(flag(1)) }], { isCa: true })],
  ['authorities, a user', false, direct([{ extensions: idp(flag(2)) }])],
  ['authorities, an authority', true, direct([{ extensions: idp(flag(2)) }], { isCa: true })],
  ['authorities, an authority listed', false, direct([{ extensions: idp(flag(2)), entries: revoked }], { isCa: true })],
  ['attributes', false, direct([{ extensions: idp(flag(5)) }])],
  ['users and authorities at once', false, direct([{ extensions: idp(flag(1), flag(2)) }])],
  ['false written out', false, direct([{ extensions: idp(element(contextTag(1, 'primitive'), fromHex('00'))) }])],
  [
    'a list for users and one for authorities',
    true,
    below((by) => [
      { by, extensions: idp(flag(1)) },
      { extensions: idp(flag(2)) },
      { extensions: idp(flag(1)), number: unsignedInteger(9) },
    ]),
  ],
  [
    'both, the intermediate listed for authorities',
    false,
    below((by) => [
      { by, extensions: idp(flag(1)) },
      { extensions: idp(flag(2)), entries: [entry(SERIAL_OF_CA)] },
      { extensions: idp(flag(1)), number: unsignedInteger(9) },
    ]),
  ],
  ['the point of the certificate', true, direct([{ extensions: idp(place(HERE)) }], pointed(place(HERE)))],
  [
    'the point of the certificate, listed',
    false,
    direct([{ extensions: idp(place(HERE)), entries: revoked }], pointed(place(HERE))),
  ],
  ['another point', false, direct([{ extensions: idp(place(THERE)) }], pointed(place(HERE)))],
  [
    'another point, and its own',
    true,
    direct(
      [{ extensions: idp(place(THERE)), number: unsignedInteger(2) }, { extensions: idp(place(HERE)) }],
      pointed(place(HERE)),
    ),
  ],
  ['a point, and none in the certificate', false, direct([{ extensions: idp(place(HERE)) }])],
  [
    'the name of the issuer, and no point in the certificate',
    true,
    direct([{ extensions: idp(byName(root.subject)) }]),
  ],
  ['a whole list, and a point in the certificate', true, direct([{}], pointed(place(HERE)))],
  [
    'one of two names',
    true,
    direct([{ extensions: idp(context(0, context(0, uri(THERE), uri(HERE)))) }], pointed(place(HERE))),
  ],
  ['some reasons', false, direct([{ extensions: idp(reasons('0560')) }])],
  ['some reasons, listed', false, direct([{ extensions: idp(reasons('0560')), entries: [entry(SERIAL, reason(1))] }])],
  [
    'some reasons and the others',
    true,
    direct([{ extensions: idp(reasons('0560')) }, { extensions: idp(reasons('071f80')), number: unsignedInteger(2) }]),
  ],
  [
    'some reasons and the others, listed',
    false,
    direct([
      { extensions: idp(reasons('0560')), entries: [entry(SERIAL, reason(1))] },
      { extensions: idp(reasons('071f80')), number: unsignedInteger(2) },
    ]),
  ],
  ['indirect', false, direct([{ extensions: idp(flag(4)) }])],
  [
    'indirect, listed for another issuer',
    false,
    direct([
      {
        extensions: idp(flag(4)),
        entries: [entry(SERIAL, extensionOf('2.5.29.29', sequence(directory(commonName('other'))), true))],
      },
    ]),
  ],
  ['malformed', false, direct([{ extensions: idp(NULL) }])],
  ['out of order', false, direct([{ extensions: idp(reasons('0560'), flag(1)) }])],
];

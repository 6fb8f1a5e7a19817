import { fromHex, utf8 } from '../../../../src/base/bytes.ts';
import { contextTag, TAG } from '../../../../src/codec/der-tag.ts';
import { context, element, NULL, sequence, unsignedInteger } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { commonName, extensionOf, uri } from '../../../support/make-certificate.ts';
import { ca, type Cases, critical, days, forge, leafOf, named, parts, root } from './builder.ts';
import {
  below,
  byName,
  direct,
  entry,
  flag,
  HERE,
  idp,
  list,
  others,
  place,
  pointed,
  reason,
  reasons,
  revoked,
  SERIAL,
  SERIAL_OF_CA,
  THERE,
} from './lists.ts';

const generalized = (text: string) => element(TAG.generalizedTime, utf8(text));

export const CRLS: Cases = [
  ['not listed', true, direct([{ entries: others }])],
  ['an empty list', true, direct([{}])],
  ['an empty list written out', false, direct([{ isEmptyListWritten: true }])],
  ['listed', false, direct([{ entries: revoked }])],
  ['listed, on hold', false, direct([{ entries: [entry(SERIAL, reason(6))] }])],
  ['listed, removed', false, direct([{ entries: [entry(SERIAL, reason(8))] }])],
  ['listed, compromised', false, direct([{ entries: [entry(SERIAL, reason(1))] }])],
  [
    'another of GeneralizedTime listed',
    true,
    direct([{ entries: [sequence(unsignedInteger(5), generalized('20291231000000Z'))] }]),
  ],
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
  ['GeneralizedTime before 2050', true, direct([{ dates: [generalized('20291231000000Z'), days(1)] }])],
  [
    'GeneralizedTime before 2050 in an entry',
    false,
    direct([{ entries: [sequence(SERIAL, generalized('20291231000000Z'))] }]),
  ],
  ['GeneralizedTime with a fraction', false, direct([{ dates: [generalized('20291231000000.0Z'), days(1)] }])],
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
  ['malformed', false, direct([{ extensions: idp(NULL) }])],
  ['out of order', false, direct([{ extensions: idp(reasons('0560'), flag(1)) }])],
];

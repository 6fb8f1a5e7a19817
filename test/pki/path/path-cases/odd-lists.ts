import { type Bytes, fromHex } from '../../../../src/base/bytes.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import { context, contextPrimitive, element, sequence, unsignedInteger } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { extensionOf, uri } from '../../../support/make-certificate.ts';
import { AT, ca, type Cases, critical, days, forge, leafOf, named, type Parts, parts, root, twin } from './builder.ts';
import { below, direct, entry, flag, idp, list, others, pointed, reason, reasons, revoked, SERIAL } from './lists.ts';

const later = [days(1), days(2)];
const hold = reason(6);
const invalidity = extensionOf('2.5.29.24', element(TAG.generalizedTime, new TextEncoder().encode('20291230000000Z')));
const revokedLater = [sequence(SERIAL, days(300))];
const twice = (serial: Bytes): Parts['crls'] => [list({ entries: [entry(serial)] })];

/** Lists as they should not be, or seldom are. */
export const ODD_LISTS: Cases = [
  ['revoked from a later day on', false, direct([{ entries: revokedLater }])],
  ['revoked, since when is said', false, direct([{ entries: [entry(SERIAL, invalidity)] }])],
  ['revoked, no reason written out', false, direct([{ entries: [entry(SERIAL, reason(0))] }])],
  ['another revoked for reason 7', false, direct([{ entries: [entry(unsignedInteger(0x99), reason(7))] }])],
  ['another revoked for reason 11', false, direct([{ entries: [entry(unsignedInteger(0x99), reason(11))] }])],
  ['another with a reason twice', false, direct([{ entries: [entry(unsignedInteger(0x99), hold, hold)] }])],
  [
    'another with no extensions written out',
    false,
    direct([{ entries: [sequence(unsignedInteger(0x99), days(-1), sequence())] }]),
  ],
  ['another removed, in a complete list', false, direct([{ entries: [entry(unsignedInteger(0x99), reason(8))] }])],
  ['the serial number with a sign', true, direct([{ entries: [entry(element(TAG.integer, fromHex('8234')))] }])],
  ['the serial number padded', false, direct([{ entries: [entry(element(TAG.integer, fromHex('001234')))] }])],
  ['no end, and one with an end', false, direct([{ dates: [days(-1)] }, {}])],
  [
    'expired, and one that is not',
    true,
    direct([{ dates: [days(-3), days(-2)], number: unsignedInteger(9), entries: revoked }, {}]),
  ],
  ['of tomorrow, and one of today', true, direct([{ dates: later, number: unsignedInteger(9), entries: revoked }, {}])],
  ['begins and ends in one second, now', true, direct([{ dates: [days(0), days(0)] }])],
  ['signed by who may not sign lists', false, below((by) => [{ by }, {}], critical(OID.keyUsage, fromHex('03020204')))],
  [
    'of an anchor that may not sign lists',
    false,
    () => {
      const anchor = forge({ ...named('anchor'), ...critical(OID.keyUsage, fromHex('03020204')) });
      return parts(leafOf(anchor, { serial: SERIAL }), [], [anchor], { crls: [list({ by: anchor })] });
    },
  ],
  ['for no reason', false, direct([{ extensions: idp(reasons('0700')) }])],
  ['for a reason that is none', false, direct([{ extensions: idp(reasons('0780')) }])],
  [
    'for compromised keys, listed as superseded',
    false,
    direct([{ extensions: idp(reasons('0640')), entries: [entry(SERIAL, reason(4))] }]),
  ],
  [
    'a point for one reason, and a list of all',
    true,
    direct([{}], pointed(context(0, context(0, uri('http://a.example/'))), contextPrimitive(1, fromHex('0640')))),
  ],
  [
    'a freshest list named',
    true,
    direct([
      {
        extensions: [
          extensionOf(OID.freshestCrl, sequence(sequence(context(0, context(0, uri('http://a.example/')))))),
        ],
      },
    ]),
  ],
  [
    'a freshest list named, critical',
    false,
    direct([
      {
        extensions: [
          extensionOf(OID.freshestCrl, sequence(sequence(context(0, context(0, uri('http://a.example/'))))), true),
        ],
      },
    ]),
  ],
  [
    'its number critical',
    false,
    direct([{ extensions: [extensionOf(OID.crlNumber, unsignedInteger(2), true)], number: null }]),
  ],
  ['flags out of order', false, direct([{ extensions: idp(flag(4), flag(1)) }])],
  [
    'a CA revoked, another way round it',
    true,
    () => {
      const first = ca({ ...named('a'), serial: SERIAL });
      return parts(leafOf(first), [first, twin(first)], [root], {
        crls: [...(twice(SERIAL) ?? []), list({ by: first })],
      });
    },
  ],
  [
    'a CA revoked, the other way revoked too',
    false,
    () => {
      const first = ca({ ...named('a'), serial: SERIAL });
      const crls = [list({ entries: [entry(SERIAL), entry(unsignedInteger(0x78))] }), list({ by: first })];
      return parts(leafOf(first), [first, twin(first, { serial: unsignedInteger(0x78) })], [root], { crls });
    },
  ],
  [
    'the root lists itself',
    true,
    () => {
      const anchor = forge({ ...named('anchor'), serial: SERIAL });
      return parts(leafOf(anchor, { serial: unsignedInteger(0x55) }), [], [anchor], {
        crls: [list({ by: anchor, entries: revoked })],
      });
    },
  ],
  [
    'the same number of another issuer of the same name',
    true,
    () => {
      const other = forge(named('root'));
      return parts(leafOf(root, { serial: SERIAL }), [], [root, other], {
        crls: [list({ by: other, entries: revoked }), list({ entries: others })],
      });
    },
  ],
  ['listed, at the last second of the list', false, () => ({ ...direct([{ entries: revoked }])(), at: AT })],
];

import { unsignedInteger } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { extensionOf } from '../../../support/make-certificate.ts';
import { type Cases, days, forge, named, root } from './builder.ts';
import { below, direct, entry, flag, idp, type List, others, reason, revoked, SERIAL, SERIAL_OF_CA } from './lists.ts';

/** What has changed since the list with the number `base`. */
const delta = (number: number, base: number, recipe: List = {}, isCritical = true): List => ({
  ...recipe,
  number: unsignedInteger(number),
  extensions: [...(recipe.extensions ?? []), extensionOf(OID.deltaCrlIndicator, unsignedInteger(base), isCritical)],
});
const complete = (number: number, recipe: List = {}): List => ({ ...recipe, number: unsignedInteger(number) });

const HOLD = 6;
const REMOVED = 8;
const OTHER = unsignedInteger(0x99);
const onHold = { entries: [entry(SERIAL, reason(HOLD))] };
const removed = { entries: [entry(SERIAL, reason(REMOVED))] };
const isRevoked = { entries: revoked };

export const DELTA_CRLS: Cases = [
  ['alone', false, direct([delta(2, 1)])],
  ['alone, without a base at hand, on which it would be complete', false, direct([delta(2, 0)])],
  ['alone, for an authority', false, below((by) => [complete(1, { by }), delta(2, 1)])],
  ['beside a complete one', true, direct([complete(1), delta(2, 1)])],
  ['beside a complete one, of others', true, direct([complete(1), delta(2, 1, { entries: others })])],
  ['adds the certificate', false, direct([complete(1), delta(2, 1, isRevoked)])],
  [
    'adds an authority',
    false,
    below((by) => [complete(1, { by }), complete(1), delta(2, 1, { entries: [entry(SERIAL_OF_CA)] })]),
  ],
  ['adds it, on hold', false, direct([complete(1), delta(2, 1, onHold)])],
  ['adds it, older than the complete one', true, direct([complete(3), delta(2, 1, isRevoked)])],
  ['adds it, as old as the complete one', true, direct([complete(2), delta(2, 1, isRevoked)])],
  ['adds it, and builds upon a later one', false, direct([complete(1), delta(4, 3, isRevoked)])],
  ['builds upon a later one', false, direct([complete(1), delta(4, 3)])],
  [
    'builds upon a later one, and a complete one later than both',
    true,
    direct([complete(1), complete(5), delta(4, 3)]),
  ],
  ['the newest of two adds it', false, direct([complete(1), delta(2, 1), delta(3, 1, isRevoked)])],
  ['an older one of two adds it', true, direct([complete(1), delta(3, 1), delta(2, 1, isRevoked)])],
  ['lifts a hold', true, direct([complete(1, onHold), delta(2, 1, removed)])],
  ['lifts a hold, with a base before the complete one', true, direct([complete(2, onHold), delta(3, 1, removed)])],
  ['lifts a hold, older than the complete one', false, direct([complete(3, onHold), delta(2, 1, removed)])],
  ['lifts a hold, and builds upon a later one', false, direct([complete(1, onHold), delta(4, 3, removed)])],
  ['lifts what was no hold', false, direct([complete(1, isRevoked), delta(2, 1, removed)])],
  ['removes what is not listed', true, direct([complete(1), delta(2, 1, removed)])],
  ['says nothing of a hold', false, direct([complete(1, onHold), delta(2, 1)])],
  [
    'lifts a hold, forged',
    false,
    direct([complete(1, onHold), delta(2, 1, { ...removed, signer: forge(named('x')) })]),
  ],
  ['adds it, forged', true, direct([complete(1), delta(2, 1, { ...isRevoked, signer: forge(named('x')) })])],
  ['adds it, of another issuer', true, direct([complete(1), delta(2, 1, { ...isRevoked, by: forge(named('x')) })])],
  [
    'lifts a hold, expired',
    false,
    direct([complete(1, onHold), delta(2, 1, { ...removed, dates: [days(-3), days(-2)] })]),
  ],
  [
    'lifts a hold, of tomorrow',
    false,
    direct([complete(1, onHold), delta(2, 1, { ...removed, dates: [days(1), days(2)] })]),
  ],
  ['beside an expired complete one', false, direct([complete(1, { dates: [days(-3), days(-2)] }), delta(2, 1)])],
  ['adds it, for users', false, direct([complete(1), delta(2, 1, { ...isRevoked, extensions: idp(flag(1)) })])],
  ['adds it, for authorities', true, direct([complete(1), delta(2, 1, { ...isRevoked, extensions: idp(flag(2)) })])],
  [
    'lifts a hold, for users alone',
    false,
    direct([complete(1, onHold), delta(2, 1, { ...removed, extensions: idp(flag(1)) })]),
  ],
  [
    'lifts a hold, both for users',
    true,
    direct([
      complete(1, { ...onHold, extensions: idp(flag(1)) }),
      delta(2, 1, { ...removed, extensions: idp(flag(1)) }),
    ]),
  ],
  ['not critical', false, direct([complete(1), delta(2, 1, {}, false)])],
  [
    'a negative base',
    false,
    direct([complete(1), { extensions: [extensionOf(OID.deltaCrlIndicator, Uint8Array.of(2, 1, 0xff), true)] }]),
  ],
  [
    'adds and removes another',
    false,
    direct([complete(1), delta(2, 1, { entries: [entry(OTHER, reason(REMOVED)), entry(OTHER)] })]),
  ],
  [
    'removes it twice',
    false,
    direct([complete(1), delta(2, 1, { entries: [...removed.entries, ...removed.entries] })]),
  ],
  ['lists an authority under its own key', true, below((by) => [complete(1, { by }), complete(1), delta(2, 1)])],
  ['without the identifier of its key', true, direct([complete(1), delta(2, 1, { ...isRevoked, keyId: null })])],
  ['of the anchor beside the list of a CA', false, below((by) => [complete(1, { by }), delta(2, 1, { by: root })])],
];

import { boolean, sequence, time } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { after, type UnixMs } from '../../../src/base/time.ts';
import { KEY_USAGE } from '../../../src/pki/x509/certificate/extensions.ts';
import { PATH_CERTIFICATES_MAX, type PathInput } from '../../../src/pki/path/path.ts';
import { commonName, extensionOf, judge, make, NOW, type Party, type Recipe } from '../../support/make-certificate.ts';
import {
  direct,
  intermediate,
  keyUsage,
  leafOf,
  root,
  table,
  underIntermediate,
  underRoot,
  without,
} from './path-table.ts';

const stranger = make({ subject: commonName('stranger') });
const namesake = make({ subject: commonName('root') });

table('a path (RFC 5280 section 6.1)', [
  ['leaf under the anchor', 'ok', () => direct({})],
  ['leaf, intermediate, anchor', 'ok', () => judge(leafOf(intermediate), [intermediate], [root])],
  ['the intermediate is missing', 'ERR_PATH_NO_ANCHOR', () => judge(leafOf(intermediate), [], [root])],
  ['no anchor', 'ERR_PATH_NO_ANCHOR', () => judge(leafOf(root), [root], [])],
  ['another root of the same name', 'ERR_PATH_SIGNATURE', () => judge(leafOf(root), [], [namesake])],
  ['an intermediate as the anchor', 'ok', () => judge(leafOf(intermediate), [], [intermediate])],
  ['anchor and copies sent along', 'ok', () => judge(leafOf(intermediate), [root, intermediate, intermediate], [root])],
  ['root and intermediate exchanged', 'ERR_PATH_NO_ANCHOR', () => judge(leafOf(intermediate), [root], [stranger])],
  ['a leaf that is its own anchor', 'ok', () => judge(root, [], [root])],
  ['a leaf that only calls itself like the anchor', 'ERR_PATH_SIGNATURE', () => judge(namesake, [], [root])],
  ['an empty issuer', 'ERR_PATH_NO_ANCHOR', () => direct({ issuerName: sequence() })],
  ['a leaf that is a CA', 'ok', () => direct({ isCa: true })],
  [
    'a signature by another key under the right name',
    'ERR_PATH_SIGNATURE',
    () => judge(leafOf({ subject: root.subject, signer: namesake.signer }), [], [root]),
  ],
]);

const second = (n: number) => time(after(NOW, n * 1_000));

table('dates (RFC 5280 section 4.1.2.5)', [
  ['the last second', 'ok', () => direct({ notAfter: second(0) })],
  ['in it', 'ok', () => judge(leafOf(root, { notAfter: second(0) }), [], [root], { at: after(NOW, 999) })],
  ['one second later', 'ERR_PATH_EXPIRED', () => direct({ notAfter: second(-1) })],
  ['the first second', 'ok', () => direct({ notBefore: second(0) })],
  ['one second earlier', 'ERR_PATH_NOT_YET_VALID', () => direct({ notBefore: second(1) })],
  ['an expired intermediate', 'ERR_PATH_EXPIRED', () => underIntermediate({ notAfter: second(-1) })],
  ['an expired anchor', 'ERR_PATH_EXPIRED', () => underRoot({ notAfter: second(-1) })],
  ['the year 9999', 'ok', () => direct({ notAfter: time(Date.UTC(9999, 11, 31, 23, 59, 59) as UnixMs) })],
]);

const basic = (isCritical: boolean, ...content: readonly Uint8Array[]): Recipe => ({
  extensions: { [OID.basicConstraints]: extensionOf(OID.basicConstraints, sequence(...content), isCritical) },
});
const { crlSign, digitalSignature, keyCertSign } = KEY_USAGE;
const CA_EXTENSIONS = [OID.basicConstraints, OID.keyUsage, OID.subjectKeyIdentifier, OID.authorityKeyIdentifier];
const VERSION_1: Recipe = { version: new Uint8Array(0), ...without(...CA_EXTENSIONS) };

table('who may issue (RFC 5280 sections 4.2.1.3 and 4.2.1.9)', [
  ['an intermediate without basic constraints', 'ERR_PATH_CONSTRAINT', () => underIntermediate({ isCa: false })],
  ['an intermediate that is no CA', 'ERR_PATH_CONSTRAINT', () => underIntermediate({ isCa: false, ...basic(true) })],
  ['an anchor without basic constraints', 'ERR_PATH_CONSTRAINT', () => underRoot({ isCa: false })],
  ['an intermediate, not critical', 'ok', () => underIntermediate(basic(false, boolean(true)))],
  ['an anchor, not critical', 'ERR_PATH_EXTENSION', () => underRoot(basic(false, boolean(true)))],
  ['an intermediate without keyCertSign', 'ERR_PATH_USAGE', () => underIntermediate(keyUsage(crlSign))],
  ['an anchor without keyCertSign', 'ERR_PATH_USAGE', () => underRoot(keyUsage(digitalSignature))],
  ['an intermediate without key usage', 'ok', () => underIntermediate(without(OID.keyUsage))],
  ['a leaf without key usage', 'ok', () => direct(without(OID.keyUsage))],
  ['a leaf with keyCertSign', 'ERR_PATH_EXTENSION', () => direct(keyUsage(keyCertSign))],
  ['an anchor with keyCertSign that is no CA', 'ERR_PATH_EXTENSION', () => underRoot(basic(true))],
  ['a leaf that says it is no CA', 'ok', () => direct(basic(false))],
  ['an intermediate of version 1', 'ERR_PATH_EXTENSION', () => underIntermediate({ isCa: false, ...VERSION_1 })],
  ['an anchor of version 1', 'ERR_PATH_CONSTRAINT', () => underRoot({ isCa: false, ...VERSION_1 })],
  [
    'a leaf that issued another',
    'ERR_PATH_CONSTRAINT',
    () => {
      const leaf = leafOf(root);
      return judge(leafOf(leaf), [leaf], [root]);
    },
  ],
]);

/** A leaf under a chain of CAs with these path lengths. */
function chain(...pathLens: readonly (number | undefined)[]) {
  const cas: Party[] = [];
  for (const pathLenMax of pathLens)
    cas.push(make({ issuer: cas.at(-1) ?? root, isCa: true, ...(pathLenMax === undefined ? {} : { pathLenMax }) }));
  return judge(leafOf(cas.at(-1) ?? root), cas, [root]);
}

const many = (count: number) => new Array<undefined>(count).fill(undefined);

/** Under a CA with path length 0, another of the same name with its own key (RFC 5280 section 3.2: self-issued). */
function selfIssued(more: Partial<PathInput> = {}) {
  const first = make({ issuer: root, isCa: true, pathLenMax: 0, subject: commonName('twice') });
  const renewed = make({ issuer: first, isCa: true, subject: commonName('twice') });
  return judge(leafOf(renewed), [first, renewed], [root], more);
}

const ofDepth = (intermediatesMax: number) => ({ intermediatesMax });

table('path length (RFC 5280 sections 4.2.1.9 and 6.1.4 l, m)', [
  ['0 above a leaf', 'ok', () => chain(0)],
  ['0 above an intermediate', 'ERR_PATH_CONSTRAINT', () => chain(0, undefined)],
  ['1 above one intermediate', 'ok', () => chain(1, undefined)],
  ['1 above two', 'ERR_PATH_CONSTRAINT', () => chain(1, undefined, undefined)],
  ['a larger one below', 'ok', () => chain(1, 2)],
  ['a larger one below does not widen', 'ERR_PATH_CONSTRAINT', () => chain(1, 2, undefined)],
  [
    'a leaf that is a CA is no intermediate',
    'ok',
    () => {
      const ca = make({ issuer: root, isCa: true, pathLenMax: 0 });
      return judge(leafOf(ca, { isCa: true, pathLenMax: 0 }), [ca], [root]);
    },
  ],
  [
    'of the anchor',
    'ERR_PATH_CONSTRAINT',
    () => {
      const anchor = make({ pathLenMax: 0 });
      const ca = make({ issuer: anchor, isCa: true });
      return judge(leafOf(ca), [ca], [anchor]);
    },
  ],
  ['without keyCertSign', 'ERR_PATH_EXTENSION', () => underIntermediate({ pathLenMax: 0, ...keyUsage(crlSign) })],
  ['self-issued certificates do not count', 'ok', () => selfIssued()],
  ['nor towards a greatest depth', 'ok', () => selfIssued(ofDepth(1))],
  [
    'depth 0, one intermediate',
    'ERR_PATH_LIMIT',
    () => judge(leafOf(intermediate), [intermediate], [root], ofDepth(0)),
  ],
  ['depth 0, none', 'ok', () => judge(leafOf(root), [], [root], ofDepth(0))],
  ['as many as a path may have', 'ok', () => chain(...many(PATH_CERTIFICATES_MAX - 2))],
  ['one more', 'ERR_PATH_LIMIT', () => chain(...many(PATH_CERTIFICATES_MAX - 1))],
]);

import { fromHex, utf8 } from '../../../src/base/bytes.ts';
import { contextPrimitive, octetString, oid, sequence } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { KEY_USAGE } from '../../../src/pki/x509/certificate/extensions.ts';
import { dns, extensionOf, judge, make, nameConstraints, type Recipe, uri } from '../../support/make-certificate.ts';
import { critical, direct, leafOf, root, table, underIntermediate, underRoot, without } from './path-table.ts';

const plain = (type: string, value: Uint8Array): Recipe => ({ extensions: { [type]: extensionOf(type, value) } });
const unknown = (isCritical: boolean): Recipe => ({
  moreExtensions: [extensionOf('1.3.6.1.4.1.55555.1', utf8('x'), isCritical)],
});
const otherKey = sequence(contextPrimitive(0, fromHex('00')));
const access = sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), uri('http://ocsp.example.com')));
const { authorityInfoAccess, authorityKeyIdentifier, subjectInfoAccess, subjectKeyIdentifier } = OID;

table('extensions (RFC 5280 section 4.2)', [
  ['unknown', 'ok', () => direct(unknown(false))],
  ['unknown and critical in the leaf', 'ERR_PATH_EXTENSION', () => direct(unknown(true))],
  ['unknown and critical in an intermediate', 'ERR_PATH_EXTENSION', () => underIntermediate(unknown(true))],
  ['unknown and critical in the anchor', 'ERR_PATH_EXTENSION', () => underRoot(unknown(true))],
  ['AKI missing in the leaf', 'ERR_PATH_EXTENSION', () => direct(without(authorityKeyIdentifier))],
  ['AKI missing in an intermediate', 'ERR_PATH_EXTENSION', () => underIntermediate(without(authorityKeyIdentifier))],
  ['AKI missing in a self-signed anchor', 'ok', () => underRoot(without(authorityKeyIdentifier))],
  [
    'AKI missing in a cross-signed anchor',
    'ERR_PATH_EXTENSION',
    () => underRoot({ issuer: root, isCa: true, ...without(authorityKeyIdentifier) }),
  ],
  ['AKI without a key', 'ERR_PATH_EXTENSION', () => direct(plain(authorityKeyIdentifier, sequence()))],
  ['AKI of another key is but a hint', 'ok', () => direct(plain(authorityKeyIdentifier, otherKey))],
  ['AKI critical', 'ERR_PATH_EXTENSION', () => direct(critical(authorityKeyIdentifier, otherKey))],
  ['SKI critical', 'ERR_PATH_EXTENSION', () => direct(critical(subjectKeyIdentifier, octetString(fromHex('00'))))],
  ['SKI missing in the leaf', 'ok', () => direct(without(subjectKeyIdentifier))],
  ['SKI missing in an intermediate', 'ERR_PATH_EXTENSION', () => underIntermediate(without(subjectKeyIdentifier))],
  ['SKI missing in the anchor', 'ERR_PATH_EXTENSION', () => underRoot(without(subjectKeyIdentifier))],
  ['AIA', 'ok', () => direct(plain(authorityInfoAccess, access))],
  ['AIA critical', 'ERR_PATH_EXTENSION', () => direct(critical(authorityInfoAccess, access))],
  ['SIA critical', 'ERR_PATH_EXTENSION', () => underIntermediate(critical(subjectInfoAccess, access))],
  [
    'name constraints in a leaf',
    'ERR_PATH_EXTENSION',
    () => direct({ moreExtensions: [nameConstraints([dns('example.com')])] }),
  ],
  [
    'name constraints that are not critical',
    'ERR_PATH_EXTENSION',
    () => underIntermediate({ moreExtensions: [nameConstraints([dns('example.com')], [], false)] }),
  ],
]);

const usages = (...oids: readonly string[]) => sequence(...oids.map(oid));
const forServer = { extendedKeyUsages: [OID.serverAuth] };
const serve = (more: Recipe) => judge(leafOf(root, more), [], [root], forServer);
const { anyExtendedKeyUsage, clientAuth, extendedKeyUsage, serverAuth } = OID;

table('extended key usage (RFC 5280 section 4.2.1.12)', [
  ['absent', 'ok', () => serve({})],
  ['the one asked for, among others', 'ok', () => serve(plain(extendedKeyUsage, usages(clientAuth, serverAuth)))],
  ['critical', 'ok', () => serve(critical(extendedKeyUsage, usages(serverAuth)))],
  ['another', 'ERR_PATH_USAGE', () => serve(plain(extendedKeyUsage, usages(clientAuth)))],
  ['another, and none is asked for', 'ok', () => direct(plain(extendedKeyUsage, usages(clientAuth)))],
  ['any', 'ok', () => serve(plain(extendedKeyUsage, usages(anyExtendedKeyUsage)))],
  [
    'another in an intermediate',
    'ERR_PATH_USAGE',
    () => {
      const ca = make({ issuer: root, isCa: true, ...plain(extendedKeyUsage, usages(clientAuth)) });
      return judge(leafOf(ca), [ca], [root], forServer);
    },
  ],
]);

table('key usage that is asked for (RFC 5280 section 4.2.1.3)', [
  ['there', 'ok', () => judge(leafOf(root), [], [root], { keyUsage: KEY_USAGE.digitalSignature })],
  ['missing', 'ERR_PATH_USAGE', () => judge(leafOf(root), [], [root], { keyUsage: KEY_USAGE.keyAgreement })],
]);

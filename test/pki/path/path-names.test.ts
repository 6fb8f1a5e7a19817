import { fromHex, utf8 } from '../../../src/base/bytes.ts';
import { TAG } from '../../../src/codec/der-tag.ts';
import { contextPrimitive, element, oid, sequence, setOf } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { commonName, directory, dns, email, judge, make, other, uri } from '../../support/make-certificate.ts';
import { critical, direct, EXAMPLE, leafOf, root, table, underIntermediate } from './path-table.ts';

const criticalNames = critical(OID.subjectAltName, sequence(...EXAMPLE));
const named = (name: Uint8Array) => direct({ names: [name] });
const printable = (text: string) =>
  sequence(setOf(sequence(oid(OID.commonName), element(TAG.printableString, utf8(text)))));

table('names (RFC 5280 sections 4.1.2.4, 4.1.2.6 and 4.2.1.6)', [
  ['no subject, critical names', 'ok', () => direct({ subject: sequence(), ...criticalNames })],
  ['no subject, names that are not critical', 'ERR_PATH_EXTENSION', () => direct({ subject: sequence() })],
  ['no subject, no names', 'ERR_PATH_EXTENSION', () => judge(make({ issuer: root, subject: sequence() }), [], [root])],
  ['a CA without subject', 'ERR_PATH_EXTENSION', () => underIntermediate({ subject: sequence(), ...criticalNames })],
  [
    'an anchor without name',
    'ERR_PATH_EXTENSION',
    () => {
      const nameless = make({ subject: sequence(), ...criticalNames });
      return judge(leafOf(nameless), [], [nameless]);
    },
  ],
  ['a subject and critical names', 'ok', () => direct(criticalNames)],
  ['DNS with an underscore', 'ERR_PATH_EXTENSION', () => named(dns('a_b.example.com'))],
  ['DNS that is an address', 'ERR_PATH_EXTENSION', () => named(dns('8.8.8.8'))],
  ['DNS with a final dot', 'ERR_PATH_EXTENSION', () => named(dns('example.com.'))],
  ['DNS with an empty label', 'ERR_PATH_EXTENSION', () => named(dns('a..example.com'))],
  ['DNS, empty', 'ERR_PATH_EXTENSION', () => named(dns(''))],
  ['DNS, a space', 'ERR_PATH_EXTENSION', () => named(dns(' '))],
  ['DNS with a label of 64', 'ERR_PATH_EXTENSION', () => named(dns(`${'a'.repeat(64)}.com`))],
  ['DNS of 254', 'ERR_PATH_EXTENSION', () => named(dns(`${'a.'.repeat(126)}aa`))],
  ['a wildcard', 'ok', () => named(dns('*.example.com'))],
  ['a wildcard for everything', 'ERR_PATH_EXTENSION', () => named(dns('*'))],
  ['a wildcard inside a label', 'ERR_PATH_EXTENSION', () => named(dns('f*o.example.com'))],
  ['a wildcard behind a label', 'ERR_PATH_EXTENSION', () => named(dns('foo.*.example.com'))],
  ['email without a host', 'ERR_PATH_EXTENSION', () => named(email('somebody'))],
  ['email without a local part', 'ERR_PATH_EXTENSION', () => named(email('@example.com'))],
  ['email with a space', 'ERR_PATH_EXTENSION', () => named(email('a b@example.com'))],
  ['email with a host that is none', 'ERR_PATH_EXTENSION', () => named(email('a@exa_mple.com'))],
  ['DNS of 253', 'ok', () => named(dns(`${'a.'.repeat(126)}a`))],
  ['email with a quoted local part', 'ok', () => named(email('"a@b"@example.com'))],
  ['a relative URI', 'ERR_PATH_EXTENSION', () => named(uri('/path'))],
  ['an address of five octets', 'ERR_PATH_EXTENSION', () => named(contextPrimitive(7, fromHex('0102030405')))],
  ['an empty directory name', 'ERR_PATH_EXTENSION', () => named(directory(sequence()))],
  ['an otherName of an unknown kind', 'ok', () => named(other('1.2.3', 'x'))],
  [
    'an issuer in another string type, case and spacing (section 7.1)',
    'ok',
    () => {
      const ca = make({ subject: commonName('The  Root') });
      return judge(leafOf(ca, { issuerName: printable('the root') }), [], [ca]);
    },
  ],
]);

const reach = (name: Uint8Array, kind: 'dns' | 'ip' | 'email', value: string) =>
  judge(leafOf(root, { names: [name], subject: commonName('example.org') }), [], [root], {
    peerNames: [{ kind, value }],
  });
const example = dns('example.com');
const wildcard = dns('*.example.com');
const ipv4 = contextPrimitive(7, fromHex('08080808'));
const ipv6 = contextPrimitive(7, fromHex('20010db80000000000000000c0000201'));
const mailbox = email('a@example.com');

table('the name of the peer (RFC 6125 section 6.4)', [
  ['DNS in other case', 'ok', () => reach(example, 'dns', 'EXAMPLE.com')],
  ['another DNS name', 'ERR_PATH_NAME', () => reach(example, 'dns', 'example.net')],
  ['a name below', 'ERR_PATH_NAME', () => reach(example, 'dns', 'www.example.com')],
  ['the common name', 'ERR_PATH_NAME', () => reach(example, 'dns', 'example.org')],
  ['one label for a wildcard', 'ok', () => reach(wildcard, 'dns', 'www.example.com')],
  ['two labels for a wildcard', 'ERR_PATH_NAME', () => reach(wildcard, 'dns', 'a.b.example.com')],
  ['no label for a wildcard', 'ERR_PATH_NAME', () => reach(wildcard, 'dns', 'example.com')],
  ['an empty label for a wildcard', 'ERR_PATH_NAME', () => reach(wildcard, 'dns', '.example.com')],
  ['IPv4', 'ok', () => reach(ipv4, 'ip', '8.8.8.8')],
  ['another IPv4', 'ERR_PATH_NAME', () => reach(ipv4, 'ip', '8.8.4.4')],
  ['IPv4 with octal digits', 'ERR_PATH_NAME', () => reach(ipv4, 'ip', '010.8.8.8')],
  ['IPv6', 'ok', () => reach(ipv6, 'ip', '2001:DB8::c000:201')],
  ['IPv6 with a dotted tail', 'ok', () => reach(ipv6, 'ip', '2001:db8::192.0.2.1')],
  ['IPv6 with two gaps', 'ERR_PATH_NAME', () => reach(ipv6, 'ip', '2001::db8::1')],
  ['an address as a DNS name', 'ERR_PATH_NAME', () => reach(ipv4, 'dns', '8.8.8.8')],
  ['a mailbox', 'ok', () => reach(mailbox, 'email', 'a@EXAMPLE.com')],
  ['a mailbox in other case', 'ERR_PATH_NAME', () => reach(mailbox, 'email', 'A@example.com')],
]);

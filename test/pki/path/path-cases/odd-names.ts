import { type Bytes } from '../../../../src/base/bytes.ts';
import { sequence, setOf } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { directory, dns, email, ip, type Recipe, uri } from '../../../support/make-certificate.ts';
import { type Cases, chain, cn, leaf, org, under, without, constrained } from './builder.ts';

const names = (...list: readonly Bytes[]): Recipe => ({ names: list });
const within = (permitted: readonly Bytes[], excluded: readonly Bytes[], ...list: readonly Bytes[]) =>
  under(constrained(permitted, excluded), names(...list));
const zeros = (n: number): number[] => new Array<number>(n).fill(0);
const bothInOne = setOf(...[org('Org'), cn('Leaf')].map((rdn) => rdn.subarray(2)));
const subtreeOf = (...rdns: readonly Bytes[]) => directory(sequence(...rdns));

/** Constraints and names at the edges of their forms. */
export const ODD_NAMES: Cases = [
  ['IPv4, a mask of no bits, permitted', true, within([ip(...zeros(8))], [], ip(8, 8, 8, 8))],
  ['IPv4, a mask of no bits, excluded', false, within([], [ip(...zeros(8))], ip(8, 8, 8, 8))],
  ['IPv4, a mask of no bits, excluded, an IPv6 address', true, within([], [ip(...zeros(8))], ip(...zeros(15), 1))],
  ['IPv6, a mask of no bits, excluded', false, within([], [ip(...zeros(32))], ip(...zeros(15), 1))],
  [
    'IPv4 inside IPv6, IPv4 excluded',
    true,
    within([], [ip(8, 0, 0, 0, 255, 0, 0, 0)], ip(...zeros(10), 255, 255, 8, 8, 8, 8)),
  ],
  [
    'IPv4 inside IPv6, IPv4 permitted',
    false,
    within([ip(8, 0, 0, 0, 255, 0, 0, 0)], [], ip(...zeros(10), 255, 255, 8, 8, 8, 8)),
  ],
  ['IPv4, bits beside the mask, permitted', true, within([ip(8, 1, 2, 3, 255, 0, 0, 0)], [], ip(8, 8, 8, 8))],
  ['IPv4, bits beside the mask, excluded', false, within([], [ip(8, 1, 2, 3, 255, 0, 0, 0)], ip(8, 8, 8, 8))],
  [
    'IPv4, a mask with a hole, excluded, another address',
    false,
    within([], [ip(8, 0, 0, 0, 255, 0, 255, 0)], ip(9, 9, 9, 9)),
  ],
  [
    'IPv6, a mask with a hole, no address',
    false,
    within([ip(...zeros(16), 255, 0, 255, ...zeros(13))], [], dns('example.com')),
  ],
  ['IP, a constraint of an address alone', false, within([ip(8, 8, 8, 8)], [], ip(8, 8, 8, 8))],
  ['IP, a constraint of nothing', false, within([], [ip()], ip(8, 8, 8, 8))],
  ['IP, a name with a mask', false, leaf(names(ip(8, 8, 8, 8, 255, 255, 255, 255)))],
  ['directory, the empty name, permitted', true, under(constrained([subtreeOf()]))],
  ['directory, the empty name, excluded', false, under(constrained([], [subtreeOf()]))],
  [
    'directory, two attributes in one place, one constrained',
    false,
    under(constrained([subtreeOf(org('Org'))]), { subject: sequence(bothInOne) }),
  ],
  [
    'directory, two attributes in one place, both constrained',
    true,
    under(constrained([subtreeOf(bothInOne)]), { subject: sequence(bothInOne) }),
  ],
  [
    'directory, the right parts in another order',
    false,
    under(constrained([subtreeOf(org('Org'), org('Unit'))]), { subject: sequence(org('Unit'), org('Org'), cn('x')) }),
  ],
  [
    'directory, the subject of a CA between, not permitted',
    false,
    chain([constrained([subtreeOf(org('Org'))]), { subject: sequence(cn('x')) }], { subject: sequence(org('Org')) }),
  ],
  [
    'directory, the subject of a CA between, permitted',
    true,
    chain([constrained([subtreeOf(org('Org'))]), { subject: sequence(org('Org'), cn('x')) }], {
      subject: sequence(org('Org')),
    }),
  ],
  [
    'a renewal of the CA is free of its own constraint',
    true,
    chain([{ ...constrained([subtreeOf(org('Org'))]), subject: sequence(cn('x')) }, { subject: sequence(cn('x')) }], {
      subject: sequence(org('Org')),
    }),
  ],
  [
    'a leaf of its issuer’s name is not',
    false,
    chain([{ ...constrained([subtreeOf(org('Org'))]), subject: sequence(cn('x')) }], { subject: sequence(cn('x')) }),
  ],
  ['alternative directory name, excluded', false, within([], [subtreeOf(org('Org'))], subtreeOf(org('ORG'), cn('y')))],
  [
    'email beside a host, all at the host permitted',
    false,
    within([email('example.com')], [], email('a@www.example.com')),
  ],
  [
    'email, local part in other case, its mailbox excluded',
    true,
    within([], [email('a@example.com')], email('A@example.com')),
  ],
  [
    'email, host in other case, its mailbox excluded',
    false,
    within([], [email('a@example.com')], email('a@EXAMPLE.COM')),
  ],
  [
    'email, quoted local part with an at sign, the host behind it excluded',
    false,
    within([], [email('example.com')], email('"x@good.example"@example.com')),
  ],
  ['URI, an address for a host, hosts excluded', false, within([], [uri('example.com')], uri('https://8.8.8.8/'))],
  [
    'URI, an IPv6 address and a port, hosts permitted',
    false,
    within([uri('example.com')], [], uri('https://[2001:db8::1]:443/')),
  ],
  ['URI, user, password and port', true, within([uri('example.com')], [], uri('https://u:p@example.com:8443/x?y#z'))],
  [
    'URI, the permitted host as the user',
    false,
    within([uri('example.com')], [], uri('https://example.com:x@evil.example/')),
  ],
  ['URI, an escaped host', false, within([], [uri('example.com')], uri('https://%65xample.com/'))],
  ['URI without an authority, hosts excluded', false, within([], [uri('example.com')], uri('urn:isbn:1'))],
  ['URI without an authority, nothing constrained', true, leaf(names(uri('urn:isbn:1')))],
  ['DNS wildcard, a sibling excluded', false, within([], [dns('evil.example.com')], dns('*.example.com'))],
  ['DNS wildcard, one two below excluded', true, within([], [dns('a.b.example.com')], dns('*.example.com'))],
  ['DNS in capitals, excluded', false, within([], [dns('EXAMPLE.com')], dns('www.Example.COM'))],
  [
    'constraints of two CAs that leave nothing',
    false,
    chain([constrained([dns('example.com')]), constrained([dns('example.net')])]),
  ],
  [
    'constraints of two CAs that leave nothing, no names',
    true,
    chain([constrained([dns('example.com')]), constrained([dns('example.net')])], without(OID.subjectAltName)),
  ],
];

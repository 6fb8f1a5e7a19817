import { fromHex, utf8 } from '../../../../src/base/bytes.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import { context, contextPrimitive, element, ia5String, oid, sequence } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import {
  commonName,
  dns,
  email,
  extensionOf,
  ip,
  nameConstraints,
  other,
  uri,
} from '../../../support/make-certificate.ts';
import { HOSTILE_URIS } from './hostile-uris.ts';
import {
  anchored,
  ca,
  type Cases,
  chain,
  forge,
  leafOf,
  more,
  type Parts,
  under,
  constrained,
  within,
} from './builder.ts';

type List = readonly Uint8Array[];

/** What a constraint covers is let in by it where it permits, and kept out where it excludes; what it does not, not. */
function covers(
  title: string,
  rows: readonly (readonly [base: Uint8Array, name: Uint8Array, isCovered: boolean, what: string])[],
): Cases {
  return rows.flatMap(([base, name, isCovered, what]) => [
    [`${title} ${what}, permitted`, isCovered, within([base], [], [name])] as const,
    [`${title} ${what}, excluded`, !isCovered, within([], [base], [name])] as const,
  ]);
}

/** What is refused whether it stands among the permitted or the excluded. */
function refused(title: string, rows: readonly (readonly [base: Uint8Array, name: Uint8Array, what: string])[]): Cases {
  return rows.flatMap(([base, name, what]) => [
    [`${title} ${what}, permitted`, false, within([base], [], [name])] as const,
    [`${title} ${what}, excluded`, false, within([], [base], [name])] as const,
  ]);
}

const mailbox = (text: string) => other(OID.smtpUtf8Mailbox, text);
const leafOfNames = (...names: List) => under({}, { names });

const block = (...octets: readonly number[]) => ip(...octets);
const NET = block(192, 0, 2, 0, 255, 255, 255, 0);
const v6 = (...octets: readonly number[]) => [...octets, ...new Array<number>(16 - octets.length).fill(0)];
const NET6 = ip(...v6(0x20, 0x01, 0x0d, 0xb8), ...v6(255, 255, 255, 255));

export const NAME_CONSTRAINTS: Cases = [
  ...covers('DNS', [
    [dns('example.com'), dns('example.com'), true, 'itself'],
    [dns('example.com'), dns('www.example.com'), true, 'below'],
    [dns('example.com'), dns('a.b.c.example.com'), true, 'far below'],
    [dns('example.com'), dns('notexample.com'), false, 'longer label'],
    [dns('example.com'), dns('com'), false, 'above'],
    [dns('example.com'), dns('example.com.evil.org'), false, 'in front'],
    [dns('EXAMPLE.com'), dns('www.example.COM'), true, 'other case'],
    [dns('com'), dns('example.com'), true, 'top level'],
    [dns(''), dns('example.com'), true, 'empty'],
    [dns('xn--mnchen-3ya.example'), dns('a.xn--mnchen-3ya.example'), true, 'punycode'],
    [dns('example.com'), dns('*.example.com'), true, 'wildcard below'],
    [dns('example.com'), dns('*.example.net'), false, 'wildcard elsewhere'],
  ]),
  ...refused('DNS', [
    [dns('.example.com'), dns('www.example.com'), 'leading period'],
    [dns('*.example.com'), dns('www.example.com'), 'wildcard'],
    [dns('example.com.'), dns('www.example.com'), 'final period'],
    [dns('exa mple.com'), dns('www.example.com'), 'space'],
    [dns('192.0.2.1'), dns('www.example.com'), 'address'],
    [element(0x82, utf8('münchen.example')), dns('www.example.com'), 'beyond ASCII'],
    [dns('a..b'), dns('www.example.com'), 'two periods'],
  ]),
  ['DNS wildcard above a permitted host', false, within([dns('www.example.com')], [], [dns('*.example.com')])],
  ['DNS wildcard above an excluded host', false, within([], [dns('www.example.com')], [dns('*.example.com')])],
  ...covers('IP', [
    [NET, ip(192, 0, 2, 255), true, 'inside'],
    [NET, ip(192, 0, 3, 1), false, 'outside'],
    [block(192, 0, 2, 7, 255, 255, 255, 255), ip(192, 0, 2, 7), true, 'one host'],
    [block(192, 0, 2, 7, 255, 255, 255, 255), ip(192, 0, 2, 8), false, 'another host'],
    [block(0, 0, 0, 0, 0, 0, 0, 0), ip(8, 8, 8, 8), true, 'all of IPv4'],
    [block(0, 0, 0, 0, 0, 0, 0, 0), ip(...v6(0x20, 1)), false, 'all of IPv4 and IPv6'],
    [block(10, 128, 0, 0, 255, 128, 0, 0), ip(10, 129, 1, 1), true, 'odd prefix, inside'],
    [block(10, 128, 0, 0, 255, 128, 0, 0), ip(10, 1, 1, 1), false, 'odd prefix, outside'],
    [NET6, ip(...v6(0x20, 0x01, 0x0d, 0xb8, 9)), true, 'IPv6 inside'],
    [NET6, ip(...v6(0x20, 0x01, 0x0d, 0xb9)), false, 'IPv6 outside'],
    [NET6, ip(1, 2, 3, 4), false, 'IPv6 and IPv4'],
    [ip(...v6(), ...v6()), ip(...v6(1)), true, 'all of IPv6'],
    [NET, ip(...v6().slice(0, 10), 255, 255, 192, 0, 2, 1), false, 'IPv4 in IPv6'],
    [NET, ip(9, 9, 9, 9), false, 'elsewhere'],
  ]),
  ...refused('IP', [
    [block(192, 0, 2, 0, 255, 0, 255, 0), ip(192, 0, 2, 1), 'mask with a hole'],
    [block(192, 0, 2, 0, 255, 255, 253, 0), ip(192, 0, 2, 1), 'mask with a hole in an octet'],
    [block(192, 0, 2, 0, 0, 255, 255, 255), ip(192, 0, 2, 1), 'mask upside down'],
    [ip(192, 0, 2, 0), ip(192, 0, 2, 1), 'without a mask'],
    [ip(192, 0, 2, 0, 255, 255, 255), ip(192, 0, 2, 1), 'of 7 octets'],
    [ip(), ip(192, 0, 2, 1), 'empty'],
    [ip(...v6(1)), ip(192, 0, 2, 1), 'IPv6 without a mask'],
    [ip(...v6(1), ...v6(255, 0, 255)), ip(192, 0, 2, 1), 'IPv6 mask with a hole'],
  ]),
  ...covers('email', [
    [email('a@example.com'), email('a@example.com'), true, 'mailbox'],
    [email('a@example.com'), email('b@example.com'), false, 'another mailbox'],
    [email('a@example.com'), email('A@example.com'), false, 'mailbox in other case'],
    [email('a@example.com'), email('a@EXAMPLE.com'), true, 'host in other case'],
    [email('example.com'), email('a@example.com'), true, 'host'],
    [email('example.com'), email('a@www.example.com'), false, 'host below'],
    [email('.example.com'), email('a@www.example.com'), true, 'domain'],
    [email('.example.com'), email('a@b.c.example.com'), true, 'domain far below'],
    [email('.example.com'), email('a@example.com'), false, 'domain itself'],
    [email('.EXAMPLE.com'), email('a@www.example.com'), true, 'domain in other case'],
    [email('example.com'), email('a@notexample.com'), false, 'longer label'],
    [email('*@example.com'), email('a@example.com'), false, 'asterisk'],
    [email('*@example.com'), email('*@example.com'), true, 'asterisk itself'],
    [email('a@example.com'), email('"a"@example.com'), true, 'mailbox in quotes'],
    [email('"a"@example.com'), email('a@example.com'), true, 'mailbox, quoted in the constraint'],
    [email('a@example.com'), email('"\\a"@example.com'), true, 'mailbox with a backslash'],
    [email('a@example.com'), email('"a "@example.com'), false, 'mailbox in quotes, with a space'],
    [email('"a@b"@example.com'), email('"a\\@b"@example.com'), true, 'mailbox with an at sign'],
  ]),
  ...refused('email', [
    [email('@example.com'), email('a@example.com'), 'without a mailbox'],
    [email('a@'), email('a@example.com'), 'without a host'],
    [email('a b'), email('a@example.com'), 'with a space'],
  ]),
  ...covers('URI', [
    [uri('example.com'), uri('https://example.com/a/b?c#d'), true, 'host'],
    [uri('example.com'), uri('HTTPS://EXAMPLE.COM'), true, 'other case'],
    [uri('example.com'), uri('https://example.com:8443/'), true, 'port'],
    [uri('example.com'), uri('https://user:secret@example.com/'), true, 'user'],
    [uri('example.com'), uri('https://www.example.com/'), false, 'below a host'],
    [uri('.example.com'), uri('https://www.example.com/'), true, 'domain'],
    [uri('.example.com'), uri('https://a.b.example.com/'), true, 'domain far below'],
    [uri('.example.com'), uri('https://example.com/'), false, 'domain itself'],
    [uri('example.com'), uri('https://example.org/example.com'), false, 'in the path'],
    [uri('example.com'), uri('https://example.com@example.org/'), false, 'as a user'],
    [uri('example.com'), uri('https://example.org?@example.com/'), false, 'in the query'],
    [uri('example.com'), uri('https://example.org#@example.com'), false, 'in the fragment'],
    [uri('example.com'), uri('ftp://example.com/'), true, 'another scheme'],
    [uri(''), uri('https://example.com/'), true, 'empty'],
  ]),
  ...refused('URI', [
    [uri('example.com'), uri('urn:uuid:1'), 'without an authority'],
    [uri('example.com'), uri('https://192.0.2.1/'), 'with an address'],
    [uri('example.com'), uri('https://[2001:db8::1]/'), 'with an IPv6 address'],
    [uri('example.com'), uri('mailto:a@example.com'), 'of a mailbox'],
    [uri('example.com'), uri('file:///etc/passwd'), 'with an empty host'],
    [uri(''), uri('urn:uuid:1'), 'empty, without an authority'],
    [uri('https://example.com'), uri('https://example.com/'), 'with a scheme'],
    [uri('example.com:443'), uri('https://example.com/'), 'with a port'],
    [uri('*.example.com'), uri('https://www.example.com/'), 'wildcard'],
    [uri('example.com'), uri('https://ex%61mple.com/'), 'with a percent sign in the host'],
    [uri('example.com'), uri('https:///example.com/'), 'with three slashes'],
    [uri('example.com'), uri('https:example.com'), 'without slashes'],
    ...HOSTILE_URIS.flatMap((text) =>
      ['good.example', 'evil.example', ''].map(
        (host) => [uri(host), uri(text), `under '${host}' of ${JSON.stringify(text)}`] as const,
      ),
    ),
  ]),
  ['otherName of a constrained form, permitted', false, within([other('1.2.3', 'x')], [], [other('1.2.3', 'x')])],
  ['otherName of a constrained form, excluded', false, within([], [other('1.2.3', 'x')], [other('1.2.3', 'y')])],
  ['otherName that is constrained and not there', true, within([other('1.2.3', 'x')], [], [dns('example.com')])],
  [
    'registered id constrained',
    false,
    within([contextPrimitive(8, fromHex('2a03'))], [], [contextPrimitive(8, fromHex('2a0304'))]),
  ],
  [
    'registered id constrained and not there',
    true,
    within([contextPrimitive(8, fromHex('2a03'))], [], [dns('example.com')]),
  ],
  ['exclusion wins', false, within([dns('example.com')], [dns('www.example.com')], [dns('www.example.com')])],
  ['exclusion beside', true, within([dns('example.com')], [dns('www.example.com')], [dns('ftp.example.com')])],
  ['one of two names outside', false, within([dns('example.com')], [], [dns('example.com'), dns('example.net')])],
  [
    'either of two permitted',
    true,
    within([dns('example.com'), dns('example.net')], [], [dns('a.example.com'), dns('b.example.net')]),
  ],
  ['another form is free', true, within([dns('example.com')], [], [ip(8, 8, 8, 8)])],
  ['no names at all', true, within([dns('example.com')], [], null)],
  ['the common name is free', true, within([dns('example.com')], [], null, commonName('example.net'))],
  ['an empty extension', false, under(more(extensionOf(OID.nameConstraints, sequence(), true)))],
  ['empty lists', false, under(more(extensionOf(OID.nameConstraints, sequence(context(0), context(1)), true)))],
  ['an empty list of permitted', false, under(more(extensionOf(OID.nameConstraints, sequence(context(0)), true)))],
  ['not critical', false, under(more(nameConstraints([dns('example.com')], [], false)))],
  ['a minimum of 0 written out', false, subtree(dns('example.com'), contextPrimitive(0, fromHex('00')))],
  ['a minimum of 1', false, subtree(dns('example.com'), contextPrimitive(0, fromHex('01')))],
  ['a maximum', false, subtree(dns('example.com'), contextPrimitive(1, fromHex('05')))],
  [
    'an exotic form of constraint',
    true,
    within([context(5, context(1, element(TAG.utf8String, utf8('x'))))], [], [dns('example.com')]),
  ],
  ['in the root', false, anchored(constrained([dns('example.net')]))],
  ['in the root, within', true, anchored(constrained([dns('example.com')]))],
  [
    'in the root, two levels up',
    false,
    () => {
      const anchor = forge({ subject: commonName('narrow'), ...constrained([dns('example.net')]) });
      const between = ca({ issuer: anchor });
      return { leaf: leafOf(between).der, untrusted: [between.der], anchors: [anchor.der] };
    },
  ],
  ['widened below', false, chain([constrained([dns('example.net')]), constrained([dns('example.com')])])],
  ['narrowed below', true, chain([constrained([dns('com')]), constrained([dns('example.com')])])],
  [
    'excluded above, permitted below',
    false,
    chain([constrained([], [dns('example.com')]), constrained([dns('example.com')])]),
  ],
  ['an intermediate outside', false, chain([constrained([dns('example.com')]), { names: [dns('example.net')] }])],
  [
    'a self-issued intermediate outside',
    true,
    chain([
      { subject: commonName('twice'), ...constrained([dns('example.com')]) },
      { subject: commonName('twice'), names: [dns('example.net')] },
    ]),
  ],
  [
    'a self-issued leaf outside',
    false,
    chain([{ subject: commonName('twice'), ...constrained([dns('example.net')]) }], { subject: commonName('twice') }),
  ],
  [
    'its own constraints do not hold for it',
    true,
    under({ ...constrained([dns('example.com')]), names: [dns('example.net')] }),
  ],
];

/** RFC 9598 section 6, of which the other implementations know nothing. */
export const MAILBOXES_BEYOND_ASCII: Cases = [
  ...covers('email', [
    [email('example.com'), mailbox('ü@example.com'), true, 'host of a mailbox beyond ASCII'],
    [email('example.com'), mailbox('ü@example.net'), false, 'another host of a mailbox beyond ASCII'],
    [email('.example.com'), mailbox('"ü b"@www.example.com'), true, 'domain of a mailbox beyond ASCII'],
    [email('a@example.com'), mailbox('ü@example.com'), false, 'another mailbox beyond ASCII'],
    [email('a@example.com'), mailbox('"a"@example.com'), true, 'mailbox as the form beyond ASCII'],
    [email(''), mailbox('ü@example.com'), true, 'empty, of a mailbox beyond ASCII'],
  ]),
  ...refused('email', [
    [email('example.com'), mailbox('ü@exämple.com'), 'of a mailbox beyond ASCII at a host beyond ASCII'],
    [email(''), mailbox('ü'), 'of no mailbox beyond ASCII'],
    [
      email('example.com'),
      context(0, oid(OID.smtpUtf8Mailbox), context(0, ia5String('a@example.com'))),
      'of a mailbox beyond ASCII in another string type',
    ],
    [
      email('example.com'),
      context(0, oid(OID.smtpUtf8Mailbox), context(0, element(TAG.utf8String, fromHex('ff40612e62')))),
      'of a mailbox that is not UTF-8',
    ],
  ]),
  ['mailbox beyond ASCII, nothing constrained', true, leafOfNames(mailbox('ü@exämple.com'))],
  ['mailbox beyond ASCII, another form constrained', true, within([dns('example.com')], [], [mailbox('ü@evil.com')])],
  [
    'mailbox beyond ASCII, constrained itself',
    false,
    within([mailbox('ü@example.com')], [], [mailbox('ü@example.com')]),
  ],
];

function subtree(...parts: List): () => Parts {
  return under(more(extensionOf(OID.nameConstraints, sequence(context(0, sequence(...parts))), true)));
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { after, DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { element, ia5String, oid, sequence, setOf, time } from '../../../src/codec/der-writer.ts';
import { contextTag, TAG } from '../../../src/codec/der-tag.ts';
import { utf8 } from '../../../src/base/bytes.ts';
import { OID } from '../../../src/codec/oid.ts';
import { NAME_COMPARISONS_MAX } from '../../../src/pki/path/name-constraints.ts';
import {
  commonName,
  directory,
  dns,
  email,
  ip,
  judge,
  make,
  nameConstraints,
  NOW,
  other,
  outcome,
  testKey,
  uri,
} from '../../support/make-certificate.ts';

const root = make({ subject: commonName('root') });
const subject = commonName('leaf');

type List = readonly Uint8Array[];

/** A leaf with these names under an intermediate with these constraints. */
function under(permitted: List, excluded: List, names: List | undefined, leafSubject: Uint8Array = subject): string {
  const ca = make({ issuer: root, isCa: true, moreExtensions: [nameConstraints(permitted, excluded)] });
  const leaf = make({ issuer: ca, subject: leafSubject, ...(names === undefined ? {} : { names }) });
  return outcome(judge(leaf, [ca], [root]));
}

type Row = readonly [constraint: Uint8Array, name: Uint8Array, isMatch: boolean];

const text = (base: Uint8Array) => new TextDecoder().decode(base.subarray(2)).replace(/[^ -~]/g, '.');

/** What matches is permitted by the constraint and excluded by it; what does not is neither. */
function matching(title: string, rows: readonly Row[]): void {
  describe(`name constraints: ${title} (RFC 5280 section 4.2.1.10)`, () => {
    for (const [constraint, name, isMatch] of rows)
      it(`${text(constraint)} ${isMatch ? 'covers' : 'does not cover'} ${text(name)}`, () => {
        assert.equal(under([constraint], [], [name]), isMatch ? 'ok' : 'ERR_PATH_CONSTRAINT');
        assert.equal(under([], [constraint], [name]), isMatch ? 'ERR_PATH_CONSTRAINT' : 'ok');
      });
  });
}

matching('DNS', [
  [dns('example.com'), dns('example.com'), true],
  [dns('example.com'), dns('EXAMPLE.COM'), true],
  [dns('example.com'), dns('a.b.example.com'), true],
  [dns('example.com'), dns('badexample.com'), false],
  [dns('example.com'), dns('com'), false],
  [dns('host.example.com'), dns('example.com'), false],
  [dns('example.com'), dns('*.example.com'), true],
  [dns(''), dns('example.com'), true],
]);

matching('email', [
  [email('a@example.com'), email('a@example.com'), true],
  [email('a@example.com'), email('a@EXAMPLE.com'), true],
  [email('a@example.com'), email('A@example.com'), false],
  [email('*@example.com'), email('*@example.com'), true],
  [email('*@example.com'), email('a@example.com'), false],
  [email('*@example.com'), email('*@sub.example.com'), false],
  [email('example.com'), email('a@example.com'), true],
  [email('example.com'), email('a@sub.example.com'), false],
  [email('.example.com'), email('a@sub.example.com'), true],
  [email('.example.com'), email('a@example.com'), false],
  [email('.example.com'), email('a@www.example.net'), false],
  [email(''), email('a@example.com'), true],
]);

matching('URI', [
  [uri('example.com'), uri('https://example.com/path'), true],
  [uri('example.com'), uri('spiffe://user:pw@EXAMPLE.com:8443/x'), true],
  [uri('example.com'), uri('https://www.example.com/'), false],
  [uri('.example.com'), uri('https://www.example.com/'), true],
  [uri('.example.com'), uri('https://example.com/'), false],
  [uri('.example.com'), uri('https://www.example.net/'), false],
  [uri(''), uri('https://example.com/'), true],
  [uri('example.com'), uri('https://example.com.evil.net/'), false],
  [uri('example.com'), uri('https://evil.net/?https://example.com'), false],
  [uri('example.com'), uri('https://evil.net#@example.com'), false],
  [uri('fleet'), uri('spiffe://fleet/node/n1'), true],
]);

matching('IP', [
  [ip(192, 0, 2, 0, 255, 255, 255, 0), ip(192, 0, 2, 77), true],
  [ip(192, 0, 2, 0, 255, 255, 255, 0), ip(192, 0, 3, 77), false],
  [ip(192, 0, 2, 5, 255, 255, 255, 0), ip(192, 0, 2, 77), true],
  [ip(192, 0, 2, 0, 255, 255, 255, 0), ip(...new Array<number>(10).fill(0), 255, 255, 192, 0, 2, 77), false],
  [ip(...new Array<number>(32).fill(0)), ip(...new Array<number>(16).fill(7)), true],
  [ip(...new Array<number>(32).fill(0)), ip(1, 2, 3, 4), false],
  [ip(1, 2, 3, 4, 0, 0, 0, 0), ip(9, 9, 9, 9), true],
]);

const rdn = (type: string, value: string, tag: number = TAG.utf8String) =>
  setOf(sequence(oid(type), element(tag, utf8(value))));
const org = (value: string, tag?: number) => rdn(OID.organization, value, tag);

describe('name constraints: directory names (RFC 5280 sections 4.2.1.10 and 7.1)', () => {
  const base = directory(sequence(org('Fleet')));
  const rows: readonly (readonly [name: string, subject: Uint8Array, isWithin: boolean])[] = [
    ['the name itself', sequence(org('Fleet')), true],
    ['a name below', sequence(org('Fleet'), rdn(OID.commonName, 'n1')), true],
    ['another string type, case and spacing', sequence(org(' FLEET ', TAG.printableString)), true],
    ['another name', sequence(org('Fleet 2')), false],
    ['the same words in another order', sequence(rdn(OID.commonName, 'n1'), org('Fleet')), false],
    ['the same text in another attribute', sequence(rdn(OID.organizationalUnit, 'Fleet')), false],
  ];
  for (const [name, of, isWithin] of rows)
    it(`${name}: ${isWithin ? 'within' : 'outside'}, as subject and as alternative name`, () => {
      assert.equal(under([base], [], undefined, of), isWithin ? 'ok' : 'ERR_PATH_CONSTRAINT');
      assert.equal(under([], [base], undefined, of), isWithin ? 'ERR_PATH_CONSTRAINT' : 'ok');
      assert.equal(under([], [base], [directory(of)]), isWithin ? 'ERR_PATH_CONSTRAINT' : 'ok');
    });

  it('both subject and alternative names must be within', () => {
    assert.equal(under([base], [], [directory(sequence(org('Fleet')))], commonName('x')), 'ERR_PATH_CONSTRAINT');
    assert.equal(under([base], [], [directory(commonName('x'))], sequence(org('Fleet'))), 'ERR_PATH_CONSTRAINT');
  });
});

describe('name constraints: how they combine (RFC 5280 section 6.1.4 g)', () => {
  const wildcard = dns('*.example.com');

  it('exclusion wins over permission', () => {
    assert.equal(under([dns('example.com')], [dns('a.example.com')], [dns('a.example.com')]), 'ERR_PATH_CONSTRAINT');
    assert.equal(under([dns('example.com')], [dns('a.example.com')], [dns('b.example.com')]), 'ok');
  });

  it('one permitted name does not carry another', () => {
    assert.equal(under([dns('example.com')], [], [dns('example.com'), dns('example.net')]), 'ERR_PATH_CONSTRAINT');
  });

  it('constraints of one form say nothing of another', () => {
    assert.equal(under([ip(192, 0, 2, 0, 255, 255, 255, 0)], [], [dns('example.com')]), 'ok');
    assert.equal(under([], [ip(0, 0, 0, 0, 0, 0, 0, 0)], [dns('example.com')]), 'ok');
  });

  it('a wildcard touches an excluded name that it stands for', () => {
    assert.equal(under([], [dns('a.example.com')], [wildcard]), 'ERR_PATH_CONSTRAINT');
    assert.equal(under([], [dns('a.b.example.com')], [wildcard]), 'ok');
    assert.equal(under([dns('a.example.com')], [], [wildcard]), 'ERR_PATH_CONSTRAINT');
  });

  it('those of every CA hold, the anchor included', () => {
    const anchor = make({ moreExtensions: [nameConstraints([dns('example.com')])] });
    const ca = make({
      issuer: anchor,
      isCa: true,
      moreExtensions: [nameConstraints([dns('a.example.com'), dns('example.net')])],
    });
    const leaf = (name: string) => outcome(judge(make({ issuer: ca, names: [dns(name)] }), [ca], [anchor]));
    assert.equal(leaf('x.a.example.com'), 'ok');
    assert.equal(leaf('b.example.com'), 'ERR_PATH_CONSTRAINT');
    assert.equal(leaf('example.net'), 'ERR_PATH_CONSTRAINT');
  });

  it('hold for intermediates, not for self-issued ones, and always for the leaf', () => {
    const name = commonName('ca');
    const ca = make({
      issuer: root,
      isCa: true,
      subject: name,
      moreExtensions: [nameConstraints([dns('example.com')])],
    });
    const renewed = make({ issuer: ca, isCa: true, subject: name, names: [dns('example.net')] });
    assert.equal(outcome(judge(make({ issuer: renewed, names: [dns('example.com')] }), [ca, renewed], [root])), 'ok');
    const outside = make({ issuer: ca, isCa: true, names: [dns('example.net')] });
    assert.equal(
      outcome(judge(make({ issuer: outside, names: [dns('example.com')] }), [ca, outside], [root])),
      'ERR_PATH_CONSTRAINT',
    );
    assert.equal(outcome(judge(renewed, [ca], [root])), 'ERR_PATH_CONSTRAINT');
  });

  it('email constraints reach the subject where there are no alternative names', () => {
    const withMail = sequence(setOf(sequence(oid(OID.emailAddress), ia5String('a@example.com'))));
    assert.equal(under([email('example.com')], [], undefined, withMail), 'ok');
    assert.equal(under([email('example.net')], [], undefined, withMail), 'ERR_PATH_CONSTRAINT');
    assert.equal(under([email('example.net')], [], [dns('example.com')], withMail), 'ok');
  });

  it('the common name is no DNS name', () => {
    assert.equal(under([dns('example.com')], [], undefined, commonName('example.net')), 'ok');
  });

  it('a form that is not understood is refused where it is constrained', () => {
    assert.equal(under([], [other('1.2.3', 'x')], [other('1.2.4', 'y')]), 'ERR_PATH_CONSTRAINT');
    assert.equal(under([other('1.2.3', 'x')], [], [dns('example.com')]), 'ok');
  });

  it('a URI without a host name is refused where URIs are constrained', () => {
    for (const name of ['urn:uuid:1', 'https://192.0.2.1/', 'https://[2001:db8::1]/', 'file:///x']) {
      assert.equal(under([uri('example.com')], [], [uri(name)]), 'ERR_PATH_CONSTRAINT', name);
      assert.equal(under([], [uri('example.com')], [uri(name)]), 'ERR_PATH_CONSTRAINT', name);
    }
  });
});

describe('name constraints: what means nothing is refused, used or not', () => {
  const senseless: readonly (readonly [name: string, base: Uint8Array])[] = [
    ['a DNS name with a leading period', dns('.example.com')],
    ['a DNS wildcard', dns('*.example.com')],
    ['an email without a local part', email('@example.com')],
    ['a URI instead of its host', uri('https://example.com/')],
    ['an address without a mask', ip(192, 0, 2, 0)],
    ['a mask with a hole', ip(192, 0, 2, 0, 255, 0, 255, 0)],
    ['a mask with a hole inside an octet', ip(192, 0, 2, 0, 255, 255, 0xf5, 0)],
    ['an address of another length', ip(192, 0, 2, 0, 255)],
  ];
  for (const [name, base] of senseless)
    it(name, () => {
      assert.equal(under([base], [], undefined), 'ERR_PATH_CONSTRAINT');
      assert.equal(under([], [base], undefined), 'ERR_PATH_CONSTRAINT');
    });

  it('a minimum or maximum', () => {
    const base = sequence(dns('example.com'), element(contextTag(1, 'primitive'), Uint8Array.of(1)));
    const bytes = element(contextTag(0, 'constructed'), base);
    assert.throws(
      () => make({ moreExtensions: [sequence(oid(OID.nameConstraints), element(TAG.octetString, sequence(bytes)))] }),
      { code: 'ERR_CERTIFICATE' },
    );
  });
});

describe('name constraints: cost', () => {
  it('read a name once, however many constraints there are and however many paths', () => {
    const bases = Array.from({ length: 100 }, (_, i) => uri(`b${i}.example.com`));
    const key = testKey();
    const shared = {
      issuer: root,
      isCa: true,
      key,
      subject: commonName('ca'),
      moreExtensions: [nameConstraints([], bases)],
    };
    const cas = Array.from({ length: 50 }, () => make(shared));
    const leaf = make({ issuer: cas[0] ?? root, names: [uri('http://example.com/')], notAfter: time(after(NOW, -1)) });
    let reads = 0;
    const name = {
      tag: 'uri' as const,
      get value() {
        reads += 1;
        return 'http://example.com/';
      },
    };
    const extensions = { ...leaf.certificate.extensions, subjectAltName: [name] };
    const certificate = Object.assign(Object.create(leaf.certificate) as typeof leaf.certificate, { extensions });
    const judged = (at: UnixMs) => outcome(judge({ ...leaf, certificate }, cas, [root], { at }));
    assert.equal(judged(after(NOW, -DAY_MS)), 'ok');
    assert.ok(reads > 0 && reads < 10, `${reads} reads beside 100 constraints`);
    reads = 0;
    assert.equal(judged(NOW), 'ERR_PATH_EXPIRED');
    assert.ok(reads > 0 && reads < 10, `${reads} reads over 50 paths`);
  });

  it(`stop at ${NAME_COMPARISONS_MAX} comparisons`, () => {
    const many = (count: number, suffix: string) => Array.from({ length: count }, (_, i) => dns(`n${i}.${suffix}`));
    const side = Math.sqrt(NAME_COMPARISONS_MAX);
    assert.equal(under([], many(side - 1, 'x.com'), many(side, 'y.com')), 'ok');
    assert.equal(under([], many(side, 'x.com'), many(side + 1, 'y.com')), 'ERR_PATH_LIMIT');
  });
});

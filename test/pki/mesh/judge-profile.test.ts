import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  bitString,
  boolean,
  type DerPart,
  NULL,
  oid,
  sequence,
  unsignedInteger,
  utf8String,
} from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { KEY_USAGE } from '../../../src/pki/x509/certificate/extensions.ts';
import { judgePath, type NodePurpose, type Trust } from '../../../src/pki/mesh/judge.ts';
import { RevocationView } from '../../../src/pki/mesh/revocation-view.ts';
import { bundleEid, craftLeaf, grantsOf, type LeafRecipe } from './crafted-leaf.ts';
import { dns, email, extensionOf, ip, other, uri } from '../../support/make-certificate.ts';
import { createTestMesh, NOW } from '../../support/mesh/issuers.ts';

type Names = readonly Uint8Array[];
type Purpose = NodePurpose | 'administrator' | 'authority';
type Wrong = readonly (readonly [name: string, names: Names, recipe?: LeafRecipe])[];

const fleet = await createTestMesh();
const nobodyRevoked = new RevocationView();

function codeOf(leaf: Certificate, purpose: Purpose, trust: Trust = fleet.trust): string {
  const judgement = judgePath([leaf, fleet.intermediate], nobodyRevoked, NOW, purpose as 'message', trust);
  return judgement.tag === 'ok' ? 'ok' : judgement.code;
}

/** Each of these is refused for the profile, and what they differ from is accepted. */
function refuses(purpose: Purpose, right: Names, recipe: LeafRecipe, wrong: Wrong): void {
  it('accepts the right one', async () => {
    assert.equal(codeOf(await craftLeaf(fleet, right, recipe), purpose), 'ok');
    assert.equal(codeOf(await craftLeaf(fleet, right.toReversed(), recipe), purpose), 'ok');
  });
  for (const [name, names, more] of wrong)
    it(`refuses ${name}`, async () => {
      assert.equal(codeOf(await craftLeaf(fleet, names, { ...recipe, ...more }), purpose), 'ERR_PATH_PROFILE');
    });
}

const spkiOf = (namedCurve: string) =>
  new Uint8Array(generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'der', type: 'spki' }));
const [URI, DNS, EID] = [uri('spiffe://fleet/node/n1'), dns('n1.fleet'), bundleEid('dtn://n1/')];
const NODE = [URI, DNS, EID];
const CA_TRUE = extensionOf(OID.basicConstraints, sequence(boolean(true)), true);
const malformedGrants = (content: Uint8Array) => ({ extra: [extensionOf(OID.meshGrants, content)] });
const relay = sequence(utf8String('relay'));

describe('judgePath: a node (spec 02 section 3.1)', () => {
  refuses('message', NODE, {}, [
    ['no names', []],
    ['no URI', [DNS, EID]],
    ['no DNS name', [URI, EID]],
    ['no endpoint id', [URI, DNS]],
    ['an otherName of another type for it', [URI, DNS, other('1.2.3', 'dtn://n1/')]],
    ['an endpoint id that is no IA5String', [URI, DNS, other(OID.bundleEid, 'dtn://n1/')]],
    ['another node in the URI', [uri('spiffe://fleet/node/n2'), DNS, EID]],
    ['another node in the DNS name', [URI, dns('n2.fleet'), EID]],
    ['another node in the endpoint id', [URI, DNS, bundleEid('dtn://n2/')]],
    ['another node in the subject', NODE, { subject: 'n2' }],
    ['two nodes', [...NODE, uri('spiffe://fleet/node/n2')]],
    ['a DNS name more', [...NODE, dns('n2.fleet')]],
    ['an address more', [...NODE, ip(127, 0, 0, 1)]],
    ['two URIs and no endpoint id', [URI, DNS, uri('spiffe://fleet/node/n1')]],
    ['an administrator', [uri('spiffe://fleet/admin/n1'), DNS, EID]],
    ['another scheme', [uri('https://fleet/node/n1'), DNS, EID]],
    ['a path behind the id', [uri('spiffe://fleet/node/n1/x'), DNS, EID]],
    ['an id that is no label', [uri('spiffe://fleet/node/N1'), dns('n1.fleet'), EID]],
    ['no id', [uri('spiffe://fleet/node/'), DNS, EID]],
    ['a service in the endpoint id', [URI, DNS, bundleEid('dtn://n1/inbox')]],
    [
      'the authority (T15)',
      [uri('spiffe://fleet/node/authority'), dns('authority.fleet'), bundleEid('dtn://authority/')],
      { subject: 'authority' },
    ],
    ['no grants', NODE, { extra: [] }],
    ['grants that are no list', NODE, malformedGrants(unsignedInteger(1))],
    ['grants with a list more', NODE, malformedGrants(sequence(sequence(), relay, relay))],
    ['grants with a role that is none', NODE, malformedGrants(sequence(sequence(utf8String('A')), relay))],
    ['grants with a capability that is none', NODE, malformedGrants(sequence(sequence(), sequence(utf8String('*'))))],
    [
      'grants of 33 capabilities',
      NODE,
      malformedGrants(sequence(sequence(), sequence(...new Array<DerPart>(33).fill(utf8String('relay'))))),
    ],
    ['a wider key usage', NODE, { keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.keyAgreement }],
    ['a CA', NODE, { extra: [grantsOf(), CA_TRUE] }],
    ['a key of P-384', NODE, { spki: spkiOf('secp384r1') }],
    ['a key of secp256k1', NODE, { spki: spkiOf('secp256k1') }],
    ['a key that is none', NODE, { spki: sequence(sequence(oid('1.2.3'), NULL), bitString(NULL)) }],
  ]);

  it('keeps an issuing key to the names of its mesh: name constraints (T14, T25)', async () => {
    const trust = { ...fleet.trust, mesh: parseMeshName('other') };
    const leaf = await craftLeaf(fleet, [uri('spiffe://other/node/n1'), dns('n1.other'), EID]);
    assert.equal(codeOf(leaf, 'message', trust), 'ERR_PATH_CONSTRAINT');
  });

  it('asks for the very usage: silence and anyExtendedKeyUsage are not enough here', async () => {
    for (const usages of [null, [OID.anyExtendedKeyUsage], [OID.clientAuth]])
      assert.equal(codeOf(await craftLeaf(fleet, NODE, { usages }), 'tls-server'), 'ERR_PATH_USAGE');
    const client = await craftLeaf(fleet, NODE, { usages: [OID.clientAuth] });
    assert.equal(codeOf(client, 'tls-client'), 'ok');
    assert.equal(codeOf(client, 'message'), 'ERR_PATH_USAGE');
  });
});

const ADMIN = [uri('spiffe://fleet/admin/boss')];
const boss = { subject: 'boss', extra: [grantsOf('administrator')] };

describe('judgePath: an administrator (spec 02 section 3.3)', () => {
  refuses('administrator', ADMIN, boss, [
    ['no names', []],
    ['no name in the URI', [uri('spiffe://fleet/admin/')]],
    ['a name that is none', [uri('spiffe://fleet/admin/BOSS')], { subject: 'BOSS' }],
    ['a node', [uri('spiffe://fleet/node/boss')]],
    ['a path before the name', [uri('spiffe://fleet/admin/x/boss')]],
    ['another mesh', [uri('spiffe://other/admin/boss')]],
    ['a DNS name more', [...ADMIN, dns('boss.fleet')]],
    ['an email more', [...ADMIN, email('boss@example.com')]],
    ['two administrators', [...ADMIN, uri('spiffe://fleet/admin/other')]],
    ['another subject', ADMIN, { subject: 'other' }],
    ['no grants', ADMIN, { extra: [] }],
    ['no role', ADMIN, { extra: [grantsOf('operator')] }],
    ['malformed grants', ADMIN, malformedGrants(unsignedInteger(1))],
    ['a wider key usage', ADMIN, { keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.keyAgreement }],
    ['a CA', ADMIN, { extra: [...boss.extra, CA_TRUE] }],
  ]);
});

const [A_URI, A_DNS] = [uri('spiffe://fleet/authority'), dns('authority.fleet')];

describe('judgePath: the authority (spec 02 section 3.2)', () => {
  refuses('authority', [A_URI, A_DNS, dns('localhost'), ip(127, 0, 0, 1)], { subject: 'authority.fleet', extra: [] }, [
    ['no names', []],
    ['no URI', [A_DNS]],
    ['no DNS name', [A_URI]],
    ['a node', [URI, A_DNS]],
    ['two URIs', [A_URI, URI, A_DNS]],
    ['another subject', [A_URI, A_DNS], { subject: 'n1.fleet' }],
    ['a wider key usage', [A_URI, A_DNS], { keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.keyAgreement }],
    ['a CA', [A_URI, A_DNS], { extra: [CA_TRUE] }],
  ]);
});

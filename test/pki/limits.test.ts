import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { after, DAY_MS } from '../../src/base/time.ts';
import { oid, sequence, setOf, unsignedInteger, utf8String } from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import {
  CAPABILITIES_MAX,
  PLAIN_CAPABILITIES,
  parseCapability,
  parseRole,
  ROLES_MAX,
} from '../../src/identity/capability.ts';
import { nodeIdOfSpki } from '../../src/identity/node-id.ts';
import {
  CERTIFICATE_BYTES_MAX,
  parseCertificate,
  parseSerial,
  SERIAL_BYTES_MAX,
} from '../../src/pki/x509/certificate/certificate.ts';
import { MESH_CERTIFICATE_BYTES_MAX } from '../../src/pki/mesh/mesh-profile.ts';
import { CRL_BYTES_MAX, parseCrl } from '../../src/pki/x509/crl/crl.ts';
import { CRL_ENTRIES_MAX } from '../../src/pki/x509/crl/crl-entries.ts';
import { buildCrl } from '../../src/pki/x509/crl/crl-build.ts';
import { NAME_ATTRIBUTES_MAX } from '../../src/pki/x509/name/distinguished-name.ts';
import { DNS_NAME_CHARS_MAX, isDnsName } from '../../src/pki/x509/name/dns-name.ts';
import { EXTENSION_LIST_MAX } from '../../src/pki/x509/certificate/extension-parts.ts';
import { GENERAL_NAMES_MAX } from '../../src/pki/x509/name/general-name.ts';
import { judgePath, MESH_INTERMEDIATES_MAX } from '../../src/pki/mesh/judge.ts';
import { buildLeaf, LEAF_LIFE_MS_MAX } from '../../src/pki/mesh/node-leaf.ts';
import { PATH_CERTIFICATES_MAX } from '../../src/pki/path/path.ts';
import { RevocationView } from '../../src/pki/mesh/revocation-view.ts';
import { commonName, dns, extensionOf, judge, make, outcome, type Party } from '../support/make-certificate.ts';
import { createTestMesh, NOW, serial } from '../support/mesh/issuers.ts';

const fleet = await createTestMesh();
const names = (count: number) => ({ names: Array.from({ length: count }, () => dns('a')) });
const usages = (count: number) => ({
  extensions: {
    [OID.extendedKeyUsage]: extensionOf(
      OID.extendedKeyUsage,
      sequence(...Array.from({ length: count }, () => oid('1.2'))),
    ),
  },
});
const subjects = (count: number) => ({
  subject: sequence(...Array.from({ length: count }, () => setOf(sequence(oid(OID.organization), utf8String('x'))))),
});

describe('limits of what is read', () => {
  for (const [name, recipe, max] of [
    ['GENERAL_NAMES_MAX', names, GENERAL_NAMES_MAX],
    ['EXTENSION_LIST_MAX', usages, EXTENSION_LIST_MAX],
    ['NAME_ATTRIBUTES_MAX', subjects, NAME_ATTRIBUTES_MAX],
  ] as const)
    it(`${name}: ${max}`, () => {
      assert.ok(make(recipe(max)).certificate);
      assert.throws(() => make(recipe(max + 1)), { code: 'ERR_CERTIFICATE', message: /more than/ });
    });

  it(`CERTIFICATE_BYTES_MAX: ${CERTIFICATE_BYTES_MAX}`, () => {
    const tooLong = new Uint8Array(CERTIFICATE_BYTES_MAX + 1);
    assert.throws(() => parseCertificate(tooLong), { code: 'ERR_CERTIFICATE', message: /longer/ });
  });

  it(`SERIAL_BYTES_MAX: ${SERIAL_BYTES_MAX}, in a certificate and as people write it`, () => {
    const serial = (bytes: number) => ({ serial: unsignedInteger(new Uint8Array(bytes).fill(0x7f)) });
    assert.equal(make(serial(SERIAL_BYTES_MAX)).certificate.serial, '7f'.repeat(SERIAL_BYTES_MAX));
    assert.throws(() => make(serial(SERIAL_BYTES_MAX + 1)), { code: 'ERR_CERTIFICATE' });
    assert.equal(parseSerial('7f'.repeat(SERIAL_BYTES_MAX)), '7f'.repeat(SERIAL_BYTES_MAX));
    assert.throws(() => parseSerial('7f'.repeat(SERIAL_BYTES_MAX + 1)), { code: 'ERR_INPUT' });
  });

  it(`DNS_NAME_CHARS_MAX: ${DNS_NAME_CHARS_MAX}`, () => {
    const name = (chars: number) => `${'a.'.repeat((chars - 1) >> 1)}${'a'.repeat(2 - (chars & 1))}`;
    assert.equal(name(DNS_NAME_CHARS_MAX).length, DNS_NAME_CHARS_MAX);
    assert.equal(isDnsName(name(DNS_NAME_CHARS_MAX)), true);
    assert.equal(isDnsName(name(DNS_NAME_CHARS_MAX + 1)), false);
  });

  it(`CRL_BYTES_MAX: ${CRL_BYTES_MAX}, CRL_ENTRIES_MAX: ${CRL_ENTRIES_MAX}`, async () => {
    assert.throws(() => parseCrl(new Uint8Array(CRL_BYTES_MAX + 1)), { code: 'ERR_CRL', message: /longer/ });
    const build = async (count: number) => {
      const entries = Array.from({ length: count }, (_, i) => ({
        serial: `${'7'.repeat(24)}${(0x1000_0000 + i).toString(16)}`,
        revokedAt: NOW,
        reason: 'keyCompromise' as const,
      }));
      const template = { issuer: fleet.intermediate, number: 1, thisUpdate: NOW, nextUpdate: after(NOW, DAY_MS) };
      return buildCrl({ ...template, entries }, fleet.intermediateSigner);
    };
    const full = await build(CRL_ENTRIES_MAX);
    assert.ok(full.length <= CRL_BYTES_MAX);
    assert.equal(parseCrl(full).size, CRL_ENTRIES_MAX);
    const overfull = await build(CRL_ENTRIES_MAX + 1);
    assert.throws(() => parseCrl(overfull), { code: 'ERR_CRL', message: /more than/ });
  });

  it(`MESH_CERTIFICATE_BYTES_MAX: ${MESH_CERTIFICATE_BYTES_MAX}, for every certificate of a chain`, async () => {
    const large = make({ ...names(1_000), subject: commonName('large') });
    const padded = make({
      issuer: large,
      moreExtensions: [extensionOf('1.2.3', new Uint8Array(MESH_CERTIFICATE_BYTES_MAX))],
    });
    const judgement = judgePath(
      [padded.certificate, fleet.intermediate],
      new RevocationView(),
      NOW,
      'message',
      fleet.trust,
    );
    assert.ok(judgement.tag === 'refused');
    assert.equal(judgement.code, 'ERR_PATH_PROFILE');
    assert.match(judgement.message, /longer/);
  });
});

describe('limits of a path', () => {
  it(`PATH_CERTIFICATES_MAX: ${PATH_CERTIFICATES_MAX}, self-issued ones included`, () => {
    const root = make({ subject: commonName('root') });
    const selfIssued = (count: number) => {
      const cas: Party[] = [];
      for (let i = 0; i < count; i++)
        cas.push(make({ issuer: cas.at(-1) ?? root, isCa: true, subject: commonName('root') }));
      return outcome(judge(make({ issuer: cas.at(-1) ?? root, subject: commonName('leaf') }), cas, [root]));
    };
    assert.equal(selfIssued(PATH_CERTIFICATES_MAX - 2), 'ok');
    assert.equal(selfIssued(PATH_CERTIFICATES_MAX - 1), 'ERR_PATH_LIMIT');
  });
});

describe('limits of a chain of a mesh', () => {
  it(`MESH_INTERMEDIATES_MAX: ${MESH_INTERMEDIATES_MAX}`, async () => {
    const root = make({ subject: commonName('root') });
    const judged = async (intermediates: number) => {
      const cas: Party[] = [];
      for (let i = 0; i < intermediates; i++) cas.push(make({ issuer: cas.at(-1) ?? root, isCa: true }));
      const { certificate: issuer, signer } = cas.at(-1) as Party;
      const { spki } = fleet.intermediateSigner;
      const grants = { roles: [], capabilities: PLAIN_CAPABILITIES, issueIndex: 1 };
      const validity = { issuedAt: NOW, lifeMs: DAY_MS };
      const ids = { mesh: fleet.mesh, nodeId: nodeIdOfSpki(spki), serial: serial() };
      const leaf = parseCertificate(await buildLeaf({ ...ids, ...grants, issuer, spki, validity }, signer));
      const chain = [leaf, ...cas.map(({ certificate }) => certificate).toReversed()];
      const trust = { ...fleet.trust, anchors: [root.certificate] };
      const judgement = judgePath(chain, new RevocationView(), NOW, 'message', trust);
      return judgement.tag === 'ok' ? 'ok' : judgement.code;
    };
    assert.equal(await judged(MESH_INTERMEDIATES_MAX), 'ok');
    assert.equal(await judged(MESH_INTERMEDIATES_MAX + 1), 'ERR_PATH_LIMIT');
  });
});

describe('limits of what is issued', () => {
  it(`ROLES_MAX: ${ROLES_MAX}, CAPABILITIES_MAX: ${CAPABILITIES_MAX}`, async () => {
    const roles = (count: number) => Array.from({ length: count }, (_, i) => parseRole(`r${i}`));
    const capabilities = (count: number) => Array.from({ length: count }, (_, i) => parseCapability(`c${i}`));
    const view = new RevocationView();
    const full = await fleet.leaf({ roles: roles(ROLES_MAX), capabilities: capabilities(CAPABILITIES_MAX) });
    const judgement = judgePath([full, fleet.intermediate], view, NOW, 'message', fleet.trust);
    assert.ok(judgement.tag === 'ok');
    assert.deepEqual([judgement.roles.length, judgement.capabilities.length], [ROLES_MAX, CAPABILITIES_MAX]);
    await assert.rejects(fleet.leaf({ roles: roles(ROLES_MAX + 1) }), RangeError);
    await assert.rejects(fleet.leaf({ capabilities: capabilities(CAPABILITIES_MAX + 1) }), RangeError);
  });

  it('a serial number is 16 random octets, a life at most seven days', async () => {
    await assert.rejects(async () => fleet.leaf({ serial: utf8('short') }), RangeError);
    await assert.rejects(async () => fleet.leaf({ serial: new Uint8Array(16) }), RangeError);
    const living = (lifeMs: number) =>
      fleet.leaf({ validity: { issuedAt: NOW, lifeMs }, capabilities: PLAIN_CAPABILITIES });
    assert.ok(await living(LEAF_LIFE_MS_MAX));
    await assert.rejects(living(LEAF_LIFE_MS_MAX + 1), RangeError);
  });
});

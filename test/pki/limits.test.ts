import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { after, DAY_MS } from '../../src/base/time.ts';
import { oid, sequence, setOf, utf8String } from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import {
  CAPABILITIES_MAX,
  PLAIN_CAPABILITIES,
  parseCapability,
  parseRole,
  ROLES_MAX,
} from '../../src/identity/capability.ts';
import { CERTIFICATE_BYTES_MAX, MESH_CERTIFICATE_BYTES_MAX, parseCertificate } from '../../src/pki/certificate.ts';
import { CRL_BYTES_MAX, CRL_ENTRIES_MAX, parseCrl } from '../../src/pki/crl.ts';
import { buildCrl } from '../../src/pki/crl-build.ts';
import { NAME_ATTRIBUTES_MAX } from '../../src/pki/distinguished-name.ts';
import { EXTENSION_LIST_MAX } from '../../src/pki/extensions.ts';
import { GENERAL_NAMES_MAX } from '../../src/pki/general-name.ts';
import { judgePath } from '../../src/pki/judge.ts';
import { INTERMEDIATES_MAX, PATH_CERTIFICATES_MAX } from '../../src/pki/path.ts';
import { RevocationView } from '../../src/pki/revocation-view.ts';
import { commonName, dns, extensionOf, judge, make, outcome, type Party } from './make-certificate.ts';
import { createTestMesh, NOW } from './test-mesh.ts';

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
  it(`INTERMEDIATES_MAX: ${INTERMEDIATES_MAX}; PATH_CERTIFICATES_MAX: ${PATH_CERTIFICATES_MAX}, self-issued ones included`, () => {
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
    assert.ok(await fleet.leaf({ validity: { issuedAt: NOW, lifeMs: 7 * DAY_MS }, capabilities: PLAIN_CAPABILITIES }));
  });
});

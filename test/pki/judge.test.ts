import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { after, DAY_MS, MINUTE_MS, type UnixMs } from '../../src/base/time.ts';
import {
  context,
  ia5String,
  namedBits,
  octetString,
  oid,
  sequence,
  unsignedInteger,
} from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import { generatePkcs8, syncSigner } from '../../src/crypto/signer.ts';
import { parseCapability, parseRole, type Role } from '../../src/identity/capability.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { type NodeId, nodeIdOfSpki, parseNodeId } from '../../src/identity/node-id.ts';
import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';
import { signCertificate } from '../../src/pki/certificate-build.ts';
import { KEY_USAGE } from '../../src/pki/extensions.ts';
import { CHAIN_CERTIFICATES_MAX, judgePath, type NodePurpose, type Trust } from '../../src/pki/judge.ts';
import { encodeGrants } from '../../src/pki/mesh-extensions.ts';
import { RevocationView } from '../../src/pki/revocation-view.ts';
import type { RevocationReason } from '../../src/pki/revocation-reason.ts';
import { commonName, dns, extensionOf, uri } from './make-certificate.ts';
import { createTestMesh, NOW, serial, type TestMesh } from './test-mesh.ts';

const fleet = await createTestMesh();
const nobodyRevoked = new RevocationView();
const PURPOSES: readonly NodePurpose[] = ['tls-server', 'tls-client', 'message'];

function judge(
  chain: readonly Certificate[],
  purpose: NodePurpose = 'message',
  at: UnixMs = NOW,
  trust: Trust = fleet.trust,
  view = nobodyRevoked,
) {
  return judgePath(chain, view, at, purpose, trust);
}

function codeOf(judgement: { readonly tag: string; readonly code?: string }): string {
  return judgement.code ?? judgement.tag;
}

describe('judgePath of a node (S1.10, S1.18)', () => {
  it('says who it is, what it may do and until when', async () => {
    for (const kind of ['P-256', 'Ed25519'] as const) {
      const mesh = await createTestMesh('fleet', kind);
      const spki = syncSigner(generatePkcs8(kind)).spki;
      const leaf = await mesh.leaf({ spki });
      for (const purpose of PURPOSES) {
        const judgement = judge([leaf, mesh.intermediate], purpose, NOW, mesh.trust);
        assert.ok(judgement.tag === 'ok', JSON.stringify(judgement));
        assert.equal(judgement.nodeId, nodeIdOfSpki(spki));
        assert.deepEqual(judgement.roles, ['sensor']);
        assert.deepEqual(judgement.capabilities, ['publish:indicator', 'publish:sensor/*', 'relay']);
        assert.equal(judgement.leaf, leaf);
        assert.equal(judgement.notAfter, after(NOW, DAY_MS));
        assert.equal(judgement.issuerKeyHash, mesh.intermediate.keyHash);
      }
    }
  });

  it('takes capabilities from the list alone: a role adds nothing', async () => {
    const leaf = await fleet.leaf({ roles: [parseRole('operator')], capabilities: [parseCapability('relay')] });
    const judgement = judge([leaf, fleet.intermediate]);
    assert.deepEqual(judgement.tag === 'ok' && judgement.capabilities, ['relay']);
  });

  it('accepts a certificate dated back, until it ends', async () => {
    const chain = [await fleet.leaf(), fleet.intermediate];
    assert.equal(codeOf(judge(chain, 'message', after(NOW, -10 * MINUTE_MS))), 'ok');
    assert.equal(codeOf(judge(chain, 'message', after(NOW, -11 * MINUTE_MS))), 'ERR_PATH_NOT_YET_VALID');
    assert.equal(codeOf(judge(chain, 'message', after(NOW, DAY_MS))), 'ok');
    assert.equal(codeOf(judge(chain, 'message', after(NOW, DAY_MS + 1_000))), 'ERR_PATH_EXPIRED');
  });

  it('never lets a leaf outlive its issuer', async () => {
    const young = after(fleet.intermediate.notAfter, -MINUTE_MS);
    const leaf = await fleet.leaf({ validity: { issuedAt: young, lifeMs: DAY_MS } });
    assert.equal(leaf.notAfter, fleet.intermediate.notAfter);
    await assert.rejects(fleet.leaf({ validity: { issuedAt: after(young, MINUTE_MS), lifeMs: DAY_MS } }), RangeError);
    await assert.rejects(fleet.leaf({ validity: { issuedAt: NOW, lifeMs: 8 * DAY_MS } }), RangeError);
  });
});

describe('judgePath: whose leaf it is (T14)', () => {
  it('takes the identity of the first certificate, and refuses a second leaf behind it', async () => {
    const [mine, yours] = [await fleet.leaf(), await fleet.leaf()];
    assert.equal(codeOf(judge([mine, fleet.intermediate, yours])), 'ERR_PATH_PROFILE');
    assert.equal(codeOf(judge([mine, yours])), 'ERR_PATH_PROFILE');
  });

  it('refuses a CA at the first place', () => {
    assert.equal(codeOf(judge([fleet.intermediate])), 'ERR_PATH_PROFILE');
    assert.equal(codeOf(judge([fleet.root])), 'ERR_PATH_PROFILE');
  });

  it('refuses no chain, a long one, and one that does not reach the anchor', async () => {
    const leaf = await fleet.leaf();
    assert.equal(codeOf(judge([])), 'ERR_PATH_EMPTY');
    assert.equal(
      codeOf(judge([leaf, ...new Array<Certificate>(CHAIN_CERTIFICATES_MAX).fill(fleet.intermediate)])),
      'ERR_PATH_LIMIT',
    );
    assert.equal(codeOf(judge([leaf])), 'ERR_PATH_NO_ANCHOR');
  });

  it('refuses the certificate of another mesh of the same name', async () => {
    const impostor = await createTestMesh();
    const chain = [await impostor.leaf(), impostor.intermediate];
    assert.equal(codeOf(judge(chain)), 'ERR_PATH_NO_ANCHOR');
    assert.equal(codeOf(judge([...chain, impostor.root])), 'ERR_PATH_NO_ANCHOR');
  });

  it('refuses the certificate of another mesh under the same authority', async () => {
    const trust = { ...fleet.trust, mesh: parseMeshName('other') };
    assert.equal(codeOf(judge([await fleet.leaf(), fleet.intermediate], 'message', NOW, trust)), 'ERR_PATH_PROFILE');
  });
});

/** A leaf that the intermediate signs without asking the profile, and how it is judged. */
async function crafted(
  names: readonly Uint8Array[],
  more: {
    subject?: Uint8Array;
    usages?: readonly string[] | null;
    keyUsage?: number;
    extra?: readonly Uint8Array[];
    mesh?: TestMesh;
  } = {},
) {
  const { mesh = fleet, usages = [OID.serverAuth, OID.clientAuth, OID.bundleSecurity] } = more;
  const grants = extensionOf(OID.meshGrants, encodeGrants({ roles: [], capabilities: [parseCapability('relay')] }));
  const { spki } = syncSigner(generatePkcs8('Ed25519'));
  const keyId = mesh.intermediate.extensions.subjectKeyIdentifier ?? '';
  return parseCertificate(
    await signCertificate(
      {
        issuer: mesh.intermediate.subject.der,
        subject: more.subject ?? commonName('n1'),
        spki,
        serial: serial(),
        notBefore: NOW,
        notAfter: after(NOW, DAY_MS),
        extensions: [
          extensionOf(OID.keyUsage, namedBits(more.keyUsage ?? KEY_USAGE.digitalSignature), true),
          ...(usages === null ? [] : [extensionOf(OID.extendedKeyUsage, sequence(...usages.map(oid)))]),
          extensionOf(OID.authorityKeyIdentifier, sequence(octetImplicit(keyId))),
          ...(names.length === 0 ? [] : [extensionOf(OID.subjectAltName, sequence(...names))]),
          ...(more.extra ?? [grants]),
        ],
      },
      mesh.intermediateSigner,
    ),
  );
}

function octetImplicit(hex: string): Uint8Array {
  const der = octetString(Uint8Array.fromHex(hex));
  der[0] = 0x80;
  return der;
}

const eid = (text: string) => context(0, oid(OID.bundleEid), context(0, ia5String(text)));
const [URI, DNS, EID] = [uri('spiffe://fleet/node/n1'), dns('n1.fleet'), eid('dtn://n1/')];

describe('judgePath: the names of a leaf (spec 02 section 3)', () => {
  it('accepts three that agree, in any order', async () => {
    assert.equal(codeOf(judge([await crafted([EID, DNS, URI]), fleet.intermediate])), 'ok');
  });

  const wrong: readonly (readonly [name: string, names: readonly Uint8Array[], subject?: string])[] = [
    ['none', []],
    ['no URI', [DNS, EID]],
    ['no DNS name', [URI, EID]],
    ['no endpoint id', [URI, DNS]],
    ['another node in the URI', [uri('spiffe://fleet/node/n2'), DNS, EID]],
    ['another node in the DNS name', [URI, dns('n2.fleet'), EID]],
    ['another node in the endpoint id', [URI, DNS, eid('dtn://n2/')]],
    ['another node in the subject', [URI, DNS, EID], 'n2'],
    ['two nodes', [URI, DNS, EID, uri('spiffe://fleet/node/n2')]],
    ['a DNS name more', [URI, DNS, EID, dns('n2.fleet')]],
    ['an administrator', [uri('spiffe://fleet/admin/n1'), DNS, EID]],
    ['a path behind the id', [uri('spiffe://fleet/node/n1/x'), DNS, EID]],
    ['an id that is no label', [uri('spiffe://fleet/node/N1'), dns('n1.fleet'), EID]],
    ['a service in the endpoint id', [URI, DNS, eid('dtn://n1/inbox')]],
    [
      'the authority (T15)',
      [uri('spiffe://fleet/node/authority'), dns('authority.fleet'), eid('dtn://authority/')],
      'authority',
    ],
  ];
  for (const [name, names, subject = 'n1'] of wrong)
    it(`refuses ${name}`, async () => {
      const leaf = await crafted(names, { subject: commonName(subject) });
      assert.equal(codeOf(judge([leaf, fleet.intermediate])), 'ERR_PATH_PROFILE');
    });

  it('keeps an issuing key to the names of its mesh: name constraints (T14, T25)', async () => {
    const trust = { ...fleet.trust, mesh: parseMeshName('other') };
    const names = [uri('spiffe://other/node/n1'), dns('n1.other'), EID];
    assert.equal(
      codeOf(judge([await crafted(names), fleet.intermediate], 'message', NOW, trust)),
      'ERR_PATH_CONSTRAINT',
    );
  });

  it('refuses a leaf without grants, with malformed ones, and with a wider key usage', async () => {
    const all = [URI, DNS, EID];
    const malformed = extensionOf(OID.meshGrants, sequence(unsignedInteger(1)));
    for (const more of [
      { extra: [] },
      { extra: [malformed] },
      { keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.keyAgreement },
    ])
      assert.equal(codeOf(judge([await crafted(all, more), fleet.intermediate])), 'ERR_PATH_PROFILE');
  });

  it('asks for the very usage: silence and anyExtendedKeyUsage are not enough here', async () => {
    const all = [URI, DNS, EID];
    for (const usages of [null, [OID.anyExtendedKeyUsage], [OID.clientAuth]])
      assert.equal(codeOf(judge([await crafted(all, { usages }), fleet.intermediate], 'tls-server')), 'ERR_PATH_USAGE');
    const client = [await crafted(all, { usages: [OID.clientAuth] }), fleet.intermediate];
    assert.equal(codeOf(judge(client, 'tls-client')), 'ok');
    assert.equal(codeOf(judge(client, 'message')), 'ERR_PATH_USAGE');
  });
});

describe('judgePath: revocation', () => {
  const revoked = async (leaf: Certificate, reason: RevocationReason, revokedAt: UnixMs = NOW) => {
    const view = new RevocationView();
    const crl = await fleet.crl(1, [{ serial: leaf.serial, revokedAt, reason }]);
    assert.equal(view.install(crl, fleet.intermediate, fleet.trust.checkSignature).tag, 'installed');
    return view;
  };
  const before = after(NOW, -MINUTE_MS);

  it('counts whatever the time of signing says: a thief sets clocks', async () => {
    const chain = [await fleet.leaf(), fleet.intermediate];
    for (const reason of ['unspecified', 'keyCompromise', 'certificateHold', 'privilegeWithdrawn'] as const) {
      const view = await revoked(chain[0] as Certificate, reason);
      for (const purpose of PURPOSES)
        assert.equal(codeOf(judge(chain, purpose, before, fleet.trust, view)), 'ERR_PATH_REVOKED');
    }
  });

  it('spares messages signed before the key was superseded or its holder ceased, and no links', async () => {
    const chain = [await fleet.leaf(), fleet.intermediate];
    for (const reason of ['superseded', 'cessationOfOperation'] as const) {
      const view = await revoked(chain[0] as Certificate, reason);
      assert.equal(codeOf(judge(chain, 'message', before, fleet.trust, view)), 'ok');
      assert.equal(codeOf(judge(chain, 'message', NOW, fleet.trust, view)), 'ERR_PATH_REVOKED');
      assert.equal(codeOf(judge(chain, 'tls-client', before, fleet.trust, view)), 'ERR_PATH_REVOKED');
    }
  });

  it('is said by the issuer of the certificate alone', async () => {
    const leaf = await fleet.leaf();
    const view = new RevocationView();
    const other = await createTestMesh('other');
    const foreign = await other.crl(1, [{ serial: leaf.serial, revokedAt: NOW, reason: 'keyCompromise' }]);
    assert.equal(view.install(foreign, other.intermediate, other.trust.checkSignature).tag, 'installed');
    assert.equal(codeOf(judge([leaf, fleet.intermediate], 'message', NOW, fleet.trust, view)), 'ok');
  });
});

describe('judgePath of administrators and the authority', () => {
  it('knows each by its own purpose, and none by another (T15)', async () => {
    const { intermediate, trust } = fleet;
    const node = await fleet.leaf({ nodeId: parseNodeId('boss') });
    const admin = await fleet.administrator('boss');
    const server = await fleet.server('localhost', '127.0.0.1');
    const asked = (leaf: Certificate) => [
      ...PURPOSES.map((purpose) => codeOf(judgePath([leaf, intermediate], nobodyRevoked, NOW, purpose, trust))),
      codeOf(judgePath([leaf, intermediate], nobodyRevoked, NOW, 'administrator', trust)),
      codeOf(judgePath([leaf, intermediate], nobodyRevoked, NOW, 'authority', trust)),
    ];
    const no = 'ERR_PATH_PROFILE';
    assert.deepEqual(asked(node), ['ok', 'ok', 'ok', no, no]);
    assert.deepEqual(asked(admin), [no, no, no, 'ok', no]);
    assert.deepEqual(asked(server), [no, no, no, no, 'ok']);
    const judgement = judgePath([admin, intermediate], nobodyRevoked, NOW, 'administrator', trust);
    assert.deepEqual(judgement.tag === 'ok' && [judgement.name, judgement.roles], ['boss', ['administrator']]);
  });

  it('does not take the role of an administrator from a node', async () => {
    const leaf = await fleet.leaf({ nodeId: 'boss' as NodeId, roles: ['administrator' as Role] });
    assert.equal(
      codeOf(judgePath([leaf, fleet.intermediate], nobodyRevoked, NOW, 'administrator', fleet.trust)),
      'ERR_PATH_PROFILE',
    );
  });

  it('refuses to name a host that the intermediate may not certify', async () => {
    for (const host of ['ca.example.com', 'localhost.example', 'not a host', '*.fleet.example'])
      await assert.rejects(fleet.server(host), RangeError, host);
    const open = await createTestMesh('fleet', 'Ed25519', ['ca.example.com']);
    const server = await open.server('ca.example.com', '::1', 'localhost');
    assert.equal(codeOf(judgePath([server, open.intermediate], nobodyRevoked, NOW, 'authority', open.trust)), 'ok');
  });
});

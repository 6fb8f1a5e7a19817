import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { after, DAY_MS, MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { parseCapability, parseRole, type Role } from '../../../src/identity/capability.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { type NodeId, nodeIdOfSpki, parseNodeId } from '../../../src/identity/node-id.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { judgePath, type NodePurpose, type Trust } from '../../../src/pki/mesh/judge.ts';
import { MESH_CHAIN_CERTIFICATES_MAX } from '../../../src/pki/mesh/mesh-profile.ts';
import { RevocationView } from '../../../src/pki/mesh/revocation-view.ts';
import type { RevocationReason } from '../../../src/pki/x509/crl/revocation-reason.ts';
import { createTestMesh, NOW } from '../../support/mesh/issuers.ts';

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
      const spki = softwareSigner(generatePkcs8(kind)).spki;
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
      codeOf(judge([leaf, ...new Array<Certificate>(MESH_CHAIN_CERTIFICATES_MAX).fill(fleet.intermediate)])),
      'ERR_PATH_LIMIT',
    );
    const most = new Array<Certificate>(MESH_CHAIN_CERTIFICATES_MAX - 1).fill(fleet.intermediate);
    assert.equal(codeOf(judge([leaf, ...most])), 'ok');
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

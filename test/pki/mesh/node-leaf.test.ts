import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bytes, fromHex, toHex } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, type UnixMs } from '../../../src/base/time.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { capabilitiesOfRoles, parseRole } from '../../../src/identity/capability.ts';
import { nodeIdOfSpki, parseNodeId } from '../../../src/identity/node-id.ts';
import { issueIndexOf } from '../../../src/pki/mesh/mesh-extensions.ts';
import { NodeLeaves, type NodeLeafRequest } from '../../../src/pki/mesh/node-leaf.ts';
import { keyIdOf } from '../../../src/pki/x509/certificate/certificate-build.ts';
import { parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { signedStructure } from '../../../src/pki/x509/sign-structure.ts';
import { createTestMesh, NOW } from '../../support/mesh/issuers.ts';

const fleet = await createTestMesh('fleet', 'P-256');
const spkis: readonly Bytes[] = Array.from(
  { length: 3 },
  (_, i) => softwareSigner(generatePkcs8(i === 2 ? 'Ed25519' : 'P-256')).spki,
);
const grantsOf = (...names: readonly string[]) => {
  const roles = names.map(parseRole);
  return { roles, capabilities: capabilitiesOfRoles(roles) };
};
const plain = grantsOf();
const sensor = grantsOf('sensor');

/** Everything that changes from one to the next, in all the lengths that it has. */
function requestOf(i: number): NodeLeafRequest {
  const spki = spkis[i % 3] as Bytes;
  const serial = sha256(Uint8Array.of(i, i >> 8)).slice(0, 16);
  if (i % 7 === 0) serial.fill(0, 0, 1 + (i % 5));
  return {
    nodeId: i % 4 === 0 ? parseNodeId('n'.repeat(1 + (i % 63))) : nodeIdOfSpki(spki),
    issueIndex: [0, 127, 128, 255, 256, 65_535, 2 ** 24, 2 ** 40][i % 8] as number,
    spki,
    keyId: keyIdOf(spki),
    serial,
    validity: { issuedAt: (NOW + i * HOUR_MS) as UnixMs, lifeMs: DAY_MS },
    grants: i % 11 < 6 ? plain : sensor,
    ...(i % 13 === 0 && { crlUrl: `http://crl.fleet/${'x'.repeat(i % 5)}` }),
  };
}

describe('certificates of nodes', () => {
  it('are the same, whatever was laid out before', () => {
    const leaves = new NodeLeaves(fleet.mesh, fleet.intermediate);
    for (let i = 0; i < 500; i++) {
      const request = requestOf(i);
      const alone = new NodeLeaves(fleet.mesh, fleet.intermediate).toSign(request, 'ES256');
      assert.equal(toHex(leaves.toSign(request, 'ES256')), toHex(alone), `request ${i}`);
    }
  });

  it('say what was asked', () => {
    const leaves = new NodeLeaves(fleet.mesh, fleet.intermediate);
    for (let i = 0; i < 100; i++) {
      const request = requestOf(i);
      const toSign = leaves.toSign(request, 'ES256');
      const signature = fleet.intermediateSigner.signSync(toSign);
      const certificate = parseCertificate(signedStructure(toSign, 'ES256', signature));
      assert.equal(toHex(certificate.spki), toHex(request.spki));
      assert.equal(certificate.extensions.subjectKeyIdentifier, toHex(request.keyId));
      assert.equal(issueIndexOf(certificate), request.issueIndex);
      assert.ok(
        certificate.extensions.subjectAltName?.some(
          (name) => name.tag === 'dns' && name.value === `${request.nodeId}.${fleet.mesh}`,
        ),
      );
    }
  });

  it('are not laid over one another: each has bytes of its own', () => {
    const leaves = new NodeLeaves(fleet.mesh, fleet.intermediate);
    const all = Array.from({ length: 200 }, (_, i) => leaves.toSign(requestOf(i), 'ES256'));
    const before = all.map(toHex);
    leaves.toSign(requestOf(201), 'ES256');
    assert.deepEqual(all.map(toHex), before);
    assert.notDeepEqual(fromHex(before[0] as string), fromHex(before[1] as string));
  });
});

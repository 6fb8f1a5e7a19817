import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { buildCrl } from '../../../src/pki/x509/crl/crl-build.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { buildCsr, parseCsr } from '../../../src/pki/x509/certificate/csr.ts';
import { findProgram, missing } from '../../support/foreign/programs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { createTestMesh, type KeyKind, NOW } from '../../support/mesh/issuers.ts';

const skip = missing('openssl');
const OPENSSL = findProgram('openssl') ?? 'openssl';
const AT = ['-attime', String(NOW / 1_000)];

function openssl(folder: string, ...args: readonly string[]): { readonly ok: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(OPENSSL, args, { cwd: folder, encoding: 'utf8', timeout: 20_000 });
  return { ok: status === 0, text: stdout + stderr };
}

function assertOk({ ok, text }: { readonly ok: boolean; readonly text: string }, says?: RegExp): void {
  assert.ok(ok, text);
  if (says !== undefined) assert.match(text, says);
}

const pem = (certificate: Certificate) => encodePem('CERTIFICATE', certificate.der);

for (const kind of ['P-256', 'Ed25519'] as const)
  describe(`openssl and what we issue with ${kind} keys`, { skip }, () => {
    let folder = '';
    let leafSerial = '';

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
      leafSerial = await writeMesh(folder, kind);
    });

    after(() => rmSync(folder, { recursive: true, force: true }));

    const verify = (...args: readonly string[]) => openssl(folder, 'verify', ...AT, ...args);

    it('accepts a node with ca.pem, by the words of the contract', () => {
      assertOk(verify('-CAfile', 'ca.pem', 'node.pem'), /OK/);
    });

    it('accepts every leaf for its purpose, strictly', () => {
      const strictly = ['-x509_strict', '-CAfile', 'root.pem', '-untrusted', 'intermediate.pem'];
      for (const [purpose, file] of [
        ['sslclient', 'node.pem'],
        ['sslserver', 'node.pem'],
        ['sslserver', 'server.pem'],
        ['sslclient', 'admin.pem'],
      ] as const)
        assertOk(verify(...strictly, '-purpose', purpose, file), /OK/);
      assert.equal(verify(...strictly, '-purpose', 'sslserver', 'admin.pem').ok, false);
      assert.equal(verify(...strictly, '-purpose', 'sslclient', 'server.pem').ok, false);
    });

    it('finds the authority under its names and addresses', () => {
      const chain = ['-CAfile', 'root.pem', '-untrusted', 'intermediate.pem'];
      for (const host of ['authority.fleet', 'localhost'])
        assertOk(verify(...chain, '-verify_hostname', host, 'server.pem'));
      for (const address of ['127.0.0.1', '::1']) assertOk(verify(...chain, '-verify_ip', address, 'server.pem'));
      assert.equal(verify(...chain, '-verify_hostname', 'n1.fleet', 'server.pem').ok, false);
    });

    it('verifies the CRLs, and refuses the revoked leaf alone', () => {
      assertOk(openssl(folder, 'crl', '-in', 'crl.pem', '-CAfile', 'ca.pem', '-noout'), /verify OK/);
      assertOk(openssl(folder, 'crl', '-in', 'root-crl.pem', '-CAfile', 'ca.pem', '-noout'), /verify OK/);
      const checked = ['-crl_check_all', '-CAfile', 'ca.pem', '-CRLfile', 'crl.pem', '-CRLfile', 'root-crl.pem'];
      assertOk(verify(...checked, 'server.pem'), /OK/);
      const revoked = verify(...checked, 'node.pem');
      assert.equal(revoked.ok, false);
      assert.match(revoked.text, /revoked/);
    });

    it('reads the CRL as we meant it', () => {
      const { text } = openssl(folder, 'crl', '-in', 'crl.pem', '-noout', '-text');
      assert.match(text, /X509v3 CRL Number:\s+42/);
      assert.match(text, /Key Compromise/);
      assert.ok(
        text
          .toLowerCase()
          .replaceAll(/[^0-9a-f]/g, '')
          .includes(leafSerial),
        text,
      );
    });

    it('verifies our certification request', () => {
      assertOk(openssl(folder, 'req', '-in', 'request.pem', '-verify', '-noout'), /OK/);
    });
  });

/** A whole mesh as files. Returns the serial number of the leaf, which its CRL revokes. */
async function writeMesh(folder: string, kind: KeyKind): Promise<string> {
  const mesh = await createTestMesh('fleet', kind);
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const leaf = await mesh.leaf({ crlUrl: 'https://localhost:8443/v1/crl' });
  write('root.pem', pem(mesh.root));
  write('intermediate.pem', pem(mesh.intermediate));
  write('ca.pem', pem(mesh.intermediate) + pem(mesh.root));
  write('node.pem', pem(leaf) + pem(mesh.intermediate));
  write('server.pem', pem(await mesh.server('localhost', '127.0.0.1', '::1')));
  write('admin.pem', pem(await mesh.administrator('admin')));
  const crl = await mesh.crl(42, [{ serial: leaf.serial, revokedAt: NOW, reason: 'keyCompromise' }]);
  write('crl.pem', encodePem('X509 CRL', crl.der));
  const ofRoot = { issuer: mesh.root, number: 1, thisUpdate: NOW, nextUpdate: (NOW + DAY_MS) as UnixMs, entries: [] };
  write('root-crl.pem', encodePem('X509 CRL', await buildCrl(ofRoot, mesh.rootSigner)));
  write('request.pem', encodePem('CERTIFICATE REQUEST', await buildCsr(softwareSigner(generatePkcs8(kind)))));
  return leaf.serial;
}

describe('what openssl makes, read by us', { skip }, () => {
  it('certification requests with P-256 and Ed25519 keys', (t) => {
    const folder = tempDir(t);
    for (const [algorithm, kind] of [
      ['EC', 'P-256'],
      ['ED25519', 'Ed25519'],
    ] as const) {
      const curve = algorithm === 'EC' ? ['-pkeyopt', 'ec_paramgen_curve:P-256'] : [];
      assertOk(openssl(folder, 'genpkey', '-algorithm', algorithm, ...curve, '-out', 'key.pem'));
      for (const subject of ['/CN=n1', '/']) {
        const { ok, text } = openssl(folder, 'req', '-new', '-key', 'key.pem', '-subj', subject);
        assert.ok(ok, text);
        assert.equal(parseCsr(text.slice(text.indexOf('-----BEGIN'))).algorithm, kind);
      }
    }
  });

  it('requests with RSA keys are refused by their kind', (t) => {
    const folder = tempDir(t);
    const { text } = openssl(
      folder,
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'key.pem',
      '-subj',
      '/CN=n1',
    );
    assert.throws(() => parseCsr(text.slice(text.indexOf('-----BEGIN'))), { code: 'ERR_CSR_KEY' });
  });

  it('a CRL of ours that openssl has rewritten is the same', async (t) => {
    const folder = tempDir(t);
    const mesh = await createTestMesh('fleet', 'P-256');
    const crl = await mesh.crl(7, [{ serial: 'abc01', revokedAt: NOW, reason: 'superseded' }]);
    writeFileSync(join(folder, 'crl.der'), crl.der);
    assertOk(openssl(folder, 'crl', '-inform', 'DER', '-in', 'crl.der', '-outform', 'DER', '-out', 'again.der'));
    assert.deepEqual(parseCrl(new Uint8Array(readFileSync(join(folder, 'again.der')))).der, crl.der);
  });
});

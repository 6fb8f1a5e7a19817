import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { MessageCheck } from '../../../src/client/verify.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import type { FileVerdict, VerifyContext } from '../../../src/daemon/verify/verdict.ts';
import { anchorsAmong, readCrlFile, verifyFile } from '../../../src/daemon/verify/verify-file.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseCertificatesPem } from '../../../src/pki/x509/certificate/certificate.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { type Kit, makeVerifyKit } from '../../support/verify-kit.ts';

describe('chainmail verify FILE', () => {
  let kit: Kit;
  let full: VerifyContext;
  let bare: VerifyContext;

  before(async () => {
    kit = await makeVerifyKit();
    const nothing = { now: Date.now() as UnixMs, mesh: undefined, anchors: [], others: [], chain: [], crls: [] };
    bare = nothing;
    full = {
      ...nothing,
      ...anchorsAmong(parseCertificatesPem(kit.files['ca.pem'] as string)),
      chain: parseCertificatesPem(kit.files['node.pem'] as string),
    };
  });

  function bytesOf(name: string): Uint8Array {
    const file = kit.files[name] ?? assert.fail(name);
    return typeof file === 'string' ? utf8(file) : file;
  }

  function verify(name: string, context: VerifyContext = full): Promise<FileVerdict> {
    return verifyFile(bytesOf(name), context);
  }

  for (const [name, kind] of [
    ['node.pem', 'certificate'],
    ['ca.pem', 'certificate'],
    ['crl.der', 'crl'],
    ['message.cose', 'message'],
    ['message.hex', 'message'],
    ['message.b64', 'message'],
    ['node.csr', 'csr'],
    ['fleet.ticket', 'ticket'],
    ['signed.jsonl', 'export'],
  ] as const)
    it(`knows ${name}, and that it holds`, async () => {
      const verdict = await verify(name);
      assert.equal(verdict.kind, kind);
      assert.equal(verdict.ok, true, JSON.stringify(verdict.error));
      assert.equal(verdict.error, undefined);
    });

  it('knows DER by its first fields, and hex and base64 of it', async () => {
    const [leaf] = full.chain;
    const der = leaf?.der ?? assert.fail();
    assert.equal((await verifyFile(der, full)).ok, true);
    assert.equal((await verifyFile(utf8(der.toHex()), full)).ok, true);
    assert.equal((await verifyFile(utf8(der.toBase64()), full)).ok, true);
  });

  it('believes nobody who was not named (T14)', async () => {
    for (const name of ['node.pem', 'crl.der', 'message.cose'])
      assert.equal((await verify(name, { ...bare, chain: full.chain })).error?.code, 'ERR_PATH_NO_ANCHOR', name);
    assert.equal((await verify('message.cose', bare)).error?.code, 'ERR_MESSAGE_SIGNATURE');
    const named = { ...full, chain: [], mesh: parseMeshName('depot') };
    assert.equal((await verify('message.cose', named)).error?.code, 'ERR_MESSAGE_UNKNOWN_ORIGIN');
  });

  it('believes the roots of a file of certificates, and all of them only where there is no root', async () => {
    const [root] = full.anchors;
    const [intermediate] = full.others;
    assert.ok(root !== undefined && intermediate !== undefined);
    assert.deepEqual(anchorsAmong([intermediate, root]), { anchors: [root], others: [intermediate] });
    assert.deepEqual(anchorsAmong([intermediate]), { anchors: [intermediate], others: [] });
    const trustAnchor = encodePem('CERTIFICATE', intermediate.der);
    const client = () => new MessageCheck({ mesh: 'depot', trustAnchor, now: full.now });
    assert.throws(client, { code: 'ERR_PATH_NO_ANCHOR' }, 'a program names roots');
  });

  it('says what a message tells even where it cannot be judged', async () => {
    const { ok, origin, type } = await verify('message.cose', bare);
    assert.deepEqual({ ok, origin, type }, { ok: false, origin: kit.nodeId, type: 'indicator' });
  });

  it('refuses a message in another mesh, past its time, or of a revoked member', async () => {
    const elsewhere = { ...full, mesh: parseMeshName('elsewhere') };
    assert.equal((await verify('message.cose', elsewhere)).error?.code, 'ERR_MESSAGE_SIGNATURE');
    const later = { ...full, now: (full.now + DAY_MS) as UnixMs };
    assert.equal((await verify('message.cose', later)).error?.code, 'ERR_MESSAGE_EXPIRED');
    const outcast = { ...full, chain: parseCertificatesPem(kit.files['revoked.pem'] as string) };
    assert.equal((await verify('message.cose', outcast)).error?.code, 'ERR_MESSAGE_UNKNOWN_ORIGIN');
    assert.equal((await verify('revoked.cose', outcast)).ok, true, 'without the list nobody can tell');
    const crls = [readCrlFile(bytesOf('crl.der'))];
    assert.equal((await verify('revoked.cose', { ...outcast, crls })).error?.code, 'ERR_MESSAGE_REVOKED_ORIGIN');
    assert.equal((await verify('message.cose', { ...full, crls })).ok, true);
  });

  it('looks into a revocation list', async () => {
    assert.equal((await verify('revoked.pem')).ok, true);
    const crls = [readCrlFile(bytesOf('crl.der'))];
    assert.equal((await verify('revoked.pem', { ...full, crls })).error?.code, 'ERR_PATH_REVOKED');
    assert.equal((await verify('node.pem', { ...full, crls })).ok, true);
  });

  it('refuses what is past its time', async () => {
    const later = { ...full, now: (full.now + 60 * DAY_MS) as UnixMs };
    assert.equal((await verify('node.pem', later)).error?.code, 'ERR_PATH_EXPIRED');
    assert.equal((await verify('crl.der', later)).error?.code, 'ERR_PATH_CRL');
    assert.equal((await verify('fleet.ticket', later)).error?.code, 'ERR_TICKET_REFUSED');
  });

  it('refuses every file with one bit turned, where the kind is signed, and never throws', async () => {
    const random = new SeededRandom('bits');
    for (const name of ['node.pem', 'crl.der', 'message.cose'])
      for (let i = 0; i < 60; i++) {
        const bytes = new Uint8Array(name === 'node.pem' ? (full.chain[0]?.der ?? assert.fail()) : bytesOf(name));
        const at = random.below(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        assert.equal((await verifyFile(bytes, full)).ok, false, `${name} at ${at}`);
      }
  });

  it('calls the rest unknown', async () => {
    for (const bytes of [new Uint8Array(0), utf8('hello world'), utf8('zz'), Uint8Array.of(0x30), new Uint8Array(64)]) {
      const { kind, ok } = await verifyFile(bytes, full);
      assert.deepEqual({ kind, ok }, { kind: 'unknown', ok: false });
    }
  });
});

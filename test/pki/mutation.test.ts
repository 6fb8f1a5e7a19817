import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Bytes } from '../../src/base/bytes.ts';
import { type ErrorCode } from '../../src/base/error-codes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { generatePkcs8, softwareSigner } from '../../src/crypto/keys/signer.ts';
import { oid, sequence, unsignedInteger } from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';
import { type Certificate, parseCertificate } from '../../src/pki/x509/certificate/certificate.ts';
import { parseCrl, verifyCrl } from '../../src/pki/x509/crl/crl.ts';
import { buildCsr, parseCsr } from '../../src/pki/x509/certificate/csr.ts';
import { judgePath } from '../../src/pki/mesh/judge.ts';
import { validatePath } from '../../src/pki/path/path.ts';
import { RevocationView } from '../../src/pki/mesh/revocation-view.ts';
import { dns, email, extensionOf, ip, make, nameConstraints, uri } from '../support/make-certificate.ts';
import { createTestMesh, NOW } from '../support/mesh/issuers.ts';

const mesh = await createTestMesh('fleet', 'P-256');
const leaf = await mesh.leaf();
const server = await mesh.server('localhost', '127.0.0.1');
const crl = await mesh.crl(1, [
  { serial: 'abc', revokedAt: NOW, reason: 'keyCompromise' },
  { serial: 'def', revokedAt: NOW, reason: 'unspecified' },
]);
const csr = await buildCsr(softwareSigner(generatePkcs8('P-256')));
const view = new RevocationView();

/** Bytes of `original` changed, cut, doubled or put in: what a fuzzer would try on a structure that it does not know. */
function mutantsOf(original: Bytes): fc.Arbitrary<Bytes> {
  const at = fc.nat(original.length - 1);
  const change = fc.tuple(fc.constantFrom('set', 'cut', 'double', 'insert', 'length'), at, fc.nat(255));
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    let bytes = [...original];
    for (const [how, where, value] of changes) {
      const i = where % Math.max(bytes.length, 1);
      if (how === 'set') bytes[i] = value;
      else if (how === 'cut') bytes = [...bytes.slice(0, i), ...bytes.slice(i + 1 + (value % 8))];
      else if (how === 'double') bytes = [...bytes.slice(0, i), ...bytes.slice(i, i + 1 + value), ...bytes.slice(i)];
      else if (how === 'insert') bytes = [...bytes.slice(0, i), value, ...bytes.slice(i)];
      else bytes[i] = ((bytes[i] ?? 0) + (value % 3) - 1) & 0xff;
    }
    return Uint8Array.from(bytes);
  });
}

/** Runs, and lets pass only an error with one of these codes. */
function refusedOr<T>(run: () => T, ...codes: readonly ErrorCode[]): T | undefined {
  try {
    return run();
  } catch (error) {
    assert.ok(isMeshError(error) && codes.includes(error.code), String(error));
    return undefined;
  }
}

describe('changed bytes are refused with a code, never accepted, never a crash', () => {
  for (const [name, original, purpose] of [
    ['node', leaf, 'message'],
    ['authority', server, 'authority'],
  ] as const)
    it(`the certificate of a ${name}`, () => {
      fc.assert(
        fc.property(mutantsOf(original.der), (der) => {
          const mutant = refusedOr(() => parseCertificate(der), 'ERR_CERTIFICATE');
          if (mutant === undefined || mutant.fingerprintHex === original.fingerprintHex) return;
          // Whatever parses still has to be signed, and only the signature's own bytes are not.
          const judgement = judgePath([mutant, mesh.intermediate], view, NOW, purpose as 'message', mesh.trust);
          assert.equal(judgement.tag, 'refused');
        }),
        { numRuns: 3_000 },
      );
    });

  it('the intermediate', () => {
    fc.assert(
      fc.property(mutantsOf(mesh.intermediate.der), (der) => {
        const mutant = refusedOr(() => parseCertificate(der), 'ERR_CERTIFICATE');
        if (mutant === undefined || mutant.fingerprintHex === mesh.intermediate.fingerprintHex) return;
        assert.equal(judgePath([leaf, mutant], view, NOW, 'message', mesh.trust).tag, 'refused');
      }),
      { numRuns: 2_000 },
    );
  });

  it('rules run to a judgement over whatever parses, even where every signature is believed', () => {
    const rich = [
      nameConstraints([dns('example.com'), email('.example.com'), uri('example.com'), ip(10, 0, 0, 0, 255, 0, 0, 0)]),
      extensionOf(OID.certificatePolicies, sequence(sequence(oid('1.2.3')))),
      extensionOf(OID.inhibitAnyPolicy, unsignedInteger(1), true),
    ];
    const anchor = make({ moreExtensions: rich });
    const ca = make({ issuer: anchor, isCa: true, moreExtensions: rich });
    const names = [dns('*.a.example.com'), email('a@b.example.com'), uri('https://example.com/'), ip(10, 1, 2, 3)];
    const end = make({ issuer: ca, names, moreExtensions: rich.slice(1) });
    const originals = [end, ca, anchor].map(({ certificate }) => certificate);
    const parsed = (der: Bytes) => refusedOr(() => parseCertificate(der), 'ERR_CERTIFICATE');
    let judged = 0;
    fc.assert(
      fc.property(fc.tuple(...originals.map(({ der }) => mutantsOf(der))), fc.nat(2), (mutants, which) => {
        const mutant = parsed(mutants[which] as Bytes);
        if (mutant === undefined) return;
        judged += 1;
        const [leafOfPath, middle, top] = originals.with(which, mutant) as [Certificate, Certificate, Certificate];
        const input = { leaf: leafOfPath, untrusted: [middle], anchors: [top], at: NOW, checkSignature: () => true };
        assert.match(validatePath(input).tag, /^(ok|refused)$/);
      }),
      { numRuns: 3_000 },
    );
    assert.ok(judged > 100, `${judged} mutants parsed`);
  });

  it('a CRL', () => {
    fc.assert(
      fc.property(mutantsOf(crl.der), (der) => {
        const mutant = refusedOr(() => parseCrl(der), 'ERR_CRL');
        if (mutant === undefined || Buffer.compare(der, crl.der) === 0) return;
        assert.equal(verifyCrl(mutant, mesh.intermediate, mesh.trust.checkSignature), false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('a certification request', () => {
    fc.assert(
      fc.property(mutantsOf(csr), (der) => {
        if (Buffer.compare(der, csr) === 0) return;
        const mutant = refusedOr(
          () => parseCsr(der.toBase64()),
          'ERR_CSR_MALFORMED',
          'ERR_CSR_KEY',
          'ERR_CSR_SIGNATURE',
        );
        assert.equal(mutant, undefined);
      }),
      { numRuns: 1_000 },
    );
  });

  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.equal(
          refusedOr(() => parseCertificate(bytes), 'ERR_CERTIFICATE'),
          undefined,
        );
        assert.equal(
          refusedOr(() => parseCrl(bytes), 'ERR_CRL'),
          undefined,
        );
        assert.equal(
          refusedOr(() => parseCsr(bytes.toBase64()), 'ERR_CSR_MALFORMED'),
          undefined,
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Bytes, concatBytes } from '../../../src/base/bytes.ts';
import {
  bitString,
  context,
  NULL,
  oid,
  sequence,
  setOf,
  unsignedInteger,
  utf8String,
} from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { buildCsr, CSR_CHARS_MAX, parseCsr } from '../../../src/pki/x509/certificate/csr.ts';
import { commonName } from '../../support/make-certificate.ts';

const signer = softwareSigner(generatePkcs8('P-256'));
const der = await buildCsr(signer);
const pem = encodePem('CERTIFICATE REQUEST', der);

/** A request whose signature is made by Node for any key that Node has. */
function request(type: 'ec' | 'rsa', options: object, algorithm: Bytes): string {
  const { privateKey, publicKey } = generateKeyPairSync(type as 'ec', options as { namedCurve: string });
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  const info = sequence(unsignedInteger(0), sequence(), spki, context(0));
  return sequence(info, algorithm, bitString(sign('sha256', info, privateKey))).toBase64();
}

const ecdsa = sequence(oid(OID.ecdsaWithSha256));

describe('parseCsr (RFC 2986)', () => {
  for (const kind of ['P-256', 'Ed25519'] as const)
    it(`takes the ${kind} key of a request in PEM and in base64`, async () => {
      const own = softwareSigner(generatePkcs8(kind));
      const built = await buildCsr(own);
      const texts = [
        encodePem('CERTIFICATE REQUEST', built),
        encodePem('NEW CERTIFICATE REQUEST', built),
        built.toBase64(),
        `${built.toBase64()}\n`,
      ];
      for (const text of texts) assert.deepEqual(parseCsr(text), { der: built, spki: own.spki, algorithm: kind });
    });

  it('takes nothing from a request but the key: names it asks for are not looked at (T15)', async () => {
    const subject = commonName('authority');
    const wish = context(0, sequence(oid(OID.extensionRequest), setOf(sequence(utf8String('anything')))));
    const info = sequence(unsignedInteger(0), subject, signer.spki, wish);
    const raw = await signer.sign(info);
    const signature = sequence(unsignedInteger(raw.subarray(0, 32)), unsignedInteger(raw.subarray(32)));
    const text = sequence(info, ecdsa, bitString(signature)).toBase64();
    assert.deepEqual(Object.keys(parseCsr(text)), ['der', 'spki', 'algorithm']);
  });

  const malformed: readonly (readonly [name: string, text: string])[] = [
    ['nothing', ''],
    ['no base64', '%%%'],
    ['base64 of something else', sequence(NULL).toBase64()],
    ['a certificate in its place', encodePem('CERTIFICATE', der)],
    ['two requests', pem + pem],
    ['trailing bytes', concatBytes(der, NULL).toBase64()],
    ['cut bytes', der.subarray(0, -1).toBase64()],
    [
      'another version',
      sequence(sequence(unsignedInteger(1), sequence(), signer.spki, context(0)), ecdsa, bitString(NULL)).toBase64(),
    ],
    [`more than ${CSR_CHARS_MAX} characters`, pem + '\n'.repeat(CSR_CHARS_MAX)],
  ];
  for (const [name, text] of malformed)
    it(`refuses ${name}`, () => {
      assert.throws(() => parseCsr(text), { code: 'ERR_CSR_MALFORMED' });
    });

  it('refuses a request that another key signed: no proof of possession', async () => {
    const info = sequence(unsignedInteger(0), sequence(), softwareSigner(generatePkcs8('P-256')).spki, context(0));
    const raw = await signer.sign(info);
    const signature = sequence(unsignedInteger(raw.subarray(0, 32)), unsignedInteger(raw.subarray(32)));
    assert.throws(() => parseCsr(sequence(info, ecdsa, bitString(signature)).toBase64()), {
      code: 'ERR_CSR_SIGNATURE',
    });
    assert.throws(() => parseCsr(sequence(info, ecdsa, bitString(new Uint8Array(0))).toBase64()), {
      code: 'ERR_CSR_SIGNATURE',
    });
  });

  it('takes a request without attributes, as some tools write them', async () => {
    const info = sequence(unsignedInteger(0), sequence(), signer.spki);
    const raw = await signer.sign(info);
    const signature = sequence(unsignedInteger(raw.subarray(0, 32)), unsignedInteger(raw.subarray(32)));
    assert.deepEqual(parseCsr(sequence(info, ecdsa, bitString(signature)).toBase64()).spki, signer.spki);
  });

  it('refuses keys that no certificate of a mesh has', () => {
    for (const text of [
      request('rsa', { modulusLength: 2_048 }, sequence(oid(OID.sha256WithRsa), NULL)),
      request('rsa', { modulusLength: 1_024 }, sequence(oid(OID.sha256WithRsa), NULL)),
      request('ec', { namedCurve: 'secp384r1' }, ecdsa),
      request('ec', { namedCurve: 'secp256k1' }, ecdsa),
      request('ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' }, ecdsa),
    ])
      assert.throws(() => parseCsr(text), { code: 'ERR_CSR_KEY' });
    const offCurve = signer.spki.slice();
    offCurve[40] = (offCurve[40] as number) ^ 1;
    const info = sequence(unsignedInteger(0), sequence(), offCurve, context(0));
    assert.throws(() => parseCsr(sequence(info, ecdsa, bitString(NULL)).toBase64()), { code: 'ERR_CSR_KEY' });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, textOfUtf8, toHex } from '../../../src/base/bytes.ts';
import { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import { p256Spki } from '../../../src/crypto/keys/p256-key.ts';
import { parseHttpRequest, renderHttpRequest } from '../../../src/message/request/http-request.ts';
import type { RequestSigner, VerifyingKey } from '../../../src/message/request/request-signature.ts';
import { type SigningResult, signRequest } from '../../../src/message/request/sign-request.ts';
import { readSignedRequest } from '../../../src/message/request/signed-request.ts';
import { sigV4aPublicKey, sigV4aPublicPoint, sigV4aSigner } from '../../../src/message/request/signing-key.ts';
import { judgeSignedRequest, SKEW_MS_DEFAULT, verifySignature } from '../../../src/message/request/verify-request.ts';
import { asUtf8, MISSING_SUITE, type SuiteCase, suiteCases } from './suite.ts';

const FORMS = ['header', 'query'] as const;

function signerOf({ algorithm, accessKey }: SuiteCase): RequestSigner {
  if (algorithm === 'sigv4') return { algorithm, ...accessKey };
  return { algorithm, accessKeyId: accessKey.accessKeyId, signer: sigV4aSigner(accessKey) };
}

function keyOf({ algorithm, accessKey }: SuiteCase): VerifyingKey {
  if (algorithm === 'sigv4') return { algorithm, secretAccessKey: accessKey.secretAccessKey };
  return { algorithm, publicKey: sigV4aPublicKey(accessKey) };
}

function sign(one: SuiteCase, form: (typeof FORMS)[number]): Promise<SigningResult> {
  const { region, service, at, normalizePath, sessionToken, queryLifeSec } = one;
  return signRequest(parseHttpRequest(one.file('request.txt')), {
    signer: signerOf(one),
    region,
    service,
    at,
    normalizePath,
    sessionToken,
    queryLifeSec: form === 'query' ? queryLifeSec : undefined,
  });
}

function verify(one: SuiteCase, bytes: Uint8Array, key: VerifyingKey = keyOf(one)): void {
  const request = parseHttpRequest(bytes);
  const signed = readSignedRequest(request);
  assert.equal(signed.accessKeyId, one.accessKey.accessKeyId);
  const { region, service, at } = one;
  judgeSignedRequest(signed, { now: at, region, service, skewMs: SKEW_MS_DEFAULT });
  verifySignature(signed, key, request.body, one.normalizePath);
}

describe('the suite of AWS', { skip: MISSING_SUITE }, () => {
  for (const one of suiteCases()) {
    for (const form of FORMS) {
      const text = (file: string): string => textOfUtf8(one.file(`${form}-${file}.txt`));

      it(`${one.algorithm} ${one.name}: what is signed, in ${form} form`, async () => {
        const made = await sign(one, form);
        assert.equal(asUtf8(made.canonicalRequest), text('canonical-request'));
        assert.equal(made.stringToSign, text('string-to-sign'));
        if (one.algorithm === 'sigv4a') return;
        assert.equal(made.signature, text('signature'));
        assert.equal(textOfUtf8(renderHttpRequest(made.request, '\n')), text('signed-request'));
      });

      it(`${one.algorithm} ${one.name}: its signed request verifies, and so does ours, in ${form} form`, async () => {
        verify(one, one.file(`${form}-signed-request.txt`));
        const { request } = await sign(one, form);
        verify(one, renderHttpRequest(request, '\n'));
        verify(one, renderHttpRequest(request, '\r\n'));
      });

      it(`${one.algorithm} ${one.name}: not with one bit of the signature changed, in ${form} form`, () => {
        const bytes = one.file(`${form}-signed-request.txt`);
        const at = textOfUtf8(bytes).search(/Signature=[0-9a-f]+/) + 'Signature='.length + 40;
        const changed = Buffer.from(bytes);
        const place = changed.indexOf(textOfUtf8(bytes).slice(at, at + 8));
        changed[place] = changed[place] === 0x30 ? 0x31 : 0x30;
        assert.throws(() => verify(one, changed), { code: 'ERR_REQUEST_SIGNATURE' });
      });
    }
  }

  for (const one of suiteCases().filter(({ algorithm }) => algorithm === 'sigv4a'))
    it(`sigv4a ${one.name}: the public key alone verifies, the file's signature too`, () => {
      const { X, Y } = JSON.parse(textOfUtf8(one.file('public-key.json'))) as { X: string; Y: string };
      assert.equal(toHex(sigV4aPublicPoint(one.accessKey)), `04${X}${Y}`);
      const publicKey = PublicKey.fromSpki(p256Spki(fromHex(`04${X}${Y}`)));
      for (const form of FORMS) verify(one, one.file(`${form}-signed-request.txt`), { algorithm: 'sigv4a', publicKey });
    });
});

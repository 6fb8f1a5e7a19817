import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodePem, PEM_BLOCKS_MAX, PEM_CHARS_MAX, parsePem } from '../../src/codec/pem.ts';

const block = encodePem('CERTIFICATE', Uint8Array.of(1, 2, 3));

const refused: readonly (readonly [name: string, text: string])[] = [
  ['no block', 'hello'],
  ['a block of another kind alone', encodePem('PRIVATE KEY', Uint8Array.of(1))],
  ['a block that does not end', block.replace(/-----END.*/, '')],
  ['a block that ends under another label', block.replace('END CERTIFICATE', 'END X509 CRL')],
  ['an end without a beginning', '-----END CERTIFICATE-----'],
  ['a block in a block', block.replace('\n', '\n-----BEGIN CERTIFICATE-----\n')],
  ['a header in a block', block.replace('\n', '\nProc-Type: 4,ENCRYPTED\n')],
  ['a character outside base64', block.replace('AQID', 'AQ*D')],
  ['base64 without its padding', encodePem('CERTIFICATE', Uint8Array.of(1)).replaceAll('=', '')],
  ['a block with padding inside', encodePem('CERTIFICATE', new Uint8Array(60)).replace('AAAA\n', 'AA==\n')],
  ['a block with a space inside a line', block.replace('AQID', 'AQ ID')],
  ['an empty line for a block', '-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n'],
  ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
  [`more than ${PEM_BLOCKS_MAX} blocks`, block.repeat(PEM_BLOCKS_MAX + 1)],
  [`more than ${PEM_CHARS_MAX} characters`, block + ' '.repeat(PEM_CHARS_MAX)],
];

describe('PEM (RFC 7468)', () => {
  for (const [name, text] of refused)
    it(`refuses ${name}`, () => {
      assert.throws(() => parsePem(text, 'CERTIFICATE'), { code: 'ERR_PEM' });
    });

  it('round-trips any bytes, in lines of 64 characters', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 4 }), (ders) => {
        const text = ders.map((der) => encodePem('X', der)).join('');
        assert.deepEqual(parsePem(text, 'X'), ders);
        assert.ok(text.split('\n').every((line) => line.length <= 64));
      }),
    );
  });

  it('passes over text outside blocks, blocks of other kinds, CRLF and indentation', () => {
    const text = `Subject: n1\n${encodePem('X509 CRL', Uint8Array.of(9))}${block.replaceAll('\n', '\r\n  ')}\ntrailer`;
    assert.deepEqual(parsePem(text, 'CERTIFICATE'), [Uint8Array.of(1, 2, 3)]);
  });
});

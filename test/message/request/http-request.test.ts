import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textOfUtf8, utf8 } from '../../../src/base/bytes.ts';
import {
  HEAD_BYTES_MAX,
  HEADER_LINES_MAX,
  parseHttpRequest,
  renderHttpRequest,
  REQUEST_BYTES_MAX,
} from '../../../src/message/request/http-request.ts';

const parse = (text: string) => parseHttpRequest(utf8(text));

describe('raw HTTP/1.1 text', () => {
  for (const end of ['\n', '\r\n'] as const)
    it(`is read and written with lines ended by ${JSON.stringify(end)}`, () => {
      const text = ['POST /a b?c=é HTTP/1.1', 'Host:x', 'A: 1', '\t2', '', 'body\r\nof two lines\n'].join(end);
      const request = parse(text);
      assert.equal(request.method, 'POST');
      assert.equal(request.target, '/a b?c=Ã©'); // one character an octet
      assert.deepEqual(request.headers[1], { name: 'A', value: ` 1${end}\t2` });
      assert.equal(textOfUtf8(request.body), 'body\r\nof two lines\n');
      assert.equal(textOfUtf8(renderHttpRequest(request, request.lineEnd)), text);
    });

  it('may end after the headers, with or without an empty line', () => {
    for (const text of ['GET / HTTP/1.1\nHost:x', 'GET / HTTP/1.1\nHost:x\n', 'GET / HTTP/1.1\r\nHost:x\r\n\r\n']) {
      const { headers, body } = parse(text);
      assert.deepEqual(headers, [{ name: 'Host', value: 'x' }]);
      assert.equal(body.length, 0);
    }
  });

  it('is refused where it is no request', () => {
    for (const text of [
      '',
      '\n',
      'GET',
      'GET /',
      'GET / HTTP/2',
      'GET  HTTP/1.1',
      'G@T / HTTP/1.1',
      'GET x HTTP/1.1',
      'GET http://x/ HTTP/1.1',
      'GET /\0 HTTP/1.1',
      ' GET / HTTP/1.1',
      'GET / HTTP/1.1\n folded',
      'GET / HTTP/1.1\nHost',
      'GET / HTTP/1.1\n: x',
      'GET / HTTP/1.1\nHost : x',
      'GET / HTTP/1.1\nA: \0',
      'GET / HTTP/1.1\nA: a\rb',
    ])
      assert.throws(() => parse(text), { code: 'ERR_REQUEST_MALFORMED' }, JSON.stringify(text));
  });

  it('has its limits', () => {
    const head = 'GET / HTTP/1.1\n';
    assert.equal(parse(`${head}${'A:1\n'.repeat(HEADER_LINES_MAX)}`).headers.length, HEADER_LINES_MAX);
    for (const text of [
      `${head}${'A:1\n'.repeat(HEADER_LINES_MAX + 1)}`,
      `${head}A:${'1'.repeat(HEAD_BYTES_MAX)}\n\n`,
      `${head}A:${'1'.repeat(HEAD_BYTES_MAX)}`,
    ])
      assert.throws(() => parse(text), { code: 'ERR_REQUEST_MALFORMED' });
    const large = new Uint8Array(REQUEST_BYTES_MAX + 1);
    large.set(utf8(`${head}\n`));
    assert.throws(() => parseHttpRequest(large), { code: 'ERR_REQUEST_MALFORMED' });
    assert.equal(parseHttpRequest(large.subarray(0, -1)).body.length, REQUEST_BYTES_MAX - head.length - 1);
  });
});

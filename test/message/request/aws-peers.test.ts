import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Bytes, utf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import type { RequestHead } from '../../../src/message/request/http-request.ts';
import type { VerifyingKey } from '../../../src/message/request/request-signature.ts';
import { readSignedRequest } from '../../../src/message/request/signed-request.ts';
import { sigV4aPublicKey } from '../../../src/message/request/signing-key.ts';
import { judgeSignedRequest, SKEW_MS_DEFAULT, verifySignature } from '../../../src/message/request/verify-request.ts';
import { botocore, signedByBotocore } from '../../support/foreign/botocore.ts';
import { missing } from '../../support/foreign/programs.ts';

const ACCESS_KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const REGION = 'depot';
const SERVICE = 'chainmail';
const HOST = 'ca.depot.test';
const KEYS: Readonly<Record<'sigv4' | 'sigv4a', VerifyingKey>> = {
  sigv4: { algorithm: 'sigv4', secretAccessKey: ACCESS_KEY.secretAccessKey },
  sigv4a: { algorithm: 'sigv4a', publicKey: sigV4aPublicKey(ACCESS_KEY) },
};

/** What a verifier does: everything before the signature, then that. @throws ERR_REQUEST_... */
function verify(algorithm: 'sigv4' | 'sigv4a', head: RequestHead, body: Bytes, isPathNormalized = true): void {
  const signed = readSignedRequest(head);
  assert.equal(signed.algorithm, algorithm);
  const rules = { now: Date.now() as UnixMs, region: REGION, service: SERVICE, skewMs: SKEW_MS_DEFAULT };
  judgeSignedRequest(signed, rules);
  verifySignature(signed, KEYS[algorithm], body, isPathNormalized);
}

const headersOf = (raw: Readonly<Record<string, string>>) =>
  Object.entries(raw).map(([name, value]) => ({ name, value }));

const REQUESTS = [
  { method: 'GET', target: '/', body: '' },
  { method: 'GET', target: '/v1/nodes?status=active&roles=a%20b&roles=%C3%A9', body: '' },
  { method: 'GET', target: '/a%20path/with~tilde/%E2%82%AC', body: '' },
  { method: 'POST', target: '/v1/tickets', body: '{"ttl_sec":60}' },
  { method: 'PUT', target: '/v1/things?empty=', body: 'é€😀' },
] as const;

describe('botocore signs', { skip: botocore.skip }, () => {
  for (const algorithm of ['sigv4', 'sigv4a'] as const)
    it(`${algorithm}, of whatever is asked, and what was changed afterwards does not hold`, () => {
      const made = signedByBotocore(
        REQUESTS.map(({ method, target, body }) => ({
          algorithm,
          accessKey: ACCESS_KEY,
          region: REGION,
          service: SERVICE,
          method,
          url: `https://${HOST}${target}`,
          body,
        })),
      );
      for (const [i, { method, target, body }] of REQUESTS.entries()) {
        const { host = HOST, ...raw } = made[i] as Record<string, string>; // its runtime in C writes the host itself
        const head = { method, target, headers: headersOf({ host, ...raw }) };
        verify(algorithm, head, utf8(body));
        assert.throws(() => verify(algorithm, head, utf8(`${body} `)), { code: 'ERR_REQUEST_SIGNATURE' });
        const other = { ...head, headers: headersOf({ host: 'other.test', ...raw }) };
        assert.throws(() => verify(algorithm, other, utf8(body)), { code: 'ERR_REQUEST_SIGNATURE' });
      }
    });
});

describe('curl signs', { skip: missing('curl') }, () => {
  let port: number;
  const server = createServer();
  before(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = (server.address() as AddressInfo).port;
  });
  after(() => server.close().closeAllConnections());

  /** What curl sends for these words. */
  async function sent(...args: readonly string[]): Promise<{ head: RequestHead; body: Bytes }> {
    const scheme = `aws:amz:${REGION}:${SERVICE}`;
    const user = `${ACCESS_KEY.accessKeyId}:${ACCESS_KEY.secretAccessKey}`;
    const [curl, [request, response]] = [
      spawn('curl', ['-s', '--aws-sigv4', scheme, '--user', user, ...args], { stdio: 'ignore' }),
      (await once(server, 'request')) as [IncomingMessage, ServerResponse],
    ];
    const body = new Uint8Array(Buffer.concat(await request.toArray()));
    response.end();
    await once(curl, 'close');
    const pairs = request.rawHeaders.flatMap((name, i, raw) =>
      i % 2 === 0 ? [{ name, value: raw[i + 1] as string }] : [],
    );
    return { head: { method: request.method ?? '', target: request.url ?? '', headers: pairs }, body };
  }

  it('SigV4, of a GET and of a body, and what was changed afterwards does not hold', async () => {
    const got = await sent(`http://127.0.0.1:${port}/v1/nodes`);
    verify('sigv4', got.head, got.body);
    const posted = await sent(`http://127.0.0.1:${port}/v1/tickets`, '--json', '{"ttl_sec":60}');
    verify('sigv4', posted.head, posted.body);
    assert.throws(() => verify('sigv4', posted.head, utf8('{"ttl_sec":61}')), { code: 'ERR_REQUEST_SIGNATURE' });
    const elsewhere = { ...posted.head, target: '/v1/revoke' };
    assert.throws(() => verify('sigv4', elsewhere, posted.body), { code: 'ERR_REQUEST_SIGNATURE' });
  });
});

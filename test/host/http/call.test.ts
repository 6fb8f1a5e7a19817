import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { describe, it, type TestContext } from 'node:test';
import { z } from 'zod';
import { problemOf } from '../../../src/api/problem.ts';
import { MeshError } from '../../../src/base/errors.ts';
import { callJson, valueOf } from '../../../src/host/http/call.ts';
import type { Target } from '../../../src/host/http/client.ts';
import { fetchChangedCrl, fetchCrl } from '../../../src/host/http/fetch-crl.ts';
import { tlsServerOptions } from '../../../src/host/tls/server-options.ts';
import { authorityNames } from '../../../src/pki/mesh/mesh-names.ts';
import { CRL_BYTES_MAX } from '../../../src/pki/x509/crl/crl.ts';
import { TestMesh } from '../../support/mesh/nodes-on-loopback.ts';

const bodySchema = z.object({ n: z.int() });

async function portOf(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return (server.address() as { port: number }).port;
}

/** A server on plain HTTP that answers as the test says. */
async function served(t: TestContext, listener: RequestListener): Promise<Target> {
  return { tag: 'web', url: `http://127.0.0.1:${await portOf(t, createServer(listener))}` };
}

describe('a call', () => {
  const ask = async (t: TestContext, status: number, body: string | Uint8Array, bodyBytesMax?: number) => {
    const target = await served(t, (_request, response) => response.writeHead(status).end(body));
    const options = { method: 'GET', path: '/', ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }) } as const;
    return callJson(target, bodySchema, options);
  };

  it('gives the body, checked', async (t) => {
    assert.deepEqual(await ask(t, 200, '{"n":1}'), { n: 1 });
    assert.deepEqual(await ask(t, 201, '{"n":1,"more":2}', 16), { n: 1 });
  });

  const refused: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ['has a member twice', '{"n":1,"n":2}', /^the answer of http:.*: an object has the member "n" twice$/],
    ['is not JSON', '<html>', /^the answer of http:.*: the text is not JSON/],
    ['is empty', '', /^the answer of http:/],
    ['is no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /not valid UTF-8/],
    ['is not what was promised', '{"n":"1"}', /^the answer of http:.*: \$\.n: /],
    ['is too long', '{"n":1}'.padEnd(1_001), /is longer than 1000 bytes$/],
  ];
  for (const [name, body, message] of refused)
    it(`is refused whose answer ${name}`, (t) =>
      assert.rejects(ask(t, 200, body, 1_000), { code: 'ERR_REMOTE', message }));

  it('throws what the other side refused with', async (t) => {
    const problem = problemOf(new MeshError('ERR_TICKET_REFUSED', 'it was spent', 'ask for another'));
    await assert.rejects(ask(t, 403, JSON.stringify(problem)), {
      code: 'ERR_TICKET_REFUSED',
      message: 'it was spent',
      hint: 'ask for another',
    });
  });

  for (const body of ['<html>', '{"code":"ERR_TICKET_REFUSED","code":"ERR_OK"}', '{"code":"ERR_NONE_OF_OURS"}', ''])
    it(`says the status of a refusal that says nothing else: ${body || 'no byte'}`, (t) =>
      assert.rejects(ask(t, 502, body), { code: 'ERR_REMOTE', message: /^http:.* answered 502$/ }));

  it('follows nobody elsewhere', async (t) => {
    let asked = 0;
    const target = await served(t, (_request, response) => {
      asked++;
      response.writeHead(307, { location: '/other' }).end();
    });
    await assert.rejects(callJson(target, bodySchema, { method: 'GET', path: '/' }), { message: /answered 307$/ });
    assert.equal(asked, 1);
  });

  it('to what is no address finds nobody', () =>
    assert.rejects(callJson({ tag: 'web', url: 'nowhere' }, bodySchema, { method: 'GET', path: '/' }), {
      code: 'ERR_UNREACHABLE',
      message: /^nowhere gave no answer/,
    }));

  it('is what a line of a stream is, too', () => {
    assert.deepEqual(valueOf('{"n":2}', bodySchema, 'the node'), { n: 2 });
    assert.throws(() => valueOf('{"n":2,"n":2}', bodySchema, 'the node'), {
      code: 'ERR_REMOTE',
      message: /^the answer of the node: .* twice$/,
    });
  });
});

describe('fetching a revocation list', () => {
  async function authorityThat(t: TestContext, listener: RequestListener) {
    const mesh = await TestMesh.make();
    const port = await portOf(t, createHttpsServer(tlsServerOptions(await mesh.authorityTls()), listener));
    const authority = { tag: 'tls', trustAnchors: [mesh.rootPem], serverName: authorityNames(mesh.mesh).dns } as const;
    return { authority, url: `https://127.0.0.1:${port}/lists/1?x=2` };
  }

  it('asks where the list is for what changed since', async (t) => {
    const asked: unknown[] = [];
    const { authority, url } = await authorityThat(t, (request, response) => {
      const etag = request.headers['if-none-match'];
      asked.push([request.url, etag]);
      if (etag === '"7"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"7"' }).end(Uint8Array.of(1, 2));
    });
    const fetched = await fetchChangedCrl(authority, url, undefined, {});
    assert.deepEqual([[...(fetched?.der ?? [])], fetched?.etag], [[1, 2], '"7"']);
    assert.equal(await fetchChangedCrl(authority, url, fetched?.etag, {}), undefined);
    assert.deepEqual([...(await fetchCrl(authority, url))], [1, 2]);
    const path = '/lists/1?x=2';
    assert.deepEqual(asked, [
      [path, undefined],
      [path, '"7"'],
      [path, undefined],
    ]);
  });

  it('takes none that is too long, and no other answer for one', async (t) => {
    let answer: RequestListener = (_request, response) => response.end(new Uint8Array(CRL_BYTES_MAX + 1));
    const { authority, url } = await authorityThat(t, (request, response) => answer(request, response));
    await assert.rejects(fetchCrl(authority, url), { code: 'ERR_REMOTE', message: /longer than/ });
    for (const status of [204, 206, 304, 404]) {
      answer = (_request, response) => response.writeHead(status).end();
      await assert.rejects(fetchCrl(authority, url), {
        code: 'ERR_REMOTE',
        message: new RegExp(`answered ${status}$`),
      });
    }
    answer = (_request, response) => {
      const problem = problemOf(new MeshError('ERR_NOT_READY', 'it is being signed'));
      response.writeHead(503).end(JSON.stringify(problem));
    };
    await assert.rejects(fetchCrl(authority, url), { code: 'ERR_NOT_READY', message: 'it is being signed' });
  });
});

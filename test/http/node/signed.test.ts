import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request as askPlain } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { request as askTls } from 'node:https';
import { EMPTY, toBase64, utf8 } from '../../../src/base/bytes.ts';
import { MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import { p256Pkcs8 } from '../../../src/crypto/keys/p256-key.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { MEMBER_RATE } from '../../../src/http/node/members/member.ts';
import type { NodeService } from '../../../src/http/node/deps.ts';
import { addMemberRoutes } from '../../../src/http/node/routes.ts';
import { createHttpApp } from '../../../src/http/server.ts';
import { splitAddress } from '../../../src/message/payloads/address.ts';
import { type HttpRequest, parseHttpRequest } from '../../../src/message/request/http-request.ts';
import { REQUEST_SERVICE } from '../../../src/message/request/mesh-request.ts';
import { type SigningWish, signRequest } from '../../../src/message/request/sign-request.ts';
import { sigV4aPrivateKey } from '../../../src/message/request/signing-key.ts';
import { MESH_CHAIN_CERTIFICATES_MAX } from '../../../src/pki/mesh/mesh-profile.ts';
import { chainmail } from '../../support/processes/chainmail.ts';
import { type Member, TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { smithySigner, type SmithyRequest } from '../../message/request/smithy.ts';
import { INDICATOR, startServing } from './support.ts';

const HOST = 'mesh.example.com';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** Ends the TLS of its clients (here: has none) and opens a connection of its own, without a certificate. */
async function startProxy(t: Pick<TestContext, 'after'>, node: TestNode): Promise<number> {
  const { host, port } = splitAddress(node.address);
  const proxy = createServer((incoming, outgoing) => {
    const onward = askTls(
      {
        host,
        port,
        ca: mesh.rootPem,
        servername: `${node.nodeId}.${mesh.mesh}`,
        method: incoming.method,
        path: incoming.url,
        headers: { ...incoming.headers, via: '1.1 proxy' },
        agent: false,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  return (proxy.address() as AddressInfo).port;
}

const tokenOf = ({ chain }: Pick<Member, 'chain'>): string => chain.map(({ der }) => toBase64(der)).join(',');

function plain(path: string, body?: object): HttpRequest {
  return {
    method: body === undefined ? 'GET' : 'POST',
    target: path,
    headers: [
      { name: 'Host', value: HOST },
      ...(body === undefined ? [] : [{ name: 'Content-Type', value: 'application/json' }]),
    ],
    body: body === undefined ? EMPTY : utf8(JSON.stringify(body)),
  };
}

async function sign(member: Member, request: HttpRequest, wish: Partial<SigningWish> = {}): Promise<HttpRequest> {
  const made = await signRequest(request, {
    signer: { algorithm: 'sigv4a', accessKeyId: member.nodeId, signer: member.signer },
    region: mesh.mesh,
    service: REQUEST_SERVICE,
    at: systemClock.wall(),
    normalizePath: true,
    sessionToken: { value: tokenOf(member), isSigned: true },
    ...wish,
  });
  return made.request;
}

interface Told {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

async function send(port: number, { method, target, headers, body }: HttpRequest): Promise<Told> {
  const call = askPlain({ port, host: '127.0.0.1', method, path: target });
  for (const { name, value } of headers) call.setHeader(name, value.trim());
  call.end(body);
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of answer.setEncoding('utf8')) text += String(part);
  return { status: answer.statusCode ?? 0, json: text === '' ? {} : (JSON.parse(text) as Told['json']) };
}

async function refusal(port: number, request: HttpRequest): Promise<readonly [number, unknown]> {
  const { status, json } = await send(port, request);
  return [status, json['code']];
}

describe('members behind a proxy that ends their TLS', () => {
  it('are refused at once where their chain is longer than nodes pass on, not when nobody knows their message’s signer', async (t) => {
    const node = await startServing(t, mesh, { signedHosts: [HOST] });
    const port = await startProxy(t, node);
    const member = await mesh.member();
    const issuer = member.chain[1] ?? assert.fail();
    const more = Array<typeof issuer>(MESH_CHAIN_CERTIFICATES_MAX + 1 - member.chain.length).fill(issuer);
    const tooMuch = { ...member, chain: [...member.chain, ...more] };
    const said = { type: 'indicator', payload: toBase64(INDICATOR), ttl_sec: 60 };
    const prepare = plain('/v1/mesh/gossip/prepare', said);
    const elsewhere = await startProxy(t, await startServing(t, mesh, { signedHosts: [HOST] }));
    const { json } = await send(elsewhere, await sign(member, prepare));
    const signature = toBase64(await member.signer.sign(Buffer.from(String(json['to_be_signed']), 'base64')));
    const post = async (by: Member): Promise<readonly [number, unknown]> =>
      refusal(port, await sign(by, plain('/v1/mesh/gossip', { ...json, signature })));
    assert.deepEqual(await refusal(port, await sign(tooMuch, prepare)), [403, 'ERR_PATH_LIMIT']);
    assert.deepEqual(await post(tooMuch), [403, 'ERR_PATH_LIMIT']);
    assert.deepEqual(await post(member), [202, undefined]);
  });

  it('are known by the signature of their certificate’s key', async (t) => {
    const node = await startServing(t, mesh, { signedHosts: [HOST] });
    const port = await startProxy(t, node);
    const member = await mesh.member();
    for (const wish of [{}, { queryLifeSec: 60 }, { sessionToken: { value: tokenOf(member), isSigned: false } }]) {
      const { status, json } = await send(port, await sign(member, plain('/v1/mesh/peers'), wish));
      assert.deepEqual([status, json], [200, { peers: [] }]);
    }
    const prepared = await send(
      port,
      await sign(
        member,
        plain('/v1/mesh/gossip/prepare', { type: 'indicator', payload: toBase64(INDICATOR), ttl_sec: 60 }),
      ),
    );
    assert.deepEqual([prepared.status, prepared.json['origin']], [200, member.nodeId]);
    const toBeSigned = Buffer.from(String(prepared.json['to_be_signed']), 'base64');
    const signature = toBase64(await member.signer.sign(new Uint8Array(toBeSigned)));
    const message = { protected: prepared.json['protected'], payload: prepared.json['payload'], signature };
    const gossip = await sign(member, plain('/v1/mesh/gossip', message));
    for (const _ of [1, 2]) {
      const { status, json } = await send(port, gossip); // again: the same, and nothing more
      assert.deepEqual([status, json], [202, { message_id: prepared.json['message_id'] }]);
    }
  });

  it('may sign with a signer of AWS, where the key came from an access key', async (t) => {
    const node = await startServing(t, mesh, { signedHosts: [HOST] });
    const port = await startProxy(t, node);
    const accessKey = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'of the device' };
    using scalar = sigV4aPrivateKey(accessKey);
    const member = await mesh.member({ pkcs8: scalar.use(p256Pkcs8) });
    const options = {
      accessKey,
      sessionToken: tokenOf(member),
      region: '*',
      service: 'chainmail',
      applyChecksum: true,
    };
    const request = {
      method: 'GET',
      protocol: 'https:',
      hostname: HOST,
      path: '/v1/mesh/peers',
      query: {},
      headers: { host: HOST },
    };
    const made: unknown = await smithySigner('sigv4a', options).sign(request, {});
    const headers = Object.entries((made as SmithyRequest).headers).map(([name, value]) => ({ name, value }));
    assert.equal((await send(port, { ...plain('/v1/mesh/peers'), headers })).status, 200);
  });

  it('may sign with the command line', async (t) => {
    const node = await startServing(t, mesh, { signedHosts: [HOST] });
    const port = await startProxy(t, node);
    const member = await mesh.member();
    const folder = tempDir(t);
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const words = 'request sign --algorithm sigv4a --access-key-id me --service chainmail --region'.split(' ');
    const key = [
      '--private-key',
      file('node.key', member.tls.key),
      '--chain',
      file('node.pem', member.tls.certificate),
    ];
    const { code, stdout, stderr } = await chainmail([
      ...words,
      mesh.mesh,
      ...key,
      file('r', `GET /v1/mesh/peers HTTP/1.1\nHost: ${HOST}\n`),
    ]);
    assert.equal(code, 0, stderr);
    assert.equal((await send(port, parseHttpRequest(utf8(stdout)))).status, 200);
  });

  it('are refused where anything is wrong, each with its code', async (t) => {
    const node = await startServing(t, mesh, { signedHosts: [HOST] });
    const port = await startProxy(t, node);
    const [member, other] = [await mesh.member(), await mesh.member()];
    const revoked = await mesh.member();
    node.host.installCrl(await mesh.revoke(revoked));
    const stranger = await (await TestMesh.make()).member();
    const expired = await mesh.member({ issuedAt: (systemClock.wall() - 120 * MINUTE_MS) as UnixMs });
    const request = plain('/v1/mesh/peers');
    const signed = await sign(member, request);
    const tokens = (value: string) => ({ sessionToken: { value, isSigned: true } });
    const cases: readonly (readonly [string, HttpRequest, readonly [number, string]])[] = [
      ['no chain', await sign(member, request, { sessionToken: undefined }), [400, 'ERR_REQUEST_MALFORMED']],
      ['no certificates', await sign(member, request, tokens('AAAA')), [400, 'ERR_CERTIFICATE']],
      ['no base64', await sign(member, request, tokens('?')), [400, 'ERR_INPUT']],
      [
        'a long chain',
        await sign(
          member,
          request,
          tokens(
            Array(MESH_CHAIN_CERTIFICATES_MAX + 1)
              .fill('AA==')
              .join(','),
          ),
        ),
        [403, 'ERR_PATH_LIMIT'],
      ],
      [
        'a chain of another member',
        await sign(member, request, tokens(tokenOf(other))),
        [403, 'ERR_REQUEST_SIGNATURE'],
      ],
      ['another mesh', await sign(stranger, request), [403, 'ERR_PATH_NO_ANCHOR']],
      ['a revoked certificate', await sign(revoked, request), [403, 'ERR_PATH_REVOKED']],
      ['an expired certificate', await sign(expired, request), [403, 'ERR_PATH_EXPIRED']],
      [
        'an old date',
        await sign(member, request, { at: (systemClock.wall() - 6 * MINUTE_MS) as UnixMs }),
        [401, 'ERR_REQUEST_SKEW'],
      ],
      ['another region', await sign(member, request, { region: 'garage' }), [403, 'ERR_REQUEST_REGION']],
      [
        'another host',
        await sign(member, { ...request, headers: [{ name: 'Host', value: 'other.example' }] }),
        [403, 'ERR_REQUEST_HOST'],
      ],
      ['another path', { ...signed, target: '/v1/mesh/gossip' }, [403, 'ERR_REQUEST_SIGNATURE']],
      [
        'the shared secret',
        await sign(member, request, { signer: { algorithm: 'sigv4', accessKeyId: 'a', secretAccessKey: 'b' } }),
        [403, 'ERR_FORBIDDEN'],
      ],
      ['no signature', request, [401, 'ERR_CREDENTIAL_REQUIRED']],
    ];
    for (const [what, spoilt, expected] of cases) assert.deepEqual(await refusal(port, spoilt), expected, what);
    assert.deepEqual(
      await refusal(port, { ...(await sign(member, plain('/v1/mesh/gossip', {}))), body: utf8('{ }') }),
      [403, 'ERR_REQUEST_SIGNATURE'],
    );
    assert.equal((await send(port, signed)).status, 200);
  });

  it('have budgets that no forger spends', async (t) => {
    const { host } = await mesh.start(t);
    const frozen = host.now();
    const app = await createHttpApp({ createServer, rate: undefined });
    t.after(() => app.close());
    const service: NodeService = {
      node: host.node,
      now: () => frozen, // no bucket fills while this runs
      publish: (what) => host.publish(what),
      submit: (message, client) => host.submit(message, client),
      keepChain: (chain) => host.keepChain(chain),
      handleCandidate: (candidate) => host.handleCandidate(candidate),
      judge: (chain, purpose) => host.judge(chain, purpose),
      onEvent: (listener) => host.onEvent(listener),
    };
    addMemberRoutes(app, { service, memberOf: () => undefined, signedHosts: [HOST] });
    const [member, forger] = [await mesh.member(), await mesh.member()];
    const inject = async ({ target, headers }: HttpRequest): Promise<number> => {
      const named = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
      return (await app.inject({ method: 'GET', url: target, headers: named })).statusCode;
    };
    const request = plain('/v1/mesh/peers');
    const forged = await sign(member, request, {
      signer: { algorithm: 'sigv4a', accessKeyId: 'x', signer: forger.signer },
    });
    for (let n = 0; n <= MEMBER_RATE.burstTokens; n++) assert.equal(await inject(forged), 403);
    const own = await sign(member, request);
    for (let n = 0; n < MEMBER_RATE.burstTokens; n++) assert.equal(await inject(own), 200);
    assert.equal(await inject(own), 429);
    assert.equal(await inject(await sign(forger, request)), 200);
  });

  it('are not known by a signature where none is asked for', async (t) => {
    const node = await startServing(t, mesh);
    const port = await startProxy(t, node);
    const signed = await sign(await mesh.member(), plain('/v1/mesh/peers'));
    assert.deepEqual(await refusal(port, signed), [401, 'ERR_CREDENTIAL_REQUIRED']);
  });

  it('may come over HTTP/2, where the host has another name', async (t) => {
    const node = await startServing(t, mesh, { signedHosts: [HOST] });
    const session = connectHttp2(`https://${node.address}`, {
      ca: mesh.rootPem,
      servername: `${node.nodeId}.${mesh.mesh}`,
    });
    t.after(() => session.destroy());
    const { headers } = await sign(await mesh.member(), plain('/v1/mesh/peers'));
    const fields: Record<string, string> = { ':path': '/v1/mesh/peers', ':authority': HOST };
    for (const { name, value } of headers) if (name !== 'Host') fields[name.toLowerCase()] = value;
    const stream = session.request(fields);
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    stream.resume();
    assert.equal(head[':status'], 200);
  });
});

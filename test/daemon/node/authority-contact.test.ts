import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { before, describe, it, type TestContext } from 'node:test';
import {
  AuthorityContact,
  type AuthorityContactOptions,
  retryAfterMs,
} from '../../../src/daemon/node/authority-contact.ts';
import { CONFLICTS_MAX } from '../../../src/engine/authority/waiting-alarms.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { parseAddress } from '../../../src/message/payloads/address.ts';
import { tlsServerOptions } from '../../../src/host/tls/server-options.ts';
import { authorityNames } from '../../../src/pki/mesh/mesh-names.ts';
import { SILENT } from '../../support/processes/authority-process.ts';
import { TestMesh } from '../../support/mesh/nodes-on-loopback.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

interface Call {
  readonly method: string;
  readonly path: string;
  readonly etag: string | undefined;
  readonly body: string;
  /** Common name of the client's certificate. */
  readonly client: string | undefined;
}

type Respond = (call: Call, response: ServerResponse) => void;

/** An authority that answers as the test says, and a node's contact with it. */
async function contact(
  t: TestContext,
  respond: Respond,
  options: Partial<AuthorityContactOptions> = {},
  anchor = mesh.rootPem,
) {
  const member = await mesh.member();
  const calls: Call[] = [];
  let wake = (): void => {};
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const part of request) body += String(part);
    const { socket } = request as unknown as { socket: { getPeerCertificate(): { subject?: { CN: string } } } };
    const { method = '', url = '' } = request;
    const call = {
      method,
      path: url,
      etag: request.headers['if-none-match'],
      body,
      client: socket.getPeerCertificate().subject?.CN,
    };
    calls.push(call);
    respond(call, response);
    wake();
  };
  const server = createServer(
    tlsServerOptions(await mesh.authorityTls()),
    (request, response) => void handle(request, response),
  );
  let connections = 0;
  server.on('secureConnection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `https://127.0.0.1:${(server.address() as { port: number }).port}`;
  const log: string[] = [];
  const note = (...args: unknown[]): void => {
    log.push(String(args.at(-1)));
    wake();
  };
  const started = new AuthorityContact({
    target: {
      tag: 'tls',
      endpoint,
      trustAnchors: [anchor],
      serverName: authorityNames(mesh.mesh).dns,
      client: member.tls,
    },
    crlUrl: `${endpoint}/v1/crl`,
    intervalMs: 1,
    version: '1.2.3',
    log: { ...SILENT, warn: note, info: note, error: note },
    address: () => parseAddress('127.0.0.1:4000'),
    crlNumber: () => 7,
    isAlone: () => false,
    onCrl: () => true,
    onPeers: () => {},
    ...options,
  });
  t.after(async () => {
    await started.stop();
    server.close();
    server.closeAllConnections();
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { calls, log, until, member, endpoint, contact: started, connections: () => connections };
}

const CHECKED_IN = JSON.stringify({ crl_number: 7, bootstrap_peers: [{ node_id: 'n9', address: '127.0.0.1:9' }] });

describe('a node’s talk with its authority', () => {
  it('tells a refusal from an authority that is away: this node may be revoked', async (t) => {
    const { log, until } = await contact(t, (_call, response) => {
      const problem = { type: 'urn:x', title: 'x', status: 403, detail: 'it was revoked', code: 'ERR_PATH_REVOKED' };
      response.writeHead(403, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    await until(() => log.length > 0);
    assert.equal(log[0], 'the authority refuses this node');
  });

  it('checks in with its own certificate, and fetches the list once and where it changed', async (t) => {
    const lists: string[] = [];
    const told: string[] = [];
    let newest = 7;
    const { calls, until, member } = await contact(
      t,
      ({ path, etag }, response) => {
        const bootstrapPeers = [{ node_id: 'n9', address: '127.0.0.1:9' }];
        if (path === '/v1/checkin')
          response.end(JSON.stringify({ crl_number: newest, bootstrap_peers: bootstrapPeers }));
        else if (etag === `"${newest}"`) response.writeHead(304).end();
        else response.writeHead(200, { etag: `"${newest}"` }).end(`list ${newest}`);
      },
      {
        crlNumber: () => Number(lists.at(-1)?.split(' ')[1] ?? 0),
        onCrl: (der) => {
          lists.push(new TextDecoder().decode(der));
          return true;
        },
        onPeers: (peers) => void told.push(...peers.map(({ node_id }) => node_id)),
      },
    );
    await until(() => calls.length >= 6);
    assert.deepEqual(lists, ['list 7']);
    assert.deepEqual(
      calls.slice(0, 4).map(({ method, path }) => [method, path]),
      [
        ['POST', '/v1/checkin'],
        ['GET', '/v1/crl'],
        ['POST', '/v1/checkin'],
        ['POST', '/v1/checkin'],
      ],
    );
    assert.ok(told.includes('n9'));
    assert.equal(calls[0]?.client, member.nodeId);
    assert.deepEqual(JSON.parse(calls[0]?.body ?? ''), { address: '127.0.0.1:4000', crl_number: 0, version: '1.2.3' });
    newest = 8;
    await until(() => lists.length === 2);
    const asked = calls.filter(({ path }) => path === '/v1/crl');
    assert.deepEqual([lists[1], asked.length, asked[1]?.etag], ['list 8', 2, '"7"']);
    const was = calls.length;
    await until(() => calls.length >= was + 4);
    assert.ok(calls.slice(was + 1).every(({ path }) => path === '/v1/checkin'));
    assert.match(calls.at(-1)?.body ?? '', /"crl_number":8/);
  });

  it('asks on where the list is published late, and where it does not know it for its own', async (t) => {
    const { calls, until } = await contact(t, ({ path }, response) => {
      if (path === '/v1/checkin') response.end(JSON.stringify({ crl_number: 8, bootstrap_peers: [] }));
      else response.writeHead(200, { etag: '"7"' }).end('list 7');
    });
    await until(() => calls.filter(({ path }) => path === '/v1/crl').length >= 3);
  });

  it('asks for the list all the same where the authority refuses the check-in', async (t) => {
    const { calls, log, until } = await contact(t, ({ path }, response) => {
      if (path === '/v1/crl') return response.end('list');
      const problem = { type: 'urn:x', title: 'x', status: 403, detail: 'it was revoked', code: 'ERR_PATH_REVOKED' };
      return response.writeHead(403, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    await until(() => log.length > 0 && calls.length >= 4);
    assert.deepEqual(
      calls.slice(0, 4).map(({ path }) => path),
      ['/v1/checkin', '/v1/crl', '/v1/checkin', '/v1/crl'],
    );
    assert.equal(log[0], 'the authority refuses this node');
  });

  it('asks elsewhere for the list where the authority is away', async (t) => {
    const mirror = await contact(t, (_call, response) => response.end('list'), { intervalMs: 3_600_000 });
    const gone = await contact(t, (_call, response) => response.destroy(), {
      crlUrl: `${mirror.endpoint}/mirror/crl`,
    });
    await mirror.until(() => mirror.calls.some(({ path }) => path === '/mirror/crl'));
    await gone.until(() => gone.log.length > 0);
    assert.deepEqual(gone.log, ['the authority cannot be reached; going on without it']);
    assert.ok(gone.calls.every(({ path }) => path === '/v1/checkin'));
  });

  it('shakes hands once a visit, and anew for the next', async (t) => {
    const { calls, until, connections } = await contact(t, ({ path }, response) => {
      if (path === '/v1/crl') response.writeHead(304).end();
      else response.end(JSON.stringify({ crl_number: 8, bootstrap_peers: [] })); // newer than what it has: two calls
    });
    await until(() => calls.length >= 6);
    const visits = Math.ceil(calls.length / 2);
    assert.ok(connections() >= visits - 1 && connections() <= visits, `${connections()} for ${visits} visits`);
  });

  it('does not take what is no list for one that it has', async (t) => {
    const { calls, log, until } = await contact(
      t,
      ({ path }, response) => {
        if (path === '/v1/checkin') response.end(CHECKED_IN);
        else response.writeHead(200, { etag: '"7"' }).end('list');
      },
      { onCrl: () => false },
    );
    await until(() => calls.length >= 5);
    assert.ok(calls.every(({ etag }) => etag === undefined));
    assert.match(log[0] ?? '', /no revocation list of this mesh/);
  });

  it('goes on without it, says so once, and says when it is back', async (t) => {
    let isDown = true;
    const { calls, log, until } = await contact(t, ({ path }, response) => {
      if (isDown) response.writeHead(503).end('not JSON');
      else if (path === '/v1/checkin') response.end(CHECKED_IN);
      else response.writeHead(304).end();
    });
    await until(() => calls.length >= 4);
    isDown = false;
    await until(() => log.some((line) => line.includes('answers again')));
    assert.deepEqual(log, ['the authority cannot be reached; going on without it', 'the authority answers again']);
  });

  const ANSWERS: readonly (readonly [string, string, string])[] = [
    ['a member twice', `{"crl_number":7,"crl_number":8,"bootstrap_peers":[]}`, 'ERR_REMOTE'],
    ['no JSON', 'welcome', 'ERR_REMOTE'],
    ['something else', '{}', 'ERR_REMOTE'],
  ];
  for (const [name, text, expected] of ANSWERS)
    it(`takes nothing of an answer with ${name}`, async (t) => {
      const codes: (string | undefined)[] = [];
      const { until, calls } = await contact(
        t,
        ({ path }, response) => response.end(path === '/v1/checkin' ? text : 'list'),
        {
          log: { ...SILENT, warn: (facts: { readonly code?: string }) => codes.push(facts.code) } as never,
          onPeers: () => assert.fail('it was taken'),
        },
      );
      await until(() => calls.length >= 4); // the second visit
      assert.deepEqual(codes, [expected]);
    });

  it('tells nothing to a server that the anchor does not vouch for', async (t) => {
    const { calls, log, until } = await contact(
      t,
      (_, response) => response.end(),
      {},
      (await TestMesh.make()).rootPem,
    );
    await until(() => log.length > 0);
    assert.deepEqual([calls, log], [[], ['the authority cannot be reached; going on without it']]);
  });

  it('tells soon what came another way, and asks sooner while it is alone', async (t) => {
    const {
      calls,
      until,
      contact: started,
    } = await contact(
      t,
      ({ path }, response) => {
        if (path === '/v1/checkin') response.end(CHECKED_IN);
        else response.writeHead(304).end();
      },
      { intervalMs: 3_600_000 },
    );
    await until(() => calls.length >= 2);
    started.soon();
    await until(() => calls.length >= 3);
    const alone = await contact(
      t,
      ({ path }, response) => {
        if (path === '/v1/checkin') response.end(CHECKED_IN);
        else response.writeHead(304).end();
      },
      { intervalMs: 3_600_000, isAlone: () => true },
    );
    await alone.until(() => alone.calls.length >= 3);
  });

  it('keeps so many alarms, the first, and leaves the others to other nodes', async (t) => {
    const shown: string[] = [];
    let isAway = true;
    const {
      calls,
      until,
      contact: started,
    } = await contact(t, ({ path, body }, response) => {
      if (isAway) return void response.writeHead(503).end('{}');
      if (path === '/v1/checkin') return void response.end(CHECKED_IN);
      if (path === '/v1/alarms') shown.push((JSON.parse(body) as { readonly kept: string }).kept);
      response.writeHead(path === '/v1/alarms' ? 204 : 304).end();
    });
    await until(() => calls.length > 0);
    for (let n = 0; n < 2 * CONFLICTS_MAX; n++) {
      const origin = parseNodeId(`n${n}`);
      // One that says two things all the time has one place, and the others are shown.
      for (let again = 0; again < CONFLICTS_MAX; again++)
        started.reportConflict(origin, Uint8Array.of(n), Uint8Array.of(again));
    }
    isAway = false;
    await until(() => shown.length > 0);
    const visits = calls.filter(({ path }) => path === '/v1/checkin').length;
    await until(() => calls.filter(({ path }) => path === '/v1/checkin').length > visits + 1);
    assert.deepEqual(
      shown,
      Array.from({ length: CONFLICTS_MAX }, (_, n) => Buffer.of(n).toString('base64')),
    );
  });

  it('reads a wish to be left alone', () => {
    assert.equal(retryAfterMs('1'), 1_000);
    assert.equal(retryAfterMs('3600'), 3_600_000);
    for (const header of [undefined, '', '0', '-5', 'tomorrow', 'Infinity'])
      assert.equal(retryAfterMs(header), undefined);
  });

  it('keeps an alarm that is not taken now, and shows it again when it may', async (t) => {
    const statuses = [429, 503, 429, 204, 400, 204];
    const shown: number[] = [];
    const bodies: string[] = [];
    const {
      until,
      log,
      contact: started,
    } = await contact(
      t,
      ({ path, body }, response) => {
        if (path === '/v1/checkin') return void response.end(CHECKED_IN);
        if (path !== '/v1/alarms') return void response.writeHead(304).end();
        const status = statuses[shown.length] ?? 204;
        shown.push(status);
        bodies.push(body);
        response.writeHead(status, shown.length === 1 ? { 'retry-after': '1' } : {}).end();
      },
      { intervalMs: 20 },
    );
    for (const kept of [1, 2, 3])
      started.reportConflict(parseNodeId(`n${kept}`), Uint8Array.of(kept), Uint8Array.of(0));
    await until(() => shown.length === statuses.length);
    assert.deepEqual(shown, statuses);
    const keptOf = bodies.map((body) => (JSON.parse(body) as { readonly kept: string }).kept);
    assert.deepEqual(keptOf, ['AQ==', 'AQ==', 'AQ==', 'AQ==', 'Ag==', 'Aw=='], 'the second is refused for good');
    await until(() => log.includes('the authority did not take an alarm'));
  });
});

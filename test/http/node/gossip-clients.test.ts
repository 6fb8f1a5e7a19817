import assert from 'node:assert/strict';
import { Agent, request } from 'node:https';
import { before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { toBase64 } from '../../../src/base/bytes.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { UNPOSTED_MAX } from '../../../src/node/publishing/prepared-streams.ts';
import { sample } from '../../../src/ports/random.ts';
import { type Member, TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';
import { signed, startServing } from './support.ts';

/** Connections of one client. */
const CONNECTIONS = 24;

let mesh: TestMesh;
let member: Member;
before(async () => {
  mesh = await TestMesh.make();
  member = await mesh.member();
});

interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly json: Readonly<Record<string, string>>;
}

/** A program with a client certificate and connections that it keeps, as any HTTP library gives it. */
class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #node: TestNode;

  constructor(t: Pick<TestContext, 'after'>, node: TestNode) {
    this.#node = node;
    t.after(() => this.#agent.destroy());
  }

  post(path: string, body: unknown): Promise<Reply> {
    const [host, port] = this.#node.address.split(':');
    const { certificate, key } = member.tls;
    return new Promise((resolve, reject) => {
      const sent = request({
        agent: this.#agent,
        host,
        port,
        path,
        method: 'POST',
        servername: `${this.#node.nodeId}.${mesh.mesh}`,
        ca: mesh.rootPem,
        cert: certificate,
        key,
        headers: { 'content-type': 'application/json' },
      });
      sent.on('error', reject);
      sent.on('response', (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.on('end', () => {
          const json = JSON.parse(text) as Record<string, string>;
          resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'], json });
        });
      });
      sent.end(JSON.stringify(body));
    });
  }

  /** Asks again after `Retry-After` for as long as it is told to. */
  async postUntilTaken(path: string, body: unknown): Promise<Reply> {
    for (;;) {
      const reply = await this.post(path, body);
      if (reply.status !== 429) return reply;
      assert.match(reply.retryAfter ?? '', /^[1-9][0-9]*$/, JSON.stringify(reply.json));
      await pause(Number(reply.retryAfter) * 1_000);
    }
  }

  async prepare(text: string): Promise<Readonly<Record<string, string>>> {
    const body = { type: 'sensor/test', payload: btoa(text), ttl_sec: 3_600 };
    const reply = await this.postUntilTaken('/v1/mesh/gossip/prepare', body);
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    const signature = await member.signer.sign(Uint8Array.fromBase64(reply.json['to_be_signed'] ?? ''));
    return { ...reply.json, signature: toBase64(signature) };
  }
}

/** Does the work for each item, some at a time. */
async function inParallel<T>(queue: T[], work: (item: T) => Promise<void>): Promise<void> {
  const one = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}

async function twoNodes(t: TestContext): Promise<readonly [Client, TestNode]> {
  const [node, other] = [await startServing(t, mesh), await mesh.start(t)];
  other.learn(node);
  await node.linkedWith(other);
  return [new Client(t, node), other];
}

async function arrived(other: TestNode, ids: ReadonlySet<string>): Promise<void> {
  const held = (): Set<string> => new Set(Array.from(other.host.node.holdings.messages.values(), ({ id }) => id));
  if (!ids.isSubsetOf(held())) await other.until(() => ids.isSubsetOf(held()));
}

describe('a client with many messages', () => {
  it('has 1,000 prepared and posted in parallel, and all of them arrive', async (t) => {
    const [client, other] = await twoNodes(t);
    const ids = new Set<string>();
    await inParallel([...Array(1_000).keys()], async (i) => {
      const reply = await client.postUntilTaken('/v1/mesh/gossip', await client.prepare(`message ${i}`));
      assert.equal(reply.status, 202, JSON.stringify(reply.json));
      ids.add(reply.json['message_id'] ?? '');
    });
    assert.equal(ids.size, 1_000);
    await arrived(other, ids);
    const streams = new Set(Array.from(ids, (id) => id.slice(0, id.lastIndexOf('.'))));
    assert.equal(streams.size, 1, 'they are one stream: the counters are consecutive');
    const [stream] = Array.from(other.host.node.holdings.messages.streams.values()).filter(({ key }) =>
      streams.has(key),
    );
    assert.equal(stream?.ranges.count, 1);
  });

  it('may prepare all of them first, post them in any order, and never post many', async (t) => {
    const [client, other] = await twoNodes(t);
    const prepared: Readonly<Record<string, string>>[] = [];
    await inParallel([...Array(10 * UNPOSTED_MAX).keys()], async (i) => {
      prepared.push(await client.prepare(`later ${i}`));
    });
    const ids = new Set<string>();
    await inParallel(sample(systemRandom, prepared, 4 * UNPOSTED_MAX), async (body) => {
      const reply = await client.post('/v1/mesh/gossip', body);
      assert.equal(reply.status, 202, JSON.stringify(reply.json)); // not one is told to wait
      ids.add(reply.json['message_id'] ?? '');
    });
    assert.equal((await client.postUntilTaken('/v1/mesh/gossip', await client.prepare('the next'))).status, 202);
    await arrived(other, ids);
  });

  it('may compose its own and lose their order: what is told to wait gets through in the end', async (t) => {
    const [client, other] = await twoNodes(t);
    const messages = await Promise.all(
      Array.from({ length: 500 }, (_, counter) =>
        signed(mesh, member, { incarnation: 5, counter, type: 'sensor/test', payload: Uint8Array.of(1) }),
      ),
    );
    const queue = sample(systemRandom, messages, messages.length);
    const told = new Set<string>();
    let queued = 0;
    await inParallel(queue, async (message) => {
      const { protectedBytes, payload, signature } = message;
      const body = { protected: toBase64(protectedBytes), payload: toBase64(payload), signature: toBase64(signature) };
      const reply = await client.post('/v1/mesh/gossip', body);
      if (reply.status === 202) return;
      assert.equal(reply.status, 429, JSON.stringify(reply.json));
      assert.equal(reply.retryAfter, '1');
      if (reply.json['code'] === 'ERR_MESSAGE_NO_ROOM') {
        assert.match(reply.json['detail'] ?? '', /63 gaps; send what is missing first, from counter \d+ on/);
        told.add(reply.json['detail'] ?? '');
      }
      if (++queued % 100 === 0) await pause(1_000);
      queue.push(message); // behind all others, as a queue of a program does
    });
    assert.ok(told.size > 0, 'nothing was out of order');
    await arrived(other, new Set(messages.map(({ id }) => id)));
  });
});

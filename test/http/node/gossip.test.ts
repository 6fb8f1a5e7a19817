import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { toBase64 } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/base/time.ts';
import { ecdsaRawToDer } from '../../../src/crypto/curve/ecdsa-signature.ts';
import { AUTHOR_RATE } from '../../../src/engine/gate/budgets.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import type { Message } from '../../../src/message/message.ts';
import type { MessageId } from '../../../src/message/message-id.ts';
import { type Member, TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';
import { type Answer, ask, INDICATOR, type Saying, signed, startServing } from './support.ts';

let mesh: TestMesh;
let member: Member;
before(async () => {
  mesh = await TestMesh.make();
  member = await mesh.member();
});

const gossip = (node: TestNode, body: unknown, from: Member = member): Promise<Answer> =>
  ask(mesh, node, from, { method: 'POST', path: '/v1/mesh/gossip', body });

const cose = (node: TestNode, { bytes }: Pick<Message, 'bytes'>, from: Member = member): Promise<Answer> =>
  ask(mesh, node, from, {
    method: 'POST',
    path: '/v1/mesh/gossip',
    headers: { 'content-type': 'application/cose' },
    body: bytes,
  });

const prepare = (node: TestNode, body: unknown): Promise<Answer> =>
  ask(mesh, node, member, { method: 'POST', path: '/v1/mesh/gossip/prepare', body });

/** What a client sends that composed and signed by itself. */
function jsonOf(message: Message): Record<string, unknown> {
  return {
    protected: toBase64(message.protectedBytes),
    payload: toBase64(message.payload),
    signature: toBase64(message.signature),
  };
}

describe('POST /v1/mesh/gossip/prepare, and what a member signs of it', () => {
  it('S1.102: is taken with a DER signature, and reaches the neighbours', async (t) => {
    const [node, other] = [await startServing(t, mesh), await mesh.start(t)];
    other.learn(node);
    await node.linkedWith(other);
    const prepared = await prepare(node, { type: 'indicator', payload: toBase64(INDICATOR), ttl_sec: 60 });
    assert.equal(prepared.status, 200);
    assert.equal(prepared.json['origin'], member.nodeId);
    assert.equal(prepared.json['payload'], toBase64(INDICATOR));
    const raw = await member.signer.sign(Uint8Array.fromBase64(String(prepared.json['to_be_signed'])));
    const answer = await gossip(node, { ...prepared.json, signature: toBase64(ecdsaRawToDer(raw)) });
    assert.equal(answer.status, 202);
    assert.deepEqual(answer.json, { message_id: prepared.json['message_id'] });
    const event = await other.got(String(answer.json['message_id']) as MessageId);
    assert.ok(event.tag === 'message' && event.message.payload.length === INDICATOR.length);
  });

  it('is taken with r and s, and again for the same', async (t) => {
    const node = await startServing(t, mesh);
    const { json } = await prepare(node, {
      type: 'sensor/heat',
      payload: toBase64(Uint8Array.of(1, 2)),
      ttl_sec: 60,
      audience: 'role:operator',
      content_type: 'application/x-heat',
    });
    const signature = toBase64(await member.signer.sign(Uint8Array.fromBase64(String(json['to_be_signed']))));
    for (let time = 0; time < 2; time++) {
      const answer = await gossip(node, { ...json, signature });
      assert.deepEqual([answer.status, answer.json], [202, { message_id: json['message_id'] }]);
    }
    assert.equal(node.host.node.holdings.messages.size, 1);
  });

  for (const [name, body, code] of [
    ['no family at all', { type: 'Gossip!', payload: '', ttl_sec: 60 }, 'ERR_MESSAGE_MALFORMED'],
    ['a sensor without a topic', { type: 'sensor', payload: '', ttl_sec: 60 }, 'ERR_MESSAGE_MALFORMED'],
    ['no life', { type: 'sensor/a', payload: '', ttl_sec: 0 }, 'ERR_MESSAGE_LIFETIME'],
    ['a life of eight days', { type: 'sensor/a', payload: '', ttl_sec: 8 * 86_400 }, 'ERR_MESSAGE_LIFETIME'],
    [
      'too large a payload',
      { type: 'sensor/a', payload: toBase64(new Uint8Array(16_385)), ttl_sec: 60 },
      'ERR_MESSAGE_PAYLOAD',
    ],
    ['a payload that is no base64', { type: 'sensor/a', payload: '%', ttl_sec: 60 }, 'ERR_INPUT'],
    [
      'an audience that is none',
      { type: 'sensor/a', payload: '', ttl_sec: 60, audience: 'Role X' },
      'ERR_MESSAGE_MALFORMED',
    ],
    ['half a second', { type: 'sensor/a', payload: '', ttl_sec: 0.5 }, 'ERR_INPUT'],
    ['no type', { payload: '', ttl_sec: 60 }, 'ERR_INPUT'],
    ['a list', [], 'ERR_INPUT'],
  ] as const)
    it(`refuses ${name}`, async (t) => {
      const answer = await prepare(await startServing(t, mesh), body);
      assert.deepEqual([answer.status, answer.json['code']], [400, code]);
    });
});

describe('what the gate would refuse, prepare refuses with the same code', () => {
  for (const [name, body, status, code] of [
    ['a command without the capability', { type: 'command/reboot', payload: '' }, 403, 'ERR_MESSAGE_NOT_PERMITTED'],
    ['a family that nobody granted', { type: 'weather', payload: '' }, 403, 'ERR_MESSAGE_NOT_PERMITTED'],
    [
      'an indicator that is none',
      { type: 'indicator', payload: toBase64(Uint8Array.of(1)) },
      400,
      'ERR_MESSAGE_PAYLOAD',
    ],
    [
      'an indicator as text',
      { type: 'indicator', payload: toBase64(INDICATOR), content_type: 'text/plain' },
      400,
      'ERR_MESSAGE_PAYLOAD',
    ],
    ['a record that is none', { type: 'record', payload: toBase64(Uint8Array.of(1)) }, 400, 'ERR_MESSAGE_PAYLOAD'],
    [
      'a content type beyond measure',
      { type: 'sensor/a', payload: '', content_type: 'x'.repeat(129) },
      400,
      'ERR_MESSAGE_MALFORMED',
    ],
  ] as const)
    it(name, async (t) => {
      const answer = await prepare(await startServing(t, mesh), { ttl_sec: 60, ...body });
      assert.deepEqual([answer.status, answer.json['code']], [status, code]);
    });
});

describe('POST /v1/mesh/gossip', () => {
  it('takes the COSE bytes, and keeps the chain of who brought them', async (t) => {
    const node = await startServing(t, mesh);
    const message = await signed(mesh, member);
    const answer = await cose(node, message);
    assert.deepEqual([answer.status, answer.json], [202, { message_id: message.id }]);
    assert.equal(node.host.node.holdings.read(message.contentKey)?.id, message.id);
  });

  it('takes another’s message from a member, where the other is known', async (t) => {
    const node = await startServing(t, mesh);
    const author = await mesh.member();
    node.host.keepChain(author.chain);
    assert.equal((await cose(node, await signed(mesh, author))).status, 202);
  });

  it('takes every readable member that agrees with protected', async (t) => {
    const node = await startServing(t, mesh);
    const message = await signed(mesh, member, { audience: 'role:operator' });
    const readable = {
      message_id: message.id,
      origin: message.origin,
      timestamp: new Date(message.issuedAt).toISOString(),
      expires_at: new Date(message.expiresAt).toISOString(),
      ttl_sec: 3_600,
      type: 'indicator',
      content_type: 'application/json',
      audience: 'role:operator',
      to_be_signed: toBase64(message.toBeSigned),
      colour: 'green',
    };
    assert.equal((await gossip(node, { ...jsonOf(message), ...readable })).status, 202);
  });

  for (const [name, change] of [
    ['message_id', { message_id: 'n1.1.1' }],
    ['origin', { origin: 'n1' }],
    ['timestamp', { timestamp: '2026-01-01T00:00:00Z' }],
    ['expires_at', { expires_at: '2026-01-01T00:00:00Z' }],
    ['ttl_sec', { ttl_sec: 1 }],
    ['type', { type: 'sensor/a' }],
    ['content_type', { content_type: 'text/plain' }],
    ['audience', { audience: 'role:operator' }],
    ['to_be_signed', { to_be_signed: 'AAAA' }],
  ] as const)
    it(`T22: refuses ${name} that disagrees with protected`, async (t) => {
      const node = await startServing(t, mesh);
      const answer = await gossip(node, { ...jsonOf(await signed(mesh, member)), ...change });
      assert.deepEqual([answer.status, answer.json['code']], [400, 'ERR_MESSAGE_MALFORMED']);
      assert.match(String(answer.json['detail']), new RegExp(`^${name} disagrees`));
      assert.equal(node.host.node.holdings.messages.size, 0);
    });

  const saying = (status: number, code: string, what: Saying) => ({ status, code, what });
  for (const [name, { status, code, what }] of Object.entries({
    'an expired message': saying(400, 'ERR_MESSAGE_EXPIRED', { issuedAt: Date.now() - 2 * HOUR_MS }),
    'one from eleven minutes ahead': saying(400, 'ERR_MESSAGE_FUTURE', { issuedAt: Date.now() + 11 * MINUTE_MS }),
    'one that lives eight days': saying(400, 'ERR_MESSAGE_LIFETIME', { lifeMs: 8 * DAY_MS }),
    'one that ends before it begins': saying(400, 'ERR_MESSAGE_LIFETIME', { lifeMs: -HOUR_MS }),
    'S1.15: a log line as an indicator': saying(400, 'ERR_MESSAGE_PAYLOAD', {
      payload: new TextEncoder().encode('{"kind":"rule","value":"2026-01-01 10:00:00 sshd: failed","risk":1}'),
    }),
    'an indicator of three KiB': saying(400, 'ERR_MESSAGE_PAYLOAD', { payload: new Uint8Array(3_000) }),
    'an indicator that says it is no JSON': saying(400, 'ERR_MESSAGE_PAYLOAD', { contentType: 'text/plain' }),
    'an indicator with a member twice': saying(400, 'ERR_MESSAGE_PAYLOAD', {
      payload: new TextEncoder().encode('{"kind":"hash","value":"00","risk":1,"r\\u0069sk":9}'),
    }),
    'a command without the capability': saying(403, 'ERR_MESSAGE_NOT_PERMITTED', { type: 'command/reboot' }),
  }))
    it(`refuses ${name}`, async (t) => {
      const node = await startServing(t, mesh);
      const message = await signed(mesh, member, what);
      for (const answer of [await cose(node, message), await gossip(node, jsonOf(message))])
        assert.deepEqual([answer.status, answer.json['code']], [status, code]);
      assert.equal(node.host.node.holdings.messages.size, 0);
    });

  it('refuses a wrong signature, also of what is held already', async (t) => {
    const node = await startServing(t, mesh);
    const message = await signed(mesh, member);
    const forged = {
      ...jsonOf(message),
      signature: toBase64(message.signature.with(40, (message.signature[40] ?? 0) ^ 1)),
    };
    for (const before of [0, 1]) {
      const answer = await gossip(node, forged);
      assert.deepEqual([answer.status, answer.json['code']], [403, 'ERR_MESSAGE_SIGNATURE'], `${before} held`);
      assert.equal((await cose(node, message)).status, 202);
    }
  });

  it('T14: refuses one member’s message under another’s name', async (t) => {
    const node = await startServing(t, mesh);
    const answer = await cose(node, await signed(mesh, member, { origin: await mesh.member() }));
    assert.deepEqual([answer.status, answer.json['code']], [403, 'ERR_MESSAGE_UNKNOWN_ORIGIN']);
  });

  it('refuses an origin whose certificate nobody knows, and one of another mesh', async (t) => {
    const node = await startServing(t, mesh);
    const unknown = await cose(node, await signed(mesh, await mesh.member()));
    assert.deepEqual([unknown.status, unknown.json['code']], [403, 'ERR_MESSAGE_UNKNOWN_ORIGIN']);
    const other = await TestMesh.make('other');
    const foreign = await cose(node, await signed(other, await other.member()));
    assert.deepEqual([foreign.status, foreign.json['code']], [403, 'ERR_MESSAGE_UNKNOWN_ORIGIN']);
  });

  it('S1.73: refuses the message of a revoked node that a member brings', async (t) => {
    const node = await startServing(t, mesh);
    const outcast = await mesh.member();
    node.host.keepChain(outcast.chain);
    node.host.installCrl(await mesh.revoke(outcast));
    const answer = await cose(node, await signed(mesh, outcast));
    assert.deepEqual([answer.status, answer.json['code']], [403, 'ERR_MESSAGE_REVOKED_ORIGIN']);
  });

  it('T24: refuses other content under an id that is taken, and tells programs', async (t) => {
    const node = await startServing(t, mesh);
    assert.equal((await cose(node, await signed(mesh, member, { incarnation: 7 }))).status, 202);
    const other = await signed(mesh, member, { incarnation: 7, issuedAt: systemClock.wall() - MINUTE_MS });
    const answer = await cose(node, other);
    assert.deepEqual([answer.status, answer.json['code']], [409, 'ERR_MESSAGE_CONFLICT']);
    const event = await node.until(({ tag }) => tag === 'conflict');
    assert.ok(event.tag === 'conflict' && event.messageId === other.id);
  });

  it('T3: an author over its budget is told so, and another is not', async (t) => {
    const node = await startServing(t, mesh);
    const author = await mesh.member();
    node.host.keepChain(author.chain);
    const messages = Array.from({ length: AUTHOR_RATE.burstTokens + 400 }, (_, counter) =>
      signed(mesh, author, { incarnation: 9, counter, type: 'sensor/a', payload: Uint8Array.of(1) }),
    );
    const outcomes = await Promise.allSettled(
      (await Promise.all(messages)).map((message) => node.host.submit(message, member.nodeId)),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    assert.ok(refused.length > 0);
    for (const { reason } of refused as PromiseRejectedResult[])
      assert.equal((reason as { code: string }).code, 'ERR_MESSAGE_OVER_BUDGET');
    assert.equal((await cose(node, await signed(mesh, member))).status, 202);
  });

  for (const [name, body, status, code] of [
    ['nothing', {}, 400, 'ERR_INPUT'],
    [
      'a protected header that is no CBOR',
      { protected: 'AAAA', payload: '', signature: '' },
      400,
      'ERR_MESSAGE_MALFORMED',
    ],
    [
      'a body that is too large',
      { protected: 'A'.repeat(70_000), payload: '', signature: '' },
      413,
      'ERR_BODY_TOO_LARGE',
    ],
  ] as const)
    it(`refuses ${name}`, async (t) => {
      const answer = await gossip(await startServing(t, mesh), body);
      assert.deepEqual([answer.status, answer.json['code']], [status, code]);
    });

  it('refuses a signature of no known form, COSE bytes that are none, and other media types', async (t) => {
    const node = await startServing(t, mesh);
    const message = await signed(mesh, member);
    for (const signature of ['', 'AAAA', toBase64(new Uint8Array(70))])
      assert.equal((await gossip(node, { ...jsonOf(message), signature })).json['code'], 'ERR_MESSAGE_MALFORMED');
    for (const bytes of [new Uint8Array(0), message.bytes.subarray(1), Uint8Array.of(...message.bytes, 0)])
      assert.equal((await cose(node, { bytes })).json['code'], 'ERR_MESSAGE_MALFORMED');
    const text = await ask(mesh, node, member, {
      method: 'POST',
      path: '/v1/mesh/gossip',
      headers: { 'content-type': 'text/plain' },
      body: message.bytes,
    });
    assert.equal(text.status, 415);
  });
});

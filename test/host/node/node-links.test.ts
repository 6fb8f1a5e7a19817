import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import { before, describe, it, type TestContext } from 'node:test';
import { concatBytes } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, type UnixMs } from '../../../src/base/time.ts';
import { FRAME_BYTES_MAX, type HelloFrame, LINK_VERSION } from '../../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../../src/engine/links/frame-splitter.ts';
import { STRANGERS_MAX } from '../../../src/host/tls/strangers.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { TlsDialler } from '../../../src/host/tls/dialler.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { type Address, parseAddress } from '../../../src/message/payloads/address.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import { linkedPair, type Member, TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';
import { RawTls, rawTcp } from '../../support/raw-tls.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** Traffic between two honest nodes goes on, and nothing came of the attack but a closed connection. */
async function assertHonestTraffic(a: TestNode, b: TestNode): Promise<void> {
  const [fromA, fromB] = await Promise.all([a.say('from a'), b.say('from b')]);
  await Promise.all([b.got(fromA), a.got(fromB)]);
  assert.deepEqual([...a.unexpected, ...b.unexpected], []);
  assert.ok(!a.events.some((event) => event.tag === 'link-down' && event.peer === b.nodeId), 'the honest link fell');
}

function helloOf(nodeId: NodeId, meshName = mesh.mesh): HelloFrame {
  return {
    tag: 'hello',
    version: LINK_VERSION,
    mesh: meshName,
    nodeId,
    software: 'test',
    addresses: [],
    crls: [],
    heldIncarnation: 0,
    windowBytes: 1_000,
  };
}

function framesOf(bytes: Uint8Array): readonly string[] {
  return new FrameSplitter().push(bytes).map((body) => {
    const frame = decodeFrame(body);
    return frame.tag === 'bye' ? `bye ${frame.reason}` : frame.tag;
  });
}

describe('links between nodes', () => {
  it('S0.01: two nodes link, and signed messages cross both ways', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    await assertHonestTraffic(a, b);
  });

  for (const group of ['X25519MLKEM768', 'X25519', 'P-256'])
    it(`X.22: a link speaks TLS 1.3 with ${group}`, async (t) => {
      const [a, b] = await linkedPair(t, mesh);
      const { tls } = await mesh.member();
      const connection = new RawTls(a.address, tls, { ecdhCurve: group });
      await connection.untilReceived(1);
      assert.equal(connection.socket.getProtocol(), 'TLSv1.3');
      connection.socket.destroy();
      await assertHonestTraffic(a, b);
    });

  it('S1.85: a node that links later gets what it missed', async (t) => {
    const a = await mesh.start(t);
    const id = await a.say('said before anybody listened');
    const b = await mesh.start(t);
    b.learn(a);
    await b.got(id);
  });

  it('a node that leaves says goodbye, and is linked again when it is back', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    b.host.leave();
    const down = await a.unlinkedFrom(b);
    assert.equal(down.tag === 'link-down' && down.why, 'leaving');
    const again = await mesh.start(t, { member: b.member });
    again.learn(a);
    await again.linkedWith(a);
    await again.got(await a.say('welcome back'));
  });

  it('both dial at once: one link is left, and traffic crosses', async (t) => {
    const [a, b] = [await mesh.start(t), await mesh.start(t)];
    a.learn(b);
    b.learn(a);
    await Promise.all([a.linkedWith(b), b.linkedWith(a)]);
    await b.got(await a.say('one way'));
    await a.got(await b.say('the other'));
  });
});

describe('who is not let in', () => {
  let a: TestNode;
  let b: TestNode;
  const withPair = (run: (t: TestContext) => Promise<void>) => async (t: TestContext) => {
    [a, b] = await linkedPair(t, mesh);
    await run(t);
    await assertHonestTraffic(a, b);
  };

  /** Nothing is said to the other side: not a hello, not a byte. */
  async function assertShutOut(identity: Member['tls'] | undefined, code: string): Promise<void> {
    const connection = new RawTls(a.address, identity);
    assert.equal((await connection.untilClosed()).length, 0);
    assert.equal(a.refused.at(-1)?.code, code);
  }

  it(
    'TLS 1.2',
    withPair(async () => {
      const connection = new RawTls(a.address, (await mesh.member()).tls, { maxVersion: 'TLSv1.2' });
      assert.equal((await connection.untilClosed()).length, 0);
      assert.equal(a.refused.at(-1)?.code, 'ERR_SSL_UNSUPPORTED_PROTOCOL');
    }),
  );

  it(
    'the wrong ALPN',
    withPair(async () => {
      const connection = new RawTls(a.address, (await mesh.member()).tls, { ALPNProtocols: ['dadm-mesh/2'] });
      assert.equal((await connection.untilClosed()).length, 0);
      assert.equal(a.refused.at(-1)?.code, 'ERR_SSL_NO_APPLICATION_PROTOCOL');
    }),
  );

  it(
    'nobody’s certificate',
    withPair(() => assertShutOut(undefined, 'ERR_PATH_EMPTY')),
  );

  it(
    'the certificate of another mesh of the same name',
    withPair(async () => assertShutOut((await (await TestMesh.make()).member()).tls, 'ERR_PATH_NO_ANCHOR')),
  );

  it(
    'the certificate of a mesh of another name',
    withPair(async () => assertShutOut((await (await TestMesh.make('other')).member()).tls, 'ERR_PATH_PROFILE')),
  );

  it(
    'an expired certificate',
    withPair(async () => {
      const issuedAt = (systemClock.wall() - 2 * DAY_MS) as UnixMs;
      await assertShutOut((await mesh.member({ issuedAt, lifeMs: HOUR_MS })).tls, 'ERR_PATH_EXPIRED');
    }),
  );

  it(
    'T14: a stranger’s leaf with a member’s certificate behind it',
    withPair(async () => {
      const stranger = await (await TestMesh.make()).member();
      const member = await mesh.member();
      const certificate = stranger.tls.certificate + member.tls.certificate;
      await assertShutOut({ ...stranger.tls, certificate }, 'ERR_PATH_NO_ANCHOR');
    }),
  );

  it(
    'S1.71, S1.72: a revoked node, whose link is closed and whose dial is refused',
    withPair(async (t) => {
      const c = await mesh.start(t);
      c.learn(a);
      await Promise.all([c.linkedWith(a), a.linkedWith(c)]);
      assert.ok(a.host.installCrl(await mesh.revoke(c.member)));
      const down = await a.unlinkedFrom(c);
      assert.equal(down.tag === 'link-down' && down.why, 'revoked');
      await assertShutOut(c.member.tls, 'ERR_PATH_REVOKED');
      assert.ok(!Array.from(a.host.node.peersSeen.entries()).some(([nodeId]) => nodeId === c.nodeId), 'S1.74');
    }),
  );

  it(
    'bytes that are no TLS',
    withPair(async () => {
      const socket = await rawTcp(a.address);
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.resume();
      await once(socket, 'close');
    }),
  );

  it(
    'half-open handshakes give way, the oldest first, and never to the harm of members',
    withPair(async (t) => {
      const sockets: Socket[] = [];
      for (let n = 0; n < STRANGERS_MAX; n++) sockets.push(await rawTcp(a.address));
      t.after(() => sockets.forEach((socket) => socket.destroy()));
      const [oldest] = sockets;
      assert.ok(oldest !== undefined);
      const c = await mesh.start(t);
      const isOldestClosed = once(oldest, 'close');
      oldest.resume();
      c.learn(a);
      await Promise.all([c.linkedWith(a), isOldestClosed]);
    }),
  );
});

describe('members that break the rules', () => {
  const honest = async (t: TestContext): Promise<{ a: TestNode; b: TestNode; rogue: RawTls; member: Member }> => {
    const [a, b] = await linkedPair(t, mesh);
    const member = await mesh.member();
    const rogue = new RawTls(a.address, member.tls);
    await rogue.secured();
    return { a, b, rogue, member };
  };

  for (const [name, bytesOf, bye] of [
    ['an oversized frame', (hello) => concatBytes(hello, frameHead(FRAME_BYTES_MAX + 1)), 'bye malformed'],
    ['a frame of four gigabytes', (hello) => concatBytes(hello, frameHead(0xffff_ffff)), 'bye malformed'],
    ['an empty frame', (hello) => concatBytes(hello, frameHead(0)), 'bye malformed'],
    ['random bytes', () => concatBytes(frameHead(1_000), systemRandom.bytes(1_000)), 'bye malformed'],
    [
      'random bytes behind a good hello',
      (hello) => concatBytes(hello, frameHead(99), systemRandom.bytes(99)),
      'bye malformed',
    ],
    ['a frame before the hello', () => encodeFrame({ tag: 'ping' }), 'bye malformed'],
    ['a second hello', (hello) => concatBytes(hello, hello), 'bye malformed'],
    [
      'the hello of another mesh',
      (_, member) => encodeFrame(helloOf(member.nodeId, parseMeshName('other'))),
      'bye mesh',
    ],
    ['the hello of another node', (_, __, a) => encodeFrame(helloOf(a.nodeId)), 'bye mesh'],
    [
      'a version that nobody speaks',
      (_, member) => encodeFrame({ ...helloOf(member.nodeId), version: 99 }),
      'bye version',
    ],
  ] as readonly (readonly [string, (hello: Uint8Array, member: Member, a: TestNode) => Uint8Array, string])[])
    it(`${name}: told why, closed, and nobody else is harmed`, async (t) => {
      const { a, b, rogue, member } = await honest(t);
      rogue.socket.write(bytesOf(encodeFrame(helloOf(member.nodeId)), member, a));
      const frames = framesOf(await rogue.untilClosed());
      assert.equal(frames.at(-1), bye);
      await assertHonestTraffic(a, b);
    });

  it('a frame that never ends costs its bytes and no more', async (t) => {
    const { a, b, rogue, member } = await honest(t);
    rogue.socket.write(concatBytes(encodeFrame(helloOf(member.nodeId)), frameHead(60_000), systemRandom.bytes(10)));
    await a.linkedWith(member);
    await assertHonestTraffic(a, b);
    rogue.socket.destroy();
    await a.unlinkedFrom(member);
  });

  it('forged messages by the hundred: the link is closed, and its peer not let in again', async (t) => {
    const { a, b, rogue, member } = await honest(t);
    const source = await mesh.start(t);
    await source.say('to be forged');
    const [held] = source.host.node.holdings.messages.values();
    const bytes = source.host.node.holdings.bytesOf(held?.contentKey ?? '');
    assert.ok(bytes !== undefined);
    const frames = [encodeFrame({ ...helloOf(member.nodeId), windowBytes: 100_000 })];
    const chain = source.member.chain.map(({ der }) => der);
    for (let n = 0; n < 100; n++) {
      const forged = bytes.slice();
      forged.set(systemRandom.bytes(32), forged.length - 32);
      frames.push(encodeFrame({ tag: 'message', bytes: forged }));
    }
    rogue.socket.write(concatBytes(...frames));
    // The certificate of the origin is asked for first, and given as an honest peer would.
    while (!framesOf(rogue.received).includes('want-chains')) await once(rogue.socket, 'data');
    rogue.socket.write(encodeFrame({ tag: 'chain', certificates: chain }));
    const said = framesOf(await rogue.untilClosed());
    assert.equal(said.at(-1), 'bye misbehaved');
    assert.ok((a.host.node.statistics.dropped['bad-signature'] ?? 0) > 0);
    const again = new RawTls(a.address, member.tls);
    assert.equal((await again.untilClosed()).length, 0);
    await assertHonestTraffic(a, b);
  });
});

describe('whom a node does not take for a peer', () => {
  const dial = (node: TestNode, address: Address, expected?: NodeId) =>
    new TlsDialler({ mesh: mesh.mesh, identity: node.member.tls, judge: node.host.judge }).dial(address, expected);

  it('somebody else than was expected', async (t) => {
    const [a, b, c] = [await mesh.start(t), await mesh.start(t), await mesh.start(t)];
    await assert.rejects(dial(a, b.address, c.nodeId), { code: 'ERR_REMOTE' });
    const { socket, peer } = await dial(a, b.address, b.nodeId);
    assert.equal(peer.nodeId, b.nodeId);
    socket.destroy();
  });

  it('a server of another mesh', async (t) => {
    const a = await mesh.start(t);
    const other = await (await TestMesh.make()).start(t);
    await assert.rejects(dial(a, other.address), { code: 'ERR_REMOTE' });
  });

  it('a revoked node', async (t) => {
    const [a, b] = [await mesh.start(t), await mesh.start(t)];
    assert.ok(a.host.installCrl(await mesh.revoke(b.member)));
    await assert.rejects(dial(a, b.address), { code: 'ERR_REMOTE' });
  });

  it('a server that does not speak the protocol of links', async (t) => {
    const a = await mesh.start(t);
    const { tls } = await mesh.member();
    const server = createServer({ cert: tls.certificate, key: tls.key }, (socket) => socket.on('error', () => {}));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    await assert.rejects(dial(a, parseAddress(`127.0.0.1:${port}`)), { code: 'ERR_REMOTE' });
  });

  it('nobody', async (t) => {
    const a = await mesh.start(t);
    await assert.rejects(dial(a, parseAddress('127.0.0.1:1')), { code: 'ERR_UNREACHABLE' });
  });
});

function frameHead(length: number): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, length);
  return head;
}

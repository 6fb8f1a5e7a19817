import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { before, describe, it, type TestContext } from 'node:test';
import { DAY_MS, HOUR_MS, MINUTE_MS, type MonotonicMs, SECOND_MS, type UnixMs } from '../../../src/base/time.ts';
import {
  SESSION_TICKET_KEY_MS_MAX,
  SESSION_TICKET_MS_MAX,
  SessionTicketKey,
  sessionTicketMsOf,
} from '../../../src/host/tls/session-tickets.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { TLS_SESSIONS_MAX, TlsDialler } from '../../../src/host/tls/dialler.ts';
import { type JudgeChain, KEPT_CHAINS_MAX, KEPT_ISSUERS_MAX, TlsPeers } from '../../../src/host/tls/peers.ts';
import { LINK_ALPN } from '../../../src/engine/links/frame.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import { nodeNames } from '../../../src/pki/mesh/mesh-names.ts';
import { linkedPair, type Member, TestMesh } from '../../support/mesh/nodes-on-loopback.ts';
import { RawTls } from '../../support/raw-tls.ts';
import { Door, Judge } from '../../support/mesh/tls-door.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** The session that a client without manners keeps of a connection that went well. */
async function sessionOf(door: Door, member: Member | undefined, options: ConnectionOptions = {}): Promise<Buffer> {
  const connection = new RawTls(door.port.address, member?.tls, options);
  let session: Buffer | undefined;
  connection.socket.on('session', (given) => {
    session = given;
  });
  await connection.untilReceived(1);
  connection.socket.destroy();
  assert.ok(session !== undefined, 'a session was given');
  return session;
}

/** Offers the session. @returns whether TLS resumed it, and how many bytes were said to us. */
async function offer(
  door: Door,
  member: Member | undefined,
  session: Buffer,
  options: ConnectionOptions = {},
): Promise<{ readonly isResumed: boolean; readonly said: number }> {
  const connection = new RawTls(door.port.address, member?.tls, { session, ...options });
  await connection.secured();
  const isResumed = connection.socket.isSessionReused();
  await Promise.race([connection.untilReceived(1), connection.untilClosed()]);
  connection.socket.destroy();
  return { isResumed, said: connection.received.length };
}

const HTTP: ConnectionOptions = { ALPNProtocols: ['http/1.1'] };

describe('a port and the sessions that it gave', () => {
  let member: Member;
  let door: Door;
  const withDoor = (run: (t: TestContext) => Promise<void>) => async (t: TestContext) => {
    [member, door] = [await mesh.member(), await Door.open(t, mesh, await mesh.member())];
    await run(t);
  };

  it(
    'S1.28: resumes, as whom the full handshake proved',
    withDoor(async () => {
      const session = await sessionOf(door, member);
      assert.deepEqual(await offer(door, member, session), { isResumed: true, said: 1 });
      assert.deepEqual(door.arrivals.at(-1), { nodeId: member.nodeId, isLink: true, isResumed: true });
    }),
  );

  it(
    'T13: a revoked member resumes in TLS and is refused by the judgement, before a byte',
    withDoor(async () => {
      const session = await sessionOf(door, member);
      assert.equal(door.revocations.install(await mesh.revoke(member)).tag, 'installed');
      for (const options of [{}, HTTP]) {
        assert.deepEqual(await offer(door, member, session, options), { isResumed: true, said: 0 });
        assert.equal(door.refused.at(-1)?.code, 'ERR_PATH_REVOKED');
      }
      assert.equal(door.arrivals.length, 1);
    }),
  );

  it(
    'S1.29: after a revocation no session resumes, of whomever; full handshakes go on',
    withDoor(async () => {
      const other = await mesh.member();
      const [session, others] = [await sessionOf(door, member), await sessionOf(door, other)];
      assert.equal(door.revocations.install(await mesh.revoke(member)).tag, 'installed');
      door.port.forgetSessions();
      assert.deepEqual(await offer(door, member, session), { isResumed: false, said: 0 });
      assert.equal(door.refused.at(-1)?.code, 'ERR_PATH_REVOKED');
      assert.deepEqual(await offer(door, other, others), { isResumed: false, said: 1 });
      assert.deepEqual(await offer(door, other, await sessionOf(door, other)), { isResumed: true, said: 1 });
    }),
  );

  it(
    'S1.29: a certificate that has expired does not resume',
    withDoor(async () => {
      const session = await sessionOf(door, member);
      door.laterMs = 2 * HOUR_MS;
      assert.deepEqual(await offer(door, member, session), { isResumed: true, said: 0 });
      assert.equal(door.refused.at(-1)?.code, 'ERR_PATH_EXPIRED');
    }),
  );

  it(
    'T13: a session without a certificate is no more than it was',
    withDoor(async () => {
      const session = await sessionOf(door, undefined, HTTP);
      assert.deepEqual(await offer(door, undefined, session, HTTP), { isResumed: true, said: 1 });
      assert.deepEqual(door.arrivals.at(-1), { nodeId: undefined, isLink: false, isResumed: true });
      // Nor does it become a link, or a member that has a certificate but did not show it then.
      for (const who of [undefined, member]) {
        assert.deepEqual(await offer(door, who, session), { isResumed: true, said: 0 });
        assert.equal(door.refused.at(-1)?.code, 'ERR_PATH_EMPTY');
      }
    }),
  );

  it(
    'the protocol is that of this handshake, the identity that of the first',
    withDoor(async () => {
      const session = await sessionOf(door, member, HTTP);
      assert.deepEqual(await offer(door, member, session), { isResumed: true, said: 1 });
      assert.deepEqual(door.arrivals.at(-1), { nodeId: member.nodeId, isLink: true, isResumed: true });
      // Another certificate beside a session of somebody else's counts for nothing.
      await offer(door, await mesh.member(), session);
      assert.deepEqual(door.arrivals.at(-1), { nodeId: member.nodeId, isLink: true, isResumed: true });
    }),
  );

  it(
    'a session of another process of the same node does not resume, and the full handshake goes well',
    withDoor(async (t) => {
      const node = await mesh.member();
      const before = await Door.open(t, mesh, node);
      const session = await sessionOf(before, member);
      before.port.close();
      const after = await Door.open(t, mesh, node);
      assert.deepEqual(await offer(after, member, session), { isResumed: false, said: 1 });
      assert.deepEqual(after.arrivals, [{ nodeId: member.nodeId, isLink: true, isResumed: false }]);
    }),
  );
});

describe('a dialler and the sessions that it keeps', () => {
  let member: Member;
  let door: Door;
  let judge: Judge;
  let dialler: TlsDialler;
  const withDoor = (run: (t: TestContext) => Promise<void>) => async (t: TestContext) => {
    [member, judge] = [await mesh.member(), new Judge(mesh)];
    door = await Door.open(t, mesh, member);
    dialler = new TlsDialler({ mesh: mesh.mesh, identity: (await mesh.member()).tls, judge: judge.judge });
    await run(t);
  };

  /** Dials, hears the byte that stands for a hello here, and ends. @returns whether it was resumed. */
  async function dial(isHelloGood = true, expected: NodeId | undefined = member.nodeId): Promise<boolean> {
    const { socket, peer, keepSession } = await dialler.dial(door.port.address, expected);
    assert.equal(peer.nodeId, member.nodeId);
    const isResumed = socket.isSessionReused();
    assert.equal(socket.getPeerX509Certificate() === undefined, isResumed, 'a session is kept without a certificate');
    await once(socket, 'data');
    if (isHelloGood) keepSession();
    socket.destroy();
    await once(socket, 'close');
    assert.equal(door.arrivals.at(-1)?.isResumed, isResumed);
    return isResumed;
  }

  it(
    'resumes, more than once',
    withDoor(async () => {
      assert.deepEqual([await dial(), await dial(), await dial()], [false, true, true]);
    }),
  );

  it(
    'T13: keeps none before the hello, and offers once one that came to nothing',
    withDoor(async () => {
      assert.deepEqual([await dial(false), await dial(), await dial(false), await dial()], [false, false, true, false]);
    }),
  );

  it(
    'offers none to somebody of whom it does not know who it is',
    withDoor(async () => {
      await dial();
      const { socket } = await dialler.dial(door.port.address, undefined);
      assert.equal(socket.isSessionReused(), false);
      socket.destroy();
    }),
  );

  it(
    'a session is of one node: who answers at its address instead is found out',
    withDoor(async (t) => {
      await dial();
      const other = await Door.open(t, mesh, await mesh.member());
      await assert.rejects(dialler.dial(other.port.address, member.nodeId), {
        code: 'ERR_REMOTE',
        message: /answered/,
      });
    }),
  );

  it(
    'T13: drops the session of a peer that was revoked or has expired meanwhile, and refuses it',
    withDoor(async () => {
      await dial();
      judge.laterMs = 2 * HOUR_MS;
      await assert.rejects(dialler.dial(door.port.address, member.nodeId), { code: 'ERR_REMOTE', message: /expired/ });
      judge.laterMs = 0;
      assert.equal(await dial(), false, 'the session was dropped');
      assert.equal(judge.revocations.install(await mesh.revoke(member)).tag, 'installed');
      await assert.rejects(dialler.dial(door.port.address, member.nodeId), { code: 'ERR_REMOTE', message: /revoked/ });
    }),
  );

  it(
    'T13: refuses a peer that is revoked while the session is being resumed',
    withDoor(async () => {
      await dial();
      const list = await mesh.revoke(member);
      const dialled = dialler.dial(door.port.address, member.nodeId);
      assert.equal(judge.revocations.install(list).tag, 'installed');
      await assert.rejects(dialled, { code: 'ERR_REMOTE', message: /revoked/ });
    }),
  );

  it(
    'forgets all when it is told of revocations',
    withDoor(async () => {
      await dial();
      const { socket, keepSession } = await dialler.dial(door.port.address, member.nodeId);
      await once(socket, 'data');
      dialler.forgetSessions();
      keepSession(); // begun before
      socket.destroy();
      assert.equal(await dial(), false);
    }),
  );

  it(
    'dials in full where the peer does not resume any more',
    withDoor(async () => {
      await dial();
      door.port.forgetSessions();
      assert.deepEqual([await dial(), await dial()], [false, true]);
    }),
  );

  it(`keeps ${TLS_SESSIONS_MAX}, those used last`, async (t) => {
    const doors = await Promise.all(
      Array.from({ length: TLS_SESSIONS_MAX + 1 }, async () => {
        const node = await mesh.member();
        return { node, door: await Door.open(t, mesh, node) };
      }),
    );
    const identity = (await mesh.member()).tls;
    dialler = new TlsDialler({ mesh: mesh.mesh, identity, judge: new Judge(mesh).judge });
    const dialEach = async (which: typeof doors): Promise<boolean[]> => {
      const resumed: boolean[] = [];
      for (const each of which) {
        [member, door] = [each.node, each.door];
        resumed.push(await dial());
      }
      return resumed;
    };
    await dialEach(doors);
    assert.deepEqual(await dialEach(doors.slice(1, 3)), [true, true]);
    assert.deepEqual(await dialEach(doors.slice(0, 1)), [false], 'the oldest made room');
  });
});

describe('the chains that are kept', () => {
  it(`are ${KEPT_CHAINS_MAX} at most: who was pushed out is refused where it resumes, and let in where it does not`, async () => {
    const accepted = { nodeId: 'n' as NodeId, leaf: undefined, notAfter: 0, issuerKeyHash: '' };
    const judge = (() => ({ tag: 'ok', ...accepted })) as unknown as JudgeChain;
    const peers = new TlsPeers('tls-client', judge);
    const shown = (certificate: X509Certificate, isResumed: boolean): TLSSocket =>
      ({ getPeerX509Certificate: () => certificate, isSessionReused: () => isResumed }) as unknown as TLSSocket;
    const certificates: X509Certificate[] = [];
    for (let n = 0; n <= KEPT_CHAINS_MAX; n++) {
      const { chain } = await mesh.member();
      certificates.push(new X509Certificate(chain[0]?.der ?? new Uint8Array()));
    }
    for (const certificate of certificates) assert.equal(peers.judge(shown(certificate, false)).tag, 'ok');
    const [first, second] = certificates as [X509Certificate, X509Certificate];
    assert.equal(peers.judge(shown(second, true)).tag, 'ok');
    const refused = peers.judge(shown(first, true));
    assert.equal(refused.tag === 'refused' && refused.code, 'ERR_PATH_EMPTY');
    assert.equal(peers.judge(shown(first, false)).tag, 'ok');
    assert.equal(peers.judge(shown(first, true)).tag, 'ok');
  });

  it(`and share ${KEPT_ISSUERS_MAX} issuers: more of them are read anew, and change no chain`, async () => {
    const judge = (() => ({ tag: 'ok', nodeId: 'n' })) as unknown as JudgeChain;
    const peers = new TlsPeers('tls-client', judge);
    const all = await Promise.all(Array.from({ length: 2 * (KEPT_ISSUERS_MAX + 1) }, () => mesh.member()));
    const certificates = all.map(({ chain }) => new X509Certificate(chain[0]?.der ?? new Uint8Array()));
    for (const n of [...Array.from({ length: KEPT_ISSUERS_MAX + 1 }, (_, each) => each), 0]) {
      const [leaf, issuer] = certificates.slice(2 * n) as [X509Certificate, X509Certificate];
      const { raw, fingerprint256 } = leaf;
      const shown = { raw, fingerprint256, issuerCertificate: issuer, checkIssued: () => true };
      const found = peers.judge({ getPeerX509Certificate: () => shown, isSessionReused: () => false } as never);
      assert.equal(found.tag, 'ok');
      const ders = found.tag === 'ok' ? found.peer.chain.map(({ der }) => Buffer.from(der)) : [];
      assert.deepEqual(ders, [leaf.raw, issuer.raw]);
    }
  });
});

describe('S1.29: how long a session ticket lives', () => {
  const now = systemClock.wall();

  it('no longer than until the next look for revocations, than the certificate, than any ticket', async () => {
    const { tls } = await mesh.member({ issuedAt: now, lifeMs: DAY_MS });
    assert.equal(sessionTicketMsOf(tls, now, 10 * SECOND_MS), 10 * SECOND_MS);
    assert.equal(sessionTicketMsOf(tls, now, HOUR_MS), SESSION_TICKET_MS_MAX);
    const short = await mesh.member({ issuedAt: now, lifeMs: MINUTE_MS });
    const ms = sessionTicketMsOf(short.tls, now, HOUR_MS);
    assert.ok(ms <= MINUTE_MS && ms > MINUTE_MS - 2 * SECOND_MS, `${ms} ms of a certificate of a minute`);
    assert.equal(
      sessionTicketMsOf(short.tls, (now + HOUR_MS) as UnixMs, HOUR_MS),
      SECOND_MS,
      'never for ever, as 0 would be',
    );
  });

  it('its key is made anew in time', () => {
    const keys: Buffer[] = [];
    let mono = 0 as MonotonicMs;
    const server = { setTicketKeys: (key: Buffer) => void keys.push(key) };
    const key = new SessionTicketKey(server, { monotonic: () => mono }, systemRandom);
    mono = (SESSION_TICKET_KEY_MS_MAX - 1) as MonotonicMs;
    key.rotateIfDue();
    assert.equal(keys.length, 1);
    mono = SESSION_TICKET_KEY_MS_MAX as MonotonicMs;
    key.rotateIfDue();
    key.rotateIfDue();
    assert.equal(keys.length, 2);
    assert.notDeepEqual(keys[0], keys[1]);
  });

  it('Node.js honours the time', async (t) => {
    const member = await mesh.member();
    const issuedAt = (systemClock.wall() - HOUR_MS + 3 * SECOND_MS) as UnixMs; // 3 s of its life are left
    const door = await Door.open(t, mesh, await mesh.member({ issuedAt, lifeMs: HOUR_MS }));
    const session = await sessionOf(door, member);
    assert.equal((await offer(door, member, session)).isResumed, true);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    assert.equal((await offer(door, member, session)).isResumed, false);
  });
});

describe('links that resume', () => {
  it('S1.28: both sides resume, hello goes both ways, and mail crosses', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    assert.deepEqual([a.sockets[0]?.isSessionReused(), b.sockets[0]?.isSessionReused()], [false, false]);
    const [wasA, wasB] = [a.events.length, b.events.length];
    a.sockets[0]?.destroy();
    const isUpAgain = (was: number) => (node: typeof a) => node.events.slice(was).some(({ tag }) => tag === 'link-up');
    await a.until(() => isUpAgain(wasA)(a));
    await b.until(() => isUpAgain(wasB)(b));
    assert.deepEqual([a.sockets[1]?.isSessionReused(), b.sockets[1]?.isSessionReused()], [true, true]);
    assert.equal(b.sockets[1]?.alpnProtocol, LINK_ALPN);
    const [fromA, fromB] = await Promise.all([a.say('from a'), b.say('from b')]);
    await Promise.all([b.got(fromA), a.got(fromB)]);
  });

  it('X.22: who resumes with the hybrid key exchange gets it', async (t) => {
    const node = await mesh.start(t);
    const member = await mesh.member();
    const servername = nodeNames(mesh.mesh, node.nodeId).dns;
    const first = new RawTls(node.address, member.tls, { servername });
    let session: Buffer | undefined;
    first.socket.on('session', (given) => {
      session = given;
    });
    await first.untilReceived(1);
    first.socket.destroy();
    assert.ok(session !== undefined);
    const second = new RawTls(node.address, member.tls, { servername, session });
    await second.secured();
    assert.equal(second.socket.isSessionReused(), true);
    assert.equal((second.socket.getEphemeralKeyInfo() as { name?: string }).name, 'X25519MLKEM768');
    second.socket.destroy();
  });

  it('T13: a node that takes a list ends all sessions, its own and those that it gave', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    const list = await mesh.revoke(await mesh.member());
    const cutAndLink = async (): Promise<boolean | undefined> => {
      const was = a.events.length;
      a.sockets.at(-1)?.destroy();
      await a.until(() => a.events.slice(was).some(({ tag }) => tag === 'link-up'));
      return a.sockets.at(-1)?.isSessionReused();
    };
    assert.ok(a.host.installCrl(list));
    assert.equal(await cutAndLink(), false, 'the dialler has dropped its own');
    assert.ok(b.host.installCrl(await mesh.revoke(await mesh.member())));
    assert.equal(await cutAndLink(), false, 'the other side takes none of those that it gave');
  });

  it('S1.71: a resumed link is closed like any other when its peer is revoked', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    const [wasA, wasB] = [a.events.length, b.events.length];
    a.sockets[0]?.destroy();
    await a.until(() => a.events.slice(wasA).some(({ tag }) => tag === 'link-up'));
    await b.until(() => b.events.slice(wasB).some(({ tag }) => tag === 'link-up'));
    assert.equal(b.sockets[1]?.isSessionReused(), true);
    assert.ok(b.host.installCrl(await mesh.revoke(a.member)));
    const down = await b.until((event) => event.tag === 'link-down' && event.why === 'revoked');
    assert.equal(down.tag === 'link-down' && down.peer, a.nodeId);
  });
});

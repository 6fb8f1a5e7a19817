import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { before, describe, it, type TestContext } from 'node:test';
import { MINUTE_MS } from '../../../src/base/time.ts';
import { type Dialled, TlsDialler } from '../../../src/host/tls/dialler.ts';
import { LINK_ALPN } from '../../../src/engine/links/frame.ts';
import { tlsServerOptions } from '../../../src/host/tls/server-options.ts';
import { type Address, parseAddress, splitAddress } from '../../../src/message/payloads/address.ts';
import { type Member, TestMesh } from '../../support/mesh/nodes-on-loopback.ts';
import { Door, Judge } from '../../support/mesh/tls-door.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

const HYBRID = 'X25519MLKEM768';
const CLASSICAL = 'X25519';
/** At the end of a first flight that offers a session: length, length and HMAC-SHA384 of the one binder. */
const BINDERS_BYTES = 2 + 1 + 48;

interface Made {
  readonly group: string | undefined;
  readonly isResumed: boolean;
}

/** One who dials `member`, and hears the byte that stands for a hello. */
class Caller {
  readonly #member: Member;
  readonly #dialler: TlsDialler;

  private constructor(member: Member, dialler: TlsDialler) {
    this.#member = member;
    this.#dialler = dialler;
  }

  static async of(member: Member): Promise<Caller> {
    const { judge } = new Judge(mesh);
    return new Caller(member, new TlsDialler({ mesh: mesh.mesh, identity: (await mesh.member()).tls, judge }));
  }

  async dial(address: Address): Promise<Made> {
    const { socket, keepSession }: Dialled = await this.#dialler.dial(address, this.#member.nodeId);
    const { name } = socket.getEphemeralKeyInfo() as { readonly name?: string };
    const made = { group: name, isResumed: socket.isSessionReused() };
    await once(socket, 'data');
    keepSession();
    socket.destroy();
    await once(socket, 'close');
    return made;
  }
}

/** What sits between a caller and a port, and treats connection after connection as it is told. */
class Between {
  readonly #server: Server;
  /** What it does with the first flight of the next connections; those after them pass as they are. */
  readonly next: ((firstFlight: Buffer) => Buffer | undefined)[] = [];
  connections = 0;

  constructor(t: Pick<TestContext, 'after'>, to: Address) {
    const { host, port } = splitAddress(to);
    this.#server = createServer((near) => {
      this.connections++;
      const far = connectTcp(port, host);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as readonly (readonly [Socket, Socket])[]) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
      far.pipe(near);
      near.once('data', (firstFlight: Buffer) => {
        const treat = this.next.shift();
        const passed = treat === undefined ? firstFlight : treat(firstFlight);
        if (passed === undefined) {
          near.destroy();
        } else {
          far.write(passed);
          near.pipe(far);
        }
      });
    });
    t.after(() => this.#server.close());
  }

  async listen(): Promise<Address> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return parseAddress(`127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }
}

/** Changes the byte so far before the end. */
function spoil(bytes: Buffer, beforeEnd: number): Buffer {
  bytes.writeUInt8(bytes.readUInt8(bytes.length - beforeEnd) ^ 1, bytes.length - beforeEnd);
  return bytes;
}

describe('X.22: the key exchange of links', () => {
  let member: Member;
  let door: Door;
  let caller: Caller;
  const withDoor = (run: (t: TestContext) => Promise<void>) => async (t: TestContext) => {
    member = await mesh.member();
    door = await Door.open(t, mesh, member);
    caller = await Caller.of(member);
    await run(t);
  };

  it(
    'is hybrid where a session begins, and classical where it goes on',
    withDoor(async () => {
      assert.deepEqual(await caller.dial(door.port.address), { group: HYBRID, isResumed: false });
      for (let n = 0; n < 2; n++)
        assert.deepEqual(await caller.dial(door.port.address), { group: CLASSICAL, isResumed: true });
      assert.deepEqual(
        door.arrivals.map(({ isResumed }) => isResumed),
        [false, true, true],
      );
      assert.equal(door.refused.length, 0);
    }),
  );

  it(
    'is hybrid where the peer does not resume, and without it neither says a name or a word',
    withDoor(async () => {
      await caller.dial(door.port.address);
      door.port.forgetSessions();
      assert.deepEqual(await caller.dial(door.port.address), { group: HYBRID, isResumed: false });
      // The connection that offered the session was ended, or got as far as to show no certificate, and was said nothing.
      assert.equal(door.refused.length, 1);
      assert.match(door.refused[0]?.code ?? '', /^(ECONNRESET|ERR_PATH_EMPTY)$/);
      assert.deepEqual(
        door.arrivals.map(({ isResumed }) => isResumed),
        [false, false],
      );
    }),
  );

  for (const [what, treat] of [
    ['the proof of the session is spoilt', (flight: Buffer) => spoil(flight, 1)],
    ['the ticket is spoilt', (flight: Buffer) => spoil(flight, BINDERS_BYTES + 20)],
    ['the connection is cut', () => undefined],
  ] as const)
    it(
      `is hybrid where somebody between them sees to it that no session resumes: ${what}`,
      withDoor(async (t) => {
        const between = new Between(t, door.port.address);
        const address = await between.listen();
        await caller.dial(address);
        assert.deepEqual(await caller.dial(address), { group: CLASSICAL, isResumed: true });
        between.next.push(treat);
        const was = between.connections;
        assert.deepEqual(await caller.dial(address), { group: HYBRID, isResumed: false });
        assert.equal(between.connections, was + 2);
        assert.deepEqual(
          door.arrivals.map(({ isResumed }) => isResumed),
          [false, true, false],
        );
        assert.deepEqual(await caller.dial(address), { group: CLASSICAL, isResumed: true });
      }),
    );

  it(
    'a dial whose session meets nobody fails like any other',
    withDoor(async () => {
      const { address } = door.port;
      await caller.dial(address);
      door.port.close();
      await assert.rejects(caller.dial(address), { code: 'ERR_UNREACHABLE', message: /ECONNREFUSED/ });
    }),
  );

  /** A peer that speaks these groups and no others. */
  async function peerOf(t: TestContext, ecdhCurve: string): Promise<Address> {
    const server = createTlsServer(
      { ...tlsServerOptions(member.tls, MINUTE_MS), ecdhCurve, ALPNProtocols: [LINK_ALPN] },
      (socket) => {
        socket.on('error', () => socket.destroy());
        socket.write('!');
      },
    );
    t.after(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return parseAddress(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  it(
    'a peer that knows no hybrid one is resumed as it was met',
    withDoor(async (t) => {
      const address = await peerOf(t, 'P-256');
      assert.deepEqual(await caller.dial(address), { group: 'prime256v1', isResumed: false });
      assert.deepEqual(await caller.dial(address), { group: 'prime256v1', isResumed: true });
    }),
  );

  it(
    'a peer that takes none but the hybrid one has a full handshake each time',
    withDoor(async (t) => {
      const address = await peerOf(t, HYBRID);
      for (let n = 0; n < 3; n++) assert.deepEqual(await caller.dial(address), { group: HYBRID, isResumed: false });
    }),
  );
});

import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, type ConnectionOptions, createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { WorkShare } from '../base/work-share.ts';
import { ChainBook } from '../engine/gate/chain-book.ts';
import { OPENING_RATE } from '../engine/links/conduct.ts';
import { type HelloFrame, LINK_ALPN, LINK_VERSION } from '../engine/links/frame.ts';
import { Link } from '../engine/links/link.ts';
import { WINDOW_BYTES } from '../engine/links/credit.ts';
import { Revocations } from '../engine/gate/revocations.ts';
import { TLS_GROUPS } from '../host/tls/groups.ts';
import { LinkSocket } from '../host/node/link-socket.ts';
import { systemClock } from '../host/machine/system-clock.ts';
import { TlsDialler } from '../host/tls/dialler.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Address } from '../message/payloads/address.ts';
import { nodeNames } from '../pki/mesh/mesh-names.ts';
import { MemoryNodeStore } from '../sim/members/memory-node-store.ts';
import { type Bench, type BenchResult, type BenchScale, type Note, rateResult } from './bench.ts';
import { type BenchMember, BenchMesh } from './bench-mesh.ts';
import { BenchNode } from './bench-node.ts';
import { cpuMicrosOf } from './cpu.ts';

/** Handshakes of each kind in a round. */
const HANDSHAKES = 400;
/** Nodes that dial in turn, each with a key and certificate of its own: at least so many, and a multiple of {@link UNDER_WAY}. */
const DIALLERS = 20;
/** Kinds of dials that end in a link: a node lets each peer open so many only. */
const KINDS_OF_LINKS = 2;
/** Dials at a time: fewer than a node holds open for strangers and for links that have said no hello yet. */
const UNDER_WAY = 4;
const MICROS_PER_SECOND = 1_000_000;

/** Mutual handshakes, full and resumed: ours from the dial to the hello of both sides, bare TLS to the end of its own. */
export const LINKS_BENCH: Bench = {
  name: 'links',
  summary: 'handshakes of links, both sides on one core, beside bare node:tls; resumed ones beside full ones',
  run: runLinks,
};

async function runLinks(note: Note, { items = HANDSHAKES, rounds }: BenchScale): Promise<readonly BenchResult[]> {
  const mesh = await BenchMesh.create();
  const dials = KINDS_OF_LINKS * (rounds + 1) * Math.max(DIALLERS, items);
  const needed = Math.ceil(dials / OPENING_RATE.burstTokens / UNDER_WAY) * UNDER_WAY;
  const [server, ...diallers] = await mesh.members(1 + Math.max(DIALLERS, needed));
  const listener = server as BenchMember;
  const node = await BenchNode.start(mesh, listener, new MemoryNodeStore());
  const bare = await BareServer.listen(listener);
  try {
    const ours = diallers.map((dialler) => new LinkDialler(mesh, dialler, node));
    const theirs = diallers.map((dialler) => bare.dialler(mesh, dialler));
    const kinds = [
      new Kind(
        'full',
        ours.map((dialler) => () => dialler.dialInFull()),
      ),
      new Kind(
        'resumed',
        ours.map((dialler) => () => dialler.resume()),
      ),
      new Kind(
        'bare',
        theirs.map((dialler) => () => dialler.dialInFull()),
      ),
      // No case has it for a yardstick: it says how much resuming saves where there is nothing else.
      new Kind(
        'bare and resumed',
        theirs.map((dialler) => () => dialler.resume()),
      ),
    ] as const;
    for (const kind of kinds) await inTurns(kind.dials, Math.max(kind.dials.length, items)); // warms up, and leaves a session
    for (let round = 1; round <= rounds; round++) {
      for (const kind of kinds) kind.took((await cpuMicrosOf(() => inTurns(kind.dials, items))) / items);
      const each = kinds.map(({ name, last }) => `${name} ${last.toFixed(0)}`);
      note(`links, round ${round}: µs of CPU a handshake: ${each.join(', ')}`);
    }
    const [full, resumed, bareFull] = kinds;
    const unit = 'a second and core';
    return [
      rateResult('full', unit, full.rate, 'bare node:tls', bareFull.rate),
      rateResult('resumed', unit, resumed.rate, 'full', full.rate),
    ];
  } finally {
    node.stop();
    bare.close();
  }
}

/** One kind of handshake, and what it has cost. */
class Kind {
  readonly name: string;
  readonly dials: readonly (() => Promise<void>)[];
  last = Number.POSITIVE_INFINITY;
  #best = Number.POSITIVE_INFINITY;

  constructor(name: string, dials: readonly (() => Promise<void>)[]) {
    this.name = name;
    this.dials = dials;
  }

  took(micros: number): void {
    this.last = micros;
    this.#best = Math.min(this.#best, micros);
  }

  /** A second of CPU. */
  get rate(): number {
    return MICROS_PER_SECOND / this.#best;
  }
}

/**
 * Runs so many in all, {@link UNDER_WAY} at a time. Each dialler is one worker's alone, because {@link DIALLERS} is a
 * multiple of their number: a session is not resumed twice at once.
 */
async function inTurns(dials: readonly (() => Promise<void>)[], count: number): Promise<void> {
  const worker = async (first: number): Promise<void> => {
    for (let n = first; n < count; n += UNDER_WAY) await dials[n % dials.length]?.();
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, (_, first) => worker(first)));
}

/** Dials the node as another node does. A dial is done when both have said hello and the connection has ended here. */
class LinkDialler {
  readonly #mesh: BenchMesh;
  readonly #member: BenchMember;
  readonly #expected: NodeId;
  readonly #address: Address;
  readonly #dialler: TlsDialler;

  constructor(mesh: BenchMesh, member: BenchMember, node: BenchNode) {
    this.#mesh = mesh;
    this.#member = member;
    this.#expected = node.member.nodeId;
    this.#address = node.port.address; // asked of the system
    const book = new ChainBook(mesh.trust, new Revocations(mesh.trust));
    this.#dialler = new TlsDialler({
      mesh: mesh.mesh,
      identity: member.tls,
      judge: (chain, purpose) => book.judgePeer(chain, systemClock.wall(), purpose),
    });
  }

  async dialInFull(): Promise<void> {
    this.#dialler.forgetSessions();
    await this.#dial(false);
  }

  /** With the session of the dial before. */
  async resume(): Promise<void> {
    await this.#dial(true);
  }

  async #dial(isResumed: boolean): Promise<void> {
    const { socket, peer, keepSession } = await this.#dialler.dial(this.#address, this.#expected);
    if (socket.isSessionReused() !== isResumed) throw new Error(`resumed: ${!isResumed}, expected ${isResumed}`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let isUp = false;
    const link = new Link(
      systemClock.now(),
      { id: 1, direction: 'outbound', peer, remoteAddress: this.#address },
      this.#mesh.mesh,
      helloOf(this.#mesh.mesh, this.#member.nodeId),
      {
        up: () => {
          isUp = true;
          resolve();
        },
        frame: () => undefined,
        closed: (_now, _link, why) => reject(new Error(`link: ${why}`)),
        dirty: () => undefined,
      },
    );
    const connection = new LinkSocket(socket, new WorkShare(), {
      bytes: (bytes) => link.handleBytes(systemClock.now(), bytes),
      closed: () => isUp || reject(new Error('link: closed')),
    });
    const output = link.takeOutput();
    if (output !== undefined) connection.write(output);
    await promise;
    keepSession();
    connection.destroy();
    await once(socket, 'close');
  }
}

function helloOf(mesh: HelloFrame['mesh'], nodeId: NodeId): HelloFrame {
  const nothing = { software: 'bench', addresses: [], crls: [], heldIncarnation: 0 };
  return { tag: 'hello', version: LINK_VERSION, mesh, nodeId, windowBytes: WINDOW_BYTES, ...nothing };
}

/** TLS by itself, with the certificates, groups and checks of Node.js that a program without ours would have. */
class BareServer {
  readonly #server: ReturnType<typeof createServer>;
  readonly #arrivals = new Map<string, (socket: TLSSocket) => void>();
  readonly #nodeId: NodeId;

  private constructor({ nodeId, tls }: BenchMember) {
    this.#nodeId = nodeId;
    this.#server = createServer({ ...bareOptions(tls), requestCert: true, noDelay: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      this.#arrivals.get(`${socket.remotePort}`)?.(socket);
    });
  }

  static async listen(member: BenchMember): Promise<BareServer> {
    const bare = new BareServer(member);
    bare.#server.listen(0, '127.0.0.1');
    await once(bare.#server, 'listening');
    return bare;
  }

  /** Keys and certificates are parsed once, here as in ours. */
  dialler({ mesh }: BenchMesh, { tls }: BenchMember): Pick<LinkDialler, 'dialInFull' | 'resume'> {
    const { port } = this.#server.address() as AddressInfo;
    const servername = nodeNames(mesh, this.#nodeId).dns;
    const secureContext = createSecureContext(bareOptions(tls));
    const options = { host: '127.0.0.1', port, servername, secureContext, ALPNProtocols: [LINK_ALPN] };
    let session: Buffer | undefined;
    return {
      dialInFull: () => this.#dial(options),
      resume: async () => {
        session ??= await sessionOf(options);
        await this.#dial({ ...options, session });
      },
    };
  }

  async #dial(options: ConnectionOptions): Promise<void> {
    const socket = connect(options);
    socket.setNoDelay(true);
    const { promise: arrived, resolve } = Promise.withResolvers<TLSSocket>();
    await once(socket, 'secureConnect');
    // The server's side ends a flight later than ours.
    const key = `${(socket as Socket).localPort}`;
    this.#arrivals.set(key, resolve);
    await arrived;
    this.#arrivals.delete(key);
    socket.destroy();
    await once(socket, 'close');
  }

  close(): void {
    this.#server.close();
  }
}

async function sessionOf(options: ConnectionOptions): Promise<Buffer> {
  const socket = connect(options);
  const [session] = (await once(socket, 'session')) as [Buffer];
  socket.destroy();
  return session;
}

function bareOptions({ certificate, key, trustAnchors }: BenchMember['tls']) {
  return {
    cert: certificate,
    key,
    ca: [...trustAnchors],
    minVersion: 'TLSv1.3' as const,
    ecdhCurve: TLS_GROUPS,
    ALPNProtocols: [LINK_ALPN],
    rejectUnauthorized: true,
  };
}

import { connect, type TLSSocket } from 'node:tls';
import { concatBytes } from '../../../src/base/bytes.ts';
import { parsePem } from '../../../src/codec/pem.ts';
import { softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { type HelloFrame, LINK_VERSION } from '../../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../../src/engine/links/frame-splitter.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { splitAddress } from '../../../src/message/payloads/address.ts';
import { parseCertificatesPem } from '../../../src/pki/x509/certificate/certificate.ts';
import { handMade } from '../../../src/sim/hostile/forgery.ts';

/** What the process is told when it starts. */
export interface FloodOrders {
  readonly mesh: string;
  readonly nodeId: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Whom it floods. */
  readonly addresses: readonly string[];
  /** Frames written a second, to all of them together. */
  readonly framesPerSecond: number;
}

/** What it tells when it is asked to stop. */
export interface FloodReport {
  readonly framesSent: number;
  readonly seconds: number;
  /** Links that the other end ended. */
  readonly linksEnded: number;
}

/** Genuine messages of its own that it says over and over: the first time each is news, or beyond what it is allowed. */
const MESSAGES = 8_000;
const TICK_MS = 10;

/** A frame, and what it costs: flow control counts the message in it. */
interface Frame {
  readonly bytes: Uint8Array;
  readonly cost: number;
}

/** A member in a process of its own: says as much as flow control lets it, which is the worst that is not put out at once. */
class Flood {
  readonly #orders: FloodOrders;
  readonly #frames: readonly Frame[];
  readonly #links: { readonly socket: TLSSocket; granted: number; next: number }[] = [];
  #framesSent = 0;
  #linksEnded = 0;
  #startedAt = 0;

  constructor(orders: FloodOrders) {
    this.#orders = orders;
    const mesh = parseMeshName(orders.mesh);
    const [pkcs8] = parsePem(orders.keyPem, 'PRIVATE KEY');
    if (pkcs8 === undefined) throw new Error('no key');
    const chain = parseCertificatesPem(orders.certificatePem);
    const author = { nodeId: parseNodeId(orders.nodeId), signer: softwareSigner(pkcs8), chain };
    const wall = systemClock.wall();
    const incarnation = Math.floor(wall / 1_000);
    this.#frames = Array.from({ length: MESSAGES }, (_, counter) => {
      const bytes = handMade({ mesh, author, incarnation, counter, wall, text: `flood ${counter}` });
      return { bytes: encodeFrame({ tag: 'message', bytes }), cost: bytes.length };
    });
    for (const address of orders.addresses) this.#link(address);
    setInterval(() => this.#tick(), TICK_MS);
  }

  get report(): FloodReport {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    return { framesSent: this.#framesSent, seconds, linksEnded: this.#linksEnded };
  }

  #link(address: string): void {
    const { certificatePem: cert, keyPem: key, mesh, nodeId } = this.#orders;
    const socket = connect({
      ...splitAddress(address),
      cert,
      key,
      rejectUnauthorized: false,
      ALPNProtocols: ['dadm-mesh/1'],
    });
    const hello: HelloFrame = {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: parseMeshName(mesh),
      nodeId: parseNodeId(nodeId),
      software: 'flood',
      addresses: [],
      crls: [],
      heldIncarnation: 0,
      windowBytes: 1_000_000_000,
    };
    const link = { socket, granted: 0, next: 0 };
    const splitter = new FrameSplitter();
    socket.on('error', () => {}); // seen as the end
    socket.on('close', () => {
      this.#linksEnded++;
      this.#links.splice(this.#links.indexOf(link), 1);
      setTimeout(() => this.#link(address), 1_000);
    });
    socket.on('data', (bytes: Uint8Array) => {
      for (const frame of splitter.push(bytes).map(decodeFrame)) {
        if (frame.tag === 'hello') link.granted = frame.windowBytes;
        if (frame.tag === 'credit') link.granted += frame.bytes;
        if (frame.tag === 'ping') socket.write(encodeFrame({ tag: 'pong' }));
        if (frame.tag === 'pull') socket.write(encodeFrame({ tag: 'pull-same', id: frame.id }));
      }
    });
    socket.write(encodeFrame(hello));
    this.#links.push(link);
  }

  #tick(): void {
    if (this.#startedAt === 0 && this.#links.every(({ granted }) => granted > 0)) this.#startedAt = performance.now();
    if (this.#startedAt === 0) return;
    const due = Math.floor(((performance.now() - this.#startedAt) / 1_000) * this.#orders.framesPerSecond);
    const perLink = Math.ceil((due - this.#framesSent) / Math.max(1, this.#links.length));
    for (const link of this.#links) {
      const batch: Uint8Array[] = [];
      for (let i = 0; i < perLink; i++) {
        const { bytes, cost } = this.#frames[link.next % this.#frames.length] as Frame;
        if (cost > link.granted) break;
        link.granted -= cost;
        link.next++;
        batch.push(bytes);
      }
      this.#framesSent += batch.length;
      if (batch.length > 0) link.socket.write(concatBytes(...batch));
    }
  }
}

if (process.send !== undefined) {
  let flood: Flood | undefined;
  process.on('message', (orders: FloodOrders | 'stop') => {
    if (orders !== 'stop') flood = new Flood(orders);
    else if (flood !== undefined) process.send?.(flood.report, () => process.exit(0));
  });
  process.on('disconnect', () => process.exit(0));
}

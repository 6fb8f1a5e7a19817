import type { Bytes } from '../../base/bytes.ts';
import { SECOND_MS } from '../../base/time.ts';
import type { LinkEnd } from '../../engine/links/link-end.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/payloads/address.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import { loseFrames } from './lossy-frames.ts';
import { Pipe } from './pipe.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** How a link behaves. The same for all links of a world. */
export interface LinkConditions {
  /** One way; each piece takes a time of its own between the two, and none overtakes another. */
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  /** See {@link loseFrames}. */
  readonly lossRatio: number;
}

/** A dial that meets nothing but silence is given up after this. @tuning */
const SIMULATED_DIAL_MS_MAX = 5 * SECOND_MS;

/** A machine on the network: what TLS does for a node in the field, it does by itself. */
export interface Endpoint {
  readonly address: Address;
  /** What it shows in a handshake. */
  readonly chain: readonly Certificate[];
  /** The judgement of the other side's chain. @returns who it is, or `undefined` for nobody that is let in. */
  judge(chain: readonly Certificate[], purpose: 'tls-server' | 'tls-client'): NodeId | undefined;
  linkOpen(end: LinkEnd, dial: number | undefined): void;
  linkBytes(link: number, bytes: Bytes): void;
  linkClosed(link: number): void;
  dialFailed(dial: number): void;
}

/** One end of a connection, and the pipe from it to the other end. */
interface Side {
  readonly endpoint: Endpoint;
  readonly link: number;
  readonly pipe: Pipe;
  isOpen: boolean;
  /** Set with the connection; a table of weak references would cost the collector more than all nodes do. */
  other: Side | undefined;
}

/** Connections between machines, over virtual time: latency, loss, partitions, machines that go and come. */
export class SimulatedNetwork {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #conditions: LinkConditions;
  readonly #listeners = new Map<Address, Endpoint>();
  readonly #sides = new Map<Endpoint, Map<number, Side>>();
  readonly #islands = new Map<Endpoint, number>();
  readonly #held = new Set<Pipe>();
  #nextLink = 1;
  #bytesSent = 0;

  constructor(time: VirtualTime, random: SeededRandom, conditions: LinkConditions) {
    this.#time = time;
    this.#random = random;
    this.#conditions = conditions;
  }

  /** Bytes written to connections so far. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  listen(endpoint: Endpoint): void {
    this.#listeners.set(endpoint.address, endpoint);
    this.#sides.set(endpoint, new Map());
  }

  /** One more address of a machine that listens already. */
  listenAt(endpoint: Endpoint, address: Address): void {
    this.#listeners.set(address, endpoint);
  }

  /** The machine's process is gone: its connections end, and its port refuses. */
  drop(endpoint: Endpoint): void {
    this.#listeners.delete(endpoint.address);
    for (const side of this.#sides.get(endpoint)?.values() ?? []) this.#closeSide(side);
    this.#sides.delete(endpoint);
  }

  /** From now on nothing passes between machines of different islands; what is under way waits, as TCP does. */
  partition(islandOf: ReadonlyMap<Endpoint, number>): void {
    this.#islands.clear();
    for (const [endpoint, island] of islandOf) this.#islands.set(endpoint, island);
  }

  heal(): void {
    this.#islands.clear();
    for (const pipe of this.#held) pipe.release();
    this.#held.clear();
  }

  dial(from: Endpoint, dial: number, address: Address, expected: NodeId | undefined): void {
    const fail = (): void => from.dialFailed(dial);
    const startedAt = this.#time.nowMs;
    const lost = (): void => this.#time.at(startedAt + SIMULATED_DIAL_MS_MAX, fail);
    this.#later(() => {
      const to = this.#listeners.get(address);
      if (to === undefined) return this.#later(fail);
      if (this.#isCut(from, to)) return lost();
      this.#later(() => {
        if (this.#isCut(from, to)) return lost();
        if (!this.#isUp(from)) return;
        const nodeId = from.judge(to.chain, 'tls-server');
        if (!this.#isUp(to) || nodeId === undefined || (expected !== undefined && nodeId !== expected)) return fail();
        this.#connect(from, to, nodeId, dial);
      });
    });
  }

  write(from: Endpoint, link: number, bytes: Bytes): void {
    const side = this.#sides.get(from)?.get(link);
    if (side === undefined) return;
    this.#bytesSent += bytes.length;
    const { lossRatio } = this.#conditions;
    if (lossRatio === 0) return this.#send(side, bytes);
    const remains = loseFrames(bytes, lossRatio, this.#random);
    const { other } = side;
    if (remains.credit !== undefined && other?.isOpen === true) this.#send(other, remains.credit);
    if (remains.bytes !== undefined) this.#send(side, remains.bytes);
  }

  close(from: Endpoint, link: number): void {
    const side = this.#sides.get(from)?.get(link);
    if (side !== undefined) this.#closeSide(side);
  }

  /** Breaks one connection under both ends, as a router that forgets it. @returns whether there was one. */
  breakOne(random: SeededRandom): boolean {
    const open = [...this.#sides.values()].flatMap((sides) => [...sides.values()]);
    if (open.length === 0) return false;
    const side = open[random.below(open.length)] as Side;
    const { other } = side;
    for (const end of other === undefined ? [side] : [side, other]) {
      if (!this.#forget(end)) continue;
      this.#time.after(0, () => end.endpoint.linkClosed(end.link));
    }
    return true;
  }

  #connect(from: Endpoint, to: Endpoint, toNodeId: NodeId, dial: number): void {
    const client = this.#side(from, to);
    const server = this.#side(to, from);
    client.other = server;
    server.other = client;
    this.#sides.get(from)?.set(client.link, client);
    // The client's certificate is on its way with the last message of the handshake: the server opens when it is there.
    client.pipe.send(() => {
      if (!this.#isUp(to) || !server.isOpen) return;
      const nodeId = to.judge(from.chain, 'tls-client');
      if (nodeId === undefined) return this.#closeSide(server);
      this.#sides.get(to)?.set(server.link, server);
      const peer = { nodeId, chain: from.chain };
      to.linkOpen({ id: server.link, direction: 'inbound', peer, remoteAddress: from.address }, undefined);
    });
    const peer = { nodeId: toNodeId, chain: to.chain };
    from.linkOpen({ id: client.link, direction: 'outbound', peer, remoteAddress: to.address }, dial);
  }

  #side(endpoint: Endpoint, to: Endpoint): Side {
    const { latencyMsMin, latencyMsMax } = this.#conditions;
    const pipe: Pipe = new Pipe(this.#time, {
      latencyMs: () => this.#random.between(latencyMsMin, latencyMsMax),
      isCut: () => this.#isCut(endpoint, to),
      held: () => this.#held.add(pipe),
    });
    return { endpoint, link: this.#nextLink++, pipe, isOpen: true, other: undefined };
  }

  #send(side: Side, bytes: Bytes): void {
    const { other } = side;
    if (other !== undefined) side.pipe.send(() => other.isOpen && other.endpoint.linkBytes(other.link, bytes));
  }

  #closeSide(side: Side): void {
    if (!this.#forget(side)) return;
    const { other } = side;
    if (other !== undefined) side.pipe.send(() => this.#forget(other) && other.endpoint.linkClosed(other.link));
  }

  /** @returns whether it was open. */
  #forget(side: Side): boolean {
    if (!side.isOpen) return false;
    side.isOpen = false;
    this.#sides.get(side.endpoint)?.delete(side.link);
    return true;
  }

  #isUp(endpoint: Endpoint): boolean {
    return this.#listeners.get(endpoint.address) === endpoint;
  }

  #isCut(a: Endpoint, b: Endpoint): boolean {
    return this.#islands.get(a) !== this.#islands.get(b);
  }

  #later(action: () => void): void {
    const { latencyMsMin, latencyMsMax } = this.#conditions;
    this.#time.after(this.#random.between(latencyMsMin, latencyMsMax), action);
  }
}

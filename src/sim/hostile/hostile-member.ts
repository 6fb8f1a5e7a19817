import type { Bytes } from '../../base/bytes.ts';
import { type Frame, type HelloFrame, LINK_VERSION } from '../../engine/links/frame.ts';
import type { LinkEnd } from '../../engine/links/link-end.ts';
import { WINDOW_BYTES } from '../../engine/links/credit.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { type NodeId, nodeIdOfSpki } from '../../identity/node-id.ts';
import { type Address, parseAddress } from '../../message/payloads/address.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import type { Endpoint, SimulatedNetwork } from '../network/network.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { SimulatedIdentity } from '../members/simulated-authority.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { HostileLink } from './hostile-link.ts';

/** What a hostile member does when it hears something. */
export interface Malice {
  /** What is changed in the hello to this peer. */
  hello?(peer: NodeId): Partial<HelloFrame>;
  /** The other end has said hello. */
  linkUp?(link: HostileLink): void;
  /** @returns true where this was the answer; else the member answers as one must to stay linked and to be heard. */
  frame?(link: HostileLink, frame: Frame): boolean;
}

export interface HostileSurroundings {
  readonly mesh: MeshName;
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
}

/**
 * A member of the mesh that does not run its program: it has keys and a certificate of its own, speaks the frames of
 * the field with the nodes of the field, and means harm. It knows everything that is public: who is where, and what has
 * been said.
 */
export class HostileMember implements Endpoint {
  readonly name: string;
  readonly address: Address;
  readonly identity: SimulatedIdentity;
  readonly random: SeededRandom;
  readonly #world: HostileSurroundings;
  readonly #links = new Map<number, HostileLink>();
  #malice: Malice = {};
  #nextDial = 1;
  #dialsFailed = 0;
  #dismissals = 0;

  constructor(name: string, identity: SimulatedIdentity, world: HostileSurroundings, random: SeededRandom) {
    this.name = name;
    this.address = parseAddress(`${name}:4433`);
    this.identity = identity;
    this.random = random;
    this.#world = world;
  }

  get nodeId(): NodeId {
    return this.identity.nodeId;
  }

  get chain(): readonly Certificate[] {
    return this.identity.chain;
  }

  /** Links on which the other end has said hello. */
  get links(): readonly HostileLink[] {
    return Array.from(this.#links.values()).filter(({ isUp }) => isUp);
  }

  /** Dials that found nobody, or that the other end ended before its hello. */
  get dialsFailed(): number {
    return this.#dialsFailed;
  }

  /** Links that the other end ended because of what was said on them. */
  get dismissals(): number {
    return this.#dismissals;
  }

  /** From now on it is there, and behaves like this. */
  start(malice: Malice): void {
    this.#malice = malice;
    this.#world.network.listen(this);
  }

  /** It is to be found there too. */
  listenAt(address: Address): void {
    this.#world.network.listenAt(this, address);
  }

  /** It goes on, otherwise. */
  turn(malice: Malice): void {
    this.#malice = malice;
  }

  dial(to: { readonly address: Address }): void {
    this.#world.network.dial(this, this.#nextDial++, to.address, undefined);
  }

  /** Does something again and again, first after one period. */
  every(periodMs: number, forMs: number, act: () => void): void {
    const untilMs = this.#world.time.nowMs + forMs;
    const next = (): void => {
      act();
      if (this.#world.time.nowMs + periodMs <= untilMs) this.#world.time.after(periodMs, next);
    };
    this.#world.time.after(periodMs, next);
  }

  // ---- Endpoint --------------------------------------------------------------------------------------------------

  /** It takes whoever has a key: who they are matters to others. */
  judge([leaf]: readonly Certificate[]): NodeId | undefined {
    return leaf === undefined ? undefined : nodeIdOfSpki(leaf.publicKey.spki);
  }

  linkOpen(end: LinkEnd): void {
    const link = new HostileLink(end, (bytes) => this.#world.network.write(this, end.id, bytes));
    this.#links.set(end.id, link);
    link.send(this.#helloFor(end.peer.nodeId));
  }

  linkBytes(id: number, bytes: Bytes): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    for (const frame of link.receive(bytes)) {
      if (frame.tag === 'hello') this.#malice.linkUp?.(link);
      if (frame.tag === 'bye') this.#ended(link);
      else if (this.#malice.frame?.(link, frame) !== true) this.#answer(link, frame);
    }
  }

  linkClosed(id: number): void {
    const link = this.#links.get(id);
    if (link !== undefined && !link.isUp) this.#dialsFailed++;
    this.#links.delete(id);
  }

  dialFailed(): void {
    this.#dialsFailed++;
  }

  #ended(link: HostileLink): void {
    this.#links.delete(link.end.id);
    if (link.bye === 'misbehaved' || link.bye === 'malformed') this.#dismissals++;
  }

  /** What keeps a link alive, and makes what it says in its own name believable. */
  #answer(link: HostileLink, frame: Frame): void {
    switch (frame.tag) {
      case 'ping':
        return link.send({ tag: 'pong' });
      case 'message':
        return link.send({ tag: 'credit', bytes: frame.bytes.length });
      case 'pull':
        return link.send({ tag: 'pull-same', id: frame.id });
      case 'want-chains': {
        const [leaf] = this.chain;
        if (leaf !== undefined && frame.voucherIds.includes(leaf.fingerprintHex))
          link.send({ tag: 'chain', certificates: this.chain.map(({ der }) => der) });
        return;
      }
      default:
        return;
    }
  }

  #helloFor(peer: NodeId): HelloFrame {
    return {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: this.#world.mesh,
      nodeId: this.nodeId,
      software: 'hostile',
      addresses: [this.address],
      crls: [],
      heldIncarnation: 0,
      windowBytes: WINDOW_BYTES,
      ...this.#malice.hello?.(peer),
    };
  }
}

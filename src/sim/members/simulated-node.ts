import { type Bytes, utf8 } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { type Instant, MINUTE_MS } from '../../base/time.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { Candidate } from '../../engine/links/connector.ts';
import type { LinkEnd } from '../../engine/links/link-end.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type Address, parseAddress } from '../../message/payloads/address.ts';
import { parseMessageType } from '../../message/family.ts';
import type { Message } from '../../message/message.ts';
import { MeshNode } from '../../node/mesh-node.ts';
import type { NodeEvent, NodeOutbox, RequestAnswer } from '../../node/node-outbox.ts';
import type { NodeSettings } from '../../node/node-options.ts';
import { startOf } from '../../node/node-start.ts';
import { signingIdentityOf } from '../../node/publishing/publisher.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import type { Trust } from '../../pki/mesh/judge.ts';
import type { NodeChange } from '../../ports/node-store.ts';
import { MemoryNodeStore } from './memory-node-store.ts';
import type { Endpoint, SimulatedNetwork } from '../network/network.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { SharedChecks } from './shared-checks.ts';
import { type ClockError, RIGHT_CLOCK, shownBy } from './machine-clock.ts';
import type { SimulatedIdentity } from './simulated-authority.ts';
import { Turns } from './turns.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { WorldEvent } from '../world-event.ts';

/** A signature and a check take this long: half a millisecond of work and the way to another thread and back. */
const CRYPTO_MS = 1;
/** A commit with fsync takes 2 ms and more on a real disk: between these, by chance. @tuning */
const COMMIT_MS_MIN = 2;
const COMMIT_MS_MAX = 10;

/** What the nodes of a world share. */
export interface NodeSurroundings {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly checks: SharedChecks;
  readonly trust: Trust;
  /** Of every node. */
  readonly settings: Partial<NodeSettings>;
  emit(event: WorldEvent): void;
  turnEnded(node: SimulatedNode): void;
}

/** A member whose place is known. */
export interface Neighbour {
  readonly nodeId: NodeId;
  readonly address: Address;
}

/** A machine with a disk, on which the node of the field runs: {@link MeshNode}, started, stopped and started again. */
export class SimulatedNode implements Endpoint, NodeOutbox {
  readonly index: number;
  readonly name: string;
  readonly address: Address;
  readonly identity: SimulatedIdentity;
  readonly #world: NodeSurroundings;
  readonly #random: SeededRandom;
  #store = new MemoryNodeStore();
  readonly #neighbours: Neighbour[] = [];
  /** What programs wait for. */
  readonly #asked = new Map<number, { readonly askedAtMs: number; readonly isUnlawful: boolean }>();
  #node: MeshNode | undefined;
  #starts = 0;
  #nextRequest = 1;
  readonly #turns: Turns;
  #clock = RIGHT_CLOCK;
  #checksAsked = 0;

  constructor(
    index: number,
    identity: SimulatedIdentity,
    world: NodeSurroundings,
    random: SeededRandom,
    name = `n${index}`,
  ) {
    this.index = index;
    this.name = name;
    this.address = parseAddress(`${this.name}:4433`);
    this.identity = identity;
    this.#world = world;
    this.#random = random;
    this.#turns = new Turns(world.time, {
      node: () => this.#node,
      instant: () => this.instant(),
      turnEnded: () => world.turnEnded(this),
    });
  }

  get nodeId(): NodeId {
    return this.identity.nodeId;
  }

  get chain(): readonly Certificate[] {
    return this.identity.chain;
  }

  get isUp(): boolean {
    return this.#node !== undefined;
  }

  /** The node that runs on this machine. @throws Error where none does. */
  get node(): MeshNode {
    if (this.#node === undefined) throw new Error(`${this.name} is down`);
    return this.#node;
  }

  /** Signature checks that its nodes have asked for, from its first start on. */
  get checksAsked(): number {
    return this.#checksAsked;
  }

  /** What the clocks of this machine show. */
  instant(): Instant {
    return shownBy(this.#clock, this.#world.time.instant());
  }

  /** Whom this node is told of at each start. */
  get neighbours(): readonly Neighbour[] {
    return this.#neighbours;
  }

  /** From its next start on. */
  addNeighbour(other: Neighbour): void {
    if (other !== this && !this.#neighbours.includes(other)) this.#neighbours.push(other);
  }

  /** The same disk, keys and configuration in another machine, elsewhere on the network. */
  cloneAs(index: number, random: SeededRandom): SimulatedNode {
    const clone = new SimulatedNode(index, this.identity, this.#world, random, `${this.name}-clone`);
    clone.#store = this.#store.copy();
    for (const neighbour of this.#neighbours) clone.addNeighbour(neighbour);
    return clone;
  }

  /** The clock on the wall is wrong from now on, or right again. */
  setClock(error: ClockError = RIGHT_CLOCK): void {
    this.#clock = error;
    this.#world.emit({ tag: 'clock', node: this, aheadMs: this.instant().wall - this.#world.time.instant().wall });
    if (this.#node !== undefined) this.#turns.turn();
  }

  // ---- what the world does to it -------------------------------------------------------------------------------

  start(): void {
    if (this.#node !== undefined) return;
    const { network, checks, trust, settings } = this.#world;
    const { nodeId, chain } = this.identity;
    const start = startOf(this.#store.load(), this.instant().wall);
    this.#store.applyNow(start.changes);
    const now = this.instant();
    this.#node = new MeshNode(now, {
      trust,
      identity: signingIdentityOf(nodeId, chain[0] as Certificate),
      chain,
      roles: [],
      name: this.name,
      software: 'simulated',
      settings,
      store: this.#store,
      start,
      random: this.#random.fork(`start ${this.#starts++}`),
      outbox: this,
      addresses: [this.address],
      readCertificate: checks.readCertificate,
    });
    network.listen(this);
    this.#world.emit({ tag: 'started', node: this });
    for (const { address, nodeId: neighbour } of this.#neighbours)
      this.#node.handleCandidate(now, { address, source: 'bootstrap', nodeId: neighbour });
    this.#turns.turn();
  }

  /** Its process is killed: what was not durable is lost, connections end without a word. */
  stop(): void {
    if (this.#node === undefined) return;
    this.#node = undefined;
    this.#turns.stop();
    this.#asked.clear();
    this.#world.network.drop(this);
    this.#world.emit({ tag: 'stopped', node: this });
  }

  /** Has the node say something new: an indicator, or what a sensor has read. */
  publish(text: string, ttlMs = 10 * MINUTE_MS, type = 'indicator'): void {
    const request = this.#nextRequest++;
    const payload = utf8(type === 'indicator' ? JSON.stringify({ kind: 'hash', value: text, risk: 50 }) : text);
    this.#ask(request, this.nodeId, payload);
    this.#turns.enter((node, now) => {
      try {
        node.publish(now, request, { type: parseMessageType(type), payload, ttlMs });
      } catch (error) {
        if (!isMeshError(error)) throw error;
        this.answer(request, { tag: 'refused', code: error.code, detail: error.message });
      }
    });
  }

  /** Discovery told of a place. */
  discover(candidate: Candidate): void {
    this.#turns.enter((node, now) => node.handleCandidate(now, candidate));
  }

  /**
   * A device beside it hands in what it has signed with a key of its own.
   *
   * @param isUnlawful whether it must be refused.
   */
  submit(message: Message, isUnlawful = false): void {
    const request = this.#nextRequest++;
    this.#ask(request, message.origin, message.payload, isUnlawful);
    this.#turns.enter((node, now) => node.submit(now, request, message, this.nodeId));
  }

  /** A list came over HTTP. */
  receiveCrl(der: Bytes): void {
    this.#turns.enter((node, now) => node.installCrl(now, der));
  }

  // ---- Endpoint --------------------------------------------------------------------------------------------------

  judge(chain: readonly Certificate[], purpose: 'tls-server' | 'tls-client'): NodeId | undefined {
    const judgement = this.#node?.judgePeer(chain, this.instant().wall, purpose);
    if (judgement?.tag === 'ok') return judgement.nodeId;
    if (this.#node !== undefined) this.#node.statistics.handshakesRefused++;
    return undefined;
  }

  linkOpen(end: LinkEnd, dial: number | undefined): void {
    this.#turns.enter((node, now) => node.handleLinkOpen(now, end, dial));
  }

  linkBytes(link: number, bytes: Bytes): void {
    this.#turns.enter((node, now) => node.handleLinkBytes(now, link, bytes));
  }

  linkClosed(link: number): void {
    this.#turns.enter((node, now) => node.handleLinkClosed(now, link));
  }

  dialFailed(dial: number): void {
    this.#turns.enter((node, now) => node.handleDialFailed(now, dial));
  }

  // ---- NodeOutbox ------------------------------------------------------------------------------------------------

  dial(dial: number, address: Address, expected: NodeId | undefined): void {
    this.#world.network.dial(this, dial, address, expected);
  }

  write(link: number, bytes: Bytes): void {
    this.#world.network.write(this, link, bytes);
  }

  close(link: number): void {
    this.#world.network.close(this, link);
  }

  wake(): void {
    this.#turns.turn();
  }

  verify(ticket: number, key: PublicKey, message: Message): void {
    this.#checksAsked++;
    this.#turns.later(CRYPTO_MS, (node, now) =>
      node.handleVerified(now, ticket, this.#world.checks.verifyMessage(key, message)),
    );
  }

  sign(ticket: number, toBeSigned: Bytes): void {
    this.#turns.later(CRYPTO_MS, (node, now) =>
      node.handleSigned(now, ticket, this.identity.signer.signSync(toBeSigned)),
    );
  }

  persist(ticket: number, changes: readonly NodeChange[]): void {
    this.#turns.later(this.#random.between(COMMIT_MS_MIN, COMMIT_MS_MAX), (node, now) => {
      this.#store.applyNow(changes);
      node.handlePersisted(now, ticket, true);
    });
  }

  answer(request: number, answer: RequestAnswer): void {
    const asked = this.#asked.get(request);
    if (asked === undefined) return; // the node's own record
    this.#asked.delete(request);
    const { askedAtMs, isUnlawful } = asked;
    const about = { node: this, request, isUnlawful };
    if (answer.tag === 'refused') this.#world.emit({ tag: 'refused', ...about, code: answer.code });
    else this.#world.emit({ tag: 'acknowledged', ...about, messageId: answer.messageId, askedAtMs });
  }

  event(event: NodeEvent): void {
    this.#world.emit({ tag: 'node', node: this, event });
  }

  #ask(request: number, origin: NodeId, payload: Bytes, isUnlawful = false): void {
    if (this.#node === undefined) return;
    this.#asked.set(request, { askedAtMs: this.#world.time.nowMs, isUnlawful });
    this.#world.emit({ tag: 'asked', node: this, request, origin, payload, isUnlawful });
  }
}

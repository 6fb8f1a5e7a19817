import { after, HOUR_MS, type Instant } from '../../../src/base/time.ts';
import type { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import { type Address, parseAddress } from '../../../src/message/payloads/address.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import type { Message } from '../../../src/message/message.ts';
import { GATHER_MS } from '../../../src/node/keeping/journal.ts';
import { MeshNode } from '../../../src/node/mesh-node.ts';
import type { NodeEvent, NodeOutbox, RequestAnswer } from '../../../src/node/node-outbox.ts';
import type { NodeSettings } from '../../../src/node/node-options.ts';
import { startOf } from '../../../src/node/node-start.ts';
import { signingIdentityOf } from '../../../src/node/publishing/publisher.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import type { NodeChange } from '../../../src/ports/node-store.ts';
import { MemoryNodeStore } from '../../../src/sim/members/memory-node-store.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { at, INDICATOR, type MeshFixture } from './mesh-fixture.ts';

/** `unanswered`: on the disk, and the power fails; `lost`: the power fails first. */
export type WriteFate = 'written' | 'failed' | 'unanswered' | 'lost';

export interface Dialled {
  readonly dial: number;
  readonly address: Address;
  readonly expected: NodeId | undefined;
}

export interface HandNodeOptions extends Partial<NodeSettings> {
  readonly store?: MemoryNodeStore;
}

/** A node whose world is in the test's hands: what it asks is answered by {@link NodeNet.settle}, or not. */
export class HandNode implements NodeOutbox {
  readonly name: string;
  readonly net: NodeNet;
  store: MemoryNodeStore;
  node: MeshNode;
  events: NodeEvent[] = [];
  readonly answers = new Map<number, RequestAnswer>();
  readonly dials: Dialled[] = [];
  readonly writes: { readonly link: number; readonly bytes: Uint8Array }[] = [];
  readonly closes: number[] = [];
  /** What waits to be answered. */
  asked: (() => void)[] = [];
  /** Writes that wait for a slow store. */
  unwritten: (() => void)[] = [];
  /** While set, the store takes its time. */
  isStoreSlow = false;
  doesStoreFail = false;
  /** Set: what becomes of each write, while the store is neither slow nor failing. */
  fateOfWrite: (() => WriteFate) | undefined;
  /** A write was never answered: the process stands still until it is restarted. */
  isStuck = false;
  #requests = 0;
  #starts = 0;
  readonly #settings: Partial<NodeSettings>;

  constructor(net: NodeNet, name: string, { store = new MemoryNodeStore(), ...settings }: HandNodeOptions) {
    this.net = net;
    this.name = name;
    this.store = store;
    this.#settings = { announces: false, ...settings };
    this.node = this.#start();
  }

  get id(): NodeId {
    return this.node.self;
  }

  /** Killed and started again; what its store did not have is gone. */
  restart(store = this.store): void {
    this.net.cut(this);
    this.store = store;
    this.events = [];
    this.asked = [];
    this.unwritten = [];
    this.writes.length = 0;
    this.isStuck = false;
    this.node = this.#start();
  }

  /** @returns the request, to find its answer with. */
  publish(text?: string, type = 'indicator'): number {
    const request = ++this.#requests;
    const payload = text === undefined ? INDICATOR : new TextEncoder().encode(text);
    this.node.publish(this.net.now, request, { type: parseMessageType(type), payload, ttlMs: HOUR_MS });
    return request;
  }

  submit(message: Message, client: NodeId): number {
    const request = ++this.#requests;
    this.node.submit(this.net.now, request, message, client);
    return request;
  }

  /** `ok`, or the code of the refusal. */
  answerTo(request: number): string | undefined {
    const answer = this.answers.get(request);
    return answer?.tag === 'refused' ? answer.code : answer?.tag;
  }

  get heldIds(): string[] {
    return Array.from(this.node.holdings.messages.values(), ({ id }) => id).toSorted();
  }

  get linkedNames(): string[] {
    return this.node.links.map(({ peer }) => this.net.nameOf(peer)).toSorted();
  }

  said(tag: NodeEvent['tag']): NodeEvent[] {
    return this.events.filter((event) => event.tag === tag);
  }

  #start(): MeshNode {
    const { nodeId, chain } = this.net.fixture.member(this.name);
    const start = startOf(this.store.load(), this.net.now.wall);
    this.store.applyNow(start.changes);
    return new MeshNode(this.net.now, {
      trust: this.net.fixture.authority.trust,
      identity: signingIdentityOf(nodeId, chain[0] as Certificate),
      chain,
      roles: [],
      name: this.name,
      software: 'test',
      settings: this.#settings,
      store: this.store,
      start,
      random: new SeededRandom(`${this.name} ${this.#starts++}`),
      outbox: this,
      addresses: [parseAddress(`${this.name}:1`)],
    });
  }

  // ---- NodeOutbox ------------------------------------------------------------------------------------------------

  dial(dial: number, address: Address, expected: NodeId | undefined): void {
    this.dials.push({ dial, address, expected });
  }

  write(link: number, bytes: Uint8Array): void {
    this.writes.push({ link, bytes });
  }

  close(link: number): void {
    this.closes.push(link);
  }

  wake(): void {
    // settle flushes anyway
  }

  verify(ticket: number, key: PublicKey, message: Message): void {
    const ok = key.verify(message.algorithm, message.signedBytes, message.signature);
    this.asked.push(() => this.node.handleVerified(this.net.now, ticket, ok));
  }

  sign(ticket: number, toBeSigned: Uint8Array): void {
    const signature = this.net.fixture.member(this.name).signer.signSync(toBeSigned);
    this.asked.push(() => this.node.handleSigned(this.net.now, ticket, signature));
  }

  persist(ticket: number, changes: readonly NodeChange[]): void {
    const write = (): void => {
      if (this.isStoreSlow) {
        this.unwritten.push(write);
        return;
      }
      const fate = this.doesStoreFail ? 'failed' : (this.fateOfWrite?.() ?? 'written');
      if (fate === 'written' || fate === 'unanswered') this.store.applyNow(changes);
      if (fate === 'lost' || fate === 'unanswered') this.isStuck = true;
      else this.node.handlePersisted(this.net.now, ticket, fate === 'written');
    };
    this.asked.push(write);
  }

  answer(request: number, answer: RequestAnswer): void {
    this.answers.set(request, answer);
  }

  event(event: NodeEvent): void {
    this.events.push(event);
  }
}

interface End {
  readonly node: HandNode;
  readonly link: number;
}

/** Some nodes, and links between them that the test makes; time stands still unless it lets it pass. */
export class NodeNet {
  readonly fixture: MeshFixture;
  readonly nodes = new Map<string, HandNode>();
  readonly #others = new Map<number, End>();
  #nowMs = 0;
  #links = 0;
  #flushes = 0;

  constructor(fixture: MeshFixture) {
    this.fixture = fixture;
  }

  get now(): Instant {
    return at(this.#nowMs);
  }

  start(name: string, options: HandNodeOptions = {}): HandNode {
    const node = new HandNode(this, name, options);
    this.nodes.set(name, node);
    return node;
  }

  nameOf(nodeId: NodeId): string {
    for (const { name, node } of this.nodes.values()) if (node.self === nodeId) return name;
    return nodeId;
  }

  /** TLS between two nodes, dialled by the first. @returns false where one refuses the other. */
  connect(from: HandNode, to: HandNode, dial?: number): boolean {
    const { wall } = this.now;
    const [fromChain, toChain] = [from, to].map(({ name }) => this.fixture.member(name).chain) as [
      readonly Certificate[],
      readonly Certificate[],
    ];
    const client = to.node.judgePeer(fromChain, wall, 'tls-client');
    const server = from.node.judgePeer(toChain, wall, 'tls-server');
    if (client.tag !== 'ok' || server.tag !== 'ok') return false;
    const [outbound, inbound] = [++this.#links, ++this.#links];
    this.#others.set(outbound, { node: to, link: inbound });
    this.#others.set(inbound, { node: from, link: outbound });
    const peerOf = (nodeId: NodeId, chain: readonly Certificate[]) => ({ nodeId, chain });
    from.node.handleLinkOpen(
      this.now,
      { id: outbound, direction: 'outbound', peer: peerOf(server.nodeId, toChain), remoteAddress: `${to.name}:1` },
      dial,
    );
    to.node.handleLinkOpen(
      this.now,
      { id: inbound, direction: 'inbound', peer: peerOf(client.nodeId, fromChain), remoteAddress: `${from.name}:2` },
      undefined,
    );
    return true;
  }

  /** Connections of this node, links or not. */
  connectionsOf(node: HandNode): number {
    return Array.from(this.#others.values()).filter((other) => other.node === node).length;
  }

  /** All links of this node break, at both ends. */
  cut(node: HandNode): void {
    for (const [link, other] of this.#others) {
      if (other.node !== node) continue;
      const owner = this.#others.get(other.link)?.node;
      this.#others.delete(link);
      this.#others.delete(other.link);
      owner?.node.handleLinkClosed(this.now, link);
      node.node.handleLinkClosed(this.now, other.link);
    }
  }

  /** Ends a turn of this node, as long after the one before as the pace of commits asks: what has gathered is written. */
  flush({ node }: HandNode): void {
    node.flush({ ...this.now, mono: after(this.now.mono, ++this.#flushes * GATHER_MS) });
  }

  /** Lets everything happen that does not take time. */
  settle(): void {
    for (let turns = 0; turns < 1_000; turns++) {
      let idle = true;
      for (const node of this.nodes.values()) {
        this.flush(node);
        if (!node.isStoreSlow) node.asked.push(...node.unwritten.splice(0));
        for (const answer of node.asked.splice(0)) {
          idle = false;
          answer();
        }
        for (const { link, bytes } of node.writes.splice(0)) {
          idle = false;
          const other = this.#others.get(link);
          other?.node.node.handleLinkBytes(this.now, other.link, bytes);
        }
        for (const link of node.closes.splice(0)) {
          idle = false;
          const other = this.#others.get(link);
          this.#others.delete(link);
          if (other === undefined || !this.#others.delete(other.link)) continue;
          other.node.node.handleLinkClosed(this.now, other.link);
        }
      }
      if (idle) return;
    }
    throw new Error('the nodes never come to rest');
  }

  /** Lets time pass, waking each node when it asks for it. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    this.settle();
    for (;;) {
      const due = Math.min(...Array.from(this.nodes.values(), ({ node }) => node.deadline(this.now) - at(0).mono));
      this.#nowMs = Math.max(this.#nowMs, Math.min(untilMs, Math.ceil(due)));
      for (const { node } of this.nodes.values())
        if (node.deadline(this.now) <= this.now.mono) node.handleTimeout(this.now);
      this.settle();
      if (this.#nowMs >= untilMs) return;
    }
  }
}

import assert from 'node:assert/strict';
import { Gossip, GOSSIP_DEFAULTS } from '../../../src/engine/gossip/gossip.ts';
import { HeldMessages } from '../../../src/engine/held/held-messages.ts';
import type { Link, MeshFrame } from '../../../src/engine/links/link.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import type { Message } from '../../../src/message/message.ts';
import { parseMessage } from '../../../src/message/message-reader.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { LinkPair } from '../../support/mesh/link-pair.ts';
import type { MeshFixture } from '../../support/mesh/mesh-fixture.ts';
import { at, MESH } from '../../support/mesh/mesh-fixture.ts';
/** A node that accepts whatever it gets, at once, and gossips it on. */
export class GossipPeer {
  readonly held = new HeldMessages();
  /** By place of arrival. */
  readonly bytes = new Map<number, Uint8Array>();
  readonly links: Link[] = [];
  readonly gossip: Gossip;
  /** How often a message came that was held already. */
  echoes = 0;
  nowMs = 0;
  /** What is refused, as by a gate. */
  refuses: (message: Message) => boolean = () => false;
  wants: (author: NodeId) => boolean = () => true;
  /** For whom something that vouches was sent, and to whom. */
  readonly vouched: [Link, string][] = [];

  constructor(name: string) {
    this.gossip = new Gossip(GOSSIP_DEFAULTS, this.held, new SeededRandom(name), {
      links: () => this.links,
      read: (arrival) => this.bytes.get(arrival),
      isWanted: (_now, author) => this.wants(author),
      vouch: (_now, link, voucherId) => void this.vouched.push([link, voucherId]),
      crlHeaders: () => [],
    });
  }

  accept(message: Message, from?: NodeId, alsoFrom?: readonly NodeId[]): void {
    if (this.held.get(message.contentKey) !== undefined) {
      this.echoes++;
      return;
    }
    if (this.refuses(message)) return;
    const now = at(this.nowMs);
    const { held } = this.held.put(message, now.wall);
    this.bytes.set(held.arrival, message.bytes);
    this.gossip.handleAccepted(now, held, message.bytes, from, alsoFrom);
    this.gossip.flush();
  }

  receive(link: Link, frame: MeshFrame): void {
    const now = at(this.nowMs);
    switch (frame.tag) {
      case 'message':
        link.handleConsumed(frame.bytes.length);
        if (this.refuses(parseMessage(MESH, frame.bytes))) this.gossip.handleRefused(link);
        return this.accept(parseMessage(MESH, frame.bytes), link.peer);
      case 'have':
        return this.gossip.handleHave(now, link, frame.keys);
      case 'want':
        return this.gossip.handleWant(link, frame.keys);
      case 'pull':
        return this.gossip.handlePull(now, link, frame);
      case 'pull-same':
        return this.gossip.handlePullSame(link, frame.id);
      case 'pull-differs':
        return this.gossip.handlePullDiffers(now, link, frame.id);
      case 'digest':
        return this.gossip.handleDigest(now, link, frame);
      case 'pull-done':
        return this.gossip.handlePullDone(now, link, frame.id, frame.more);
      default:
        assert.fail(`gossip does not send ${frame.tag}`);
    }
  }
}

/** Two such nodes and the link between them. */
export class GossipBench {
  readonly ann = new GossipPeer('ann');
  readonly bob = new GossipPeer('bob');
  readonly pair: LinkPair;
  #nowMs = 0;

  constructor(fixture: MeshFixture) {
    this.pair = new LinkPair(
      at(0),
      fixture,
      'ann',
      'bob',
      (_now, link, frame) => this.ann.receive(link, frame),
      (_now, link, frame) => this.bob.receive(link, frame),
    );
  }

  meet(): void {
    this.ann.links.push(this.pair.a);
    this.bob.links.push(this.pair.b);
    this.ann.gossip.handleLinkUp(at(0), this.pair.a);
    this.bob.gossip.handleLinkUp(at(0), this.pair.b);
    this.pair.pump(at(0));
  }

  /** Lets both do what is due, step by step. */
  run(untilMs: number): void {
    while (this.#nowMs < untilMs) {
      this.#nowMs = Math.min(untilMs, this.#nowMs + 50);
      for (const peer of [this.ann, this.bob]) {
        peer.nowMs = this.#nowMs;
        peer.gossip.handleTimeout(at(this.#nowMs));
      }
      this.pair.pump(at(this.#nowMs));
    }
  }

  get agree(): boolean {
    return this.ann.held.summary === this.bob.held.summary && this.ann.held.size === this.bob.held.size;
  }
}

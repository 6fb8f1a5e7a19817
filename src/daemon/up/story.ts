import { setTimeout as pause } from 'node:timers/promises';
import { utf8 } from '../../base/bytes.ts';
import { messageIdResponseSchema } from '../../api/node-gossip.ts';
import { messagesResponseSchema, type NodeEventJson } from '../../api/node-programs.ts';
import { messageOf } from '../../base/errors.ts';
import type { Fleet, FleetListener, FleetNode } from './fleet.ts';
import { Happenings } from './happenings.ts';
import { Outcast } from './outcast.ts';
import { deviceOf, operatorOf, speak } from './speakers.ts';
import type { ShutOutBy, UpEventBody } from './up-event.ts';

/** Steps of the story wait this long for what should happen; on two cores each takes a second or less. @tuning */
const STEP_MS_MAX = 15_000;
/** Peers that a node should be linked with before the story begins, where there are so many. */
const LINKS_WANTED = 2;

/**
 * What `chainmail up` shows: a message reaches all, a node that was away gets it when it comes back, a revoked node
 * is shut out. Everything is really done and seen at the nodes; what does not happen ends up in `failed`.
 *
 * A signal ends it wherever it is; what does not happen any more then is no failure.
 */
export class Story implements FleetListener {
  readonly #fleet: Fleet;
  readonly #tell: (event: UpEventBody) => void;
  readonly #clock: () => number;
  readonly #signal: AbortSignal;
  readonly #happenings = new Happenings();
  /** When and where each was handed in. */
  readonly #publications = new Map<string, { readonly at: number; readonly author: FleetNode }>();
  readonly #failed: string[] = [];
  #published = 0;
  #delivered = 0;
  #shutOut = 0;
  #isTold = false;

  constructor(fleet: Fleet, clock: () => number, signal: AbortSignal, tell: (event: UpEventBody) => void) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#signal = signal;
    this.#tell = tell;
    signal.addEventListener('abort', () => this.#happenings.end(), { once: true });
  }

  handleEvent(node: FleetNode, event: NodeEventJson): void {
    switch (event.event) {
      case 'link-up':
        this.#happenings.forget(`down ${node.nodeId} ${event.peer}`);
        this.#happenings.note(`linked ${node.nodeId} ${event.peer}`);
        if (event.direction === 'outbound') this.#tell({ event: 'link-up', from: node.nodeId, to: event.peer });
        return;
      case 'link-down':
        this.#happenings.forget(`linked ${node.nodeId} ${event.peer}`);
        this.#happenings.note(`down ${node.nodeId} ${event.peer}`);
        return;
      case 'message':
        return this.#handleDelivered(node, event.message_id);
      default:
        return;
    }
  }

  /** Somebody else ended it: told at any time, and a failure while the story needs it. */
  handleEnded(pid: number, node?: FleetNode): void {
    const name = node?.name ?? 'the authority';
    if (!this.#isTold) this.fail(`${name} ended before the story did`);
    for (const other of this.#fleet.nodes)
      if (node !== undefined) this.#happenings.forget(`linked ${node.nodeId} ${other.nodeId}`);
    if (this.#signal.aborted) return;
    const dir = node?.directory ?? this.#fleet.authorityDirectory;
    this.#tell(
      node === undefined
        ? { event: 'authority-ended', pid, dir }
        : { event: 'node-ended', node_id: node.nodeId, name, pid, dir },
    );
  }

  handleDeaf(node: FleetNode, error: unknown): void {
    this.fail(`${node.name} cannot be followed: ${messageOf(error)}`);
  }

  /** Returns early where the signal comes first. */
  async run(): Promise<void> {
    const { nodes } = this.#fleet;
    const [author] = nodes;
    const away = nodes.at(-2);
    const outcast = nodes.at(-1);
    if (author !== undefined && (await this.#meshForms())) {
      await this.#publishToAll('spread', author, nodes);
      await this.#delegatesSpeak(author, nodes);
      if (away !== undefined && away !== author) await this.#catchUp(author, away);
      if (outcast !== undefined && outcast !== author) await this.#revokeAndShutOut(outcast);
    }
    this.#signal.throwIfAborted();
    this.#isTold = true;
    this.#tell({ event: 'story-told', dir: this.#fleet.directory });
  }

  summary(): Extract<UpEventBody, { event: 'summary' }> {
    return {
      event: 'summary',
      ok: this.#isTold && this.#failed.length === 0,
      told: this.#isTold,
      nodes: this.#fleet.nodes.length,
      published: this.#published,
      delivered: this.#delivered,
      shut_out: this.#shutOut,
      failed: this.#failed,
    };
  }

  /** Notes what did not happen, unless the end was asked for before. */
  fail(what: string): void {
    if (!this.#signal.aborted) this.#failed.push(what);
  }

  async #meshForms(): Promise<boolean> {
    const { nodes } = this.#fleet;
    const wanted = Math.min(LINKS_WANTED, nodes.length - 1);
    const until = this.#clock() + STEP_MS_MAX;
    for (const node of nodes) {
      while (this.#peersOf(node).length < wanted) {
        if (this.#clock() > until) {
          this.fail(`${node.name} found only ${this.#peersOf(node).length} peers`);
          return false;
        }
        await pause(20, undefined, { signal: this.#signal });
      }
    }
    return true;
  }

  /** Publishes at `author`; all other living nodes of `expected` must have it. @returns the message id. */
  async #publishToAll(what: string, author: FleetNode, expected: readonly FleetNode[]): Promise<string | undefined> {
    const messageId = await this.#publish(author, what);
    if (messageId === undefined) return undefined;
    for (const node of expected) if (node !== author) await this.#expectDelivered(messageId, node, what);
    return messageId;
  }

  async #catchUp(author: FleetNode, away: FleetNode): Promise<void> {
    this.#signal.throwIfAborted();
    const { nodeId, pid } = away;
    await away.stop();
    this.#tell({ event: 'node-stopped', node_id: nodeId, pid });
    const others = this.#fleet.nodes.filter((node) => node !== away);
    const messageId = await this.#publishToAll('while one is away', author, others);
    await away.start(this);
    this.#tell({ event: 'node-back', node_id: away.nodeId, pid: away.pid, address: away.address });
    if (messageId === undefined) return;
    await this.#readHeld(away, messageId);
    await this.#expectDelivered(messageId, away, 'after it came back');
  }

  async #revokeAndShutOut(node: FleetNode): Promise<void> {
    this.#signal.throwIfAborted();
    const others = this.#fleet.nodes.filter((other) => other !== node);
    const outcast = await Outcast.of(this.#fleet, node);
    const [first] = others;
    // The same dial as later, while the node is still believed: else a refusal would prove nothing.
    if (first === undefined || (await outcast.dial(first)) !== 'hello') {
      this.fail(`${node.name} could not dial ${first?.name ?? 'anybody'} even before it was revoked`);
      return;
    }
    const linked = others.filter((other) => this.#happenings.has(`linked ${other.nodeId} ${node.nodeId}`));
    const crlNumber = await this.#fleet.revoke(node);
    this.#tell({ event: 'revoked', node_id: node.nodeId, crl_number: crlNumber });
    const shuts = others.map((other) => this.#shutsOut(other, outcast, linked.includes(other)));
    const done = await Promise.allSettled(shuts); // all of them: nothing is left on its way
    for (const each of done) if (each.status === 'rejected') this.fail(messageOf(each.reason));
    this.#shutOut = done.filter((each) => each.status === 'fulfilled' && each.value).length;
  }

  /** Whether `by` closes its link with the revoked node, refuses its dial and drops its message. */
  async #shutsOut(by: FleetNode, outcast: Outcast, wasLinked: boolean): Promise<boolean> {
    const { node } = outcast;
    const told = (how: ShutOutBy, isDone: boolean): boolean => {
      if (isDone) this.#tell({ event: 'shut-out', node_id: node.nodeId, by: by.nodeId, how });
      else this.fail(`${by.name} did not shut ${node.name} out: ${how}`);
      return isDone;
    };
    const isClosed =
      !wasLinked || told('link-closed', await this.#happenings.until(`down ${by.nodeId} ${node.nodeId}`, STEP_MS_MAX));
    const isRefused = told('dial-refused', await this.#until(async () => (await outcast.dial(by)) === 'closed'));
    const isDropped = told('message-dropped', await this.#until(() => outcast.isDroppedBy(by)));
    return isClosed && isRefused && isDropped;
  }

  async #publish(author: FleetNode, what: string): Promise<string | undefined> {
    const indicator = { kind: 'rule', value: `chainmail up: ${what}`, risk: 50, labels: ['demonstration'] };
    const payload = utf8(JSON.stringify(indicator)).toBase64();
    const publishedAt = this.#clock();
    const body = { type: 'indicator', payload, ttl_sec: 3_600 };
    let messageId: string;
    try {
      const answer = await author.desk.call(messageIdResponseSchema, { method: 'POST', path: '/v1/messages', body });
      messageId = answer.message_id;
    } catch (error) {
      this.fail(`${author.name} could not publish: ${messageOf(error)}`);
      return undefined;
    }
    this.#published++;
    this.#tell({ event: 'message-published', message_id: messageId, origin: author.nodeId });
    this.#handlePublished(messageId, { at: publishedAt, author });
    return messageId;
  }

  #handlePublished(messageId: string, publication: { readonly at: number; readonly author: FleetNode }): void {
    this.#publications.set(messageId, publication);
    for (const node of this.#fleet.nodes)
      if (this.#happenings.has(`has ${messageId} ${node.nodeId}`)) this.#tellDelivered(node, messageId);
  }

  /** Messages signed with keys that are no node's, handed in at `author`, reach all as others do. */
  async #delegatesSpeak(author: FleetNode, expected: readonly FleetNode[]): Promise<void> {
    try {
      for (const speaker of [await deviceOf(this.#fleet, author), await operatorOf(this.#fleet)]) {
        let messageId: string | undefined;
        let at = this.#clock();
        const isSaid = await this.#until(async () => {
          at = this.#clock();
          messageId = await speak(this.#fleet, author, speaker);
          return messageId !== undefined;
        });
        if (!isSaid || messageId === undefined) {
          this.fail(`${author.name} did not hear that a ${speaker.kind} may speak`);
          continue;
        }
        this.#published++;
        const origin = messageId.slice(0, messageId.indexOf('.'));
        this.#tell({ event: 'message-published', message_id: messageId, origin, by: speaker.kind });
        this.#handlePublished(messageId, { at, author });
        for (const node of expected)
          if (node !== author) await this.#expectDelivered(messageId, node, `signed by a ${speaker.kind}`);
      }
    } catch (error) {
      this.fail(`nobody could speak for ${author.name}: ${messageOf(error)}`);
    }
  }

  async #expectDelivered(messageId: string, node: FleetNode, what: string): Promise<void> {
    if (!(await this.#happenings.until(`has ${messageId} ${node.nodeId}`, STEP_MS_MAX)))
      this.fail(`${node.name} did not get the message: ${what}`);
  }

  #handleDelivered(node: FleetNode, messageId: string): void {
    if (!this.#happenings.note(`has ${messageId} ${node.nodeId}`)) return;
    if (this.#publications.has(messageId)) this.#tellDelivered(node, messageId);
  }

  #tellDelivered(node: FleetNode, messageId: string): void {
    const publication = this.#publications.get(messageId);
    if (publication === undefined || publication.author === node) return;
    this.#delivered++;
    this.#tell({
      event: 'message-delivered',
      message_id: messageId,
      node_id: node.nodeId,
      ms: Math.round(this.#clock() - publication.at),
    });
  }

  /** What a node got before we followed its events. */
  async #readHeld(node: FleetNode, messageId: string): Promise<void> {
    const path = '/v1/messages?type=indicator&limit=1000';
    const { messages } = await node.desk.call(messagesResponseSchema, { method: 'GET', path });
    if (messages.some(({ message_id: id }) => id === messageId)) this.#handleDelivered(node, messageId);
  }

  #peersOf(node: FleetNode): readonly FleetNode[] {
    return this.#fleet.nodes.filter((other) => this.#happenings.has(`linked ${node.nodeId} ${other.nodeId}`));
  }

  async #until(isSo: () => Promise<boolean>): Promise<boolean> {
    const until = this.#clock() + STEP_MS_MAX;
    while (!(await isSo())) {
      if (this.#clock() > until) return false;
      await pause(50, undefined, { signal: this.#signal });
    }
    return true;
  }
}

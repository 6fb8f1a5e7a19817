import type { Bytes } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { after, type Instant, MINUTE_MS, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/payloads/address.ts';
import { Conduct } from './conduct.ts';
import { Credit } from './credit.ts';
import { type ByeReason, type Frame, type HelloFrame, LINK_VERSION } from './frame.ts';
import { decodeFrameAt, encodeFrame } from './frame-codec.ts';
import { FrameSplitter } from './frame-splitter.ts';
import type { LinkEnd } from './link-end.ts';
import { Liveness } from './liveness.ts';
import { OutgoingQueue } from './outgoing-queue.ts';
import { TurnOutput } from './turn-output.ts';

/** A peer that has finished TLS sends its hello at once; what takes longer is dead or holds a place for nothing. */
export const HELLO_MS_MAX = 5 * SECOND_MS;
/** A link that has brought nothing new for so long, or since it came up, gives way to another where places are short. */
export const USEFUL_MS = 5 * MINUTE_MS;
/** But not before it had this time to show what it is good for. */
export const PROBATION_MS = 30 * SECOND_MS;

/**
 * Two that dial each other at once are both done by then, on slow ways too. Who dials while a link has stood for longer has
 * it no more. Too low: of two crossing dials both may end; too high: so long a machine that has lost its links, or has a
 * clone, is kept out by them (T24).
 */
export const CROSSING_MS_MAX = 10 * SECOND_MS;

type LinkState =
  | { readonly tag: 'awaiting-hello'; readonly until: MonotonicMs }
  | { readonly tag: 'up'; readonly hello: HelloFrame; readonly since: MonotonicMs }
  | { readonly tag: 'closed' };

/** Frames that a link does not answer by itself. */
export type MeshFrame = Exclude<Frame, { readonly tag: 'hello' | 'ping' | 'pong' | 'credit' | 'bye' }>;

export interface LinkOutbox {
  /** The other side's hello came and fits: the link is up. */
  up(now: Instant, link: Link, hello: HelloFrame): void;
  /** A frame of a link that is up, flow control aside. */
  frame(now: Instant, link: Link, frame: MeshFrame): void;
  /** The link is over; the socket is to be closed once what is buffered has been written. */
  closed(now: Instant, link: Link, why: ByeReason): void;
  /** Something waits to be written. */
  dirty(link: Link): void;
}

/** One link between two nodes, above TLS: hello both ways, frames, flow control, liveness (spec 04). */
export class Link {
  readonly end: LinkEnd;
  readonly #mesh: MeshName;
  readonly #outbox: LinkOutbox;
  readonly #splitter = new FrameSplitter();
  readonly #queue = new OutgoingQueue();
  readonly #conduct: Conduct;
  readonly #credit = new Credit();
  readonly #output: TurnOutput;
  #state: LinkState;
  readonly #liveness: Liveness;
  #newsAt: MonotonicMs | undefined;
  #isEndedByPeer = false;

  /** @param conduct of the peer, over all links with it; by default this is the only one. */
  constructor(
    now: Instant,
    end: LinkEnd,
    mesh: MeshName,
    hello: HelloFrame,
    outbox: LinkOutbox,
    conduct = new Conduct(now.mono),
  ) {
    this.end = end;
    this.#mesh = mesh;
    this.#outbox = outbox;
    this.#state = { tag: 'awaiting-hello', until: after(now.mono, HELLO_MS_MAX) };
    this.#liveness = new Liveness(now);
    this.#conduct = conduct;
    this.#output = new TurnOutput(() => outbox.dirty(this));
    this.#output.addFrame(encodeFrame(hello));
  }

  get peer(): NodeId {
    return this.end.peer.nodeId;
  }

  get isUp(): boolean {
    return this.#state.tag === 'up';
  }

  /** Whether it was the peer that said goodbye. */
  get isEndedByPeer(): boolean {
    return this.#isEndedByPeer;
  }

  get isClosed(): boolean {
    return this.#state.tag === 'closed';
  }

  /** The gate accepted a message that came over this link before any other. */
  handleNews(now: Instant): void {
    this.#newsAt = now.mono;
  }

  /** When something new last came over it. */
  get newsAt(): MonotonicMs | undefined {
    return this.#newsAt;
  }

  /** Whether it may give way: up for a while, and nothing new has come over it lately. */
  isDispensable(now: Instant): boolean {
    if (this.#state.tag !== 'up' || now.mono < after(this.#state.since, PROBATION_MS)) return false;
    return this.#newsAt === undefined || now.mono >= after(this.#newsAt, USEFUL_MS);
  }

  /** Whether another link with this peer cannot have been dialled at the same time. */
  isSettled(now: Instant): boolean {
    return this.#state.tag === 'up' && now.mono >= after(this.#state.since, CROSSING_MS_MAX);
  }

  /** How long it has been up. */
  standsForMs(now: MonotonicMs): number {
    return this.#state.tag === 'up' ? now - this.#state.since : 0;
  }

  /** Whether the peer was asked if it lives and has not been heard since. */
  get isAsked(): boolean {
    return this.#liveness.isAsked;
  }

  /** Addresses that the peer says it listens on: candidates, no more. */
  get advertised(): readonly Address[] {
    return this.#state.tag === 'up' ? this.#state.hello.addresses : [];
  }

  /** Whether so much is written in this turn that questions of this peer are to be left unanswered. */
  get isLaden(): boolean {
    return this.#output.isLaden;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  handleBytes(now: Instant, bytes: Bytes): void {
    if (this.#state.tag === 'closed') return;
    this.#liveness.handleHeard(now);
    try {
      const { input, bounds } = this.#splitter.cut(bytes);
      for (let i = 0; i < bounds.length; i += 2) {
        this.#handleFrame(now, decodeFrameAt(input, bounds[i] as number, bounds[i + 1] as number));
        if (this.isClosed) return;
      }
    } catch (error) {
      if (!isMeshError(error)) throw error;
      this.close(now, 'malformed');
    }
  }

  /** Sends a frame that flow control does not hold back. */
  send(frame: Exclude<Frame, { tag: 'message' } | HelloFrame>): void {
    if (this.#state.tag === 'up') this.#output.addFrame(encodeFrame(frame));
  }

  /** As {@link send}, of a frame that is encoded already, because it goes to many peers. */
  sendEncoded(frame: Bytes): void {
    if (this.#state.tag === 'up') this.#output.addFrame(frame);
  }

  /** Sends a message as soon as the peer grants it; may be shed, then a pull brings it. */
  sendMessage(bytes: Bytes, author: NodeId): void {
    if (this.#state.tag !== 'up') return;
    if (this.#queue.length === 0 && bytes.length <= this.#credit.left) {
      this.#credit.spend(bytes.length);
      this.#output.addMessage(bytes);
      return;
    }
    this.#queue.pushMessage(bytes, author);
    this.#drainQueue();
  }

  /** Sends a frame once the messages before it have gone out. */
  sendAfterMessages(frame: MeshFrame): void {
    if (this.#state.tag !== 'up') return;
    this.#queue.pushMarker(frame);
    this.#drainQueue();
  }

  /** A message of this peer has been judged: its bytes are granted again. */
  handleConsumed(bytes: number): void {
    const granted = this.#credit.handleConsumed(bytes);
    if (granted > 0) this.send({ tag: 'credit', bytes: granted });
  }

  /** Whether a pull of this peer is answered: not faster than an honest one asks. */
  takePull(now: Instant): boolean {
    return this.#conduct.pulls.take(now.mono);
  }

  /** Whether this peer has lately passed on what no honest peer does. */
  isReproached(now: Instant): boolean {
    return !this.#conduct.rejects.isFull(now.mono);
  }

  /** This peer passed on what no honest peer does. */
  handleReject(now: Instant): void {
    if (!this.#conduct.rejects.take(now.mono)) this.close(now, 'misbehaved');
  }

  /** Ends the link, telling the peer why. */
  close(now: Instant, why: ByeReason): void {
    if (this.#state.tag === 'closed') return;
    this.#output.addFrame(encodeFrame({ tag: 'bye', reason: why }));
    this.#end(now, why);
  }

  /** Everything to be written, as one piece; empties the buffer. */
  takeOutput(): Bytes | undefined {
    return this.#output.take();
  }

  deadline(): MonotonicMs | undefined {
    switch (this.#state.tag) {
      case 'awaiting-hello':
        return this.#state.until;
      case 'up':
        return this.#liveness.deadline();
      case 'closed':
        return undefined;
    }
  }

  handleTimeout(now: Instant): void {
    if (this.#state.tag === 'awaiting-hello' && now.mono >= this.#state.until) return this.close(now, 'idle');
    if (this.#state.tag !== 'up') return;
    const due = this.#liveness.handleTimeout(now);
    if (due === 'give-up') this.close(now, 'idle');
    else if (due === 'ask') this.send({ tag: 'ping' });
  }

  #handleFrame(now: Instant, frame: Frame): void {
    if (frame.tag === 'bye') {
      this.#isEndedByPeer = true;
      return this.#end(now, frame.reason);
    }
    if (this.#state.tag === 'awaiting-hello') {
      if (frame.tag !== 'hello') return this.close(now, 'malformed');
      return this.#handleHello(now, frame);
    }
    if (frame.tag !== 'message' && !this.#conduct.control.take(now.mono)) return this.close(now, 'misbehaved');
    switch (frame.tag) {
      case 'hello':
        return this.close(now, 'malformed');
      case 'ping':
        return this.send({ tag: 'pong' });
      case 'pong':
        return;
      case 'credit':
        this.#credit.handleGranted(frame.bytes);
        return this.#drainQueue();
      case 'message':
        if (!this.#credit.handleReceived(frame.bytes.length)) return this.close(now, 'misbehaved');
        return this.#outbox.frame(now, this, frame);
      default:
        this.#outbox.frame(now, this, frame);
    }
  }

  #handleHello(now: Instant, hello: HelloFrame): void {
    if (hello.version !== LINK_VERSION) return this.close(now, 'version');
    if (hello.mesh !== this.#mesh || hello.nodeId !== this.peer) return this.close(now, 'mesh');
    this.#credit.handleGranted(hello.windowBytes);
    this.#state = { tag: 'up', hello, since: now.mono };
    this.#outbox.up(now, this, hello);
  }

  #drainQueue(): void {
    for (;;) {
      const item = this.#queue.shiftWithin(this.#credit.left);
      if (item === undefined) return;
      this.#credit.spend(item.costBytes);
      if (item.frame.tag === 'message') this.#output.addMessage(item.frame.bytes);
      else this.#output.addFrame(encodeFrame(item.frame));
    }
  }

  #end(now: Instant, why: ByeReason): void {
    this.#state = { tag: 'closed' };
    this.#outbox.closed(now, this, why);
  }
}

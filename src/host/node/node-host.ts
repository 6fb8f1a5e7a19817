import type { TLSSocket } from 'node:tls';
import type { Bytes } from '../../base/bytes.ts';
import type { Instant, MonotonicMs, UnixMs } from '../../base/time.ts';
import { WorkShares } from '../../base/work-share.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import type { Candidate } from '../../engine/links/connector.ts';
import type { PeerIdentity } from '../../engine/links/link-end.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type Address, formatAddress } from '../../message/payloads/address.ts';
import type { Message } from '../../message/message.ts';
import type { MessageId } from '../../message/message-id.ts';
import { MeshNode } from '../../node/mesh-node.ts';
import type { MeshNodeOptions } from '../../node/node-options.ts';
import type { NodeEvent, NodeOutbox, RequestAnswer } from '../../node/node-outbox.ts';
import type { PublishRequest } from '../../node/publishing/publisher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NodeChange } from '../../ports/node-store.ts';
import { LinkSocket } from './link-socket.ts';
import { OpenRequests } from './open-requests.ts';
import { SignatureChecks } from './signature-checks.ts';
import type { JudgeChain } from '../tls/peers.ts';
import type { TlsDialler } from '../tls/dialler.ts';

/**
 * A timer that has become too early by less than this is left as it is: deadlines move with most frames of a busy node, and
 * to set one anew costs more than to wake for nothing. An idle node sleeps on. @tuning
 */
const TIMER_EARLY_MS = 500;
/** The longest that Node.js timers can wait; a node has work every minute. @tuning */
const TIMER_MS_MAX = 2 ** 31 - 1;

export type NodeDialler = Pick<TlsDialler, 'dial' | 'forgetSessions'>;

export interface NodeHostOptions extends Omit<MeshNodeOptions, 'outbox'> {
  readonly clock: Clock;
  /** The node has taken something that the authority signed at that time: later than all before. */
  readonly onSigned?: (at: UnixMs) => void;
  /** Holds the key of the node's certificate. */
  readonly signer: Signer;
  /** Opens links to peers that this node judges. */
  readonly dialler: (judge: JudgeChain) => NodeDialler;
  /** A dial came to nothing; the node tries again by itself. */
  readonly onDialFailed: (address: Address, error: unknown) => void;
  /** A bug, or a disk that cannot be read: told, and the node goes on. A link whose bytes end so is closed. */
  readonly onUnexpected: (error: unknown) => void;
}

/**
 * Gives a {@link MeshNode} its world: sockets, disk, key store, thread pool and one timer. Whatever happens in one
 * turn of the event loop goes out together at its end.
 */
export class NodeHost implements NodeOutbox {
  readonly node: MeshNode;
  /** What each peer may take of this process, over all of its connections; strangers have theirs by their address. */
  readonly shares = new WorkShares<string>();
  readonly #options: NodeHostOptions;
  readonly #dialler: NodeDialler;
  readonly #sockets = new Map<number, LinkSocket>();
  /** Of links that we dialled, until the other's hello: keeps the session. */
  readonly #keepSession = new Map<number, () => void>();
  readonly #requests = new OpenRequests();
  readonly #checks: SignatureChecks;
  readonly #listeners = new Set<(event: NodeEvent) => void>();
  #nextLink = 1;
  #signedAt = 0 as UnixMs;
  #isTurnDue = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt: MonotonicMs | undefined;

  constructor(options: NodeHostOptions) {
    this.#options = options;
    this.#checks = new SignatureChecks((ticket, ok) => this.#tell((now) => this.node.handleVerified(now, ticket, ok)));
    this.#dialler = options.dialler(this.judge);
    this.node = new MeshNode(options.clock.now(), { ...options, outbox: this });
    this.wake();
  }

  now(): Instant {
    return this.#options.clock.now();
  }

  /** The node's judgement of a chain, as TLS asks for it. */
  readonly judge: JudgeChain = (chain, purpose) => this.node.judgePeer(chain, this.#options.clock.wall(), purpose);

  // ---- programs ------------------------------------------------------------------------------------------------

  /** @returns the id once the message is durable. Rejects with what the gate refuses, and ERR_OVERLOADED. */
  publish(what: PublishRequest): Promise<MessageId> {
    return this.#request((request) => this.node.publish(this.now(), request, what));
  }

  /** Takes a message that `client` handed in. As {@link publish}; a message that is held already is no error. */
  submit(message: Message, client: NodeId): Promise<MessageId> {
    return this.#request((request) => this.node.submit(this.now(), request, message, client));
  }

  /** @param listener must not throw nor wait. @returns ends the calls. */
  onEvent(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  handleCandidate(candidate: Candidate): void {
    this.#tell((now) => this.node.handleCandidate(now, candidate));
  }

  setAddresses(addresses: readonly Address[]): void {
    this.#tell((now) => this.node.setAddresses(now, addresses));
  }

  keepChain(chain: PeerIdentity['chain']): void {
    this.#tell((now) => this.node.keepChain(now, chain));
  }

  installCrl(der: Bytes): boolean {
    let isOurs = false;
    this.#tell((now) => {
      isOurs = this.node.installCrl(now, der);
    });
    return isOurs;
  }

  // ---- links ---------------------------------------------------------------------------------------------------

  /** A member dialled us. */
  acceptLink(socket: TLSSocket, peer: PeerIdentity): void {
    this.#open(socket, peer, 'inbound', formatAddress(socket.remoteAddress ?? '', socket.remotePort ?? 0), undefined);
  }

  /**
   * Says goodbye to all peers, and answers those who wait with ERR_NOT_READY. What has gathered is on its way to the store
   * then, which is the caller's to close: that waits for it.
   */
  leave(): void {
    if (this.#isClosed) return;
    const unsaved = this.node.leave(this.now());
    if (unsaved.length > 0) this.#options.store.apply(unsaved).catch(this.#options.onUnexpected);
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const socket of this.#sockets.values()) socket.close();
    this.#requests.close();
  }

  // ---- NodeOutbox ----------------------------------------------------------------------------------------------

  dial(dial: number, address: Address, expected: NodeId | undefined): void {
    this.#dialler.dial(address, expected).then(
      ({ socket, peer, keepSession }) => {
        if (this.#isClosed) socket.destroy();
        else this.#open(socket, peer, 'outbound', address, { dial, keepSession });
      },
      (error: unknown) => {
        this.#options.onDialFailed(address, error);
        this.#tell((now) => this.node.handleDialFailed(now, dial));
      },
    );
  }

  write(link: number, bytes: Bytes): void {
    this.#sockets.get(link)?.write(bytes);
  }

  close(link: number): void {
    const socket = this.#sockets.get(link);
    this.#sockets.delete(link);
    socket?.close();
  }

  wake(): void {
    if (this.#isTurnDue || this.#isClosed) return;
    this.#isTurnDue = true;
    setImmediate(() => this.#endTurn());
  }

  verify(ticket: number, key: PublicKey, message: Message): void {
    this.#checks.add(ticket, key, message);
    this.wake();
  }

  sign(ticket: number, toBeSigned: Bytes): void {
    const answer = (signature: Bytes | undefined): boolean =>
      this.#tell((now) => this.node.handleSigned(now, ticket, signature));
    this.#options.signer.sign(toBeSigned).then(answer, (error: unknown) => {
      this.#options.onUnexpected(error);
      answer(undefined);
    });
  }

  persist(ticket: number, changes: readonly NodeChange[]): void {
    const answer = (ok: boolean): boolean => this.#tell((now) => this.node.handlePersisted(now, ticket, ok));
    this.#options.store.apply(changes).then(
      () => answer(true),
      (error: unknown) => {
        this.#options.onUnexpected(error);
        answer(false);
      },
    );
  }

  answer(request: number, answer: RequestAnswer): void {
    this.#requests.answer(request, answer);
  }

  event(event: NodeEvent): void {
    if (event.tag === 'crl') this.#dialler.forgetSessions();
    if (event.tag === 'link-up') {
      this.#keepSession.get(event.link)?.();
      this.#keepSession.delete(event.link);
    }
    for (const listener of this.#listeners) listener(event);
  }

  // ---- the turn ------------------------------------------------------------------------------------------------

  /** @returns false where the node ended in an exception; see {@link NodeHostOptions.onUnexpected}. */
  #tell(input: (now: Instant) => void): boolean {
    if (this.#isClosed) return true;
    const isWell = this.#try(() => input(this.now()));
    this.wake();
    return isWell;
  }

  /** Above a timer or a callback nobody could catch what is thrown: one message would end the process. */
  #try(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#options.onUnexpected(error);
      return false;
    }
  }

  #endTurn(): void {
    if (this.#isClosed) return;
    this.#checks.run();
    this.#try(() => this.node.flush(this.now()));
    this.#isTurnDue = false;
    this.#tellSigned();
    if (this.#checks.isWaiting) this.wake();
    this.#setTimer();
  }

  #tellSigned(): void {
    const { signedAt } = this.node;
    if (signedAt <= this.#signedAt) return;
    this.#signedAt = signedAt;
    this.#options.onSigned?.(signedAt);
  }

  /** One timer for the whole node. One that fires a little early finds nothing to do and is set anew. */
  #setTimer(): void {
    const now = this.now();
    const at = this.node.deadline(now);
    if (this.#timerAt !== undefined && this.#timerAt <= at && at - this.#timerAt < TIMER_EARLY_MS) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const delayMs = Math.min(TIMER_MS_MAX, Math.max(1, Math.ceil(at - now.mono)));
    this.#timer = setTimeout(() => {
      this.#timerAt = undefined;
      this.#tell((then) => this.node.handleTimeout(then));
    }, delayMs);
    this.#timer.unref(); // a port that listens keeps the process alive, not this
  }

  #request(ask: (request: number) => void): Promise<MessageId> {
    const answer = this.#requests.ask(ask);
    this.wake();
    return answer;
  }

  #open(
    socket: TLSSocket,
    peer: PeerIdentity,
    direction: 'inbound' | 'outbound',
    remoteAddress: string,
    dialled: { readonly dial: number; readonly keepSession: () => void } | undefined,
  ): void {
    const id = this.#nextLink++;
    if (dialled !== undefined) this.#keepSession.set(id, dialled.keepSession);
    const link = new LinkSocket(socket, this.shares.of(peer.nodeId), {
      bytes: (bytes) => this.#handleBytes(id, bytes),
      closed: () => {
        this.#keepSession.delete(id);
        if (this.#sockets.delete(id)) this.#tell((now) => this.node.handleLinkClosed(now, id));
      },
    });
    this.#sockets.set(id, link);
    this.#tell((now) => this.node.handleLinkOpen(now, { id, direction, peer, remoteAddress }, dialled?.dial));
  }

  #handleBytes(id: number, bytes: Bytes): void {
    if (!this.#sockets.has(id)) return; // closed by us; what still arrives is nobody's
    if (!this.#tell((now) => this.node.handleLinkBytes(now, id, bytes))) this.#sockets.get(id)?.destroy();
  }
}

import type { RequestListener, Server, ServerOptions } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { MonotonicMs } from '../../base/time.ts';
import type { WorkShares } from '../../base/work-share.ts';
import type { PeerIdentity } from '../../engine/links/link-end.ts';
import type { NodeId } from '../../identity/node-id.ts';

/**
 * Streams that a client may take back at once on one HTTP/2 connection; each is a request that was begun for nothing, and
 * makes room for another at once. Beyond that, and a few a second, the connection ends.
 */
export const STREAM_RESETS_MAX = 16;
const STREAM_RESETS_PER_SECOND = 8;

/** HTTP connections of one member at once: a browser opens six, a script one. */
export const HTTP_CONNECTIONS_PER_MEMBER_MAX = 32;
/**
 * What a connection counts for in the share of its member: a full handshake was done for it. So who opens one after the other
 * waits for its answers, as if it had asked so much more.
 */
const CONNECTION_WORK_MS = 2;
/** Requests under way on one HTTP/2 connection. */
export const HTTP2_STREAMS_MAX = 16;

/**
 * Streams that one HTTP/2 connection may begin in one turn of the event loop. Honest clients wait for answers after
 * {@link HTTP2_STREAMS_MAX}; with each that is taken back at once room for another is made, some six hundred in 16 KiB, and
 * the library looks at {@link STREAM_RESETS_MAX} only behind them. Beyond it the connection ends.
 */
export const HTTP2_STREAMS_PER_TURN_MAX = 2 * HTTP2_STREAMS_MAX;

function boundStreams(session: ServerHttp2Session): void {
  let begun = 0;
  session.on('stream', () => {
    if (begun === 0) setImmediate(() => (begun = 0));
    begun++;
    if (begun > HTTP2_STREAMS_PER_TURN_MAX) session.destroy();
  });
}

/** Where a connection's member is noted. HTTP/2 shows requests a proxy of the socket, which passes members on. */
const MEMBER = Symbol('member');

type MemberSocket = Socket & { [MEMBER]?: PeerIdentity };

/** The member whose certificate opened this connection; `undefined` where it showed none. */
export function memberOf(socket: Socket): PeerIdentity | undefined {
  return (socket as MemberSocket)[MEMBER];
}

/**
 * Speaks HTTP/1.1 and HTTP/2 on TLS connections that are handed over, their handshake done and judged. It listens
 * nowhere itself.
 */
export class HttpCarrier {
  #server: Http2SecureServer | undefined;
  readonly #connections = new Map<NodeId, Set<TLSSocket>>();
  readonly #shares: WorkShares<string>;
  readonly #now: () => MonotonicMs;
  #isWatching = false;

  /** @param shares what each member may take of this process. */
  constructor(shares: WorkShares<string>, now: () => MonotonicMs) {
    this.#shares = shares;
    this.#now = now;
  }

  /** For `createHttpApp`. */
  readonly createServer = (options: ServerOptions, listener: RequestListener): Server => {
    this.#server = createSecureServer(
      {
        ...options,
        allowHTTP1: true,
        settings: { maxConcurrentStreams: HTTP2_STREAMS_MAX },
        streamResetBurst: STREAM_RESETS_MAX,
        streamResetRate: STREAM_RESETS_PER_SECOND,
      },
      listener as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void,
    );
    this.#server.on('sessionError', () => {}); // the session ends; its socket is gone
    this.#server.on('session', boundStreams);
    return this.#server as unknown as Server;
  };

  handOver(socket: TLSSocket, member: PeerIdentity | undefined): void {
    if (member !== undefined && !this.#note(socket, member)) {
      socket.destroy();
      return;
    }
    this.#watch();
    const restMs =
      member === undefined ? 0 : this.#shares.of(member.nodeId).handleWork(this.#now(), CONNECTION_WORK_MS);
    if (restMs === 0) this.#server?.emit('secureConnection', socket);
    else setTimeout(() => socket.destroyed || this.#server?.emit('secureConnection', socket), restMs).unref();
  }

  /** Ends all connections, answered or not. */
  close(): void {
    for (const sockets of this.#connections.values()) for (const socket of sockets) socket.destroy();
  }

  /** Over slow requests, from the first connection on: it wakes the process, and to most nodes nobody speaks HTTP. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#server?.emit('listening');
  }

  #note(socket: TLSSocket, member: PeerIdentity): boolean {
    const { nodeId } = member;
    const ofMember = this.#connections.get(nodeId) ?? new Set();
    if (ofMember.size >= HTTP_CONNECTIONS_PER_MEMBER_MAX) return false;
    this.#connections.set(nodeId, ofMember.add(socket));
    socket.once('close', () => {
      if (ofMember.delete(socket) && ofMember.size === 0) this.#connections.delete(nodeId);
    });
    (socket as MemberSocket)[MEMBER] = member;
    return true;
  }
}

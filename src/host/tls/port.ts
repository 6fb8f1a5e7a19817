import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { messageOf } from '../../base/errors.ts';
import type { PeerIdentity } from '../../engine/links/link-end.ts';
import { type Address, formatAddress } from '../../message/payloads/address.ts';
import { connectionKeyOf } from './connection-key.ts';
import { boundLateHandshake } from './late-handshake.ts';
import { SessionTicketKey, sessionTicketMsOf } from './session-tickets.ts';
import { Strangers } from './strangers.ts';
import { systemClock } from '../machine/system-clock.ts';
import { systemRandom } from '../machine/system-random.ts';
import { type JudgeChain, TlsPeers } from './peers.ts';
import { LINK_ALPN } from '../../engine/links/frame.ts';
import { type TlsIdentity, tlsServerOptions } from './server-options.ts';

/** Connections of all kinds at once: strangers, links and members' HTTP, with room. */
export const PORT_CONNECTIONS_MAX = 2_048;
/** Members that have gone without a word are noticed by TCP. */
const KEEP_ALIVE_MS = 60_000;

/** A connection that was closed before a byte was said on it. */
export interface RefusedHandshake {
  readonly remoteAddress: string;
  readonly code: string;
  readonly message: string;
}

export interface TlsPortOptions {
  readonly identity: TlsIdentity;
  readonly judge: JudgeChain;
  /** How often this node looks for revocations: sessions are resumed no longer than that. */
  readonly revocationPollMs: number;
  /** A member wants a link. */
  readonly onLink: (socket: TLSSocket, peer: PeerIdentity) => void;
  /** Somebody speaks HTTP; `undefined` is nobody's word for who. */
  readonly onHttp: (socket: TLSSocket, peer: PeerIdentity | undefined) => void;
  readonly onRefused: (refused: RefusedHandshake) => void;
  /** A connection could not be taken: the system has no descriptors or memory left. The port goes on listening. */
  readonly onTrouble?: (error: unknown) => void;
}

/**
 * The one port of a node: TLS 1.3, in which ALPN tells links from HTTP (spec 04 section 1).
 *
 * Who shows a certificate of another mesh, or a revoked one, hears nothing but the end of the connection; who shows
 * none may say HTTP requests, and is told there that it needs one. Who resumes a session is judged again.
 */
export class TlsPort {
  readonly #options: TlsPortOptions;
  readonly #strangers = new Strangers();
  readonly #tls: TlsServer;
  readonly #tcp: Server;
  readonly #ticketKey: SessionTicketKey;
  readonly #peers: TlsPeers;

  private constructor(options: TlsPortOptions) {
    this.#options = options;
    this.#peers = new TlsPeers('tls-client', options.judge);
    const sessionTicketMs = sessionTicketMsOf(options.identity, systemClock.wall(), options.revocationPollMs);
    this.#tls = createTlsServer({
      ...tlsServerOptions(options.identity, sessionTicketMs),
      ca: [], // `judgePath` judges; OpenSSL's verdict would not be asked for, so it is spared the work
      ALPNProtocols: [LINK_ALPN, 'h2', 'http/1.1'],
    });
    this.#ticketKey = new SessionTicketKey(this.#tls, systemClock, systemRandom);
    this.#tls.on('secureConnection', (socket) => this.#handleSecure(socket));
    this.#tls.on('tlsClientError', (error, socket) =>
      this.#refused(socket.remoteAddress, (error as NodeJS.ErrnoException).code ?? 'ERR_TLS', messageOf(error)),
    );
    // TCP by itself and not `tls.listen`, so that strangers are counted before they cost a handshake.
    this.#tcp = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) =>
      this.#handleTcp(socket),
    );
    this.#tcp.maxConnections = PORT_CONNECTIONS_MAX;
  }

  /** @param port 0 for any free one. Rejects with the system's error where it cannot listen there. */
  static async listen(host: string, port: number, options: TlsPortOptions): Promise<TlsPort> {
    const tlsPort = new TlsPort(options);
    await new Promise<void>((resolve, reject) => {
      tlsPort.#tcp.once('error', reject);
      tlsPort.#tcp.listen({ host, port }, () => {
        tlsPort.#tcp.off('error', reject);
        resolve();
      });
    });
    tlsPort.#tcp.on('error', (error) => options.onTrouble?.(error));
    return tlsPort;
  }

  /** Where it listens. */
  get address(): Address {
    const { address, port } = this.#tcp.address() as AddressInfo;
    return formatAddress(address, port);
  }

  /**
   * No session that was begun before is resumed any more. To be called with every new list of revocations: a revoked
   * peer that kept its session is refused by the judgement as well.
   */
  forgetSessions(): void {
    this.#ticketKey.rotate();
  }

  /** Takes no more connections; those of members are for their owners to close. */
  close(): void {
    this.#tcp.close();
    this.#strangers.dropAll();
  }

  #handleTcp(socket: Socket): void {
    const key = connectionKeyOf(socket);
    if (key === undefined) {
      socket.destroy(); // gone already
      return;
    }
    this.#ticketKey.rotateIfDue();
    this.#strangers.admit(key, socket.remoteAddress, () => socket.destroy());
    socket.on('close', () => this.#strangers.leave(key));
    socket.on('error', () => {}); // followed by 'close'
    this.#tls.emit('connection', socket);
  }

  #handleSecure(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    boundLateHandshake(socket);
    const key = connectionKeyOf(socket);
    const found = this.#peers.judge(socket);
    const isLink = socket.alpnProtocol === LINK_ALPN;
    if (key === undefined || found.tag === 'refused' || (isLink && found.tag === 'none')) {
      const { code, message } = found.tag === 'refused' ? found : NO_CERTIFICATE;
      this.#refused(socket.remoteAddress, code, message);
      socket.destroy();
    } else if (found.tag === 'none') {
      this.#options.onHttp(socket, undefined); // stays a stranger
    } else {
      this.#strangers.leave(key);
      if (isLink) this.#options.onLink(socket, found.peer);
      else this.#options.onHttp(socket, found.peer);
    }
  }

  #refused(remoteAddress: string | undefined, code: string, message: string): void {
    this.#options.onRefused({ remoteAddress: remoteAddress ?? '(gone)', code, message });
  }
}

const NO_CERTIFICATE = { code: 'ERR_PATH_EMPTY', message: 'no certificate was presented' };

import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { BoundedMap } from '../../base/bounded.ts';
import { MeshError, messageOf } from '../../base/errors.ts';
import type { PeerIdentity } from '../../engine/link.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type Address, splitAddress } from '../../message/address.ts';
import type { Certificate } from '../../pki/x509/certificate.ts';
import { nodeNames } from '../../pki/mesh/mesh-names.ts';
import { TLS_GROUPS } from '../http/client.ts';
import { type JudgeChain, LINK_ALPN, TlsPeers } from './peers.ts';
import type { TlsIdentity } from './server-options.ts';

/** From the first packet to a judged peer; what takes longer is not there. */
export const DIAL_MS_MAX = 5_000;
/** Sessions kept, one a peer, those used last: several times the links of a node. 64 × about 10 KiB with the chain. */
export const SESSIONS_MAX = 64;

export interface DiallerOptions {
  readonly mesh: MeshName;
  /** Of this node. Sessions are bound to it, so another certificate means another dialler. */
  readonly identity: TlsIdentity;
  readonly judge: JudgeChain;
}

/** A TLS connection to a member whose chain was judged good. It is a link once both have said hello. */
export interface Dialled {
  readonly socket: TLSSocket;
  readonly peer: PeerIdentity;
  /** To be called when the other's hello has come and fits: from then on the session may be resumed (T13). */
  readonly keepSession: () => void;
}

/** What is needed to resume: the session as OpenSSL writes it, and the chain that the peer showed when it began. */
interface Session {
  readonly bytes: Buffer;
  readonly chain: readonly Certificate[];
}

/** Opens the TLS connections of a node's links. */
export class TlsDialler {
  readonly #options: DiallerOptions;
  /** Keys and certificates are parsed once for all dials. */
  readonly #context: SecureContext;
  readonly #peers: TlsPeers;
  #sessions = new BoundedMap<NodeId, Session>(SESSIONS_MAX);

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.#peers = new TlsPeers('tls-server', options.judge);
    this.#context = createSecureContext({
      cert: options.identity.certificate,
      key: options.identity.key,
      ca: [], // OpenSSL's verdict would not be asked for, so it is spared the work
      minVersion: 'TLSv1.3',
      ecdhCurve: TLS_GROUPS,
    });
  }

  /**
   * Whoever answers must be of the mesh, must be `expected` where that is given, and must speak the protocol of links.
   * A session that is kept of `expected` is offered; the peer is free to refuse it, then the handshake is a full one.
   *
   * @throws ERR_UNREACHABLE; ERR_REMOTE where somebody else answered, or nobody's certificate.
   */
  dial(address: Address, expected: NodeId | undefined): Promise<Dialled> {
    const { host, port } = splitAddress(address);
    const session = this.#takeSession(expected);
    const sessions = this.#sessions; // those of now: what began before a revocation is not kept after it
    const socket = connect({
      host,
      port,
      secureContext: this.#context,
      rejectUnauthorized: false, // `judgePath` judges; `socket.authorized` is never read
      ALPNProtocols: [LINK_ALPN],
      ...(expected === undefined ? {} : { servername: nodeNames(this.#options.mesh, expected).dns }),
      checkServerIdentity: () => undefined, // ours is below, by node id
      ...(session === undefined ? {} : { session: session.bytes }),
    });
    socket.setNoDelay(true);
    let latest = session?.bytes;
    socket.on('session', (bytes) => {
      latest = bytes;
    });
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const fail = (errorOf: () => MeshError): void => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        socket.destroy();
        reject(errorOf());
      };
      const unreachable = (why: string, cause?: unknown): MeshError =>
        new MeshError('ERR_UNREACHABLE', `${address}${why}`, undefined, { cause });
      const timer = setTimeout(
        () => fail(() => unreachable(` gave no answer within ${DIAL_MS_MAX / 1_000} s`)),
        DIAL_MS_MAX,
      );
      timer.unref();
      socket.on('error', (error) => fail(() => unreachable(`: ${messageOf(error)}`, error)));
      socket.on('close', () => fail(() => unreachable(' closed the connection')));
      socket.once('secureConnect', () => {
        const answerer = this.#judgeAnswerer(socket, expected, session);
        if ('refused' in answerer) return fail(() => new MeshError('ERR_REMOTE', `${address}: ${answerer.refused}`));
        isSettled = true;
        clearTimeout(timer);
        const { peer } = answerer;
        const keepSession = (): void => {
          if (expected !== undefined && latest !== undefined)
            sessions.set(expected, { bytes: latest, chain: peer.chain });
        };
        resolve({ socket, peer, keepSession });
      });
    });
  }

  /** Every next dial is a full one. To be called with every new list of revocations. */
  forgetSessions(): void {
    this.#sessions = new BoundedMap(SESSIONS_MAX);
  }

  /**
   * A session is out of the cache while it is used, and comes back with the hello: one that the peer does not take to
   * its end is offered once and not again. One whose peer would be refused now is dropped.
   */
  #takeSession(expected: NodeId | undefined): Session | undefined {
    const session = expected === undefined ? undefined : this.#sessions.get(expected);
    if (expected === undefined || session === undefined) return undefined;
    this.#sessions.delete(expected);
    return this.#peers.judgeChain(session.chain).tag === 'ok' ? session : undefined;
  }

  #judgeAnswerer(
    socket: TLSSocket,
    expected: NodeId | undefined,
    session: Session | undefined,
  ): { readonly peer: PeerIdentity } | { readonly refused: string } {
    const found = this.#peers.judge(socket, session?.chain);
    if (found.tag === 'none') return { refused: 'it showed no certificate' };
    if (found.tag === 'refused') return { refused: found.message };
    if (expected !== undefined && found.peer.nodeId !== expected)
      return { refused: `node ${found.peer.nodeId} answered, expected ${expected}` };
    if (socket.alpnProtocol !== LINK_ALPN) return { refused: `it does not speak ${LINK_ALPN}` };
    return { peer: found.peer };
  }
}

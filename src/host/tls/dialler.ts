import { connect, createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { BoundedMap } from '../../base/bounded.ts';
import { MeshError, messageOf } from '../../base/errors.ts';
import { SECOND_MS } from '../../base/time.ts';
import type { PeerIdentity } from '../../engine/links/link-end.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type Address, splitAddress } from '../../message/payloads/address.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import { nodeNames } from '../../pki/mesh/mesh-names.ts';
import { boundLateHandshake } from './late-handshake.ts';
import { RESUMPTION_GROUPS, TLS_GROUPS } from './groups.ts';
import { type JudgeChain, type TlsPeer, TlsPeers } from './peers.ts';
import { LINK_ALPN } from '../../engine/links/frame.ts';
import type { TlsIdentity } from './server-options.ts';
import { withoutCertificate } from './session-bytes.ts';

/** From the first packet to a judged peer; what takes longer is not there. Where a session is refused, once more. */
export const LINK_DIAL_MS_MAX = 5_000;
/** Sessions kept, one a peer, those used last: several times the links of a node. 64 × about 10 KiB with the chain. */
export const TLS_SESSIONS_MAX = 64;

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

/** What is needed to resume: the session, and the chain that the peer showed when it began. */
interface Session {
  readonly bytes: Buffer;
  readonly chain: readonly Certificate[];
}

/** What @types/node does not tell of: the session is taken before the handshake begins, for the name that is dialled. */
interface SessionTaker extends TLSSocket {
  setSession(session: Buffer): void;
}

/** Opens the TLS connections of a node's links. */
export class TlsDialler {
  readonly #options: DiallerOptions;
  /** Keys and certificates are parsed once for all dials. */
  readonly #context: SecureContext;
  /**
   * For dials that offer a session. Without certificate and key: who resumes needs none, and where the peer goes on with
   * a full handshake instead, nobody's name and no word is said under a key that is not hybrid.
   */
  readonly #resumption: SecureContext;
  readonly #peers: TlsPeers;
  #sessions = new BoundedMap<NodeId, Session>(TLS_SESSIONS_MAX);

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.#peers = new TlsPeers('tls-server', options.judge);
    // Without anchors: OpenSSL's verdict would not be asked for, so it is spared the work.
    const shared: SecureContextOptions = { ca: [], minVersion: 'TLSv1.3' };
    this.#context = createSecureContext({
      ...shared,
      cert: options.identity.certificate,
      key: options.identity.key,
      ecdhCurve: TLS_GROUPS,
    });
    this.#resumption = createSecureContext({ ...shared, ecdhCurve: RESUMPTION_GROUPS });
  }

  /**
   * Whoever answers must be of the mesh, must be `expected` where that is given, and must speak the protocol of links.
   * A session that is kept of `expected` is offered. The peer is free to refuse it, and who sits between may make it fail:
   * either costs a second connection, with a full handshake, and nothing else.
   *
   * @throws ERR_UNREACHABLE; ERR_REMOTE where somebody else answered, or nobody's certificate.
   */
  async dial(address: Address, expected: NodeId | undefined): Promise<Dialled> {
    const sessions = this.#sessions; // those of now: what began before a revocation is not kept after it
    const keep = (session: Session): void => {
      if (expected !== undefined) sessions.set(expected, session);
    };
    const session = this.#takeSession(expected);
    const resumed = session === undefined ? undefined : await this.#resume(address, expected, session, keep);
    return resumed ?? this.#dialInFull(address, expected, keep);
  }

  /** Every next dial is a full one. To be called with every new list of revocations. */
  forgetSessions(): void {
    this.#sessions = new BoundedMap(TLS_SESSIONS_MAX);
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

  /** @returns `undefined` where the session was not resumed: this side has said neither who it is nor a word then. */
  async #resume(
    address: Address,
    expected: NodeId | undefined,
    session: Session,
    keep: (session: Session) => void,
  ): Promise<Dialled | undefined> {
    const socket = this.#connect(address, expected, this.#resumption);
    // As an option of `connect`, OpenSSL would read it twice, with the certificate that is in it.
    (socket as SessionTaker).setSession(session.bytes);
    const end = await handshakeOf(socket);
    if (end.tag === 'secure' && socket.isSessionReused()) {
      const peer = this.#judgeAnswerer(address, socket, expected, session.chain);
      return { socket, peer, keepSession: () => keep(session) };
    }
    socket.destroy();
    if (end.tag === 'silence') throw unreachable(address, end);
    return undefined;
  }

  async #dialInFull(
    address: Address,
    expected: NodeId | undefined,
    keep: (session: Session) => void,
  ): Promise<Dialled> {
    const socket = this.#connect(address, expected, this.#context);
    let latest: Buffer | undefined;
    socket.on('session', (bytes) => {
      latest = bytes;
    });
    const end = await handshakeOf(socket);
    if (end.tag !== 'secure') {
      socket.destroy();
      throw unreachable(address, end);
    }
    const peer = this.#judgeAnswerer(address, socket, expected);
    const keepSession = (): void => {
      if (latest !== undefined) keep({ bytes: withoutCertificate(latest), chain: peer.chain });
    };
    return { socket, peer, keepSession };
  }

  #connect(address: Address, expected: NodeId | undefined, secureContext: SecureContext): TLSSocket {
    const { host, port } = splitAddress(address);
    const socket = connect({
      host,
      port,
      secureContext,
      rejectUnauthorized: false, // `judgePath` judges; `socket.authorized` is never read
      ALPNProtocols: [LINK_ALPN],
      ...(expected === undefined ? {} : { servername: nodeNames(this.#options.mesh, expected).dns }),
      checkServerIdentity: () => undefined, // ours is below, by node id
    });
    socket.setNoDelay(true);
    return socket;
  }

  /** @throws ERR_REMOTE, and the connection is over. */
  #judgeAnswerer(
    address: Address,
    socket: TLSSocket,
    expected: NodeId | undefined,
    ofSession?: readonly Certificate[],
  ): PeerIdentity {
    const found = this.#peers.judge(socket, ofSession);
    const refused = refusalOf(found, expected, socket);
    if (found.tag === 'ok' && refused === undefined) return found.peer;
    socket.destroy();
    throw new MeshError('ERR_REMOTE', `${address}: ${refused}`);
  }
}

/** Why this is nobody to have a link with. */
function refusalOf(found: TlsPeer, expected: NodeId | undefined, { alpnProtocol }: TLSSocket): string | undefined {
  if (found.tag === 'none') return 'it showed no certificate';
  if (found.tag === 'refused') return found.message;
  if (expected !== undefined && found.peer.nodeId !== expected)
    return `node ${found.peer.nodeId} answered, expected ${expected}`;
  return alpnProtocol === LINK_ALPN ? undefined : `it does not speak ${LINK_ALPN}`;
}

/** How a handshake ended on this side. */
type HandshakeEnd =
  | { readonly tag: 'secure' }
  /** Nothing, for {@link LINK_DIAL_MS_MAX}. */
  | { readonly tag: 'silence' }
  | { readonly tag: 'closed' }
  | { readonly tag: 'error'; readonly error: Error };

function handshakeOf(socket: TLSSocket): Promise<HandshakeEnd> {
  return new Promise((resolve) => {
    const end = (how: HandshakeEnd): void => {
      clearTimeout(timer);
      resolve(how); // the first one counts
    };
    const timer = setTimeout(() => end({ tag: 'silence' }), LINK_DIAL_MS_MAX);
    timer.unref();
    socket.on('error', (error) => end({ tag: 'error', error })); // stays, for what comes later
    socket.once('close', () => end({ tag: 'closed' }));
    socket.once('secureConnect', () => {
      boundLateHandshake(socket);
      end({ tag: 'secure' });
    });
  });
}

function unreachable(address: Address, end: Exclude<HandshakeEnd, { readonly tag: 'secure' }>): MeshError {
  switch (end.tag) {
    case 'silence':
      return new MeshError('ERR_UNREACHABLE', `${address} gave no answer within ${LINK_DIAL_MS_MAX / SECOND_MS} s`);
    case 'closed':
      return new MeshError('ERR_UNREACHABLE', `${address} closed the connection`);
    case 'error':
      return new MeshError('ERR_UNREACHABLE', `${address}: ${messageOf(end.error)}`, undefined, { cause: end.error });
  }
}

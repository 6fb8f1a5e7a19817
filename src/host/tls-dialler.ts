import { constants } from 'node:crypto';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { MeshError, messageOf } from '../base/errors.ts';
import type { PeerIdentity } from '../engine/link.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import { type Address, splitAddress } from '../message/address.ts';
import { nodeNames } from '../pki/mesh-names.ts';
import { TLS_GROUPS } from './https-client.ts';
import { type JudgeChain, judgeTlsPeer, LINK_ALPN } from './tls-peer.ts';
import type { TlsIdentity } from './tls-server.ts';

/** From the first packet to a judged peer; what takes longer is not there. */
export const DIAL_MS_MAX = 5_000;

export interface DiallerOptions {
  readonly mesh: MeshName;
  readonly identity: TlsIdentity;
  readonly judge: JudgeChain;
}

/** A TLS connection to a member whose chain was judged good. It is a link once both have said hello. */
export interface Dialled {
  readonly socket: TLSSocket;
  readonly peer: PeerIdentity;
}

/**
 * Opens a link's TLS connection. Whoever answers must be of the mesh, must be `expected` where that is given, and must
 * speak the protocol of links.
 *
 * @throws ERR_UNREACHABLE; ERR_REMOTE where somebody else answered, or nobody's certificate.
 */
export function dialLink(options: DiallerOptions, address: Address, expected: NodeId | undefined): Promise<Dialled> {
  const { host, port } = splitAddress(address);
  const socket = connect({
    host,
    port,
    secureContext: contextOf(options.identity),
    rejectUnauthorized: false, // `judgePath` judges; `socket.authorized` is never read
    ALPNProtocols: [LINK_ALPN],
    ...(expected === undefined ? {} : { servername: nodeNames(options.mesh, expected).dns }),
    checkServerIdentity: () => undefined, // ours is below, by node id
  });
  socket.setNoDelay(true);
  return new Promise((resolve, reject) => {
    const fail = (error: MeshError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new MeshError('ERR_UNREACHABLE', `${address} gave no answer within ${DIAL_MS_MAX / 1_000} s`)),
      DIAL_MS_MAX,
    );
    timer.unref();
    socket.on('error', (error) =>
      fail(new MeshError('ERR_UNREACHABLE', `${address}: ${messageOf(error)}`, undefined, { cause: error })),
    );
    socket.on('close', () => fail(new MeshError('ERR_UNREACHABLE', `${address} closed the connection`)));
    socket.once('secureConnect', () => {
      const answerer = judgeAnswerer(socket, options.judge, expected);
      if ('refused' in answerer) return fail(new MeshError('ERR_REMOTE', `${address}: ${answerer.refused}`));
      clearTimeout(timer);
      resolve({ socket, peer: answerer.peer });
    });
  });
}

/** Keys and certificates are parsed once for all dials with an identity. */
const CONTEXTS = new WeakMap<TlsIdentity, SecureContext>();

function contextOf(identity: TlsIdentity): SecureContext {
  let context = CONTEXTS.get(identity);
  if (context === undefined) {
    context = createSecureContext({
      cert: identity.certificate,
      key: identity.key,
      ca: [], // OpenSSL's verdict would not be asked for, so it is spared the work
      minVersion: 'TLSv1.3',
      ecdhCurve: TLS_GROUPS,
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
    CONTEXTS.set(identity, context);
  }
  return context;
}

function judgeAnswerer(
  socket: TLSSocket,
  judge: JudgeChain,
  expected: NodeId | undefined,
): { readonly peer: PeerIdentity } | { readonly refused: string } {
  const found = judgeTlsPeer(socket, 'tls-server', judge);
  if (found.tag === 'none') return { refused: 'it showed no certificate' };
  if (found.tag === 'refused') return { refused: found.message };
  if (expected !== undefined && found.peer.nodeId !== expected)
    return { refused: `node ${found.peer.nodeId} answered, expected ${expected}` };
  if (socket.alpnProtocol !== LINK_ALPN) return { refused: `it does not speak ${LINK_ALPN}` };
  return { peer: found.peer };
}

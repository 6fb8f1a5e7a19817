import { connect as connectTls, type TLSSocket } from 'node:tls';
import { FrameSplitter } from '../../engine/links/frame-splitter.ts';
import { decodeFrame } from '../../engine/links/frame-codec.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import { refusalOf } from '../../host/http/call.ts';
import { exchange, type TlsTarget } from '../../host/http/client.ts';
import { TLS_GROUPS } from '../../host/tls/groups.ts';
import { LINK_ALPN } from '../../engine/links/frame.ts';
import { splitAddress } from '../../message/payloads/address.ts';
import type { Message } from '../../message/message.ts';

/** A node that neither answers nor closes in this time is counted as one that did neither. */
export const PROBE_DIAL_MS_MAX = 5_000;

/** What a probe shows: a certificate and its key, and the anchor by which it knows the other side. */
export interface ProbeCredential {
  /** Leaf and intermediate, PEM. */
  readonly certificate: string;
  /** PKCS#8, PEM. */
  readonly key: string;
  readonly trustAnchors: readonly string[];
}

/**
 * Dials a node's mesh port with this credential and waits for its hello. A node says hello only to a peer that it
 * has judged, so `hello` means let in and `closed` shut out; `silence` is no
 * answer, as where nothing listens.
 */
export function dialForHello(address: string, credential: ProbeCredential): Promise<'hello' | 'closed' | 'silence'> {
  const { host, port } = splitAddress(address);
  const splitter = new FrameSplitter();
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls({
      host,
      port,
      cert: credential.certificate,
      key: credential.key,
      ca: [...credential.trustAnchors],
      minVersion: 'TLSv1.3',
      ecdhCurve: TLS_GROUPS,
      ALPNProtocols: [LINK_ALPN],
      // The probe only asks whether it is let in; it sends nothing, so it need not know who answers.
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => end('silence'), PROBE_DIAL_MS_MAX);
    const end = (outcome: 'hello' | 'closed' | 'silence'): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    // Where nothing listens nobody has refused anything.
    let hasDialled = false;
    socket.on('connect', () => (hasDialled = true));
    socket.on('data', (bytes: Uint8Array) => {
      const [first] = splitter.push(bytes);
      if (first !== undefined) end(decodeFrame(first).tag === 'hello' ? 'hello' : 'closed');
    });
    socket.on('error', () => end(hasDialled ? 'closed' : 'silence'));
    socket.on('close', () => end('closed'));
  });
}

/** One member's HTTP access to a node. What it hands over may be signed by another. */
export interface GossipCall {
  readonly address: string;
  /** `NODE_ID.MESH` of the node that is called. */
  readonly serverName: string;
  readonly credential: ProbeCredential;
}

/** Hands a signed message to a node. @returns the code of a refusal; `undefined` where it was taken. */
export async function postMessage(call: GossipCall, message: Message): Promise<ErrorCode | undefined> {
  const options = {
    method: 'POST',
    path: '/v1/mesh/gossip',
    headers: { 'content-type': 'application/cose' },
    body: message.bytes,
  } as const;
  const target = targetOf(call);
  const answer = await exchange(target, options);
  return answer.status < 300 ? undefined : refusalOf(answer, target.endpoint).code;
}

function targetOf({ address, serverName, credential }: GossipCall): TlsTarget {
  const { certificate, key, trustAnchors } = credential;
  return { tag: 'tls', endpoint: `https://${address}`, trustAnchors, serverName, client: { certificate, key } };
}

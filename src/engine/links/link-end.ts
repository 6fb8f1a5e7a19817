import type { NodeId } from '../../identity/node-id.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';

/** Who is at the other end, as TLS proved and `judgePath` said. */
export interface PeerIdentity {
  readonly nodeId: NodeId;
  readonly chain: readonly Certificate[];
}

/** A connection that TLS has made, before anything is said on it. */
export interface LinkEnd {
  readonly id: number;
  readonly direction: 'inbound' | 'outbound';
  readonly peer: PeerIdentity;
  /** Where the other end is seen. */
  readonly remoteAddress: string;
}

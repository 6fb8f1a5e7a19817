import type { FastifyRequest } from 'fastify';
import type { Authority } from '../../authority/authority.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { Clock } from '../../ports/clock.ts';

/** What a connection proves about who asks. */
export type Credential =
  | { readonly tag: 'none' }
  /** The control socket: only the owner of the directory can open it. */
  | { readonly tag: 'local' }
  /** Leaf first, DER; the handshake proved the leaf's key, nothing is judged yet. */
  | { readonly tag: 'certificate'; readonly chain: readonly Bytes[] };

/** What the endpoints stand on. */
export interface AuthorityDeps {
  readonly authority: Authority;
  /** `https://HOST:PORT` by which nodes reach this authority. */
  readonly endpoint: () => string;
  readonly version: string;
  readonly clock: Clock;
  /** Names and addresses by which it may be called, lower case: what a signed request must name as its host. */
  readonly hosts: readonly string[];
  /** What the connection proves about who asks. */
  readonly credentialOf: (request: FastifyRequest) => Credential;
  /** Requests for a certificate that one address may send in a minute. */
  readonly enrollPerMinute: number;
  /** `undefined`: ready. Else why not, for `/readyz`. */
  readonly notReady: () => Promise<string | undefined>;
}

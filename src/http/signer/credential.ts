import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { type Bytes, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { secretsEqual, sha256 } from '../../crypto/hash.ts';

/** Who may call, and what for. */
export interface Caller {
  /** As the audit log names it. */
  readonly name: string;
  /** SHA-256 of its token. */
  readonly tokenHash: Bytes;
  /** The keys of the ring that sign when it asks, each in turn. */
  readonly keyIndexes: readonly number[];
}

const CALLERS = new WeakMap<FastifyRequest, Caller>();

/**
 * Lets in who shows a caller's token (RFC 6750), before a byte of the body is read.
 * @param callers one without a token is whoever can reach the port: only this machine can.
 * @throws ERR_TOKEN, ERR_BROWSER
 */
export function requireCaller(callers: readonly Caller[] | Caller): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const caller = Array.isArray(callers) ? shownBy(request, callers as readonly Caller[]) : (callers as Caller);
    if (caller === undefined)
      throw new MeshError('ERR_TOKEN', 'this call needs a token', 'send the header Authorization: Bearer TOKEN');
    if (!Array.isArray(callers)) refuseBrowsers(request);
    CALLERS.set(request, caller);
  };
}

/**
 * Refuses what a page in somebody's browser sends, where no token is asked for: any page on the web can make a browser on
 * this machine call a port of it, and with a name of its own that leads here read the answers.
 * @throws ERR_BROWSER
 */
export function refuseBrowsers(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (origin === undefined && (site === undefined || site === 'none') && isOwnHost(host ?? '')) return;
  throw new MeshError('ERR_BROWSER', 'this call may come from a page in a browser, and no token protects it');
}

/** An address, or a name that no page can have: others may be led to this machine by whoever owns them. */
function isOwnHost(host: string): boolean {
  const name = host.replace(/:[0-9]{1,5}$/, '').toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Lets in who shows the cluster secret: other replicas. @throws ERR_TOKEN */
export function requireSecret(hash: Bytes): (request: FastifyRequest) => Promise<void> {
  return requireCaller([{ name: 'cluster', tokenHash: hash, keyIndexes: [] }]);
}

/** Who {@link requireCaller} let in. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = CALLERS.get(request);
  if (caller === undefined) throw new RangeError('the route asks for no caller');
  return caller;
}

function shownBy(request: FastifyRequest, callers: readonly Caller[]): Caller | undefined {
  const shown = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (shown === undefined) return undefined;
  const hash = sha256(utf8(shown));
  return callers.find(({ tokenHash }) => secretsEqual(hash, tokenHash));
}

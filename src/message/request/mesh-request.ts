import { MeshError, quoted } from '../../base/errors.ts';
import { MINUTE_MS, type UnixMs } from '../../base/time.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { splitTarget } from './canonical-request.ts';
import { malformed } from './http-request.ts';
import { HEADER, type SignedRequest } from './signed-request.ts';
import { judgeSignedRequest } from './verify-request.ts';

/** The service in the scope of requests to a mesh. */
export const REQUEST_SERVICE = 'chainmail';

/** How far the clock of who signs may be off; also the life of a request in query form, whatever it says. */
export const REQUEST_SKEW_MS = 5 * MINUTE_MS;

/**
 * Everything that can be judged of a request to a mesh without key and body.
 *
 * @param hosts Names and addresses of who is asked, lower case: a request for another host must not be brought here.
 * @returns until when it may be taken.
 * @throws ERR_REQUEST_...; ERR_FORBIDDEN for symmetric SigV4, with which whoever verifies could sign.
 */
export function judgeMeshRequest(
  signed: SignedRequest,
  { now, mesh, hosts }: { readonly now: UnixMs; readonly mesh: MeshName; readonly hosts: readonly string[] },
): UnixMs {
  if (signed.algorithm !== 'sigv4a')
    throw new MeshError(
      'ERR_FORBIDDEN',
      'SigV4 shares its secret with who verifies it, so nobody is believed who signs with it',
      'sign with SigV4A: AWS4-ECDSA-P256-SHA256',
    );
  // A plus is signed as a plus, and read as a blank by those who read forms: nobody shall change `%2B` into it.
  if (splitTarget(signed.head.target).query.includes('+')) throw malformed('query has a "+"; write %20 or %2B');
  const expiresAt = judgeSignedRequest(signed, {
    now,
    region: mesh,
    service: REQUEST_SERVICE,
    skewMs: REQUEST_SKEW_MS,
    queryLifeMsMax: REQUEST_SKEW_MS,
  });
  requireHost(signed, hosts);
  return expiresAt;
}

/** A request for another host must not be brought here. @param hosts lower case. @throws ERR_REQUEST_HOST */
export function requireHost({ headers }: SignedRequest, hosts: readonly string[]): void {
  const [host = ''] = headers.get(HEADER.host) ?? [];
  if (!hosts.includes(nameOf(host)))
    throw new MeshError('ERR_REQUEST_HOST', `request is signed for host ${quoted(host)}, which is not asked here`);
}

/** Host without its port, lower case. */
function nameOf(host: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::[0-9]{1,5})?$/.exec(host.toLowerCase()) ?? [];
  return bracketed ?? plain;
}

import type { Bytes } from '../base/bytes.ts';
import { MeshError, quoted } from '../base/errors.ts';
import { after, HOUR_MS, MINUTE_MS, type UnixMs } from '../base/time.ts';
import { PublicKey } from '../crypto/public-key.ts';
import { HEADER, type SignedRequest } from '../message/request/signed-request.ts';
import { judgeSignedRequest, verifySignature } from '../message/request/verify-request.ts';
import type { AccessKeyRow } from '../ports/authority-store.ts';
import type { AuthorityCore } from './core.ts';

/** The service in the scope of requests to a mesh. */
export const REQUEST_SERVICE = 'chainmail';

/** How far an administrator's clock may be off; also the life of a request in query form, whatever it says. */
export const REQUEST_SKEW_MS = 5 * MINUTE_MS;

/** Spent requests are remembered so much longer than they would be good, for a clock that is set back (T2). */
export const SPENT_KEPT_MS = HOUR_MS;

/**
 * Requests of one key that are remembered at a time. They are kept for an hour and some minutes, so this is some ten a
 * second without a break; 50,000 × ~150 B = 8 MB. At the limit the key is refused, and nothing is forgotten.
 */
export const SPENT_REQUESTS_MAX = 50_000;

/** A signed request of a key that is known, everything judged but the signature. */
export interface AdmittedRequest {
  readonly signed: SignedRequest;
  readonly key: AccessKeyRow;
  readonly expiresAt: UnixMs;
}

/**
 * Judges what needs no body, so that of strangers none is read.
 *
 * @param hosts Names and addresses of this authority, lower case: a request for another host must not be brought here.
 * @throws ERR_REQUEST_...; ERR_FORBIDDEN for symmetric SigV4, with which whoever verifies could sign.
 */
export async function admitSignedRequest(
  core: AuthorityCore,
  signed: SignedRequest,
  hosts: readonly string[],
): Promise<AdmittedRequest> {
  if (signed.algorithm !== 'sigv4a')
    throw new MeshError(
      'ERR_FORBIDDEN',
      'SigV4 shares its secret with who verifies it, so no administrator signs with it',
      'sign with SigV4A: AWS4-ECDSA-P256-SHA256',
    );
  const expiresAt = judgeSignedRequest(signed, {
    now: core.clock.wall(),
    region: core.issuer.mesh,
    service: REQUEST_SERVICE,
    skewMs: REQUEST_SKEW_MS,
    queryLifeMsMax: REQUEST_SKEW_MS,
  });
  const [host = ''] = signed.headers.get(HEADER.host) ?? [];
  if (!hosts.includes(nameOf(host)))
    throw new MeshError(
      'ERR_REQUEST_HOST',
      `request is signed for host ${quoted(host)}, which is none of this authority`,
    );
  const key = await core.store.transact((tx) => tx.findAccessKey(signed.accessKeyId));
  if (key === undefined || key.removedAt !== undefined) throw unknownKey(signed.accessKeyId);
  return { signed, key, expiresAt };
}

/**
 * Verifies the signature, and lets a request that changes state pass once: that it did is on the disk when this
 * resolves. What it asks for may fail afterwards; it is spent all the same.
 *
 * @throws ERR_REQUEST_SIGNATURE, ERR_REQUEST_REPLAYED; ERR_RATE_LIMITED beyond {@link SPENT_REQUESTS_MAX}.
 */
export async function confirmSignedRequest(
  core: AuthorityCore,
  { signed, key, expiresAt }: AdmittedRequest,
  body: Bytes,
  isChange: boolean,
): Promise<void> {
  const publicKey = PublicKey.fromSpki(key.spki);
  // The path as it came: it is what the routes see.
  const textHash = verifySignature(signed, { algorithm: 'sigv4a', publicKey }, body, false);
  if (!isChange) return;
  const { accessKeyId } = key;
  await core.store.transact(async (tx) => {
    await tx.forgetSpentRequests(after(core.clock.wall(), -SPENT_KEPT_MS));
    // Again: it may have been removed while the body came.
    if ((await tx.findAccessKey(accessKeyId))?.removedAt !== undefined) throw unknownKey(accessKeyId);
    if (await tx.isRequestSpent(accessKeyId, textHash))
      throw new MeshError('ERR_REQUEST_REPLAYED', `access key ${accessKeyId} made this request before`);
    if ((await tx.countSpentRequests(accessKeyId)) >= SPENT_REQUESTS_MAX)
      throw new MeshError('ERR_RATE_LIMITED', `more than ${SPENT_REQUESTS_MAX} changes in an hour by one access key`);
    await tx.putSpentRequest({ accessKeyId, textHash, expiresAt });
  });
}

/** Host without its port, lower case. */
function nameOf(host: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::[0-9]{1,5})?$/.exec(host.toLowerCase()) ?? [];
  return bracketed ?? plain;
}

function unknownKey(accessKeyId: string): MeshError {
  return new MeshError(
    'ERR_REQUEST_SIGNATURE',
    `access key ${quoted(accessKeyId)} is not known here`,
    'see: chainmail admin list --dir DIR',
  );
}

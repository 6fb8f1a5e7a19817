import type { Bytes } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { after, HOUR_MS, type UnixMs } from '../../base/time.ts';
import { PublicKey } from '../../crypto/keys/public-key.ts';
import { judgeMeshRequest } from '../../message/request/mesh-request.ts';
import type { SignedRequest } from '../../message/request/signed-request.ts';
import { verifySignature } from '../../message/request/verify-request.ts';
import type { AccessKeyRow } from '../../ports/authority/access-keys.ts';
import type { AuthorityCore } from '../core.ts';

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
 * @param hosts Names and addresses of this authority, lower case.
 * @throws as {@link judgeMeshRequest}; ERR_REQUEST_SIGNATURE for a key that is not known.
 */
export async function admitSignedRequest(
  core: AuthorityCore,
  signed: SignedRequest,
  hosts: readonly string[],
): Promise<AdmittedRequest> {
  const expiresAt = judgeMeshRequest(signed, { now: core.clock.wall(), mesh: core.issuer.mesh, hosts });
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

function unknownKey(accessKeyId: string): MeshError {
  return new MeshError(
    'ERR_REQUEST_SIGNATURE',
    `access key ${quoted(accessKeyId)} is not known here`,
    'see: chainmail admin list --dir DIR',
  );
}

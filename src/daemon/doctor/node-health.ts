import { statusResponseSchema } from '../../api/node-programs.ts';
import { isMeshError } from '../../base/errors.ts';
import { SECOND_MS, toRfc3339, type UnixMs } from '../../base/time.ts';
import { type DirectoryLock, lockDirectory } from '../../host/files/directory-lock.ts';
import { type ClientAnswer, exchange } from '../../host/http/client.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { certificateStateAt } from '../../node/time/certificate-watch.ts';
import { CLOCK_SKEW_MS_MAX } from '../../node/time/time-floor.ts';
import { authorityNames } from '../../pki/mesh/mesh-names.ts';
import type { Revocation } from '../../pki/x509/crl/revocation-reason.ts';
import { type EnrolledNode, loadEnrolledNode, openIdentityKey } from '../node/enrolled-node.ts';
import { NodeDesk } from '../node/desk.ts';
import { openKeys } from '../keys.ts';
import { readPassphrase } from '../passphrase.ts';
import { describeRevocation, REVOKED_HINT, revocationAsHeard, revocationByAuthority } from '../node/own-revocation.ts';
import { bad, couldBeBetter, type Finding, good, lookAt } from './finding.ts';

/** What can be said of an enrolled node: its files, its keys, its certificate, its authority, its process. */
export async function lookAtNode(directory: string): Promise<readonly Finding[]> {
  let node: EnrolledNode;
  try {
    node = loadEnrolledNode(directory);
  } catch (error) {
    return [
      await lookAt('enrolment', () => {
        throw error;
      }),
    ];
  }
  return Promise.all([
    lookAt('enrolment', () => good('enrolment', `${node.nodeId} in mesh ${node.mesh}`)),
    lookAt('certificate', () => lookAtCertificate(node, systemClock.wall())),
    lookAt('keys', () => lookAtKeys(node)),
    lookAt('authority', () => lookAtAuthority(node)),
    lookAt('process', () => lookAtProcess(directory)),
  ]);
}

/** A certificate by its times, then by its authority's list. */
export async function lookAtCertificate(node: EnrolledNode, now: UnixMs): Promise<Finding> {
  const { notAfter } = node;
  const until = `good until ${toRfc3339(notAfter)}`;
  if (notAfter <= now)
    return bad('certificate', `expired at ${toRfc3339(notAfter)}`, 'enrol again with a new ticket, or check the clock');
  const revocation = await revocationOf(node);
  if (revocation !== undefined) return bad('certificate', describeRevocation(revocation), REVOKED_HINT);
  return certificateStateAt(node.leaf, now) === 'ending'
    ? couldBeBetter(
        'certificate',
        `${until}, which is near`,
        `stop the node, enrol it again with a new ticket and start it: chainmail node enroll --dir ${node.layout.directory} --ticket FILE`,
      )
    : good('certificate', until);
}

/** As the authority says; where that is away, as the node has heard, unless its process has the directory. */
async function revocationOf(node: EnrolledNode): Promise<Revocation | undefined> {
  try {
    return await revocationByAuthority(node);
  } catch (error) {
    if (!isMeshError(error)) throw error; // what is wrong with the authority is another finding
  }
  let lock: DirectoryLock;
  try {
    lock = lockDirectory(node.layout.directory);
  } catch (error) {
    if (isMeshError(error) && error.code === 'ERR_DIR_LOCKED') return undefined;
    throw error;
  }
  try {
    return await revocationAsHeard(node);
  } finally {
    lock.release();
  }
}

async function lookAtKeys({ layout, leaf }: EnrolledNode): Promise<Finding> {
  using passphrase = await readPassphrase({ directory: layout.directory, environment: process.env });
  const keys = await openKeys(layout.keys, passphrase);
  await openIdentityKey(keys, leaf);
  return good('keys', 'the passphrase opens them, and the certificate is for the identity key');
}

async function lookAtAuthority({ endpoint, rootPem, mesh }: EnrolledNode): Promise<Finding> {
  const target = { tag: 'tls', endpoint, trustAnchors: [rootPem], serverName: authorityNames(mesh).dns } as const;
  let answer: ClientAnswer;
  try {
    answer = await exchange(target, { method: 'GET', path: '/readyz', timeoutMs: 5_000 });
  } catch (error) {
    if (!isMeshError(error) || error.code !== 'ERR_UNREACHABLE') throw error;
    // A node that is away from its authority is in order; it only cannot hear of revocations that way.
    return couldBeBetter('authority', error.message, 'the node goes on without it; revocations come from peers');
  }
  const { status, headers } = answer;
  if (status !== 200) return couldBeBetter('authority', `${endpoint} answers ${status}`, 'see its log');
  return judgeSkew(endpoint, Date.parse(headers.date ?? '') - systemClock.wall());
}

/** @param skewMs how far an authority that answers is ahead of us. */
export function judgeSkew(endpoint: string, skewMs: number): Finding {
  if (Math.abs(skewMs) > CLOCK_SKEW_MS_MAX)
    return couldBeBetter(
      'authority',
      `its clock differs from ours by ${Math.round(skewMs / 1_000)} s`,
      'set the wrong one of the two',
    );
  return good('authority', `${endpoint} is ready, its clock agrees`);
}

async function lookAtProcess(directory: string): Promise<Finding> {
  const desk = new NodeDesk(directory);
  if (!(await desk.isRunning()))
    return couldBeBetter('process', 'no node runs here', `chainmail node run --dir ${directory}`);
  const status = await desk.call(statusResponseSchema, { method: 'GET', path: '/v1/status' });
  const { links, crls, messages, clock_behind_sec } = status;
  if (clock_behind_sec * SECOND_MS > CLOCK_SKEW_MS_MAX)
    return bad(
      'process',
      `it runs, and the clock of this machine lies ${clock_behind_sec} s behind what the authority has signed`,
      'set the clock of this machine',
    );
  if (links.length === 0)
    return couldBeBetter(
      'process',
      'it runs, and is linked with nobody',
      'check that others run, and that their addresses can be reached: chainmail records',
    );
  const list = crls.map(({ number }) => number).join(', ') || 'none';
  return good('process', `${links.length} links, ${messages.held} messages held, revocation list ${list}`);
}

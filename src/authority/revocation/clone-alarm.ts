import { BoundedMap } from '../../base/bounded.ts';
import { type Bytes, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { BucketRate } from '../../base/token-bucket.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { PublicKey } from '../../crypto/keys/public-key.ts';
import { Budgets } from '../../base/budgets.ts';
import { BUCKETS_MAX } from '../../engine/gate/budgets.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { DelegateKeys } from '../../identity/delegate/subtree.ts';
import { parseStatement } from '../../message/delegate-statement.ts';
import type { Message } from '../../message/message.ts';
import { parseMessage } from '../../message/message-reader.ts';
import { parseCertificate } from '../../pki/x509/certificate/certificate.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';

/** Conflicts remembered, because every node that meets one reports it. */
export const CLONE_ALARMS_MAX = 4_096;

/**
 * Alarms of one origin that are written down. Each stays for ever, and a member that says two things again and again would
 * fill the disk with its own: the first tells what there is to know, some more whether it goes on.
 */
export const CLONE_ALARM_RATE: BucketRate = Object.freeze({ tokensPerSecond: 1 / 60, burstTokens: 16 });

/** What this process has written down. */
export interface KnownConflicts {
  /** Message ids. */
  readonly ids: BoundedMap<string, true>;
  readonly origins: Budgets<NodeId>;
}

/** A memory of conflicts with nothing in it; beyond {@link CLONE_ALARMS_MAX} the oldest go. */
export function noConflicts(): KnownConflicts {
  return { ids: new BoundedMap(CLONE_ALARMS_MAX), origins: new Budgets(CLONE_ALARM_RATE, BUCKETS_MAX) };
}

/**
 * Takes two messages that stand under one stream and counter, as a node met them, and writes an alarm into the audit
 * log: somebody signs twice with one key, from two machines or a restored one (T24). A node's own word is taken for two
 * records of it in two streams as well: that the second was signed while it ran itself nobody else can tell. Only the authority draws
 * conclusions; no node punishes by itself. Of one origin no more is written than {@link CLONE_ALARM_RATE} lets.
 *
 * @throws ERR_INPUT unless both are of this mesh, say different things in one place, and are signed with a key that
 *   this authority certified for their origin: nobody can accuse another.
 */
export async function reportClone(
  core: AuthorityCore,
  known: KnownConflicts,
  reporter: string,
  kept: Bytes,
  refused: Bytes,
): Promise<void> {
  const [first, second] = [kept, refused].map((bytes) => parseMessage(core.issuer.mesh, bytes)) as [Message, Message];
  if (!isConflict(first, second) && !isOwnClone(reporter, first, second))
    throw new MeshError('ERR_INPUT', 'the two messages are no conflict: expected one id and two contents');
  const { origin } = second;
  if (known.ids.has(second.id) || !known.origins.has(core.clock.monotonic(), origin)) return;
  for (const message of [first, second])
    if (!(await isSignedByItsOrigin(core, message)))
      throw new MeshError('ERR_INPUT', `message ${message.id} is not signed with a key certified for its origin`);
  known.ids.set(second.id, true);
  if (!known.origins.take(core.clock.monotonic(), origin)) return;
  await core.store.transact((tx) =>
    appendAudit(tx, {
      at: core.clock.wall(),
      actor: `node ${reporter}`,
      action: 'clone-alarm',
      subject: origin,
      detail: { message: second.id, kept: first.contentKey, refused: second.contentKey },
    }),
  );
}

function isConflict(first: Message, second: Message): boolean {
  return first.id === second.id && first.stream === second.stream && first.contentKey !== second.contentKey;
}

function isOwnClone(reporter: string, first: Message, second: Message): boolean {
  return first.stream !== second.stream && [first, second].every((message) => isRecordOf(reporter, message));
}

function isRecordOf(nodeId: string, { origin, type, delegate }: Message): boolean {
  return origin === nodeId && type.family === 'record' && delegate === undefined;
}

async function isSignedByItsOrigin(core: AuthorityCore, message: Message): Promise<boolean> {
  const wanted = toHex(message.voucherHash);
  if (message.delegate !== undefined) {
    const delegates = await core.store.transact((tx) => tx.delegatesOf(message.origin));
    const found = delegates.find(({ statement }) => sha256Hex(statement) === wanted);
    if (found === undefined) return false;
    const keys = new DelegateKeys(parseStatement(core.issuer.mesh, found.statement).key);
    return keys.of(message.incarnation).verify(message.algorithm, message.signedBytes, message.signature);
  }
  const issued = await core.store.transact((tx) => tx.certificatesOf('node', message.origin));
  for (const { der } of issued) {
    const certificate = parseCertificate(der);
    if (certificate.fingerprintHex !== wanted) continue;
    return PublicKey.fromSpki(certificate.spki).verify(message.algorithm, message.signedBytes, message.signature);
  }
  return false;
}

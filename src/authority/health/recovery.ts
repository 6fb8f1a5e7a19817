import { appendAudit } from '../audit-trail.ts';
import { skipIndexes } from '../delegates/branches.ts';
import type { AuthorityCore } from '../core.ts';

/**
 * Issue indexes left out at the start of an epoch: more than an authority gives out between two backups. A gap costs
 * a compact revocation list a few bytes, once.
 */
export const EPOCH_INDEX_GAP = 1 << 20;

/**
 * After a backup was put back: what the store has forgotten since must not be done a second time. Tickets of earlier
 * epochs are void, because the store cannot know which of them were spent (T7), and issue indexes and those of the key tree
 * go on beyond any that were given out. Serial numbers are random and list numbers follow the clock, so they need nothing.
 *
 * @returns the new epoch.
 */
export async function beginEpoch(core: AuthorityCore, actor: string): Promise<number> {
  const at = core.clock.wall();
  const epoch = core.epoch + 1;
  const nextIssueIndex = core.issueIndexes.skip(EPOCH_INDEX_GAP);
  await core.store.transact(async (tx) => {
    await tx.setMeta('epoch', String(epoch));
    await tx.setMeta('next-issue-index', String(nextIssueIndex));
    await skipIndexes(tx);
    await appendAudit(tx, { at, actor, action: 'epoch-begun', subject: String(epoch) });
  });
  core.epoch = epoch;
  return epoch;
}

/** The operator has looked at the clock, and it is right: sign again from here. See {@link ClockGuard}. */
export async function acceptClock(core: AuthorityCore, actor: string): Promise<void> {
  const now = core.clock.now();
  await core.store.transact(async (tx) => {
    await tx.setMeta('last-signed-at', String(now.wall));
    await appendAudit(tx, { at: now.wall, actor, action: 'clock-accepted', subject: 'authority' });
  });
  core.clockGuard.accept(now);
}

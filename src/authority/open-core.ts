import { MeshError, quoted } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import type { AuthorityStore } from '../ports/authority-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import { appendAudit, RefusalLog } from './audit-trail.ts';
import { ClockGuard } from './health/clock-guard.ts';
import type { AuthorityCore } from './core.ts';
import { CrlBook } from './revocation/crl-book.ts';
import { IssueIndexes } from './enrollment/issue-indexes.ts';
import type { Issuer } from './issuer.ts';
import type { KeyTree } from './delegates/key-tree.ts';
import type { AuthorityPolicy } from './policy.ts';
import { RoleGrants } from './enrollment/role-grants.ts';
import { WatchedStore } from './health/watched-store.ts';

export interface AuthorityOptions {
  readonly issuer: Issuer;
  readonly policy: AuthorityPolicy;
  readonly store: AuthorityStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Signs delegates. */
  readonly tree?: KeyTree | undefined;
}

/**
 * What an authority goes on with: its store's memory of what was given out. An empty store becomes this authority's.
 * @throws ERR_STATE_FOREIGN where the store is of another mesh.
 */
export async function openCore(options: AuthorityOptions): Promise<AuthorityCore> {
  const { issuer, clock, policy, random } = options;
  const store = new WatchedStore(options.store);
  const kept = await store.transact(async (tx) => {
    const mesh = await tx.getMeta('mesh');
    if (mesh === undefined) {
      await tx.setMeta('mesh', issuer.mesh);
      await tx.setMeta('epoch', '1');
      await appendAudit(tx, {
        at: clock.wall(),
        actor: 'local',
        action: 'authority-initialised',
        subject: issuer.mesh,
      });
    } else if (mesh !== issuer.mesh)
      throw new MeshError(
        'ERR_STATE_FOREIGN',
        `the store is of mesh ${quoted(mesh)}, the keys are of ${quoted(issuer.mesh)}`,
      );
    return {
      epoch: Number(await tx.getMeta('epoch')),
      // Of those given out, and beyond those left out.
      nextIssueIndex: Math.max(Number((await tx.getMeta('next-issue-index')) ?? 0), await tx.nextIssueIndex()),
      lastSignedAt: await tx.getMeta('last-signed-at'),
    };
  });
  const clockGuard = new ClockGuard(
    issuer.certificate,
    kept.lastSignedAt === undefined ? undefined : (Number(kept.lastSignedAt) as UnixMs),
  );
  const crls = await CrlBook.open({ store, clock, issuer, clockGuard, crlLifeMs: policy.crlLifeMs });
  return {
    issuer,
    policy,
    grants: new RoleGrants(policy.ownRoles),
    store,
    clock,
    random,
    epoch: kept.epoch,
    issueIndexes: new IssueIndexes(kept.nextIssueIndex),
    clockGuard,
    crls,
    refusals: new RefusalLog(store, clock.monotonic()),
    tree: options.tree,
  };
}

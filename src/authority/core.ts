import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { RefusalLog } from './audit-trail.ts';
import type { ClockGuard } from './health/clock-guard.ts';
import type { CrlBook } from './revocation/crl-book.ts';
import type { IssueIndexes } from './enrollment/issue-indexes.ts';
import type { Issuer } from './issuer.ts';
import type { KeyTree } from './delegates/key-tree.ts';
import type { AuthorityPolicy } from './policy.ts';
import type { RoleGrants } from './enrollment/role-grants.ts';
import type { WatchedStore } from './health/watched-store.ts';

/** What the parts of an authority share; made by {@link openCore}. */
export interface AuthorityCore {
  readonly issuer: Issuer;
  readonly policy: AuthorityPolicy;
  readonly grants: RoleGrants;
  readonly store: WatchedStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the store since it was made or last restored; tickets of other epochs are void (T7). */
  epoch: number;
  readonly issueIndexes: IssueIndexes;
  readonly clockGuard: ClockGuard;
  readonly crls: CrlBook;
  readonly refusals: RefusalLog;
  /** Absent where nothing is ever delegated. */
  readonly tree: KeyTree | undefined;
}

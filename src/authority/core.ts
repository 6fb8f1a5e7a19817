import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { RefusalLog } from './audit-trail.ts';
import type { ClockGuard } from './clock-guard.ts';
import type { CrlBook } from './crl-book.ts';
import type { IssueIndexes } from './issue-indexes.ts';
import type { Issuer } from './issuer.ts';
import type { KeyTree } from './key-tree.ts';
import type { AuthorityPolicy } from './policy.ts';
import type { WatchedStore } from './watched-store.ts';

/** What the parts of an authority share; made by {@link openCore}. */
export interface AuthorityCore {
  readonly issuer: Issuer;
  readonly policy: AuthorityPolicy;
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

import { type AuditEntry, chainEntry } from '../audit/audit-log.ts';
import type { MonotonicMs } from '../base/time.ts';
import { type BucketRate, TokenBucket } from '../base/token-bucket.ts';
import type { AuthorityStore, AuthorityTransaction } from '../ports/authority-store.ts';

/**
 * How many refusals of strangers are written down. Each costs a disk write and stays for ever, so who hammers the
 * door must not fill the disk: 10 a second is 300 MB in a day, and the burst holds a wave of late nodes.
 */
export const REFUSAL_RATE: BucketRate = { tokensPerSecond: 10, burstTokens: 200 };

/** Adds an entry to the log, in the same step as what it tells of. */
export async function appendAudit(tx: AuthorityTransaction, entry: AuditEntry): Promise<void> {
  await tx.appendAudit(chainEntry(await tx.auditTail(), entry));
}

/** Writes down refusals as far as {@link REFUSAL_RATE} lets it, and counts the others. */
export class RefusalLog {
  readonly #store: AuthorityStore;
  readonly #budget: TokenBucket;
  #suppressed = 0;

  constructor(store: AuthorityStore, now: MonotonicMs) {
    this.#store = store;
    this.#budget = new TokenBucket(REFUSAL_RATE, now);
  }

  /** @param entry the next one that is written after some were not says how many those were. */
  async note(now: MonotonicMs, entry: AuditEntry): Promise<void> {
    if (!this.#budget.take(now)) {
      this.#suppressed += 1;
      return;
    }
    const suppressed = this.#suppressed === 0 ? undefined : this.#suppressed;
    this.#suppressed = 0;
    await this.#store.transact((tx) => appendAudit(tx, { ...entry, detail: { ...entry.detail, suppressed } }));
  }
}

import type { UnixMs } from '../../base/time.ts';

/** One entry of the audit log. `hash` covers all the rest, and `previousHash` binds it to the entry before. */
export interface AuditRow {
  readonly sequence: number;
  readonly at: UnixMs;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  /** Names and values in the order of the names. */
  readonly detail: readonly (readonly [name: string, value: string])[];
  readonly previousHash: string;
  readonly hash: string;
}

/** The end of the chain: what the next entry is bound to. */
export type AuditTail = Pick<AuditRow, 'sequence' | 'hash'>;

export interface AuditRows {
  auditTail(): Promise<AuditTail | undefined>;
  /** From the entry `sequenceMin` on, in order. */
  listAudit(sequenceMin: number, limit: number): Promise<readonly AuditRow[]>;
  appendAudit(row: AuditRow): Promise<void>;
}

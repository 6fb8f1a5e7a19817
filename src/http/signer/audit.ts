/** What is written down of callers. */
export type SignerAction = 'records-added' | 'run-begun' | 'run-joined';

export type SignerAuditDetail = Readonly<Record<string, string | number | readonly number[]>>;

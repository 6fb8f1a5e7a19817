import { fromHex } from '../base/bytes.ts';
import type { UnixMs } from '../base/time.ts';
import { CborWriter } from '../codec/cbor-writer.ts';
import { sha256Hex } from '../crypto/hash.ts';
import type { AuditRow, AuditTail } from '../ports/authority/audit.ts';

/** Everything that an authority writes down of itself. */
export type AuditAction =
  | 'authority-initialised'
  | 'epoch-begun'
  | 'clock-accepted'
  | 'server-certificate-issued'
  | 'administrator-added'
  | 'administrator-removed'
  | 'access-key-added'
  | 'access-key-removed'
  /** A request that claimed an administrator's signature: replayed, changed, dated wrongly, by an unknown key. */
  | 'request-refused'
  | 'ticket-created'
  | 'ticket-cancelled'
  | 'enrolled'
  | 'enrolment-repeated'
  | 'enrolment-refused'
  /** A spent ticket was shown with another key: it was stolen, or its owner is late. */
  | 'ticket-alarm'
  /** A node signed two messages under one id: its key is in use on two machines. */
  | 'clone-alarm'
  | 'revoked'
  | 'branch-published'
  | 'delegate-issued'
  | 'delegate-revoked'
  | 'delegate-epoch-raised'
  | 'wallet-granted'
  | 'wallet-revoked'
  | 'wallet-epoch-raised'
  | 'key-tree-exported'
  | 'key-tree-imported';

/** Longest text in an entry; foreign text is cut there. */
export const AUDIT_TEXT_CHARS_MAX = 256;

/** The first entry's `previousHash`. */
export const AUDIT_START = '00'.repeat(32);

export interface AuditEntry {
  readonly at: UnixMs;
  /** Who did it: `local`, `administrator NAME`, `node ID`, or `network ADDRESS` for somebody unproved. */
  readonly actor: string;
  readonly action: AuditAction;
  /** What it was done to: a node id, a ticket id, a name. */
  readonly subject: string;
  readonly detail?: Readonly<Record<string, string | number | undefined>>;
}

/** The row that follows `previous` in the chain. */
export function chainEntry(previous: AuditTail | undefined, entry: AuditEntry): AuditRow {
  const detail: (readonly [name: string, value: string])[] = [];
  const said = entry.detail ?? {};
  for (const name of Object.keys(said).sort()) {
    const value = said[name];
    if (value !== undefined) detail.push([name, cut(String(value))]);
  }
  const row = {
    sequence: (previous?.sequence ?? 0) + 1,
    at: entry.at,
    actor: cut(entry.actor),
    action: entry.action,
    subject: cut(entry.subject),
    detail,
    previousHash: previous?.hash ?? AUDIT_START,
  };
  return { ...row, hash: hashOf(row) };
}

/** Where a chain breaks, and how. */
export interface AuditBreak {
  readonly sequence: number;
  readonly reason: 'sequence' | 'previous-hash' | 'hash';
}

/**
 * Checks rows that follow `previous` (`undefined`: from the start). Whoever can write the store can write a whole new
 * chain, so the last hash is worth keeping elsewhere from time to time.
 * @returns the first break, or `undefined` where there is none.
 */
export function findBreak(previous: AuditTail | undefined, rows: readonly AuditRow[]): AuditBreak | undefined {
  let sequence = previous?.sequence ?? 0;
  let previousHash = previous?.hash ?? AUDIT_START;
  for (const row of rows) {
    sequence += 1;
    if (row.sequence !== sequence) return { sequence, reason: 'sequence' };
    if (row.previousHash !== previousHash) return { sequence, reason: 'previous-hash' };
    if (row.hash !== hashOf(row)) return { sequence, reason: 'hash' };
    previousHash = row.hash;
  }
  return undefined;
}

/** Room for most entries. @tuning */
const ENTRY_BYTES = 512;

/**
 * SHA-256 of the CBOR of `["chainmail audit v1", sequence, at, actor, action, subject, [[name, value], …], previousHash]`.
 */
function hashOf(row: Omit<AuditRow, 'hash'>): string {
  const writer = new CborWriter(ENTRY_BYTES).array(8).text('chainmail audit v1').uint(row.sequence).uint(row.at);
  writer.text(row.actor).text(row.action).text(row.subject).array(row.detail.length);
  for (const [name, value] of row.detail) writer.array(2).text(name).text(value);
  return sha256Hex(writer.bytes(fromHex(row.previousHash)).written);
}

function cut(text: string): string {
  return text.length > AUDIT_TEXT_CHARS_MAX ? `${text.slice(0, AUDIT_TEXT_CHARS_MAX)}…` : text;
}

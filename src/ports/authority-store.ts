import type { Bytes } from '../base/bytes.ts';
import type { UnixMs } from '../base/time.ts';
import type { AccessKeyRows } from './authority/access-keys.ts';
import type { AuditRows } from './authority/audit.ts';
import type { CertificateRows } from './authority/certificates.ts';
import type { DelegateRows } from './authority/delegates.ts';
import type { NodeRows } from './authority/nodes.ts';
import type { TicketRows } from './authority/tickets.ts';

export interface CrlRow {
  /** Hex of the SHA-256 of the issuer's SubjectPublicKeyInfo: numbers are counted per issuer. */
  readonly issuerKeyHash: string;
  readonly number: number;
  readonly thisUpdate: UnixMs;
  readonly nextUpdate: UnixMs;
  readonly der: Bytes;
}

/** Small facts that there is one of each. */
export type MetaKey =
  | 'mesh'
  | 'epoch'
  | 'next-issue-index'
  | 'last-signed-at'
  | 'last-look'
  | 'endpoint'
  | 'delegate-epoch-floor'
  | 'next-delegate-index';

/** Tickets, nodes or log entries in one answer; more are asked for page by page. */
export const PAGE_ROWS_MAX = 1_000;

/** What {@link AuthorityStore.transact} lends for one piece of work. Useless once that piece has ended. */
export interface AuthorityTransaction
  extends TicketRows,
    CertificateRows,
    NodeRows,
    AccessKeyRows,
    DelegateRows,
    AuditRows {
  getMeta(key: MetaKey): Promise<string | undefined>;
  setMeta(key: MetaKey, value: string): Promise<void>;

  findCrl(issuerKeyHash: string): Promise<CrlRow | undefined>;
  /** Replaces the issuer's list. */
  putCrl(row: CrlRow): Promise<void>;
}

/**
 * The authority's memory: one truth, changed in whole steps.
 *
 * A piece of work sees the store alone, from its first look to its end. When {@link transact} resolves, all that the
 * work wrote is on the disk; when the work throws, none of it is. An implementation may put several pieces into one
 * commit, so that many enrolments a second share one fsync.
 */
export interface AuthorityStore {
  /**
   * @param work awaits nothing but the transaction's own methods and what is there at once: slow things, such as a key
   *   in hardware, come before or between two pieces of work, never inside, because everybody else waits meanwhile.
   * @throws what the work throws; ERR_STATE_CORRUPT where the store cannot be read or written.
   */
  transact<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T>;
  /**
   * Why what is written now would be lost, though nothing fails: in words that strangers may read; `undefined` where it is
   * kept. Cheap, because everybody may ask.
   */
  whyLost(): Promise<string | undefined>;
  /** Waits for the work that was begun, then lets go. Later calls of `transact` are refused with ERR_NOT_READY. */
  close(): Promise<void>;
}

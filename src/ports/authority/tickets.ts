import type { UnixMs } from '../../base/time.ts';

/** An enrolment ticket as it is kept. The token itself is in nobody's store: only its hash is. */
export interface TicketRow {
  /** Hex of the SHA-256 of the token. */
  readonly tokenHash: string;
  /** Of the store when the ticket was made; a ticket of an earlier epoch is void (T7). */
  readonly epoch: number;
  readonly createdAt: UnixMs;
  readonly expiresAt: UnixMs;
  readonly usesMax: number;
  readonly usesSpent: number;
  /** The chosen name that the ticket grants. */
  readonly nodeId: string | undefined;
  /** Whether the name may be taken from the key that holds it: an administrator's explicit act (T15). */
  readonly rebind: boolean;
  readonly roles: readonly string[];
  readonly cancelledAt: UnixMs | undefined;
}

export interface TicketRows {
  findTicket(tokenHash: string): Promise<TicketRow | undefined>;
  /** The ticket whose token hash begins so. */
  findTicketByPrefix(prefix: string): Promise<TicketRow | undefined>;
  /** Newest first. */
  listTickets(limit: number): Promise<readonly TicketRow[]>;
  /** Adds the ticket; where the token hash is known, only what is spent and whether it is cancelled may differ. */
  putTicket(row: TicketRow): Promise<void>;
}

import type { Bytes } from '../base/bytes.ts';
import type { UnixMs } from '../base/time.ts';

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

/** One key that redeemed one ticket, and the certificate that it got. */
export interface EnrolmentRow {
  readonly tokenHash: string;
  /** Hex of the SHA-256 of the key's SubjectPublicKeyInfo. */
  readonly spkiHash: string;
  readonly serial: string;
  readonly enrolledAt: UnixMs;
}

export type CertificateKind = 'node' | 'administrator' | 'server';

export interface CertificateRow {
  /** Lower-case hex without leading zeros: one text a serial. */
  readonly serial: string;
  /** Dense number of a node's certificate, for compact revocation lists; never given twice. Others have none. */
  readonly issueIndex: number | undefined;
  readonly kind: CertificateKind;
  /** The node, or the administrator's name, or the name of the authority's own server. */
  readonly subject: string;
  readonly spkiHash: string;
  readonly roles: readonly string[];
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  readonly der: Bytes;
  readonly revokedAt: UnixMs | undefined;
  /** RFC 5280 reason, where revoked. */
  readonly revokedReason: string | undefined;
}

/** What a revocation list needs of a certificate. */
export interface RevokedRow {
  readonly serial: string;
  readonly issueIndex: number | undefined;
  readonly revokedAt: UnixMs;
  readonly revokedReason: string;
}

/** A node and the identity key that its id is bound to, for good. */
export interface NodeRow {
  readonly nodeId: string;
  readonly identitySpkiHash: string;
  readonly boundAt: UnixMs;
  readonly revokedAt: UnixMs | undefined;
}

/** What a node said of itself when it last checked in. Not worth an audit entry; may be lost in a crash. */
export interface SightingRow {
  readonly nodeId: string;
  readonly seenAt: UnixMs;
  readonly address: string | undefined;
  /** Number of the newest CRL that the node enforces. */
  readonly crlNumber: number;
  readonly version: string;
}

/** A node with what the operator wants to see of it. */
export interface NodeOverviewRow {
  readonly node: NodeRow;
  /** Its newest certificate. */
  readonly newest: Pick<CertificateRow, 'serial' | 'notAfter' | 'roles' | 'revokedAt'>;
  readonly sighting: SightingRow | undefined;
}

export interface CrlRow {
  /** Hex of the SHA-256 of the issuer's SubjectPublicKeyInfo: numbers are counted per issuer. */
  readonly issuerKeyHash: string;
  readonly number: number;
  readonly thisUpdate: UnixMs;
  readonly nextUpdate: UnixMs;
  readonly der: Bytes;
}

/** A branch of the key tree that is published (spec 09): one an epoch. */
export interface BranchRow {
  readonly epoch: number;
  readonly xpub: string;
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  /** What its statements may permit at most. */
  readonly scope: readonly string[];
}

/** A delegate statement. Nothing here can sign: the keys of its device and of the tree lie elsewhere. */
export interface DelegateRow {
  /** Hex, in the form of a serial number. */
  readonly id: string;
  /** The node, or the origin of a wallet's delegates. */
  readonly nodeId: string;
  readonly statement: Bytes;
  readonly notAfter: UnixMs;
  readonly revokedAt: UnixMs | undefined;
}

/** A wallet whose delegates may speak. */
export interface WalletRow {
  /** 20 bytes, lower-case hex. */
  readonly address: string;
  readonly scope: readonly string[];
  readonly notAfter: UnixMs;
}

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

/** A key that signs an administrator's requests. Its secret is in nobody's store but its owner's. */
export interface AccessKeyRow {
  readonly accessKeyId: string;
  /** The administrator's. */
  readonly name: string;
  /** What its requests may do. */
  readonly role: string;
  /** SubjectPublicKeyInfo of P-256, DER. */
  readonly spki: Bytes;
  readonly createdAt: UnixMs;
  /** Kept afterwards, so that its id is never given out again. */
  readonly removedAt: UnixMs | undefined;
}

/** A signed request that changed state, and must not do so again. */
export interface SpentRequestRow {
  readonly accessKeyId: string;
  /** Hex of the SHA-256 of the string to sign: never of the signature, of which one text has many. */
  readonly textHash: string;
  /** When it would be refused for its date. */
  readonly expiresAt: UnixMs;
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
export interface AuthorityTransaction {
  getMeta(key: MetaKey): Promise<string | undefined>;
  setMeta(key: MetaKey, value: string): Promise<void>;

  findTicket(tokenHash: string): Promise<TicketRow | undefined>;
  /** The ticket whose token hash begins so. */
  findTicketByPrefix(prefix: string): Promise<TicketRow | undefined>;
  /** Newest first. */
  listTickets(limit: number): Promise<readonly TicketRow[]>;
  /** Adds the ticket, or replaces the one with the same token hash. */
  putTicket(row: TicketRow): Promise<void>;

  findEnrolment(tokenHash: string, spkiHash: string): Promise<EnrolmentRow | undefined>;
  countEnrolments(tokenHash: string): Promise<number>;
  putEnrolment(row: EnrolmentRow): Promise<void>;

  findCertificate(serial: string): Promise<CertificateRow | undefined>;
  /** Newest first. */
  certificatesOf(kind: CertificateKind, subject: string): Promise<readonly CertificateRow[]>;
  /** All that were issued for this key, newest first. */
  certificatesOfKey(spkiHash: string): Promise<readonly CertificateRow[]>;
  /** Whether a certificate for this key was ever revoked. */
  isKeyRevoked(spkiHash: string): Promise<boolean>;
  /** Revoked ones that end at `notAfterMin` or later, in the order of their issue. */
  listRevoked(notAfterMin: UnixMs): Promise<readonly RevokedRow[]>;
  /** Adds the certificate; where the serial is known, only its revocation may differ. */
  putCertificate(row: CertificateRow): Promise<void>;

  /** Certificates of one kind, newest first. */
  listCertificates(kind: CertificateKind, limit: number): Promise<readonly CertificateRow[]>;

  findAccessKey(accessKeyId: string): Promise<AccessKeyRow | undefined>;
  /** Those that are not removed, oldest first. */
  listAccessKeys(limit: number): Promise<readonly AccessKeyRow[]>;
  /** Adds the key, or replaces the one with the same id. */
  putAccessKey(row: AccessKeyRow): Promise<void>;

  isRequestSpent(accessKeyId: string, textHash: string): Promise<boolean>;
  countSpentRequests(accessKeyId: string): Promise<number>;
  putSpentRequest(row: SpentRequestRow): Promise<void>;
  /** Forgets those that expired before. */
  forgetSpentRequests(before: UnixMs): Promise<void>;

  findNode(nodeId: string): Promise<NodeRow | undefined>;
  /** Nodes that have a certificate, in order of `nodeId`, from the first one after `after`. */
  listNodes(after: string | undefined, limit: number): Promise<readonly NodeOverviewRow[]>;
  /** All that were ever bound to a key; quick, and at least as many as are active. */
  countNodes(): Promise<number>;
  /** Nodes that are not revoked and hold a certificate that ends after `now`. */
  countActiveNodes(now: UnixMs): Promise<number>;
  putNode(row: NodeRow): Promise<void>;

  findSighting(nodeId: string): Promise<SightingRow | undefined>;
  /**
   * Sightings after `seenAfter` that tell an address, of nodes that are not revoked and whose newest certificate is
   * good at `now`; latest first.
   */
  listReachable(seenAfter: UnixMs, now: UnixMs, limit: number): Promise<readonly SightingRow[]>;
  putSighting(row: SightingRow): Promise<void>;

  findCrl(issuerKeyHash: string): Promise<CrlRow | undefined>;
  /** Replaces the issuer's list. */
  putCrl(row: CrlRow): Promise<void>;

  /** In order of epoch. */
  listBranches(): Promise<readonly BranchRow[]>;
  putBranch(row: BranchRow): Promise<void>;

  findDelegate(id: string): Promise<DelegateRow | undefined>;
  delegatesOf(nodeId: string): Promise<readonly DelegateRow[]>;
  /** Newest first. */
  listDelegates(limit: number): Promise<readonly DelegateRow[]>;
  /** Revoked ones that end at `notAfterMin` or later, in the order of their issue. */
  listRevokedDelegates(notAfterMin: UnixMs): Promise<readonly DelegateRow[]>;
  /** Adds the statement; where the id is known, only its revocation may differ. */
  putDelegate(row: DelegateRow): Promise<void>;

  /** In order of address. */
  listWallets(): Promise<readonly WalletRow[]>;
  putWallet(row: WalletRow): Promise<void>;

  lastAudit(): Promise<AuditRow | undefined>;
  /** From the entry `sequenceMin` on, in order. */
  listAudit(sequenceMin: number, limit: number): Promise<readonly AuditRow[]>;
  appendAudit(row: AuditRow): Promise<void>;
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
   * @param work awaits nothing but the transaction's own methods: signing and other slow things come before or
   *   between two pieces of work, never inside, because everybody else waits meanwhile.
   * @throws what the work throws; ERR_STATE_CORRUPT where the store cannot be read or written.
   */
  transact<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T>;
  /** Waits for the work that was begun, then lets go. Later calls of `transact` are refused with ERR_NOT_READY. */
  close(): Promise<void>;
}

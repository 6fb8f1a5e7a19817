import type { DatabaseSync } from 'node:sqlite';
import type {
  AuditRow,
  AuthorityStore,
  AuthorityTransaction,
  BranchRow,
  CertificateKind,
  CertificateRow,
  CrlRow,
  DelegateRow,
  EnrolmentRow,
  NodeOverviewRow,
  NodeRow,
  RevokedRow,
  SightingRow,
  TicketRow,
  WalletRow,
} from '../ports/authority-store.ts';
import { AUTHORITY_DATABASE } from './authority-schema.ts';
import { GroupCommit } from './group-commit.ts';
import { accessKeyRows } from './sqlite-access-keys.ts';
import { closeDatabase, guarded, openDatabase, type WhenMissing } from './sqlite-database.ts';
import { type Row, some, Statements } from './sqlite-statements.ts';

/** The {@link AuthorityStore} of one machine: an SQLite file, many changes to one fsync. */
export class SqliteAuthorityStore implements AuthorityStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #transaction: AuthorityTransaction;

  private constructor(database: DatabaseSync, path: string) {
    this.#path = path;
    this.#database = database;
    this.#commits = new GroupCommit(database, path);
    this.#transaction = transactionOn(new Statements(database, path));
  }

  /** @throws ERR_STATE_CORRUPT, ERR_STATE_FOREIGN; see {@link openDatabase}. */
  static open(path: string, whenMissing: WhenMissing): SqliteAuthorityStore {
    const database = openDatabase(path, AUTHORITY_DATABASE, whenMissing);
    return guarded(path, () => new SqliteAuthorityStore(database, path));
  }

  transact<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T> {
    return this.#commits.run(() => work(this.#transaction));
  }

  async close(): Promise<void> {
    await this.#commits.close();
    closeDatabase(this.#database, this.#path);
  }
}

/** The place of a node's newest certificate. */
const NEWEST = `(SELECT max(place) FROM certificates WHERE kind = 'node' AND subject = n.node_id)`;

const OVERVIEW = `
  SELECT n.*, c.serial, c.not_after, c.roles, c.revoked_at AS certificate_revoked_at,
         s.seen_at, s.address, s.crl_number, s.version
    FROM nodes n JOIN certificates c ON c.place = ${NEWEST} LEFT JOIN sightings s ON s.node_id = n.node_id
    WHERE n.node_id > ? ORDER BY n.node_id LIMIT ?`;

const REACHABLE = `
  SELECT s.* FROM sightings s JOIN nodes n ON n.node_id = s.node_id JOIN certificates c ON c.place = ${NEWEST}
    WHERE s.seen_at > ? AND s.address IS NOT NULL AND n.revoked_at IS NULL AND c.revoked_at IS NULL AND c.not_after > ?
    ORDER BY s.seen_at DESC, s.node_id LIMIT ?`;

function transactionOn(db: Statements): AuthorityTransaction {
  return {
    getMeta: async (key) => db.one('SELECT value FROM meta WHERE key = ?', key)?.text('value'),
    setMeta: async (key, value) => db.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, value),

    findTicket: async (tokenHash) => some(ticketOf, db.one('SELECT * FROM tickets WHERE token_hash = ?', tokenHash)),
    findTicketByPrefix: async (prefix) =>
      some(ticketOf, db.one('SELECT * FROM tickets WHERE substr(token_hash, 1, ?) = ? LIMIT 1', prefix.length, prefix)),
    listTickets: async (limit) =>
      db.all('SELECT * FROM tickets ORDER BY created_at DESC, token_hash LIMIT ?', limit).map(ticketOf),
    putTicket: async (row) =>
      db.run(
        `INSERT OR REPLACE INTO tickets (token_hash, epoch, created_at, expires_at, uses_max, uses_spent, node_id,
           rebind, roles, cancelled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        row.tokenHash,
        row.epoch,
        row.createdAt,
        row.expiresAt,
        row.usesMax,
        row.usesSpent,
        row.nodeId ?? null,
        row.rebind ? 1 : 0,
        row.roles.join(' '),
        row.cancelledAt ?? null,
      ),

    findEnrolment: async (tokenHash, spkiHash) =>
      some(enrolmentOf, db.one('SELECT * FROM enrolments WHERE token_hash = ? AND spki_hash = ?', tokenHash, spkiHash)),
    countEnrolments: async (tokenHash) =>
      db.one('SELECT count(*) AS n FROM enrolments WHERE token_hash = ?', tokenHash)?.number('n') ?? 0,
    putEnrolment: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO enrolments (token_hash, spki_hash, serial, enrolled_at) VALUES (?, ?, ?, ?)',
        row.tokenHash,
        row.spkiHash,
        row.serial,
        row.enrolledAt,
      ),

    findCertificate: async (serial) =>
      some(certificateOf, db.one('SELECT * FROM certificates WHERE serial = ?', serial)),
    certificatesOf: async (kind, subject) =>
      db
        .all('SELECT * FROM certificates WHERE kind = ? AND subject = ? ORDER BY place DESC', kind, subject)
        .map(certificateOf),
    certificatesOfKey: async (spkiHash) =>
      db.all('SELECT * FROM certificates WHERE spki_hash = ? ORDER BY place DESC', spkiHash).map(certificateOf),
    listCertificates: async (kind, limit) =>
      db.all('SELECT * FROM certificates WHERE kind = ? ORDER BY place DESC LIMIT ?', kind, limit).map(certificateOf),
    isKeyRevoked: async (spkiHash) =>
      db.one('SELECT 1 AS n FROM certificates WHERE spki_hash = ? AND revoked_at IS NOT NULL LIMIT 1', spkiHash) !==
      undefined,
    listRevoked: async (notAfterMin) =>
      db
        .all(
          `SELECT serial, issue_index, revoked_at, revoked_reason FROM certificates
             WHERE revoked_at IS NOT NULL AND not_after >= ? ORDER BY place`,
          notAfterMin,
        )
        .map(revokedOf),
    putCertificate: async (row) =>
      db.run(
        `INSERT INTO certificates (serial, issue_index, kind, subject, spki_hash, roles, not_before, not_after, der,
           revoked_at, revoked_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (serial) DO UPDATE SET revoked_at = excluded.revoked_at, revoked_reason = excluded.revoked_reason`,
        row.serial,
        row.issueIndex ?? null,
        row.kind,
        row.subject,
        row.spkiHash,
        row.roles.join(' '),
        row.notBefore,
        row.notAfter,
        row.der,
        row.revokedAt ?? null,
        row.revokedReason ?? null,
      ),

    ...accessKeyRows(db),

    findNode: async (nodeId) => some(nodeOf, db.one('SELECT * FROM nodes WHERE node_id = ?', nodeId)),
    listNodes: async (after, limit) => db.all(OVERVIEW, after ?? '', limit).map(overviewOf),
    countNodes: async () => db.one('SELECT count(*) AS n FROM nodes')?.number('n') ?? 0,
    countActiveNodes: async (now) =>
      db
        .one(
          `SELECT count(*) AS n FROM nodes WHERE revoked_at IS NULL AND EXISTS (SELECT 1 FROM certificates c
             WHERE c.kind = 'node' AND c.subject = nodes.node_id AND c.revoked_at IS NULL AND c.not_after > ?)`,
          now,
        )
        ?.number('n') ?? 0,
    putNode: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO nodes (node_id, identity_spki_hash, bound_at, revoked_at) VALUES (?, ?, ?, ?)',
        row.nodeId,
        row.identitySpkiHash,
        row.boundAt,
        row.revokedAt ?? null,
      ),

    findSighting: async (nodeId) => some(sightingOf, db.one('SELECT * FROM sightings WHERE node_id = ?', nodeId)),
    listReachable: async (seenAfter, now, limit) => db.all(REACHABLE, seenAfter, now, limit).map(sightingOf),
    putSighting: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO sightings (node_id, seen_at, address, crl_number, version) VALUES (?, ?, ?, ?, ?)',
        row.nodeId,
        row.seenAt,
        row.address ?? null,
        row.crlNumber,
        row.version,
      ),

    findCrl: async (issuerKeyHash) =>
      some(crlOf, db.one('SELECT * FROM crls WHERE issuer_key_hash = ?', issuerKeyHash)),
    putCrl: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO crls (issuer_key_hash, number, this_update, next_update, der) VALUES (?, ?, ?, ?, ?)',
        row.issuerKeyHash,
        row.number,
        row.thisUpdate,
        row.nextUpdate,
        row.der,
      ),

    listBranches: async () => db.all('SELECT * FROM branches ORDER BY epoch').map(branchOf),
    putBranch: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO branches (epoch, xpub, not_before, not_after, scope) VALUES (?, ?, ?, ?, ?)',
        row.epoch,
        row.xpub,
        row.notBefore,
        row.notAfter,
        row.scope.join(' '),
      ),

    findDelegate: async (id) => some(delegateOf, db.one('SELECT * FROM delegates WHERE id = ?', id)),
    delegatesOf: async (nodeId) =>
      db.all('SELECT * FROM delegates WHERE node_id = ? ORDER BY place', nodeId).map(delegateOf),
    listDelegates: async (limit) =>
      db.all('SELECT * FROM delegates ORDER BY place DESC LIMIT ?', limit).map(delegateOf),
    listRevokedDelegates: async (notAfterMin) =>
      db
        .all('SELECT * FROM delegates WHERE revoked_at IS NOT NULL AND not_after >= ? ORDER BY place', notAfterMin)
        .map(delegateOf),
    putDelegate: async (row) =>
      db.run(
        `INSERT INTO delegates (id, node_id, statement, not_after, revoked_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at`,
        row.id,
        row.nodeId,
        row.statement,
        row.notAfter,
        row.revokedAt ?? null,
      ),

    listWallets: async () => db.all('SELECT * FROM wallets ORDER BY address').map(walletOf),
    putWallet: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO wallets (address, scope, not_after) VALUES (?, ?, ?)',
        row.address,
        row.scope.join(' '),
        row.notAfter,
      ),

    lastAudit: async () => some(auditOf, db.one('SELECT * FROM audit ORDER BY sequence DESC LIMIT 1')),
    listAudit: async (sequenceMin, limit) =>
      db.all('SELECT * FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT ?', sequenceMin, limit).map(auditOf),
    appendAudit: async (row) =>
      db.run(
        `INSERT INTO audit (sequence, at, actor, action, subject, detail, previous_hash, hash)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        row.sequence,
        row.at,
        row.actor,
        row.action,
        row.subject,
        JSON.stringify(row.detail),
        row.previousHash,
        row.hash,
      ),
  };
}

const ticketOf = (row: Row): TicketRow => ({
  tokenHash: row.text('token_hash'),
  epoch: row.number('epoch'),
  createdAt: row.at('created_at'),
  expiresAt: row.at('expires_at'),
  usesMax: row.number('uses_max'),
  usesSpent: row.number('uses_spent'),
  nodeId: row.textOrNone('node_id'),
  rebind: row.number('rebind') === 1,
  roles: row.words('roles'),
  cancelledAt: row.atOrNone('cancelled_at'),
});

const enrolmentOf = (row: Row): EnrolmentRow => ({
  tokenHash: row.text('token_hash'),
  spkiHash: row.text('spki_hash'),
  serial: row.text('serial'),
  enrolledAt: row.at('enrolled_at'),
});

const certificateOf = (row: Row): CertificateRow => ({
  serial: row.text('serial'),
  issueIndex: row.numberOrNone('issue_index'),
  kind: row.text('kind') as CertificateKind, // the schema's CHECK lets no other in
  subject: row.text('subject'),
  spkiHash: row.text('spki_hash'),
  roles: row.words('roles'),
  notBefore: row.at('not_before'),
  notAfter: row.at('not_after'),
  der: row.bytes('der'),
  revokedAt: row.atOrNone('revoked_at'),
  revokedReason: row.textOrNone('revoked_reason'),
});

const revokedOf = (row: Row): RevokedRow => ({
  serial: row.text('serial'),
  issueIndex: row.numberOrNone('issue_index'),
  revokedAt: row.at('revoked_at'),
  revokedReason: row.textOrNone('revoked_reason') ?? 'unspecified',
});

const nodeOf = (row: Row): NodeRow => ({
  nodeId: row.text('node_id'),
  identitySpkiHash: row.text('identity_spki_hash'),
  boundAt: row.at('bound_at'),
  revokedAt: row.atOrNone('revoked_at'),
});

const overviewOf = (row: Row): NodeOverviewRow => ({
  node: nodeOf(row),
  newest: {
    serial: row.text('serial'),
    notAfter: row.at('not_after'),
    roles: row.words('roles'),
    revokedAt: row.atOrNone('certificate_revoked_at'),
  },
  sighting: row.isNone('seen_at') ? undefined : sightingOf(row),
});

const sightingOf = (row: Row): SightingRow => ({
  nodeId: row.text('node_id'),
  seenAt: row.at('seen_at'),
  address: row.textOrNone('address'),
  crlNumber: row.number('crl_number'),
  version: row.text('version'),
});

const crlOf = (row: Row): CrlRow => ({
  issuerKeyHash: row.text('issuer_key_hash'),
  number: row.number('number'),
  thisUpdate: row.at('this_update'),
  nextUpdate: row.at('next_update'),
  der: row.bytes('der'),
});

const branchOf = (row: Row): BranchRow => ({
  epoch: row.number('epoch'),
  xpub: row.text('xpub'),
  notBefore: row.at('not_before'),
  notAfter: row.at('not_after'),
  scope: row.text('scope').split(' '),
});

const delegateOf = (row: Row): DelegateRow => ({
  id: row.text('id'),
  nodeId: row.text('node_id'),
  statement: row.bytes('statement'),
  notAfter: row.at('not_after'),
  revokedAt: row.atOrNone('revoked_at'),
});

const walletOf = (row: Row): WalletRow => ({
  address: row.text('address'),
  scope: row.words('scope'),
  notAfter: row.at('not_after'),
});

const auditOf = (row: Row): AuditRow => ({
  sequence: row.number('sequence'),
  at: row.at('at'),
  actor: row.text('actor'),
  action: row.text('action'),
  subject: row.text('subject'),
  detail: row.json('detail') as AuditRow['detail'], // what appendAudit wrote; the hash chain tells if it was changed
  previousHash: row.text('previous_hash'),
  hash: row.text('hash'),
});

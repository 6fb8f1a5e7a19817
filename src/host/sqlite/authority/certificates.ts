import type {
  CertificateKind,
  CertificateRow,
  CertificateRows,
  RevokedRow,
} from '../../../ports/authority/certificates.ts';
import type { Bytes } from '../../../base/bytes.ts';
import type { NodePlaces } from './node-places.ts';
import { type Row, some, type Statements } from '../statements.ts';

/** A certificate with the name that it is for, whichever kind it is of. */
const CERTIFICATE = 'SELECT c.*, n.node_id FROM certificates c LEFT JOIN nodes n ON n.place = c.node';

/** The indexes hold the first octets only. */
const IS_SERIAL = 'substr(c.serial, 1, 8) = substr(?1, 1, 8) AND c.serial = ?1';
const IS_KEY = 'substr(c.spki_hash, 1, 8) = substr(?1, 1, 8) AND c.spki_hash = ?1';

export function certificateRows(db: Statements, nodes: NodePlaces): CertificateRows {
  return {
    findCertificate: async (serial) =>
      some(certificateOf, db.one(`${CERTIFICATE} WHERE ${IS_SERIAL}`, octetsOf(db, serial))),
    certificatesOf: async (kind, subject) =>
      (kind === 'node'
        ? db.all(`${CERTIFICATE} WHERE c.node = (${PLACE_OF_NODE}) ORDER BY c.place DESC`, subject)
        : db.all(`${CERTIFICATE} WHERE c.kind = ? AND c.subject = ? ORDER BY c.place DESC`, kind, subject)
      ).map(certificateOf),
    certificatesOfKey: async (spkiHash) =>
      db.all(`${CERTIFICATE} WHERE ${IS_KEY} ORDER BY c.place DESC`, db.octets(spkiHash)).map(certificateOf),
    standingOfKey: async (spkiHash, tokenHash) => {
      const rows = db
        .all(
          `${CERTIFICATE} WHERE ${IS_KEY} AND (c.token_hash = ?2 OR c.revoked_at IS NOT NULL)`,
          db.octets(spkiHash),
          db.octets(tokenHash),
        )
        .map(certificateOf);
      return {
        isRevoked: rows.some((row) => row.revokedAt !== undefined),
        certificate: rows.find((row) => row.tokenHash === tokenHash),
      };
    },
    listCertificates: async (kind, limit) =>
      db.all(`${CERTIFICATE} WHERE c.kind = ? ORDER BY c.place DESC LIMIT ?`, kind, limit).map(certificateOf),
    listRevoked: async (notAfterMin) =>
      db
        .all(
          `SELECT serial, issue_index, revoked_at, revoked_reason FROM certificates
             WHERE revoked_at IS NOT NULL AND not_after >= ? ORDER BY place`,
          notAfterMin,
        )
        .map(revokedOf),
    nextIssueIndex: async () => {
      const highest = db.one('SELECT max(issue_index) AS highest FROM certificates')?.numberOrNone('highest');
      return highest === undefined ? 0 : highest + 1;
    },
    putCertificate: async (row) => {
      db.insert(
        `INSERT INTO certificates (serial, issue_index, kind, node, subject, spki_hash, token_hash, roles, not_before,
           not_after, der, revoked_at, revoked_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        octetsOf(db, row.serial),
        row.issueIndex ?? null,
        row.kind,
        row.kind === 'node' ? (nodes.placeOf(row.subject) ?? null) : null,
        row.kind === 'node' ? null : row.subject,
        db.octets(row.spkiHash),
        row.tokenHash === undefined ? null : db.octets(row.tokenHash),
        row.roles.join(' '),
        row.notBefore,
        row.notAfter,
        row.der,
        row.revokedAt ?? null,
        row.revokedReason ?? null,
      );
    },
    revokeCertificate: async (serial, revokedAt, reason) =>
      db.run(
        `UPDATE certificates AS c SET revoked_at = ?2, revoked_reason = ?3 WHERE ${IS_SERIAL}`,
        octetsOf(db, serial),
        revokedAt,
        reason,
      ),
  };
}

const PLACE_OF_NODE = 'SELECT place FROM nodes WHERE node_id = ?';

/** A serial number as the store has it: its octets, without leading zeros. */
function octetsOf(db: Statements, serial: string): Bytes {
  return db.octets(serial.length % 2 === 0 ? serial : `0${serial}`);
}

export function serialOfRow(row: Row): string {
  const hex = row.hex('serial');
  return hex.startsWith('0') ? hex.slice(1) : hex;
}

const certificateOf = (row: Row): CertificateRow => ({
  serial: serialOfRow(row),
  issueIndex: row.numberOrNone('issue_index'),
  kind: row.text('kind') as CertificateKind, // the schema's CHECK lets no other in
  subject: row.textOrNone('subject') ?? row.text('node_id'),
  spkiHash: row.hex('spki_hash'),
  tokenHash: row.isNone('token_hash') ? undefined : row.hex('token_hash'),
  roles: row.words('roles'),
  notBefore: row.at('not_before'),
  notAfter: row.at('not_after'),
  der: row.bytes('der'),
  revokedAt: row.atOrNone('revoked_at'),
  revokedReason: row.textOrNone('revoked_reason'),
});

const revokedOf = (row: Row): RevokedRow => ({
  serial: serialOfRow(row),
  issueIndex: row.numberOrNone('issue_index'),
  revokedAt: row.at('revoked_at'),
  revokedReason: row.textOrNone('revoked_reason') ?? 'unspecified',
});

import type { NodeOverviewRow, NodeRow, NodeRows, SightingRow } from '../../../ports/authority/nodes.ts';
import type { NodePlaces } from './node-places.ts';
import { type Row, some, type Statements } from '../statements.ts';
import { serialOfRow } from './certificates.ts';

/** The place of a node's newest certificate. */
const NEWEST = '(SELECT max(place) FROM certificates WHERE node = n.place)';

const OVERVIEW = `
  SELECT n.*, c.serial, c.not_after, c.roles, c.revoked_at AS certificate_revoked_at,
         s.seen_at, s.address, s.crl_number, s.version
    FROM nodes n JOIN certificates c ON c.place = ${NEWEST} LEFT JOIN sightings s ON s.node_id = n.node_id
    WHERE n.node_id > ? ORDER BY n.node_id LIMIT ?`;

const REACHABLE = `
  SELECT s.* FROM sightings s JOIN nodes n ON n.node_id = s.node_id JOIN certificates c ON c.place = ${NEWEST}
    WHERE s.seen_at > ? AND s.address IS NOT NULL AND n.revoked_at IS NULL AND c.revoked_at IS NULL AND c.not_after > ?
    ORDER BY s.seen_at DESC, s.node_id LIMIT ?`;

/** Nodes, and what they last said of themselves. */
export function nodeRows(db: Statements, places: NodePlaces): NodeRows {
  return {
    findNode: async (nodeId) => {
      const node = some(nodeOf, db.one('SELECT * FROM nodes WHERE node_id = ?', nodeId));
      if (node === undefined) places.noteAbsent(nodeId);
      return node;
    },
    listNodes: async (after, limit) => db.all(OVERVIEW, after ?? '', limit).map(overviewOf),
    // Nodes are never deleted, so the last place is their number: to count the rows would be to read them all.
    countNodes: async () => places.last,
    countActiveNodes: async (now) =>
      db
        .one(
          `SELECT count(*) AS n FROM nodes WHERE revoked_at IS NULL AND EXISTS (SELECT 1 FROM certificates c
             WHERE c.node = nodes.place AND c.revoked_at IS NULL AND c.not_after > ?)`,
          now,
        )
        ?.number('n') ?? 0,
    putNode: async (row) => {
      const { nodeId, boundAt, revokedAt = null } = row;
      const values = [db.octets(row.identitySpkiHash), boundAt, revokedAt] as const;
      const known = places.isAbsent(nodeId) ? undefined : places.placeOf(nodeId);
      if (known === undefined) {
        const columns = 'node_id, identity_spki_hash, bound_at, revoked_at';
        const place = db.insert(`INSERT INTO nodes (${columns}) VALUES (?, ?, ?, ?)`, nodeId, ...values);
        places.noteAdded(nodeId, place);
      } else
        db.run(
          'UPDATE nodes SET identity_spki_hash = ?, bound_at = ?, revoked_at = ? WHERE place = ?',
          ...values,
          known,
        );
    },

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
  };
}

const nodeOf = (row: Row): NodeRow => ({
  nodeId: row.text('node_id'),
  identitySpkiHash: row.hex('identity_spki_hash'),
  boundAt: row.at('bound_at'),
  revokedAt: row.atOrNone('revoked_at'),
});

const overviewOf = (row: Row): NodeOverviewRow => ({
  node: nodeOf(row),
  newest: {
    serial: serialOfRow(row),
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

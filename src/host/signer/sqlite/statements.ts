import type { DatabaseSync } from 'node:sqlite';
import type { Bytes } from '../../../base/bytes.ts';

const SIGNED_COLUMNS = `r.sequence, r.id, r.message, s.salt, s.signature, k.public_key
  FROM records r JOIN signatures s ON s.sequence = r.sequence JOIN keys k ON k.slot = s.slot`;

const UNSIGNED = `FROM records r LEFT JOIN signatures s ON s.sequence = r.sequence WHERE s.sequence IS NULL`;

export type SignerStatements = ReturnType<typeof prepareStatements>;

/** Sequence, shard hash and message. Arrays, because a row as an object costs half as much again to read. */
type UnsignedRow = readonly [number, number, Bytes];

/** Every statement on `signer.db`, prepared once. */
export function prepareStatements(database: DatabaseSync) {
  const unsignedAfter = database.prepare(
    `SELECT r.sequence, r.shard_hash, r.message ${UNSIGNED} AND r.sequence > ? ORDER BY r.sequence`,
  );
  unsignedAfter.setReturnArrays(true);
  return {
    insertRecord: database.prepare('INSERT OR IGNORE INTO records(id, shard_hash, message) VALUES (?, ?, ?)'),
    findRecord: database.prepare(
      `SELECT r.id, r.message, s.salt, s.signature, k.public_key FROM records r
       LEFT JOIN signatures s ON s.sequence = r.sequence LEFT JOIN keys k ON k.slot = s.slot WHERE r.id = ?`,
    ),
    unsignedAfter: (sequence: number) => unsignedAfter.iterate(sequence) as unknown as Iterable<UnsignedRow>,
    unsignedAt: database.prepare(`SELECT r.shard_hash, r.message ${UNSIGNED} AND r.sequence = ?`),
    unsignedHashes: database.prepare(`SELECT r.sequence, r.shard_hash ${UNSIGNED} ORDER BY r.sequence`),
    insertStretch: database.prepare(
      `INSERT OR IGNORE INTO signatures
       SELECT ?1 + n, substr(?2, n * 2 + 1, 2), substr(?3, n * 16 + 1, 16), substr(?4, n * 65 + 1, 65)
       FROM numbers WHERE n < ?5 ORDER BY n`,
    ),
    insertSignature: database.prepare('INSERT OR IGNORE INTO signatures VALUES (?, ?, ?, ?)'),
    signedAfter: database.prepare(`SELECT ${SIGNED_COLUMNS} WHERE s.sequence > ? ORDER BY s.sequence`),

    findSlot: database.prepare('SELECT slot FROM keys WHERE public_key = ?'),
    insertKey: database.prepare('INSERT INTO keys(slot, public_key) VALUES (?, ?)'),
    addToKey: database.prepare('UPDATE keys SET signed = signed + ? WHERE slot = ?'),
    countKeys: database.prepare('SELECT count(*) AS n FROM keys'),
    allKeys: database.prepare('SELECT public_key, signed FROM keys ORDER BY slot'),

    getCount: database.prepare('SELECT value FROM counts WHERE name = ?'),
    setCount: database.prepare('UPDATE counts SET value = ? WHERE name = ?'),
    addToCount: database.prepare('UPDATE counts SET value = value + ? WHERE name = ?'),

    getRun: database.prepare('SELECT * FROM runs'),
    putRun: database.prepare('INSERT OR REPLACE INTO runs VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    driveRun: database.prepare(
      `UPDATE runs SET driver = ?, driver_until = ?
       WHERE run_id = ? AND ended_at IS NULL AND (driver = ? OR driver_until <= ?)`,
    ),
    endRun: database.prepare('UPDATE runs SET ended_at = ?, failed = ? WHERE run_id = ? AND ended_at IS NULL'),
    leaseBatch: database.prepare(
      `INSERT INTO leases VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET owner = excluded.owner, until = excluded.until WHERE owner = ? OR until <= ?`,
    ),
    releaseBatch: database.prepare('DELETE FROM leases WHERE run_id = ? AND batch_id = ? AND owner = ?'),
    dropLeases: database.prepare('DELETE FROM leases'),
  };
}

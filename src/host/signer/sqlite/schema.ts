import { CHUNK_RECORDS_MAX } from '../../../ports/record-store.ts';
import type { DatabaseKind } from '../../sqlite/database.ts';

/**
 * Schema of `signer.db`. A record is one row of `records` for ever, and signed from the commit that adds the row of the
 * same number to `signatures`: so nothing is ever deleted, nothing can be lost between two tables, and both grow at
 * their end. `keys.slot` is the two bytes by which a signature names its key, big-endian.
 *
 * `numbers` holds 0 to 999: with it one statement unpacks the signatures of a whole chunk.
 */
const SCHEMA_1 = `
CREATE TABLE records (
  sequence INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  shard_hash INTEGER NOT NULL,
  message BLOB NOT NULL
) STRICT;

CREATE TABLE signatures (
  sequence INTEGER PRIMARY KEY,
  slot BLOB NOT NULL CHECK (length(slot) = 2),
  salt BLOB NOT NULL CHECK (length(salt) = 16),
  signature BLOB NOT NULL CHECK (length(signature) = 65)
) STRICT;

CREATE TABLE keys (
  slot BLOB PRIMARY KEY CHECK (length(slot) = 2),
  public_key BLOB NOT NULL UNIQUE,
  signed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE counts (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counts VALUES ('records', 0), ('signed', 0), ('signed_up_to', 0);

CREATE TABLE runs (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  run_id TEXT NOT NULL,
  batch_count INTEGER NOT NULL,
  key_indexes TEXT NOT NULL,
  ring_fingerprint TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  signed_at_start INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  driver TEXT NOT NULL,
  driver_until INTEGER NOT NULL
) STRICT;

CREATE TABLE leases (
  run_id TEXT NOT NULL,
  batch_id INTEGER NOT NULL,
  owner TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (run_id, batch_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT;
WITH RECURSIVE counting(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counting WHERE n < ${CHUNK_RECORDS_MAX - 1})
INSERT INTO numbers SELECT n FROM counting;
`;

/** A signer's database file. The mark spells "CMsi". */
export const SIGNER_DATABASE: DatabaseKind = {
  applicationId: 0x434d7369,
  migrations: [SCHEMA_1],
  remedy: 'restore it from a backup',
};

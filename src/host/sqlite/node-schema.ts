import type { DatabaseKind } from './database.ts';

/** Schema of `node.db`. Times are Unix milliseconds; hashes are bytes. */
const SCHEMA_1 = `
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
  arrival INTEGER PRIMARY KEY,
  content_key BLOB NOT NULL UNIQUE CHECK (length(content_key) = 32),
  received_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE chains (
  leaf_hash BLOB NOT NULL,
  depth INTEGER NOT NULL,
  der BLOB NOT NULL,
  PRIMARY KEY (leaf_hash, depth)
) STRICT, WITHOUT ROWID;

CREATE TABLE crls (
  issuer_key_hash BLOB PRIMARY KEY,
  der BLOB NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Revocations that the newest list of their issuer does not repeat. */
const SCHEMA_2 = `
CREATE TABLE revocations (
  issuer_key_hash BLOB NOT NULL,
  serial TEXT NOT NULL,
  revoked_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  keep_until INTEGER NOT NULL,
  PRIMARY KEY (issuer_key_hash, serial)
) STRICT, WITHOUT ROWID;
`;

/** Messages by their place alone: each commit then writes a few pages at the end, and no index by hash all over the file. */
const SCHEMA_3 = `
ALTER TABLE messages RENAME TO messages_by_hash;

CREATE TABLE messages (
  arrival INTEGER PRIMARY KEY,
  received_at INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

INSERT INTO messages SELECT arrival, received_at, bytes FROM messages_by_hash ORDER BY arrival;

DROP TABLE messages_by_hash;
`;

/** Delegates of a wallet that end before this are void. */
const SCHEMA_4 = `
CREATE TABLE wallet_floors (
  address BLOB PRIMARY KEY CHECK (length(address) = 20),
  below INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** A node's database file. The mark spells "CMno". */
export const NODE_DATABASE: DatabaseKind = {
  applicationId: 0x434d6e6f,
  migrations: [SCHEMA_1, SCHEMA_2, SCHEMA_3, SCHEMA_4],
  remedy:
    'restore the directory from a backup, or enrol anew in an empty one: chainmail node enroll --dir DIR --ticket FILE',
};

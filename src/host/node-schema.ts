import type { DatabaseKind } from './sqlite-database.ts';

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

/** A node's database file. The mark spells "CMno". */
export const NODE_DATABASE: DatabaseKind = {
  applicationId: 0x434d6e6f,
  migrations: [SCHEMA_1],
  remedy:
    'restore the directory from a backup, or enrol anew in an empty one: chainmail node enroll --dir DIR --ticket FILE',
};

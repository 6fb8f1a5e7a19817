import type { DatabaseKind } from './database.ts';

/**
 * Schema of `authority.db`. Times are Unix milliseconds; hashes and serials lower-case hex, from schema 5 on bytes where
 * there are many of them; lists are parted by spaces.
 */
const SCHEMA_1 = `
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tickets (
  token_hash TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  uses_max INTEGER NOT NULL,
  uses_spent INTEGER NOT NULL CHECK (uses_spent <= uses_max),
  node_id TEXT,
  rebind INTEGER NOT NULL,
  roles TEXT NOT NULL,
  cancelled_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_by_age ON tickets (created_at DESC, token_hash);

CREATE TABLE enrolments (
  token_hash TEXT NOT NULL,
  spki_hash TEXT NOT NULL,
  serial TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL,
  PRIMARY KEY (token_hash, spki_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE certificates (
  place INTEGER PRIMARY KEY, -- the order of issue
  serial TEXT NOT NULL UNIQUE,
  issue_index INTEGER UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('node', 'administrator', 'server')),
  subject TEXT NOT NULL,
  spki_hash TEXT NOT NULL,
  roles TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  der BLOB NOT NULL,
  revoked_at INTEGER,
  revoked_reason TEXT
) STRICT;
CREATE INDEX certificates_by_subject ON certificates (kind, subject);
CREATE INDEX certificates_by_key ON certificates (spki_hash);
CREATE INDEX certificates_revoked ON certificates (not_after) WHERE revoked_at IS NOT NULL;

CREATE TABLE nodes (
  node_id TEXT PRIMARY KEY,
  identity_spki_hash TEXT NOT NULL,
  bound_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sightings (
  node_id TEXT PRIMARY KEY,
  seen_at INTEGER NOT NULL,
  address TEXT,
  crl_number INTEGER NOT NULL,
  version TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_by_time ON sightings (seen_at DESC, node_id);

CREATE TABLE crls (
  issuer_key_hash TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  der BLOB NOT NULL
) STRICT;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
`;

/** Keys that sign administrators' requests, and the requests that they have spent. */
const SCHEMA_2 = `
CREATE TABLE access_keys (
  place INTEGER PRIMARY KEY, -- the order in which they were added
  access_key_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  spki BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  removed_at INTEGER
) STRICT;

CREATE TABLE spent_requests (
  access_key_id TEXT NOT NULL,
  text_hash TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (access_key_id, text_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_requests_by_end ON spent_requests (expires_at);
`;

/** Delegates: what is published of the key tree, and whom it lets speak (spec 09 delegates). */
const SCHEMA_3 = `
CREATE TABLE branches (
  epoch INTEGER PRIMARY KEY,
  xpub TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL
) STRICT;

CREATE TABLE delegates (
  place INTEGER PRIMARY KEY, -- the order of issue
  id TEXT NOT NULL UNIQUE,
  node_id TEXT NOT NULL,
  statement BLOB NOT NULL,
  not_after INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
CREATE INDEX delegates_by_node ON delegates (node_id);
CREATE INDEX delegates_revoked ON delegates (not_after) WHERE revoked_at IS NOT NULL;

CREATE TABLE wallets (
  address TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  not_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** What a branch permits follows from the policy of its day; until now there was one. */
const SCHEMA_4 = `
ALTER TABLE branches ADD COLUMN scope TEXT NOT NULL DEFAULT 'command:issue publish:indicator publish:sensor/* relay';
`;

/**
 * What grows with every certificate: few and small random keys, because each page of an index that a commit touches is
 * written whole, twice. So hashes and serials are bytes; a certificate has the place of its node in place of the name;
 * and the ticket that bought it is in its own row, found by its key.
 */
const SCHEMA_5 = `
CREATE TABLE nodes_5 (
  place INTEGER PRIMARY KEY, -- the order of binding; nodes are never deleted
  node_id TEXT NOT NULL UNIQUE,
  identity_spki_hash BLOB NOT NULL,
  bound_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
INSERT INTO nodes_5 (node_id, identity_spki_hash, bound_at, revoked_at)
  SELECT node_id, unhex(identity_spki_hash), bound_at, revoked_at FROM nodes ORDER BY bound_at, node_id;

CREATE TABLE certificates_5 (
  place INTEGER PRIMARY KEY, -- the order of issue
  serial BLOB NOT NULL UNIQUE,
  issue_index INTEGER UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('node', 'administrator', 'server')),
  node INTEGER, -- its place
  subject TEXT, -- the name, where it is no node's
  spki_hash BLOB NOT NULL,
  token_hash BLOB, -- of the ticket that was redeemed
  roles TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  der BLOB NOT NULL,
  revoked_at INTEGER,
  revoked_reason TEXT,
  CHECK ((kind = 'node') = (node IS NOT NULL) AND (node IS NULL) = (subject IS NOT NULL))
) STRICT;
INSERT INTO certificates_5
  SELECT c.place, unhex(substr('0', 1, length(c.serial) % 2) || c.serial), c.issue_index, c.kind,
         CASE c.kind WHEN 'node' THEN (SELECT n.place FROM nodes_5 n WHERE n.node_id = c.subject) END,
         CASE c.kind WHEN 'node' THEN NULL ELSE c.subject END,
         unhex(c.spki_hash), unhex(e.token_hash), c.roles, c.not_before, c.not_after, c.der, c.revoked_at,
         c.revoked_reason
    FROM certificates c LEFT JOIN (SELECT serial, token_hash FROM enrolments) e ON e.serial = c.serial ORDER BY c.place;

DROP TABLE certificates;
DROP TABLE enrolments;
DROP TABLE nodes;
ALTER TABLE nodes_5 RENAME TO nodes;
ALTER TABLE certificates_5 RENAME TO certificates;
CREATE INDEX certificates_by_node ON certificates (node) WHERE node IS NOT NULL;
CREATE INDEX certificates_by_subject ON certificates (kind, subject) WHERE subject IS NOT NULL;
CREATE INDEX certificates_by_key ON certificates (spki_hash);
CREATE INDEX certificates_revoked ON certificates (not_after) WHERE revoked_at IS NOT NULL;
`;

/** Up to which expiry a wallet has revoked its delegates. */
const SCHEMA_6 = 'ALTER TABLE wallets ADD COLUMN revoked_below INTEGER';

/**
 * Indexes by serial and by key hold the first eight octets only: random places cost by the pages that they lie on. Of ten
 * million certificates two begin alike with a chance of one in 400,000; the later one is then refused and asked for again.
 */
const SCHEMA_7 = `
CREATE TABLE certificates_7 (
  place INTEGER PRIMARY KEY, -- the order of issue
  serial BLOB NOT NULL,
  issue_index INTEGER UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('node', 'administrator', 'server')),
  node INTEGER, -- its place
  subject TEXT, -- the name, where it is no node's
  spki_hash BLOB NOT NULL,
  token_hash BLOB, -- of the ticket that was redeemed
  roles TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  der BLOB NOT NULL,
  revoked_at INTEGER,
  revoked_reason TEXT,
  CHECK ((kind = 'node') = (node IS NOT NULL) AND (node IS NULL) = (subject IS NOT NULL))
) STRICT;
INSERT INTO certificates_7 SELECT * FROM certificates ORDER BY place;
DROP TABLE certificates;
ALTER TABLE certificates_7 RENAME TO certificates;
CREATE UNIQUE INDEX certificates_by_serial ON certificates (substr(serial, 1, 8));
CREATE INDEX certificates_by_node ON certificates (node) WHERE node IS NOT NULL;
CREATE INDEX certificates_by_subject ON certificates (kind, subject) WHERE subject IS NOT NULL;
CREATE INDEX certificates_by_key ON certificates (substr(spki_hash, 1, 8));
CREATE INDEX certificates_revoked ON certificates (not_after) WHERE revoked_at IS NOT NULL;
`;

/** The authority's database file. The mark spells "CMau". */
export const AUTHORITY_DATABASE: DatabaseKind = {
  applicationId: 0x434d6175,
  migrations: [SCHEMA_1, SCHEMA_2, SCHEMA_3, SCHEMA_4, SCHEMA_5, SCHEMA_6, SCHEMA_7],
  remedy:
    'restore it from a backup, then void the tickets made since: chainmail authority new-epoch --dir DIR; without a backup make a new authority',
};

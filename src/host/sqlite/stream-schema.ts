import type { DatabaseKind } from './database.ts';

/**
 * Schema of `streams.db`. Rows are added and never changed, but for `streams.events` and `bytes`, which count, and
 * `events.block`, which is null until a block names the event. An event is one by its hash: its signature has a twin.
 */
const SCHEMA_1 = `
CREATE TABLE streams (
  stream INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
  creator BLOB NOT NULL CHECK (length(creator) = 20),
  events INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL REFERENCES streams (stream),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  signature BLOB NOT NULL CHECK (length(signature) = 65),
  event BLOB NOT NULL,
  payload INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  block INTEGER,
  UNIQUE (stream, hash)
) STRICT;
CREATE INDEX events_by_block ON events (stream, block, sequence);
CREATE INDEX events_by_payload ON events (stream, payload, sequence);
CREATE INDEX events_in_no_block ON events (stream) WHERE block IS NULL;

CREATE TABLE blocks (
  stream INTEGER NOT NULL REFERENCES streams (stream),
  number INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  signature BLOB NOT NULL CHECK (length(signature) = 65),
  event BLOB NOT NULL,
  timestamp INTEGER NOT NULL,
  PRIMARY KEY (stream, number)
) STRICT, WITHOUT ROWID;
`;

/** What wallets have revoked, one statement each. */
const SCHEMA_2 = `
CREATE TABLE wallet_epochs (
  address BLOB PRIMARY KEY CHECK (length(address) = 20),
  below INTEGER NOT NULL,
  statement BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX streams_by_creator ON streams (creator);
`;

/** The database file of a stream store. The mark spells "CMst". */
export const STREAM_DATABASE: DatabaseKind = {
  applicationId: 0x434d7374,
  migrations: [SCHEMA_1, SCHEMA_2],
  remedy: 'restore it from a backup',
};

import { existsSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { MeshError, quotedPath } from '../../base/errors.ts';
import type { AuthorityStore, AuthorityTransaction, CrlRow } from '../../ports/authority-store.ts';
import { accessKeyRows } from './authority/access-keys.ts';
import { auditRows } from './authority/audit.ts';
import { certificateRows } from './authority/certificates.ts';
import { delegateRows } from './authority/delegates.ts';
import { NodePlaces } from './authority/node-places.ts';
import { nodeRows } from './authority/nodes.ts';
import { ticketRows } from './authority/tickets.ts';
import { AUTHORITY_DATABASE } from './authority-schema.ts';
import { GroupCommit } from './group-commit.ts';
import { closeDatabase, guarded, openDatabase, type WhenMissing } from './database.ts';
import { type Row, some, Statements } from './statements.ts';

/**
 * Pages that the log grows to before they are merged into the file: 16 MiB. Merging writes a page once however often it
 * is in the log, and random keys come back to the same pages of an index again and again. @tuning
 */
const LOG_PAGES = 4_000;

/** Memory for pages of the file: the indexes of a hundred thousand certificates, which each enrolment looks into. @tuning */
const CACHE_KIB = 16 * 1024;

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
    this.#transaction = transactionOn(new Statements(database, path, this.#commits.changes));
  }

  /** @throws ERR_STATE_CORRUPT, ERR_STATE_FOREIGN; see {@link openDatabase}. */
  static open(path: string, whenMissing: WhenMissing): SqliteAuthorityStore {
    const database = openDatabase(path, AUTHORITY_DATABASE, whenMissing);
    return guarded(path, () => {
      database.exec(`PRAGMA wal_autocheckpoint=${LOG_PAGES}; PRAGMA cache_size=-${CACHE_KIB}`);
      return new SqliteAuthorityStore(database, path);
    });
  }

  /** Looks whether the file is there and holds anything, without opening it. @throws ERR_STATE_CORRUPT */
  static look(path: string): void {
    if (!statSync(path, { throwIfNoEntry: false })?.size)
      throw new MeshError(
        'ERR_STATE_CORRUPT',
        `state file ${quotedPath(path)} is missing or empty`,
        AUTHORITY_DATABASE.remedy,
      );
  }

  transact<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T> {
    return this.#commits.run(() => work(this.#transaction));
  }

  /** A file that was moved away goes on to be written, by this process, to be gone with it. */
  async whyLost(): Promise<string | undefined> {
    return existsSync(this.#path) ? undefined : 'the state file is gone: put it back before this process ends';
  }

  async close(): Promise<void> {
    await this.#commits.close();
    closeDatabase(this.#database, this.#path);
  }
}

function transactionOn(db: Statements): AuthorityTransaction {
  const places = new NodePlaces(db);
  return {
    getMeta: async (key) => db.one('SELECT value FROM meta WHERE key = ?', key)?.text('value'),
    setMeta: async (key, value) => db.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, value),

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

    ...ticketRows(db),
    ...certificateRows(db, places),
    ...nodeRows(db, places),
    ...accessKeyRows(db),
    ...delegateRows(db),
    ...auditRows(db),
  };
}

const crlOf = (row: Row): CrlRow => ({
  issuerKeyHash: row.text('issuer_key_hash'),
  number: row.number('number'),
  thisUpdate: row.at('this_update'),
  nextUpdate: row.at('next_update'),
  der: row.bytes('der'),
});

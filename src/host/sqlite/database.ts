import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDiskTrouble, isMeshError, MeshError, messageOf, quotedPath } from '../../base/errors.ts';
import { MODE_SECRET, syncFolder } from '../files/atomic-file.ts';

/** What a database file of this program is, and how older ones become it. */
export interface DatabaseKind {
  /** 32-bit mark in the file's header, so that no other program's file is taken for ours. */
  readonly applicationId: number;
  /** Step `i` leads from schema `i` to `i + 1`. Steps that were published are never changed, only added to. */
  readonly migrations: readonly string[];
  /** What the operator can do where the file cannot be gone on with. */
  readonly remedy: string;
}

/**
 * Result codes of SQLite (the low byte) that mean: this file is damaged, or none of SQLite's at all. The first is also
 * that of wrong SQL; ours is right, so a table or column is not there, or the header names no format.
 */
const SQLITE_ERROR = 1;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Rows that no version of this program could have written break a rule of a newer schema. */
const SQLITE_CONSTRAINT = 19;

/** The file cannot be written, or not now: not permitted, held by another program, read-only, not to be opened. */
const UNWRITABLE_RESULTS: ReadonlySet<number> = new Set([3, 5, 8, 14]);

/** What Node.js throws for an integer beyond 2^53: this program writes none, so somebody else wrote the row. */
const TOO_LARGE = 'ERR_OUT_OF_RANGE';

/** How long another process may hold the file before we give up; backups by `sqlite3 .backup` hold it for moments. */
export const DATABASE_BUSY_MS_MAX = 5_000;

/** What to do where the file is not there: a memory that somebody relies on is not made anew. */
export type WhenMissing = 'create' | 'refuse';

/**
 * Opens the file and brings its schema up to date; where it is not there, makes it with mode 0600.
 *
 * A file comes into being whole, with its schema, in one step. So one that is there and empty is never new: it has been
 * emptied, and whoever went on with it would give numbers a second time and forget what was revoked.
 *
 * Write-ahead log with `synchronous=FULL`: what was committed is on the disk, whatever happens next.
 *
 * @throws ERR_STATE_CORRUPT for a damaged, empty or missing file; ERR_STATE_FOREIGN for another program's file or a
 *   newer schema.
 */
export function openDatabase(path: string, kind: DatabaseKind, whenMissing: WhenMissing): DatabaseSync {
  try {
    return open(path, kind, whenMissing);
  } catch (error) {
    const told = stateError(path, error);
    if (!isMeshError(told) || told.code !== 'ERR_STATE_CORRUPT' || told.hint === kind.remedy) throw told;
    throw new MeshError(told.code, told.message, kind.remedy, { cause: error });
  }
}

function open(path: string, kind: DatabaseKind, whenMissing: WhenMissing): DatabaseSync {
  if (!existsSync(path)) {
    if (whenMissing === 'refuse')
      throw new MeshError('ERR_STATE_CORRUPT', `state file ${quotedPath(path)} is missing`, kind.remedy);
    create(path, kind);
  }
  requireLog(path, kind);
  const database = new DatabaseSync(path, { timeout: DATABASE_BUSY_MS_MAX, defensive: true });
  try {
    check(database, path, kind);
    database.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;',
    );
    migrate(database, path, kind);
    markInUse(database, path, kind);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Lets go of a database that {@link openDatabase} opened. Its log is merged into it and goes. */
export function closeDatabase(database: DatabaseSync, path: string): void {
  if (!database.isOpen) return;
  rmSync(markOf(path), { force: true }); // first: without the mark a log may be there or not
  database.close();
}

/** Beside a database that is in use, or was when its process was killed: then its log belongs to it. */
function markOf(path: string): string {
  return `${path}-in-use`;
}

/** Of a process that was killed, the log has what was written last. Without it SQLite would go on as if that never was. */
function requireLog(path: string, kind: DatabaseKind): void {
  const mark = markOf(path);
  if (!existsSync(mark) || (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  throw new MeshError(
    'ERR_STATE_CORRUPT',
    `state file ${quotedPath(`${path}-wal`)} is missing or empty: it had what was written last to ${quotedPath(path)}`,
    `put it back, or ${kind.remedy}; where ${path} itself was just put back from a backup, remove ${mark}`,
  );
}

/** The log is not empty before the mark is made, nor after it until the database is closed. */
function markInUse(database: DatabaseSync, path: string, kind: DatabaseKind): void {
  database.exec(`PRAGMA user_version=${kind.migrations.length}`);
  if (statSync(`${path}-wal`).size > 0) closeSync(openSync(markOf(path), 'a', MODE_SECRET));
}

/** Runs `work` on a database, with SQLite's own errors turned into ours. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw stateError(path, error);
  }
}

/** What an error thrown by SQLite means to the operator; other errors come back as they are. */
export function stateError(path: string, error: unknown): unknown {
  const { errcode, code } = (error ?? {}) as { readonly errcode?: unknown; readonly code?: unknown };
  if (typeof errcode !== 'number' && code !== TOO_LARGE) return error;
  const kind = typeof errcode === 'number' ? errcode & 0xff : SQLITE_CORRUPT;
  const damaged = kind === SQLITE_CORRUPT || kind === SQLITE_NOTADB || kind === SQLITE_ERROR;
  const isDisk = isDiskTrouble(error);
  return new MeshError(
    damaged ? 'ERR_STATE_CORRUPT' : isDisk || UNWRITABLE_RESULTS.has(kind) ? 'ERR_STORAGE' : 'ERR_INTERNAL',
    `state file ${quotedPath(path)}: ${messageOf(error)}`,
    damaged || isDisk
      ? undefined
      : 'check the disk: free space, permissions, and whether another program holds the file',
    { cause: error },
  );
}

function check(database: DatabaseSync, path: string, kind: DatabaseKind): void {
  const tables = numberOf(database, 'SELECT count(*) AS n FROM sqlite_schema', 'n');
  const applicationId = numberOf(database, 'PRAGMA application_id', 'application_id');
  const version = numberOf(database, 'PRAGMA user_version', 'user_version');
  if (tables === 0 && applicationId === 0 && version === 0)
    throw new MeshError('ERR_STATE_CORRUPT', `state file ${quotedPath(path)} is empty`, kind.remedy);
  if (applicationId !== kind.applicationId)
    throw new MeshError('ERR_STATE_FOREIGN', `state file ${quotedPath(path)} was made by another program`);
  if (version > kind.migrations.length)
    throw new MeshError(
      'ERR_STATE_FOREIGN',
      `state file ${quotedPath(path)} has schema ${version}, this program knows up to ${kind.migrations.length}`,
      'run the newer version of chainmail that wrote it',
    );
  const verdict = database.prepare('PRAGMA quick_check(1)').get();
  if (verdict?.['quick_check'] !== 'ok')
    throw new MeshError(
      'ERR_STATE_CORRUPT',
      `state file ${quotedPath(path)} is damaged: ${String(verdict?.['quick_check'])}`,
      kind.remedy,
    );
}

/** Makes the file beside its place and moves it there: killed on the way, there is none. */
function create(path: string, kind: DatabaseKind): void {
  const draft = `${path}-new`;
  for (const ending of ['', '-journal']) rmSync(`${draft}${ending}`, { force: true });
  closeSync(openSync(draft, 'ax', MODE_SECRET));
  const database = new DatabaseSync(draft);
  try {
    migrate(database, path, kind);
  } finally {
    database.close();
  }
  const fd = openSync(draft, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  for (const ending of ['-wal', '-shm']) rmSync(`${path}${ending}`, { force: true }); // of a file that was here before
  renameSync(draft, path);
  syncFolder(dirname(path));
}

function migrate(database: DatabaseSync, path: string, kind: DatabaseKind): void {
  const version = numberOf(database, 'PRAGMA user_version', 'user_version');
  if (version === kind.migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const step of kind.migrations.slice(version)) database.exec(step);
    database.exec(`PRAGMA application_id=${kind.applicationId}; PRAGMA user_version=${kind.migrations.length};`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK'); // where the disk is full, SQLite has done so itself
    if ((errcodeOf(error) & 0xff) !== SQLITE_CONSTRAINT) throw error;
    throw new MeshError('ERR_STATE_CORRUPT', `state file ${quotedPath(path)} has rows that contradict each other`);
  }
}

function errcodeOf(error: unknown): number {
  const { errcode } = (error ?? {}) as { readonly errcode?: unknown };
  return typeof errcode === 'number' ? errcode : 0;
}

function numberOf(database: DatabaseSync, sql: string, column: string): number {
  return Number(database.prepare(sql).get()?.[column]);
}

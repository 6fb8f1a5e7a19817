import { close as closeFile, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { type Bytes, fromHex, toHex } from '../../base/bytes.ts';
import { MeshError, quoted, quotedPath } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { NodeChange, NodeStore, RestoredNode, StoredMessage } from '../../ports/node-store.ts';
import { NODE_DATABASE } from './node-schema.ts';
import { closeDatabase, guarded, openDatabase, stateError } from './database.ts';

/** Whose memory a file is. */
export interface StoreOwner {
  readonly mesh: MeshName;
  readonly nodeId: NodeId;
}

/**
 * The {@link NodeStore} of a node in the field: an SQLite file.
 *
 * A change is as durable as with `synchronous=FULL`, but the wait for the disk is off the event loop: the commit
 * writes to the log and does not wait (`NORMAL`), then one `fdatasync` of that log does, and only then `apply`
 * resolves. A slow memory card so delays the answers to programs, and little else: about one commit in a hundred carries
 * the log over into the file, and waits for it.
 */
export class SqliteNodeStore implements NodeStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #log: number;
  #syncs = 0;
  #whenSynced: (() => void) | undefined;

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#statements = prepareAll(database);
    this.#log = openSync(`${path}-wal`, 'r+');
  }

  /** @throws ERR_STATE_CORRUPT; ERR_STATE_FOREIGN for another program's file, or that of another node or mesh. */
  static open(path: string, owner: StoreOwner): SqliteNodeStore {
    const database = openDatabase(path, NODE_DATABASE, 'create');
    return guarded(path, () => {
      try {
        database.exec('PRAGMA synchronous=NORMAL');
        claim(database, path, owner);
        return new SqliteNodeStore(path, database);
      } catch (error) {
        closeDatabase(database, path);
        throw error;
      }
    });
  }

  load(): RestoredNode {
    return guarded(this.#path, () => {
      const { getMeta, allMessages, allChains, allCrls, allRevocations, allWalletFloors } = this.#statements;
      const arrivals = this.#count(getMeta.get('arrivals')?.['value'] ?? '0', 'arrivals');
      const chains = new Map<string, Bytes[]>();
      for (const row of allChains.iterate()) {
        const voucherId = toHex(this.#bytes(row, 'leaf_hash'));
        const chain = chains.get(voucherId);
        if (chain === undefined) chains.set(voucherId, [this.#bytes(row, 'der')]);
        else chain.push(this.#bytes(row, 'der'));
      }
      return {
        incarnation: this.#count(getMeta.get('incarnation')?.['value'] ?? '0', 'incarnation'),
        timeFloor: this.#count(getMeta.get('time_floor')?.['value'] ?? '0', 'time_floor') as UnixMs,
        epochFloor: this.#count(getMeta.get('epoch_floor')?.['value'] ?? '0', 'epoch_floor'),
        walletFloors: allWalletFloors.all().map((row) => ({
          address: this.#bytes(row, 'address'),
          below: this.#count(row['below'], 'below') as UnixMs,
        })),
        arrivals,
        messages: this.#messages(allMessages, arrivals),
        chains: Array.from(chains.values()),
        crls: allCrls.all().map((row) => this.#bytes(row, 'der')),
        revocations: allRevocations.all().map((row) => ({
          issuerKeyHash: toHex(this.#bytes(row, 'issuer_key_hash')),
          serial: String(row['serial']),
          revokedAt: this.#count(row['revoked_at'], 'revoked_at') as UnixMs,
          reason: String(row['reason']),
          keepUntil: this.#count(row['keep_until'], 'keep_until') as UnixMs,
        })),
      };
    });
  }

  read(arrival: number): Bytes | undefined {
    return guarded(this.#path, () => {
      const row = this.#statements.readMessage.get(arrival);
      return row === undefined ? undefined : this.#bytes(row, 'bytes');
    });
  }

  async apply(changes: readonly NodeChange[]): Promise<void> {
    guarded(this.#path, () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        for (const change of changes) this.#applyOne(change);
        this.#noteArrivals(changes);
        this.#database.exec('COMMIT');
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
    await this.#sync();
  }

  /** Waits for what was begun, then lets go of the file. */
  async close(): Promise<void> {
    if (!this.#database.isOpen) return;
    if (this.#syncs > 0) await new Promise<void>((resolve) => (this.#whenSynced = resolve));
    closeDatabase(this.#database, this.#path);
    await new Promise<void>((resolve) => closeFile(this.#log, () => resolve()));
  }

  #sync(): Promise<void> {
    this.#syncs++;
    return new Promise((resolve, reject) => {
      fdatasync(this.#log, (error) => {
        this.#syncs--;
        if (error === null) resolve();
        else
          reject(
            new MeshError('ERR_STORAGE', `state file ${quotedPath(this.#path)}: ${error.message}`, 'check the disk', {
              cause: error,
            }),
          );
        if (this.#syncs === 0) this.#whenSynced?.();
      });
    });
  }

  *#messages(statement: StatementSync, arrivals: number): Iterable<StoredMessage> {
    try {
      for (const row of statement.iterate()) {
        const arrival = this.#count(row['arrival'], 'arrival');
        if (arrival >= arrivals) throw this.#damaged('a message came later than the last');
        yield {
          arrival,
          receivedAt: this.#count(row['received_at'], 'received_at') as UnixMs,
          bytes: this.#bytes(row, 'bytes'),
        };
      }
    } catch (error) {
      throw stateError(this.#path, error); // each row is read when it is asked for, outside of `guarded`
    }
  }

  #noteArrivals(changes: readonly NodeChange[]): void {
    let arrivals = 0;
    for (const change of changes)
      if (change.tag === 'put-message') arrivals = Math.max(arrivals, change.message.arrival + 1);
    if (arrivals > 0) this.#statements.raiseMeta.run('arrivals', String(arrivals));
  }

  #applyOne(change: NodeChange): void {
    const { putMessage, dropMessage, putCertificate, dropChain, putCrl, putMeta } = this.#statements;
    const { putRevocation, dropRevocation, putWalletFloor, dropWalletFloors } = this.#statements;
    switch (change.tag) {
      case 'put-message': {
        const { arrival, receivedAt, bytes } = change.message;
        putMessage.run(arrival, receivedAt, bytes);
        return;
      }
      case 'drop-message':
        dropMessage.run(change.arrival);
        return;
      case 'put-chain':
        dropChain.run(fromHex(change.voucherId));
        for (const [depth, der] of change.chain.entries()) putCertificate.run(fromHex(change.voucherId), depth, der);
        return;
      case 'drop-chain':
        dropChain.run(fromHex(change.voucherId));
        return;
      case 'put-crl':
        putCrl.run(fromHex(change.issuerKeyHash), change.der);
        for (const { issuerKeyHash, serial, revokedAt, reason, keepUntil } of change.kept)
          putRevocation.run(fromHex(issuerKeyHash), serial, revokedAt, reason, keepUntil);
        return;
      case 'drop-revocations':
        for (const serial of change.serials) dropRevocation.run(fromHex(change.issuerKeyHash), serial);
        return;
      case 'put-epoch-floor':
        putMeta.run('epoch_floor', String(change.epochFloor));
        return;
      case 'put-wallet-floors':
        dropWalletFloors.run();
        for (const { address, below } of change.walletFloors) putWalletFloor.run(address, below);
        return;
      case 'put-time-floor':
        putMeta.run('time_floor', String(change.timeFloor));
        return;
      case 'put-incarnation':
        putMeta.run('incarnation', String(change.incarnation));
        return;
      case 'put-arrivals':
        this.#statements.raiseMeta.run('arrivals', String(change.arrivals));
        return;
    }
  }

  #bytes(row: Readonly<Record<string, SQLOutputValue>>, column: string): Bytes {
    const value = row[column];
    if (!(value instanceof Uint8Array)) throw this.#damaged(`${column} is no bytes`);
    return value;
  }

  /** A whole number from 0 to 2^53, whatever it is stored as: a stream whose number is none would sign nothing more. */
  #count(value: SQLOutputValue | undefined, column: string): number {
    const count = typeof value === 'string' && !/^\d{1,16}$/.test(value) ? Number.NaN : Number(value);
    if (!Number.isSafeInteger(count) || count < 0) throw this.#damaged(`${column} is no count`);
    return count;
  }

  #damaged(what: string): MeshError {
    return new MeshError('ERR_STATE_CORRUPT', `state file ${quotedPath(this.#path)}: ${what}`);
  }
}

type Statements = ReturnType<typeof prepareAll>;

function prepareAll(database: DatabaseSync) {
  return {
    getMeta: database.prepare('SELECT value FROM meta WHERE key = ?'),
    putMeta: database.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'),
    raiseMeta: database.prepare(
      'INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))',
    ),
    allMessages: database.prepare('SELECT * FROM messages ORDER BY arrival'),
    readMessage: database.prepare('SELECT bytes FROM messages WHERE arrival = ?'),
    putMessage: database.prepare('INSERT OR REPLACE INTO messages VALUES (?, ?, ?)'),
    dropMessage: database.prepare('DELETE FROM messages WHERE arrival = ?'),
    allChains: database.prepare('SELECT leaf_hash, der FROM chains ORDER BY leaf_hash, depth'),
    putCertificate: database.prepare('INSERT INTO chains VALUES (?, ?, ?)'),
    dropChain: database.prepare('DELETE FROM chains WHERE leaf_hash = ?'),
    allCrls: database.prepare('SELECT der FROM crls'),
    putCrl: database.prepare('INSERT OR REPLACE INTO crls VALUES (?, ?)'),
    allRevocations: database.prepare('SELECT * FROM revocations'),
    allWalletFloors: database.prepare('SELECT * FROM wallet_floors ORDER BY below DESC'),
    putWalletFloor: database.prepare('INSERT OR REPLACE INTO wallet_floors VALUES (?, ?)'),
    dropWalletFloors: database.prepare('DELETE FROM wallet_floors'),
    putRevocation: database.prepare('INSERT OR REPLACE INTO revocations VALUES (?, ?, ?, ?, ?)'),
    dropRevocation: database.prepare('DELETE FROM revocations WHERE issuer_key_hash = ? AND serial = ?'),
  };
}

/** Writes the owner into a new file; refuses one that has another. */
function claim(database: DatabaseSync, path: string, owner: StoreOwner): void {
  const getMeta = database.prepare('SELECT value FROM meta WHERE key = ?');
  const putMeta = database.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?)');
  for (const [key, expected] of [
    ['mesh', owner.mesh],
    ['node_id', owner.nodeId],
  ] as const) {
    putMeta.run(key, expected);
    const found = String(getMeta.get(key)?.['value']);
    if (found !== expected)
      throw new MeshError(
        'ERR_STATE_FOREIGN',
        `state file ${quotedPath(path)} belongs to ${key} ${quoted(found)}, expected ${quoted(expected)}`,
        'use the directory that this node was enrolled in',
      );
  }
}

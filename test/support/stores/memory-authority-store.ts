import { MeshError } from '../../../src/base/errors.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import type { AccessKeyRow, SpentRequestRow } from '../../../src/ports/authority/access-keys.ts';
import type { AuditRow } from '../../../src/ports/authority/audit.ts';
import type { CertificateKind, CertificateRow } from '../../../src/ports/authority/certificates.ts';
import type { BranchRow, DelegateRow, WalletRow } from '../../../src/ports/authority/delegates.ts';
import type { NodeRow, SightingRow } from '../../../src/ports/authority/nodes.ts';
import type { TicketRow } from '../../../src/ports/authority/tickets.ts';
import type { AuthorityStore, AuthorityTransaction, CrlRow, MetaKey } from '../../../src/ports/authority-store.ts';

/** An {@link AuthorityStore} without a disk: the same promises for as long as the process lives. */
export class MemoryAuthorityStore implements AuthorityStore {
  readonly #tables = new Tables();
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  transact<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new MeshError('ERR_NOT_READY', 'the store is closed'));
    const result = this.#last.then(() => this.#alone(work));
    this.#last = result.catch(() => {});
    return result;
  }

  async whyLost(): Promise<undefined> {}

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  async #alone<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T> {
    const undo: (() => void)[] = [];
    try {
      return await work(transactionOn(this.#tables, undo));
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }
}

class Tables {
  readonly meta = new Map<string, string>();
  readonly tickets = new Map<string, TicketRow>();
  readonly certificates = new Map<string, CertificateRow>();
  readonly accessKeys = new Map<string, AccessKeyRow>();
  readonly spentRequests = new Map<string, SpentRequestRow>();
  readonly nodes = new Map<string, NodeRow>();
  readonly sightings = new Map<string, SightingRow>();
  readonly crls = new Map<string, CrlRow>();
  readonly branches = new Map<number, BranchRow>();
  readonly delegates = new Map<string, DelegateRow>();
  readonly wallets = new Map<string, WalletRow>();
  readonly audit = new Map<number, AuditRow>();
}

function transactionOn(tables: Tables, undo: (() => void)[]): AuthorityTransaction {
  function put<K, V>(map: Map<K, V>, key: K, value: V): void {
    const before = map.get(key);
    undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    map.set(key, value);
  }
  function remove<K, V>(map: Map<K, V>, key: K): void {
    const before = map.get(key);
    if (before === undefined) return;
    undo.push(() => map.set(key, before));
    map.delete(key);
  }
  /** In the order of their issue: a map keeps the place of what is replaced. */
  const certificates = (): CertificateRow[] => [...tables.certificates.values()];
  const newestOf = (nodeId: string): CertificateRow | undefined =>
    certificates().findLast((row) => row.kind === 'node' && row.subject === nodeId);
  return {
    getMeta: async (key: MetaKey) => tables.meta.get(key),
    setMeta: async (key, value) => put(tables.meta, key, value),

    findTicket: async (tokenHash) => tables.tickets.get(tokenHash),
    findTicketByPrefix: async (prefix) => [...tables.tickets.values()].find((row) => row.tokenHash.startsWith(prefix)),
    listTickets: async (limit) =>
      [...tables.tickets.values()]
        .sort((a, b) => b.createdAt - a.createdAt || (a.tokenHash < b.tokenHash ? -1 : 1))
        .slice(0, limit),
    putTicket: async (row) => put(tables.tickets, row.tokenHash, row),

    findCertificate: async (serial) => tables.certificates.get(serial),
    certificatesOf: async (kind: CertificateKind, subject) =>
      certificates()
        .filter((row) => row.kind === kind && row.subject === subject)
        .reverse(),
    certificatesOfKey: async (spkiHash) =>
      certificates()
        .filter((row) => row.spkiHash === spkiHash)
        .reverse(),
    standingOfKey: async (spkiHash, tokenHash) => {
      const rows = certificates().filter((row) => row.spkiHash === spkiHash);
      return {
        isRevoked: rows.some((row) => row.revokedAt !== undefined),
        certificate: rows.find((row) => row.tokenHash === tokenHash),
      };
    },
    nextIssueIndex: async () => certificates().reduce((next, { issueIndex = -1 }) => Math.max(next, issueIndex + 1), 0),
    listRevoked: async (notAfterMin: UnixMs) =>
      certificates()
        .filter((row) => row.notAfter >= notAfterMin)
        .flatMap(({ serial, issueIndex, revokedAt, revokedReason = 'unspecified' }) =>
          revokedAt === undefined ? [] : [{ serial, issueIndex, revokedAt, revokedReason }],
        ),
    putCertificate: async (row) => {
      if (row.kind === 'node' && !tables.nodes.has(row.subject))
        throw new MeshError('ERR_INTERNAL', `a certificate was put before its node ${row.subject}`);
      if (tables.certificates.has(row.serial))
        throw new MeshError('ERR_INTERNAL', `serial ${row.serial} was put a second time`);
      put(tables.certificates, row.serial, row);
    },
    revokeCertificate: async (serial, revokedAt, revokedReason) => {
      const row = tables.certificates.get(serial);
      if (row !== undefined) put(tables.certificates, serial, { ...row, revokedAt, revokedReason });
    },

    listCertificates: async (kind: CertificateKind, limit) =>
      certificates()
        .filter((row) => row.kind === kind)
        .reverse()
        .slice(0, limit),

    findAccessKey: async (accessKeyId) => tables.accessKeys.get(accessKeyId),
    listAccessKeys: async (limit) =>
      [...tables.accessKeys.values()].filter(({ removedAt }) => removedAt === undefined).slice(0, limit),
    putAccessKey: async (row) => put(tables.accessKeys, row.accessKeyId, row),

    isRequestSpent: async (accessKeyId, textHash) => tables.spentRequests.has(`${accessKeyId} ${textHash}`),
    countSpentRequests: async (accessKeyId) =>
      [...tables.spentRequests.values()].filter((row) => row.accessKeyId === accessKeyId).length,
    putSpentRequest: async (row) => put(tables.spentRequests, `${row.accessKeyId} ${row.textHash}`, row),
    forgetSpentRequests: async (before: UnixMs) => {
      for (const [key, row] of tables.spentRequests) if (row.expiresAt < before) remove(tables.spentRequests, key);
    },

    findNode: async (nodeId) => tables.nodes.get(nodeId),
    listNodes: async (after, limit) =>
      [...tables.nodes.values()]
        .filter((row) => after === undefined || row.nodeId > after)
        .sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
        .flatMap((node) => {
          const newest = newestOf(node.nodeId);
          return newest === undefined ? [] : [{ node, newest, sighting: tables.sightings.get(node.nodeId) }];
        })
        .slice(0, limit),
    countNodes: async () => tables.nodes.size,
    countActiveNodes: async (now: UnixMs) => {
      const active = new Set(
        certificates()
          .filter((row) => row.kind === 'node' && row.revokedAt === undefined && row.notAfter > now)
          .map((row) => row.subject),
      );
      return [...tables.nodes.values()].filter((row) => row.revokedAt === undefined && active.has(row.nodeId)).length;
    },
    putNode: async (row) => put(tables.nodes, row.nodeId, row),

    findSighting: async (nodeId) => tables.sightings.get(nodeId),
    listReachable: async (seenAfter: UnixMs, now: UnixMs, limit) =>
      [...tables.sightings.values()]
        .filter(({ nodeId, seenAt, address }) => {
          const newest = newestOf(nodeId);
          const isGood = newest !== undefined && newest.revokedAt === undefined && newest.notAfter > now;
          return (
            address !== undefined && seenAt > seenAfter && isGood && tables.nodes.get(nodeId)?.revokedAt === undefined
          );
        })
        .sort((a, b) => b.seenAt - a.seenAt || (a.nodeId < b.nodeId ? -1 : 1))
        .slice(0, limit),
    putSighting: async (row) => put(tables.sightings, row.nodeId, row),

    findCrl: async (issuerKeyHash) => tables.crls.get(issuerKeyHash),
    putCrl: async (row) => put(tables.crls, row.issuerKeyHash, row),

    listBranches: async () => [...tables.branches.values()].sort((a, b) => a.epoch - b.epoch),
    putBranch: async (row) => put(tables.branches, row.epoch, row),

    findDelegate: async (id) => tables.delegates.get(id),
    delegatesOf: async (nodeId) => [...tables.delegates.values()].filter((row) => row.nodeId === nodeId),
    listDelegates: async (limit) => [...tables.delegates.values()].reverse().slice(0, limit),
    listRevokedDelegates: async (notAfterMin: UnixMs) =>
      [...tables.delegates.values()].filter((row) => row.revokedAt !== undefined && row.notAfter >= notAfterMin),
    putDelegate: async (row) => put(tables.delegates, row.id, row),

    listWallets: async () => [...tables.wallets.values()].sort((a, b) => (a.address < b.address ? -1 : 1)),
    putWallet: async (row) => put(tables.wallets, row.address, row),

    auditTail: async () => tables.audit.get(tables.audit.size),
    listAudit: async (sequenceMin, limit) =>
      [...tables.audit.values()].filter((row) => row.sequence >= sequenceMin).slice(0, limit),
    appendAudit: async (row) => {
      if (row.sequence !== tables.audit.size + 1)
        throw new MeshError('ERR_STATE_CORRUPT', `audit entry ${row.sequence} follows ${tables.audit.size}`);
      put(tables.audit, row.sequence, row);
    },
  };
}

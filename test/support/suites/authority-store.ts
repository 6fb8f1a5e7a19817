import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnixMs } from '../../../src/base/time.ts';
import type { AccessKeyRow } from '../../../src/ports/authority/access-keys.ts';
import type { AuditRow } from '../../../src/ports/authority/audit.ts';
import type { CertificateRow } from '../../../src/ports/authority/certificates.ts';
import type { NodeRow, SightingRow } from '../../../src/ports/authority/nodes.ts';
import type { TicketRow } from '../../../src/ports/authority/tickets.ts';
import type { AuthorityStore, AuthorityTransaction } from '../../../src/ports/authority-store.ts';

const at = (ms: number): UnixMs => ms as UnixMs;

export const TICKET: TicketRow = {
  tokenHash: 'aa'.repeat(32),
  epoch: 1,
  createdAt: at(1_000),
  expiresAt: at(61_000),
  usesMax: 2,
  usesSpent: 0,
  nodeId: undefined,
  rebind: false,
  roles: ['relay', 'operator'],
  cancelledAt: undefined,
};

const CERTIFICATE: CertificateRow = {
  serial: '1f',
  issueIndex: 1,
  kind: 'node',
  subject: 'n1',
  spkiHash: 'bb'.repeat(32),
  tokenHash: 'aa'.repeat(32),
  roles: [],
  notBefore: at(0),
  notAfter: at(10_000),
  der: Uint8Array.of(0x30, 0),
  revokedAt: undefined,
  revokedReason: undefined,
};

const NODE: NodeRow = { nodeId: 'n1', identitySpkiHash: 'bb'.repeat(32), boundAt: at(5), revokedAt: undefined };

const AUDIT: AuditRow = {
  sequence: 1,
  at: at(9),
  actor: 'admin',
  action: 'ticket-created',
  subject: 'aa',
  detail: [['uses', '2']],
  previousHash: '',
  hash: 'cc',
};

/** What every {@link AuthorityStore} must do. */
export function describeAuthorityStore(name: string, open: () => Promise<AuthorityStore>): void {
  async function withStore(run: (store: AuthorityStore) => Promise<void>): Promise<void> {
    const store = await open();
    try {
      await run(store);
    } finally {
      await store.close();
    }
  }

  describe(`AuthorityStore: ${name}`, () => {
    it('gives back every row as it was put', () =>
      withStore(async (store) => {
        const named = {
          ...TICKET,
          tokenHash: 'ab'.repeat(32),
          nodeId: 'n7',
          rebind: true,
          cancelledAt: at(7),
          roles: [],
        };
        const sighting: SightingRow = { nodeId: 'n1', seenAt: at(3), address: undefined, crlNumber: 4, version: '1' };
        const crl = { issuerKeyHash: 'dd', number: 9, thisUpdate: at(1), nextUpdate: at(2), der: Uint8Array.of(1, 2) };
        await store.transact(async (tx) => {
          await tx.setMeta('mesh', 'm1');
          await tx.putTicket(TICKET);
          await tx.putTicket(named);
          await tx.putNode(NODE);
          await tx.putCertificate(CERTIFICATE);
          await tx.putSighting(sighting);
          await tx.putCrl(crl);
          await tx.appendAudit(AUDIT);
        });
        await store.transact(async (tx) => {
          assert.equal(await tx.getMeta('mesh'), 'm1');
          assert.equal(await tx.getMeta('epoch'), undefined);
          assert.deepEqual(await tx.findTicket(TICKET.tokenHash), TICKET);
          assert.deepEqual(await tx.findTicket(named.tokenHash), named);
          assert.deepEqual(await tx.findTicketByPrefix('abab'), named);
          assert.equal(await tx.findTicketByPrefix('ac'), undefined);
          const found = await tx.findCertificate('1f');
          assert.deepEqual({ ...found, der: [...(found?.der ?? [])] }, { ...CERTIFICATE, der: [0x30, 0] });
          assert.deepEqual(await tx.findNode('n1'), NODE);
          assert.deepEqual(await tx.findSighting('n1'), sighting);
          const list = await tx.findCrl('dd');
          assert.deepEqual({ ...list, der: [...(list?.der ?? [])] }, { ...crl, der: [1, 2] });
          const tail = await tx.auditTail();
          assert.deepEqual([tail?.sequence, tail?.hash], [AUDIT.sequence, AUDIT.hash]);
          assert.deepEqual(await tx.listAudit(1, 9), [AUDIT]);
        });
      }));

    it('knows access keys by id, those that are good by their age, and what each has spent', () =>
      withStore(async (store) => {
        const key = (accessKeyId: string, removedAt?: UnixMs): AccessKeyRow => ({
          accessKeyId,
          name: 'alice',
          role: 'administrator',
          spki: Uint8Array.of(0x30, 0),
          createdAt: at(1),
          removedAt,
        });
        await store.transact(async (tx) => {
          for (const id of ['K2', 'K1', 'K3']) await tx.putAccessKey(key(id));
          await tx.putAccessKey(key('K1', at(5)));
        });
        await store.transact(async (tx) => {
          const found = await tx.findAccessKey('K1');
          assert.deepEqual({ ...found, spki: [...(found?.spki ?? [])] }, { ...key('K1', at(5)), spki: [0x30, 0] });
          assert.equal(await tx.findAccessKey('K4'), undefined);
          const ids = (limit: number) => tx.listAccessKeys(limit).then((rows) => rows.map((row) => row.accessKeyId));
          assert.deepEqual(await ids(9), ['K2', 'K3']);
          assert.deepEqual(await ids(1), ['K2']);
        });
        const spend = (accessKeyId: string, textHash: string, expiresAt: number) =>
          store.transact((tx) => tx.putSpentRequest({ accessKeyId, textHash, expiresAt: at(expiresAt) }));
        await spend('K2', 'aa', 10);
        await spend('K2', 'ab', 20);
        await spend('K3', 'aa', 30);
        await assert.rejects(
          store.transact(async (tx) => {
            await tx.forgetSpentRequests(at(99));
            throw new Error('boom');
          }),
        );
        await store.transact(async (tx) => {
          assert.deepEqual([await tx.countSpentRequests('K2'), await tx.countSpentRequests('K3')], [2, 1]);
          await tx.forgetSpentRequests(at(20));
          assert.equal(await tx.isRequestSpent('K2', 'aa'), false);
          assert.equal(await tx.isRequestSpent('K2', 'ab'), true);
          assert.equal(await tx.isRequestSpent('K3', 'aa'), true);
          assert.equal(await tx.isRequestSpent('K3', 'ab'), false);
        });
      }));

    it('lists the certificates of a kind, newest first', () =>
      withStore((store) =>
        store.transact(async (tx) => {
          await tx.putNode(NODE);
          for (const [serial, kind] of [
            ['a1', 'administrator'],
            ['b2', 'node'],
            ['a3', 'administrator'],
          ] as const)
            await tx.putCertificate({ ...CERTIFICATE, serial, kind, issueIndex: undefined });
          const serials = async (limit: number) =>
            (await tx.listCertificates('administrator', limit)).map((row) => row.serial);
          assert.deepEqual(await serials(9), ['a3', 'a1']);
          assert.deepEqual(await serials(1), ['a3']);
        }),
      ));

    it('keeps branches, delegates and wallets', () =>
      withStore(async (store) => {
        const scope = ['command:issue', 'publish:camera/*'];
        const branch = { epoch: 2, xpub: 'xpub', notBefore: at(1), notAfter: at(9), scope };
        const delegate = {
          id: '5a',
          nodeId: 'n1',
          statement: Uint8Array.of(1),
          notAfter: at(50),
          revokedAt: undefined,
        };
        const wallet = { address: 'bb', scope: ['command:issue', 'relay'], notAfter: at(9), revokedBelow: at(7) };
        await store.transact(async (tx) => {
          await tx.putBranch(branch);
          await tx.putBranch({ ...branch, epoch: 1 });
          await tx.putDelegate(delegate);
          await tx.putDelegate({ ...delegate, id: '5b', nodeId: 'n2' });
          await tx.putDelegate({ ...delegate, id: '5c', notAfter: at(40), revokedAt: at(3) });
          await tx.putWallet(wallet);
          await tx.putWallet({ ...wallet, address: 'aa', revokedBelow: undefined });
        });
        await store.transact(async (tx) => {
          const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);
          assert.deepEqual(
            (await tx.listBranches()).map(({ epoch }) => epoch),
            [1, 2],
          );
          assert.deepEqual((await tx.listBranches())[1], branch);
          const found = await tx.findDelegate('5a');
          assert.deepEqual({ ...found, statement: [...(found?.statement ?? [])] }, { ...delegate, statement: [1] });
          assert.equal(await tx.findDelegate('5f'), undefined);
          assert.deepEqual(ids(await tx.delegatesOf('n1')), ['5a', '5c']);
          assert.deepEqual(ids(await tx.listDelegates(2)), ['5c', '5b']);
          assert.deepEqual(ids(await tx.listRevokedDelegates(at(40))), ['5c']);
          await tx.putDelegate({ ...delegate, revokedAt: at(7) });
          assert.deepEqual(ids(await tx.listRevokedDelegates(at(41))), ['5a']);
          assert.deepEqual(
            (await tx.listWallets()).map(({ address }) => address),
            ['aa', 'bb'],
          );
          assert.deepEqual((await tx.listWallets())[1], wallet);
        });
      }));

    it('undoes all of a piece of work that throws, and none of its neighbours', () =>
      withStore(async (store) => {
        const outcomes = await Promise.allSettled([
          store.transact((tx) => tx.setMeta('mesh', 'before')),
          store.transact(async (tx) => {
            await tx.setMeta('mesh', 'half');
            await tx.putTicket(TICKET);
            throw new Error('boom');
          }),
          store.transact((tx) => tx.setMeta('epoch', '2')),
        ]);
        assert.deepEqual(
          outcomes.map((outcome) => outcome.status),
          ['fulfilled', 'rejected', 'fulfilled'],
        );
        await store.transact(async (tx) => {
          assert.equal(await tx.getMeta('mesh'), 'before');
          assert.equal(await tx.getMeta('epoch'), '2');
          assert.equal(await tx.findTicket(TICKET.tokenHash), undefined);
        });
      }));

    it('reads after a piece of work that was undone what was there before it', () =>
      withStore(async (store) => {
        const first = { ...AUDIT, sequence: 1, hash: '01'.repeat(32) };
        const second = { ...AUDIT, sequence: 2, previousHash: first.hash, hash: '02'.repeat(32) };
        const spend = async (tx: AuthorityTransaction, row: AuditRow): Promise<void> => {
          const ticket = await tx.findTicket(TICKET.tokenHash);
          assert.ok(ticket);
          await tx.putTicket({ ...ticket, usesSpent: ticket.usesSpent + 1 });
          await tx.appendAudit(row);
        };
        await store.transact((tx) => tx.putTicket(TICKET));
        const outcomes = await Promise.allSettled([
          store.transact((tx) => spend(tx, first)),
          store.transact(async (tx) => {
            await spend(tx, second);
            throw new Error('boom');
          }),
          store.transact(async (tx) => {
            assert.equal((await tx.auditTail())?.hash, first.hash);
            assert.deepEqual(await tx.findTicket(TICKET.tokenHash), { ...TICKET, usesSpent: 1 });
            await spend(tx, { ...second, action: 'again' });
          }),
        ]);
        assert.deepEqual(
          outcomes.map((outcome) => outcome.status),
          ['fulfilled', 'rejected', 'fulfilled'],
        );
        await store.transact(async (tx) => {
          assert.equal((await tx.auditTail())?.sequence, 2);
          assert.deepEqual(
            (await tx.listAudit(1, 9)).map((row) => row.action),
            [first.action, 'again'],
          );
          assert.deepEqual(await tx.findTicket(TICKET.tokenHash), { ...TICKET, usesSpent: 2 });
        });
      }));

    it('lets each piece of work see the store alone', () =>
      withStore(async (store) => {
        await store.transact((tx) => tx.setMeta('next-issue-index', '0'));
        const add = (): Promise<void> =>
          store.transact(async (tx) => {
            const value = Number(await tx.getMeta('next-issue-index'));
            await Promise.resolve();
            await tx.setMeta('next-issue-index', String(value + 1));
          });
        await Promise.all(Array.from({ length: 300 }, add));
        assert.equal(await store.transact((tx) => tx.getMeta('next-issue-index')), '300');
      }));

    it('lists revoked certificates in the order of their issue and knows revoked keys', () =>
      withStore(async (store) => {
        const second = { ...CERTIFICATE, serial: '2f', issueIndex: 2, notAfter: at(20_000), spkiHash: 'ee' };
        const isKeyRevoked = async (tx: AuthorityTransaction, tokenHash: string) =>
          (await tx.standingOfKey('ee', tokenHash)).isRevoked;
        await store.transact(async (tx) => {
          await tx.putNode(NODE);
          await tx.putCertificate(CERTIFICATE);
          await tx.putCertificate(second);
          assert.deepEqual(await tx.listRevoked(at(0)), []);
          assert.equal(await isKeyRevoked(tx, TICKET.tokenHash), false);
          await tx.revokeCertificate(second.serial, at(50), 'keyCompromise');
          await tx.revokeCertificate(CERTIFICATE.serial, at(51), 'unspecified');
          assert.equal(await isKeyRevoked(tx, TICKET.tokenHash), true);
          assert.equal(await isKeyRevoked(tx, 'cc'), true, 'whichever ticket it was issued for');
          assert.deepEqual(
            (await tx.certificatesOfKey('ee')).map((row) => row.serial),
            ['2f'],
          );
        });
        await store.transact(async (tx) => {
          const serials = async (from: number) => (await tx.listRevoked(at(from))).map((row) => row.serial);
          assert.deepEqual(await serials(0), ['1f', '2f']);
          assert.deepEqual(await serials(10_000), ['1f', '2f']);
          assert.deepEqual(await serials(10_001), ['2f']);
          assert.equal((await tx.findCertificate('2f'))?.revokedReason, 'keyCompromise');
        });
      }));

    it('knows what a key got for a ticket, and the index that comes next', () =>
      withStore((store) =>
        store.transact(async (tx) => {
          assert.equal(await tx.nextIssueIndex(), 0);
          await tx.putNode(NODE);
          await tx.putCertificate({ ...CERTIFICATE, serial: '5', issueIndex: 7 });
          await tx.putCertificate({ ...CERTIFICATE, serial: '6', issueIndex: 3, tokenHash: 'ab' });
          await tx.putCertificate({ ...CERTIFICATE, serial: '7', issueIndex: undefined, tokenHash: undefined });
          const got = async (spkiHash: string, tokenHash: string) =>
            (await tx.standingOfKey(spkiHash, tokenHash)).certificate?.serial;
          assert.equal(await got(CERTIFICATE.spkiHash, TICKET.tokenHash), '5');
          assert.equal(await got(CERTIFICATE.spkiHash, 'ab'), '6');
          assert.equal(await got(CERTIFICATE.spkiHash, 'ac'), undefined);
          assert.equal(await got('bc', 'ab'), undefined);
          assert.equal(await tx.nextIssueIndex(), 8);
        }),
      ));

    it('takes no certificate of a node that it does not know', () =>
      withStore(async (store) => {
        await assert.rejects(
          store.transact((tx) => tx.putCertificate(CERTIFICATE)),
          { code: 'ERR_INTERNAL' },
        );
        await store.transact(async (tx) => assert.equal(await tx.findCertificate('1f'), undefined));
      }));

    it('finds the certificates of one subject and kind, newest first', () =>
      withStore(async (store) => {
        await store.transact(async (tx) => {
          for (const nodeId of ['n1', 'n2']) await tx.putNode({ ...NODE, nodeId });
          await tx.putCertificate(CERTIFICATE);
          await tx.putCertificate({ ...CERTIFICATE, serial: '2f', issueIndex: 2 });
          await tx.putCertificate({ ...CERTIFICATE, serial: '3f', issueIndex: undefined, kind: 'administrator' });
          await tx.putCertificate({ ...CERTIFICATE, serial: '4f', issueIndex: 4, subject: 'n2' });
          const rows = await tx.certificatesOf('node', 'n1');
          assert.deepEqual(
            rows.map((row) => row.serial),
            ['2f', '1f'],
          );
        });
      }));

    it('gives no serial to two certificates', () =>
      withStore(async (store) => {
        await store.transact(async (tx) => {
          await tx.putNode(NODE);
          await tx.putCertificate(CERTIFICATE);
        });
        const again = { ...CERTIFICATE, issueIndex: 2, der: Uint8Array.of(0x30, 1) };
        await assert.rejects(
          store.transact((tx) => tx.putCertificate(again)),
          { code: 'ERR_INTERNAL' },
        );
        await store.transact(async (tx) => assert.equal((await tx.findCertificate('1f'))?.issueIndex, 1));
      }));

    it('counts the nodes that hold a certificate that is good', () =>
      withStore(async (store) => {
        await store.transact(async (tx) => {
          for (const [i, nodeId] of ['n1', 'n2', 'n3'].entries()) {
            await tx.putNode({ ...NODE, nodeId });
            await tx.putCertificate({ ...CERTIFICATE, serial: `${i}a`, issueIndex: i + 1, subject: nodeId });
          }
          assert.equal(await tx.countActiveNodes(at(1)), 3);
          assert.equal(await tx.countActiveNodes(at(10_000)), 0);
          await tx.putNode({ ...NODE, nodeId: 'n2', revokedAt: at(2) });
          await tx.revokeCertificate('2a', at(2), 'unspecified');
          assert.equal(await tx.countActiveNodes(at(1)), 1);
        });
      }));

    it('pages through nodes, tickets, sightings and the audit log in order', () =>
      withStore(async (store) => {
        await store.transact(async (tx) => {
          for (const [i, nodeId] of ['c', 'a', 'b', 'bare'].entries()) {
            await tx.putNode({ ...NODE, nodeId });
            const issued = { ...CERTIFICATE, serial: `${i}a`, issueIndex: i, subject: nodeId };
            if (nodeId !== 'bare') await tx.putCertificate(issued);
          }
          await tx.putCertificate({
            ...CERTIFICATE,
            serial: 'ff',
            issueIndex: 9,
            subject: 'a',
            notAfter: at(77),
            roles: ['relay'],
          });
          const ids = async (after: string | undefined) => (await tx.listNodes(after, 2)).map((row) => row.node.nodeId);
          const [first] = await tx.listNodes(undefined, 1);
          assert.deepEqual(first, {
            node: { ...NODE, nodeId: 'a' },
            newest: { ...first?.newest, serial: 'ff', notAfter: at(77), roles: ['relay'], revokedAt: undefined },
            sighting: undefined,
          });
          assert.equal(await tx.countNodes(), 4);
          assert.deepEqual(await ids(undefined), ['a', 'b']);
          assert.deepEqual(await ids('b'), ['c']);
          await tx.putTicket(TICKET);
          await tx.putTicket({ ...TICKET, tokenHash: 'bb', createdAt: at(2_000) });
          assert.deepEqual(
            (await tx.listTickets(9)).map((row) => row.createdAt),
            [2_000, 1_000],
          );
          const seen = { address: 'h:1', crlNumber: 0, version: '1' };
          for (const [nodeId, seenAt] of [
            ['a', 3],
            ['b', 9],
            ['a', 4],
            ['bare', 9],
          ] as const)
            await tx.putSighting({ ...seen, nodeId, seenAt: at(seenAt) });
          await tx.putSighting({ ...seen, nodeId: 'c', seenAt: at(9), address: undefined });
          const reachable = async (seenAfter: number, now: number) =>
            (await tx.listReachable(at(seenAfter), at(now), 9)).map((row) => [row.nodeId, row.seenAt]);
          assert.deepEqual(await reachable(0, 1), [
            ['b', 9],
            ['a', 4],
          ]);
          assert.deepEqual(await reachable(4, 1), [['b', 9]]);
          assert.deepEqual(await reachable(0, 77), [['b', 9]], 'the newest certificate of a has ended');
          await tx.putNode({ ...NODE, nodeId: 'b', revokedAt: at(2) });
          assert.deepEqual(await reachable(0, 77), []);
          assert.equal((await tx.listNodes('a', 1))[0]?.sighting?.seenAt, 9);
          assert.equal(await tx.auditTail(), undefined);
          for (const sequence of [1, 2, 3]) await tx.appendAudit({ ...AUDIT, sequence });
          assert.deepEqual(
            (await tx.listAudit(2, 9)).map((row) => row.sequence),
            [2, 3],
          );
          assert.equal((await tx.auditTail())?.sequence, 3);
        });
      }));

    it('refuses work after it was closed, and finishes what was begun', async () => {
      const store = await open();
      const last = store.transact((tx) => tx.setMeta('mesh', 'm1'));
      await store.close();
      await last;
      await assert.rejects(
        store.transact((tx) => tx.getMeta('mesh')),
        { code: 'ERR_NOT_READY' },
      );
    });
  });
}

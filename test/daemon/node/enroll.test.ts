import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  epochResponseSchema,
  revokeResultSchema,
  ticketCreatedSchema,
  ticketsResponseSchema,
} from '../../../src/api/authority.ts';
import { renderTicket, type Ticket } from '../../../src/api/ticket.ts';
import { bytesEqual, EMPTY } from '../../../src/base/bytes.ts';
import { initAuthority } from '../../../src/daemon/authority/init.ts';
import { withAuthority } from '../../../src/daemon/authority/desk.ts';
import { authorityLayout, nodeLayout, requireAuthorityDirectory } from '../../../src/daemon/directory.ts';
import { enrollNode } from '../../../src/daemon/node/enroll.ts';
import { loadEnrolledNode, openIdentityKey } from '../../../src/daemon/node/enrolled-node.ts';
import { up } from '../../../src/daemon/up/up.ts';
import { lockDirectory } from '../../../src/host/files/directory-lock.ts';
import { FileKeyStore } from '../../../src/host/keys/file-key-store.ts';
import {
  passphrase,
  restartAuthority,
  startAuthority,
  suiteAuthority,
} from '../../support/processes/authority-process.ts';

const suite = suiteAuthority();
const { folder, authorityDir: directory } = suite;

async function newTicket(from = directory): Promise<Ticket> {
  const options = { directory: from, environment: {}, passphrase: async () => passphrase() };
  const { ticket } = await withAuthority(options, (desk) =>
    desk.call(ticketCreatedSchema, { method: 'POST', path: '/v1/tickets', body: {} }),
  );
  return ticket;
}

let nodes = 0;
const newNode = (): string => join(folder, `node-${nodes++}`);
const enroll = (into: string, ticket: Ticket) =>
  enrollNode({ directory: into, ticket: renderTicket(ticket), passphrase: passphrase() });

describe('enrolling a node', () => {
  it('leaves a directory that its process can start from', async () => {
    const into = newNode();
    const enrolled = await enroll(into, await newTicket());
    const loaded = loadEnrolledNode(into);
    assert.deepEqual([loaded.nodeId, loaded.mesh, loaded.endpoint], [enrolled.nodeId, 'depot', suite.url]);
    assert.equal(loaded.rootPem, readFileSync(authorityLayout(directory).rootCertificate, 'utf8'));
    assert.equal(loaded.chain.length, 2);
    const [leaf] = loaded.chain;
    assert.ok(leaf);
    const keys = await FileKeyStore.open(nodeLayout(into).keys, passphrase());
    assert.deepEqual((await openIdentityKey(keys, leaf)).spki, leaf.spki);
    assert.equal(readFileSync(nodeLayout(into).enrollment, 'utf8').includes('token":'), false, 'the token is not kept');
  });

  it('is not confirmed once the node was revoked, the same ticket or another', async () => {
    const ticket = await newTicket();
    const into = newNode();
    const { nodeId } = await enroll(into, ticket);
    assert.equal((await enroll(into, ticket)).nodeId, nodeId);
    const options = { directory, environment: {}, passphrase: async () => passphrase() };
    const revoke = { method: 'POST', path: '/v1/revoke', body: { node_id: nodeId } } as const;
    await withAuthority(options, (desk) => desk.call(revokeResultSchema, revoke));
    for (const shown of [ticket, await newTicket()])
      await assert.rejects(enroll(into, shown), {
        code: 'ERR_ENROLL_REVOKED',
        message: new RegExp(`${nodeId} was revoked at `),
        hint: /another directory/,
      });
  });

  it('comes to the same end from wherever it was killed', async () => {
    const ticket = await newTicket();
    const into = newNode();
    const { nodeId } = await enroll(into, ticket);
    const whole = join(folder, 'whole');
    cpSync(into, whole, { recursive: true });
    const layout = nodeLayout(into);
    // The last thing that is written first: what a kill leaves behind.
    for (const lost of [layout.enrollment, layout.caCertificates, layout.certificate, layout.request]) {
      rmSync(lost);
      if (lost === layout.enrollment) assert.throws(() => loadEnrolledNode(into), { code: 'ERR_DIR_NOT_INITIALISED' });
      rmSync(layout.enrollment, { force: true });
      assert.equal((await enroll(into, ticket)).nodeId, nodeId);
      const before = readFileSync(nodeLayout(whole).certificate, 'utf8');
      assert.equal(readFileSync(layout.certificate, 'utf8'), before, 'the same certificate');
    }
  });

  it('gets a fresh certificate with a new ticket while the old one is good: same key, same node', async (t) => {
    const into = newNode();
    const first = await enroll(into, await newTicket());
    const again = await newTicket();
    const second = await enroll(into, again);
    const serialOf = ({ chain }: typeof first) => chain[0]?.serial;
    assert.equal(second.nodeId, first.nodeId);
    assert.notEqual(serialOf(second), serialOf(first));
    assert.ok(second.notAfter >= first.notAfter);
    assert.ok(bytesEqual(second.chain[0]?.spki ?? EMPTY, first.chain[0]?.spki ?? EMPTY));
    assert.equal(serialOf(await enroll(into, again)), serialOf(second), 'the same ticket again asks for nothing');

    const kept = readFileSync(nodeLayout(into).certificate, 'utf8');
    const other = join(folder, 'other-ca');
    const elsewhere = await startAuthority(other);
    t.after(() => elsewhere.close());
    for (const foreign of [await newTicket(other), { ...(await newTicket()), node_id: 'gate-7' }]) {
      await assert.rejects(enroll(into, foreign), { code: 'ERR_DIR_EXISTS', message: /ticket is for another/ });
      assert.equal(readFileSync(nodeLayout(into).certificate, 'utf8'), kept);
    }
    const lock = lockDirectory(into);
    await assert.rejects(enroll(into, await newTicket()), { code: 'ERR_DIR_LOCKED' });
    lock.release();
  });

  it('keeps nothing of an answer for another key or mesh', async () => {
    const into = newNode();
    const ticket = await newTicket();
    await assert.rejects(enroll(into, { ...ticket, mesh: 'other' }), { code: 'ERR_UNREACHABLE' });
    await assert.rejects(enroll(into, { ...ticket, endpoint: 'https://127.0.0.1:1' }), {
      code: 'ERR_UNREACHABLE',
      hint: /nothing listens/,
    });
    await assert.rejects(enroll(into, { ...ticket, trust_anchor: 'rubbish' }), { code: /ERR_/ });
    assert.equal(existsSync(nodeLayout(into).certificate), false);
    assert.equal((await enroll(into, ticket)).mesh, 'depot');
  });

  it('says that the time of a ticket is over, which the authority tells no stranger', async () => {
    const ticket = { ...(await newTicket()), token: 'A'.repeat(48) };
    await assert.rejects(enroll(newNode(), ticket), { code: 'ERR_TICKET_REFUSED', message: /unknown, spent, expired/ });
    const over = { ...ticket, expires_at: '2020-01-01T00:00:00Z' };
    await assert.rejects(enroll(newNode(), over), { code: 'ERR_TICKET_REFUSED', message: /expired at 2020-01-01/ });
  });

  it('damaged state is told as such', async () => {
    const into = newNode();
    await enroll(into, await newTicket());
    const layout = nodeLayout(into);
    const good = readFileSync(layout.certificate, 'utf8');
    writeFileSync(layout.certificate, good.slice(0, 300));
    assert.throws(() => loadEnrolledNode(into), { code: 'ERR_STATE_CORRUPT' });
    writeFileSync(layout.certificate, good);
    writeFileSync(layout.enrollment, '{}');
    assert.throws(() => loadEnrolledNode(into), { code: 'ERR_STATE_CORRUPT' });
  });
});

describe('an authority’s directory', () => {
  it('is no node’s, and a node’s is no authority’s: neither is written over', async () => {
    const authorityHere = join(folder, 'authority-here');
    const options = { mesh: 'other', passphrase: passphrase() };
    const layout = await initAuthority({ ...options, directory: authorityHere });
    const ca = readFileSync(layout.caCertificates, 'utf8');
    await assert.rejects(enroll(authorityHere, await newTicket()), { code: 'ERR_DIR_EXISTS', message: /authority/ });
    assert.equal(readFileSync(layout.caCertificates, 'utf8'), ca);
    assert.throws(() => loadEnrolledNode(authorityHere), { code: 'ERR_DIR_NOT_INITIALISED', hint: 'check --dir' });

    const nodeHere = newNode();
    await enroll(nodeHere, await newTicket());
    const config = readFileSync(nodeLayout(nodeHere).config, 'utf8');
    await assert.rejects(initAuthority({ ...options, directory: nodeHere }), {
      code: 'ERR_DIR_EXISTS',
      message: /node/,
    });
    assert.equal(readFileSync(nodeLayout(nodeHere).config, 'utf8'), config);
    assert.throws(() => requireAuthorityDirectory(nodeHere), { hint: 'check --dir' });
    for (const taken of [authorityHere, nodeHere]) {
      const fresh = { nodes: 1, directory: taken, signal: AbortSignal.abort(), onEvent: () => {} };
      await assert.rejects(up(fresh), { code: 'ERR_DIR_EXISTS' });
      assert.equal(existsSync(join(taken, 'nodes')), false);
    }
  });

  it('is opened with one passphrase, asked for once, however long another process has it', async () => {
    const busy = join(folder, 'busy');
    await initAuthority({ directory: busy, mesh: 'busy', passphrase: passphrase() });
    const lock = lockDirectory(busy);
    let asked = 0;
    const options = {
      directory: busy,
      environment: {},
      passphrase: async () => {
        if (asked++ === 0) setImmediate(() => setImmediate(() => lock.release()));
        return passphrase();
      },
    };
    const call = { method: 'GET', path: '/v1/tickets' } as const;
    const { tickets } = await withAuthority(options, (desk) => desk.call(ticketsResponseSchema, call));
    assert.deepEqual([tickets, asked], [[], 1]);
  });

  it('that was left half made is made again, with the keys that are there', async () => {
    const half = join(folder, 'half');
    const options = { directory: half, mesh: 'half', passphrase: passphrase() };
    const layout = await initAuthority(options);
    const keys = await FileKeyStore.open(layout.keys, passphrase());
    const { spki } = await keys.open('issuer');
    rmSync(layout.config);
    await initAuthority(options);
    assert.ok(bytesEqual((await (await FileKeyStore.open(layout.keys, passphrase())).open('issuer')).spki, spki));
    await assert.rejects(initAuthority(options), { code: 'ERR_DIR_EXISTS' });
    await newTicket(half);
  });

  it('put back from a backup honours no ticket of before, once told so (T7)', async () => {
    const origin = join(folder, 'origin');
    const copy = join(folder, 'copy');
    let authority = await startAuthority(origin, { mesh: 'restored' });
    const spent = await newTicket(origin);
    await authority.close();
    cpSync(origin, copy, { recursive: true });
    authority = await restartAuthority(origin);
    await enroll(newNode(), { ...spent, endpoint: authority.url });
    await authority.close();

    authority = await restartAuthority(copy);
    try {
      const options = { directory: copy, environment: {}, passphrase: async () => passphrase() };
      const statuses = async () => {
        const { tickets } = await withAuthority(options, (desk) =>
          desk.call(ticketsResponseSchema, { method: 'GET', path: '/v1/tickets' }),
        );
        return tickets.map(({ status }) => status);
      };
      assert.deepEqual(await statuses(), ['open'], 'the backup does not know that it was spent');
      await withAuthority(options, (desk) =>
        desk.call(epochResponseSchema, { method: 'POST', path: '/v1/recovery/epoch' }),
      );
      assert.deepEqual(await statuses(), ['void']);
      await assert.rejects(enroll(newNode(), { ...spent, endpoint: authority.url }), { code: 'ERR_TICKET_REFUSED' });
    } finally {
      await authority.close();
    }
  });
});

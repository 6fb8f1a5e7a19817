import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ticketIdOf, tokenHashOf } from '../../../src/authority/enrollment/ticket.ts';
import { DAY_MS, HOUR_MS } from '../../../src/base/time.ts';
import { sha256Hex } from '../../../src/crypto/hash.ts';
import { nodeIdOfSpki } from '../../../src/identity/node-id.ts';
import { parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { grantsOf, issueIndexOf } from '../../../src/pki/mesh/mesh-extensions.ts';
import {
  auditOf,
  authorityWorld,
  csrPem,
  enrollmentOf,
  HandClock,
  newSigner,
  newToken,
  refusalsOf,
} from '../../support/mesh/authority-world.ts';

const REFUSED = { code: 'ERR_TICKET_REFUSED', message: 'the ticket is unknown, spent, expired or of another mesh' };

describe('enrolment', () => {
  it('gives a node the id of its key and what a plain ticket grants (S1.51, T15)', async () => {
    const { authority, store, clock } = await authorityWorld();
    const signer = newSigner();
    const { nodeId, certificate } = await authority.enroll(await enrollmentOf(await newToken(authority), signer));
    assert.equal(nodeId, nodeIdOfSpki(signer.spki));
    const leaf = parseCertificate(certificate.der);
    assert.deepEqual(grantsOf(leaf), { roles: [], capabilities: ['publish:indicator', 'publish:sensor/*', 'relay'] });
    assert.equal(issueIndexOf(leaf), 0);
    assert.equal(leaf.notAfter, clock.wall() + DAY_MS);
    assert.equal(authority.judgeNode([certificate.der]).tag, 'ok');
    assert.equal((await auditOf(store)).at(-1)?.action, 'enrolled');
  });

  it('keeps of a certificate what the certificate says', async () => {
    const clock = new HandClock(Date.UTC(2026, 0, 1) + 777);
    const { authority } = await authorityWorld({ clock });
    const { certificate } = await authority.enroll(await enrollmentOf(await newToken(authority, { roles: ['relay'] })));
    const leaf = parseCertificate(certificate.der);
    const { serial, notBefore, notAfter, spkiHash, issueIndex, roles } = certificate;
    assert.deepEqual(
      { serial, notBefore, notAfter, spkiHash, issueIndex, roles },
      {
        serial: leaf.serial,
        notBefore: leaf.notBefore,
        notAfter: leaf.notAfter,
        spkiHash: sha256Hex(leaf.spki),
        issueIndex: issueIndexOf(leaf),
        roles: grantsOf(leaf)?.roles,
      },
    );
  });

  it('takes Ed25519 keys and base64 DER', async () => {
    const { authority } = await authorityWorld();
    const pem = await csrPem(newSigner('Ed25519'));
    const base64 = pem.replace(/-----[A-Z ]+-----/g, '').replaceAll('\n', '');
    const request = { ...(await enrollmentOf(await newToken(authority))), csr: base64 };
    assert.equal(authority.judgeNode([(await authority.enroll(request)).certificate.der]).tag, 'ok');
  });

  it('gives issue indexes without gaps', async () => {
    const { authority } = await authorityWorld();
    const token = await newToken(authority, { usesMax: 5 });
    const indexes: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++)
      indexes.push((await authority.enroll(await enrollmentOf(token))).certificate.issueIndex);
    assert.deepEqual(indexes, [0, 1, 2, 3, 4]);
  });

  it('gives the same key the same certificate again, also when the ticket is spent or expired', async () => {
    const { authority, clock, store } = await authorityWorld();
    const token = await newToken(authority);
    const signer = newSigner();
    const first = await authority.enroll(await enrollmentOf(token, signer));
    const again = await authority.enroll(await enrollmentOf(token, signer));
    clock.pass(2 * HOUR_MS);
    const late = await authority.enroll(await enrollmentOf(token, signer));
    assert.deepEqual(again.certificate.der, first.certificate.der);
    assert.deepEqual(late.certificate.der, first.certificate.der);
    assert.equal((await auditOf(store)).filter(({ action }) => action === 'enrolled').length, 1);
  });

  it('gives one certificate when the same request comes many times at once', async () => {
    const { authority } = await authorityWorld();
    const request = await enrollmentOf(await newToken(authority));
    const all = await Promise.all(Array.from({ length: 20 }, () => authority.enroll(request)));
    assert.equal(new Set(all.map(({ certificate }) => certificate.serial)).size, 1);
    assert.equal((await authority.listTickets())[0]?.row.usesSpent, 1);
  });

  it('enrols one of many that race for one use, and sounds the alarm for the others (T7)', async () => {
    const { authority, store } = await authorityWorld();
    const token = await newToken(authority);
    const requests = await Promise.all(Array.from({ length: 10 }, () => enrollmentOf(token)));
    const outcomes = await Promise.allSettled(requests.map((request) => authority.enroll(request)));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.deepEqual(await refusalsOf(store), Array(9).fill('ticket-alarm: spent'));
    assert.equal((await authority.listNodes()).length, 1);
  });

  it('refuses every bad token alike, and writes down why (T7)', async () => {
    const { authority, clock, store } = await authorityWorld();
    const other = await authorityWorld({ mesh: 'other' });
    const spent = await newToken(authority);
    await authority.enroll(await enrollmentOf(spent));
    const old = await newToken(authority);
    await authority.beginEpoch('test');
    const cancelled = await newToken(authority);
    await authority.cancelTicket(ticketIdOf({ tokenHash: tokenHashOf(cancelled) ?? '' }), 'test');
    const expired = await newToken(authority);
    clock.pass(HOUR_MS);
    const foreign = await newToken(other.authority);
    for (const token of ['', 'x', 'x'.repeat(48), foreign, cancelled, old, expired])
      await assert.rejects(authority.enroll(await enrollmentOf(token)), REFUSED);
    assert.deepEqual(
      (await refusalsOf(store)).map((line) => line.replace('enrolment-refused: ', '')),
      ['malformed', 'malformed', 'unknown', 'unknown', 'cancelled', 'void', 'expired'],
    );
  });

  it('lists each ticket as what it is refused for, whatever came together', async () => {
    const { authority, clock, store } = await authorityWorld();
    const tokens: string[] = [];
    const prepare = async (): Promise<void> => {
      for (const isExpired of [false, true])
        for (const isSpent of [false, true])
          for (const isCancelled of [false, true]) {
            const token = await newToken(authority, { lifeMs: isExpired ? HOUR_MS / 2 : HOUR_MS });
            if (isSpent) await authority.enroll(await enrollmentOf(token));
            const id = ticketIdOf({ tokenHash: tokenHashOf(token) ?? '' });
            if (isCancelled) await authority.cancelTicket(id, 'test');
            tokens.push(token);
          }
    };
    await prepare();
    await authority.beginEpoch('test');
    await prepare();
    clock.pass(HOUR_MS / 2);
    const listed = new Map((await authority.listTickets()).map(({ row, status }) => [row.tokenHash, status]));
    for (const token of tokens) {
      const status = listed.get(tokenHashOf(token) ?? '');
      const attempt = authority.enroll(await enrollmentOf(token));
      if (status === 'open') await attempt;
      else {
        await assert.rejects(attempt, REFUSED);
        assert.equal((await refusalsOf(store)).at(-1)?.split(': ')[1], status);
      }
    }
    assert.deepEqual([...listed.values()].toSorted(), [
      ...Array<string>(4).fill('cancelled'),
      'expired',
      'open',
      'spent',
      'spent',
      ...Array<string>(8).fill('void'),
    ]);
  });

  it('refuses a spent ticket with another key, and calls it an alarm (T7)', async () => {
    const { authority, store } = await authorityWorld();
    const token = await newToken(authority);
    await authority.enroll(await enrollmentOf(token));
    await assert.rejects(authority.enroll(await enrollmentOf(token)), REFUSED);
    assert.deepEqual(await refusalsOf(store), ['ticket-alarm: spent']);
  });

  it('says of a ticket that is used up what it says of one that never was, whatever comes with it (T7)', async () => {
    const { authority, clock, store } = await authorityWorld();
    const spent = await newToken(authority);
    const good = await enrollmentOf(spent);
    await authority.enroll(good);
    const outcast = newSigner();
    const { nodeId } = await authority.enroll(await enrollmentOf(await newToken(authority), outcast));
    await authority.revoke({ tag: 'node', nodeId }, 'keyCompromise', 'test');
    const half = await newToken(authority, { usesMax: 2 });
    await authority.enroll(await enrollmentOf(half));
    const isExpired = (token: string) => token === half;
    for (const token of [spent, half]) {
      if (isExpired(token)) clock.pass(2 * HOUR_MS);
      const other = await enrollmentOf(token);
      for (const request of [
        { ...other, csr: 'not a request' },
        { ...other, csr: `${other.csr.slice(0, -60)}${other.csr.at(-60) === 'A' ? 'B' : 'A'}${other.csr.slice(-59)}` },
        { ...other, attestation: { type: 'tpm_quote' } },
        { ...other, nodeId: 'boss' },
        await enrollmentOf(token, outcast),
      ])
        await assert.rejects(authority.enroll(request), REFUSED);
    }
    assert.deepEqual(await refusalsOf(store), [
      ...Array<string>(5).fill('ticket-alarm: spent'),
      ...Array<string>(5).fill('enrolment-refused: expired'),
    ]);
    await authority.enroll(good);
  });

  it('gives nothing again to who asks for another name than it was given (T15)', async () => {
    const { authority } = await authorityWorld();
    const token = await newToken(authority, { nodeId: 'gate-7' });
    const good = await enrollmentOf(token);
    const { certificate } = await authority.enroll(good);
    await assert.rejects(authority.enroll({ ...good, nodeId: 'gate-8' }), { code: 'ERR_ENROLL_NODE_ID' });
    assert.deepEqual((await authority.enroll({ ...good, nodeId: 'gate-7' })).certificate, certificate);
  });

  it('does not parse what a stranger sends beside a bad token (T16)', async () => {
    const { authority } = await authorityWorld();
    const request = { ...(await enrollmentOf('x'.repeat(48))), csr: 'not a request' };
    await assert.rejects(authority.enroll(request), REFUSED);
    await assert.rejects(authority.enroll({ ...request, token: await newToken(authority) }), {
      code: 'ERR_CSR_MALFORMED',
    });
  });

  it('does not spend the ticket on a request that is refused', async () => {
    const { authority } = await authorityWorld();
    const token = await newToken(authority);
    const good = await enrollmentOf(token);
    const flipped = `${good.csr.slice(0, -60)}${good.csr.at(-60) === 'A' ? 'B' : 'A'}${good.csr.slice(-59)}`;
    await assert.rejects(authority.enroll({ ...good, csr: flipped }), { code: /^ERR_CSR_/ });
    await assert.rejects(authority.enroll({ ...good, nodeId: 'boss' }), { code: 'ERR_ENROLL_NODE_ID' });
    await authority.enroll(good);
  });

  it('refuses evidence that nobody appraises, SafetyNet with the reason that it was shut down (S1.87, T18)', async () => {
    const { authority } = await authorityWorld();
    const good = await enrollmentOf(await newToken(authority));
    const withEvidence = (type: string) => authority.enroll({ ...good, attestation: { type } });
    await assert.rejects(withEvidence('safetynet'), { code: 'ERR_ATTESTATION', message: /Google shut/ });
    await assert.rejects(withEvidence('tpm_quote'), { code: 'ERR_ATTESTATION', message: /not accepted here yet/ });
    await assert.rejects(withEvidence('magic'), { code: 'ERR_ATTESTATION', message: /unknown/ });
  });
});

describe('node ids (T15)', () => {
  it('grants the name of the ticket, asked for or not, and no other', async () => {
    const { authority } = await authorityWorld();
    const named = await newToken(authority, { nodeId: 'gate-7' });
    await assert.rejects(authority.enroll(await enrollmentOf(named, undefined, 'gate-8')), {
      code: 'ERR_ENROLL_NODE_ID',
    });
    assert.equal((await authority.enroll(await enrollmentOf(named))).nodeId, 'gate-7');
    const plain = await newToken(authority);
    await assert.rejects(authority.enroll(await enrollmentOf(plain, undefined, 'gate-9')), {
      code: 'ERR_ENROLL_NODE_ID',
    });
    const signer = newSigner();
    const own = nodeIdOfSpki(signer.spki);
    assert.equal((await authority.enroll(await enrollmentOf(plain, signer, own))).nodeId, own);
  });

  it('never grants a name of the form that belongs to keys, nor a reserved one', async () => {
    const { authority } = await authorityWorld();
    const victim = nodeIdOfSpki(newSigner().spki);
    for (const nodeId of [victim, 'authority', 'broadcast', 'UPPER', 'a.b', ''])
      await assert.rejects(newToken(authority, { nodeId }), { code: 'ERR_NODE_ID' });
  });

  it('binds a name to its first key for good', async () => {
    const { authority, store } = await authorityWorld();
    const signer = newSigner();
    await authority.enroll(await enrollmentOf(await newToken(authority, { nodeId: 'gate-7' }), signer));
    const thief = await enrollmentOf(await newToken(authority, { nodeId: 'gate-7' }));
    await assert.rejects(authority.enroll(thief), { code: 'ERR_ENROLL_NODE_ID' });
    assert.deepEqual(await refusalsOf(store), ['ticket-alarm: node-id-bound']);
    // Its own key may come back with a new ticket.
    await authority.enroll(await enrollmentOf(await newToken(authority, { nodeId: 'gate-7' }), signer));
  });

  it('binds it anew when an administrator says so, and revokes what the old key had', async () => {
    const { authority } = await authorityWorld();
    const old = await authority.enroll(await enrollmentOf(await newToken(authority, { nodeId: 'gate-7' })));
    const fresh = await authority.enroll(
      await enrollmentOf(await newToken(authority, { nodeId: 'gate-7', rebind: true })),
    );
    assert.equal(fresh.nodeId, 'gate-7');
    assert.equal(authority.judgeNode([fresh.certificate.der]).tag, 'ok');
    const judged = authority.judgeNode([old.certificate.der]);
    assert.equal(judged.tag === 'refused' && judged.code, 'ERR_PATH_REVOKED');
    assert.deepEqual(
      (await authority.listNodes()).map(({ nodeId, status, serial }) => [nodeId, status, serial]),
      [['gate-7', 'active', fresh.certificate.serial]],
    );
  });
});

describe('policy', () => {
  it('keeps out who is not on the allow list (S1.55)', async () => {
    const { authority } = await authorityWorld({ policy: { allow: ['gate-*', 'lamp'] } });
    const enrol = async (nodeId: string) => authority.enroll(await enrollmentOf(await newToken(authority, { nodeId })));
    await enrol('gate-1');
    await enrol('lamp');
    await assert.rejects(enrol('lamp-2'), { code: 'ERR_ENROLL_POLICY' });
    await assert.rejects(authority.enroll(await enrollmentOf(await newToken(authority))), {
      code: 'ERR_ENROLL_POLICY',
    });
  });

  it('keeps the number of nodes, and makes room when one is revoked or expires (S1.55)', async () => {
    const { authority, clock } = await authorityWorld({ policy: { nodesMax: 2 } });
    const enrol = async () => authority.enroll(await enrollmentOf(await newToken(authority)));
    const { nodeId } = await enrol();
    await enrol();
    await assert.rejects(enrol(), { code: 'ERR_ENROLL_POLICY' });
    await authority.revoke({ tag: 'node', nodeId }, 'unspecified', 'test');
    await enrol();
    await assert.rejects(enrol(), { code: 'ERR_ENROLL_POLICY' });
    clock.pass(DAY_MS);
    await enrol();
  });

  it('puts roles and what they add into the certificate, and never makes an administrator by ticket', async () => {
    const { authority } = await authorityWorld();
    const token = await newToken(authority, { roles: ['operator', 'custom'] });
    const { certificate } = await authority.enroll(await enrollmentOf(token));
    const grants = grantsOf(parseCertificate(certificate.der));
    assert.deepEqual(grants?.roles, ['custom', 'operator']);
    assert.ok(grants?.capabilities.includes('command:issue' as never));
    await assert.rejects(newToken(authority, { roles: ['administrator'] }), { code: 'ERR_INPUT' });
  });
});

describe('after a restart', () => {
  it('knows tickets, certificates and indexes, and after a new epoch honours no older ticket (T7)', async () => {
    const world = await authorityWorld();
    const spent = await newToken(world.authority);
    const signer = newSigner();
    const first = await world.authority.enroll(await enrollmentOf(spent, signer));
    const unspent = await newToken(world.authority);
    const second = await world.open();
    assert.deepEqual((await second.enroll(await enrollmentOf(spent, signer))).certificate.der, first.certificate.der);
    assert.equal((await second.enroll(await enrollmentOf(unspent))).certificate.issueIndex, 1);
    const open = await newToken(second);
    await second.beginEpoch('test');
    const third = await world.open();
    await assert.rejects(third.enroll(await enrollmentOf(open)), REFUSED);
    const { issueIndex } = (await third.enroll(await enrollmentOf(await newToken(third)))).certificate;
    assert.ok((issueIndex ?? 0) > 1_000_000, 'indexes given out since the backup must not come again');
  });

  it('refuses a store of another mesh', async () => {
    const { store } = await authorityWorld();
    await assert.rejects(authorityWorld({ mesh: 'other', store }), { code: 'ERR_STATE_FOREIGN' });
  });
});

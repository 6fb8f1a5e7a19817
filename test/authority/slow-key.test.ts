import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createIssuer } from '../../src/authority/issuer.ts';
import { CLOCK_JUMP_MS_MAX } from '../../src/authority/health/clock-guard.ts';
import { ticketIdOf, tokenHashOf } from '../../src/authority/enrollment/ticket.ts';
import { isSyncSigner, type Signer } from '../../src/crypto/keys/signer.ts';
import type { AuthorityStore } from '../../src/ports/authority-store.ts';
import { MemoryAuthorityStore } from '../support/stores/memory-authority-store.ts';
import {
  auditOf,
  authorityWorld,
  enrollmentOf,
  newSigner,
  newToken,
  refusalsOf,
} from '../support/mesh/authority-world.ts';

const REFUSED = { code: 'ERR_TICKET_REFUSED' };

/** An authority whose issuing key answers later; `meanwhile` is what happens until it does. */
async function slowWorld() {
  const { issuer, store, clock } = await authorityWorld();
  const hardware = {
    meanwhile: async (): Promise<unknown> => undefined,
    signatures: 0,
  };
  const signer: Signer = {
    algorithm: issuer.signer.algorithm,
    spki: issuer.signer.spki,
    sign: async (data) => {
      hardware.signatures++;
      await new Promise((resolve) => setImmediate(resolve));
      const { meanwhile } = hardware;
      hardware.meanwhile = async () => undefined;
      await meanwhile();
      return issuer.signer.sign(data);
    },
  };
  assert.ok(!isSyncSigner(signer) && isSyncSigner(issuer.signer));
  const slow = createIssuer(issuer.mesh, issuer.certificate, issuer.root, signer);
  const { authority } = await authorityWorld({ issuer: slow, store, clock });
  return { authority, store, clock, hardware };
}

describe('an authority whose key is slow', () => {
  it('enrols many at once, each index and serial once', async () => {
    const { authority } = await slowWorld();
    const token = await newToken(authority, { usesMax: 20 });
    const requests = await Promise.all(Array.from({ length: 20 }, () => enrollmentOf(token)));
    const issued = await Promise.all(requests.map((request) => authority.enroll(request)));
    assert.equal(new Set(issued.map(({ certificate }) => certificate.serial)).size, 20);
    assert.equal(new Set(issued.map(({ certificate }) => certificate.issueIndex)).size, 20);
    await assert.rejects(authority.enroll(await enrollmentOf(token)), REFUSED);
  });

  it('refuses a ticket that was cancelled while it signed', async () => {
    const { authority, store, hardware } = await slowWorld();
    const token = await newToken(authority);
    hardware.meanwhile = () => authority.cancelTicket(ticketIdOf({ tokenHash: tokenHashOf(token) ?? '' }), 'test');
    await assert.rejects(authority.enroll(await enrollmentOf(token)), REFUSED);
    assert.deepEqual(await refusalsOf(store), ['enrolment-refused: cancelled']);
  });

  it('gives one use to one key, and sounds the alarm for the one that was overtaken (T7)', async () => {
    const { authority, store, hardware } = await slowWorld();
    const token = await newToken(authority);
    const first = await enrollmentOf(token);
    hardware.meanwhile = async () => authority.enroll(await enrollmentOf(token));
    await assert.rejects(authority.enroll(first), REFUSED);
    assert.deepEqual(await refusalsOf(store), ['ticket-alarm: spent']);
    assert.equal((await auditOf(store)).filter(({ action }) => action === 'enrolled').length, 1);
  });

  it('gives the same key one certificate, though it asked twice and was signed for twice', async () => {
    const { authority, hardware } = await slowWorld();
    const request = await enrollmentOf(await newToken(authority), newSigner());
    const [one, two] = await Promise.all([authority.enroll(request), authority.enroll(request)]);
    assert.equal(hardware.signatures, 2);
    assert.deepEqual(one.certificate.der, two.certificate.der);
  });
});

describe('an authority whose key is at hand', () => {
  it('keeps nothing of a certificate that it could not sign, and does not call that a failure of the store', async () => {
    let failures = 0;
    const memory = new MemoryAuthorityStore();
    const store: AuthorityStore = {
      transact: (work) =>
        memory.transact(work).catch((error: unknown) => {
          failures++;
          throw error;
        }),
      whyLost: () => memory.whyLost(),
      close: () => memory.close(),
    };
    const { authority, clock } = await authorityWorld({ store });
    const token = await newToken(authority);
    await authority.enroll(await enrollmentOf(await newToken(authority)));
    const before = (await auditOf(store)).length;
    clock.jump(-CLOCK_JUMP_MS_MAX - 1);
    await assert.rejects(authority.enroll(await enrollmentOf(token)), { code: 'ERR_CLOCK_JUMPED' });
    assert.equal(failures, 0);
    assert.equal((await auditOf(store)).length, before);
    clock.jump(CLOCK_JUMP_MS_MAX + 1);
    await authority.enroll(await enrollmentOf(token));
  });
});

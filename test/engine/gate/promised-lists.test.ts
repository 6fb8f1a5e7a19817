import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import type { Bytes } from '../../../src/base/bytes.ts';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { type CrlPromise, Revocations } from '../../../src/engine/gate/revocations.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { buildCrl } from '../../../src/pki/x509/crl/crl-build.ts';
import { CRL_BYTES_MAX, isSealedBy, parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { at, MeshFixture } from '../../support/mesh/mesh-fixture.ts';

const NOW = at(0).wall;

describe('a list that a peer promised', () => {
  let fixture: MeshFixture;
  let issuer: Certificate;
  let older: Bytes;
  let newer: Bytes;
  let promise: CrlPromise;
  before(async () => {
    fixture = await MeshFixture.create('promised', 'ann', 'eve');
    const { chain } = fixture.member('eve');
    issuer = chain[1] as Certificate;
    older = await fixture.authority.revoke([], NOW);
    newer = await fixture.authority.revoke([chain], (NOW + 5_000) as UnixMs);
    promise = { issuerKeyHash: issuer.keyHash, number: Number(parseCrl(newer).number) };
  });
  let revocations: Revocations;
  beforeEach(() => {
    revocations = new Revocations(fixture.authority.trust);
    revocations.learnIssuers(fixture.member('ann').chain);
  });

  /** With the issuer's name and any number, by a key of somebody's own. */
  const forged = (number: number): Promise<Bytes> =>
    buildCrl(
      { issuer, number, thisUpdate: NOW, nextUpdate: (NOW + DAY_MS) as UnixMs, entries: [] },
      softwareSigner(generatePkcs8('Ed25519')),
    );

  it('is taken', () => {
    assert.equal(revocations.install(newer, promise).tag, 'installed');
  });

  it('changes nothing where it has come another way meanwhile', () => {
    revocations.install(newer);
    assert.equal(revocations.install(newer, promise).tag, 'current');
  });

  it('is refused where it is an older one: who promises it has nothing newer', () => {
    revocations.install(older);
    assert.equal(revocations.install(older, promise).tag, 'refused');
  });

  it('is refused where somebody else signed it, also with a number that is no news', async () => {
    revocations.install(newer);
    for (const number of [1, promise.number, promise.number + 1])
      assert.equal(revocations.install(await forged(number), { ...promise, number }).tag, 'refused');
  });

  it('is not read before its signature holds', async () => {
    const list = (await forged(promise.number)).slice();
    const [anchor] = fixture.authority.trust.anchors;
    assert.equal(isSealedBy(newer, issuer, fixture.authority.trust.checkSignature), true);
    for (const [why, bytes, by] of [
      ['another key', list, issuer],
      ['another issuer', newer, anchor as Certificate],
      ['cut off', newer.slice(0, -1), issuer],
      ['no list at all', new Uint8Array(100).fill(0x30), issuer],
      ['nothing', new Uint8Array(), issuer],
      ['too long', new Uint8Array(CRL_BYTES_MAX + 1), issuer],
    ] as const)
      assert.equal(isSealedBy(bytes, by, fixture.authority.trust.checkSignature), false, why);
  });

  it('is refused where its issuer is unknown', () => {
    assert.equal(revocations.install(newer, { ...promise, issuerKeyHash: 'aa'.repeat(32) }).tag, 'refused');
  });
});

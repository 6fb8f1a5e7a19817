import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { chainFrom, PEER_CHAIN_MAX } from '../../../src/host/tls/peer-chain.ts';

/** What OpenSSL hands over of a chain of so many certificates, each issued by the next. */
function chainOf(length: number): X509Certificate {
  let certificate: Partial<X509Certificate> | undefined;
  for (let depth = length - 1; depth >= 0; depth--)
    certificate = {
      raw: Buffer.of(depth),
      issuerCertificate: certificate as X509Certificate,
      checkIssued: () => true,
    };
  return certificate as X509Certificate;
}

describe('the chain of a peer', () => {
  it('is walked so far and no further, however much was sent', () => {
    const ders = (length: number): number[] => chainFrom(chainOf(length)).map(([byte]) => byte as number);
    assert.deepEqual(ders(3), [0, 1, 2]);
    assert.deepEqual(
      ders(PEER_CHAIN_MAX),
      Array.from({ length: PEER_CHAIN_MAX }, (_, depth) => depth),
    );
    assert.equal(ders(PEER_CHAIN_MAX + 1).length, PEER_CHAIN_MAX);
  });

  it('ends where a certificate issued itself', () => {
    const root: Partial<X509Certificate> & { issuerCertificate?: X509Certificate } = {
      raw: Buffer.of(7),
      checkIssued: () => true,
    };
    root.issuerCertificate = root as X509Certificate;
    assert.equal(chainFrom(root as X509Certificate).length, 1);
  });
});

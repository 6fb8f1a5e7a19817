import assert from 'node:assert/strict';
import { encodePem } from '../../../src/codec/pem.ts';
import { generatePkcs8, softwareSigner, type SyncSigner } from '../../../src/crypto/keys/signer.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange, type Target } from '../../../src/host/http/client.ts';
import { buildCsr } from '../../../src/pki/x509/certificate/csr.ts';
import type { Member } from './hostile-link.ts';

/** A member that enrolled without the program, and so without a directory: a key, a ticket, a certificate. */
export interface EnrolledByHand extends Member {
  readonly signer: SyncSigner;
}

/** @param authorityDir of an authority that runs at `url`. */
export async function enrollByHand(authorityDir: string, url: string): Promise<EnrolledByHand> {
  const control: Target = { tag: 'socket', path: controlSocketOf(authorityDir) };
  const { ticket } = await ask<{ ticket: { token: string; trust_anchor: string; mesh: string } }>(
    control,
    '/v1/tickets',
    {},
  );
  const pkcs8 = generatePkcs8('P-256');
  const signer = softwareSigner(pkcs8);
  const csr = encodePem('CERTIFICATE REQUEST', await buildCsr(signer));
  const { token, trust_anchor, mesh } = ticket;
  const authority: Target = { tag: 'tls', endpoint: url, trustAnchors: [trust_anchor] };
  const enrolled = await ask<{ node_id: string; certificate: string }>(authority, '/v1/enroll', { token, csr });
  const { node_id: nodeId, certificate } = enrolled;
  return { nodeId, mesh, certificate, key: encodePem('PRIVATE KEY', pkcs8), signer };
}

async function ask<T>(target: Target, path: string, body: object): Promise<T> {
  const answer = await exchange(target, { method: 'POST', path, body });
  const text = new TextDecoder().decode(answer.body);
  assert.ok(answer.status < 300, text);
  return JSON.parse(text) as T;
}

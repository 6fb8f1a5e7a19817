import { HOUR_MS, SECOND_MS, toRfc3339, type UnixMs } from '../../src/base/time.ts';
import { encodePem } from '../../src/codec/pem.ts';
import { checkX509Signature } from '../../src/crypto/signatures/x509-signature.ts';
import { renderTicket } from '../../src/api/ticket.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { assembleMessage, composeMessage } from '../../src/message/message.ts';
import type { Certificate } from '../../src/pki/x509/certificate/certificate.ts';
import { buildCsr } from '../../src/pki/x509/certificate/csr.ts';
import { SeededRandom } from '../../src/sim/seeded-random.ts';
import { SimulatedAuthority, type SimulatedIdentity } from '../../src/sim/members/simulated-authority.ts';
import { INDICATOR, MESH } from './mesh/mesh-fixture.ts';
import { SEED_RECORD } from './seed-record.ts';

/** One file of each kind that `chainmail verify` knows, all of one mesh and of now. */
export interface Kit {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly token: string;
  readonly nodeId: string;
}

export function pemOf(...certificates: readonly Certificate[]): string {
  return certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
}

export async function makeVerifyKit(): Promise<Kit> {
  const now = (Math.floor(Date.now() / SECOND_MS) * SECOND_MS) as UnixMs;
  const authority = await SimulatedAuthority.create(
    MESH,
    'verify',
    new SeededRandom('verify'),
    now,
    checkX509Signature,
  );
  const node = await authority.enroll('n1', now);
  const outcast = await authority.enroll('n2', now);
  const [leaf, intermediate] = node.chain as [Certificate, Certificate];
  const message = messageOf(node, now);
  const [root] = authority.trust.anchors as [Certificate];
  const token = 'a-secret-that-is-not-shown';
  const ticket = renderTicket({
    format: 'chainmail-ticket-1',
    mesh: MESH,
    endpoint: 'https://127.0.0.1:7443',
    trust_anchor: pemOf(root),
    token,
    expires_at: toRfc3339((now + HOUR_MS) as UnixMs),
    bootstrap_peers: [],
  });
  return {
    token,
    nodeId: node.nodeId,
    files: {
      'ca.pem': pemOf(intermediate, root),
      'node.pem': pemOf(leaf, intermediate),
      'revoked.pem': pemOf(...outcast.chain),
      'crl.der': await authority.revoke([outcast.chain], now),
      'message.cose': message,
      'revoked.cose': messageOf(outcast, now),
      'message.hex': `${message.toHex()}\n`,
      'message.b64': `${message.toBase64()}\n`,
      'node.csr': encodePem('CERTIFICATE REQUEST', await buildCsr(node.signer)),
      'fleet.ticket': ticket,
      'signed.jsonl': `${JSON.stringify(SEED_RECORD)}\n`,
      'limbo.json': '{"testcases":[{"id":"rfc5280::nothing","peer_certificate":""}]}',
      'wycheproof.json':
        '{"algorithm":"HMACSHA256","testGroups":[{"type":"MacTest","tagSize":256,"tests":[{"tcId":1,"key":"00","msg":"","tag":"00"}]}]}',
    },
  };
}

function messageOf({ nodeId, signer, chain }: SimulatedIdentity, now: UnixMs): Uint8Array {
  const composed = composeMessage(MESH, {
    algorithm: signer.algorithm,
    type: parseMessageType('indicator'),
    contentType: 'application/json',
    origin: nodeId,
    incarnation: 1,
    counter: 0,
    issuedAt: now,
    expiresAt: (now + HOUR_MS) as UnixMs,
    voucherHash: (chain[0] as Certificate).fingerprint,
    payload: INDICATOR,
  });
  return assembleMessage(composed, signer.signSync(composed.toBeSigned)).bytes;
}

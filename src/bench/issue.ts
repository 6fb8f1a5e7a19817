import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../authority/authority.ts';
import { createIssuer } from '../authority/issuer.ts';
import { POLICY_DEFAULTS } from '../authority/policy.ts';
import { checkTicketWish } from '../authority/enrollment/ticket.ts';
import { HOUR_MS } from '../base/time.ts';
import { encodePem } from '../codec/pem.ts';
import { generatePkcs8, softwareSigner } from '../crypto/keys/signer.ts';
import { SqliteAuthorityStore } from '../host/sqlite/authority-store.ts';
import { systemClock } from '../host/machine/system-clock.ts';
import { systemRandom } from '../host/machine/system-random.ts';
import { buildCsr } from '../pki/x509/certificate/csr.ts';
import { type Bench, type BenchResult, type BenchScale, type Note, rateResult } from './bench.ts';
import { BenchMesh } from './bench-mesh.ts';
import { cpuMicrosOf, P256 } from './cpu.ts';

/** Requests of a round, each with a key of its own. */
const REQUESTS = 3_000;
/** Requests at a time: a fleet that is set up. They share commits. */
const UNDER_WAY = 128;
/** What is signed of a request and of a certificate is about so long. */
const SIGNED_BYTES = 450;
const MICROS_PER_SECOND = 1_000_000;

/** From a request to a certificate on the disk, with ticket, policy and audit log, as `POST /v1/enroll` has it done. */
export const ISSUE_BENCH: Bench = {
  name: 'issue',
  summary: 'certificates issued and durable, on one core, beside one P-256 verification and signature each',
  run: runIssue,
};

async function runIssue(note: Note, { items = REQUESTS, rounds }: BenchScale): Promise<readonly BenchResult[]> {
  const p256 = new P256(SIGNED_BYTES);
  const mesh = await BenchMesh.create();
  let best = Number.POSITIVE_INFINITY;
  let bestBare = Number.POSITIVE_INFINITY;
  for (let round = 1; round <= rounds; round++) {
    const bareMicros = p256.verifyMicros() + p256.signMicros();
    const micros = await measureRound(mesh, items);
    note(`issue, round ${round}: ${micros.toFixed(0)} µs of CPU a certificate, ${bareMicros.toFixed(0)} µs bare`);
    best = Math.min(best, micros);
    bestBare = Math.min(bestBare, bareMicros);
  }
  const rate = (micros: number): number => MICROS_PER_SECOND / micros;
  return [rateResult('issue', 'a second and core', rate(best), 'one P-256 verification and signature', rate(bestBare))];
}

/** @returns CPU microseconds of a certificate. Keys and requests are the nodes' work and made before. */
async function measureRound({ mesh, intermediate, root, issuer }: BenchMesh, requests: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'chainmail-bench-'));
  const store = SqliteAuthorityStore.open(join(folder, 'authority.db'), 'create');
  try {
    const authority = await Authority.open({
      issuer: createIssuer(mesh, intermediate, root, issuer),
      policy: { ...POLICY_DEFAULTS, nodesMax: 2 * requests + UNDER_WAY },
      store,
      clock: systemClock,
      random: systemRandom,
    });
    await enrollMany(authority, await makeRequests(Math.min(UNDER_WAY, requests))); // statements, hot code
    const csrs = await makeRequests(requests);
    return (await cpuMicrosOf(() => enrollMany(authority, csrs))) / requests;
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeRequests(count: number): Promise<readonly string[]> {
  const csrs: string[] = [];
  for (let i = 0; i < count; i++)
    csrs.push(encodePem('CERTIFICATE REQUEST', await buildCsr(softwareSigner(generatePkcs8('P-256')))));
  return csrs;
}

/** One ticket for the whole fleet; every certificate is on the disk when this resolves. */
async function enrollMany(authority: Authority, csrs: readonly string[]): Promise<void> {
  const wish = { nodeId: undefined, rebind: false, roles: [], lifeMs: HOUR_MS, usesMax: csrs.length };
  const { token } = await authority.createTicket(checkTicketWish(wish), 'bench');
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let csr = csrs[next++]; csr !== undefined; csr = csrs[next++])
      await authority.enroll({ token, csr, nodeId: undefined, attestation: undefined, from: '192.0.2.1' });
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, worker));
}

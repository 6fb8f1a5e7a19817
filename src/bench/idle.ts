import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { enrollResponseSchema } from '../api/enrollment.ts';
import { parseTicket, type Ticket } from '../api/ticket.ts';
import { encodePem } from '../codec/pem.ts';
import { generatePkcs8, softwareSigner } from '../crypto/keys/signer.ts';
import { checkX509Signature } from '../crypto/signatures/x509-signature.ts';
import { GOSSIP_DEFAULTS } from '../engine/gossip/gossip.ts';
import { callJson } from '../host/http/call.ts';
import { parseMeshName } from '../identity/mesh-name.ts';
import { parseNodeId } from '../identity/node-id.ts';
import { parseAddress } from '../message/payloads/address.ts';
import { type Certificate, parseCertificatesPem } from '../pki/x509/certificate/certificate.ts';
import { buildCsr } from '../pki/x509/certificate/csr.ts';
import { authorityNames } from '../pki/mesh/mesh-names.ts';
import { MemoryNodeStore } from '../sim/members/memory-node-store.ts';
import { type Bench, type BenchResult, type BenchScale, costResult, type Note } from './bench.ts';
import type { BenchMember, BenchMesh } from './bench-mesh.ts';
import { BenchNode } from './bench-node.ts';
import { BuiltProgram } from './built-program.ts';
import { requireProcessStatus, residentMiB, wakeUps } from './process-status.ts';

/** As many as a node holds: it dials 4, the other 8 dial it. */
const LINKS = 12;
const LINKS_DIALLED = 4;
/** Watched for so long, after as long a time in which pulls slow down to one in half a minute. */
const WATCH_S = 60;
const WAKE_UPS_REACH = 1;

/** The peers have this one link; with {@link LINKS} each, they would choose it in one round of four. */
const PEER_GOSSIP = { pullMsMax: (GOSSIP_DEFAULTS.pullMsMax * LINKS) / GOSSIP_DEFAULTS.fanout };

/** What a node costs that has nothing to do: the command of the field, as a process, with peers that have nothing to say. */
export const IDLE_BENCH: Bench = {
  name: 'idle',
  summary: 'memory and wake-ups of a node with 12 links and no traffic, beside bare node (takes two minutes)',
  run: runIdle,
};

async function runIdle(note: Note, { items: watchS = WATCH_S }: BenchScale): Promise<readonly BenchResult[]> {
  requireProcessStatus();
  note('idle: building the program, enrolling a node and its peers');
  const program = await BuiltProgram.make();
  const peers: BenchNode[] = [];
  try {
    const enrolled = await makeMesh(program);
    for (const member of enrolled.members)
      peers.push(await BenchNode.start(enrolled, member, new MemoryNodeStore(), { gossip: PEER_GOSSIP }));
    const dialled = peers.slice(0, LINKS_DIALLED).flatMap(({ port }) => ['--peer', port.address]);
    const { pid, ready } = await program.start(...nodeRun(enrolled.nodeDirectory), ...dialled);
    const candidate = {
      address: parseAddress(String(ready['address'])),
      source: 'bootstrap' as const,
      nodeId: parseNodeId(String(ready['node_id'])),
    };
    for (const { host } of peers.slice(LINKS_DIALLED)) host.handleCandidate(candidate);
    await Promise.all(peers.map((peer) => peer.untilLinks(1)));
    const bare = await program.startBare();
    note(`idle: ${LINKS} links are up; quiet for ${watchS} s, then watched for ${watchS} s`);
    await pause(watchS * 1_000);
    const [before, from] = [wakeUps(pid), performance.now()];
    await pause(watchS * 1_000);
    const aSecond = (1_000 * (wakeUps(pid) - before)) / (performance.now() - from);
    const [ours, theirs] = [residentMiB(pid), residentMiB(bare)];
    note(`idle: ${(ours - theirs).toFixed(1)} MiB more than bare node`);
    return [
      costResult('memory', 'MiB', ours, 'bare node', theirs),
      costResult('wakeups', 'a second', aSecond, 'what is asked', WAKE_UPS_REACH),
    ];
  } finally {
    for (const peer of peers) peer.stop();
    await program.remove();
  }
}

function nodeRun(directory: string): readonly string[] {
  const logLevel = ['--log-level', 'error'];
  return ['node', 'run', '--dir', directory, '--listen', '127.0.0.1:0', '--no-multicast', '--json', ...logLevel];
}

interface EnrolledMesh extends Pick<BenchMesh, 'mesh' | 'trust'> {
  readonly nodeDirectory: string;
  readonly members: readonly BenchMember[];
}

/** An authority that runs, one node enrolled by the command of the field, and so many in this process. */
async function makeMesh(program: BuiltProgram): Promise<EnrolledMesh> {
  const authority = join(program.folder, 'authority');
  const nodeDirectory = join(program.folder, 'node');
  const passphrase = join(program.folder, 'passphrase');
  const ticketFile = join(program.folder, 'ticket');
  writeFileSync(passphrase, 'bench\n', { mode: 0o600 });
  const withPassphrase = ['--passphrase-file', passphrase];
  await program.run('authority', 'init', '--dir', authority, '--mesh', 'bench', ...withPassphrase);
  await program.start(
    'authority',
    'run',
    '--json',
    '--dir',
    authority,
    '--listen',
    '127.0.0.1:0',
    '--log-level',
    'error',
    ...withPassphrase,
  );
  await program.run('ticket', 'create', '--dir', authority, '--uses', String(1 + LINKS), '--out', ticketFile);
  await program.run('node', 'enroll', '--dir', nodeDirectory, '--ticket', ticketFile, ...withPassphrase);
  writeFileSync(join(nodeDirectory, 'passphrase'), 'bench\n', { mode: 0o600 });
  const ticket = parseTicket(readFileSync(ticketFile, 'utf8'));
  const members: BenchMember[] = [];
  for (let i = 0; i < LINKS; i++) members.push(await enroll(ticket));
  const mesh = parseMeshName(ticket.mesh);
  const [root] = parseCertificatesPem(ticket.trust_anchor);
  const trust = { mesh, anchors: [root as Certificate], checkSignature: checkX509Signature };
  return { mesh, trust, nodeDirectory, members };
}

async function enroll(ticket: Ticket): Promise<BenchMember> {
  const pkcs8 = generatePkcs8('P-256');
  const signer = softwareSigner(pkcs8);
  const csr = encodePem('CERTIFICATE REQUEST', await buildCsr(signer));
  const { node_id, certificate } = await callJson(
    {
      tag: 'tls',
      endpoint: ticket.endpoint,
      trustAnchors: [ticket.trust_anchor],
      serverName: authorityNames(parseMeshName(ticket.mesh)).dns,
    },
    enrollResponseSchema,
    { method: 'POST', path: '/v1/enroll', body: { token: ticket.token, csr } },
  );
  const [leaf, intermediate] = parseCertificatesPem(certificate) as [Certificate, Certificate];
  const tls = { certificate, key: encodePem('PRIVATE KEY', pkcs8), trustAnchors: [ticket.trust_anchor] };
  return { nodeId: parseNodeId(node_id), signer, chain: [leaf, intermediate], tls };
}

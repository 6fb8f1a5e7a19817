import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { utf8 } from '../base/bytes.ts';
import { isMeshError } from '../base/errors.ts';
import { HOUR_MS } from '../base/time.ts';
import { SqliteNodeStore } from '../host/sqlite/node-store.ts';
import { parseMessageType } from '../message/family.ts';
import { type Bench, type BenchResult, type BenchScale, costResult, type Note } from './bench.ts';
import { BenchMesh } from './bench-mesh.ts';
import { BenchNode } from './bench-node.ts';
import { cpuMicrosOf, P256 } from './cpu.ts';

const NODES = 10;
/** Every node has at least so many links before anything is measured. */
const LINKS_MIN = 4;
/** Messages in a round, of all nodes together: 9 deliveries each. */
const MESSAGES = 5_000;
/** Messages that each node's program waits for at a time: a busy mesh, in which commits and writes are shared. */
const UNDER_WAY = 16;
/** What is signed of an indicator is about so long. */
const SIGNED_BYTES = 350;
const RETRY_MS = 20;

/** CPU of a delivery of a signed message: TLS links on loopback, SQLite on disk, the gate and pulls as in the field. */
export const GOSSIP_BENCH: Bench = {
  name: 'gossip',
  summary: 'CPU of each signed message delivered among 10 nodes, durable, beside one P-256 verification',
  run: runGossip,
};

async function runGossip(note: Note, { items = MESSAGES, rounds }: BenchScale): Promise<readonly BenchResult[]> {
  const p256 = new P256(SIGNED_BYTES);
  const mesh = await BenchMesh.create();
  const best = { single: Number.POSITIVE_INFINITY, batch: Number.POSITIVE_INFINITY };
  let verify = Number.POSITIVE_INFINITY;
  for (let round = 1; round <= rounds; round++)
    for (const name of ['single', 'batch'] as const) {
      verify = Math.min(verify, p256.verifyMicros());
      const each = await measureRound(mesh, items, name === 'batch');
      verify = Math.min(verify, p256.verifyMicros());
      note(`gossip ${name}, round ${round}: ${each.toFixed(1)} µs a delivery, ${verify.toFixed(1)} µs a verification`);
      best[name] = Math.min(best[name], each);
    }
  return (['single', 'batch'] as const).map((name) =>
    costResult(name, 'us of CPU a delivery', best[name], 'one P-256 verification', verify),
  );
}

/** @returns CPU microseconds of a delivery, everything included that led to it. */
async function measureRound(mesh: BenchMesh, messages: number, batches: boolean): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'chainmail-bench-'));
  const nodes: BenchNode[] = [];
  const stores: SqliteNodeStore[] = [];
  try {
    for (const [i, member] of (await mesh.members(NODES)).entries()) {
      const store = SqliteNodeStore.open(join(folder, `${i}.db`), { mesh: mesh.mesh, nodeId: member.nodeId });
      stores.push(store);
      nodes.push(await BenchNode.start(mesh, member, store, { batches }));
    }
    for (const node of nodes) node.meet(nodes);
    await Promise.all(nodes.map((node) => node.untilLinks(LINKS_MIN)));
    await spread(nodes, 2 * NODES); // first of all: chains are judged, statements compiled
    const each = Math.ceil(messages / NODES);
    return (await cpuMicrosOf(() => spread(nodes, each * NODES))) / (each * NODES * (NODES - 1));
  } finally {
    for (const node of nodes) node.stop();
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Publishes so many messages, the same number by each node. Resolves when every node has all of them. */
async function spread(nodes: readonly BenchNode[], messages: number): Promise<void> {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  let missing = messages * nodes.length;
  const ends = nodes.map(({ host }) =>
    host.onEvent((event) => {
      if (event.tag === 'message' && --missing === 0) resolve();
    }),
  );
  await Promise.all(nodes.map((node) => publishMany(node, messages / nodes.length)));
  await arrived;
  for (const end of ends) end();
}

/** Programs that each wait for the disk before they say the next. */
async function publishMany({ host }: BenchNode, count: number): Promise<void> {
  const type = parseMessageType('indicator');
  const payload = utf8(JSON.stringify({ kind: 'hash', value: 'c0ffee'.repeat(8), risk: 50 }));
  let left = count;
  const program = async (): Promise<void> => {
    while (left > 0) {
      left--;
      while (!(await tryPublish())) await pause(RETRY_MS);
    }
  };
  const tryPublish = async (): Promise<boolean> => {
    try {
      await host.publish({ type, payload, ttlMs: HOUR_MS });
      return true;
    } catch (error) {
      if (!isMeshError(error) || error.code !== 'ERR_MESSAGE_OVER_BUDGET') throw error;
      return false; // more was asked for than one author may say
    }
  };
  await Promise.all(Array.from({ length: Math.min(UNDER_WAY, count) }, program));
}

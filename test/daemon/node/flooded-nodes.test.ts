import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { openExchange } from '../../../src/host/http/client.ts';
import { suiteAuthority } from '../../support/processes/authority-process.ts';
import type { FloodOrders, FloodReport } from '../../support/processes/flooding-member.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';

/** What the hostile process writes a second (issue 4: T3 with real processes). */
const FRAMES_PER_SECOND = 20_000;
/** Honest messages in quiet, and as many under the flood. */
const MESSAGES = Number(process.env['CHAINMAIL_FLOOD_MESSAGES'] ?? 40);
const PAUSE_MS = 100;
const DELIVERED_SHARE_MIN = 0.99;

const { folder, authorityDir } = suiteAuthority();

/** The keys of a node that was enrolled and does not run, for a process that breaks rules with them. */
async function ordersFor(rogue: NodeProcess, targets: readonly NodeProcess[]): Promise<FloodOrders> {
  const { nodeId, tls } = await rogue.identity();
  return {
    mesh: 'depot',
    nodeId,
    certificatePem: tls.certificate,
    keyPem: tls.key,
    addresses: targets.map(({ ready }) => ready.address),
    framesPerSecond: FRAMES_PER_SECOND,
  };
}

function startFlood(t: TestContext, orders: FloodOrders): ChildProcess {
  const child = fork(new URL('../../support/processes/flooding-member.ts', import.meta.url), { stdio: 'inherit' });
  t.after(() => child.kill('SIGKILL'));
  child.send(orders);
  return child;
}

/** Hears what a node tells its programs, from now on. */
class Ear {
  readonly #heard = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  static async open(t: TestContext, node: NodeProcess): Promise<Ear> {
    const at = { tag: 'socket', path: controlSocketOf(node.dir) } as const;
    const stream = await openExchange(at, { method: 'GET', path: '/v1/events' });
    t.after(() => stream.destroy());
    const ear = new Ear();
    void ear.#listen(stream);
    return ear;
  }

  async untilHeard(id: string): Promise<void> {
    if (!this.#heard.has(id)) await new Promise<void>((resolve) => this.#waiting.set(id, resolve));
  }

  async #listen(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const bytes of stream) {
        text += decoder.decode(bytes, { stream: true });
        const lines = text.split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) this.#hear(/"message_id":"([^"]+)"/.exec(line)?.[1]);
      }
    } catch {
      // the test is over
    }
  }

  #hear(id: string | undefined): void {
    if (id === undefined) return;
    this.#heard.add(id);
    this.#waiting.get(id)?.();
  }
}

interface Measured {
  readonly delivered: number;
  readonly medianMs: number;
}

/** One publishes, the others must hear of it. */
async function measure(from: NodeProcess, to: readonly Ear[], label: string): Promise<Measured> {
  const spans: number[] = [];
  let delivered = 0;
  for (let i = 0; i < MESSAGES; i++) {
    const startedAt = performance.now();
    const { status, json } = await from.publish(`${label} ${i}`);
    assert.equal(status, 201, JSON.stringify(json));
    const id = String(json['message_id']);
    await Promise.all(to.map((ear) => ear.untilHeard(id)));
    delivered += to.length;
    spans.push(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return { delivered, medianMs: spans.toSorted((a, b) => a - b)[Math.floor(spans.length / 2)] as number };
}

describe('nodes with a neighbour that floods them', () => {
  it('take what others say as before (T3)', async (t) => {
    const names = ['a', 'b', 'c', 'rogue'];
    const [a, b, c, rogue] = await Promise.all(names.map((name) => NodeProcess.enroll(folder, name, authorityDir)));
    assert.ok(a !== undefined && b !== undefined && c !== undefined && rogue !== undefined);
    t.after(() => Promise.all([a, b, c].map((node) => node.end('SIGKILL'))));
    for (const node of [a, b, c]) await node.run();
    await Promise.all([b.linkedWith(a), c.linkedWith(a, b)]);

    const ears = await Promise.all([b, c].map((node) => Ear.open(t, node)));
    const quiet = await measure(a, ears, 'in quiet');
    const flood = startFlood(t, await ordersFor(rogue, [a, b, c]));
    await a.linkedWith({ nodeId: (await ordersFor(rogue, [])).nodeId });
    const flooded = await measure(a, ears, 'under the flood');
    flood.send('stop');
    const [report] = (await once(flood, 'message')) as [FloodReport];

    const { json } = await b.ask({ method: 'GET', path: '/v1/status' });
    t.diagnostic(
      `${Math.round(report.framesSent / report.seconds)} frames a second for ${Math.round(report.seconds)} s; median to the last of 2 nodes ${quiet.medianMs.toFixed(1)} ms in quiet, ${flooded.medianMs.toFixed(1)} ms under the flood (${(flooded.medianMs / quiet.medianMs).toFixed(2)} times); dropped at b: ${JSON.stringify((json['counters'] as Record<string, unknown>)['dropped'])}`,
    );
    assert.ok(flooded.delivered / (2 * MESSAGES) >= DELIVERED_SHARE_MIN);
    assert.ok(report.framesSent > 0);
    assert.equal(report.linksEnded, 0, 'nobody is put out for being loud');
    await Promise.all([b.linkedWith(a), c.linkedWith(a, b)]);
  });
});

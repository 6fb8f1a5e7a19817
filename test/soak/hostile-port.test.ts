import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { concatBytes } from '../../src/base/bytes.ts';
import { type HelloFrame, LINK_VERSION } from '../../src/engine/links/frame.ts';
import { encodeFrame } from '../../src/engine/links/frame-codec.ts';
import { systemRandom } from '../../src/host/machine/system-random.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { signed } from '../http/node/support.ts';
import { suiteAuthority } from '../support/processes/authority-process.ts';
import { NodeProcess } from '../support/processes/node-process.ts';
import { rawTcp, RawTls } from '../support/raw-tls.ts';

/** Hostile connections in all, and how many of them stand at a time. */
const ATTACKS = 10_000;
const AT_A_TIME = 32;
/** Growth of memory that is not counted as a leak: heap that was not collected yet. */
const GROWTH_MIB_MAX = 48;

const { folder, authorityDir } = suiteAuthority();

function residentMiB(node: NodeProcess): number {
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

describe('ten thousand hostile inputs at one port', () => {
  it('honest traffic goes on, memory stays flat', async (t) => {
    const [a, b, rogue] = await Promise.all(
      ['a', 'b', 'rogue'].map((name) => NodeProcess.enroll(folder, name, authorityDir)),
    );
    assert.ok(a !== undefined && b !== undefined && rogue !== undefined);
    t.after(() => Promise.all([a.end('SIGKILL'), b.end('SIGKILL')]));
    await a.run();
    await b.run();
    await b.linkedWith(a);

    const member = await rogue.identity();
    const hello: HelloFrame = {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: parseMeshName('depot'),
      nodeId: member.nodeId,
      software: 'rogue',
      addresses: [],
      crls: [],
      heldIncarnation: 0,
      windowBytes: 1_000_000,
    };
    const forged = (await signed({ mesh: hello.mesh }, member)).bytes;

    const { address } = a.ready;
    const end = async (socket: Socket): Promise<void> => {
      socket.resume();
      if (!socket.destroyed) await once(socket, 'close');
    };
    const attacks: readonly (() => Promise<void>)[] = [
      async () => {
        const socket = await rawTcp(address);
        socket.end(systemRandom.bytes(1 + systemRandom.below(4_000)));
        await end(socket);
      },
      async () => {
        const socket = await rawTcp(address); // half-open: the port ends it when it needs the place
        setTimeout(() => socket.destroy(), 200).unref();
        await end(socket);
      },
      async () => {
        const socket = await rawTcp(address);
        socket.write(Uint8Array.of(22, 3, 1, 2, 0, 1, 0)); // the head of a ClientHello, and no more
        setTimeout(() => socket.destroy(), 200).unref();
        await end(socket);
      },
      async () => void (await new RawTls(address, undefined).untilClosed()),
      async () => {
        const connection = new RawTls(address, member.tls);
        connection.socket.write(concatBytes(encodeFrame(hello), systemRandom.bytes(500)));
        await connection.untilClosed();
      },
      async () => {
        const connection = new RawTls(address, member.tls);
        const bad = forged.with(forged.length - 1 - systemRandom.below(64), systemRandom.below(256));
        connection.socket.write(
          concatBytes(
            encodeFrame(hello),
            ...Array.from({ length: 20 }, () => encodeFrame({ tag: 'message', bytes: bad })),
          ),
        );
        setTimeout(() => connection.socket.destroy(), 100).unref();
        await connection.untilClosed();
      },
    ];

    let done = 0;
    let slowestMs = 0;
    const said = new Set<string>();
    const settledMiB: number[] = [];
    const attackers = Array.from({ length: AT_A_TIME }, async () => {
      while (done < ATTACKS) await (attacks[done++ % attacks.length] as () => Promise<void>)();
    });
    const honest = (async () => {
      while (done < ATTACKS) {
        const startedAt = performance.now();
        const { status, json } = await a.publish(`while under attack ${done}`);
        assert.equal(status, 201, JSON.stringify(json));
        const id = String(json['message_id']);
        said.add(id);
        await b.untilListed(new Set([id]));
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
        if (done > ATTACKS / 5) settledMiB.push(residentMiB(a));
      }
    })();
    await Promise.all([...attackers, honest]);
    const [first = 0, last = 0] = [settledMiB[0], settledMiB.at(-1)];
    t.diagnostic(
      `${said.size} honest messages, the slowest took ${Math.round(slowestMs)} ms; memory ${Math.round(first)} to ${Math.round(last)} MiB`,
    );
    assert.ok(last - first < GROWTH_MIB_MAX, `memory grew from ${first} to ${last} MiB`);
    assert.ok(said.isSubsetOf(await b.listed()));
    await a.linkedWith(b);
  });
});

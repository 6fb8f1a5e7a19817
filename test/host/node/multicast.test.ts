import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import type { MonotonicMs } from '../../../src/base/time.ts';
import {
  HEARD_MAX,
  HEARD_RATE,
  Multicast,
  MULTICAST_GROUP,
  type MulticastOptions,
} from '../../../src/host/node/multicast.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { announcementTag, encodeAnnouncement } from '../../../src/message/announcement.ts';

const MESH = parseMeshName('depot');
const LOOPBACK = '127.0.0.1';

/** Whether this machine passes multicast on its loopback at all; some containers do not. */
async function loopbackCarriesMulticast(port: number): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    socket.bind({ port, address: MULTICAST_GROUP });
    await once(socket, 'listening');
    socket.addMembership(MULTICAST_GROUP, LOOPBACK);
    socket.setMulticastInterface(LOOPBACK);
    socket.send('ping', port, MULTICAST_GROUP);
    await once(socket, 'message', { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

const PORT = 20_000 + (process.pid % 20_000);
const skip = !(await loopbackCarriesMulticast(PORT)) && 'no multicast on loopback here';

/** What a node hears, and how to wait for it. */
async function announcer(t: TestContext, name: string, port: number, options: Partial<MulticastOptions> = {}) {
  const heard: string[] = [];
  let wake = (): void => {};
  const multicast = await Multicast.open({
    announcement: { tag: announcementTag(MESH, parseNodeId(name)), port },
    interfaces: [LOOPBACK],
    clock: systemClock,
    random: systemRandom,
    onHeard: (address) => {
      heard.push(address);
      wake();
    },
    onTrouble: (error) => {
      throw error as Error;
    },
    port: PORT,
    ...options,
  });
  t.after(() => multicast.close());
  const until = async (count: number): Promise<readonly string[]> => {
    while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return heard;
  };
  return { heard, until };
}

/** Sends datagrams to all who listen, from a socket of its own. */
async function stranger(t: TestContext): Promise<(datagram: Uint8Array) => Promise<void>> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind({ address: LOOPBACK });
  await once(socket, 'listening');
  socket.setMulticastInterface(LOOPBACK);
  return (datagram) => new Promise((resolve) => socket.send(datagram, PORT, MULTICAST_GROUP, () => resolve()));
}

describe('multicast', { skip }, () => {
  it('S2.13: two nodes on one network hear of each other, whoever was first, and not of themselves', async (t) => {
    const first = await announcer(t, 'n1', 4_001);
    const second = await announcer(t, 'n2', 4_002);
    assert.deepEqual(await first.until(1), [`${LOOPBACK}:4002`]);
    assert.deepEqual(await second.until(1), [`${LOOPBACK}:4001`]);
  });

  it('passes over what is malformed, and tells a place once however often it is announced', async (t) => {
    const node = await announcer(t, 'n3', 4_003);
    const send = await stranger(t);
    const tag = announcementTag(MESH, parseNodeId('n4'));
    for (const junk of [Uint8Array.of(), new Uint8Array(15), new Uint8Array(1_400).fill(0x43)]) await send(junk);
    for (let time = 0; time < 5; time++) await send(encodeAnnouncement({ tag, port: 4_004 }));
    await send(encodeAnnouncement({ tag, port: 4_005 }));
    assert.deepEqual(await node.until(2), [`${LOOPBACK}:4004`, `${LOOPBACK}:4005`]);
  });

  it('T4: a flood of announcements is looked at only so far', async (t) => {
    const frozen = { ...systemClock, monotonic: () => 0 as MonotonicMs };
    const node = await announcer(t, 'n6', 4_006, { clock: frozen });
    const send = await stranger(t);
    for (let n = 0; n < 2 * HEARD_RATE.burstTokens; n++)
      await send(encodeAnnouncement({ tag: new Uint8Array(8).fill(n & 0xff), port: 5_000 + n }));
    await node.until(HEARD_RATE.burstTokens - 10);
    assert.ok(node.heard.length <= HEARD_RATE.burstTokens, `${node.heard.length} places told`);
  });

  it('T4: a flood of other datagrams keeps no announcement from being heard', async (t) => {
    const frozen = { ...systemClock, monotonic: () => 0 as MonotonicMs };
    const node = await announcer(t, 'n9', 4_009, { clock: frozen });
    const send = await stranger(t);
    for (let n = 0; n < 2 * HEARD_RATE.burstTokens; n++) await send(new Uint8Array(60).fill(n));
    const tag = announcementTag(MESH, parseNodeId('n10'));
    await send(encodeAnnouncement({ tag, port: 4_010 }));
    assert.deepEqual(await node.until(1), [`${LOOPBACK}:4010`]);
  });

  it('T17: remembers so many places, and tells the one forgotten again', async (t) => {
    let nowMs = 0;
    const patient = { ...systemClock, monotonic: () => (nowMs += 100) as MonotonicMs };
    const node = await announcer(t, 'n7', 4_007, { clock: patient });
    const send = await stranger(t);
    const tag = announcementTag(MESH, parseNodeId('n8'));
    const announce = (port: number): Promise<void> => send(encodeAnnouncement({ tag, port }));
    for (let n = 0; n <= HEARD_MAX; n++) {
      await announce(5_000 + n);
      await node.until(n + 1);
    }
    await announce(5_000 + HEARD_MAX); // known: passed over
    await announce(5_000); // forgotten
    assert.equal((await node.until(HEARD_MAX + 2)).at(-1), `${LOOPBACK}:5000`);
  });
});
